"""The archive: records as Parquet, hour by hour, with a chain of digests, queried with DuckDB.

Owns: everything below ``<records>/archive``. One process at a time writes it (``keeper``), never a gateway; anybody
reads (``reading``). Only these modules load pyarrow and duckdb, 70 MB of memory, so nothing that a gateway imports may
import them. Never talks to Redis, and knows keys, prices and departments only as they are handed in (``Knowledge``).
"""
