"""The audit report for supervisors: what the registers, the audit log and the records say of a period.

Owns: who may have it, which entries of the log are access to data, what is checked. Numbers are masked in all of them.
How it reads is ``reports.audit``; looking into records is done by whichever process answers for them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from smsgw.clock import from_ms, to_ms
from smsgw.errors import RequestError
from smsgw.policy.entries import Kind
from smsgw.policy.reasons import REASONS
from smsgw.records.archive.chain import PURGED, read_chain
from smsgw.records.archive.names import all_pieces, counting
from smsgw.records.cases import Optouts
from smsgw.records.history import ARCHIVE, Asked, Figures
from smsgw.records.record import HOUR_MS
from smsgw.reports.audit import Approved, Audit, Evidence, Held, LateMessage, Logged, OptoutHandling, Taken
from smsgw.reports.monthly import Refused
from smsgw.services.asking import Asking, Source
from smsgw.services.desk import Desk, checked_day
from smsgw.services.reports import last_month, month_of
from smsgw.store.audit import Audited
from smsgw.store.parked import LOT_REVIEW

READERS: Final = ("auditor", "compliance", "management")
MOST_DAYS: Final = 400
_APPROVED: Final[tuple[Kind, ...]] = ("channel", "signature", "template")
_READ_AT_ONCE: Final = 1_000
_MOST_DETAIL_CHARS: Final = 300
_ACCESS_ENDS: Final = (".reveal", ".disclose", ".export", ".erase", ".erased")
_ACCESS_BEGINS: Final = ("report.", "recipient.")
_DECISIONS: Final = ("review.release", "review.reject", "review.void")
_TOLD_ELSEWHERE: Final = ("scope", "reason", "who", "at_ms", "author", "history")
"""Fields that stand in other columns of an entry."""
_WISHES: Final = ("optout.", "consent.", "blacklist.", "complaint")


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of the site's zone, ``until`` included, and their hours in ms."""

    since: str
    until: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What the archive says of itself. ``head``: of its chain. ``purged``: (files, records)."""

    files: int
    records: int
    head: str
    faults: tuple[str, ...]
    oldest_ms: int
    purged: tuple[int, int]


@dataclass(frozen=True, slots=True)
class AuditFigures:
    """What records say."""

    figures: list[Figures]
    optouts: Optouts
    kept: Kept


def period_of(desk: Desk, since: str, until: str) -> Period:
    """Days such as 2026-10-01; left out both are those of the last month. Raises RequestError."""
    if not since and not until:
        month = month_of(desk.zone, last_month(desk))
        since = f"{month.name}-01"
        until = f"{from_ms(month.until_ms - 1).astimezone(desk.zone):%Y-%m-%d}"
    if not since or not until:
        raise RequestError("invalid", f"{'until' if since else 'since'}: give both days, or none for the last month")
    first, last = date.fromisoformat(checked_day("since", since)), date.fromisoformat(checked_day("until", until))
    if not 0 <= (last - first).days < MOST_DAYS:
        raise RequestError("invalid", f"until: expected a day on or after {first}, at most {MOST_DAYS} days later")
    if first > desk.today():
        raise RequestError("invalid", f"since: {first} has not come yet")
    begins, ends = (
        datetime(each.year, each.month, each.day, tzinfo=desk.zone) for each in (first, last + timedelta(1))
    )
    return Period(first.isoformat(), last.isoformat(), to_ms(begins), to_ms(ends))


def audit_figures(source: Source, since_ms: int, until_ms: int, every_row: bool) -> AuditFigures:
    """The question that another process answers."""
    source.require_archive()
    hours = since_ms // HOUR_MS * HOUR_MS, until_ms // HOUR_MS * HOUR_MS
    figures = source.history.statistics(Asked(("department",), *hours, latencies=False, reasons=True))
    optouts = source.history.after_optouts(since_ms, until_ms)
    return AuditFigures(figures, optouts, _kept(source, since_ms, until_ms, every_row))


def _kept(source: Source, since_ms: int, until_ms: int, every_row: bool) -> Kept:
    archive = source.directory / ARCHIVE
    if not archive.exists():
        return Kept(0, 0, "", ("this machine has no archive of records",), 0, (0, 0))
    read = read_chain(archive, source.keys.chain)
    links, pieces = read.present(), list(counting(all_pieces(archive)))
    there = {piece.name for piece in pieces}
    if every_row:
        from smsgw.records.archive.verification import verify  # loads what only who looks into files needs

        found = verify(archive, source.keys)
        files, records, faults = found.files, found.records, list(found.faults)
    else:
        files, records = len(there), sum(link.rows for link in links.values())
        faults = [read.fault] if read.fault else []
        lost, strange = sorted(links.keys() - there), sorted(there - links.keys())
        faults += [f"{name}: is missing; the chain knows nothing of its removal" for name in lost]
        faults += [f"{name}: the chain does not know it" for name in strange]
    inside = [each for each in read.links if since_ms <= to_ms(datetime.fromisoformat(each.at)) < until_ms]
    purged = [each for each in inside if each.act == PURGED]
    oldest = min((piece.hour_ms for piece in pieces), default=0)
    removed = len(purged), sum(each.rows for each in purged)
    return Kept(files, records, read.head, tuple(faults), oldest, removed)


async def audit_report(
    desk: Desk, asking: Asking, *, since: str = "", until: str = "", every_row: bool = False
) -> Audit:
    """The report of some days, of the last month if left out. ``every_row``: check every record of the archive, which
    takes a minute a gigabyte. Raises RequestError and RecordsError.
    """
    desk.require(*READERS)
    period = period_of(desk, since, until)
    found = await asking.ask(audit_figures, period.since_ms, period.until_ms, every_row)
    entries = await _entries(desk, period)
    log = await desk.log.verify()
    names = await desk.ids("word")
    kept = found.kept
    evidence = Evidence(
        not log.faults, log.entries, f"{log.head.seq}:{log.head.hash}", not kept.faults, every_row, kept.files,
        kept.records, kept.head, (*(each.why for each in log.faults), *kept.faults),
        desk.site.file.records.keep_days, _at(desk, kept.oldest_ms) if kept.oldest_ms else "", *kept.purged,
        _erasures(entries),
    )  # fmt: skip
    channels, signatures, templates = [await _approved(desk, kind, period) for kind in _APPROVED]
    return Audit(
        desk.site.file.reports.organisation or desk.site.directory.resolve().name, period.since, period.until,
        from_ms(desk.now_ms()).astimezone(desk.zone).isoformat(" ", "seconds"), desk.person.name,
        channels,
        signatures,
        templates,
        dict(sorted(Counter(name.partition("/")[0] for name in names).items())),
        logged(desk, (each for each in entries if each.action.startswith("word."))),
        _held(found.figures),
        _refused(found.figures, desk.site.file.reports.violations),
        logged(desk, (each for each in entries if each.action in _DECISIONS)),
        logged(desk, (each for each in entries if _is_access(each.action))),
        logged(desk, (each for each in entries if each.action.startswith("pause."))),
        _optouts(desk, found.optouts),
        logged(desk, (each for each in entries if each.action.startswith(_WISHES))),
        evidence,
    )  # fmt: skip


def logged(desk: Desk, entries: Iterable[Audited]) -> tuple[Logged, ...]:
    """Entries as they are shown."""
    return tuple(
        Logged(each.seq, _at(desk, each.at_ms), each.who, each.action, each.subject, each.why, _detail(each.detail))
        for each in entries
    )


def _detail(detail: Mapping[str, Any]) -> str:
    """What else an entry says: of a change every field as it was and as it is."""
    plain = {name: value for name, value in detail.items() if name not in ("before", "after")}
    before, after = detail.get("before") or {}, detail.get("after") or {}
    told = [f"{name}: {_plain(value)}" for name, value in plain.items()]
    for name in {**before, **after}:
        if name not in _TOLD_ELSEWHERE:
            was = f"{_plain(before[name])} → " if name in before else ""
            told.append(f"{name}: {was}{_plain(after[name]) if name in after else '–'}")
    text = "; ".join(told)
    return text if len(text) <= _MOST_DETAIL_CHARS else text[: _MOST_DETAIL_CHARS - 1] + "…"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


async def entries_between(desk: Desk, since_ms: int, until_ms: int) -> list[Audited]:
    """The entries of the audit log of a time, oldest first."""
    found: list[Audited] = []
    before = 0
    while entries := await desk.log.read_back(before, _READ_AT_ONCE):
        found += [each for each in entries if since_ms <= each.at_ms < until_ms]
        before = entries[-1].seq
        if before <= 1:
            break
    return sorted(found, key=lambda each: each.seq)


async def _entries(desk: Desk, period: Period) -> list[Audited]:
    return await entries_between(desk, period.since_ms, period.until_ms)


def _is_access(action: str) -> bool:
    return action.endswith(_ACCESS_ENDS) or action.startswith(_ACCESS_BEGINS)


def _erasures(entries: Sequence[Audited]) -> int:
    return sum(each.action == "records.erased" for each in entries)


async def _approved(desk: Desk, kind: Kind, period: Period) -> tuple[Approved, ...]:
    """What there was of a kind until the period's end, with its steps until then."""
    found: list[Approved] = []
    async for chunk in desk.registers.read_chunks(kind):
        for name, stored in chunk.items():
            body = stored.body
            steps = [row for row in body.get("history", ()) if row["at_ms"] < period.until_ms]
            if not steps:
                continue
            papers = {
                key: str(value)
                for key, value in body.items()
                if key not in ("history", "state", "author", "variables") and value not in ("", None)
            }
            taken = tuple(Taken(_at(desk, row["at_ms"]), row["action"], row["who"], row["note"]) for row in steps)
            found.append(Approved(name, body.get("state", ""), body.get("author", ""), papers, taken))
    return tuple(sorted({each.name: each for each in found}.values(), key=lambda each: each.name))


