"""What of a carrier's streams is in memory: at most a few windows of messages in each lane.

A job passes through a lane in two steps. *Waiting*: read from the store, must not be written to the
carrier yet. *Ready*: the store durably knows that it may have been written (the high-water mark has
passed it), so that after a crash exactly the ready ones are uncertain. Jobs that come back (throttled,
link lost) go to a heap by their original order and are sent before anything newer: order is kept.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smsgw.gateway.outgoing import Shipment
    from smsgw.store.envelope import Envelope

LANES = 3

Order = tuple[int, int, int]


class Job:
    """One accepted message on its way to a carrier.

    ``todo`` are the segments still to be sent, in order; ``open_segments`` how many have no outcome yet;
    ``order`` the entry id as numbers; ``states`` what query_sm will answer for segments that ended here.
    ``queued`` is True while a lane or a bind will come back to it. Segments are those of ``shipment``, the message as
    the carrier takes it; until that is made, those that the application sent. ``told`` are those of the application's
    whose end was reported.
    """

    __slots__ = (
        "entry_id", "envelope", "lane", "open_segments", "order", "queued", "shipment", "states", "stream", "todo",
        "told",
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
        self.states: list[tuple[str, bytes]] = []
        self.shipment: Shipment | None = None
        self.told: set[int] = set()

    def fit(self, shipment: Shipment) -> None:
        """This is how the carrier gets it; before anything of it is sent."""
        self.shipment = shipment
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

    def original(self, index: int) -> int:
        """The first of the application's segments for which segment ``index`` stands."""
        return self.shipment.stands_for[index][0] if self.shipment is not None else index

    def ends(self, index: int) -> list[int]:
        """The application's segments that end with segment ``index`` and were not told of yet; they count as told."""
        stands_for = self.shipment.stands_for[index] if self.shipment is not None else (index,)
        new = [original for original in stands_for if original not in self.told]
        self.told.update(new)
        return new

    def __lt__(self, other: Job) -> bool:
        return self.order < other.order


class Lane:
    """The jobs of one stream that are in memory."""

    __slots__ = ("_again", "marking", "ready", "starved", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.ready: deque[Job] = deque()
        self._again: list[Job] = []
        #: A high-water mark is on its way to the store.
        self.marking = False
        #: The reader was told that there is no room; it must be woken when there is.
        self.starved = False

    def __len__(self) -> int:
        return len(self.waiting) + len(self.ready) + len(self._again)

    @property
    def sendable(self) -> int:
        """Jobs that may be written now."""
        return len(self.ready) + len(self._again)

    @property
    def is_halfway(self) -> bool:
        """One of the jobs that came back is a long message of which other segments were sent."""
        return any(not job.is_whole for job in self._again)

    def again(self, job: Job) -> None:
        """Take a job back; it goes out before anything newer than itself."""
        heapq.heappush(self._again, job)

    def pop(self) -> Job | None:
        """The oldest job that may be written."""
        if self._again and (not self.ready or self._again[0] < self.ready[0]):
            return heapq.heappop(self._again)
        return self.ready.popleft() if self.ready else None

    def to_mark(self, count: int) -> bytes | None:
        """The entry id that the mark must reach so that ``count`` more jobs become ready; None when nothing waits."""
        if not self.waiting:
            return None
        return self.waiting[min(count, len(self.waiting)) - 1].entry_id

    def take_ready(self) -> list[Job]:
        """Take out everything that might be written, oldest first."""
        jobs = sorted((*self._again, *self.ready))
        self._again.clear()
        self.ready.clear()
        return jobs

    def marked(self, order: Order) -> None:
        """The mark is durable up to ``order``."""
        waiting, ready = self.waiting, self.ready
        while waiting and waiting[0].order <= order:
            ready.append(waiting.popleft())

    def remove(self, moves: Callable[[Job], bool]) -> None:
        """Take out the jobs for which ``moves`` says True, asked oldest first; the others stay as they are."""
        self._again = [job for job in sorted(self._again) if not moves(job)]
        self.ready = deque(job for job in self.ready if not moves(job))
        self.waiting = deque(job for job in self.waiting if not moves(job))
