from __future__ import annotations

import random

import pytest

from smsgw.policy.retry import Action, Backoff, CarrierStatuses


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (0x58, Action.RETRY_LINK),
        (0x14, Action.RETRY_LINK),
        (0x08, Action.RETRY),
        (0x64, Action.RETRY),
        (0x65, Action.RETRY),
        (0x66, Action.RETRY),
        (0x67, Action.RETRY),
        (0x0B, Action.REJECT),
        (0x45, Action.REJECT),
        (0x68, Action.REJECT),
        (0x402, Action.REJECT),
        (0xFFFFFFFF, Action.REJECT),
    ],
)
def test_defaults(status: int, action: Action) -> None:
    assert CarrierStatuses().action(status) is action


def test_a_carrier_overrides_what_it_names_and_nothing_else() -> None:
    statuses = CarrierStatuses({0x58: Action.RETRY, 0x45: Action("reroute")})
    assert statuses.action(0x58) is Action.RETRY
    assert statuses.action(0x45) is Action.REROUTE
    assert statuses.action(0x14) is Action.RETRY_LINK
    assert CarrierStatuses().action(0x58) is Action.RETRY_LINK


def test_the_words_of_a_carrier_file() -> None:
    assert {action.value for action in Action} == {"throttle", "retry", "reroute", "hold", "reject"}


def test_backoff_spreads_below_a_doubling_bound() -> None:
    reached = [0.0] * 8
    for seed in range(300):
        backoff = Backoff(1.0, 20.0, random.Random(seed))
        for attempt in range(8):
            delay_s = backoff.next_s()
            assert 0 <= delay_s <= min(20.0, 2.0**attempt)
            reached[attempt] = max(reached[attempt], delay_s)
    assert reached[0] > 0.9
    assert reached[7] > 19


def test_backoff_resets_repeats_by_seed_and_survives_a_week() -> None:
    backoff = Backoff(0.5, 60.0, random.Random(7), floor_s=0.25)
    first = [backoff.next_s() for _ in range(2000)]
    assert min(first) >= 0.25
    assert max(first) <= 60.0
    assert backoff.attempts == 2000
    backoff.reset()
    assert backoff.next_s() <= 0.5
    again = Backoff(0.5, 60.0, random.Random(7), floor_s=0.25)
    assert [again.next_s() for _ in range(2000)] == first


@pytest.mark.parametrize(("base", "ceiling", "floor"), [(0, 1, 0), (2, 1, 0), (1, 2, 1.5), (1, 2, -1)])
def test_backoff_refuses_nonsense(base: float, ceiling: float, floor: float) -> None:
    with pytest.raises(ValueError, match="back-off"):
        Backoff(base, ceiling, random.Random(0), floor)
