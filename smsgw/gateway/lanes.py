"""What of a carrier's streams is in memory: at most a few windows of messages in each lane.

A job passes through a lane in two steps. *Waiting*: read from the store, must not be written to the
carrier yet. *Ready*: the store durably knows that it may have been written (the high-water mark has
passed it), so that after a crash exactly the ready ones are uncertain. Jobs that come back (throttled,
link lost) go to a heap by their original order and are sent before anything newer: order is kept.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind
    from smsgw.gateway.outgoing import Shipment
    from smsgw.store.envelope import Envelope

#: Carriers wait some minutes for the rest of a long message, then the whole of it is lost.
SEGMENTS_LOST_S = 300.0

Order = tuple[int, int, int]


class Job:
    """One accepted message on its way to a carrier.

    ``todo`` are the segments still to be sent, in order; ``open_segments`` how many have no outcome yet;
    ``order`` the entry id as numbers; ``states`` what query_sm will answer for segments that ended here.
    ``queued`` is True while a lane or a bind will come back to it. Segments are those of ``shipment``, the message as
    the carrier takes it; until that is made, those that the application sent. ``told`` are those of the application's
    whose end was reported. ``paid``: its account's own rate at the carrier has let it through.
    """

    __slots__ = (
        "aside", "begun_s", "bind", "entry_id", "envelope", "lane", "open_segments", "order", "paid", "queued",
        "shipment", "states", "stream", "taken", "todo", "told",
    )  # fmt: skip

    def __init__(self, stream: str, entry_id: bytes, order: Order, lane: int, envelope: Envelope) -> None:
        self.stream = stream
        self.entry_id = entry_id
        self.order = order
        self.lane = lane
        self.envelope = envelope
        self.open_segments = len(envelope.pdus)
        self.todo = list(range(self.open_segments))
        self.queued = True
        self.paid = False
        self.states: tuple[tuple[str, bytes], ...] = ()
        self.shipment: Shipment | None = None
        #: Loop time at which it first had to wait with some of its segments sent; 0 while it has not.
        self.begun_s = 0.0
        #: Where its latest segment went.
        self.bind: Bind | None = None
        self.told: frozenset[int] = frozenset()
        #: Segments that the carrier refused, and those that were not sent any more, while it may move as a whole.
        self.aside: tuple[int, ...] = ()
        #: Some of it is at the carrier, or may be.
        self.taken = False

    def fit(self, shipment: Shipment) -> None:
        """This is how the carrier gets it; before anything of it is sent."""
        self.shipment = shipment
        if len(shipment.pdus) != self.open_segments:
            self.open_segments = len(shipment.pdus)
            self.todo = list(range(self.open_segments))

    @property
    def pdus(self) -> Sequence[bytes]:
        """What is sent."""
        return self.shipment.pdus if self.shipment is not None else self.envelope.pdus

    @property
    def is_whole(self) -> bool:
        """Nothing of it was sent yet."""
        return len(self.todo) == len(self.pdus)

    def waits(self, now_s: float) -> None:
        """It can't go on now; noted if some of it was sent."""
        if not self.begun_s and not self.is_whole:
            self.begun_s = now_s

    def is_lost(self, now_s: float) -> bool:
        """The carrier has waited too long for the rest of it."""
        return 0 < self.begun_s < now_s - SEGMENTS_LOST_S and not self.is_whole

    def original(self, index: int) -> int:
        """The first of the application's segments for which segment ``index`` stands."""
        return self.shipment.stands_for[index][0] if self.shipment is not None else index

    def ends(self, index: int) -> list[int]:
        """The application's segments that end with segment ``index`` and were not told of yet; they count as told."""
        ending = self.shipment.ends[index] if self.shipment is not None else (index,)
        new = [original for original in ending if original not in self.told]
        self.told = self.told.union(new)
        return new

    def __lt__(self, other: Job) -> bool:
        return self.order < other.order


class Flight:
    """One segment at the carrier, unanswered."""

    __slots__ = ("index", "is_over", "job", "sent_at_s")

    def __init__(self, job: Job, index: int, sent_at_s: float) -> None:
        self.job = job
        self.index = index
        self.sent_at_s = sent_at_s
        #: Answered, or nobody waits for its answer any longer.
        self.is_over = False


