"""What must have happened: expectations about entries, and the report of what was found.

``selection`` says which entries are meant, ``model`` what must be true of them (a table ``[[expect]]`` of a
scenario), ``evaluate`` looks, ``report`` tells it in words, JSON and JUnit. Pure: it is handed entries
(``simulators.entry``) and knows nothing of who made them.
"""
