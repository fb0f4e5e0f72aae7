"""When the messages of a load run are due: a rate, after a ramp from nothing."""

from __future__ import annotations

import math


class Pace:
    """``rate`` messages a second, growing evenly from 0 over the first ``ramp_s`` seconds."""

    __slots__ = ("_ramp_s", "_ramped", "_rate")

    def __init__(self, rate: float, ramp_s: float = 0.0) -> None:
        self._rate = rate
        self._ramp_s = ramp_s
        self._ramped = rate * ramp_s / 2

    def due_by(self, elapsed_s: float) -> int:
        """How many messages are due ``elapsed_s`` seconds after the start."""
        if elapsed_s < 0:
            return 0
        if elapsed_s < self._ramp_s:
            return int(self._rate * elapsed_s * elapsed_s / (2 * self._ramp_s)) + 1
        return int(self._ramped + self._rate * (elapsed_s - self._ramp_s)) + 1

    def due_at(self, k: int) -> float:
        """Seconds after the start at which message ``k`` (from 0) is due."""
        if k < self._ramped:
            return math.sqrt(2 * self._ramp_s * k / self._rate)
        return self._ramp_s + (k - self._ramped) / self._rate
