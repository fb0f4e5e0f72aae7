"""What ``scripts/rate.lua`` does, in Python and by a clock that is handed in; and a loop whose time only tests move."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from smsgw.store.account_rates import LIFE_S, RateGrant, RateWish

ROUNDING = 1e-6


class RateModel:
    """One account's bucket in Redis."""

    def __init__(self) -> None:
        self.at_s = -math.inf
        self.level = 0.0
        self.slices: dict[str, tuple[int, float]] = {}

    def lease(self, process: str, wish: RateWish, now_s: float) -> RateGrant:
        rate, burst, left, back, waiting, ahead = wish
        refill = max(0.0, now_s - self.at_s) * rate
        if self.at_s == -math.inf:
            self.level, refill = burst, 0.0
        self.slices = {who: each for who, each in self.slices.items() if each[1] > now_s}
        had = self.slices.pop(process, (0, 0.0))[0]
        others = sum(count for count, _ in self.slices.values())
        self.level = min(self.level + refill, burst - others - had)
        returned = max(0.0, min(back, had - left)) + min(0.0, back)
        self.level = min(self.level + returned, burst - others - left)
        spent = spent_by(waiting, self.level + left, burst)
        granted = max(0, spent - left)
        self.level -= granted
        extra = min(ahead, whole(self.level / 2))
        self.level -= extra
        held = left + granted + extra - spent
        if held > 0:
            self.slices[process] = (held, now_s + LIFE_S)
        self.at_s = now_s
        return RateGrant(granted + extra, self.level)


def spent_by(waiting: Sequence[tuple[int, int]], have: float, burst: float) -> int:
    spent = 0
    for size, count in waiting:
        for _ in range(count):
            if have - spent >= min(size, burst) - ROUNDING:
                spent += size
    return spent


def whole(segments: float) -> int:
    return max(0, math.floor(segments + ROUNDING))


class SetLoop:
    """``time``, ``call_soon`` and ``call_later`` of a loop; time passes in ``run_until``."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return self.now_s

    def call_soon(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call_later(0.0, call, *arguments)

    def call_later(self, delay_s: float, call: Callable[..., Any], *arguments: Any) -> None:
        heapq.heappush(self._due, (self.now_s + delay_s, next(self._numbers), call, arguments))

    def run_until(self, at_s: float) -> None:
        while self._due and self._due[0][0] <= at_s:
            self.now_s, _, call, arguments = heapq.heappop(self._due)
            call(*arguments)
        self.now_s = at_s


class Meter:
    """A bucket through which everything that was sent must fit, but for ``slack`` segments."""

    def __init__(self, rate_per_s: float, burst: float, slack: float = 1e-3) -> None:
        self.rate_per_s, self.burst, self.slack = rate_per_s, burst, slack
        self.tokens, self.at_s = burst, 0.0
        self.sent = 0

    def send(self, segments: int, now_s: float) -> None:
        self.tokens = min(self.burst, self.tokens + (now_s - self.at_s) * self.rate_per_s)
        self.at_s = now_s
        assert self.tokens >= min(segments, self.burst) - self.slack, f"{segments} segments, {self.tokens} allowed"
        self.tokens -= segments
        self.sent += segments
