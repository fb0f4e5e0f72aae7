"""Business time: the clock of windows, caps, schedules and records, which a test may set.

Owns: what "now" means to a rule. Never used for leases, network timeouts or intervals; those go by
the loop's monotonic time, which no test setting moves.

Readers take no lock: the whole state of a ``TestClock`` is one tuple, replaced in one assignment, so
any thread sees either the old time or the new one. What can go wrong: a test clock set backwards
makes business time go backwards, and whoever assumes it can't must say so itself.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic_ns, time_ns

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: The last instant that a ``datetime`` can show in every zone.
MAX_MS = (datetime(9999, 12, 30, tzinfo=UTC) - EPOCH) // _MILLISECOND


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 of an aware ``at``; raises ValueError for a naive one."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no zone; write it as {at.isoformat()}+08:00 or with Z")
    return (at - EPOCH) // _MILLISECOND


def checked_ms(at: datetime) -> int:
    """``to_ms`` of what a clock may be set to; raises ValueError before 1970 and beyond the year 9999, too."""
    at_ms = to_ms(at)
    if not 0 <= at_ms <= MAX_MS:
        raise ValueError(f"{at.isoformat()} is no time for a clock: those go from 1970 to the end of the year 9999")
    return at_ms


def from_ms(at_ms: int) -> datetime:
    """The aware UTC datetime of ``at_ms``; exact, raises OverflowError beyond the year 9999."""
    return EPOCH + timedelta(milliseconds=at_ms)


class BusinessClock(ABC):
    """What every room is handed; bind ``clock.now_ms`` once where it is called for each message."""

    __slots__ = ()

    @abstractmethod
    def now_ms(self) -> int:
        """Business time in milliseconds since 1970 UTC; costs well under a microsecond."""

    def now(self) -> datetime:
        """Business time as an aware datetime in UTC."""
        return from_ms(self.now_ms())

    def after_ms(self, seconds: float) -> int:
        """Business time when ``seconds`` of real time are over, at the present pace.

        For waits that belong to a network (tries again, segments under way) but are kept among business times.
        """
        return self.now_ms() + round(seconds * 1000)


class RealClock(BusinessClock):
    """The system's time."""

    __slots__ = ()

    def now_ms(self) -> int:
        return time_ns() // 1_000_000


class TestClock(BusinessClock):
    """A clock that starts where it is told and can be set, advanced, sped up and stopped (rate 0).

    At the end of the year 9999 it stands still.
    ``monotonic_ns`` is what drives it; a test hands in its own.
    """

    __test__ = False  # not a test case, whatever its name suggests to pytest
    __slots__ = ("_monotonic_ns", "_state", "_writing")

    def __init__(self, start: datetime, rate: float = 1.0, monotonic_ns: Callable[[], int] = monotonic_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._writing = threading.Lock()
        # (business time at the anchor in ms, the anchor in monotonic ns, business ms per monotonic ns)
        self._state = (checked_ms(start), monotonic_ns(), _checked_rate(rate) / 1e6)

    def now_ms(self) -> int:
        base_ms, anchor_ns, pace = self._state
        return min(base_ms + int((self._monotonic_ns() - anchor_ns) * pace), MAX_MS)

    def after_ms(self, seconds: float) -> int:
        """While the clock stands still that is now."""
        return self.now_ms() + round(seconds * 1000 * self.rate)

    @property
    def rate(self) -> float:
        """Business seconds per real second."""
        return self._state[2] * 1e6

    @rate.setter
    def rate(self, rate: float) -> None:
        pace = _checked_rate(rate) / 1e6
        with self._writing:
            self._state = (self.now_ms(), self._monotonic_ns(), pace)

    @property
    def anchor(self) -> tuple[int, int, float]:
        """All that it goes by: business time in ms, at which ns of the machine's monotonic clock, and the rate."""
        base_ms, anchor_ns, pace = self._state
        return base_ms, anchor_ns, pace * 1e6

    def follow(self, anchor: tuple[int, int, float]) -> None:
        """Go exactly as another process's clock on this machine; raises ValueError for a rate that no clock has."""
        base_ms, anchor_ns, rate = anchor
        with self._writing:
            self._state = (base_ms, anchor_ns, _checked_rate(rate) / 1e6)

    def set(self, at: datetime) -> None:
        """Make it ``at`` now, forwards or backwards; raises ValueError as ``checked_ms`` does."""
        at_ms = checked_ms(at)
        with self._writing:
            self._state = (at_ms, self._monotonic_ns(), self._state[2])

    def advance(self, seconds: float) -> None:
        """Jump ahead by ``seconds`` >= 0; raises ValueError for less, or beyond the year 9999."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"a clock is advanced by 0 seconds or more, not by {seconds}; use set() to go back")
        with self._writing:
            at_ms = self.now_ms() + round(seconds * 1000)
            if at_ms > MAX_MS:
                raise ValueError(f"{seconds} seconds from now is beyond the year 9999")
            self._state = (at_ms, self._monotonic_ns(), self._state[2])


def _checked_rate(rate: float) -> float:
    if not 0 <= rate <= 1e6:  # also refuses NaN
        raise ValueError(f"a clock's rate is between 0 and 1000000, not {rate}")
    return rate
