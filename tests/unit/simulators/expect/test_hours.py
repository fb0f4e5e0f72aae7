"""Hours and days as people write them."""

from __future__ import annotations

from datetime import datetime

import pytest

from simulators.expect.hours import in_hours, parse_days, parse_hours


@pytest.mark.parametrize(
    ("text", "time", "inside"),
    [
        ("08:00-21:00", "08:00:00", True),
        ("08:00-21:00", "20:59:59", True),
        ("08:00-21:00", "21:00:00", False),
        ("08:00-21:00", "07:59:59", False),
        ("22:00-06:00", "23:00:00", True),
        ("22:00-06:00", "05:59:59", True),
        ("22:00-06:00", "06:00:00", False),
        ("08:00-12:00, 14:00-21:00", "13:00:00", False),
        ("08:00-12:00, 14:00-21:00", "14:00:00", True),
        ("08:30:15-24:00", "08:30:14", False),
        ("08:30:15-24:00", "23:59:59", True),
    ],
)
def test_hours(text: str, time: str, inside: bool) -> None:
    assert in_hours(datetime.fromisoformat(f"2026-11-23T{time}+08:00"), parse_hours(text)) is inside


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon-fri", {0, 1, 2, 3, 4}), ("Sat-Mon", {5, 6, 0}), ("mon,wed , sun", {0, 2, 6}), ("sun", {6})],
)
def test_days(text: str, days: set[int]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize("text", ["", "8:00-21:00", "08:00", "08:60-21:00", "24:01-25:00", "08:00-21:00,"])
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_hours(text)


@pytest.mark.parametrize("text", ["", "mon-", "-fri", "monday", "mon fri"])
def test_what_are_no_days(text: str) -> None:
    with pytest.raises(ValueError, match="expected days"):
        parse_days(text)
