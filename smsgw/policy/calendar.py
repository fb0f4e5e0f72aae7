"""Which days are workdays: China's holidays and make-up workdays, and a company's own changes to them.

Owns: the answer for a date. The data are chinesecalendar's, published by the state each November for the next
year; a site's override file wins over them. Beyond the last year known a day is judged by Monday–Friday alone,
which is wrong around holidays: ``smsgw check`` asks ``covers`` and warns in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from chinese_calendar import constants

from smsgw.policy.profile import Days

_PUBLISHED: dict[date, bool] = {
    **dict.fromkeys(constants.holidays, False),
    **dict.fromkeys(constants.workdays, True),  # weekends that make up for a holiday
}
_PUBLISHED_THROUGH: int = max(day.year for day in constants.holidays)
_SATURDAY = 5


class Workdays:
    """The calendar of a site. ``overrides`` maps a date to whether it is a workday."""

    __slots__ = ("_days", "_years")

    known_through_year: int = _PUBLISHED_THROUGH
    """The last year whose holidays are published in the data; overrides don't move it."""

    def __init__(self, overrides: Mapping[date, bool] | None = None) -> None:
        own = overrides or {}
        self._days = {**_PUBLISHED, **own}
        self._years = frozenset(day.year for day in own)

    def covers(self, year: int) -> bool:
        """Whether holidays of that year are known, from the data or from an override file."""
        return year <= self.known_through_year or year in self._years

    def is_workday(self, day: date) -> bool:
        """Whether offices are open on that date."""
        known = self._days.get(day)
        return day.weekday() < _SATURDAY if known is None else known

    def is_open(self, day: date, days: Days) -> bool:
        """Whether a date is among a window's ``days``: workdays, weekdays (Monday–Friday, no holidays known) or all."""
        if days == "workdays":
            return self.is_workday(day)
        return days == "all" or day.weekday() < _SATURDAY
