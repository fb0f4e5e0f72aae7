"""Records in ClickHouse: sent there piece by piece by the archive's keeper, and asked there.

Owns: the tables, what is in them, and SQL that servers of 2018 and of today understand alike. Spoken over plain HTTP.
The archive of each machine stays what proves, purges and erases: what is here can be sent again from it.

Invariants: a piece counts when the ledger says so (``ledger``), so half of one never does; numbers are keyed hashes and
masks, messages are sealed one by one; no secret and no number is in a URL or an error.
"""
