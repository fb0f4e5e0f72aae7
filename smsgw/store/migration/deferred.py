"""Held and parked messages, each to its recipient's partition; and until when segments wait for the rest.

Owns which partition a sealed message belongs to. One that can't be opened goes where its id says, and is counted: its
gateway will say so as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.envelope import Envelope
from smsgw.store.migration.census import counted
from smsgw.store.migration.counts import Counts
from smsgw.store.migration.kinds import kind_of, of_group
from smsgw.store.migration.small import Gathered
from smsgw.store.migration.target import Writer
from smsgw.store.migration.walk import fields, key_of, members

_AT_ONCE: Final = 500


class Addresses:
    """Where messages belong now."""

    def __init__(self, writer: Writer, counts: Counts, gathered: Gathered) -> None:
        self._store = writer.store
        self._counts = counts
        self._gathered = gathered

    async def of_waiting(self, partition: int, message: list[bytes]) -> int:
        """Of a message of a carrier's queue, by its fields. Raises StoreError."""
        found = await self._of_sealed(message[1])
        return partition % self._store.partitions if found is None else found

    async def of_held(self, held_id: str, blob: bytes) -> int:
        """Of a held message. Raises StoreError."""
        found = await self._of_sealed(blob)
        return keys.home(held_id, self._store.partitions) if found is None else found

    async def _of_sealed(self, blob: bytes) -> int | None:
        try:
            envelope = Envelope.unpack(self._store.sealer.open(blob))
        except StoreError:
            self._counts.unreadable += 1
            return None
        for message_id in envelope.message_ids:
            self._counts.saw(message_id)
        if self._gathered.found:
            await self._gathered.want(envelope.account.encode(), [each.encode() for each in envelope.message_ids])
        return self._store.recipients.partition(envelope.recipient, self._store.partitions)


class HeldMover:
    """Moves what one partition holds."""

    def __init__(self, old: Store, writer: Writer, counts: Counts, addresses: Addresses) -> None:
        self._old = old
        self._writer = writer
        self._counts = counts
        self._addresses = addresses

    async def move(self, partition: int) -> None:
        """Everything that a partition holds, with its lots. Raises StoreError."""
        lots = await self._command(partition, "SMEMBERS", b":lots")
        for rest in (b":held", b":heldmsg", b":lotof", *(b":parked:" + lot for lot in lots)):
            self._counts.old[kind_of(rest)] += await counted(self._old, partition, rest)
        async for page in fields(self._old, partition, b":heldmsg"):
            for first in range(0, len(page), _AT_ONCE):
                await self._move_some(partition, page[first : first + _AT_ONCE])
        await self._leave_orphans(partition, lots)

    async def _move_some(self, partition: int, rows: Sequence[tuple[bytes, bytes]]) -> None:
        ids = [held_id for held_id, _ in rows]
        due = await self._command(partition, "ZMSCORE", b":held", *ids)
        lots = await self._command(partition, "HMGET", b":lotof", *ids)
        parked: dict[bytes, list[tuple[bytes, int]]] = {}
        for (held_id, blob), due_ms, lot in zip(rows, due, lots, strict=True):
            to = await self._addresses.of_held(held_id.decode(), blob)
            self._counts.saw(held_id.decode())
            await self._writer.add(to, "hset", b":heldmsg", (held_id, blob))
            if due_ms is not None:
                await self._writer.add(to, "zadd", b":held", (_score(due_ms), held_id))
            if lot is None:
                continue
            await self._writer.add(to, "hset", b":lotof", (held_id, lot))
            parked.setdefault(lot, []).append((held_id, to))
        for lot, there in parked.items():
            accepted = await self._command(partition, "ZMSCORE", b":parked:" + lot, *(held_id for held_id, _ in there))
            for (held_id, to), accepted_ms in zip(there, accepted, strict=True):
                if accepted_ms is not None:
                    await self._writer.add(to, "zadd", b":parked:" + lot, (_score(accepted_ms), held_id))
                    await self._writer.add(to, "sadd", b":lots", (lot,))

    async def _leave_orphans(self, partition: int, lots: Sequence[bytes]) -> None:
        """Ids whose message is gone, so that nobody would find them."""
        for rest, pages in ((b":held", members), (b":lotof", fields), *((b":parked:" + lot, members) for lot in lots)):
            orphans: set[bytes] = set()
            async for page in pages(self._old, partition, rest):
                ids = [held_id for held_id, _ in page]
                blobs = await self._command(partition, "HMGET", b":heldmsg", *ids)
                orphans.update(held_id for held_id, blob in zip(ids, blobs, strict=True) if blob is None)
            self._counts.left[kind_of(rest)] += len(orphans)

    async def move_long_due(self, partition: int) -> None:
        """Until when the groups of segments of a partition wait. Raises StoreError."""
        self._counts.old["longdue"] += await counted(self._old, partition, b":longdue")
        async for page in members(self._old, partition, b":longdue"):
            for group, score in page:
                to = of_group(group, self._writer.store.partitions)
                await self._writer.add(to, "zadd", b":longdue", (_score(score), group))

    async def _command(self, partition: int, command: str, rest: bytes, *more: bytes) -> Any:
        return await self._old.command(partition, command, key_of(partition, rest), *more)


def _score(score: bytes) -> bytes:
    """A time in ms as Redis takes it whole, however it wrote it."""
    return b"%d" % int(float(score))
