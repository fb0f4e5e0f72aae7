"""The business clock: exact, settable, and driven by nothing but what it is given."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.clock import RealClock, TestClock, from_ms, to_ms

SHANGHAI = timezone(timedelta(hours=8))
START = datetime(2026, 11, 18, 10, 30, tzinfo=SHANGHAI)


class Monotonic:
    """A monotonic clock in nanoseconds that moves when told."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000

    def __call__(self) -> int:
        return self.ns

    def pass_s(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def clock(monotonic: Monotonic) -> TestClock:
    return TestClock(START, monotonic_ns=monotonic)


@given(st.integers(min_value=0, max_value=253_000_000_000_000))
def test_milliseconds_are_exact_both_ways(at_ms: int) -> None:
    assert to_ms(from_ms(at_ms)) == at_ms


def test_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        to_ms(datetime(2026, 11, 18))


def test_real_clock_is_the_systems() -> None:
    clock = RealClock()
    assert abs(clock.now_ms() - time.time() * 1000) < 2000
    assert clock.now().tzinfo is UTC


def test_starts_and_runs_with_monotonic_time(clock: TestClock, monotonic: Monotonic) -> None:
    assert clock.now() == START
    assert clock.now().utcoffset() == timedelta(0)
    monotonic.pass_s(1.5)
    assert clock.now_ms() == to_ms(START) + 1500


def test_set_and_advance(clock: TestClock, monotonic: Monotonic) -> None:
    monotonic.pass_s(10)
    clock.advance(3600.25)
    assert clock.now() == START + timedelta(seconds=3610.25)
    clock.set(START - timedelta(days=400))
    assert clock.now() == START - timedelta(days=400)
    monotonic.pass_s(1)
    assert clock.now() == START - timedelta(days=400) + timedelta(seconds=1)


def test_rate_changes_what_follows_and_nothing_before(clock: TestClock, monotonic: Monotonic) -> None:
    monotonic.pass_s(1)
    clock.rate = 60
    assert clock.rate == pytest.approx(60)
    monotonic.pass_s(1)
    assert clock.now() == START + timedelta(seconds=61)
    clock.rate = 0
    monotonic.pass_s(100)
    assert clock.now() == START + timedelta(seconds=61)


def test_what_the_time_will_be_after_a_real_wait(clock: TestClock) -> None:
    assert clock.after_ms(1.5) == clock.now_ms() + 1500
    clock.rate = 60
    assert clock.after_ms(1.5) == clock.now_ms() + 90_000
    clock.rate = 0
    assert clock.after_ms(1.5) == clock.now_ms()
    real = RealClock()
    before_ms = real.now_ms()
    assert before_ms + 1500 <= real.after_ms(1.5) <= real.now_ms() + 1500


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e15])
def test_impossible_advance_is_refused_and_changes_nothing(clock: TestClock, seconds: float) -> None:
    with pytest.raises(ValueError, match="second"):
        clock.advance(seconds)
    assert clock.now() == START


@pytest.mark.parametrize(
    "at", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=SHANGHAI), datetime(1969, 12, 31, tzinfo=UTC)]
)
def test_a_time_that_no_clock_has_is_refused_and_changes_nothing(clock: TestClock, at: datetime) -> None:
    with pytest.raises(ValueError, match="from 1970 to the end of the year 9999"):
        clock.set(at)
    assert clock.now() == START
    with pytest.raises(ValueError, match="from 1970"):
        TestClock(at)


def test_it_stands_still_at_the_end_of_time(clock: TestClock, monotonic: Monotonic) -> None:
    clock.set(datetime(9999, 12, 29, tzinfo=UTC))
    clock.rate = 1e6
    monotonic.pass_s(3600)
    assert clock.now() == datetime(9999, 12, 30, tzinfo=UTC)
    clock.set(START)
    assert clock.now() == START


@pytest.mark.parametrize("rate", [-0.1, float("nan"), 1e7])
def test_impossible_rate_is_refused(clock: TestClock, rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        clock.rate = rate
    with pytest.raises(ValueError, match="rate"):
        TestClock(START, rate)


def test_no_advance_is_lost_between_threads(clock: TestClock) -> None:
    def advance() -> None:
        for _ in range(500):
            clock.advance(1)

    threads = [threading.Thread(target=advance) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == START + timedelta(seconds=2000)
