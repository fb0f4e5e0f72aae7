"""All of Redis: what must be atomic, and nothing else.

Start with ``connection.Store`` (one Redis, all partitions), then one class a journey: ``admission``,
``settlement``, ``correlation``, ``outbound``, and ``streams`` for reading. ``held``, ``recipients``,
``long`` and ``state`` serve the rest. Every hot call goes through ``commit.GroupCommit``. Key names are
in ``keys``, scripts in ``scripts/*.lua``. This room decides nothing that need not be atomic.
"""
