"""A month of each department: what was sent, what became of it, what it cost, how it was scored.

Owns: rates and what they are shares of, the month against the one before, and how the report reads. Figures come in as
counts; nothing is counted here that was not handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from smsgw.policy.reasons import REASONS
from smsgw.reports.document import Bars, Block, Cell, Column, Document, Form, Prose, Scale, Section, Table, Tile, Tiles
from smsgw.reports.score import Part, Score, scored
from smsgw.reports.words import Words


@dataclass(frozen=True, slots=True)
class Counts:
    """Whole numbers of a month, and what it cost. ``violations``: refusals by a rule that counts as one.

    ``delivered_clickable``: delivered of the templates and campaigns (by class) whose short links were followed.
    """

    accepted: int = 0
    refused: int = 0
    violations: int = 0
    sent_segments: int = 0
    delivered: int = 0
    failed: int = 0
    delivered_marketing: int = 0
    delivered_codes: int = 0
    codes_within_30_s: int = 0
    unsubscribed: int = 0
    complained: int = 0
    clicked: int = 0
    delivered_clickable: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares, None where there is nothing to measure.

    ``delivery``: delivered of accepted. ``unsubscribes``: of marketing that was delivered. ``complaints``: of
    everything delivered. ``violations``: of everything submitted. ``codes``: verification codes within 30 s, of those
    delivered. ``clicks``: of what was delivered of the templates and campaigns that were clicked; above 1 where people
    follow a link more than once.
    """

    delivery: float | None = None
    unsubscribes: float | None = None
    complaints: float | None = None
    violations: float | None = None
    codes: float | None = None
    clicks: float | None = None

    def by_name(self) -> dict[str, float | None]:
        """As ``score.scored`` takes them."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Refused:
    """Refusals by one rule."""

    rule: int
    rule_id: str
    count: int
    violation: bool


@dataclass(frozen=True, slots=True)
class Template:
    """What was sent by a template; ``name`` is its id and version. ``click_rate``: of what was delivered."""

    name: str
    accepted: int
    delivered: int
    rate: float | None
    clicked: int
    click_rate: float | None


@dataclass(frozen=True, slots=True)
class Department:
    """One department's month beside the month before; the sum of all has no ``name``."""

    name: str
    counts: Counts
    rates: Rates
    score: Score
    before: Counts
    rates_before: Rates
    score_before: float | None
    refused_by: tuple[Refused, ...] = ()
    templates: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the month."""

    day: str
    accepted: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Monthly:
    """The report. ``department``: whose it is, empty for all. ``over``: the month is."""

    organisation: str
    month: str
    month_before: str
    department: str
    made_at: str
    over: bool
    total: Department
    departments: tuple[Department, ...]
    days: tuple[Day, ...] = field(default=())


def rates_of(counts: Counts) -> Rates:
    """The rates of a month's counts."""
    return Rates(
        share(counts.delivered, counts.accepted),
        share(counts.unsubscribed, counts.delivered_marketing),
        share(counts.complained, counts.delivered),
        share(counts.violations, counts.accepted + counts.refused),
        share(counts.codes_within_30_s, counts.delivered_codes),
        share(counts.clicked, counts.delivered_clickable),
    )


def department_of(
    name: str,
    counts: Counts,
    before: Counts,
    parts: Sequence[Part],
    refused_by: Sequence[Refused] = (),
    templates: Sequence[Template] = (),
) -> Department:
    """A department's month with its rates and scores."""
    rates, rates_before = rates_of(counts), rates_of(before)
    score_before = scored(parts, rates_before.by_name()).score
    score = scored(parts, rates.by_name())
    return Department(
        name, counts, rates, score, before, rates_before, score_before, tuple(refused_by), tuple(templates)
    )


def share(count: int, of: int) -> float | None:
    """A count as a share; None of nothing."""
    return count / of if of else None


