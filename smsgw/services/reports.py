"""Monthly reports: what goes in, gathered from records and the site's files.

Owns: who may ask for which department, what a month is in the site's zone, which refusals count as violations. How a
report reads is ``smsgw.reports``; the counting is done by whichever process answers for records (``asking``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final

from smsgw.clock import from_ms, to_ms
from smsgw.config.site import Site
from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.reasons import REASONS
from smsgw.records.history import Asked, Figures
from smsgw.records.record import HOUR_MS
from smsgw.reports.monthly import Counts, Day, Department, Monthly, Refused, Template, department_of, share
from smsgw.reports.score import Part
from smsgw.reports.words import LANGUAGES
from smsgw.services.asking import Asking, Source
from smsgw.services.desk import Desk, one_of

MONTHLY_READERS: Final = ("management", "compliance", "market", "viewer", "auditor", "department")
FORMATS: Final = ("html", "xlsx")
_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
_MARKETING, _CODES = CLASS_LABELS.index("marketing"), CLASS_LABELS.index("otp")

_BY: Final = ("department", "message_class", "template", "campaign")

ByDepartment = dict[str, list[Figures]]


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the site's zone: its name, and its whole hours in ms."""

    name: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """What records say: groups are ``_BY`` of both months, and (department, hour)."""

    now: list[Figures]
    before: list[Figures]
    hours: list[Figures]


