"""Dispatch: stream → look again → shaping → carrier.

One queue per carrier. It reads at most a few windows ahead, so that everything else waits in the store;
it sends only what the store's high-water mark has passed, so that a crash leaves exactly those uncertain; it
sends lanes in strict order (verification codes, notices, marketing), the segments of a message over one
bind in order, and what comes back before anything newer. What becomes of an answer is ``outcomes``.
"""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from smsgw.errors import StoreError
from smsgw.gateway.account_lines import AccountLines
from smsgw.gateway.lanes import Job, Lane, LaneStreams, Order
from smsgw.gateway.outgoing import Outgoing
from smsgw.policy.lanes import LANES, LanePlan
from smsgw.smpp.convert import Unfit
from smsgw.smpp.pdu import with_header
from smsgw.store.entries import Entry, entry_key
from smsgw.store.envelope import Envelope

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind
    from smsgw.carrier.pool import Pool
    from smsgw.gateway.context import Context
    from smsgw.gateway.direct import DirectFlight
    from smsgw.gateway.last_look import LastLook
    from smsgw.gateway.outcomes import Outcomes

#: Messages of one lane in memory: some windows, so that the carrier never waits for the store.
MIN_BUFFER = 64
BUFFER_WINDOWS = 4
#: While all binds of a carrier are down, look this often whether its messages should move.
FAILOVER_PERIOD_S = 1.0
#: A mark that the store refused is asked for again after this.
MARK_RETRY_S = 1.0
#: The loop's clock has milliseconds; waiting less would turn it round and round.
SHORTEST_WAIT_S = 0.001


class Flight:
    """One segment at the carrier, unanswered."""

    __slots__ = ("index", "is_over", "job", "sent_at_s")

    def __init__(self, job: Job, index: int, sent_at_s: float) -> None:
        self.job = job
        self.index = index
        self.sent_at_s = sent_at_s
        #: Answered, or nobody waits for its answer any longer.
        self.is_over = False


