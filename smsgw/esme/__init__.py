"""The ESME edge: listener, authentication and sessions of applications. We are the SMSC here.

Decides who may bind and what a session may do; what happens to a message is the gateway's.
Never touches Redis, carriers or configuration files.
"""
