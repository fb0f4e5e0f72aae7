"""Reading streams: one blocking connection a partition for all its streams of one kind.

Owns the consumer group, own pending entries after a start, entries whose reply was lost with a connection,
and asking only for what there is room for. Streams that returned all they were asked for are read
alone and without blocking; the others share one command that blocks when nobody has anything.
An entry is delivered once a process: after a lost connection the reader asks its pending list for what
follows the last entry that it has delivered. Order inside a stream is kept, between streams there is none.
``Marks`` are the durable "written up to here" of each consumer and stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from smsgw.errors import StoreAway, StoreError, StoreRefused
from smsgw.store import keys
from smsgw.store.channel import Channel
from smsgw.store.connection import Store

Entry = tuple[bytes, list[bytes]]
"""Entry id and its fields: name, value, name, value …"""
Deliver = Callable[[str, list[Entry], bool], None]

MOST_AT_ONCE: Final = 512
BLOCK_MS: Final = 2_000
_BACKOFF_FIRST_S: Final = 0.02
_BACKOFF_LAST_S: Final = 1.0


def entry_key(entry_id: bytes | str) -> tuple[int, int]:
    """What orders entry ids: ``b"1700-3"`` → (1700, 3). Raises ValueError for other text."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    ms, _, sequence = text.partition("-")
    return int(ms), int(sequence or 0)


class _Stream:
    """What the reader knows of one stream."""

    __slots__ = ("asked", "busy", "key", "last", "pending", "raw", "recovered")

    def __init__(self, key: str) -> None:
        self.key = key
        self.raw = key.encode()
        self.last = b"0"
        # True until its own pending entries behind ``last`` have been read.
        self.pending = True
        # True once they have been read for the first time: later ones were never delivered.
        self.recovered = False
        self.busy = False
        self.asked = 0