class CarrierQueue:
    """Everything of one carrier between the store's streams and its binds."""

    def __init__(self, context: Context, pool: Pool, outcomes: Outcomes, last_look: LastLook) -> None:
        self._context = context
        self._outcomes = outcomes
        self._stops = last_look.stops
        self._loop = asyncio.get_running_loop()
        self.name = pool.name
        #: The carrier was taken out of the site: what waits for it moves.
        self._leaving = False
        #: By order of staff: nothing new over this carrier; and what takes messages out of its queue.
        self._suspended = False
        self._takes: Callable[[CarrierQueue, Job], bool] | None = None
        #: One lane per partition and class: high-water marks are per stream.
        self._lanes: dict[str, Lane] = {}
        self._by_class = tuple(LaneStreams() for _ in range(LANES))
        self._sendable = [0] * LANES
        self._lines: AccountLines | None = None
        #: A long message of which segments are left, by its bind.
        self._unfinished: dict[Bind, Job] = {}
        self._pump_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._wake_s = 0.0
        self.renew(pool)

    def renew(self, pool: Pool) -> None:
        """From now on these are the carrier's binds, with these settings; also of one that had been taken out."""
        self.pool = pool
        settings = pool.settings
        self._outgoing = Outgoing(settings)
        self.plan = LanePlan(pool.throttle, self._sendable, settings.reserved)
        self._dissolve_lines()
        self._lines = AccountLines(settings.account_rates, self._outcomes.put_off) if settings.account_rates else None
        self._size()
        self._leaving = False
        self.pump_soon()

    def _size(self) -> None:
        """How much is in memory: some windows, which may have changed."""
        self._chunk = max(self.pool.window_total, 1)
        self._capacity = max(MIN_BUFFER, BUFFER_WINDOWS * self._chunk)

    def leave(self) -> None:
        """The carrier is not in the site any more: what waits for it, here and in the store, moves by its route."""
        self._leaving = True
        self.pump_soon()
        self._context.wake_readers()

    # -- from the store

    def add_stream(self, stream: str, lane: int) -> None:
        """A stream whose entries come to ``arrived``."""
        self._lanes[stream] = added = Lane(lane, self._sendable)
        self._by_class[lane].add(added)

    def room(self, stream: str) -> int:
        """How many more entries of this stream may be read; 0 while nothing could be done with them."""
        lane = self._lanes[stream]
        usable = self.pool.up or self._leaving or self._takes is not None or self._failing_over()
        room = max(0, self._capacity - len(lane)) if usable else 0
        lane.starved = room == 0
        return room

    def arrived(self, stream: str, lane: int, entries: list[Entry], pending: bool, mark: Order) -> None:
        """Entries read from a stream.

        ``pending`` ones were read before a restart; those of them up to ``mark`` may be at the carrier.
        """
        target = self._lanes[stream]
        for job in self._jobs(stream, lane, entries):
            if pending and job.order <= mark:
                if not self._outcomes.resend_uncertain(self, job):
                    continue
                target.again(job)
            else:
                target.waiting.append(job)
        if self._takes is not None:
            self._sweep(self._takes)
        self.pump_soon()

    # -- orders of staff

    def order(self, suspended: bool, takes: Callable[[CarrierQueue, Job], bool] | None) -> None:
        """Whether nothing new goes over this carrier, and what takes out those of its messages that it says True of."""
        if takes is None and (suspended, takes) == (self._suspended, self._takes):
            return
        self._suspended, self._takes = suspended, takes
        if takes is not None:
            self._sweep(takes)
        self._context.wake_readers()
        self.pump_soon()

    def _sweep(self, takes: Callable[[CarrierQueue, Job], bool]) -> None:
        self._take_out(lambda job: job.is_whole and takes(self, job))

    def taken_over(self, stream: str, lane: int, entries: list[Entry], mark: Order) -> None:
        """What another process had read before it died, and may have written up to ``mark``; it stays that one's."""
        for job in self._jobs(stream, lane, entries):
            if job.order > mark or self._outcomes.resend_uncertain(self, job):
                self._outcomes.requeue(self, job)

    def hand_over(self) -> None:
        """Other processes have the carrier's binds, and this one none: they may send what is in memory here."""

        def moves(job: Job) -> bool:
            if job.is_whole:
                self._outcomes.requeue(self, job)
            return job.is_whole

        self._take_out(moves)

    def _jobs(self, stream: str, lane: int, entries: list[Entry]) -> Iterator[Job]:
        open_sealed = self._context.store.sealer.open
        for entry_id, fields in entries:
            try:
                envelope = Envelope.unpack(open_sealed(fields[1]))
            except StoreError as error:
                # It stays pending and is read again at the next start: its key may have come back by then.
                self._context.log(
                    "store.entry_unreadable", {"stream": stream, "entry": entry_id.decode(), "why": str(error)}
                )
                continue
            yield Job(stream, entry_id, entry_key(entry_id), lane, envelope)

    # -- pumping

    def pump_soon(self) -> None:
        """Send what can be sent, once in this loop turn."""
        if not self._pump_due:
            self._pump_due = True
            self._loop.call_soon(self._pump)

    @property
    def waiting(self) -> list[int]:
        """Jobs in memory, by lane, without those that wait for their account's rate."""
        return [sum(len(lane) for lane in lanes) for lanes in self._by_class]

    def _pump(self) -> None:
        self._pump_due = False
        now_s = self._loop.time()
        if self._leaving:
            return self._pump_leaving(now_s)
        if not self.pool.up:
            if self._suspended or self._failing_over():
                self._move_away("all binds are down")
            return
        unfinished = self._unfinished
        if unfinished:
            for bind, job in tuple(unfinished.items()):
                del unfinished[bind]
                if self._stops(self, job):
                    continue
                if not self._send(bind, job, now_s):
                    return self._more_later()
        if self._suspended:
            self._move_away("the carrier is suspended")
            return self._more_later()
        if self._lines is not None and self._lines:
            self._let_pass(self._lines, now_s)
        self._send_waiting(now_s)
        self._more_later()

    def _send_waiting(self, now_s: float) -> None:
        """Whole messages, lane by lane as the plan says, until nothing waits or something says stop."""
        plan, pool, lines = self.plan, self.pool, self._lines
        burst, bind = 0, None
        while (index := plan.next()) >= 0:
            if burst <= 0 or bind is None:
                bind = pool.pick(now_s)
                if bind is None:
                    return self._no_bind(now_s)
                # Half of the room of the bind that has most, then ask again: even enough, and cheaper than each time.
                burst = (bind.free + 1) // 2 if bind.bucket is None else 1
            if bind.free <= plan.kept(index, bind.window):
                return pool.window_full()
            job = self._by_class[index].pop()
            if job is None or (lines is not None and not lines.passes(job, now_s)):
                continue
            burst -= len(job.todo)
            if self._stops(self, job):
                continue
            if not self._send(bind, job, now_s):
                return None
        return None

    def _no_bind(self, now_s: float) -> None:
        """Something waits, and no bind may take it: an answer will make room, or a bind's own rate lets it pass."""
        wait_s = self.pool.bind_wait_s(now_s)
        if wait_s:
            self._wake_in(wait_s)
        else:
            self.pool.window_full()

    def _send(self, bind: Bind, job: Job, now_s: float) -> bool:
        """Send the segments of a job that the bind and the rate let through; False when a rate said stop."""
        plan, lane, bucket = self.plan, job.lane, bind.bucket
        shipment = job.shipment
        if shipment is None:
            made = self._outgoing.ship(job.envelope)
            if isinstance(made, Unfit):
                self._outcomes.unfit(self, job, made)
                return True
            job.fit(made)
            shipment = made
        todo = job.todo
        while todo:
            if not bind.free:
                self._keep(bind, job)
                return True
            segments = shipment.segments[todo[0]]
            wait_s = plan.take(lane, segments, now_s)
            if wait_s:
                self._keep(bind, job)
                self._wake_in(wait_s)
                return False
            if bucket is not None and (wait_s := bucket.take(segments, now_s)):
                plan.give_back(lane, segments)
                self._keep(bind, job)
                self._wake_in(wait_s)
                return not job.is_whole
            plan.sent(lane, segments)
            index = todo.pop(0)
            sequence_number = bind.next_sequence()
            flight = Flight(job, index, now_s)
            bind.submit(with_header(shipment.pdus[index], sequence_number), sequence_number, flight)
            self._outcomes.sent(self, bind, flight)
        job.queued = False
        return True

    def _keep(self, bind: Bind, job: Job) -> None:
        """The job can't go on now: stay with its bind once a segment of it is there, else wait for any."""
        if job.is_whole or not bind.up:
            self.put_back(job)
        else:
            job.queued = True
            self._unfinished[bind] = job

    def _let_pass(self, lines: AccountLines, now_s: float) -> None:
        """Whose account's rate allows it goes back into its lane, before anything newer."""
        due, wait_s = lines.turns(now_s)
        for job in due:
            self.put_back(job)
        if wait_s:
            self._wake_in(wait_s)

    def _dissolve_lines(self) -> None:
        if self._lines is not None:
            for job in self._lines.dissolve():
                self.put_back(job)

    def _take_out(self, moves: Callable[[Job], bool]) -> None:
        """Whatever ``moves`` says True of leaves the memory of this queue."""
        self._dissolve_lines()
        for lane in self._lanes.values():
            lane.remove(moves)

    def put_back(self, job: Job) -> None:
        """The job goes out again, before anything newer than itself."""
        job.queued = True
        self._lanes[job.stream].again(job)

    def send_again(self, job: Job, index: int) -> None:
        """Segment ``index`` was sent and must be sent once more."""
        bisect.insort(job.todo, index)
        if not job.queued:
            self.put_back(job)
        self.pump_soon()

    def send_direct(self, pdu: bytes, flight: DirectFlight, now_s: float) -> bool:
        """Send a segment that is in no stream; False when no bind has room or the rate says no."""
        bind, alone = self.pool.pick(now_s), self._outgoing.alone(pdu)
        if bind is None or alone is None or self.plan.take(0, 1, now_s):
            return False
        if bind.bucket is not None:
            bind.bucket.take(1, now_s)  # ``pick`` has seen that it lets one pass
        sequence_number = bind.next_sequence()
        bind.submit(with_header(alone, sequence_number), sequence_number, flight)
        return True

    def bind_lost(self, bind: Bind) -> None:
        """The rest of a long message goes over another bind; there is no better way left."""
        job = self._unfinished.pop(bind, None)
        if job is not None:
            self.put_back(job)

    def _more_later(self) -> None:
        """Let more jobs become ready, and have the reader bring more."""
        if self._context.closing:
            return
        wake = False
        for stream, lane in self._lanes.items():
            if not lane.marking and lane.waiting and lane.sendable < self._chunk:
                self._mark(stream, lane)
            wake = wake or (lane.starved and len(lane) <= self._capacity // 2)
        if wake:
            self._context.wake_readers()

    def _mark(self, stream: str, lane: Lane) -> None:
        target = lane.to_mark(self._chunk)
        assert target is not None
        lane.marking = True
        order = entry_key(target)

        def durable(error: StoreError | None) -> None:
            lane.marking = False
            if error is not None:
                self._context.log("store.mark_refused", {"stream": stream, "why": str(error)})
                self._loop.call_later(MARK_RETRY_S, self.pump_soon)
                return
            lane.marked(order)
            self.pump_soon()

        self._context.marks.advance(stream, target, durable)

    def _wake_in(self, wait_s: float) -> None:
        wait_s = max(wait_s, SHORTEST_WAIT_S)
        # Not ``when()``: for a wait below a millisecond uvloop gives a plain Handle, which has none.
        wake_s = self._loop.time() + wait_s
        if self._timer is not None:
            if self._wake_s <= wake_s:
                return
            self._timer.cancel()
        self._timer, self._wake_s = self._loop.call_later(wait_s, self._woken), wake_s

    def _woken(self) -> None:
        self._timer = None
        self.pump_soon()

    def give_back(self) -> None:
        """Shutting down: what was marked but not sent goes to the end of its stream, so that it is not uncertain."""
        self._dissolve_lines()
        for lane in self._lanes.values():
            for job in lane.take_ready():
                if job.is_whole:
                    self._outcomes.requeue(self, job)
                else:
                    lane.again(job)

    @property
    def is_halfway(self) -> bool:
        """A long message is at the carrier with some of its segments only."""
        return bool(self._unfinished) or any(lane.is_halfway for lane in self._lanes.values())

    # -- a carrier that was taken out

    def _pump_leaving(self, now_s: float) -> None:
        """Messages that are there in part are ended over the binds that they began on; all others move."""
        for bind, job in tuple(self._unfinished.items()):
            del self._unfinished[bind]
            if not self._stops(self, job):
                self._send(bind, job, now_s)

        def moves(job: Job) -> bool:
            if job.is_whole or not any(bind.up for bind in self.pool.binds):
                self._outcomes.carrier_gone(self, job)
                return True
            return False

        self._take_out(moves)
        self._more_later()

    # -- a carrier that is down

    def _age(self) -> None:
        age_after_s = self.pool.settings.age_after_s
        if not age_after_s:
            return
        born_ms = (self._context.wall_s() - age_after_s) * 1000
        for index, lanes in enumerate(self._by_class):
            self.plan.set_aged(index, any(0 < lane.oldest_ms < born_ms for lane in lanes))

    def _failing_over(self) -> bool:
        down_since_s = self.pool.down_since_s
        if down_since_s is None:
            return False
        return self._loop.time() - down_since_s >= self.pool.settings.failover_after_s

    def _move_away(self, why: str) -> None:
        """Nothing goes over this carrier: what waits here expires, or goes to a carrier of its route that is up."""

        def moves(job: Job) -> bool:
            if self._outcomes.is_over(self, job):
                return True
            return job.is_whole and self._outcomes.reroute(self, job, why, only_up=True)

        self._take_out(moves)

    def answered(self, flight: Flight, now_s: float) -> None:
        """A segment was answered, and what its answer means has been seen to."""
        self.pool.answer_took(now_s - flight.sent_at_s, now_s)
        self.pump_soon()

    def tick(self) -> None:
        """Called each FAILOVER_PERIOD_S: a carrier that stays down has nothing else to wake its queue."""
        self._size()
        self._age()
        if self._suspended or (not self.pool.up and self._failing_over()):
            self._context.wake_readers()
            self.pump_soon()
