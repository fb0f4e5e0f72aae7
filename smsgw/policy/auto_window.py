"""A window that sizes itself: as many unanswered requests as the rate needs at the carrier's latency, and no more.

Owns the arithmetic, on answers and times that are passed in. By Little's law a link at rate r and latency l has r·l
requests unanswered; more only wait at the carrier. So the window grows, a part each round trip, while it was full and
below that; it shrinks when latency has grown far beyond what it usually is (the carrier queues what we send), when a
slowdown says that it was too much, and slowly when it is not used. What is usual follows a fall at once and a rise only
over minutes, so that a queue of our own making is not taken for the carrier's habit; but where half the window has not
made latency fall, it was no queue of ours: the carrier has become slower, and that is usual from then on.

Never sends and never reads a clock. Latencies in seconds; rates in segments a second of one bind.
"""

from __future__ import annotations

import math
from typing import Final

HEADROOM: Final = 1.5
"""Latency varies, and lanes keep a part of the window free: this much above rate × latency."""
QUEUEING: Final = 2.0
"""Latency above this many times the usual means that requests wait at the carrier."""
_TOLERANCE_S: Final = 0.02  # on a fast line twice the usual is nothing
_GROWTH: Final = 0.25
_SMOOTHING: Final = 0.1
_RISE_PER_S: Final = 1 / 120  # what is usual may double in two minutes
_FALLEN: Final = 0.7
_FIRST_ANSWERS: Final = 10
_SHORTEST_ROUND_S: Final = 0.02


class AutoWindow:
    """The window of each bind of one carrier, between ``least`` and ``most``; begins with ``first``."""

    __slots__ = (
        "_answers",
        "_decided_s",
        "_exact",
        "_full",
        "_inflated_at",
        "_seen_s",
        "latency_s",
        "least",
        "most",
        "usual_s",
    )

    def __init__(self, least: int, most: int, first: int) -> None:
        if not 1 <= least <= first <= most:
            raise ValueError("expected 1 <= least <= first <= most")
        self.least, self.most = least, most
        self.latency_s = 0.0
        self.usual_s = 0.0
        self._exact = float(first)
        self._full = False
        self._answers = 0
        #: Window and latency when requests began to wait at the carrier; zeros while they don't.
        self._inflated_at = (0.0, 0.0)
        self._seen_s = 0.0
        self._decided_s = 0.0

    @property
    def limit(self) -> int:
        """Requests that may be unanswered on one bind."""
        return int(self._exact)

    def full(self) -> None:
        """Something waited for room in the window."""
        self._full = True

    def answered(self, latency_s: float, rate_per_s: float, now_s: float) -> bool:
        """A request was answered; True when ``limit`` has changed. ``rate_per_s``: what one bind may send."""
        if self._answers < _FIRST_ANSWERS:
            # The first answer alone says little where latency varies.
            self._answers += 1
            self.latency_s += (latency_s - self.latency_s) / self._answers
            self.usual_s = self.latency_s
            self._seen_s = self._decided_s = now_s
            return False
        self.latency_s += (latency_s - self.latency_s) * _SMOOTHING
        rise = 1.0 + (now_s - self._seen_s) * _RISE_PER_S
        self._seen_s = now_s
        self.usual_s = min(self.latency_s, self.usual_s * rise)
        if now_s - self._decided_s < max(self.latency_s, _SHORTEST_ROUND_S):
            return False
        self._decided_s = now_s
        return self._decide(rate_per_s)

    def slowed(self) -> bool:
        """The carrier said too fast; True when ``limit`` has changed."""
        return self._set(self._exact / 2)

    # -- inside

    def _decide(self, rate_per_s: float) -> bool:
        """Once a round trip."""
        full, self._full = self._full, False
        needed = math.ceil(rate_per_s * self.latency_s * HEADROOM) + 1
        if self.latency_s > self.usual_s * QUEUEING + _TOLERANCE_S:
            return self._shrink()
        self._inflated_at = (0.0, 0.0)
        if full and self._exact < needed:
            return self._set(min(needed, self._exact + max(1.0, self._exact * _GROWTH)))
        if self._exact > needed:
            return self._set(max(needed, self._exact - max(1.0, self._exact * _GROWTH / 4)))
        return False

    def _shrink(self) -> bool:
        """Requests wait at the carrier, or it has become slower."""
        window, latency_s = self._inflated_at
        if not window:
            self._inflated_at = (self._exact, self.latency_s)
        elif self._exact <= window / 2 or self._exact <= self.least:
            self._inflated_at = (0.0, 0.0)
            if self.latency_s > latency_s * _FALLEN:
                self.usual_s = self.latency_s
                return False
        return self._set(self._exact * max(0.5, self.usual_s * QUEUEING / self.latency_s))

    def _set(self, exact: float) -> bool:
        before = int(self._exact)
        self._exact = min(float(self.most), max(float(self.least), exact))
        return int(self._exact) != before
