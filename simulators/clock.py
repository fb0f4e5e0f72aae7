"""The clocks of a simulation: business time, which may be moved, and the network's time, which may not.

Windows, receipts' delays and dates, time lines and expectations about hours go by ``SimClock``. What a
network does (response delays, timeouts, rates) goes by ``RealTime``, whatever that clock says.

A jump runs what it makes due on all wheels of the clock together, in the order of their times, before
the listeners hear of it. What runs then may move the clock itself: the same jump goes on to the new time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import monotonic_ns, time_ns
from typing import Protocol

from smsgw.clock import RealClock, TestClock

_REAL = RealClock()


class Due(Protocol):
    """What has entries for times of a clock (``simulators.wheel.TimeWheel``)."""

    @property
    def next_ms(self) -> int | None:
        """When the first of them is due; None without any."""

    def run_next(self) -> None:
        """Run those of that time."""

    def moved(self) -> None:
        """The clock jumped, or goes at another rate; what was due has run."""


class SimClock:
    """Starts as real time unless ``start`` or ``rate`` say otherwise; becomes a set one once it is moved.

    Raises ValueError for a naive ``start`` and a rate outside 0 to 1,000,000.
    """

    def __init__(self, start: datetime | None = None, rate: float = 1.0) -> None:
        self._clock: TestClock | None = None
        #: Called after every set, advance and change of rate.
        self.on_change: list[Callable[[], None]] = []
        #: Set by whoever has to tell others the time first: it is given what does the due, to call after that.
        self.before_change: Callable[[Callable[[], None]], None] | None = None
        #: Wheels that go by this clock; they enter and leave by themselves.
        self.wheels: list[Due] = []
        #: While a jump runs what it made due, the time of that, as ``now_ms`` tells it; else 0.
        self.due_ms = 0
        self._until_ms = 0
        if start is not None or rate != 1.0:
            self._clock = TestClock(start or _REAL.now(), rate)

    @property
    def is_real(self) -> bool:
        """Whether it is the system's time."""
        return self._clock is None

    @property
    def rate(self) -> float:
        """Simulated seconds per real second; 0 stands still."""
        return 1.0 if self._clock is None else self._clock.rate

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time_ns() // 1_000_000 if self._clock is None else self._clock.now_ms()

    def acting_s(self) -> float:
        """Seconds since 1970 UTC; while a jump runs what it made due, the time of that."""
        return (self.due_ms or self.now_ms()) / 1000

    def now_s(self) -> float:
        """Seconds since 1970 UTC."""
        return self.now_ms() / 1000

    def now(self) -> datetime:
        """An aware datetime in UTC."""
        return (self._clock or _REAL).now()

    def set(self, at: datetime) -> None:
        """Make it ``at`` now, forwards or backwards; raises ValueError for a naive datetime."""
        self._movable().set(at)
        self._changed()

    def advance(self, seconds: float) -> None:
        """Jump ahead by ``seconds`` >= 0; raises ValueError for less, or beyond the year 9999."""
        self._movable().advance(seconds)
        self._changed()

    def run_at(self, rate: float) -> None:
        """Go on at another rate, 0 to 1,000,000; raises ValueError for others."""
        self._movable().rate = rate
        self._changed()

    def _movable(self) -> TestClock:
        if self._clock is None:
            self._clock = TestClock(_REAL.now())
        return self._clock

    def _changed(self) -> None:
        if self.before_change is not None:
            self.before_change(self._catch_up)
        else:
            self._catch_up()

    def _catch_up(self) -> None:
        """Do what is due by now, in its order, and tell everybody."""
        self._until_ms = self.now_ms()
        if self.due_ms:
            return  # moved by what a jump ran, which goes on
        try:
            while True:
                first, first_ms = None, self._until_ms + 1
                for wheel in self.wheels:
                    next_ms = wheel.next_ms
                    if next_ms is not None and next_ms < first_ms:
                        first, first_ms = wheel, next_ms
                if first is None:
                    break
                self.due_ms = first_ms
                first.run_next()
        finally:
            self.due_ms = 0
        for wheel in list(self.wheels):
            wheel.moved()
        for listener in list(self.on_change):
            listener()


class RealTime:
    """The network's time: runs on from an arbitrary beginning, never jumps."""

    rate = 1.0
    due_ms = 0

    def __init__(self) -> None:
        self.wheels: list[Due] = []

    def now_ms(self) -> int:
        """Milliseconds of time.monotonic()."""
        return monotonic_ns() // 1_000_000
