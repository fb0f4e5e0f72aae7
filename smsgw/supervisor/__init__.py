"""Several gateway processes on one machine: started, watched, restarted and asked as if they were one.

The supervisor carries no message. It knows configuration, logs, the embedded Redis and processes; never an edge or a
journey. A worker is an ordinary gateway process that was told its name, its role and what it shares (``errand``).
"""
