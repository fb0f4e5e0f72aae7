"""Dispatch: stream → look again → shaping → carrier.

One queue per carrier. It reads at most a few windows ahead, so that everything else waits in the store, and sends
only what the store's high-water mark has passed, so that a crash leaves exactly those uncertain (``queue_memory``).
Lanes are sent as the plan says (``policy.lanes``), the segments of a message over one bind in order, and what comes
back before anything newer of its lane. What becomes of an answer is ``outcomes``.
"""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Callable
from typing import TYPE_CHECKING

from smsgw.gateway.alarm import Alarm
from smsgw.gateway.lanes import Flight, Job
from smsgw.gateway.last_look import Turn
from smsgw.gateway.late_codes import LateCodes
from smsgw.gateway.outgoing import Outgoing
from smsgw.gateway.queue_memory import QueueMemory
from smsgw.policy.lanes import LANES, LanePlan
from smsgw.smpp.convert import Unfit
from smsgw.smpp.pdu import with_header

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind
    from smsgw.carrier.pool import Pool
    from smsgw.gateway.context import Context
    from smsgw.gateway.direct import DirectFlight
    from smsgw.gateway.lanes import Order
    from smsgw.gateway.last_look import LastLook
    from smsgw.gateway.outcomes import Outcomes
    from smsgw.store.entries import Entry

#: While all binds of a carrier are down, look this often whether its messages should move.
FAILOVER_PERIOD_S = 1.0


