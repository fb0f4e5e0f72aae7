from __future__ import annotations

from datetime import date

import pytest

from smsgw.policy.calendar import Workdays


@pytest.mark.parametrize(
    ("day", "is_workday"),
    [
        ("2026-11-18", True),  # a Wednesday
        ("2026-11-21", False),  # a Saturday
        ("2026-10-01", False),  # national day, a Thursday
        ("2026-10-10", True),  # a Saturday that makes up for it
        ("2026-02-17", False),  # spring festival, a Tuesday
        ("2026-02-14", True),  # a Saturday that makes up for it
        ("2031-05-01", True),  # not published yet: Monday–Friday
        ("2031-05-03", False),
    ],
)
def test_published_days(day: str, is_workday: bool) -> None:
    assert Workdays().is_workday(date.fromisoformat(day)) is is_workday


def test_overrides_win_and_make_their_year_known() -> None:
    closed, working = date(2026, 11, 18), date(2031, 5, 3)
    workdays = Workdays({closed: False, working: True})
    assert not workdays.is_workday(closed)
    assert workdays.is_workday(working)
    assert workdays.covers(2031)
    assert not workdays.covers(2032)


def test_known_through_year() -> None:
    assert Workdays.known_through_year >= 2026
    assert Workdays().covers(Workdays.known_through_year)
    assert not Workdays().covers(Workdays.known_through_year + 1)


@pytest.mark.parametrize(
    ("day", "workdays", "weekdays", "every_day"),
    [("2026-10-01", False, True, True), ("2026-10-10", True, False, True), ("2026-10-11", False, False, True)],
)
def test_days_of_a_window(day: str, workdays: bool, weekdays: bool, every_day: bool) -> None:
    calendar, there = Workdays(), date.fromisoformat(day)
    assert calendar.is_open(there, "workdays") is workdays
    assert calendar.is_open(there, "weekdays") is weekdays
    assert calendar.is_open(there, "all") is every_day
