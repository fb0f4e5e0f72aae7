"""Queues of messages: taken apart, and appended where their recipients belong now, in their order.

Owns: which messages may be at a carrier. Those of a process's pending entries up to its mark are *uncertain*: in the
new store they are pending for the same process, which has ended, below a mark again, so whoever takes over from it
decides by their class. All others were surely not sent, and wait for anybody. Settled ones stay behind.
Entries keep the time at which they came. Streams that are no queues (events) go the same way, an entry at a time.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from smsgw.errors import StoreRefused
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.entries import MOST_IN_ENTRY, Entry, entry_key, expand, is_shared, unsettled
from smsgw.store.migration.target import Writer
from smsgw.store.migration.walk import key_of
from smsgw.store.packing import to_script

Fields = list[bytes]
Where = Callable[[int, Fields], Awaitable[int]]
"""The new partition of a message, by its old one and its fields."""
Marks = dict[bytes, bytes]
"""Of one consumer: whole key of a stream → its mark."""

_PAGE: Final = 64
_PENDING_PAGE: Final = 1_000
_READ_AT_ONCE: Final = 200


class _NewStream:
    """One stream of the new store, being filled."""

    def __init__(self, writer: Writer, partition: int, rest: bytes) -> None:
        self._writer = writer
        self._partition = partition
        self._rest = rest
        self._last = (0, 0)
        self._waiting: list[Fields] = []
        self._ms = 0
        self.entries = 0
        self.last_message = b""

    async def add(self, ms: int, fields: Fields, shared: bool) -> None:
        """Append a message that came at ``ms``; ``shared``: others may be in its entry."""
        if not shared:
            await self._write(ms, fields, 0)
            return
        if not self._waiting:
            self._ms = ms
        self._waiting.append(fields)
        if len(self._waiting) == MOST_IN_ENTRY:
            await self.end_entry()

    async def end_entry(self) -> None:
        """Write the messages that were gathered."""
        waiting, self._waiting = self._waiting, []
        plain = [fields for fields in waiting if len(fields) == 2 and fields[0] == b"m"]
        if len(waiting) == 1:
            await self._write(self._ms, waiting[0], 1)
        elif waiting and len(plain) == len(waiting):
            await self._write(self._ms, [b"b", to_script([fields[1] for fields in waiting])], len(waiting))
        elif waiting:
            await self._write(self._ms, [b"f", to_script(waiting)], len(waiting))

    async def _write(self, ms: int, fields: Fields, messages: int) -> None:
        last_ms, sequence = self._last
        # Ids only grow: what came out of its turn has the time of the one before it.
        self._last = (ms, 0) if ms > last_ms else (last_ms, sequence + 1)
        entry_id = b"%d-%d" % self._last
        self.entries += 1
        self.last_message = entry_id if messages < 2 else b"%b:%d" % (entry_id, messages - 1)
        await self._writer.add(self._partition, "xadd", self._rest, (entry_id, fields, messages))


class QueueMover:
    """Moves all streams of one name. ``marks``: (partition, consumer) → its marks there, as ``hwm`` has them."""

    def __init__(self, old: Store, writer: Writer, marks: dict[tuple[int, bytes], Marks]) -> None:
        self._old = old
        self._writer = writer
        self._marks = marks
        #: (new partition, consumer) → new marks.
        self.new_marks: dict[tuple[int, bytes], Marks] = {}
        self.uncertain = 0

    async def move(self, rest: bytes, partitions: Sequence[int], where: Where, queue: bool = True) -> int:
        """The streams ``rest`` of these partitions; gives how many messages. ``queue`` False: entries as they are."""
        streams: dict[int, _NewStream] = {}
        uncertain = await self._move_uncertain(rest, partitions, where, streams) if queue else {}
        moved = sum(map(len, uncertain.values()))
        self.uncertain += moved
        sources = [self._messages(partition, rest, queue, len(partitions)) for partition in partitions]
        async for partition, (message_id, fields) in _by_age(partitions, sources):
            if message_id in uncertain.get(partition, ()):
                continue
            to = await where(partition, fields)
            await self._stream(streams, to, rest).add(entry_key(message_id)[0], fields, queue)
            moved += 1
        for stream in streams.values():
            await stream.end_entry()
        return moved

    # -- what may be at a carrier

    async def _move_uncertain(
        self, rest: bytes, partitions: Sequence[int], where: Where, streams: dict[int, _NewStream]
    ) -> dict[int, set[bytes]]:
        """Before everything else, since what is pending comes before what is not; gives the ids by old partition."""
        found: dict[int, set[bytes]] = {}
        by_consumer: dict[tuple[int, bytes], list[tuple[int, Fields]]] = {}
        for partition in partitions:
            for consumer, (message_id, fields) in await self._uncertain_in(partition, rest):
                found.setdefault(partition, set()).add(message_id)
                to = await where(partition, fields)
                by_consumer.setdefault((to, consumer), []).append((entry_key(message_id)[0], fields))
        for (to, consumer), messages in sorted(by_consumer.items(), key=lambda each: each[1][0][0]):
            await self._make_pending(self._stream(streams, to, rest), to, consumer, rest, messages)
        return found

    async def _uncertain_in(self, partition: int, rest: bytes) -> list[tuple[bytes, Entry]]:
        """(consumer, message) of those that were marked before their process ended."""
        key = key_of(partition, rest)
        found = []
        for entry_id, consumer in await self._pending(partition, key):
            mark = self._marks.get((partition, consumer), {}).get(key)
            if mark is None or entry_key(entry_id) > entry_key(mark):
                continue
            entries = await self._old.command(partition, "XRANGE", key, entry_id, entry_id)
            found += [
                (consumer, message)
                for message in await self._unsettled(partition, rest, entries)
                if entry_key(message[0]) <= entry_key(mark)
            ]
        return found

    async def _pending(self, partition: int, key: bytes) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        after = "-"
        while True:
            try:
                rows = await self._old.command(partition, "XPENDING", key, keys.GROUP, after, "+", _PENDING_PAGE)
            except StoreRefused as error:
                if "NOGROUP" in str(error):  # nobody has read it yet
                    return found
                raise
            found += [(row[0], row[1]) for row in rows]
            if len(rows) < _PENDING_PAGE:
                return found
            after = f"({rows[-1][0].decode()}"

    async def _make_pending(
        self, stream: _NewStream, to: int, consumer: bytes, rest: bytes, messages: list[tuple[int, Fields]]
    ) -> None:
        """Write them, and have them read for the process that had them, with its mark behind them."""
        store, key = self._writer.store, key_of(to, rest)
        before = stream.entries
        for ms, fields in messages:
            await stream.add(ms, fields, True)
        await stream.end_entry()
        await self._writer.flush(to)
        if not before:
            await store.command(to, "XGROUP", "CREATE", key, keys.GROUP, "0")
        left = stream.entries - before
        while left > 0:
            count = min(left, _READ_AT_ONCE)
            await store.command(to, "XREADGROUP", "GROUP", keys.GROUP, consumer, "COUNT", count, "STREAMS", key, ">")
            left -= count
        self.new_marks.setdefault((to, consumer), {})[key] = stream.last_message

    # -- reading

    async def _messages(self, partition: int, rest: bytes, queue: bool, sources: int) -> AsyncIterator[Entry]:
        """What waits in one stream, in its order."""
        key, after = key_of(partition, rest), "-"
        count = max(4, _PAGE // sources)
        while entries := await self._old.command(partition, "XRANGE", key, after, "+", "COUNT", count):
            after = f"({entries[-1][0].decode()}"
            messages = await self._unsettled(partition, rest, entries) if queue else entries
            for entry_id, fields in messages:
                yield entry_id, fields

    async def _unsettled(self, partition: int, rest: bytes, entries: Sequence[Any]) -> list[Entry]:
        shared = [entry_id for entry_id, fields in entries if is_shared(fields)]
        if not shared:
            return expand(entries)
        found = await self._old.command(partition, "HMGET", key_of(partition, b":part" + rest), *shared)
        masks = {entry_id: int(mask) for entry_id, mask in zip(shared, found, strict=True) if mask}
        return unsettled(expand(entries), masks)

    def _stream(self, streams: dict[int, _NewStream], to: int, rest: bytes) -> _NewStream:
        stream = streams.get(to)
        if stream is None:
            stream = streams[to] = _NewStream(self._writer, to, rest)
        return stream


async def _by_age(
    partitions: Sequence[int], sources: Sequence[AsyncIterator[Entry]]
) -> AsyncIterator[tuple[int, Entry]]:
    """The messages of several streams, the oldest first; each stream's own in their order."""
    waiting: list[tuple[tuple[int, int, int], int, Entry]] = []

    async def next_of(number: int) -> None:
        message = await anext(sources[number], None)
        if message is not None:
            heapq.heappush(waiting, (entry_key(message[0]), number, message))

    for number in range(len(sources)):
        await next_of(number)
    while waiting:
        _, number, message = heapq.heappop(waiting)
        yield partitions[number], message
        await next_of(number)
