"""Delays of many messages on one timer: entries wait in buckets of one tick each.

A timer of its own for each message would cost more than the message; here an entry costs a list
append, and the loop is woken once for each tick that holds something. Entries of one tick run
in the order in which they were added. An entry never runs before its delay is over and at most
about two ticks late.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TICK_S = 0.002


class TimeWheel:
    """Runs ``action(item)`` after a delay. Belongs to one event loop."""

    __slots__ = ("_armed_tick", "_buckets", "_clock", "_loop", "_per_s", "_ticks", "_timer", "at_end", "waiting")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, tick_s: float = TICK_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._per_s = 1.0 / tick_s
        self._buckets: dict[int, list[tuple[Callable[..., object], object]]] = {}
        self._ticks: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed_tick = 0
        #: Called after the entries of a tick.
        self.at_end: Callable[[], None] | None = None
        #: Entries that have not run yet.
        self.waiting = 0

    def add(self, delay_s: float, action: Callable[[T], object], item: T) -> None:
        """Run ``action(item)`` when ``delay_s`` seconds have passed."""
        tick = int((self._clock() + delay_s) * self._per_s) + 1
        self.waiting += 1
        bucket = self._buckets.get(tick)
        if bucket is not None:
            bucket.append((action, item))
            return
        self._buckets[tick] = [(action, item)]
        heapq.heappush(self._ticks, tick)
        if self._timer is None or tick < self._armed_tick:
            self._arm()

    def clear(self) -> None:
        """Forget everything that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._buckets.clear()
        self._ticks.clear()
        self.waiting = 0

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_tick = self._ticks[0]
        # uvloop rounds to whole milliseconds; without the half it would wake too early and spin.
        delay_s = self._armed_tick / self._per_s - self._clock() + 0.0005
        self._timer = self._loop.call_later(max(0.0, delay_s), self._run)

    def _run(self) -> None:
        self._timer = None
        now_tick = int(self._clock() * self._per_s)
        ticks = self._ticks
        while ticks and ticks[0] <= now_tick:
            bucket = self._buckets.pop(heapq.heappop(ticks))
            self.waiting -= len(bucket)
            for action, item in bucket:
                action(item)
        if self.at_end is not None:
            self.at_end()
        if ticks and self._timer is None:
            self._arm()
