"""The breaker: when it trips, that it probes and comes back, and that it never flaps."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.policy.breaker import Breaker, BreakerSettings, BreakerState, upper_bound

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


class Way:
    """A way over which ``per_s`` messages a second go while the breaker lets them; ``rate(at_s)`` of them are good.

    The outcome of each is known at once. ``moved`` counts what was not let through.
    """

    def __init__(self, rate: Callable[[float], float], per_s: int = 20, **given: float) -> None:
        self.breaker = Breaker(BreakerSettings(**given), 0.0)  # type: ignore[arg-type]
        self.rate, self.per_s = rate, per_s
        self.now_s = 0.0
        self.moved = self.sent = 0
        self.changes: list[tuple[float, BreakerState]] = []
        self._rng = random.Random(7)

    def run(self, seconds: float) -> Way:
        breaker, ends_s = self.breaker, self.now_s + seconds
        while self.now_s < ends_s:
            before = breaker.state
            if breaker.lets(self.now_s):
                self.sent += 1
                breaker.record(self._rng.random() < self.rate(self.now_s), self.now_s)
            else:
                self.moved += 1
            if breaker.state is not before:
                self.changes.append((self.now_s, breaker.state))
            self.now_s += 1 / self.per_s
        return self

    def first(self, state: BreakerState, after_s: float = 0.0) -> float:
        return next((at_s for at_s, each in self.changes if each is state and at_s >= after_s), math.inf)


def test_a_good_way_is_left_alone() -> None:
    way = Way(lambda at_s: 0.97).run(3600)
    assert way.changes == []
    assert way.breaker.usual == pytest.approx(0.97, abs=0.01)


def test_a_province_that_drops_to_60_per_cent_is_switched_within_seconds() -> None:
    way = Way(lambda at_s: 0.97 if at_s < 1800 else 0.60).run(1900)
    assert 1800 < way.first(OPEN) < 1830
    assert "are usual" not in way.breaker.why


def test_also_a_quiet_one_is_within_a_minute() -> None:
    way = Way(lambda at_s: 0.97 if at_s < 3600 else 0.60, per_s=2).run(3720)
    assert 3600 < way.first(OPEN) < 3660


def test_without_history_only_the_absolute_share_counts() -> None:
    assert Way(lambda at_s: 0.60).run(60).changes == []
    assert Way(lambda at_s: 0.20).run(60).first(OPEN) < 10


def test_few_outcomes_say_nothing() -> None:
    breaker = Breaker(BreakerSettings(sample=50), 0.0)
    for number in range(49):
        assert not breaker.record(False, float(number))
    assert breaker.state is CLOSED


def test_what_left_the_window_does_not_count() -> None:
    breaker = Breaker(BreakerSettings(sample=50, window_s=60), 0.0)
    for number in range(500):
        breaker.record(False, number * 2.0)  # thirty a minute
    assert breaker.state is CLOSED


def test_it_probes_and_comes_back_when_the_way_has_recovered() -> None:
    way = Way(lambda at_s: 0.6 if 1800 <= at_s < 1900 else 0.97).run(2400)
    opened = way.first(OPEN)
    probing, closed = way.first(HALF_OPEN), way.first(CLOSED, opened)
    assert probing == pytest.approx(opened + 60, abs=1)
    assert way.breaker.state is CLOSED
    assert closed < 2200
    assert way.breaker.trips == 1


def test_it_stays_off_a_way_that_stays_bad_and_asks_ever_more_rarely() -> None:
    way = Way(lambda at_s: 0.97 if at_s < 1800 else 0.5).run(1800 + 4 * 3600)
    probes = [at_s for at_s, state in way.changes if state is HALF_OPEN]
    assert way.breaker.state is not CLOSED
    gaps = [after - before for before, after in itertools.pairwise(probes)]
    assert gaps[0] < 200
    assert gaps[-1] >= 1800
    assert way.moved > 0.95 * 4 * 3600 * 20


def test_half_open_lets_a_share_through() -> None:
    breaker = Breaker(BreakerSettings(probe_share=0.1, open_s=10), 0.0)
    for number in range(100):
        breaker.record(False, number * 0.3)
    assert breaker.state is OPEN
    assert not breaker.lets(30.0)
    let = [breaker.lets(60.0) for _ in range(100)]
    assert let[0]
    assert sum(let) in (10, 11)
    assert breaker.state is HALF_OPEN


def test_outcomes_of_before_the_probes_are_not_theirs() -> None:
    breaker = Breaker(BreakerSettings(open_s=10, probe_sample=5), 0.0)
    for number in range(100):
        breaker.record(False, number * 0.3)
    breaker.look(60.0)
    for _ in range(50):
        assert not breaker.record(True, 60.0, is_probe=False)
    assert breaker.state is HALF_OPEN
    assert [breaker.record(True, 61.0) for _ in range(5)] == [False] * 4 + [True]
    assert breaker.state is CLOSED
    assert breaker.why == "5 of 5 probes were good"


def test_hysteresis_probes_that_would_not_have_tripped_it_do_not_close_it() -> None:
    """Eight of ten are above 0.8 of the usual, at which it trips, and below 0.9 of it."""
    way = Way(lambda at_s: 0.97 if at_s < 1800 else (0.5 if at_s < 1860 else 0.80), probe_sample=100).run(3600)
    assert way.breaker.state is not CLOSED


@pytest.mark.parametrize("period_s", [20, 60, 120, 300])
def test_an_oscillating_way_is_switched_a_few_times_only(period_s: float) -> None:
    """Twelve hours of good and bad in turn: without memory it would be period after period."""
    way = Way(lambda at_s: 0.97 if at_s < 1800 or at_s % period_s < period_s / 2 else 0.3, per_s=10)
    hours = 6
    way.run(1800 + hours * 3600)
    assert way.first(OPEN) < math.inf
    openings = sum(state is OPEN for _, state in way.changes)
    assert openings <= _most_openings(BreakerSettings(), hours * 3600)
    # A period that is shorter than what a sample takes is an ordinary bad share; otherwise much is saved.
    assert openings < 40


def _most_openings(given: BreakerSettings, seconds: float) -> float:
    levels = math.ceil(math.log2(given.open_max_s / given.open_s))
    return levels + 2 + seconds / given.calm_s + seconds / given.open_max_s


@given(
    flips=st.lists(st.tuples(st.floats(1, 400), st.floats(0, 1)), min_size=1, max_size=40),
    per_s=st.sampled_from((1, 3, 7)),
    open_s=st.sampled_from((5.0, 20.0)),
    factor=st.sampled_from((1, 4, 30)),
)
@settings(max_examples=25, deadline=None)
def test_openings_are_bounded_whatever_happens(
    flips: list[tuple[float, float]], per_s: int, open_s: float, factor: int
) -> None:
    given_settings = BreakerSettings(sample=10, probe_sample=5, open_s=open_s, open_max_s=open_s * factor)
    breaker, rng, now_s, openings = Breaker(given_settings, 0.0), random.Random(1), 0.0, 0
    for lasts_s, rate in flips:
        ends_s = now_s + lasts_s
        while now_s < ends_s:
            before = breaker.state
            if breaker.lets(now_s):
                breaker.record(rng.random() < rate, now_s)
            openings += breaker.state is OPEN and before is not OPEN
            now_s += 1 / per_s
    assert openings <= _most_openings(given_settings, now_s)


def test_settings_that_contradict_themselves() -> None:
    for wrong in (
        {"recovered": 0.8}, {"recovered": 1.1}, {"probe_share": 0.0}, {"below": 1.0}, {"open_s": 0.0},
        {"open_max_s": 1.0}, {"sample": 0}, {"window_s": 0.0},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"must|times"):
            BreakerSettings(**wrong)


def test_the_bound() -> None:
    assert upper_bound(0, 0) == 1.0
    assert upper_bound(10, 10) == 1.0
    assert 0.6 < upper_bound(600, 1000) < 0.65
