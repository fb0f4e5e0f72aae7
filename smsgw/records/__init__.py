"""Records: one row for every step of every message, in files of this node.

Owns: the rows' meaning (``record``), the octets of a file (``frames``), writing (``log``) and
reading (``query``). Never holds content or a full number; never talks to Redis or to another room.
"""
