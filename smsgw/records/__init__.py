"""Records: one row for every step of every message, in files of this node.

Owns: the rows' meaning (``record``), the octets of a file (``frames``), writing (``log``), reading (``query``), and
what becomes of them later (``archive``), asked as one by ``history``. Holds content and full numbers only sealed;
never talks to Redis or to another room.
"""
