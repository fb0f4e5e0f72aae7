"""A breaker: takes traffic off a way whose share of good outcomes has fallen, and gives it back when that has risen.

Owns: the recent outcomes (in time buckets), the usual share that they are compared with, and the states closed, open,
half-open. Never reads a clock, never sends. Used for the delivery rate of a carrier in a province and for the
latency of a carrier's answers. It trips when the newest outcomes, at least ``sample`` of them, are surely (by Wilson's
bound) below ``below`` or below ``against_history`` of what is usual. The usual is learnt while closed, from outcomes
that have left the window, and halves its weight in ``history_s``. After ``open_s`` it lets ``probe_share`` through; it
closes only at ``recovered`` of the usual, above where it trips. Each trip and each failed probe doubles the next open
time up to ``open_max_s``; each ``calm_s`` closed without a trip halves it again. So however a carrier oscillates, in a
time T it opens at most log2(open_max_s / open_s) + 2 + T / calm_s + T / open_max_s times.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

BUCKETS: Final = 30
#: Normal quantile of the bounds: looking at thirty stretches again and again must not trip by chance.
_Z: Final = 3.0
#: A trip is looked for this often at most; counting goes on in between.
JUDGE_EACH_S: Final = 0.05
#: Open time is halved again after this many shortest open times without a trip.
CALM_OPEN_TIMES: Final = 10
#: Probes are judged at the latest after this many times ``probe_sample``.
_PATIENCE: Final = 4


class BreakerState(Enum):
    """CLOSED lets everything pass, OPEN nothing, HALF_OPEN a share, to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Shares are of 1. ``below`` holds without any history; ``against_history`` and ``recovered`` are of the usual."""

    below: float = 0.5
    against_history: float = 0.8
    recovered: float = 0.9
    sample: int = 50
    window_s: float = 300.0
    history_s: float = 24 * 3600.0
    open_s: float = 60.0
    open_max_s: float = 1800.0
    probe_share: float = 0.05
    probe_sample: int = 20

    def __post_init__(self) -> None:
        if not self.against_history < self.recovered <= 1.0:
            raise ValueError("recovered must be above against_history, and at most 1")
        if not 0.0 < self.probe_share <= 1.0 or not 0.0 <= self.below < 1.0:
            raise ValueError("probe must be above 0 and at most 1, below at least 0 and less than 1")
        if self.open_s <= 0 or self.open_max_s < self.open_s or self.window_s <= 0 or self.history_s <= 0:
            raise ValueError("times must be above 0, and the longest open time not shorter than the first")
        if self.sample < 1 or self.probe_sample < 1:
            raise ValueError("samples must be at least 1")

    @property
    def calm_s(self) -> float:
        """Closed for this long without a trip: the next open time is halved again."""
        return CALM_OPEN_TIMES * self.open_s


class Breaker:
    """One way's breaker. Times are seconds of one clock, whichever the caller uses; they should not go back."""

    __slots__ = (
        "_bucket_s", "_buckets", "_calm_from_s", "_credit", "_judged_s", "_level", "_levels", "_probe_bad",
        "_probe_good", "_settings", "_usual_at_s", "_usual_count", "_usual_good", "since_s", "state", "trips", "why",
    )  # fmt: skip

    def __init__(self, settings: BreakerSettings, now_s: float) -> None:
        self._settings = settings
        self._bucket_s = settings.window_s / BUCKETS
        #: [bucket number, good, all], oldest first.
        self._buckets: deque[list[int]] = deque()
        self._usual_good = self._usual_count = 0.0
        self._usual_at_s = now_s
        self._level = 0
        self._levels = math.ceil(math.log2(settings.open_max_s / settings.open_s))
        self._calm_from_s = now_s
        self._credit = 0.0
        self._judged_s = -math.inf
        self._probe_good = self._probe_bad = 0
        self.state = BreakerState.CLOSED
        #: When the state began.
        self.since_s = now_s
        #: How often it has opened from closed.
        self.trips = 0
        #: Why the state is what it is, for people.
        self.why = ""

    # -- what happened

    def record(self, good: bool, now_s: float, is_probe: bool = True) -> bool:
        """An outcome. ``is_probe`` False: of something sent before the breaker let probes through. True: it changed."""
        changed = self.look(now_s)
        if self.state is BreakerState.CLOSED:
            self._count(good, now_s)
            return (not good and self._judge(now_s)) or changed
        if self.state is BreakerState.HALF_OPEN and is_probe:
            if good:
                self._probe_good += 1
            else:
                self._probe_bad += 1
            return self._judge_probes(now_s) or changed
        return changed

    def look(self, now_s: float) -> bool:
        """Let time pass: an open breaker becomes half-open when its time is over. True: it changed."""
        if self.state is BreakerState.OPEN and now_s - self.since_s >= self.open_for_s:
            self._become(BreakerState.HALF_OPEN, now_s, f"open for {self.open_for_s:.0f} s; probing")
            return True
        return False

    def lets(self, now_s: float) -> bool:
        """Whether one message more may go this way; counts it as a probe where only a share may."""
        self.look(now_s)
        if self.state is not BreakerState.HALF_OPEN:
            return self.state is BreakerState.CLOSED
        self._credit += self._settings.probe_share
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True

    # -- for people and for the caller's figures

    @property
    def open_for_s(self) -> float:
        """How long the present or next open time lasts."""
        return min(self._settings.open_max_s, self._settings.open_s * 2.0**self._level)

    @property
    def usual(self) -> float | None:
        """The usual share of good outcomes; None before there were enough."""
        return self._usual_good / self._usual_count if self._usual_count >= self._settings.sample else None

    def recent(self, now_s: float) -> tuple[int, int]:
        """Good outcomes and all of them, in the window."""
        oldest = int(now_s / self._bucket_s) - BUCKETS
        kept = [bucket for bucket in self._buckets if bucket[0] > oldest]
        return sum(bucket[1] for bucket in kept), sum(bucket[2] for bucket in kept)

    # -- inside

    @property
    def _trips_below(self) -> float:
        usual = self.usual
        own = self._settings.below
        return own if usual is None else max(own, usual * self._settings.against_history)

    @property
    def _closes_at(self) -> float:
        usual = self.usual
        own = (1.0 + self._settings.below) / 2
        # A way that is usually worse than that must be able to come back, too.
        return own if usual is None else max(usual * self._settings.recovered, self._settings.below)

    def _count(self, good: bool, now_s: float) -> None:
        number = int(now_s / self._bucket_s)
        buckets = self._buckets
        if not buckets or buckets[-1][0] < number:
            buckets.append([number, 0, 0])
            while buckets[0][0] <= number - BUCKETS:
                self._remember(buckets.popleft(), now_s)
        last = buckets[-1]
        last[1] += good
        last[2] += 1

    def _remember(self, bucket: list[int], now_s: float) -> None:
        """What leaves the window becomes part of what is usual."""
        faded = 0.5 ** (max(now_s - self._usual_at_s, 0.0) / self._settings.history_s)
        self._usual_at_s = now_s
        self._usual_good = self._usual_good * faded + bucket[1]
        self._usual_count = self._usual_count * faded + bucket[2]

    def _judge(self, now_s: float) -> bool:
        """Whether the newest outcomes, of any stretch of the window that has enough of them, are surely too bad."""
        if now_s - self._judged_s < JUDGE_EACH_S:
            return False
        self._judged_s = now_s
        threshold = self._trips_below
        good = count = 0
        oldest = int(now_s / self._bucket_s) - BUCKETS
        for number, bucket_good, bucket_count in reversed(self._buckets):
            if number <= oldest:
                break
            good += bucket_good
            count += bucket_count
            if count >= self._settings.sample and upper_bound(good, count) < threshold:
                usual = self.usual
                compared = f"{usual:.0%} is usual" if usual is not None else f"at least {threshold:.0%} is wanted"
                self._calm_down(now_s)
                self.trips += 1
                self._become(BreakerState.OPEN, now_s, f"{good} of the last {count} were good, {compared}")
                return True
        return False

    def _judge_probes(self, now_s: float) -> bool:
        good, count = self._probe_good, self._probe_good + self._probe_bad
        wanted = self._settings.probe_sample
        if count >= wanted and good >= self._closes_at * count:
            self._become(BreakerState.CLOSED, now_s, f"{good} of {count} probes were good")
            return True
        if upper_bound(good, count) < self._trips_below or count >= _PATIENCE * wanted:
            self._level = min(self._level + 1, self._levels)
            self._become(BreakerState.OPEN, now_s, f"only {good} of {count} probes were good")
            return True
        return False

    def _calm_down(self, now_s: float) -> None:
        """The open time that a trip is for: longer than the last, shorter by what was calm in between."""
        calm = int((now_s - self._calm_from_s) / self._settings.calm_s)
        if self.trips:
            self._level = min(max(self._level - calm, -1) + 1, self._levels)

    def _become(self, state: BreakerState, now_s: float, why: str) -> None:
        self.state, self.since_s, self.why = state, now_s, why
        self._probe_good = self._probe_bad = 0
        self._credit = 1.0  # the first message that comes by is a probe
        if state is BreakerState.CLOSED:
            self._calm_from_s = now_s
        self._buckets.clear()


def upper_bound(good: int, count: int) -> float:
    """The highest share that ``good`` of ``count`` may stand for (Wilson's score interval)."""
    if not count:
        return 1.0
    share, square = good / count, _Z * _Z
    spread = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return (share + square / (2 * count) + spread) / (1 + square / count)
