"""Windows by the recipient's own clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from smsgw.policy import zones
from smsgw.policy.calendar import Workdays
from smsgw.policy.campaigns import Campaigns
from smsgw.policy.entries import CampaignEntry
from smsgw.policy.model import Draft, Hold, MessageClass, Refusal
from smsgw.policy.profile import HardWindow, SoftWindow, TimeRange, WindowSettings
from smsgw.policy.windows import Windows
from smsgw.policy.zones import zones_of

MARKETING = MessageClass.MARKETING
CLASSES = frozenset((MARKETING,))
NEW_YORK, LOS_ANGELES, CHICAGO = map(ZoneInfo, ("America/New_York", "America/Los_Angeles", "America/Chicago"))
MANHATTAN, HOLLYWOOD, PHOENIX, TOLL_FREE = "12125550123", "13235550123", "16025550123", "18005550123"
IDAHO = "12083550123"  # Boise's zone or Los Angeles'
At = Callable[..., int]


@pytest.fixture(scope="module")
def quiet() -> WindowSettings:
    return WindowSettings(
        "hold",
        HardWindow(CLASSES, (TimeRange.parse("21:00-08:00"),)),
        SoftWindow(CLASSES, "all", (TimeRange.parse("08:00-21:00"),)),
        "recipient",
    )


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (MANHATTAN, ["America/New_York"]),
        (HOLLYWOOD, ["America/Los_Angeles"]),
        (PHOENIX, ["America/Phoenix"]),
        (IDAHO, ["America/Boise", "America/Los_Angeles"]),
        ("8613800138000", ["Asia/Shanghai"]),
        ("442079460000", ["Europe/London"]),
        ("", []),
        ("0000", []),
        ("x", []),
    ],
)
def test_the_zones_of_a_number(number: str, names: list[str]) -> None:
    assert [zone.key for zone in zones_of(number)] == names


def test_a_number_without_a_place_may_be_anywhere() -> None:
    assert {NEW_YORK.key, LOS_ANGELES.key, "Pacific/Honolulu"} < {zone.key for zone in zones_of(TOLL_FREE)}


def test_a_zone_that_the_system_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> ZoneInfo:
        raise ZoneInfoNotFoundError(name)

    zones._zones.cache_clear()
    monkeypatch.setattr(zones, "ZoneInfo", unknown)
    assert zones_of(MANHATTAN) == ()
    zones._zones.cache_clear()


@pytest.mark.parametrize(
    ("recipient", "when", "opens"),
    [
        # by New York's clock on the left; Hollywood is three hours behind
        (MANHATTAN, "2026-11-18 07:59", "2026-11-18 08:00"),
        (MANHATTAN, "2026-11-18 08:00", None),
        (MANHATTAN, "2026-11-18 20:59", None),
        (MANHATTAN, "2026-11-18 21:00", "2026-11-19 08:00"),
        (HOLLYWOOD, "2026-11-18 08:00", "2026-11-18 11:00"),
        (HOLLYWOOD, "2026-11-18 10:59", "2026-11-18 11:00"),
        (HOLLYWOOD, "2026-11-18 11:00", None),
        (HOLLYWOOD, "2026-11-18 23:59", None),
        (HOLLYWOOD, "2026-11-19 00:00", "2026-11-19 11:00"),
        # Arizona keeps no summer time: two hours behind in winter, three in summer
        (PHOENIX, "2026-11-18 09:59", "2026-11-18 10:00"),
        (PHOENIX, "2026-07-15 10:59", "2026-07-15 11:00"),
        # two zones: open only while both are
        (IDAHO, "2026-11-18 10:30", "2026-11-18 11:00"),
        (IDAHO, "2026-11-18 11:00", None),
        (IDAHO, "2026-11-18 22:59", None),
        (IDAHO, "2026-11-18 23:00", "2026-11-19 11:00"),
        # the profile's own clock where the number tells nothing
        ("", "2026-11-18 07:59", "2026-11-18 08:00"),
        ("", "2026-11-18 08:00", None),
        # the night in which New York's clock goes back: 21:00 to 08:00 lasts twelve hours
        (MANHATTAN, "2026-10-31 21:00", "2026-11-01 08:00"),
        (MANHATTAN, "2026-03-07 23:00", "2026-03-08 08:00"),
    ],
)
def test_quiet_hours_where_the_recipient_is(
    quiet: WindowSettings, draft: Callable[..., Draft], at: At, recipient: str, when: str, opens: str | None
) -> None:
    windows = Windows(quiet, NEW_YORK, Workdays())
    expected = None if opens is None else at(opens, NEW_YORK)
    message = draft(recipient=recipient, at_ms=at(when, NEW_YORK))
    found = []
    for layer in ("hard", "soft"):
        rule = windows.rule(layer, MARKETING)
        assert rule is not None
        outcome = rule.check(message)
        found.append(outcome.until_ms if isinstance(outcome, Hold) else outcome)
    assert found == [expected, expected]
    closed = windows.check(MARKETING, at(when, NEW_YORK), recipient)
    assert (closed and closed.opens_ms) == expected


def test_a_number_that_may_be_anywhere_waits_for_the_hours_that_all_have(quiet: WindowSettings, at: At) -> None:
    windows = Windows(quiet, NEW_YORK, Workdays())
    closed = windows.check(MARKETING, at("2026-11-18 12:00", NEW_YORK), TOLL_FREE)
    assert closed is not None
    assert closed.opens_ms is not None
    for instant in (closed.opens_ms, closed.opens_ms + 60_000):
        for zone in zones_of(TOLL_FREE):
            assert (
                Windows(WindowSettings("hold", quiet.hard, quiet.soft), zone, Workdays()).check(MARKETING, instant)
                is None
            )
    assert windows.check(MARKETING, closed.opens_ms - 1, TOLL_FREE) is not None


def test_zones_that_are_never_open_together(draft: Callable[..., Draft]) -> None:
    noon = SoftWindow(CLASSES, "all", (TimeRange.parse("12:00-12:30"),))
    rule = Windows(WindowSettings("hold", None, noon, "recipient"), NEW_YORK, Workdays()).rule("soft", MARKETING)
    assert rule is not None
    for _ in range(2):
        assert isinstance(rule.check(draft(recipient=IDAHO)), Refusal)
    assert isinstance(rule.check(draft(recipient=MANHATTAN)), Hold)


def test_a_campaigns_slots_and_days_are_the_recipients_too(
    quiet: WindowSettings, draft: Callable[..., Draft], at: At
) -> None:
    campaigns = Campaigns([CampaignEntry("bf", slots=("09:00-10:00",), starts="2026-11-27", ends="2026-11-27")])
    rule = Windows(quiet, NEW_YORK, Workdays()).rule("soft", MARKETING, lambda: campaigns)
    assert rule is not None
    message = draft(recipient=HOLLYWOOD, campaign="bf", at_ms=at("2026-11-27 09:30", NEW_YORK))
    outcome = rule.check(message)
    assert isinstance(outcome, Hold)
    assert outcome.until_ms == at("2026-11-27 09:00", LOS_ANGELES)
    message.at_ms = at("2026-11-27 10:00", LOS_ANGELES)
    assert isinstance(rule.check(message), Refusal)
    assert rule.looked_at(message) == (
        "2026-11-27 Fri 10:00 (America/Los_Angeles); open: all days 09:00-10:00; "
        "campaign bf from 2026-11-27 to 2026-11-27"
    )


def test_the_profiles_clock_unless_said_otherwise(cn_windows: WindowSettings, shanghai: ZoneInfo, at: At) -> None:
    windows = Windows(cn_windows, shanghai, Workdays())
    assert windows.zones(HOLLYWOOD) == (shanghai,)
    assert windows.check(MARKETING, at("2026-11-18 10:30"), HOLLYWOOD) is None


def test_what_people_are_shown_of_many_zones(quiet: WindowSettings, draft: Callable[..., Draft], at: At) -> None:
    rule = Windows(quiet, NEW_YORK, Workdays()).rule("hard", MARKETING)
    assert rule is not None
    shown = rule.looked_at(draft(recipient=IDAHO, at_ms=at("2026-11-18 10:30", NEW_YORK)))
    assert shown == (
        "2026-11-18 Wed 08:30 (America/Boise) and 2026-11-18 Wed 07:30 (America/Los_Angeles); "
        "closed 00:00-08:00, 21:00-24:00"
    )
    assert re.search(r" and [0-9]+ more zones; closed", rule.looked_at(draft(recipient=TOLL_FREE)))