class StreamReader:
    """Reads the streams of one partition for one consumer and hands entries to ``deliver(stream, entries, pending)``.

    ``pending`` True: left by an earlier life of this consumer, maybe written to a carrier already.
    ``room(stream)``: how many entries may come now; 0 leaves the stream alone until ``wake()``.
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
    ) -> None:
        self._store = store
        self._partition = partition
        self._group = group
        self._consumer = consumer
        self._deliver = deliver
        self._room = room
        self._on_error = on_error
        self._streams: dict[bytes, _Stream] = {}
        self._news = asyncio.Event()
        self._channel: Channel | None = None
        self._client_id = 0
        self._blocked = False
        self._unblock = asyncio.Event()

    def add(self, stream: str) -> None:
        """Read this stream too (a whole key of this partition), its pending entries first."""
        if stream.encode() not in self._streams:
            self._streams[stream.encode()] = _Stream(stream)
            self.wake()

    def remove(self, stream: str) -> None:
        """Read it no more. What was delivered stays pending until it is settled."""
        self._streams.pop(stream.encode(), None)
        self.wake()

    def wake(self) -> None:
        """A stream was added or has room again. Cheap; at most one command a turn goes to Redis for it."""
        self._news.set()
        if self._blocked:
            self._unblock.set()

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._unblocker(), name=f"unblock {keys.TAGS[self._partition]}")
            await self._read_for_ever()

    async def _read_for_ever(self) -> None:
        backoff_s = _BACKOFF_FIRST_S
        try:
            while True:
                try:
                    await self._open()
                    while True:
                        await self._round()
                        backoff_s = _BACKOFF_FIRST_S
                except StoreError as error:
                    await self._close()
                    if self._on_error is not None:
                        self._on_error(error)
                    await asyncio.sleep(backoff_s)
                    backoff_s = min(backoff_s * 2, _BACKOFF_LAST_S)
        finally:
            await self._close()

    async def _open(self) -> None:
        channel = await self._store.dedicated(self._partition)
        self._channel = channel
        self._client_id = int(await channel.call("CLIENT", "ID"))
        for stream in self._streams.values():
            # What was on its way to us when the connection went is pending, and was never seen.
            stream.pending = True

    async def _close(self) -> None:
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def _round(self) -> None:
        """One exchange with Redis, or a wait for room."""
        self._news.clear()
        fresh = [stream for stream in self._streams.values() if stream.pending]
        for stream in fresh:
            await self._recover(stream)
        rooms = [(stream, min(self._room(stream.key), MOST_AT_ONCE)) for stream in self._streams.values()]
        rooms = [(stream, room) for stream, room in rooms if room > 0 and not stream.pending]
        if not rooms:
            if not fresh or not self._news.is_set():
                await self._news.wait()
            return
        busy = [(stream, room) for stream, room in rooms if stream.busy]
        calm = [(stream, room) for stream, room in rooms if not stream.busy]
        commands = [self._command([stream], room) for stream, room in busy]
        if calm:
            least = min(room for _, room in calm)
            commands.append(self._command([stream for stream, _ in calm], least, block=not busy))
        await self._exchange(commands, blocking=not busy)

    def _command(self, streams: Sequence[_Stream], count: int, *, block: bool = False) -> list[str | bytes | int]:
        command: list[str | bytes | int] = ["XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count]
        if block:
            command += ["BLOCK", BLOCK_MS]
        command.append("STREAMS")
        command += [stream.raw for stream in streams]
        command += [b">"] * len(streams)
        for stream in streams:
            stream.asked = count
        return command

    async def _exchange(self, commands: list[list[str | bytes | int]], *, blocking: bool) -> None:
        channel = self._channel
        if channel is None:
            raise StoreAway("the reader has no connection")
        if not blocking:
            replies = await channel.calls(commands)
        elif self._news.is_set():
            return
        else:
            self._blocked = True
            try:
                replies = [await channel.call(*commands[0], wait_s=BLOCK_MS / 1000)]
            except StoreRefused as error:
                replies = [error]
            finally:
                self._blocked = False
        for stream in self._streams.values():
            stream.busy = False
        for reply in replies:
            if isinstance(reply, StoreError):
                self._refused(reply)
            elif reply:
                for raw, entries in reply:
                    self._hand_over(raw, entries)

    def _hand_over(self, raw: bytes, entries: list[Any]) -> None:
        stream = self._streams.get(raw)
        if stream is None or not entries:
            # Removed while the command was out: its entries stay pending and come when it is added again.
            return
        stream.last = entries[-1][0]
        stream.busy = len(entries) >= stream.asked
        self._deliver(stream.key, entries, False)

    def _refused(self, error: StoreError) -> None:
        """A stream that was deleted under us takes its group along: make it again, from its beginning."""
        if "NOGROUP" not in str(error):
            raise error
        for stream in self._streams.values():
            stream.pending = True
            if stream.raw.decode() in str(error):
                stream.last = b"0"

    async def _recover(self, stream: _Stream) -> None:
        """Make the group if need be and read own pending entries behind the last one delivered."""
        channel = self._channel
        if channel is None:
            raise StoreAway("the reader has no connection")
        try:
            await channel.call("XGROUP", "CREATE", stream.raw, self._group, "0", "MKSTREAM")
        except StoreRefused as error:
            if "BUSYGROUP" not in str(error) and "already exists" not in str(error):
                raise
        while True:
            room = min(self._room(stream.key), MOST_AT_ONCE)
            if room <= 0:
                return
            reply = await channel.call(
                "XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", room, "STREAMS", stream.raw, stream.last
            )
            entries = reply[0][1] if reply else []
            if entries:
                stream.last = entries[-1][0]
                # An entry that was deleted while pending comes without fields.
                kept = [entry for entry in entries if entry[1]]
                if kept:
                    self._deliver(stream.key, kept, not stream.recovered)
            if len(entries) < room:
                break
        stream.pending = False
        stream.recovered = True

    async def _unblocker(self) -> None:
        """Ends the blocking read when something changed; on another connection, as it must be."""
        while True:
            await self._unblock.wait()
            self._unblock.clear()
            if self._blocked:
                try:
                    await self._store.command(self._partition, "CLIENT", "UNBLOCK", self._client_id)
                except StoreError:
                    # The reader meets the same loss; at worst it reads again after BLOCK_MS.
                    continue
