"""Lanes: strict priority, what is reserved is not taken, what is owed is given, and nobody starves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.lanes import AGED_SHARE, LANES, LanePlan
from smsgw.policy.shaping import Throttle

OTP, NOTICE, MARKETING = range(LANES)


def plan(
    rate: float = 100.0, burst: float | None = None, reserved: tuple[float, ...] = (0.2, 0.1, 0.0), *waiting: int
) -> LanePlan:
    return LanePlan(Throttle(rate, burst), list(waiting) or [10**6] * LANES, reserved)


def flows(lanes: LanePlan, seconds: float, step_s: float = 0.01, start_s: float = 0.0) -> list[int]:
    """Segments of each lane that are sent while all that ``waiting`` says wait."""
    sent = [0] * LANES
    now_s = start_s
    while now_s < start_s + seconds:
        now_s += step_s
        while (lane := lanes.next()) >= 0 and not lanes.take(lane, 1, now_s):
            lanes.sent(lane, 1)
            lanes.waiting[lane] -= 1
            sent[lane] += 1
    return sent


def test_lanes_go_in_order_when_nothing_is_reserved() -> None:
    lanes = plan(100.0, 30, (0.0, 0.0, 0.0), 5, 5, 5)
    order = []
    while (lane := lanes.next()) >= 0:
        assert lanes.take(lane, 1, 0.0) == 0.0
        lanes.waiting[lane] -= 1
        lanes.sent(lane, 1)
        order.append(lane)
    assert order == [0] * 5 + [1] * 5 + [2] * 5


def test_what_is_reserved_for_the_lanes_above_is_there_at_once_whatever_marketing_does() -> None:
    lanes = plan(100.0, None, (0.2, 0.1, 0.0), 0, 0, 10**6)
    # A second's burst without what is reserved, then every new token.
    assert flows(lanes, 2.0)[MARKETING] == pytest.approx(70 + 200, abs=2)
    lanes.waiting[:] = [1000, 1000, 10**6]
    at_once = 0
    while not lanes.take(OTP, 1, 2.0):
        lanes.sent(OTP, 1)
        at_once += 1
    assert at_once == pytest.approx(30, abs=1)


def test_marketing_has_the_whole_rate_while_nobody_else_needs_it() -> None:
    lanes = plan(100.0, 10, (0.5, 0.3, 0.0), 0, 0, 10**6)
    assert flows(lanes, 10.0)[MARKETING] == pytest.approx(1000, rel=0.01)


def test_a_flood_of_codes_leaves_notices_their_share_and_marketing_nothing() -> None:
    otp, notice, marketing = flows(plan(), 10.0)
    assert notice == pytest.approx(0.1 * (otp + notice), rel=0.02)
    assert (otp + notice, marketing) == (pytest.approx(1100, rel=0.02), 0)


def test_the_share_holds_too_when_the_window_is_what_limits() -> None:
    lanes = plan(1e6, None, (0.0, 0.25, 0.0))
    order = []
    for now in range(100):  # one answer, one request
        lane = lanes.next()
        assert lanes.take(lane, 1, now / 1000) == 0.0
        lanes.sent(lane, 1)
        order.append(lane)
    assert order.count(NOTICE) == pytest.approx(25, abs=1)
    assert max(map(len, "".join(map(str, order)).split("1"))) <= 4  # evenly


def test_an_aged_lane_gets_a_small_share_and_loses_it_again() -> None:
    lanes = plan()
    lanes.set_aged(MARKETING, True)
    otp, notice, marketing = flows(lanes, 10.0)
    assert marketing == pytest.approx(AGED_SHARE * (otp + notice + marketing), rel=0.1)
    assert lanes.aged == [False, False, True]
    lanes.set_aged(MARKETING, False)
    assert flows(lanes, 1.0, start_s=10.0)[MARKETING] == 0


def test_a_lane_with_a_share_does_not_lose_it_by_ageing() -> None:
    lanes = plan(100.0, None, (0.0, 0.0, 0.3), 10**6, 0, 10**6)
    lanes.set_aged(MARKETING, True)
    otp, _, marketing = flows(lanes, 10.0)
    assert marketing == pytest.approx(0.3 * (otp + marketing), rel=0.02)


def test_who_waited_for_long_gets_no_burst() -> None:
    lanes = plan(1000.0, None, (0.0, 0.1, 0.0), 10**6, 0, 0)
    flows(lanes, 5.0)
    lanes.waiting[NOTICE] = 100
    first = [lanes.next() for _ in range(3)]
    assert first == [OTP, OTP, OTP]  # it is owed from now on, not since it had nothing


def test_a_long_message_is_paid_for_afterwards() -> None:
    lanes = plan(1e6, None, (0.0, 0.1, 0.0))
    order = []
    for _ in range(300):
        lane = lanes.next()
        segments = 10 if lane == NOTICE else 1
        lanes.take(lane, segments, 0.0)
        lanes.sent(lane, segments)
        order.append((lane, segments))
    shares = [sum(segments for lane, segments in order if lane == each) for each in range(LANES)]
    assert shares[NOTICE] == pytest.approx(0.1 * sum(shares), abs=10)


def test_requests_of_a_window_stay_free_for_the_lanes_above() -> None:
    lanes = plan(100.0, None, (0.2, 0.1, 0.0))
    assert lanes.kept(0.0) == (0.0, 0.0, 0.0)
    assert lanes.take(OTP, 1, 50.0) == lanes.take(NOTICE, 1, 55.0) == 0.0
    assert lanes.kept(55.0) == (0.0, 0.2, pytest.approx(0.3))
    assert lanes.kept(61.0) == (0.0, 0.0, 0.1)  # only notices were sent lately


def test_a_message_larger_than_what_is_left_beside_the_reserves_still_goes() -> None:
    lanes = plan(1.0, 1.0, (0.5, 0.4, 0.0))
    assert lanes.take(MARKETING, 5, 0.0) == 0.0


def test_what_is_given_back_was_never_taken() -> None:
    lanes = plan(10.0, 10.0, (0.2, 0.0, 0.0))
    assert lanes.take(OTP, 10, 0.0) == 0.0
    lanes.give_back(OTP, 10)
    assert lanes.take(MARKETING, 8, 0.0) == 0.0
    assert lanes.take(MARKETING, 1, 0.0) > 0.0
    assert lanes.take(OTP, 2, 0.0) == 0.0


@pytest.mark.parametrize("reserved", [(0.5, 0.5, 0.0), (-0.1, 0.0, 0.0), (0.1, 0.1)])
def test_shares_that_make_no_sense(reserved: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="below 1"):
        plan(100.0, None, reserved)


lane_loads = st.tuples(*[st.integers(0, 3)] * LANES)
shares = st.tuples(st.floats(0, 0.4), st.floats(0, 0.3), st.floats(0, 0.2))


@given(
    shares,
    st.floats(1, 1000),
    st.lists(st.tuples(st.floats(0, 0.2), lane_loads, st.integers(1, 4)), max_size=60),
    st.booleans(),
)
def test_never_faster_than_the_rate_and_everything_goes_in_the_end(
    reserved: tuple[float, ...], rate: float, turns: list[tuple[float, tuple[int, ...], int]], aged: bool
) -> None:
    lanes = plan(rate, None, reserved, 0, 0, 0)
    lanes.set_aged(MARKETING, aged)
    now_s, sent, largest = 0.0, 0, 0
    for pause_s, arriving, segments in turns:
        now_s += pause_s
        largest = max(largest, segments)
        for lane, count in enumerate(arriving):
            lanes.waiting[lane] += count
        while (lane := lanes.next()) >= 0:
            wait_s = lanes.take(lane, segments, now_s)
            if wait_s:
                break
            lanes.sent(lane, segments)
            lanes.waiting[lane] -= 1
            sent += segments
        assert sent <= max(rate, 1.0) + rate * now_s + largest
    # Waiting as long as is said is enough, or nearly: while one waits the reserves may fill.
    for _ in range(2000):
        lane = lanes.next()
        if lane < 0:
            break
        wait_s = lanes.take(lane, 1, now_s)
        if wait_s:
            now_s += wait_s
        else:
            lanes.sent(lane, 1)
            lanes.waiting[lane] -= 1
    assert lanes.next() == -1
