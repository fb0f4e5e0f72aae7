"""Statistics and costs for people: by what they like, of the accounts that they see.

Owns: how figures are told, and their form as CSV. What was accepted and what was delivered are told apart: each step
counts in the hour in which it happened. Counting is ``records``', in whichever process answers (``asking``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Final

from pydantic import BaseModel, Field

from smsgw.clock import from_ms
from smsgw.errors import RequestError
from smsgw.policy.model import CLASS_LABELS
from smsgw.records.history import DIMENSIONS, GROUPS, Asked, Figures
from smsgw.services.archive import asked_of
from smsgw.services.asking import Asking, Source
from smsgw.services.desk import EVERYBODY, Desk

MOST_ROWS: Final = 20_000
COST_GROUPS: Final = ("account", "department", "carrier", "message_class", "template", "campaign", "province", "day")
_OTP: Final = CLASS_LABELS.index("otp")
_CLASS: Final = "message_class"
_FORMULAS: Final = tuple("=+-@\t\r")


class Codes(BaseModel):
    """Verification codes: how many arrived, and how many of those within 30 seconds."""

    delivered: int = 0
    within_30_s: int = 0
    share: float | None = Field(None, description="Of those that arrived. 30 秒内到达率。")


class FigureRow(BaseModel):
    """The figures of one group."""

    group: dict[str, str] = Field(description="By what was asked for; empty text: not known at that step. 分组。")
    counts: dict[str, int]
    failed_by: dict[str, int] = Field(description="By class of the carrier's code. 按失败原因分类。")
    delivered_of_accepted: float | None = Field(description="None where nothing was accepted. 送达数 ÷ 受理数。")
    delivered_of_final: float | None = Field(description="Of what has a final receipt. 送达数 ÷（送达数 + 失败数）。")
    codes: Codes
    cost: float
    latencies: dict[str, list[float | None]] = Field(description="Half, 95 and 99 of 100 are below, in ms. 时延分位。")


class FigureReport(BaseModel):
    """Figures of a time. ``since`` and ``until`` as they were understood; empty: without an end."""

    by: list[str]
    since: str
    until: str
    zone: str
    rows: list[FigureRow]
    total: FigureRow | None = Field(description="None where nothing is recorded. 合计。")


class CostRow(BaseModel):
    """What one group cost."""

    group: dict[str, str]
    segments: int = Field(description="Those that a carrier took. 计费条数。")
    cost: float
    cost_per_segment: float | None
    delivered: int
    cost_per_delivered: float | None
    share: float | None = Field(description="Of the whole cost. 费用占比。")


class CostReport(BaseModel):
    """What carriers took, at their prices."""

    by: list[str]
    since: str
    until: str
    zone: str
    rows: list[CostRow]
    total: CostRow | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question as people write it; see ``archive.asked_of``. ``where``: one value of some dimensions."""

    by: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    where: Mapping[str, str] | None = None
    latencies: bool = True


@dataclass(frozen=True, slots=True)
class _Counted:
    """What one look found: by group, in all, and the same of verification codes alone."""

    rows: list[Figures]
    total: list[Figures]
    codes: list[Figures]
    codes_total: list[Figures]


def counted(source: Source, asked: Asked, with_codes: bool) -> _Counted:
    """The question that the other process answers."""
    source.require_archive()
    rows = source.history.statistics(asked)
    if len(rows) > MOST_ROWS:
        why = f"by: {len(rows):,} groups are more than {MOST_ROWS:,}; ask for fewer groups, or a shorter time"
        raise RequestError("invalid", why)
    total = source.history.statistics(replace(asked, by=())) if asked.by else rows
    wanted_class = dict(asked.where).get(_CLASS, _OTP)
    if not with_codes or wanted_class != _OTP:
        return _Counted(rows, total, [], [])
    where = (*(each for each in asked.where if each[0] != _CLASS), (_CLASS, _OTP))
    codes = replace(asked, where=where, latencies=False)
    found = source.history.statistics(codes)
    return _Counted(rows, total, found, source.history.statistics(replace(codes, by=())) if asked.by else found)


async def statistics(desk: Desk, asking: Asking, wanted: Wanted) -> FigureReport:
    """Every figure of each group, of the accounts that the person sees. Raises RecordsError."""
    asked = _asked(desk, wanted)
    found = await asking.ask(counted, asked, True)
    codes = {each.group: each for each in found.codes}
    rows = [_row(desk, asked.by, each, codes.get(each.group)) for each in found.rows]
    whole = [_row(desk, (), each, next(iter(found.codes_total), None)) for each in found.total]
    return FigureReport(by=list(asked.by), rows=rows, total=whole[0] if whole else None, **_times(desk, asked))


async def costs(desk: Desk, asking: Asking, wanted: Wanted) -> CostReport:
    """What was spent by each group, the dearest first. Raises RecordsError."""
    for name in wanted.by:
        if name not in COST_GROUPS:
            raise RequestError("invalid", f"by: {name!r} is not one of {', '.join(COST_GROUPS)}")
    asked = _asked(desk, replace(wanted, latencies=False))
    found = await asking.ask(counted, asked, False)
    whole = found.total[0] if found.total else None
    of_all = whole.cost if whole is not None else 0.0
    rows = [_cost_row(desk, asked.by, each, of_all) for each in found.rows if each.cost or each.counts["delivered"]]
    if "day" not in asked.by:
        rows.sort(key=lambda each: -each.cost)
    total = _cost_row(desk, (), whole, of_all) if whole is not None else None
    return CostReport(by=list(asked.by), rows=rows, total=total, **_times(desk, asked))


