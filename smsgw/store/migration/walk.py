"""Reading a whole store: which servers it has, every key of each, and what stands in the small ones.

Reads only. Memory is bounded by pages. What can go wrong: keys that are none of ours, which ``stray`` counts; a key of
a partition that the store should not have, or of an unknown kind (StoreRefused: it can't be left behind unseen).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Any, Final

from smsgw.errors import StoreAway, StoreRefused
from smsgw.store import keys
from smsgw.store.channel import Arg
from smsgw.store.connection import Store
from smsgw.store.migration.kinds import kind_of
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

AT_ONCE: Final = 1_000
PATIENCE_S: Final = 60.0
"""So long a server may be away without ending a migration."""
AGAIN_S: Final = 0.2
_TAG_OCTETS: Final = 5


class OldStore(Store):
    """The one that is read: what is lost with a connection is asked for again, for nothing is changed by that."""

    patience_s = 0.0
    """For how long; ``PATIENCE_S`` once it has answered."""

    async def command(self, partition: int, *command: Arg) -> Any:
        """As that of every store, but more patient."""
        give_up_at = monotonic() + self.patience_s
        while True:
            try:
                return await super().command(partition, *command)
            except StoreAway:
                if monotonic() > give_up_at:
                    raise
                await asyncio.sleep(AGAIN_S)

    async def ready(self) -> None:
        """As that of every store; from then on it is patient."""
        await super().ready()
        self.patience_s = PATIENCE_S


class Keys:
    """All keys of a store, by partition. ``stray``: keys that nobody here has written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.stray = 0

    async def pages(self) -> AsyncIterator[tuple[int, list[bytes]]]:
        """(partition, what follows the tag in its keys…); a key may come twice. Raises StoreError."""
        for partition in await one_of_each_server(self._store):
            cursor = b"0"
            while True:
                cursor, found = await self._store.command(partition, "SCAN", cursor, "COUNT", AT_ONCE)
                for number, rests in self._sorted(found).items():
                    yield number, rests
                if cursor == b"0":
                    break

    def _sorted(self, found: Sequence[bytes]) -> dict[int, list[bytes]]:
        pages: dict[int, list[bytes]] = {}
        for key in found:
            try:
                number = keys.partition_of_key(key[:_TAG_OCTETS].decode("ascii", "replace"))
            except ValueError:
                self.stray += 1
                continue
            rest = key[_TAG_OCTETS:]
            if number >= self._store.partitions:
                raise StoreRefused(f"{shown(key)} is of a partition that a store of {self._store.partitions} has not")
            if not kind_of(rest):
                raise StoreRefused(f"{shown(key)} is of a kind that is not known here: use the smsgw that wrote it")
            pages.setdefault(number, []).append(rest)
        return pages


async def one_of_each_server(store: Store) -> list[int]:
    """A partition of each server. Raises StoreError."""
    found: dict[bytes, int] = {}
    for partition in range(store.partitions):
        info: bytes = await store.command(partition, "INFO", "server")
        life = next((line for line in info.splitlines() if line.startswith(b"run_id:")), b"")
        found.setdefault(life, partition)
    return list(found.values())


async def size(store: Store) -> int:
    """How many keys its servers have, ours or not. Raises StoreError."""
    return sum([int(await store.command(partition, "DBSIZE")) for partition in await one_of_each_server(store)])


async def fetch(store: Store, partition: int, rests: Sequence[bytes]) -> list[Any]:
    """Small keys, as ``scripts/fetch.lua`` gives them; 0 for those that are gone. Raises StoreError."""
    found: list[Any] = from_script(await store.evaluate(partition, script("fetch"), to_script(list(rests))))
    for row in found:
        if row and row[1] == 0:
            row[1] = 1  # less than a millisecond is left, which is not the same as no end
    return found


async def fields(store: Store, partition: int, rest: bytes) -> AsyncIterator[list[tuple[bytes, bytes]]]:
    """A hash of any size; a field may come twice. Raises StoreError."""
    async for page in _scanned(store, "HSCAN", partition, rest):
        yield page


async def members(store: Store, partition: int, rest: bytes) -> AsyncIterator[list[tuple[bytes, bytes]]]:
    """A sorted set of any size, members with their scores; one may come twice. Raises StoreError."""
    async for page in _scanned(store, "ZSCAN", partition, rest):
        yield page


async def _scanned(store: Store, command: str, partition: int, rest: bytes) -> AsyncIterator[list[tuple[bytes, bytes]]]:
    cursor = b"0"
    while True:
        cursor, flat = await store.command(partition, command, key_of(partition, rest), cursor, "COUNT", AT_ONCE)
        if flat:
            yield list(zip(flat[::2], flat[1::2], strict=True))
        if cursor == b"0":
            return


def key_of(partition: int, rest: bytes) -> bytes:
    """The whole key."""
    return keys.TAGS[partition].encode() + rest


def shown(key: bytes) -> str:
    """A key as an error may show it."""
    return ascii(key.decode("utf-8", "replace")[:80])
