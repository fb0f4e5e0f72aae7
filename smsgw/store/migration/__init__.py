"""Moving a whole store: to another number of partitions, to another Redis, or both; while no process of the fleet runs.

Owns what becomes of every kind of key (``kinds``), and that nothing is lost on the way: the old store is only read, the
new one must be empty, bears a mark until all of it was counted, and is refused by everybody meanwhile.
"""
