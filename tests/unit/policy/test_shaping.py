from __future__ import annotations

import pytest

from smsgw.policy.shaping import FIRST_PAUSE_S, MAX_PAUSE_S, Throttle, TokenBucket, rate_refusal


def test_a_bucket_counts_segments() -> None:
    bucket = TokenBucket(10, burst=10, now_s=100.0)
    assert bucket.take(7, 100.0) == 0.0
    assert bucket.take(4, 100.0) == pytest.approx(0.1)
    assert bucket.take(3, 100.0) == 0.0
    assert bucket.take(1, 100.05) == pytest.approx(0.05)
    assert bucket.take(1, 100.1) == 0.0


def test_what_is_not_taken_costs_nothing_and_waiting_is_enough() -> None:
    bucket = TokenBucket(5, burst=5)
    bucket.take(5, 0.0)
    for _ in range(10):
        wait_s = bucket.take(2, 0.0)
    assert wait_s == pytest.approx(0.4)
    assert bucket.take(2, wait_s) == 0.0


def test_a_message_larger_than_the_burst_goes_and_is_paid_for_afterwards() -> None:
    bucket = TokenBucket(2, burst=2)
    assert bucket.take(10, 0.0) == 0.0
    assert bucket.take(1, 0.0) == pytest.approx(4.5)
    assert bucket.take(1, 4.5) == 0.0


def test_the_burst_bounds_what_silence_saves() -> None:
    bucket = TokenBucket(10, burst=3)
    assert bucket.take(3, 1000.0) == 0.0
    assert bucket.take(1, 1000.0) > 0


def test_give_back_and_a_clock_that_goes_back() -> None:
    bucket = TokenBucket(1, burst=1, now_s=5.0)
    assert bucket.take(1, 5.0) == 0.0
    bucket.give_back(1)
    assert bucket.take(1, 4.0) == 0.0
    assert bucket.take(1, 4.0) == pytest.approx(1.0)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_bucket_needs_a_rate(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        TokenBucket(rate, burst)


def test_rate_refusal_never_says_at_once() -> None:
    refusal = rate_refusal(0.02)
    assert (refusal.reason.status, refusal.retry_after_s) == (0x58, 1)


def test_throttled_halves_and_pauses_the_whole_link() -> None:
    link = Throttle(100, now_s=10.0)
    assert link.take(1, 10.0) == 0.0
    assert link.on_throttled(10.0) == FIRST_PAUSE_S
    assert (link.rate_per_s, link.is_slowed) == (50, True)
    assert link.take(1, 10.2) == pytest.approx(0.3)
    assert link.take(1, 10.5) == pytest.approx(0.02)  # nothing was saved up in the pause
    assert link.take(1, 10.52) == 0.0


def test_requests_that_are_never_answered_slow_the_link_when_there_are_many() -> None:
    link = Throttle(100)
    for now_s in (1.0, 2.0, 30.0, 31.0):  # two, and long after two more
        link.on_silence(now_s)
    assert not link.is_slowed
    link.on_silence(32.0)
    assert (link.rate_per_s, link.slowdowns) == (50, 1)
    link = Throttle(100)
    link.on_silence(1.0)
    for _ in range(100):
        link.on_ok(1.0)
    for _ in range(8):
        link.on_silence(2.0)
    assert not link.is_slowed  # nine of a hundred and nine
    link.on_silence(2.0)
    assert link.is_slowed


def test_while_slowed_a_burst_is_smaller_too() -> None:
    link = Throttle(100, burst=20)
    link.on_throttled(0.0)
    assert sum(link.take(1, 500.0) == 0.0 for _ in range(20)) == 10


def test_a_burst_below_one_segment_stays_what_was_set() -> None:
    link = Throttle(0.5)
    assert link.take(1, 0.0) == 0.0
    assert link.take(1, 0.0) == pytest.approx(2.0)


def test_a_window_of_refusals_is_one_event() -> None:
    link = Throttle(100)
    for _ in range(10):
        link.on_throttled(0.0)
    assert link.rate_per_s == 50
    assert link.on_throttled(0.4) == pytest.approx(0.1)


def test_pauses_grow_and_the_rate_keeps_a_floor() -> None:
    link = Throttle(64)
    now_s, pauses = 0.0, []
    for _ in range(12):
        pauses.append(link.on_throttled(now_s))
        now_s = link.paused_until_s
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == MAX_PAUSE_S
    assert link.rate_per_s == 1.0


def test_it_creeps_back_up_with_time_and_not_with_the_number_of_answers() -> None:
    link = Throttle(100)
    link.on_throttled(0.0)
    for _ in range(100):
        link.on_ok(0.3)  # sent before the pause: says nothing
    assert link.rate_per_s == 50
    for tenth in range(6, 106):
        for _ in range(5):
            link.on_ok(tenth / 10)
    assert link.rate_per_s == pytest.approx(100, abs=1)
    link.on_ok(20.0)
    assert not link.is_slowed


def test_the_first_pause_comes_back_after_a_good_while() -> None:
    link = Throttle(100)
    link.on_throttled(0.0)
    link.on_throttled(0.5)  # 1 s
    link.on_ok(3.0)
    assert link.on_throttled(3.0) == FIRST_PAUSE_S


def test_the_longest_pause_is_forgotten_though_the_rate_was_back_long_before() -> None:
    link = Throttle(100)
    now_s = 0.0
    for _ in range(8):
        now_s += link.on_throttled(now_s)
    for _ in range(100):
        now_s += 1.0
        link.on_ok(now_s)
    assert not link.is_slowed
    assert link.on_throttled(now_s) == FIRST_PAUSE_S


def test_one_good_answer_after_a_long_silence_is_one_step() -> None:
    link = Throttle(100)
    link.on_throttled(0.0)
    link.on_ok(1000.0)
    assert link.rate_per_s == 55
