"""Writing the new store: empty before, marked until everything is there and counted.

Owns the mark, field ``migrating`` of partition 0's meta: while it stands nobody opens the store, and whoever begins
again may empty it, for everything in it was written by a migration. What can go wrong: something else is in it already
(StoreRefused, nothing was touched); its memory is too small (StoreRefused).
"""

from __future__ import annotations

import asyncio
import math
import os
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from smsgw.errors import StoreAway, StoreRefused
from smsgw.store import keys
from smsgw.store.commit import CallId
from smsgw.store.connection import Store
from smsgw.store.migration.kinds import kind_of
from smsgw.store.migration.walk import AGAIN_S, AT_ONCE, PATIENCE_S, one_of_each_server, shown
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

MIGRATING: Final = "migrating"
MIGRATED: Final = "migrated"
PARTITIONS: Final = "partitions"
_ROWS: Final = 500
_OCTETS: Final = 256 * 1024

Row = tuple[str, bytes, Any, int]
"""As ``scripts/place.lua`` takes it: how, what follows the tag, value, TTL in ms (-1 none)."""


class Writer:
    """Gathers rows and writes them; ``replaced`` counts by kind the keys that were there already: they came twice."""

    def __init__(self, store: Store, told: Callable[[int], None] = lambda count: None) -> None:
        self.store = store
        self._slot = f"migrate.{os.urandom(6).hex()}"
        self._number = 0
        self.replaced: Counter[str] = Counter()
        self._told = told
        self._rows: list[list[Row]] = [[] for _ in range(store.partitions)]
        self._octets = [0] * store.partitions

    async def add(self, partition: int, how: str, rest: bytes, value: Any, ttl_ms: int = -1) -> None:
        """Write a key, or a part of one; in the order of a partition's calls. Raises StoreError."""
        self._rows[partition].append((how, rest, value, ttl_ms))
        self._octets[partition] += _octets_of(value)
        if len(self._rows[partition]) >= _ROWS or self._octets[partition] >= _OCTETS:
            await self.flush(partition)

    async def flush(self, partition: int) -> None:
        """Write what was gathered for a partition. Raises StoreError."""
        rows, self._rows[partition], self._octets[partition] = self._rows[partition], [], 0
        if not rows:
            return
        try:
            reply = await self._place(partition, to_script(rows))
        except StoreRefused as error:
            if "OOM" in str(error):
                raise StoreRefused(f"the new Redis has no memory left (maxmemory): give it more, {AGAIN}") from error
            raise
        for position in from_script(reply) or ():
            self.replaced[kind_of(rows[position - 1][1])] += 1
        self._told(len(rows))

    async def _place(self, partition: int, payload: bytes) -> bytes:
        """One call, once, however often its connection is lost."""
        self._number += 1
        call_id = CallId(self._slot, self._number, math.inf)
        give_up_at = monotonic() + PATIENCE_S
        while True:
            try:
                return await self.store.evaluate(partition, script("place"), payload, call_id)
            except StoreAway:
                if monotonic() > give_up_at:
                    raise
                await asyncio.sleep(AGAIN_S)

    async def flush_all(self) -> None:
        """Write everything, and forget what is known of our own calls. Raises StoreError."""
        for partition in range(self.store.partitions):
            await self.flush(partition)
            await self.store.command(partition, "DEL", keys.done(partition, self._slot))


AGAIN: Final = "then run the same command again: it begins anew"


async def begin(store: Store, what: str) -> bool:
    """Make sure that it is empty, and mark it; True when what an earlier run had written was thrown away.

    ``what``: the migration, in a few words. Raises StoreError; StoreRefused when something else is in it.
    """
    is_again = bool(await store.command(0, "HGET", keys.meta(0), MIGRATING))
    if not is_again:
        await _refuse_unless_empty(store)
    await _empty(store)
    await store.ready()
    await store.command(0, "HSET", keys.meta(0), MIGRATING, what)
    return is_again


async def finish(store: Store, meta: dict[bytes, bytes], migrated_s: int) -> None:
    """Take the mark away: from now on it is the store. ``meta``: that of the old one. Raises StoreError."""
    kept = {name: value for name, value in meta.items() if name.decode() not in (MIGRATING, MIGRATED, PARTITIONS)}
    flat = [part for pair in kept.items() for part in pair]
    for partition in reversed(range(store.partitions)):
        await store.command(partition, "HSET", keys.meta(partition), PARTITIONS, str(store.partitions), *flat)
    if migrated_s:
        await store.command(0, "HSET", keys.meta(0), MIGRATED, migrated_s)
    await store.command(0, "HDEL", keys.meta(0), MIGRATING)


async def _refuse_unless_empty(store: Store) -> None:
    for partition in await one_of_each_server(store):
        cursor = b"0"
        while True:
            cursor, found = await store.command(partition, "SCAN", cursor, "COUNT", AT_ONCE)
            # An empty store that somebody has opened has its schema in it.
            other = [key for key in found if not key.endswith(b":meta")]
            if other:
                count = int(await store.command(partition, "DBSIZE"))
                raise StoreRefused(
                    f"the new Redis is not empty: it has {count} keys, such as {shown(other[0])}; name an empty one, "
                    "or another of its databases"
                )
            if cursor == b"0":
                break


async def _empty(store: Store) -> None:
    """Delete every key of ours; the mark goes last, so that this may be interrupted too."""
    for partition in await one_of_each_server(store):
        cursor = b"0"
        while True:
            cursor, found = await store.command(partition, "SCAN", cursor, "COUNT", AT_ONCE, "MATCH", "{p*")
            for key in found:
                if key != keys.meta(0).encode():
                    await store.command(keys.partition_of_key(key[:5].decode()), "UNLINK", key)
            if cursor == b"0":
                break
    await store.command(0, "DEL", keys.meta(0))


def _octets_of(value: Any) -> int:
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, list | tuple):
        return sum(map(_octets_of, value))
    return 8