class Lane:
    """The jobs of one stream that are in memory. ``counts[index]`` is what can be sent of all streams of this lane."""

    __slots__ = ("_again", "_counts", "_ready", "index", "marking", "starved", "waiting")

    def __init__(self, index: int, counts: list[int]) -> None:
        self.index = index
        self._counts = counts
        self.waiting: deque[Job] = deque()
        self._ready: deque[Job] = deque()
        self._again: list[Job] = []
        #: A high-water mark is on its way to the store.
        self.marking = False
        #: The reader was told that there is no room; it must be woken when there is.
        self.starved = False

    def __len__(self) -> int:
        return len(self.waiting) + len(self._ready) + len(self._again)

    @property
    def sendable(self) -> int:
        """Jobs that may be written now."""
        return len(self._ready) + len(self._again)

    @property
    def is_halfway(self) -> bool:
        """One of the jobs that came back is a long message of which other segments were sent."""
        return any(not job.is_whole for job in self._again)

    @property
    def oldest_ms(self) -> int:
        """When the oldest of them came into its stream, by Redis' clock; 0 when there is none."""
        heads = [queue[0].order[0] for queue in (self._again, self._ready, self.waiting) if queue]
        return min(heads, default=0)

    def again(self, job: Job) -> None:
        """Take a job back; it goes out before anything newer than itself."""
        self._counts[self.index] += 1
        heapq.heappush(self._again, job)

    def pop(self) -> Job | None:
        """The oldest job that may be written."""
        ready = self._ready
        if self._again and (not ready or self._again[0] < ready[0]):
            self._counts[self.index] -= 1
            return heapq.heappop(self._again)
        if ready:
            self._counts[self.index] -= 1
            return ready.popleft()
        return None

    def to_mark(self, count: int) -> bytes | None:
        """The entry id that the mark must reach so that ``count`` more jobs become ready; None when nothing waits."""
        if not self.waiting:
            return None
        return self.waiting[min(count, len(self.waiting)) - 1].entry_id

    def unmarked(self) -> set[bytes]:
        """Entries of jobs that no mark has reached."""
        return {job.entry_id.partition(b":")[0] for job in self.waiting}

    def forget(self, entries: set[bytes]) -> None:
        """Drop the jobs of these entries that no mark has reached."""
        self.waiting = deque(job for job in self.waiting if job.entry_id.partition(b":")[0] not in entries)

    def take_ready(self) -> list[Job]:
        """Take out everything that might be written, oldest first."""
        jobs = sorted((*self._again, *self._ready))
        self._again.clear()
        self._ready.clear()
        self._counts[self.index] -= len(jobs)
        return jobs

    def marked(self, order: Order) -> None:
        """The mark is durable up to ``order``."""
        waiting, ready = self.waiting, self._ready
        before = len(ready)
        while waiting and waiting[0].order <= order:
            ready.append(waiting.popleft())
        self._counts[self.index] += len(ready) - before

    def remove(self, moves: Callable[[Job], bool]) -> None:
        """Take out the jobs for which ``moves`` says True, asked oldest first; the others stay as they are."""
        before = self.sendable
        self._again = [job for job in sorted(self._again) if not moves(job)]
        self._ready = deque(job for job in self._ready if not moves(job))
        self.waiting = deque(job for job in self.waiting if not moves(job))
        self._counts[self.index] += self.sendable - before


class LaneStreams:
    """The streams of one lane, one for each partition: served in turn."""

    __slots__ = ("_lanes", "_turn")

    def __init__(self) -> None:
        self._lanes: list[Lane] = []
        self._turn = 0

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes)

    def add(self, lane: Lane) -> None:
        """Another partition's."""
        self._lanes.append(lane)

    def pop(self) -> Job | None:
        """The oldest job that may be written, of the stream whose turn it is or the next that has one."""
        lanes = self._lanes
        if len(lanes) == 1:
            return lanes[0].pop()
        for _ in lanes:
            self._turn = (self._turn + 1) % len(lanes)
            job = lanes[self._turn].pop()
            if job is not None:
                return job
        return None
