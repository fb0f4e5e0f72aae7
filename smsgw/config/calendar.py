"""``calendar/<year>.toml``: holidays and make-up workdays that the published data lacks or has wrong.

The state publishes a year's calendar in November of the year before. From October on a site is
warned while next year is unknown, because Monday–Friday alone is wrong around every holiday.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final, Literal

from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.documents.values import Settings
from smsgw.policy.calendar import Workdays
from smsgw.policy.profile import Profile

WARN_FROM_MONTH: Final = 10
_YEAR = re.compile(r"[12][0-9]{3}")


class CalendarFile(Settings):
    """A file of ``calendar/``: date → what it is."""

    days: dict[str, Literal["workday", "holiday"]]


def read_days(file: CalendarFile, document: Document, problems: Problems) -> dict[date, bool]:
    """Date → whether it is a workday; days of another year than the file's name go to ``problems``."""
    stem = document.path.stem
    if not _YEAR.fullmatch(stem):
        problems.error(document.path, 0, "", f"expected a file named after its year, such as 2027.toml, found {stem!r}")
        return {}
    days: dict[date, bool] = {}
    for text, kind in file.days.items():
        try:
            day = date.fromisoformat(text)
        except ValueError:
            document.error(problems, ("days", text), f"expected a day such as {stem}-02-01")
            continue
        if str(day.year) != stem:
            document.error(problems, ("days", text), f"is not in {stem}, the year that names the file")
        days[day] = kind == "workday"
    return days


def warn_of_unknown_years(
    workdays: Workdays, profiles: Iterable[Profile], today: date, directory: Path, problems: Problems
) -> None:
    """Warn while a year that is needed now, or soon, is not covered and some profile looks at workdays."""
    if not any(profile.window.soft is not None and profile.window.soft.days == "workdays" for profile in profiles):
        return
    needed = [today.year] + ([today.year + 1] if today.month >= WARN_FROM_MONTH else [])
    for year in needed:
        if not workdays.covers(year):
            why = f"holidays and make-up workdays of {year} are not known; until then workdays are Monday to Friday"
            problems.warn(directory / "calendar" / f"{year}.toml", 0, "", why)