def document(report: Monthly, language: str, key: str = "") -> Document:
    """How the report reads."""
    words = Words(language)
    whose = report.department or words("monthly.all")
    facts = (
        (words("fact.organisation"), report.organisation),
        (words("fact.month"), report.month),
        (words("fact.before"), report.month_before),
        (words("fact.department"), whose),
        (words("fact.made"), report.made_at),
    )
    sections = [_overview(report, words), _departments(report, words), _scores(report, words)]
    sections += [_refusals(report, words), _templates(report, words)]
    title = words("monthly.title")
    return Document(language, title, f"{report.month} · {whose}", facts, tuple(sections), key)


def _overview(report: Monthly, words: Words) -> Section:
    total = report.total
    now, then = total.counts, total.before
    rates, rates_then = total.rates, total.rates_before
    tiles = Tiles(
        (
            _tile(words, "accepted", now.accepted, then.accepted, Form.COUNT),
            _tile(words, "delivered", now.delivered, then.delivered, Form.COUNT),
            _tile(words, "rate.delivery", rates.delivery, rates_then.delivery, Form.SHARE),
            _tile(words, "rate.codes", rates.codes, rates_then.codes, Form.SHARE),
            _tile(words, "sent_segments", now.sent_segments, then.sent_segments, Form.COUNT),
            _tile(words, "cost", now.cost, then.cost, Form.MONEY),
            _tile(words, "rate.unsubscribes", rates.unsubscribes, rates_then.unsubscribes, Form.SHARE),
            _tile(words, "complained", now.complained, then.complained, Form.COUNT),
            _tile(words, "clicked", now.clicked, then.clicked, Form.COUNT),
            _tile(words, "rate.clicks", rates.clicks, rates_then.clicks, Form.SHARE),
            _tile(words, "violations", now.violations, then.violations, Form.COUNT),
            _tile(words, "score", total.score.score, total.score_before, Form.POINTS),
        )
    )
    days = Bars(
        words("monthly.days"),
        tuple(each.day[-2:] for each in report.days),
        (
            (words("accepted"), tuple(each.accepted for each in report.days)),
            (words("delivered"), tuple(each.delivered for each in report.days)),
        ),
    )
    blocks: list[Block] = [] if report.over else [Prose(words("monthly.running"), warning=True)]
    blocks += [tiles, days, Prose(words("monthly.meaning"))]
    return Section(words("monthly.overview"), tuple(blocks))


def _tile(words: Words, key: str, now: Cell, before: Cell, form: Form) -> Tile:
    return Tile(words(key), now, form, _change(words, now, before, form))


def _change(words: Words, now: Cell, before: Cell, form: Form) -> str:
    """Against the month before: of counts by how much of a hundred, of rates and scores by how many points."""
    if not isinstance(now, int | float) or not isinstance(before, int | float):
        return ""
    if form is Form.SHARE:
        return words("change.points", change=f"{(now - before) * 100:+.2f}")
    if form is Form.POINTS:
        return words("change.plain", change=f"{now - before:+.1f}")
    return words("change.percent", change=f"{(now / before - 1) * 100:+.1f}") if before else ""


_COUNTS = ("accepted", "sent_segments", "delivered")


def _departments(report: Monthly, words: Words) -> Section:
    rows = [*report.departments, *([report.total] if len(report.departments) != 1 else [])]
    columns = (
        Column(words("department"), width=18),
        *(Column(words(name), Form.COUNT) for name in _COUNTS),
        Column(words("rate.delivery"), Form.SHARE),
        Column(words("rate.codes"), Form.SHARE),
        Column(words("unsubscribed"), Form.COUNT),
        Column(words("rate.unsubscribes"), Form.SHARE),
        Column(words("complained"), Form.COUNT),
        Column(words("clicked"), Form.COUNT),
        Column(words("rate.clicks"), Form.SHARE),
        Column(words("refused"), Form.COUNT),
        Column(words("violations"), Form.COUNT),
        Column(words("cost"), Form.MONEY),
        Column(words("score"), Form.POINTS),
    )
    totals, empty = len(rows) - len(report.departments), words("monthly.nothing")
    names = (*(_named(each.name, words) for each in report.departments), *([words("monthly.total")] * totals))
    named = tuple(zip(names, rows, strict=True))
    now = tuple((name, *_cells(each.counts, each.rates), each.score.score) for name, each in named)
    then = tuple((name, *_cells(each.before, each.rates_before), each.score_before) for name, each in named)
    tables = (
        Table(report.month, report.month, columns, now, empty=empty, totals=totals),
        Table(report.month_before, report.month_before, columns, then, empty=empty, totals=totals),
    )
    return Section(words("monthly.departments"), tables)


