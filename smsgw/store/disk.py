"""The disk under Redis: whether what it was told is on it, and whether it has room for a server to start.

A Redis that can't write its append-only file still answers questions, and refuses every change or, with
``appendfsync always``, ends. Nobody may take it for healthy.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from smsgw.errors import StoreAway
from smsgw.store.connection import Store
from smsgw.store.wire import StoreBusy

LEAST_FREE_OCTETS: Final = 4 << 20
"""Below this a server would end again at one of its first writes."""


async def refuse_unwritten(store: Store) -> None:
    """Raise StoreBusy when one of the servers could not write its append-only file; StoreError as usual."""
    for partition in range(store.partitions):
        reply: bytes = await store.command(partition, "INFO", "persistence")
        if b"\r\naof_last_write_status:err" in reply:
            raise StoreBusy("MISCONF", "Redis can't write its append-only file: make room on its disk")


def refuse_full(directory: Path) -> None:
    """Raise StoreAway when the disk of ``directory`` has no room for a server's file to grow."""
    free = shutil.disk_usage(directory).free
    if free < LEAST_FREE_OCTETS:
        raise StoreAway(
            f"no room on the disk of {directory}: {free} octets free, {LEAST_FREE_OCTETS} are needed; make room"
        )
