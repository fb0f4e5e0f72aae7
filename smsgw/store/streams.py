"""Reading streams: one blocking connection a partition for all its streams of one kind.

Owns the consumer group, own pending entries after a start, entries whose reply was lost with a connection,
and delivering only what there is room for. Streams that gave all they were asked for are read alone and
without blocking; the others share one command that blocks when nobody has anything.
A message is delivered once a process: after a lost connection the reader asks its pending list for what
follows the last entry it has read. Order inside a stream is kept, between streams there is none.
A server that is cut off may go on as if it were the master, so what it gave counts only as far as its successor has
it: with each new connection the pending list is asked for what the process has not marked yet, the rest is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import Callable, Sequence
from itertools import count
from time import monotonic
from typing import Any, Final

from smsgw.errors import StoreAway, StoreError, StoreRefused
from smsgw.store import keys
from smsgw.store.channel import Arg, Channel
from smsgw.store.connection import Store
from smsgw.store.entries import Entry, entry_key, expand, is_shared, unsettled
from smsgw.store.read_stream import ReadStream

Deliver = Callable[[str, list[Entry], bool], None]
Unsent = Callable[[str], set[bytes]]
Forget = Callable[[str, set[bytes]], None]

ENTRIES_AT_ONCE: Final = 64
BLOCK_MS: Final = 2_000
_PROCESS: Final = os.urandom(6).hex()
_next_number: Final = count(1).__next__
_BACKOFF_FIRST_S: Final = 0.02
_BACKOFF_LAST_S: Final = 1.0
#: The connection is not opened anew more often only because the store had lost its server.
_ANEW_S: Final = 0.5
_PENDING_AT_ONCE: Final = 1_000


class StreamReader:
    """Reads the streams of one partition for one consumer: ``deliver(stream, messages, pending)``.

    ``pending`` True: left by an earlier life of this consumer, maybe written to a carrier already.
    ``room(stream)``: how many messages may come now; with 0 nothing comes until ``wake()``.
    ``unsent(stream)``: entries that were delivered and that no mark has passed; ``forget(stream, entries)``: those of
    them that the store has not given this consumer.
    ``run()`` ends only by cancellation, and outlasts every loss of Redis.
    """

    def __init__(
        self,
        store: Store,
        partition: int,
        consumer: str,
        deliver: Deliver,
        room: Callable[[str], int],
        *,
        group: str = keys.GROUP,
        on_error: Callable[[StoreError], None] | None = None,
        unsent: Unsent | None = None,
        forget: Forget | None = None,
    ) -> None:
        self._store = store
        self._partition = partition
        self._group = group
        self._consumer = consumer
        self._deliver = deliver
        self._room = room
        self._on_error = on_error
        self._unsent = unsent
        self._forget = forget
        self._losses = 0
        self._opened_s = -math.inf
        self._doubted = False
        self._streams: dict[bytes, ReadStream] = {}
        self._news = asyncio.Event()
        self._woken = asyncio.Event()
        self._channel: Channel | None = None
        self._client_id = 0
        self._name = f"smsgw-reader-{_PROCESS}-{_next_number()}"
        self._blocked_on: frozenset[bytes] | None = None

    def add(self, stream: str) -> None:
        """Read this stream too (a whole key of this partition), its pending entries first."""
        if stream.encode() not in self._streams:
            self._streams[stream.encode()] = ReadStream(stream)
            self.wake()

    def remove(self, stream: str) -> None:
        """Read it no more. What was delivered stays pending, and comes again if the stream is added again."""
        self._streams.pop(stream.encode(), None)
        self.wake()

    def keeps(self, stream: str) -> bool:
        """Whether something of it was read, or was pending at the start, and has not been delivered."""
        found = self._streams.get(stream.encode())
        return found is not None and (bool(found.backlog) or not found.recovered)

    def deliver_all(self) -> None:
        """Deliver what was read, whether or not there is room; for one that reads no more."""
        for stream in self._streams.values():
            if stream.backlog:
                messages, stream.backlog = stream.backlog, []
                self._deliver(stream.key, messages, not stream.recovered)

    def wake(self) -> None:
        """A stream was added or has room again. Cheap; at most one command a turn goes to Redis for it."""
        self._news.set()
        self._woken.set()

    def doubt(self) -> None:
        """Something that was read is not there: open a new connection and look."""
        self._doubted = True
        self._news.set()

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve_wakes(), name=f"wakes {keys.TAGS[self._partition]}")
            await self._read_for_ever()

    async def _read_for_ever(self) -> None:
        backoff_s = _BACKOFF_FIRST_S
        try:
            while True:
                try:
                    await self._open()
                    while not self._is_astray():
                        await self._round()
                        backoff_s = _BACKOFF_FIRST_S
                    await self._close()
                except StoreError as error:
                    await self._close()
                    if self._on_error is not None:
                        self._on_error(error)
                    await asyncio.sleep(backoff_s)
                    backoff_s = min(backoff_s * 2, _BACKOFF_LAST_S)
        finally:
            await self._close()

    def _is_astray(self) -> bool:
        """Whether this connection may lead to a server that is not the master any more."""
        is_moved = self._doubted or self._losses != self._store.losses(self._partition)
        return is_moved and monotonic() - self._opened_s >= _ANEW_S

    async def _open(self) -> None:
        self._losses, self._doubted, self._opened_s = self._store.losses(self._partition), False, monotonic()
        channel = await self._store.dedicated(self._partition)
        self._channel = channel
        await self._end_former_self(channel)
        self._client_id = int(await channel.call("CLIENT", "ID"))
        if self._unsent is not None:
            for stream in tuple(self._streams.values()):  # others may be added meanwhile
                await self._forget_what_is_elsewhere(channel, stream, self._unsent)
        for stream in self._streams.values():
            stream.look_back()

    async def _end_former_self(self, channel: Channel) -> None:
        """A connection that is lost to us may still be blocked in Redis' eyes, and be given entries afterwards.

        What it is given before it ends is pending, and read below; after that it must not be given any.
        """
        if self._client_id:
            listed = await channel.call("CLIENT", "LIST")
            for line in listed.decode().splitlines():
                fields = dict(field.partition("=")[::2] for field in line.split(" "))
                if fields.get("name") == self._name:
                    with contextlib.suppress(StoreRefused):  # gone meanwhile
                        await channel.call("CLIENT", "KILL", "ID", fields["id"])
        await channel.call("CLIENT", "SETNAME", self._name)

    async def _forget_what_is_elsewhere(self, channel: Channel, stream: ReadStream, unsent: Unsent) -> None:
        """What is in memory and unmarked, and not pending for us on this server, was read in another history.

        If the server has it, it comes again, for here it was never delivered; also after another change back to it.
        """

        def held() -> set[bytes]:
            return unsent(stream.key) | {_base(entry_id) for entry_id, _ in stream.backlog}

        ids = held()
        if not ids:
            return
        first, last = (edge(ids, key=entry_key) for edge in (min, max))
        after, there = first, set[bytes]()
        while after:
            try:
                rows = await channel.call(
                    "XPENDING", stream.raw, self._group, after, last, _PENDING_AT_ONCE, self._consumer
                )
            except StoreRefused as error:
                if "NOGROUP" not in str(error):
                    raise
                rows = []
            there.update(row[0] for row in rows)
            after = b"(" + rows[-1][0] if len(rows) == _PENDING_AT_ONCE else b""
        elsewhere = (ids - there) & held()  # not what was settled meanwhile
        if elsewhere:
            stream.backlog = [entry for entry in stream.backlog if _base(entry[0]) not in elsewhere]
            stream.forget(elsewhere)
            if self._forget is not None:
                self._forget(stream.key, elsewhere)

    async def _close(self) -> None:
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    def _opened(self) -> Channel:
        if self._channel is None:
            raise StoreAway("the reader has no connection")
        return self._channel

    async def _round(self) -> None:
        """One exchange with Redis, or a wait for room."""
        self._news.clear()
        self._deliver_backlogs()
        for stream in [stream for stream in self._streams.values() if stream.pending]:
            await self._recover(stream)
        asked = [(stream, self._entries_wanted(stream)) for stream in self._streams.values() if not stream.pending]
        asked = [(stream, count) for stream, count in asked if count > 0]
        if not asked:
            await self._news.wait()
            return
        busy = [(stream, count) for stream, count in asked if stream.busy]
        calm = [(stream, count) for stream, count in asked if not stream.busy]
        commands = [self._command([stream], count) for stream, count in busy]
        if calm:
            least = min(count for _, count in calm)
            commands.append(self._command([stream for stream, _ in calm], least, block=not busy))
        if busy:
            self._take(await self._opened().calls(commands))
        elif not self._news.is_set():
            await self._read_blocking(commands[0], frozenset(stream.raw for stream, _ in calm))

    def _entries_wanted(self, stream: ReadStream) -> int:
        if stream.backlog:
            return 0
        room = self._room(stream.key)
        return min(int(-(-room // stream.weight)), ENTRIES_AT_ONCE) if room > 0 else 0

    def _command(self, streams: Sequence[ReadStream], count: int, *, block: bool = False) -> list[Arg]:
        command: list[Arg] = ["XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count]
        if block:
            command += ["BLOCK", BLOCK_MS]
        command.append("STREAMS")
        command += [stream.raw for stream in streams]
        command += [b">"] * len(streams)
        for stream in streams:
            stream.asked = count
        return command

    async def _read_blocking(self, command: list[Arg], streams: frozenset[bytes]) -> None:
        self._blocked_on = streams
        try:
            replies = [await self._opened().call(*command, wait_s=BLOCK_MS / 1000)]
        except StoreRefused as error:
            replies = [error]
        finally:
            self._blocked_on = None
        self._take(replies)

    def _take(self, replies: list[Any]) -> None:
        for stream in self._streams.values():
            stream.busy = False
        for reply in replies:
            if isinstance(reply, StoreError):
                self._refused(reply)
                continue
            for raw, entries in reply or ():
                stream_read = self._streams.get(raw)
                # Removed while the command was out: its entries stay pending and come when it is added again. Added
                # again meanwhile: they come with those that were pending before, in their order.
                if stream_read is not None and entries and not stream_read.pending:
                    self._take_entries(stream_read, entries)

    def _take_entries(self, stream: ReadStream, entries: list[Any]) -> None:
        stream.take(entries)
        stream.busy = len(entries) >= stream.asked
        messages = expand(entries)
        stream.weight = len(messages) / len(entries)
        self._hand_over(stream, messages, pending=False)

    def _hand_over(self, stream: ReadStream, messages: list[Entry], *, pending: bool) -> None:
        """Deliver what there is room for and keep the rest.

        Ends with a ``room`` of 0 where something is kept: who says so knows that a ``wake`` is waited for.
        """
        stream.backlog = messages
        while stream.backlog and (room := self._room(stream.key)) > 0:
            taken, stream.backlog = stream.backlog[:room], stream.backlog[room:]
            self._deliver(stream.key, taken, pending)

    def _deliver_backlogs(self) -> None:
        for stream in list(self._streams.values()):
            if stream.backlog:
                # Nothing else is read while there is a backlog, so it is of one kind.
                self._hand_over(stream, stream.backlog, pending=not stream.recovered)

    def _refused(self, error: StoreError) -> None:
        """A stream that was deleted under us takes its group along: make it again, from its beginning."""
        if "NOGROUP" not in str(error):
            raise error
        for stream in self._streams.values():
            stream.look_back()
            if f"'{stream.key}'" in str(error):
                stream.last = b"0"

    async def _recover(self, stream: ReadStream) -> None:
        """Make the group if need be and read own pending entries that never arrived here."""
        channel = self._opened()
        try:
            await channel.call("XGROUP", "CREATE", stream.raw, self._group, "0", "MKSTREAM")
        except StoreRefused as error:
            if "BUSYGROUP" not in str(error) and "already exists" not in str(error):
                raise
        while not stream.backlog:
            reply = await channel.call(
                "XREADGROUP", "GROUP", self._group, self._consumer,
                "COUNT", ENTRIES_AT_ONCE, "STREAMS", stream.raw, stream.cursor or stream.begin(),
            )  # fmt: skip
            entries = reply[0][1] if reply else []
            if not entries:
                stream.end_pending()
                return
            messages = await self._waiting_still(channel, stream, entries)
            fresh = {entry[0] for entry in stream.take_pending(entries)}
            messages = [message for message in messages if _base(message[0]) in fresh]
            self._hand_over(stream, messages, pending=not stream.recovered)

    async def _waiting_still(self, channel: Channel, stream: ReadStream, entries: list[Any]) -> list[Entry]:
        """Messages of pending entries, without those that were settled or deleted."""
        deleted = [entry_id for entry_id, fields in entries if not fields]
        if deleted:
            await channel.call("XACK", stream.raw, self._group, *deleted)
        there = [entry for entry in entries if entry[1]]
        shared = [entry_id for entry_id, fields in there if is_shared(fields)]
        if not shared:
            return expand(there)
        found = await channel.call("HMGET", keys.part(stream.key), *shared)
        masks = {entry_id: int(mask) for entry_id, mask in zip(shared, found, strict=True) if mask}
        return unsettled(expand(there), masks)

    async def _serve_wakes(self) -> None:
        """Deliver backlogs where there is room, and end a blocking read that does not cover everybody."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self._blocked_on is None:
                continue
            self._deliver_backlogs()
            blocked_on = self._blocked_on
            streams = self._streams.items()
            if all((raw in blocked_on and not stream.pending) or not self._wants(stream) for raw, stream in streams):
                continue
            try:
                await self._store.command(self._partition, "CLIENT", "UNBLOCK", self._client_id)
            except StoreError:
                # The reader meets the same loss; at worst it reads again after BLOCK_MS.
                continue

    def _wants(self, stream: ReadStream) -> bool:
        return not stream.backlog and self._room(stream.key) > 0


def _base(entry_id: bytes) -> bytes:
    """The entry that a message is in."""
    return entry_id.partition(b":")[0]


async def waiting_messages(store: Store, stream: str) -> int:
    """How many messages of a stream are not settled. Raises StoreError."""
    count = await store.command(keys.partition_of_key(stream), "HGET", keys.part(stream), "n")
    return int(count or 0)
