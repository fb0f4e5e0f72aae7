from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from smsgw.policy.calendar import Workdays
from smsgw.policy.model import Draft, Hold, MessageClass, Refusal
from smsgw.policy.profile import HardWindow, SoftWindow, TimeRange, WindowSettings
from smsgw.policy.windows import Windows

MARKETING = MessageClass.MARKETING
At = Callable[..., int]


@pytest.fixture
def windows(cn_windows: WindowSettings, shanghai: ZoneInfo) -> Windows:
    return Windows(cn_windows, shanghai, Workdays())


@pytest.mark.parametrize(
    ("when", "layer", "opens"),
    [
        ("2026-11-18 10:30", None, None),
        ("2026-11-18 09:00", None, None),
        ("2026-11-18 20:59:59.999", None, None),
        ("2026-11-18 21:00", "hard", "2026-11-19 09:00"),
        ("2026-11-18 07:59:59.999", "hard", "2026-11-18 09:00"),
        ("2026-11-18 08:00", "soft", "2026-11-18 09:00"),
        ("2026-11-18 00:00", "hard", "2026-11-18 09:00"),
        ("2026-11-20 21:00", "hard", "2026-11-23 09:00"),  # Friday night to Monday
        ("2026-11-21 12:00", "soft", "2026-11-23 09:00"),  # a Saturday
        ("2026-09-30 23:00", "hard", "2026-10-08 09:00"),  # over the national holiday
        ("2026-10-10 12:00", None, None),  # a Saturday that is worked
        ("2026-10-11 12:00", "soft", "2026-10-12 09:00"),
    ],
)
def test_marketing(windows: Windows, at: At, when: str, layer: str | None, opens: str | None) -> None:
    closed = windows.check(MARKETING, at(when))
    if layer is None:
        assert closed is None
    else:
        assert closed is not None
        assert (closed.layer, closed.opens_ms) == (layer, at(opens))


def test_other_classes_have_no_gate(windows: Windows, at: At) -> None:
    assert windows.check(MessageClass.OTP, at("2026-11-18 03:00")) is None
    assert windows.gates[MessageClass.NOTICE] is None
    assert windows.rule("hard", MessageClass.OTP) is None


def test_reject_says_when_to_come_again(windows: Windows, at: At, draft: Callable[..., Draft]) -> None:
    hard, soft = windows.rule("hard", MARKETING), windows.rule("soft", MARKETING)
    assert hard is not None
    assert soft is not None
    night = draft(when="2026-11-18 21:30:00.500")
    refusal = hard.check(night)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason.rule_id, refusal.retry_after_s) == ("window.hard", 11 * 3600 + 1800)
    assert "2026-11-19 09:00" in refusal.detail
    also = soft.check(night)
    assert isinstance(also, Refusal)
    assert also.reason.rule_id == "window.soft"
    early = draft(when="2026-11-18 08:30")
    assert hard.check(early) is None
    refusal = soft.check(early)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason.status, refusal.reason.fallback, refusal.retry_after_s) == (0x421, 0x61, 1800)


def test_hold_waits_for_both(
    cn_windows: WindowSettings, shanghai: ZoneInfo, at: At, draft: Callable[..., Draft]
) -> None:
    windows = Windows(replace(cn_windows, action="hold"), shanghai, Workdays())
    hard = windows.rule("hard", MARKETING)
    assert hard is not None
    held = hard.check(draft(when="2026-11-20 22:00"))
    assert isinstance(held, Hold)
    assert (held.until_ms, held.reason.rule_id) == (at("2026-11-23 09:00"), "window.hard")


@pytest.mark.parametrize(
    ("when", "opens"),
    [
        ("2026-11-18 10:30", "2026-11-18 11:00"),
        ("2026-11-18 11:00", None),
        ("2026-11-18 12:30", "2026-11-18 17:00"),
        ("2026-11-18 18:59", None),
        ("2026-11-18 19:00", "2026-11-19 11:00"),
        ("2026-11-20 20:00", "2026-11-23 11:00"),
    ],
)
def test_slots_narrow(cn_windows: WindowSettings, shanghai: ZoneInfo, at: At, when: str, opens: str | None) -> None:
    # The last slot lies in the hard window and never opens.
    slots = [TimeRange.parse(text) for text in ("11:00-12:30", "17:00-19:00", "22:00-23:00")]
    closed = Windows(cn_windows, shanghai, Workdays(), slots).check(MARKETING, at(when))
    assert (closed and closed.opens_ms) == (opens and at(opens))


def test_slots_bind_marketing_without_a_soft_window_and_never_a_code(shanghai: ZoneInfo, at: At) -> None:
    windows = Windows(WindowSettings(), shanghai, Workdays(), [TimeRange.parse("11:00-12:30")])
    assert windows.check(MARKETING, at("2026-11-21 11:00")) is None
    closed = windows.check(MARKETING, at("2026-11-21 13:00"))
    assert closed is not None
    assert closed.opens_ms == at("2026-11-22 11:00")
    assert windows.check(MessageClass.OTP, at("2026-11-21 13:00")) is None


def test_a_window_that_never_opens(cn_windows: WindowSettings, shanghai: ZoneInfo, draft: Callable[..., Draft]) -> None:
    windows = Windows(replace(cn_windows, action="hold"), shanghai, Workdays(), [TimeRange.parse("22:00-23:00")])
    rule = windows.rule("soft", MARKETING)
    assert rule is not None
    refusal = rule.check(draft())
    assert isinstance(refusal, Refusal)
    assert refusal.retry_after_s is None


def test_an_override_closes_a_day(cn_windows: WindowSettings, shanghai: ZoneInfo, at: At) -> None:
    windows = Windows(cn_windows, shanghai, Workdays({date(2026, 11, 18): False}))
    closed = windows.check(MARKETING, at("2026-11-18 10:30"))
    assert closed is not None
    assert (closed.layer, closed.opens_ms) == ("soft", at("2026-11-19 09:00"))


def test_a_test_clock_may_go_back(windows: Windows, at: At) -> None:
    for when, is_open in [("2026-11-18 10:00", True), ("2026-11-17 08:30", False), ("2026-11-17 10:00", True)] * 2:
        assert (windows.check(MARKETING, at(when)) is None) is is_open


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        # New York puts the clock on at 02:00 on 2026-03-08 and back at 02:00 on 2026-11-01
        ("2026-03-08 01:29", False),
        ("2026-03-08 01:30", True),
        ("2026-03-08 03:29", True),
        ("2026-03-08 03:30", False),
    ],
)
def test_the_wall_clock_counts_when_it_is_changed(at: At, when: str, is_open: bool) -> None:
    zone = ZoneInfo("America/New_York")
    soft = SoftWindow(frozenset((MARKETING,)), "all", (TimeRange.parse("01:30-03:30"),))
    windows = Windows(WindowSettings(soft=soft), zone, Workdays())
    assert (windows.check(MARKETING, at(when, zone)) is None) is is_open


def test_an_hour_that_comes_twice_opens_twice(at: At) -> None:
    zone = ZoneInfo("America/New_York")
    hard = HardWindow(frozenset((MARKETING,)), (TimeRange.parse("00:00-01:15"), TimeRange.parse("01:45-00:00")))
    gate = Windows(WindowSettings(hard=hard), zone, Workdays()).gates[MARKETING]
    assert gate is not None
    first = at("2026-11-01 01:15", zone)
    assert gate.opens_ms(first - 1) == first
    assert gate.opens_ms(first + 30 * 60_000) == first + 60 * 60_000
