"""Verification codes that would come too late over a carrier: they go to one that can, or expire when it is time.

Owns the estimate, once a second and for each carrier: what waits, here and in the store, at the rate and the window of
now. While a new code would wait for more than half of ``[lanes] otp_limit``, new ones are given to other carriers of
their route (``CarrierChoice.in_time``), and those that wait and would be too late move to a carrier that can take them
in time. What nobody can take stays, for the rate may come back, and expires by its validity, which for codes is never
longer than the limit. Never sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.errors import StoreError
from smsgw.policy.model import MessageClass
from smsgw.store.keys import mt
from smsgw.store.streams import waiting_messages

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue
    from smsgw.gateway.lanes import Job
    from smsgw.gateway.outcomes import Outcomes
    from smsgw.gateway.queue_memory import QueueMemory

OTP = int(MessageClass.OTP)
_SMOOTHING = 0.05
#: Looked at once a second: what would just be in time by the estimate may not be when it is looked at next.
_MARGIN_S = 1.5


class LateCodes:
    """For one carrier's queue."""

    def __init__(self, context: Context, queue: CarrierQueue, memory: QueueMemory, outcomes: Outcomes) -> None:
        self._context = context
        self._queue = queue
        self._memory = memory
        self._outcomes = outcomes
        #: Smoothed, as answered; for what the window lets through.
        self.latency_s = 0.0
        #: In the store and not in memory, as last counted.
        self._stored = 0
        self._counting = False

    def answered(self, latency_s: float) -> None:
        """A request was answered."""
        self.latency_s += (latency_s - self.latency_s) * _SMOOTHING if self.latency_s else latency_s

    def look(self, now_s: float) -> None:
        """Estimate how long a new code would wait, and move those that would be too late."""
        pool, memory = self._queue.pool, self._memory
        waiting = memory.waiting[OTP]
        if not pool.up or not self._context.settings.otp_limit_s:
            pool.codes_wait_s, memory.reading_ahead = 0.0, False
            return
        if not memory.is_full(OTP):
            self._stored = 0
        elif not self._counting:
            self._counting = True
            self._context.spawn(self._count())
        pool.codes_wait_s = self._wait_s(waiting + self._stored, now_s) if waiting else 0.0
        if self._context.choice.in_time(pool.name):
            memory.reading_ahead = False
            return
        memory.reading_ahead = self._move(now_s)
        if memory.reading_ahead:
            self._context.wake_readers()

    # -- inside

    def _move(self, now_s: float) -> bool:
        """Whether something could be moved."""
        soon_ms = self._context.clock.now_ms() + _MARGIN_S * 1000
        ahead = moved = 0

        def moves(job: Job) -> bool:
            nonlocal ahead, moved
            there_ms = soon_ms + self._wait_s(ahead, now_s) * 1000
            if job.is_whole and 0 < job.envelope.expires_at_ms < there_ms and self._moves(job):
                moved += 1
                return True
            ahead += len(job.todo)
            return False

        self._memory.take_out(moves, (OTP,))
        return moved > 0

    def _moves(self, job: Job) -> bool:
        envelope, name, moves = job.envelope, self._queue.name, self._outcomes.moves
        suits = moves.suits(envelope, name)
        had = (*envelope.tried, name)
        target = self._context.choice.next_in_time(envelope.carriers, had, envelope.province, suits)
        if target is None or not moves.move(name, job, "it would come too late", True, True, "late"):
            return False
        # Until that one counts what it has got.
        pool = self._context.pools[target]
        pool.codes_wait_s += len(job.todo) / pool.throttle.rate_per_s
        return True

    def _wait_s(self, segments: int, now_s: float) -> float:
        pool = self._queue.pool
        by_rate_s = pool.throttle.wait_s(segments, now_s)
        return max(by_rate_s, segments * self.latency_s / max(1, pool.window_total))

    async def _count(self) -> None:
        """What is in the store beside what is in memory; what is at the carrier counts too, for it is not settled."""
        try:
            total = 0
            for partition in range(self._context.store.partitions):
                total += await waiting_messages(self._context.store, mt(partition, self._queue.name, OTP))
            self._stored = max(0, total - self._memory.waiting[OTP] - self._queue.pool.in_flight)
        except StoreError:
            self._stored = 0  # asked again in a second
        finally:
            self._counting = False