def _cells(counts: Counts, rates: Rates) -> tuple[Cell, ...]:
    return (
        *(getattr(counts, name) for name in _COUNTS), rates.delivery, rates.codes, counts.unsubscribed,
        rates.unsubscribes, counts.complained, counts.clicked, rates.clicks, counts.refused, counts.violations,
        counts.cost,
    )  # fmt: skip


def _scores(report: Monthly, words: Words) -> Section:
    columns = (
        Column(words("department"), width=18),
        Column(words("score.part"), width=26),
        Column(words("score.rate"), Form.SHARE),
        Column(words("score.full"), Form.SHARE),
        Column(words("score.zero"), Form.SHARE),
        Column(words("score.weight"), Form.POINTS),
        Column(words("score.points"), Form.POINTS),
    )
    rows = tuple(
        (_named(each.name, words), words(f"rate.{part.name}"), part.rate, part.full, part.zero, part.weight,
         part.points)
        for each in report.departments
        if each.score.score is not None
        for part in each.score.parts
    )  # fmt: skip
    marks = tuple((_named(each.name, words), each.score.score, 100.0) for each in report.departments)
    scale = Scale(words("score"), tuple((name, score, most) for name, score, most in marks if score is not None))
    table = Table(words("score"), words("score.explained"), columns, rows, empty=words("monthly.nothing"))
    return Section(words("score"), (scale, Prose(words("score.how")), table))


def _named(name: str, words: Words) -> str:
    return name or words("monthly.nobody")


def _refusals(report: Monthly, words: Words) -> Section:
    columns = (
        Column(words("department"), width=18),
        Column(words("rule"), Form.COUNT, 8),
        Column(words("rule_id"), width=22),
        Column(words("reason"), width=48),
        Column(words("refused"), Form.COUNT),
        Column(words("is_violation"), width=12),
    )
    rows = tuple(
        (_named(each.name, words), found.rule, found.rule_id, reason_text(found.rule_id, words), found.count,
         words("yes" if found.violation else "no"))
        for each in report.departments
        for found in each.refused_by
    )  # fmt: skip
    table = Table(words("refusals"), words("refusals.by_rule"), columns, rows, empty=words("refusals.none"))
    return Section(words("refusals"), (table,))


def reason_text(rule_id: str, words: Words) -> str:
    """What a rule's refusal says."""
    found = REASONS.get(rule_id)
    if found is None:
        return ""
    return found.text_zh if words.language == "zh" else found.text


def _templates(report: Monthly, words: Words) -> Section:
    columns = (
        Column(words("department"), width=18),
        Column(words("template"), width=28),
        Column(words("accepted"), Form.COUNT),
        Column(words("delivered"), Form.COUNT),
        Column(words("rate.delivery"), Form.SHARE),
        Column(words("clicked"), Form.COUNT),
        Column(words("rate.clicks"), Form.SHARE),
    )
    rows = tuple(
        (
            _named(each.name, words),
            found.name,
            found.accepted,
            found.delivered,
            found.rate,
            found.clicked,
            found.click_rate,
        )
        for each in report.departments
        for found in each.templates
    )
    table = Table(words("templates"), words("templates.top"), columns, rows, empty=words("templates.none"))
    return Section(words("templates"), (table,))