class CarrierQueue:
    """Everything of one carrier between the store's streams and its binds."""

    def __init__(self, context: Context, pool: Pool, outcomes: Outcomes, last_look: LastLook) -> None:
        self._context = context
        self._outcomes = outcomes
        self._stops = last_look.stops
        self._leaves = last_look.leaves
        self._loop = asyncio.get_running_loop()
        self.name = pool.name
        #: The carrier was taken out of the site: what waits for it moves.
        self._leaving = False
        #: By order of staff: nothing new over this carrier; and what takes messages out of its queue.
        self._suspended = False
        self._takes: Callable[[CarrierQueue, Job], bool] | None = None
        self._memory = QueueMemory(context, self.pump_soon)
        self.unmarked, self.forget = self._memory.unmarked, self._memory.forget
        self._late_codes = LateCodes(context, self, self._memory, outcomes)
        #: A long message of which segments are left, by its bind.
        self._unfinished: dict[Bind, Job] = {}
        self._pump_due = False
        self._alarm = Alarm(self._loop, self.pump_soon)
        self.renew(pool)

    def renew(self, pool: Pool) -> None:
        """From now on these are the carrier's binds, with these settings; also of one that had been taken out."""
        self.pool = pool
        settings = pool.settings
        self._outgoing = Outgoing(settings, self._context.reference_share)
        self.plan = LanePlan(pool.throttle, self._memory.sendable, settings.reserved)
        self._memory.limit(settings.account_rates, self._outcomes.put_off)
        self._memory.size(pool.window_total, pool.share)
        self._leaving = False
        self.pump_soon()

    def leave(self) -> None:
        """The carrier is not in the site any more: what waits for it, here and in the store, moves by its route."""
        self._leaving = True
        self.pump_soon()
        self._context.wake_readers()

    # -- from the store

    def add_stream(self, stream: str, lane: int) -> None:
        """A stream whose entries come to ``arrived``."""
        self._memory.add_stream(stream, lane)

    def room(self, stream: str) -> int:
        """How many more entries of this stream may be read; 0 while nothing could be done with them."""
        usable = self.pool.up or self._leaving or self._takes is not None or self._failing_over()
        return self._memory.room(stream, usable)

    def arrived(self, stream: str, lane: int, entries: list[Entry], pending: bool, mark: Order) -> None:
        """Entries read from a stream.

        ``pending`` ones were read before a restart; those of them up to ``mark`` may be at the carrier.
        """
        memory, troubled = self._memory, self._context.health.troubled
        for job in memory.jobs(stream, lane, entries):
            if pending and job.order <= mark:
                if self._outcomes.resend_uncertain(self, job):
                    memory.put_back(job)
            elif not (troubled and self._leaves(self, job)):
                memory.put(job)
        if self._takes is not None:
            self._sweep(self._takes)
        if memory.reading_ahead:
            self._late_codes.look(self._loop.time())
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
        self._memory.take_out(lambda job: job.is_whole and takes(self, job))
        self._memory.refill()

    def taken_over(self, stream: str, lane: int, entries: list[Entry], mark: Order) -> None:
        """What another process had read before it died, and may have written up to ``mark``; it stays that one's."""
        for job in self._memory.jobs(stream, lane, entries):
            if job.order > mark or self._outcomes.resend_uncertain(self, job):
                self._outcomes.requeue(self, job)

    def hand_over(self) -> None:
        """Other processes have the carrier's binds, and this one none: they may send what is in memory here."""

        pool = self.pool
        is_cut_off = pool.elsewhere and not any(bind.leased for bind in pool.binds)

        def moves(job: Job) -> bool:
            if job.is_whole:
                self._outcomes.requeue(self, job)
            elif is_cut_off:
                self._outcomes.carrier_gone(self, job, "other processes have all binds of the carrier")
            return job.is_whole or is_cut_off

        self._memory.take_out(moves)

    # -- pumping

    def pump_soon(self) -> None:
        """Send what can be sent, once in this loop turn."""
        if not self._pump_due:
            self._pump_due = True
            self._loop.call_soon(self._pump)

    @property
    def waiting(self) -> list[int]:
        """Messages in memory, by lane, without those that wait for their account's rate."""
        return self._memory.waiting

    @property
    def over_account_rate(self) -> int:
        """Messages in memory that wait for their account's rate with this carrier."""
        return self._memory.aside

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
            turn = self._turn()
            for bind, job in tuple(unfinished.items()):
                del unfinished[bind]
                if self._stops(self, job, turn):
                    continue
                if not self._send(bind, job, now_s):
                    return self._more_later()
        if self._suspended:
            # Nothing is marked as maybe sent meanwhile.
            return self._move_away("the carrier is suspended")
        if self._context.closing:
            self.give_back()  # also what a mark on its way has made ready since
        self._memory.let_pass(now_s)
        if any(self._memory.sendable):
            self._send_waiting(now_s, self._turn())
        lines = self._memory.lines
        if lines and (wait_s := lines.next_turn_s(now_s)) is not None:
            self._alarm.set(wait_s)
        self._more_later()

    def _turn(self) -> Turn:
        return Turn(self._context.clock.now_ms())

    def _send_waiting(self, now_s: float, turn: Turn) -> None:
        """Whole messages, lane by lane as the plan says, until nothing waits or something says stop."""
        plan, pool, lanes, lines = self.plan, self.pool, self._memory.lanes, self._memory.lines
        stops, send = self._stops, self._send
        kept = plan.kept(now_s) if plan.reserves else None
        burst, bind = 0, None
        while (index := plan.next()) >= 0:
            if burst <= 0 or bind is None:
                bind = pool.pick(now_s)
                if bind is None:
                    return self._no_bind(now_s)
                # Half of the room of the bind that has most, then ask again: even enough, and cheaper than each time.
                burst = (bind.free + 1) // 2 if bind.bucket is None else 1
            if kept is not None and index != plan.owed and bind.free <= int(kept[index] * bind.window):
                return pool.window_full()
            job = lanes[index].pop()
            if job is None or (lines is not None and not lines.passes(job, now_s)):
                continue
            burst -= len(job.todo)
            if stops(self, job, turn):
                continue
            if not send(bind if job.bind is None else self._own_bind(job, bind, now_s), job, now_s):
                return None
        return None

    def _own_bind(self, job: Job, bind: Bind, now_s: float) -> Bind:
        """The rest of a message goes where it began, while there is room; what was not sent, over any."""
        own = job.bind
        if own is None or job.is_whole or not own.free or own in self._unfinished:
            return bind
        return bind if own.bucket is not None and own.bucket.wait_s(1, now_s) else own

    def _no_bind(self, now_s: float) -> None:
        """Something waits, and no bind may take it: an answer will make room, or a bind's own rate lets it pass."""
        wait_s = self.pool.bind_wait_s(now_s)
        if wait_s:
            self._alarm.set(wait_s)
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
                self._alarm.set(wait_s)
                return False
            if bucket is not None and (wait_s := bucket.take(segments, now_s)):
                plan.give_back(lane, segments)
                self._keep(bind, job)
                self._alarm.set(wait_s)
                return not job.is_whole
            if plan.owes:
                plan.sent(lane, segments)
            index = todo.pop(0)
            sequence_number = bind.next_sequence()
            flight = Flight(job, index, now_s)
            job.bind = bind
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

    def put_back(self, job: Job) -> None:
        """The job goes out again, before anything newer than itself."""
        job.waits(self._loop.time())
        self._memory.put_back(job)

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
        """Let more messages become ready, and have the reader bring more."""
        if not self._context.closing:
            self._memory.more()

    def give_back(self) -> None:
        """Shutting down: what was marked but not sent goes to the end of its stream, so that it is not uncertain."""
        for job in self._memory.take_marked():
            if job.is_whole:
                self._outcomes.requeue(self, job)
            else:
                self._memory.put_back(job)

    @property
    def is_halfway(self) -> bool:
        """A long message is at the carrier with some of its segments only."""
        return bool(self._unfinished) or self._memory.is_halfway

    # -- a carrier that was taken out

    def _pump_leaving(self, now_s: float) -> None:
        """Messages that are there in part are ended over the binds that they began on; all others move."""
        turn = self._turn()
        for bind, job in tuple(self._unfinished.items()):
            del self._unfinished[bind]
            if not self._stops(self, job, turn):
                self._send(bind, job, now_s)

        def moves(job: Job) -> bool:
            if job.is_whole or not any(bind.up for bind in self.pool.binds):
                self._outcomes.carrier_gone(self, job)
                return True
            return False

        self._memory.take_out(moves)
        self._more_later()

    # -- a carrier that is down

    def _age(self) -> None:
        """Lanes whose oldest message has waited for too long get some of what flows."""
        age_after_s = self.pool.settings.age_after_s
        if age_after_s:
            born_ms = (self._context.wall_s() - age_after_s) * 1000
            for lane in range(1, LANES):
                self.plan.set_aged(lane, self._memory.is_older(lane, born_ms))

    def _failing_over(self) -> bool:
        since_s = self.pool.down_since_s
        return since_s is not None and self._loop.time() - since_s >= self.pool.settings.failover_after_s

    def _move_away(self, why: str) -> None:
        """Nothing goes over this carrier: what waits here expires, or goes to a carrier of its route that is up."""
        now_s, cause = self._loop.time(), "order" if self._suspended else "binds"

        def moves(job: Job) -> bool:
            if self._outcomes.is_over(self, job):
                return True
            if job.is_lost(now_s):
                self._outcomes.carrier_gone(self, job, "the carrier has dropped its other segments by now")
                return True
            return job.is_whole and self._outcomes.reroute(self, job, why, only_up=True, cause=cause)

        self._memory.take_out(moves)
        self._memory.refill()

    def answered(self, flight: Flight, now_s: float) -> None:
        """A segment was answered, and what its answer means has been seen to."""
        latency_s = now_s - flight.sent_at_s
        self.pool.answer_took(latency_s, now_s)
        self._late_codes.answered(latency_s)
        self.pump_soon()

    def tick(self) -> None:
        """Called each FAILOVER_PERIOD_S: a carrier that stays down has nothing else to wake its queue."""
        self._memory.size(self.pool.window_total, self.pool.share)
        self._age()
        self._late_codes.look(self._loop.time())
        if self._context.health.troubled:
            self._sweep(self._leaves)
        if self._suspended or (not self.pool.up and self._failing_over()):
            self._context.wake_readers()
            self.pump_soon()
