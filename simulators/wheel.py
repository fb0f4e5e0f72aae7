"""Delays of many messages on one timer: entries wait in buckets of two milliseconds each.

A timer of its own for each message would cost more than the message; here an entry costs a list
append, and the loop is woken once for each bucket that holds something. Entries run in the order of
their times, those of one bucket in the order in which they were added; never before their delay is over,
and late by a few milliseconds at most while the clock runs at the real rate.

A wheel goes by the clock it is given. While that stands still nothing runs; a jump runs at once, in
order, what it makes due, and what such an entry adds to any wheel of the clock counts from the entry's own
time, so that a chain of entries goes through a jump as it would through the time itself. Set back,
everything waits longer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Protocol, TypeVar

from simulators.clock import Due, RealTime

T = TypeVar("T")

#: uvloop rounds to whole milliseconds; without the half it would wake too early and spin.
_ROUNDING_S = 0.0005
_SHORTEST_S = 0.001
_LONGEST_S = 3600.0


class Clock(Protocol):
    """What a wheel goes by: ``SimClock`` or ``RealTime``."""

    @property
    def rate(self) -> float:
        """Seconds of this clock per real second; 0 stands still."""

    @property
    def due_ms(self) -> int:
        """While a jump runs what it made due, the time of that; else 0."""

    @property
    def wheels(self) -> list[Due]:
        """Where a wheel enters itself to hear of jumps."""

    def now_ms(self) -> int:
        """Milliseconds from any beginning."""


class TimeWheel:
    """Runs ``action(item)`` after a delay. Belongs to one event loop; ``close`` it in the end."""

    __slots__ = ("_armed_ms", "_buckets", "_clock", "_clock_ms", "_heap", "_loop", "_runs", "_timer", "at_end",
                 "waiting")  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock | None = None) -> None:
        self._loop = loop
        self._clock = clock or RealTime()
        self._clock_ms = self._clock.now_ms
        self._buckets: dict[int, list[tuple[Callable[..., object], object]]] = {}
        self._heap: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed_ms = 0
        self._runs = bool(self._clock.rate)
        #: Called after the entries of a bucket.
        self.at_end: Callable[[], None] | None = None
        #: Entries that have not run yet.
        self.waiting = 0
        self._clock.wheels.append(self)

    def add(self, delay_s: float, action: Callable[[T], object], item: T) -> None:
        """Run ``action(item)`` when ``delay_s`` seconds have passed, at the earliest in a millisecond."""
        due_ms = (self._clock.due_ms or self._clock_ms()) + (int(delay_s * 1000 + 0.999999) or 1)
        if self._runs:
            due_ms = (due_ms | 1) + 1
        self.waiting += 1
        bucket = self._buckets.get(due_ms)
        if bucket is not None:
            bucket.append((action, item))
            return
        self._buckets[due_ms] = [(action, item)]
        heapq.heappush(self._heap, due_ms)
        if self._timer is None or due_ms < self._armed_ms:
            self._arm()

    def now_ms(self) -> int:
        """The clock's time, but in an entry that a jump runs the entry's own."""
        return self._clock.due_ms or self._clock_ms()

    def clear(self) -> None:
        """Forget everything that waits."""
        self._disarm()
        self._buckets.clear()
        self._heap.clear()
        self.waiting = 0

    def close(self) -> None:
        """Forget everything, and the clock."""
        self.clear()
        if self in self._clock.wheels:
            self._clock.wheels.remove(self)

    # what the clock calls when it jumps

    @property
    def next_ms(self) -> int | None:
        """When the first entries are due; None without any."""
        return self._heap[0] if self._heap else None

    def run_next(self) -> None:
        """Run the first entries now, as part of a jump."""
        self._run_bucket()

    def moved(self) -> None:
        """Wait anew for what is next."""
        self._runs = bool(self._clock.rate)
        self._arm()
        if self.at_end is not None:
            self.at_end()

    def _run_bucket(self) -> None:
        bucket = self._buckets.pop(heapq.heappop(self._heap))
        self.waiting -= len(bucket)
        for action, item in bucket:
            action(item)

    def _arm(self) -> None:
        self._disarm()
        rate = self._clock.rate
        if not self._heap or not rate or self._clock.due_ms:
            return
        self._armed_ms = self._heap[0]
        delay_s = (self._armed_ms - self._clock_ms()) / 1000 / rate + _ROUNDING_S
        self._timer = self._loop.call_later(min(max(_SHORTEST_S, delay_s), _LONGEST_S), self._run)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        now_ms = self._clock_ms()
        heap = self._heap
        try:
            while heap and heap[0] <= now_ms:
                self._run_bucket()
            if self.at_end is not None:
                self.at_end()
        finally:  # what failed must not stop what comes
            if heap and self._timer is None:
                self._arm()
