"""Looking into what waits: the streams of carriers, the held set, the accounts' out streams; for people and drains.

Reads only, a few commands at a time, and never takes part in a stream's consumer group: what is looked at here is
delivered as if nobody had looked. Envelopes come back sealed. Ages are by Redis' clock, which is a stream id's.
Raises StoreError.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.entries import Entry, expand, is_shared, unsettled
from smsgw.store.envelope import Envelope

LANES: Final = 3
_PAGE: Final = 64
_HELD_PAGE: Final = 500


class QueueLength(NamedTuple):
    """One carrier's lane, over all partitions. ``oldest_ms`` is when its oldest message came, by Redis' clock."""

    carrier: str
    lane: int
    waiting: int
    oldest_ms: int


class Queues:
    """One per visit."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def lengths(self, carriers: Sequence[str]) -> list[QueueLength]:
        """How much waits for each carrier and lane; those of which nothing waits as well."""
        found = []
        for carrier in carriers:
            for lane in range(LANES):
                waiting, oldest_ms = 0, 0
                for stream in self._streams(carrier, lane):
                    count = await self._count(stream)
                    if count:
                        waiting += count
                        first = await self._range(stream, "-", 1)
                        at_ms = int(first[0][0].partition(b"-")[0]) if first else 0
                        oldest_ms = min(oldest_ms or at_ms, at_ms)
                found.append(QueueLength(carrier, lane, waiting, oldest_ms))
        return found

    async def first(self, carrier: str, lane: int, count: int) -> list[Envelope]:
        """The first messages that wait in a lane, in the order of each partition."""
        found: list[Envelope] = []
        for stream in self._streams(carrier, lane):
            found += [self._envelope(entry) for entry in await self._first(stream, count)]
        return sorted(found, key=lambda each: each.accepted_at_ms)[:count]

    async def waits(self, carrier: str, accepted_ms: int) -> bool:
        """Whether a message that was accepted by then waits for the carrier; by the first of each stream."""
        for lane in range(LANES):
            for stream in self._streams(carrier, lane):
                for entry in await self._first(stream, 1):
                    if self._envelope(entry).accepted_at_ms <= accepted_ms:
                        return True
        return False

    async def held(self, partition: int) -> AsyncIterator[tuple[str, bytes]]:
        """(id, sealed envelope) of what is held, in no order; what comes or goes meanwhile may be left out."""
        cursor = b"0"
        while True:
            cursor, pairs = await self._store.command(
                partition, "HSCAN", keys.heldmsg(partition), cursor, "COUNT", _HELD_PAGE
            )
            for held_id, blob in zip(pairs[::2], pairs[1::2], strict=True):
                yield held_id.decode(), blob
            if cursor == b"0":
                return

    async def held_count(self) -> int:
        """How many messages are held, parked ones among them."""
        counts = [
            await self._store.command(partition, "ZCARD", keys.held(partition))
            for partition in range(self._store.partitions)
        ]
        return sum(map(int, counts))

    async def lots(self) -> dict[str, int]:
        """Parked messages by lot."""
        found: dict[str, int] = {}
        for partition in range(self._store.partitions):
            for lot in await self._store.command(partition, "SMEMBERS", keys.lots(partition)):
                name = lot.decode()
                count = int(await self._store.command(partition, "ZCARD", keys.parked(partition, name)))
                found[name] = found.get(name, 0) + count
        return {name: found[name] for name in sorted(found)}

    async def undelivered(self, account: str) -> int:
        """Receipts and MO that an application has not taken yet."""
        return await self._count(keys.out(account, self._store.partitions))

    # -- inside

    def _streams(self, carrier: str, lane: int) -> list[str]:
        return [keys.mt(partition, carrier, lane) for partition in range(self._store.partitions)]

    def _envelope(self, entry: Entry) -> Envelope:
        return Envelope.unpack(self._store.sealer.open(entry[1][1]))

    async def _count(self, stream: str) -> int:
        return int(await self._command(stream, "HGET", keys.part(stream), "n") or 0)

    async def _range(self, stream: str, after: str, count: int) -> list[Any]:
        found = await self._command(stream, "XRANGE", stream, after, "+", "COUNT", count)
        return list(found or ())

    async def _first(self, stream: str, count: int) -> list[Entry]:
        """The first messages that are not settled."""
        found: list[Entry] = []
        after = "-"
        while len(found) < count:
            # An entry may hold forty messages, all but one of them settled.
            entries = await self._range(stream, after, min(_PAGE, count + 1))
            if not entries:
                break
            after = f"({entries[-1][0].decode()}"
            shared = [entry_id for entry_id, fields in entries if is_shared(fields)]
            masks = await self._command(stream, "HMGET", keys.part(stream), *shared) if shared else ()
            found += unsettled(
                expand(entries), {entry_id: int(mask) for entry_id, mask in zip(shared, masks, strict=True) if mask}
            )
        return found[:count]

    async def _command(self, stream: str, *command: Any) -> Any:
        return await self._store.command(keys.partition_of_key(stream), *command)
