"""The wire, pure: SMPP 3.3, 3.4 and 5.0 as functions and small structures over octets.

Nothing in this package does I/O, reads a clock or draws randomness; time is passed in.
Start at ``pdu`` (the hot views and builders), ``codec`` (every other PDU) and ``session``
(who may send what, when).
"""