def month_of(zone: tzinfo, name: str) -> Month:
    """A month such as 2026-10. Raises RequestError."""
    match = _MONTH.fullmatch(name)
    if match is None:
        raise RequestError("invalid", f"month: {name[:40]!r} is not a month such as 2026-10")
    year, month = int(match[1]), int(match[2])
    begins = datetime(year, month, 1, tzinfo=zone)
    ends = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    # Figures are of whole hours; where the zone is half an hour off, the month begins with the hour that it begins in.
    return Month(name, to_ms(begins) // HOUR_MS * HOUR_MS, to_ms(ends) // HOUR_MS * HOUR_MS)


def month_before(zone: tzinfo, month: Month) -> Month:
    """The month before it."""
    year, number = int(month.name[:4]), int(month.name[5:])
    return month_of(zone, f"{year - (number == 1):04d}-{(number - 2) % 12 + 1:02d}")


def last_month(desk: Desk) -> str:
    """The name of the last month that is over."""
    today = desk.today()
    return f"{today.year - (today.month == 1):04d}-{(today.month - 2) % 12 + 1:02d}"


def asked_of_month(month: Month, department: str = "", accounts: tuple[str, ...] | None = None) -> Asked:
    """What is asked of records about a month."""
    where = (("department", department),) if department else ()
    return Asked((), month.since_ms, month.until_ms, where, latencies=False, accounts=accounts)


def month_figures(source: Source, asked: Asked, before: Asked) -> MonthFigures:
    """The question that another process answers."""
    source.require_archive()
    history = source.history
    # Each question over a month costs about the same, however many groups it has.
    return MonthFigures(
        history.statistics(replace(asked, by=_BY, reasons=True)),
        history.statistics(replace(before, by=_BY, reasons=True)),
        history.statistics(replace(asked, by=("department", "hour"))),
    )


async def monthly(desk: Desk, asking: Asking, *, month: str = "", department: str = "") -> Monthly:
    """The report of a month (the last one if left out), of a department or all that the person sees.

    Raises RequestError, and RecordsError.
    """
    desk.require_role(*MONTHLY_READERS)
    chosen = month_of(desk.zone, month or last_month(desk))
    if chosen.since_ms > desk.now_ms():
        raise RequestError("invalid", f"month: {chosen.name} has not begun")
    _check_department(desk, department)
    before = month_before(desk.zone, chosen)
    accounts = None if desk.accounts is None else tuple(sorted(desk.accounts))
    asked, earlier = (asked_of_month(each, department, accounts) for each in (chosen, before))
    found = await asking.ask(month_figures, asked, earlier)
    return monthly_of(desk.site, desk.zone, found, chosen, before, department, desk.now_ms())


def monthly_of(
    site: Site, zone: tzinfo, found: MonthFigures, month: Month, before: Month, department: str, now_ms: int
) -> Monthly:
    """The report that these figures make."""
    settings = site.file.reports
    parts = parts_of(site)
    now, then = _by_department(found.now), _by_department(found.before)
    every = (
        _department(name, now.get(name, []), then.get(name, []), site, parts)
        for name in sorted(now.keys() | then.keys(), key=lambda each: (not each, each))
    )
    # What nobody owns is mostly answers to numbers that are nobody's, of which there is nothing to tell here.
    departments = [each for each in every if each.refused_by or (each.counts, each.before) != (Counts(), Counts())]
    total = department_of(
        "", _sum(each.counts for each in departments), _sum(each.before for each in departments), parts
    )
    return Monthly(
        settings.organisation or site.directory.resolve().name, month.name, before.name, department,
        from_ms(now_ms).astimezone(zone).isoformat(" ", "seconds"), now_ms >= month.until_ms, total,
        tuple(departments), _days(found.hours, month, zone),
    )  # fmt: skip


def parts_of(site: Site) -> tuple[Part, ...]:
    """The score's parts that have a weight."""
    score = site.file.reports.score
    named = {name: getattr(score, name) for name in type(score).model_fields}
    return tuple(Part(name, each.weight, each.full, each.zero) for name, each in named.items() if each.weight)


def checked_language(language: str) -> str:
    """zh or en. Raises RequestError."""
    return one_of("language", language, LANGUAGES)


def _check_department(desk: Desk, department: str) -> None:
    if not department:
        return
    there = {each.department for each in desk.site.accounts.values() if each.department and desk.sees(each.system_id)}
    if desk.accounts is not None and department not in there:
        raise RequestError(
            "forbidden", f"department: {desk.person.name} does not see the department {department[:100]!r}"
        )
    if department not in there:
        raise RequestError(
            "invalid", with_hint(f"department: there is no department {department!r:.100}", department, there)
        )


def _by_department(found: Sequence[Figures]) -> ByDepartment:
    """Figures whose first group is the department, by it."""
    sorted_out: ByDepartment = {}
    for each in found:
        sorted_out.setdefault(str(each.group[0]), []).append(each)
    return sorted_out


def _department(name: str, now: list[Figures], then: list[Figures], site: Site, parts: Sequence[Part]) -> Department:
    settings = site.file.reports
    refused: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    clicked: Counter[str] = Counter()
    for each in now:
        refused.update(each.refused_by)
        accepted[str(each.group[2])] += each.counts["accepted"]
        delivered[str(each.group[2])] += each.counts["delivered"]
        clicked[str(each.group[2])] += each.counts["clicked"]
    rows = (
        Refused(REASONS[rule].rule if rule in REASONS else 0, rule, count, rule in settings.violations)
        for rule, count in refused.items()
    )
    used = (
        Template(
            template,
            count,
            delivered[template],
            share(delivered[template], count),
            clicked[template],
            share(clicked[template], delivered[template]),
        )
        for template, count in accepted.items()
        if template and count
    )
    return department_of(
        name,
        _counts(now, settings.violations),
        _counts(then, settings.violations),
        parts,
        sorted(rows, key=lambda each: (-each.count, each.rule_id)),
        sorted(used, key=lambda each: (-each.accepted, each.name))[: settings.templates],
    )


def _counts(found: Sequence[Figures], violations: Sequence[str]) -> Counts:
    """The counts of a department."""

    def total(name: str, message_class: int | None = None) -> int:
        return sum(each.counts[name] for each in found if message_class is None or each.group[1] == message_class)

    return Counts(
        total("accepted"),
        total("refused"),
        sum(count for each in found for rule, count in each.refused_by.items() if rule in violations),
        total("sent_segments"),
        total("delivered"),
        total("failed"),
        total("delivered", _MARKETING),
        total("delivered", _CODES),
        total("delivered_within_30_s", _CODES),
        total("unsubscribed"),
        total("complained"),
        total("clicked"),
        sum(each.counts["delivered"] for each in found if each.counts["clicked"]),
        round(sum(each.cost for each in found), 6),
    )


def _sum(found: Iterable[Counts]) -> Counts:
    rows = list(found)
    return Counts(*(sum(getattr(each, name) for each in rows) for name in Counts.__slots__))


def _days(hours: Sequence[Figures], month: Month, zone: tzinfo) -> tuple[Day, ...]:
    """Each day of the month, in the site's zone, also where its clock was changed."""
    days: dict[str, list[int]] = {}
    for at_ms in range(month.since_ms, month.until_ms, HOUR_MS):
        days.setdefault(f"{from_ms(at_ms).astimezone(zone):%Y-%m-%d}", [0, 0])
    for each in hours:
        counts = days.get(f"{from_ms(int(each.group[1])).astimezone(zone):%Y-%m-%d}")
        if counts is not None:
            counts[0] += each.counts["accepted"]
            counts[1] += each.counts["delivered"]
    return tuple(Day(day, accepted, delivered) for day, (accepted, delivered) in days.items())
