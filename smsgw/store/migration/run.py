"""A whole migration: looked at, moved kind by kind, counted, and put into use.

Owns the order of it. Small keys are moved as they are found; then messages, which tell what else belongs to them. What
can go wrong: a process runs, or came meanwhile; the new store is not empty, or gets full; counts differ. Then the new
store keeps its mark, nobody can open it, and the same command begins anew. The old store is as it was in every case.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from smsgw.errors import StoreRefused
from smsgw.store import keys, schema
from smsgw.store.connection import Store
from smsgw.store.migration.census import census
from smsgw.store.migration.counts import Counts, Line
from smsgw.store.migration.deferred import Addresses, HeldMover
from smsgw.store.migration.fleet import FleetMover, refuse_while_alive, signs
from smsgw.store.migration.kinds import KINDS, Way, kind_of, name_in, spread
from smsgw.store.migration.queues import QueueMover, Where
from smsgw.store.migration.small import Gathered, SmallKeys
from smsgw.store.migration.target import AGAIN, MIGRATED, Writer, begin, finish
from smsgw.store.migration.walk import Keys, size

Told = Callable[[str, int], None]
"""Progress: what is done now, and how many keys and entries were written so far."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did. ``again``: what an earlier run had left was thrown away first. ``stray``: foreign keys."""

    lines: list[Line]
    partitions: tuple[int, int]
    uncertain: int
    unreadable: int
    stray: int
    again: bool


class Migration:
    """Moves everything of ``old``, which is ready, into ``new``, which nobody has opened yet."""

    def __init__(self, old: Store, new: Store, told: Told = lambda step, written: None) -> None:
        self._old = old
        self._new = new
        self._told = told
        self._step = ""
        self._written = 0
        self._counts = Counts()
        self._writer = Writer(new, self._wrote)
        self._gathered = Gathered(old, self._writer, self._counts)
        self._small = SmallKeys(old, self._writer, self._counts, self._gathered)
        self._addresses = Addresses(self._writer, self._counts, self._gathered)
        self._held = HeldMover(old, self._writer, self._counts, self._addresses)
        self._fleet = FleetMover(old, self._writer, self._counts)
        #: What is moved in a way of its own: (partition, what follows the tag).
        self._large: set[tuple[int, bytes]] = set()

    async def run(self) -> Migrated:
        """All of it. Raises StoreError."""
        before = await refuse_while_alive(self._old)
        await schema.refuse_other_forms(self._old)
        what = f"{self._old.partitions} to {self._new.partitions} partitions"
        again = await begin(self._new, what)
        stray = await self._move_keys()
        await self._move_messages()
        lines = await self._counted()
        if await signs(self._old) != before:
            raise StoreRefused(f"a process or a command worked on the old store meanwhile: stop it, {AGAIN}")
        faults = [f"{line.title}: {line.fault}" for line in lines if line.fault]
        if faults:
            raise StoreRefused(f"the new store has not everything, and is not used: {'; '.join(faults)}; {AGAIN}")
        await self._finish()
        return Migrated(
            lines,
            (self._old.partitions, self._new.partitions),
            self._counts.uncertain,
            self._counts.unreadable,
            stray,
            again,
        )

    def _wrote(self, count: int) -> None:
        self._written += count
        self._told(self._step, self._written)

    def _begin(self, step: str) -> None:
        self._step = step
        self._told(step, self._written)

    async def _move_keys(self) -> int:
        """Everything that is small, and a list of what is not; gives how many keys are not ours."""
        self._begin("recipients, receipts and states")
        walk, seen = Keys(self._old), 0
        async for partition, rests in walk.pages():
            seen += len(rests)
            for rest in await self._small.take(partition, rests):
                self._large.add((partition, rest))
        if seen + walk.stray < await size(self._old):
            raise StoreRefused(f"keys of the old store were not found when it was read: {AGAIN}")
        for _, rest in self._large:
            kind = kind_of(rest)
            if KINDS[kind].way is Way.LEFT or kind == "done":
                self._counts.left_behind(kind)
            self._gathered.found += kind == "gather"
        await self._small.tally()
        return walk.stray

    async def _move_messages(self) -> None:
        self._begin("registers and the audit log")
        for partition, rest in sorted(self._large):
            kind = kind_of(rest)
            if KINDS[kind].way is Way.REGISTER or kind == "fleet":
                await self._fleet.move(partition, rest)
            elif kind == "hwm":
                await self._fleet.load_marks(partition, rest)
        await self._fleet.load_nodes()
        self._begin("messages that wait for carriers, receipts that wait for applications")
        await self._move_queues()
        self._begin("held messages")
        for partition in range(self._old.partitions):
            await self._held.move(partition)
            await self._held.move_long_due(partition)
        await self._gathered.flush()
        await self._writer.flush_all()
        # Those that nobody asked for.
        moved = self._counts.old["gather"] - self._writer.replaced["gather"]
        self._counts.left_behind("gather", self._gathered.found - moved)

    async def _move_queues(self) -> None:
        mover = QueueMover(self._old, self._writer, self._fleet.marks)
        streams: dict[bytes, list[int]] = {}
        for partition, rest in sorted(self._large):
            if KINDS[kind_of(rest)].way is Way.QUEUE or kind_of(rest) == "events":
                streams.setdefault(rest, []).append(partition)
        for rest, partitions in streams.items():
            kind = kind_of(rest)
            where = self._of_account(name_in(rest))
            if kind != "out":
                where = self._addresses.of_waiting if kind == "mt" else self._of_event
            self._counts.old[kind] += await mover.move(rest, partitions, where, queue=kind != "events")
        self._counts.uncertain = mover.uncertain
        await self._fleet.write_marks(mover.new_marks)

    def _of_account(self, account: bytes) -> Where:
        to = spread(account, self._new.partitions)

        async def where(partition: int, fields: list[bytes]) -> int:
            return to

        return where

    async def _of_event(self, partition: int, fields: list[bytes]) -> int:
        """An event is of a recipient, by its hash."""
        named = dict(zip(fields[::2], fields[1::2], strict=True))
        return spread(named.get(b"who", b""), self._new.partitions)

    async def _counted(self) -> list[Line]:
        self._begin("counting what is there now")
        for _ in range(2):
            # A key may come twice where a table has just changed its size.
            found = await census(self._new)
            lines = self._counts.lines(self._writer.replaced, found.counts)
            if not any(line.fault for line in lines):
                break
        return lines

    async def _finish(self) -> None:
        flat = await self._old.command(0, "HGETALL", keys.meta(0))
        meta = dict(zip(flat[::2], flat[1::2], strict=True))
        migrated_s = int(meta.get(MIGRATED.encode(), 0))
        if self._old.partitions != self._new.partitions:
            migrated_s = max(migrated_s, self._counts.newest_id_s + 1, int(time.time()))
        await finish(self._new, meta, migrated_s)
