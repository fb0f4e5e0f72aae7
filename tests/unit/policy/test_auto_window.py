"""Windows that size themselves, on a simulated carrier: virtual time, a capacity, and a latency without load."""

from __future__ import annotations

import heapq
import random
from itertools import count

import pytest

from smsgw.policy.auto_window import AutoWindow


class Line:
    """A carrier that takes ``capacity_per_s`` and answers ``latency_s`` later; more waits in its queue."""

    def __init__(self, window: AutoWindow, rate: float, capacity: float, latency_s: float, jitter: float = 0.0) -> None:
        self.window, self.rate, self.capacity = window, rate, capacity
        self.latency_s, self.jitter = latency_s, jitter
        self.now_s = 0.0
        self.done = 0
        self._free_s = 0.0
        self._open: list[tuple[float, int, float]] = []
        self._number = count()
        self._chance = random.Random(5)
        self._next_s = 0.0

    def run(self, seconds: float) -> float:
        """Answers a second, with always something to send."""
        begin_s, before = self.now_s, self.done
        while self.now_s < begin_s + seconds:
            if len(self._open) < self.window.limit and self._next_s <= self.now_s:
                self._next_s = max(self._next_s, self.now_s - 0.1) + 1 / self.rate
                self._free_s = max(self._free_s, self.now_s) + 1 / self.capacity
                latency_s = self.latency_s * (1 + self.jitter * self._chance.uniform(-1, 1))
                heapq.heappush(self._open, (self._free_s + latency_s, next(self._number), self.now_s))
                continue
            full = len(self._open) >= self.window.limit
            if full:
                self.window.full()
            if self._open and (full or self._open[0][0] <= self._next_s):
                at_s, _, sent_s = heapq.heappop(self._open)
                self.now_s = max(self.now_s, at_s)
                self.done += 1
                self.window.answered(self.now_s - sent_s, self.rate, self.now_s)
            else:
                self.now_s = self._next_s
        return (self.done - before) / seconds


@pytest.mark.parametrize(("rate", "latency_s"), [(100, 0.02), (100, 0.5), (1000, 0.1), (20, 0.01)])
def test_it_finds_what_the_rate_needs_and_not_much_more(rate: float, latency_s: float) -> None:
    window = AutoWindow(1, 1000, 10)
    line = Line(window, rate, rate * 2, latency_s)
    line.run(10)
    assert line.run(5) == pytest.approx(rate, rel=0.05)
    assert window.limit <= max(10, 1.8 * rate * latency_s + 3)


def test_with_varying_latency_it_still_carries_the_rate() -> None:
    line = Line(AutoWindow(1, 1000, 10), 500, 1000, 0.1, jitter=0.8)
    line.run(10)
    assert line.run(5) == pytest.approx(500, rel=0.06)


def test_a_carrier_that_silently_queues_is_not_filled() -> None:
    window = AutoWindow(1, 1000, 10)
    line = Line(window, 1000, 100, 0.05)  # the contract says 1,000/s, it takes 100/s: 5 unanswered are enough
    line.run(20)
    assert line.run(5) == pytest.approx(100, rel=0.05)
    assert window.limit <= 35


def test_a_slower_carrier_is_followed() -> None:
    window = AutoWindow(1, 1000, 10)
    line = Line(window, 200, 400, 0.02)
    line.run(5)
    line.latency_s = 0.2
    line.run(20)
    assert line.run(5) == pytest.approx(200, rel=0.1)
    line.latency_s = 0.02
    line.run(20)
    assert window.limit <= 12


def test_a_slowdown_halves_it_down_to_the_least() -> None:
    window = AutoWindow(3, 100, 80)
    sizes = []
    for _ in range(6):
        window.slowed()
        sizes.append(window.limit)
    assert sizes == [40, 20, 10, 5, 3, 3]
    assert not window.slowed()


def test_it_stays_between_least_and_most() -> None:
    window = AutoWindow(5, 8, 5)
    line = Line(window, 1000, 10_000, 0.5)
    line.run(10)
    assert window.limit == 8
    line.rate = 1
    line.run(200)
    assert window.limit == 5


@pytest.mark.parametrize(("least", "most", "first"), [(0, 5, 1), (6, 5, 5), (2, 5, 1), (2, 5, 9)])
def test_sizes_that_make_no_sense(least: int, most: int, first: int) -> None:
    with pytest.raises(ValueError, match="1 <= least"):
        AutoWindow(least, most, first)
