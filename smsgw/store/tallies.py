"""What of a carrier's messages and receipts waits for the other, as ``scripts/parts/tally.lua`` counts it.

Owns reading the counts and dropping old ones. Counting is part of ``correlate`` and ``settle``, so it is exact over all
processes and restarts; a carrier costs a few dozen octets for each minute in which something is still missing.
"""

from __future__ import annotations

from typing import NamedTuple

from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.correlation import bucket_of


class Waiting(NamedTuple):
    """Of one minute: messages that the carrier took and has not finally reported, receipts that found no message."""

    messages: int
    receipts: int


class Tallies:
    """Every method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, carrier: str) -> dict[int, Waiting]:
        """Minute (whole seconds, business time) → what waits since then, where anything does."""
        found: dict[int, Waiting] = {}
        for partition in range(self._store.partitions):
            for field, count in (await self._fields(partition, carrier)).items():
                bucket, old = int(field[1:]), found.get(int(field[1:]), Waiting(0, 0))
                messages, receipts = (count, 0) if field[:1] == b"a" else (0, count)
                found[bucket] = Waiting(old.messages + messages, old.receipts + receipts)
        return found

    async def forget(self, carrier: str, messages_before_s: float, receipts_before_s: float) -> Waiting:
        """Drop minutes before those times, and say what was left in those that nobody else has dropped."""
        messages = receipts = 0
        for partition in range(self._store.partitions):
            for field, count in (await self._fields(partition, carrier)).items():
                is_message = field[:1] == b"a"
                if int(field[1:]) >= (messages_before_s if is_message else receipts_before_s):
                    continue
                if await self._store.command(partition, "HDEL", keys.tally(partition, carrier), field):
                    messages += count if is_message else 0
                    receipts += 0 if is_message else count
        return Waiting(messages, receipts)

    async def found(self, carrier: str, cid: str, now_s: float) -> None:
        """A receipt that waited under ``cid`` since just now has found its message after all."""
        partition = keys.carrier_partition(carrier, cid, self._store.partitions)
        field = f"o{bucket_of(now_s)}"
        await self._store.command(partition, "HINCRBY", keys.tally(partition, carrier), field, -1)

    async def _fields(self, partition: int, carrier: str) -> dict[bytes, int]:
        flat = await self._store.command(partition, "HGETALL", keys.tally(partition, carrier))
        return {field: int(count) for field, count in zip(flat[::2], flat[1::2], strict=True)}
