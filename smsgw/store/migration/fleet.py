"""What is one for the whole fleet: registers, the audit log, processes that have ended, and how far they had sent.

Owns: whether a process lives, by the lease that it renews each second, and whether one came while everything was moved.
Leases themselves stay behind: they go by the clock of the old Redis.
"""

from __future__ import annotations

import os
from typing import Final

from smsgw.errors import StoreRefused
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.migration.census import counted
from smsgw.store.migration.counts import Counts
from smsgw.store.migration.kinds import KINDS, Unit, kind_of, name_in
from smsgw.store.migration.queues import Marks
from smsgw.store.migration.target import Writer
from smsgw.store.migration.walk import AT_ONCE, fields, key_of, members

_OWNER: Final = b"owner"
_CLOCK: Final = b"#"
_FILES_OF: Final = b"files/"
_ENDED: Final = b" 0 r"


Signs = tuple[object, ...]
"""What changes in a store when a process runs on it, or a command changes something."""


async def refuse_while_alive(store: Store) -> Signs:
    """Raises StoreRefused, naming them, while processes of the fleet live; else signs to compare later."""
    alive = [f"{node} ({left_s:.0f} s)" for node, left_s in (await living(store)).items() if left_s]
    if alive:
        raise StoreRefused(
            f"processes of the fleet run, or did a moment ago: {', '.join(alive)}; stop them all, or wait so long "
            "until the leases of those that were killed are over"
        )
    return await signs(store)


async def living(store: Store) -> dict[str, float]:
    """For how many seconds each process is taken for alive yet; 0 when it has ended. Raises StoreError."""
    seconds, microseconds = await store.command(keys.LEASES, "TIME")
    now_ms = int(seconds) * 1000 + int(microseconds) // 1000
    found = {}
    async for page in fields(store, keys.LEASES, b":nodes"):
        for node, value in page:
            if node != _CLOCK:
                found[node.decode("utf-8", "replace")] = max(0, int(value.split(b" ")[1]) - now_ms) / 1000
    return dict(sorted(found.items()))


async def signs(store: Store) -> Signs:
    """Whether anything ran can be told by two of these."""
    clock = await store.command(keys.LEASES, "HGET", keys.nodes(), _CLOCK)
    head = await store.command(keys.REGISTERS, "HMGET", keys.audit_head(), "seq", "hash")
    feed = await store.command(keys.REGISTERS, "XREVRANGE", keys.register_feed(), "+", "-", "COUNT", 1)
    return clock, tuple(head), tuple(entry[0] for entry in feed)


class FleetMover:
    """Moves partition 0's own, and the marks."""

    def __init__(self, old: Store, writer: Writer, counts: Counts) -> None:
        self._old = old
        self._writer = writer
        self._counts = counts
        #: By (partition, consumer), as ``QueueMover`` takes them.
        self.marks: dict[tuple[int, bytes], Marks] = {}
        self._owners: dict[bytes, bytes] = {}
        self._nodes: dict[bytes, bytes] = {}

    async def load_marks(self, partition: int, rest: bytes) -> None:
        """One consumer's marks, before queues are moved. Raises StoreError."""
        consumer = name_in(rest)
        async for page in fields(self._old, partition, rest):
            marks = self.marks.setdefault((partition, consumer), {})
            marks.update(page)
            if owner := marks.pop(_OWNER, None):
                self._owners[consumer] = owner

    async def load_nodes(self) -> None:
        """Who has ended and was not taken over from. Raises StoreError."""
        async for page in fields(self._old, keys.LEASES, b":nodes"):
            self._nodes.update(pair for pair in page if pair[0] != _CLOCK)

    async def write_marks(self, new: dict[tuple[int, bytes], Marks]) -> None:
        """Marks of the new store, for every process that had some, so that whoever takes over finds it everywhere.

        One that nobody knew any more is among those that have ended again: else what it had sent would stay with it.
        Raises StoreError.
        """
        consumers = {consumer for _, consumer in (*self.marks, *new)}
        for consumer in consumers:
            node = self._nodes.get(consumer)
            token = node.split(b" ")[0] if node else self._owners.get(consumer, b"") or os.urandom(8).hex().encode()
            self._nodes[consumer] = token + (b" 0 s" if node and node.endswith(b" s") else _ENDED)
            for partition in range(self._writer.store.partitions):
                marks = {_OWNER: token, **new.get((partition, consumer), {})}
                await self._hash(partition, b":hwm:" + consumer, list(marks.items()))
        for node, value in self._nodes.items():
            if node not in consumers:
                token, _, state = value.split(b" ")
                self._nodes[node] = b"%b 0 %b" % (token, state)
        await self._hash(keys.LEASES, b":nodes", list(self._nodes.items()))

    async def move(self, partition: int, rest: bytes) -> None:
        """A key of partition 0 that moves as it is, however large. Raises StoreError."""
        kind = kind_of(rest)
        if partition != keys.REGISTERS:
            raise StoreRefused(f"{key_of(partition, rest)!r} belongs into partition {keys.REGISTERS}")
        if KINDS[kind].unit is Unit.ENTRIES:
            await self._move_stream(kind, rest)
            return
        if KINDS[kind].unit is Unit.MEMBERS:
            self._counts.old[kind] += await counted(self._old, partition, rest)
            async for page in members(self._old, partition, rest):
                flat = [part for member, score in page for part in (score, member)]
                await self._writer.add(partition, "zadd", rest, flat)
            return
        known: set[bytes] = set()
        async for page in fields(self._old, partition, rest):
            rows = [row for row in page if row[0] not in known]
            if kind == "fleet":
                # Who ran, and when it said so, is over; which files they had is needed at their next start.
                self._counts.left_behind(kind, sum(not name.startswith(_FILES_OF) for name, _ in rows))
                rows = [row for row in rows if row[0].startswith(_FILES_OF)]
            known.update(name for name, _ in rows)
            self._counts.old[kind] += len(rows)
            await self._hash(partition, rest, rows)

    async def _hash(self, partition: int, rest: bytes, rows: list[tuple[bytes, bytes]]) -> None:
        if rows:
            await self._writer.add(partition, "hset", rest, [part for row in rows for part in row])

    async def _move_stream(self, kind: str, rest: bytes) -> None:
        key, after = key_of(keys.REGISTERS, rest), "-"
        while entries := await self._old.command(keys.REGISTERS, "XRANGE", key, after, "+", "COUNT", AT_ONCE):
            after = f"({entries[-1][0].decode()}"
            for entry_id, entry in entries:
                self._counts.old[kind] += 1
                await self._writer.add(keys.REGISTERS, "xadd", rest, (entry_id, entry, 0))