def _held(figures: Sequence[Figures]) -> tuple[Held, ...]:
    rows = (
        Held(
            str(each.group[0]), each.parked_by.get(LOT_REVIEW, 0), each.reviewed_by.get("released", 0),
            each.reviewed_by.get("rejected", 0),
        )
        for each in figures
    )  # fmt: skip
    return tuple(each for each in rows if each.held or each.released or each.rejected)


def _refused(figures: Sequence[Figures], violations: Sequence[str]) -> tuple[Refused, ...]:
    counts: Counter[str] = Counter()
    for each in figures:
        counts.update(each.refused_by)
    return tuple(
        Refused(REASONS[rule].rule if rule in REASONS else 0, rule, count, rule in violations)
        for rule, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _optouts(desk: Desk, found: Optouts) -> OptoutHandling:
    late = tuple(
        LateMessage(
            each.message_id, each.account, each.recipient_masked, _at(desk, each.optout_ms), _at(desk, each.accepted_ms)
        )
        for each in found.late
    )
    return OptoutHandling(found.optouts, found.resubscribed, found.by_source, found.recipients_refused, late)


def _at(desk: Desk, at_ms: int) -> str:
    """In the site's zone, whose offset the report has once, at its head."""
    return from_ms(at_ms).astimezone(desk.zone).replace(tzinfo=None).isoformat(" ", "seconds")
