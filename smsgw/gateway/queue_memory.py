"""What of one carrier's streams is in memory: read, marked, and kept in order until it can be sent.

Owns the lanes with their streams, the lines of accounts that have a rate of their own, how much may be read ahead
(some windows of messages in each lane), and the high-water marks: a message becomes sendable when the store durably
knows that it may have been sent. Never sends and never decides what becomes of a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from smsgw.errors import StoreError
from smsgw.gateway.account_lines import AccountLines
from smsgw.gateway.lanes import Job, Lane, LaneStreams
from smsgw.policy.lanes import LANES
from smsgw.store.entries import Entry, entry_key, split
from smsgw.store.envelope import Envelope
from smsgw.store.keys import partition_of_key
from smsgw.store.marks import ReadElsewhere

if TYPE_CHECKING:
    from smsgw.gateway.context import Context

#: Messages of one lane in memory: some windows, so that the carrier never waits for the store.
MIN_BUFFER = 64
BUFFER_WINDOWS = 4
#: Messages of the first lane that may be read beyond that while they only come to go elsewhere.
READ_AHEAD = 512
#: A mark that the store refused is asked for again after this.
MARK_RETRY_S = 1.0


class QueueMemory:
    """``changed`` is called when something has become sendable."""

    def __init__(self, context: Context, changed: Callable[[], None]) -> None:
        self._context = context
        self._changed = changed
        #: By lane: what could be sent now.
        self.sendable = [0] * LANES
        self.lanes = tuple(LaneStreams() for _ in range(LANES))
        self.lines: AccountLines | None = None
        #: Verification codes are read although there are enough: they are too late here and go elsewhere.
        self.reading_ahead = False
        self._streams: dict[str, Lane] = {}
        self._chunk = 1
        self._capacity = MIN_BUFFER

    def add_stream(self, stream: str, lane: int) -> None:
        """A stream whose messages are kept here."""
        self._streams[stream] = added = Lane(lane, self.sendable)
        self.lanes[lane].add(added)

    def size(self, window_total: int, share: float) -> None:
        """How many requests may be unanswered, and which part of the carrier's rate is this process's."""
        if self.lines is not None:
            self.lines.share_out(share)
        self._chunk = max(window_total, 1)
        self._capacity = max(MIN_BUFFER, BUFFER_WINDOWS * self._chunk)

    def limit(self, rates: Mapping[str, float], put_off: Callable[[Job, float], None]) -> None:
        """The accounts that have a rate of their own."""
        self._dissolve()
        self.lines = AccountLines(rates, put_off) if rates else None

    # -- coming in

    def room(self, stream: str, usable: bool) -> int:
        """How many more messages of this stream may be read; 0 while nothing could be done with them."""
        lane = self._streams[stream]
        room = max(0, self._capacity - len(lane)) if usable else 0
        if usable and self.reading_ahead and lane.index == 0:
            room = max(room, READ_AHEAD)
        lane.starved = room == 0
        return room

    def jobs(self, stream: str, lane: int, entries: list[Entry]) -> list[Job]:
        """What was read from a stream, opened."""
        open_sealed, unpack = self._context.store.sealer.open, Envelope.unpack
        jobs: list[Job] = []
        entry, order = b"", (0, 0, 0)
        for entry_id, fields in entries:
            try:
                envelope = unpack(open_sealed(fields[1]))
            except StoreError as error:
                # It stays pending and is read again at the next start: its key may have come back by then.
                self._context.log(
                    "store.entry_unreadable", {"stream": stream, "entry": entry_id.decode(), "why": str(error)}
                )
                continue
            base, _, index = entry_id.partition(b":")
            if base != entry:  # of up to 40 messages
                entry, order = base, entry_key(base)
            jobs.append(Job(stream, entry_id, (order[0], order[1], int(index or 0)), lane, envelope))
        return jobs

    def put(self, job: Job) -> None:
        """A new message, behind all others of its stream."""
        self._streams[job.stream].waiting.append(job)

    def put_back(self, job: Job) -> None:
        """The job goes out again, before anything newer than itself."""
        job.queued = True
        self._streams[job.stream].again(job)

    def unmarked(self, stream: str) -> set[bytes]:
        """Entries of a stream that no mark has reached."""
        return self._streams[stream].unmarked()

    def forget(self, stream: str, entries: set[bytes]) -> None:
        """Of these no mark has come true: they were read from a server that was cut off, and are not ours to send."""
        self._streams[stream].forget(entries)
        self.refill()

    # -- going out

    def let_pass(self, now_s: float) -> None:
        """Whose account's rate allows it by now is sendable again."""
        if self.lines:
            for job in self.lines.turns(now_s):
                self.put_back(job)

    def take_out(self, moves: Callable[[Job], bool], lanes: tuple[int, ...] = tuple(range(LANES))) -> None:
        """What ``moves`` says True of leaves; each stream is asked in order, oldest first."""
        self._dissolve()
        for index in lanes:
            for lane in self.lanes[index]:
                lane.remove(moves)

    def take_marked(self) -> Iterator[Job]:
        """Takes out everything that is marked as if it had been sent."""
        self._dissolve()
        for lane in self._streams.values():
            yield from lane.take_ready()

    def more(self) -> None:
        """Let more messages become sendable, and have the reader bring more."""
        for stream, lane in self._streams.items():
            if not lane.marking and lane.waiting and lane.sendable < self._chunk:
                self._mark(stream, lane)
        self.refill()

    def refill(self) -> None:
        """Have the reader bring more where it had to stop and there is room again."""
        if any(lane.starved and len(lane) <= self._capacity // 2 for lane in self._streams.values()):
            self._context.wake_readers()

    # -- how it stands

    @property
    def waiting(self) -> list[int]:
        """Messages in memory, by lane, without those that wait for their account's rate."""
        return [sum(len(lane) for lane in lanes) for lanes in self.lanes]

    @property
    def aside(self) -> int:
        """Messages in memory that wait for their account's rate."""
        return len(self.lines) if self.lines is not None else 0

    @property
    def is_halfway(self) -> bool:
        """A long message of which segments were sent waits for a bind."""
        return any(lane.is_halfway for lane in self._streams.values())

    def is_full(self, lane: int) -> bool:
        """Whether more of a lane may be in the store."""
        return any(len(each) > self._capacity // 2 for each in self.lanes[lane])

    def is_older(self, lane: int, born_ms: float) -> bool:
        """Whether something of a lane came into its stream before this, by Redis' clock."""
        return any(0 < each.oldest_ms < born_ms for each in self.lanes[lane])

    # -- inside

    def _dissolve(self) -> None:
        if self.lines is not None:
            for job in self.lines.dissolve():
                self.put_back(job)

    def _mark(self, stream: str, lane: Lane) -> None:
        target = lane.to_mark(self._chunk)
        assert target is not None
        lane.marking = True
        order = entry_key(target)

        def durable(error: StoreError | None) -> None:
            lane.marking = False
            if isinstance(error, ReadElsewhere) and split(target)[0] not in lane.unmarked():
                return self._changed()  # it left the queue and was settled before the mark came there
            if error is not None:
                self._context.log("store.mark_refused", {"stream": stream, "why": str(error)})
                if isinstance(error, ReadElsewhere):
                    self._context.mt_readers[partition_of_key(stream)].doubt()
                asyncio.get_running_loop().call_later(MARK_RETRY_S, self._changed)
                return
            lane.marked(order)
            self._changed()

        self._context.marks.advance(stream, target, durable)
