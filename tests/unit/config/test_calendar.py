"""Holidays of a site's own, and the warning that next year's are missing."""

from __future__ import annotations

from datetime import date

from smsgw.policy.calendar import Workdays

from .conftest import SiteCopy

KNOWN = Workdays.known_through_year


def _missing(site: SiteCopy, today: date) -> list[str]:
    return [warning.partition(":")[0] for warning in site.warnings(today)]


def test_from_october_on_next_year_must_be_known(site: SiteCopy) -> None:
    (site.directory / "calendar/2027.toml").unlink()
    assert _missing(site, date(KNOWN, 9, 30)) == []
    assert _missing(site, date(KNOWN, 10, 1)) == [f"calendar/{KNOWN + 1}.toml"]
    assert _missing(site, date(KNOWN + 1, 1, 1)) == [f"calendar/{KNOWN + 1}.toml"]


def test_an_override_file_makes_a_year_known(site: SiteCopy) -> None:
    site.write(f"calendar/{KNOWN + 1}.toml", f'[days]\n{KNOWN + 1}-01-01 = "holiday"\n')
    assert _missing(site, date(KNOWN, 12, 31)) == []


def test_nobody_is_warned_who_does_not_look_at_workdays(site: SiteCopy) -> None:
    (site.directory / "calendar/2027.toml").unlink()
    site.edit("profiles/cn.toml", 'days = "workdays"', 'days = "all"')
    assert _missing(site, date(2030, 12, 1)) == []


def test_a_make_up_workday(site: SiteCopy) -> None:
    site.edit("calendar/2027.toml", "# 2027-02-20", "2027-02-20")
    assert site.load().workdays.is_workday(date(2027, 2, 20))


def test_a_file_is_named_after_its_year(site: SiteCopy) -> None:
    (site.directory / "calendar/2027.toml").rename(site.directory / "calendar/next.toml")
    assert site.errors() == [
        "calendar/next.toml: expected a file named after its year, such as 2027.toml, found 'next'"
    ]
