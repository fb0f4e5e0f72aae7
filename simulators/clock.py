"""The clock of a simulation: real, faster than real, or moved by hand; and who is told when it jumps.

Windows, receipts' delays and dates, time lines and expectations about hours go by it. What a network
does (response delays, timeouts, rates) goes by real time, whatever this clock says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from smsgw.clock import BusinessClock, RealClock, TestClock


class SimClock:
    """Starts as real time unless ``start`` or ``rate`` say otherwise; becomes a set one once it is moved.

    Raises ValueError for a naive ``start`` and a rate outside 0 to 1,000,000.
    """

    def __init__(self, start: datetime | None = None, rate: float = 1.0) -> None:
        self._clock: BusinessClock = RealClock()
        #: Called after every set, advance and change of rate.
        self.on_change: list[Callable[[], None]] = []
        if start is not None or rate != 1.0:
            self._clock = TestClock(start or self._clock.now(), rate)

    @property
    def is_real(self) -> bool:
        """Whether it is the system's time."""
        return not isinstance(self._clock, TestClock)

    @property
    def rate(self) -> float:
        """Simulated seconds per real second; 0 stands still."""
        return self._clock.rate if isinstance(self._clock, TestClock) else 1.0

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._clock.now_ms()

    def now_s(self) -> float:
        """Seconds since 1970 UTC."""
        return self._clock.now_ms() / 1000

    def now(self) -> datetime:
        """An aware datetime in UTC."""
        return self._clock.now()

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
        if not isinstance(self._clock, TestClock):
            self._clock = TestClock(self._clock.now())
        return self._clock

    def _changed(self) -> None:
        for listener in self.on_change:
            listener()