def _asked(desk: Desk, wanted: Wanted) -> Asked:
    desk.require_role(*EVERYBODY)
    where = {name: value for name, value in (wanted.where or {}).items() if value}
    if "account" in where:
        desk.require_account(where["account"])
    if len(set(wanted.by)) != len(wanted.by):
        raise RequestError("invalid", "by: names a group twice")
    asked = asked_of(
        desk.zone, wanted.by, wanted.since, wanted.until, where, now_ms=desk.now_ms(), latencies=wanted.latencies
    )
    if asked.until_ms is not None and asked.since_ms is not None and asked.until_ms <= asked.since_ms:
        raise RequestError("invalid", "until: is not after since")
    accounts = None if desk.accounts is None else tuple(sorted(desk.accounts))
    return replace(asked, accounts=accounts)


def _times(desk: Desk, asked: Asked) -> dict[str, str]:
    ends = {"since": asked.since_ms, "until": asked.until_ms}
    found = {
        name: "" if at_ms is None else from_ms(at_ms).astimezone(desk.zone).isoformat(timespec="minutes")
        for name, at_ms in ends.items()
    }
    return {**found, "zone": str(desk.zone)}


def labels(desk: Desk, by: Sequence[str], found: Figures) -> dict[str, str]:
    """A group's values as people read them: days and hours in the site's zone, classes by name."""
    shown: dict[str, str] = {}
    for name, value in zip(by, found.group, strict=True):
        if name in ("hour", "day"):
            at = from_ms(int(value)).astimezone(desk.zone)
            shown[name] = f"{at:%Y-%m-%d %H:00}" if name == "hour" else f"{at:%Y-%m-%d}"
        elif name == _CLASS:
            shown[name] = CLASS_LABELS[int(value)] if 0 <= int(value) < len(CLASS_LABELS) else ""
        else:
            shown[name] = str(value)
    return shown


def _row(desk: Desk, by: Sequence[str], found: Figures, codes: Figures | None) -> FigureRow:
    arrived, quick = (codes.counts["delivered"], codes.counts["delivered_within_30_s"]) if codes else (0, 0)
    return FigureRow(
        group=labels(desk, by, found),
        counts=found.counts,
        failed_by=found.failed_by,
        delivered_of_accepted=_rounded(found.share("delivered", "accepted")),
        delivered_of_final=_rounded(found.delivered_of_final()),
        codes=Codes(delivered=arrived, within_30_s=quick, share=_rounded(quick / arrived if arrived else None)),
        cost=round(found.cost, 6),
        latencies={name: list(values) for name, values in found.latencies.items()},
    )


def _cost_row(desk: Desk, by: Sequence[str], found: Figures, of_all: float) -> CostRow:
    segments, delivered = found.counts["billed_segments"], found.counts["delivered"]
    return CostRow(
        group=labels(desk, by, found),
        segments=segments,
        cost=round(found.cost, 6),
        cost_per_segment=_rounded(found.cost / segments if segments else None),
        delivered=delivered,
        cost_per_delivered=_rounded(found.cost / delivered if delivered else None),
        share=_rounded(found.cost / of_all if of_all else None),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def statistics_csv(report: FigureReport) -> str:
    """A line for each group."""
    counts = list(report.total.counts) if report.total is not None else []
    classes = sorted({name for row in report.rows for name in row.failed_by})
    times = sorted({name for row in report.rows for name in row.latencies})
    failed = (f"failed: {name or 'no class'}" for name in classes)
    soon = (f"{name}_{share}" for name in times for share in ("p50", "p95", "p99"))
    head = [*report.by, *counts, *failed, "codes_delivered", "codes_within_30_s", "cost", *soon]
    lines = (
        [
            *(row.group[name] for name in report.by),
            *(row.counts[name] for name in counts),
            *(row.failed_by.get(name, 0) for name in classes),
            row.codes.delivered,
            row.codes.within_30_s,
            row.cost,
            *(value for name in times for value in row.latencies.get(name, ("", "", ""))),
        ]
        for row in report.rows
    )
    return _csv(head, lines)


def costs_csv(report: CostReport) -> str:
    """A line for each group."""
    names = [name for name in CostRow.model_fields if name != "group"]
    lines = ([*(row.group[by] for by in report.by), *(getattr(row, name) for name in names)] for row in report.rows)
    return _csv([*report.by, *names], lines)


def _csv(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """With a mark that tells spreadsheets that it is UTF-8; a name that would be a formula there is made text."""
    file = StringIO()
    writer = csv.writer(file)
    writer.writerow(head)
    for line in lines:
        writer.writerow([f"'{each}" if isinstance(each, str) and each.startswith(_FORMULAS) else each for each in line])
    return "\ufeff" + file.getvalue()


__all__ = ["COST_GROUPS", "DIMENSIONS", "GROUPS", "Wanted", "costs", "costs_csv", "statistics", "statistics_csv"]
