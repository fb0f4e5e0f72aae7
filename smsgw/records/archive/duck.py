"""DuckDB as the archive uses it: in this process, over files, with bounds on threads and memory, and no network.

Owns: the settings of a connection, and the words of SQL that name files. A connection belongs to one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

THREADS = 2
MEMORY = "1GB"
SPILL = "spill"
"""In the archive's directory."""


def connection(spill: Path, threads: int = THREADS, memory: str = MEMORY) -> Any:
    """A new database in memory. ``spill``: a directory for what does not fit; made when it is needed."""
    config: dict[str, Any] = {
        "threads": threads, "memory_limit": memory, "autoinstall_known_extensions": False,
        "autoload_known_extensions": False, "temp_directory": str(spill),
    }  # fmt: skip
    found = duckdb.connect(":memory:", config=config)
    found.execute("SET enable_progress_bar = false")
    return found


def files(paths: Iterable[Path]) -> str:
    """A table of all rows of these files, at least one; of columns that an old file has not got they are NULL."""
    listed = ", ".join(text(str(path)) for path in paths)
    return f"read_parquet([{listed}], union_by_name = true)"


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"
