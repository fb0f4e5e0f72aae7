"""Rule 18, the rate of an account: the segments of the fleet's token bucket that one process holds.

Owns: spending what was leased (``store.account_rates``), so that no message asks the store; what to ask for, by what
was used lately; when a slice ends; and the local bucket in its place while the store is away. Never leases, never reads
a clock (monotonic seconds are passed in), never keeps a message waiting: ``gateway.rate_desk`` does.
What can go wrong: slices of a process that stands still end unused; Redis takes them back a second later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby
from typing import Final, NamedTuple

from smsgw.policy.shaping import TokenBucket

#: Held ahead: what is used in this time, of a burst at most this share.
AHEAD_S: Final = 0.25
AHEAD_SHARE: Final = 0.25
#: A slice may be spent for so long after it was asked for; Redis takes it back later (``store.account_rates.LIFE_S``).
VALID_S: Final = 2.0
#: What the store said of the bucket is believed so long, reckoned on with the rate.
_KNOWN_S: Final = 1.0
_WINDOW_S: Final = 0.02
_ROUNDING: Final = 1e-6


class RateWish(NamedTuple):
    """What to ask the store for, in segments; see ``store/scripts/rate.lua``."""

    rate_per_s: float
    burst: float
    left: int
    back: float
    waiting: list[tuple[int, int]]
    ahead: int


class RateSlices:
    """One account's share of its rate in this process. ``take`` for each message; when it says no, ask the desk."""

    __slots__ = (
        "_asked_s", "_base", "_left", "_level", "_level_s", "_local", "_low", "_owed", "_until_s", "_use_per_s",
        "rate_per_s",
    )  # fmt: skip

    def __init__(self, rate_per_s: float) -> None:
        if rate_per_s <= 0:
            raise ValueError("a rate must be above 0")
        self.rate_per_s = float(rate_per_s)
        self._left = self._base = 0
        #: ``take`` leaves so much; what goes below it is the desk's affair.
        self._low = 0.0
        self._until_s = self._asked_s = -math.inf
        self._use_per_s = 0.0
        #: What was in the bucket of all, and when; so long ago that it is full.
        self._level, self._level_s = 0.0, -math.inf
        self._local: TokenBucket | None = None
        self._owed = 0

    @property
    def burst(self) -> float:
        """Segments at once, over the whole fleet."""
        return max(self.rate_per_s, 1.0)

    @property
    def left(self) -> int:
        """Segments that are held."""
        return self._left

    def left_of_all(self, now_s: float) -> float:
        """Segments that all processes together could send at once, as last heard and reckoned on."""
        return min(self._level + (now_s - self._level_s) * self.rate_per_s, self.burst) + self._left

    @property
    def is_away(self) -> bool:
        """Whether the store is away, and the local bucket decides."""
        return self._local is not None

    def take(self, segments: int, now_s: float) -> bool:
        """True when the segments were taken; False is no refusal: ask ``gateway.rate_desk``."""
        left = self._left - segments
        if left < self._low or now_s >= self._until_s:
            return False
        self._left = left
        return True

    def spend(self, segments: int, now_s: float) -> bool:
        """``take`` down to the last segment, also while others wait."""
        if self._left < segments or now_s >= self._until_s:
            return False
        self._left -= segments
        return True

    def is_over(self, now_s: float) -> bool:
        """Whether what was granted last can't be spent any more."""
        return now_s >= self._until_s

    def is_low(self, now_s: float) -> bool:
        """Whether more should be asked for ahead."""
        return self._left < self._low or now_s >= self._until_s

    def wait_s(self, segments: int, now_s: float) -> float:
        """How long it is surely too early for so many segments; 0.0 when it is worth asking."""
        since_s = now_s - self._level_s
        if since_s > _KNOWN_S:
            return 0.0
        held = self._left if now_s < self._until_s else 0
        there = min(self._level + since_s * self.rate_per_s, self.burst) + held
        missing = min(segments, self.burst) - there
        return missing / self.rate_per_s if missing > _ROUNDING else 0.0

    def close(self) -> None:
        """Somebody waits: nobody may overtake."""
        self._low = math.inf

    def open(self) -> None:
        """Nobody waits any more."""
        if self._local is None:
            self._low = float(self._left // 2)

    # -- the store

    def wish(self, sizes: Iterable[int], now_s: float, closing: bool = False) -> RateWish:
        """What to ask for now, where messages of so many segments each wait, in this order.

        What is not used, or all when ``closing``, is given back with it and can't be spent any more. ``granted`` or
        ``away`` must follow.
        """
        if now_s >= self._until_s:
            self._base -= self._left
            self._left = 0
        runs = _runs(sizes)
        waiting = sum(segments * count for segments, count in runs)
        spent, elapsed_s = self._base - self._left, now_s - self._asked_s
        missing = max(0, waiting - self._left)
        faded = max(0.0, 1.0 - elapsed_s / _WINDOW_S)
        self._use_per_s = self._use_per_s * faded + (spent + missing) / max(elapsed_s, _WINDOW_S)
        most = int(self.burst * AHEAD_SHARE)
        target = min(int(self._use_per_s * AHEAD_S), most)
        if closing or not (spent or waiting):
            keep = target = 0
        else:
            keep = self._left if waiting else min(self._left, 2 * target)
            target = max(target, min(missing - 1, most))  # at the begin of a storm its strength is not known yet
        back = float(self._left - keep)
        if self._local is not None:
            # Redis' bucket has filled meanwhile, as if nothing had been sent: what ours lacks, it lacks too.
            back -= self._local.wait_s(math.ceil(self._local.burst), now_s) * self._local.rate_per_s
            self._local.drain_until(now_s)
        else:
            back -= self._owed
        self._owed = 0
        self._left = self._base = keep
        self._asked_s = now_s
        if self._low != math.inf:
            self._low = 0.0
        ahead = max(0, target - max(0, keep - waiting))
        return RateWish(self.rate_per_s, self.burst, keep, back, runs, ahead)

    def granted(self, segments: int, level: float, now_s: float) -> None:
        """The store's answer: ``level`` is what is left for all. The line stays closed until ``open``."""
        if self._local is not None:
            self._local = None
            self._low = math.inf
        self._left += segments
        self._base += segments
        self._until_s = self._asked_s + VALID_S
        self._level, self._level_s = level, now_s

    def away(self, processes: int, now_s: float) -> None:
        """The store does not answer: go on with this process's part of the rate, and of the burst.

        That is the whole burst once more over all processes, since nobody knows what was left of it. What the store may
        have granted is lost.
        """
        share = 1.0 / max(1, processes)
        if self._local is None:
            self._left = self._base = 0
            self._local = TokenBucket(self.rate_per_s * share, max(1.0, self.burst * share), now_s)
        self._local.rate_per_s, self._local.burst = self.rate_per_s * share, max(1.0, self.burst * share)
        self._low = math.inf

    def take_locally(self, segments: int, now_s: float) -> float:
        """While the store is away: 0.0 when the segments were taken, else the seconds to wait."""
        assert self._local is not None
        wait_s = self._local.take(segments, now_s)
        if not wait_s:
            self._owed += segments
        return wait_s


def _runs(sizes: Iterable[int]) -> list[tuple[int, int]]:
    return [(segments, sum(1 for _ in same)) for segments, same in groupby(sizes)]
