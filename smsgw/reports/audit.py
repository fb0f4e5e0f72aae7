"""The report for supervisors: what was approved by whom, what was held back, who looked at data, what was kept.

Owns: the parts of such a report and how it reads. Everything is told as it is registered or logged; times are texts in
the site's zone.
"""

from __future__ import annotations

from dataclasses import dataclass

from smsgw.reports.document import Block, Cell, Column, Document, Form, Prose, Section, Table
from smsgw.reports.monthly import Refused, reason_text
from smsgw.reports.words import Words


@dataclass(frozen=True, slots=True)
class Taken:
    """A step of an approval."""

    at: str
    action: str
    who: str
    note: str


@dataclass(frozen=True, slots=True)
class Approved:
    """A channel, a signature or a template with its papers and all steps up to the period's end."""

    name: str
    state: str
    author: str
    papers: dict[str, str]
    steps: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of the audit log."""

    seq: int
    at: str
    who: str
    action: str
    subject: str
    why: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What was kept back for a person to look at, by department."""

    department: str
    held: int
    released: int
    rejected: int


@dataclass(frozen=True, slots=True)
class LateMessage:
    """Marketing accepted after an opt-out that covers it."""

    message_id: str
    account: str
    number: str
    opted_out: str
    accepted: str


@dataclass(frozen=True, slots=True)
class OptoutHandling:
    """How opt-outs were handled. ``by_source``: how each came."""

    optouts: int
    resubscribed: int
    by_source: dict[str, int]
    recipients_refused: int
    late: tuple[LateMessage, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves that log and archive are whole. ``rows_checked``: every record was looked at, not the chain alone.

    Heads are what to keep elsewhere. ``oldest``: the hour of the oldest record kept, empty without an archive.
    """

    log_whole: bool
    log_entries: int
    log_head: str
    archive_whole: bool
    rows_checked: bool
    archive_files: int
    archive_records: int
    archive_head: str
    faults: tuple[str, ...]
    keep_days: int
    oldest: str
    purged_files: int
    purged_records: int
    erasures: int


@dataclass(frozen=True, slots=True)
class Audit:
    """The report. ``since`` and ``until``: the first and the last day."""

    organisation: str
    since: str
    until: str
    made_at: str
    made_by: str
    channels: tuple[Approved, ...]
    signatures: tuple[Approved, ...]
    templates: tuple[Approved, ...]
    words: dict[str, int]
    word_changes: tuple[Logged, ...]
    held: tuple[Held, ...]
    refused: tuple[Refused, ...]
    decisions: tuple[Logged, ...]
    access: tuple[Logged, ...]
    pauses: tuple[Logged, ...]
    optouts: OptoutHandling
    optout_changes: tuple[Logged, ...]
    evidence: Evidence


def document(report: Audit, language: str, key: str = "") -> Document:
    """How the report reads."""
    words = Words(language)
    facts = (
        (words("fact.organisation"), report.organisation),
        (words("fact.period"), f"{report.since} – {report.until}"),
        (words("fact.made"), report.made_at),
        (words("fact.who"), report.made_by),
        (words("fact.key"), key),
    )
    sections = (
        _approvals(words, "channels", report.channels, ("licence", "licence_expires", "expires")),
        _approvals(words, "signatures", report.signatures, ("account", "owner", "proof", "expires")),
        _approvals(words, "templates", report.templates, ("account", "message_class", "text", "expires")),
        _content(report, words),
        _log(words, "access", report.access),
        _log(words, "pauses", report.pauses),
        _optouts(report, words),
        _evidence(report.evidence, words),
    )
    return Document(language, words("audit.title"), f"{report.since} – {report.until}", facts, sections, key)


def _approvals(words: Words, what: str, found: tuple[Approved, ...], papers: tuple[str, ...]) -> Section:
    named = Column(words(f"audit.{what}.one"), width=26)
    columns = (
        named,
        Column(words("audit.state"), width=12),
        *(Column(words(f"paper.{each}"), width=40 if each == "text" else 18) for each in papers),
        Column(words("audit.author"), width=12),
    )
    rows = tuple(
        (each.name, words.named("state", each.state), *(each.papers.get(name, "") for name in papers), each.author)
        for each in found
    )
    steps = tuple(
        (each.name, step.at, words.named("step", step.action), step.who, step.note)
        for each in found
        for step in each.steps
    )
    step_columns = (
        named,
        Column(words("audit.at"), width=20),
        Column(words("audit.step"), width=22),
        Column(words("audit.who"), width=12),
        Column(words("audit.note"), width=48),
    )
    title = words(f"audit.{what}")
    none = words("audit.none")
    tables = (
        Table(title, title, columns, rows, empty=none),
        Table(
            words("audit.steps_of", what=title), words("audit.steps_of", what=title), step_columns, steps, empty=none
        ),
    )
    return Section(title, tables)


def log_table(words: Words, title: str, found: tuple[Logged, ...]) -> Table:
    """Entries of the audit log."""
    columns = (
        Column(words("audit.seq"), Form.COUNT, 10),
        Column(words("audit.at"), width=20),
        Column(words("audit.who"), width=12),
        Column(words("audit.action"), width=22),
        Column(words("audit.subject"), width=32),
        Column(words("audit.why"), width=40),
        Column(words("audit.detail"), width=40),
    )
    rows = tuple(
        (each.seq, each.at, each.who, words.act(each.action), each.subject, each.why, each.detail) for each in found
    )
    return Table(title, title, columns, rows, empty=words("audit.none"))


def _log(words: Words, what: str, found: tuple[Logged, ...]) -> Section:
    title = words(f"audit.{what}")
    return Section(title, (Prose(words(f"audit.{what}.about")), log_table(words, title, found)))


def _content(report: Audit, words: Words) -> Section:
    lists = "; ".join(
        f"{words.named('list', name)}: {words('audit.word_count', count=f'{count:,}')}"
        for name, count in report.words.items()
    )
    held = Table(
        words("audit.held"),
        words("audit.held"),
        (
            Column(words("department"), width=18),
            *(Column(words(f"audit.held.{name}"), Form.COUNT) for name in ("held", "released", "rejected")),
        ),
        tuple((each.department, each.held, each.released, each.rejected) for each in report.held),
        empty=words("audit.none"),
    )
    refused = Table(
        words("refusals"),
        words("refusals.by_rule"),
        (
            Column(words("rule_id"), width=24),
            Column(words("rule"), Form.COUNT, 8),
            Column(words("reason"), width=48),
            Column(words("refused"), Form.COUNT),
        ),
        tuple((each.rule_id, each.rule, reason_text(each.rule_id, words), each.count) for each in report.refused),
        empty=words("refusals.none"),
    )
    blocks: tuple[Block, ...] = (
        Prose(lists or words("audit.no_words")),
        log_table(words, words("audit.word_changes"), report.word_changes),
        held,
        log_table(words, words("audit.decisions"), report.decisions),
        refused,
    )
    return Section(words("audit.content"), blocks)


def _optouts(report: Audit, words: Words) -> Section:
    found = report.optouts
    sources = ", ".join(f"{words.named('source', name)} {count:,}" for name, count in found.by_source.items())
    said = words(
        "audit.optouts.said",
        optouts=f"{found.optouts:,}",
        sources=sources or "–",
        resubscribed=f"{found.resubscribed:,}",
        refused=f"{found.recipients_refused:,}",
    )
    columns = (
        Column(words("message_id"), width=24),
        Column(words("account"), width=16),
        Column(words("number"), width=16),
        Column(words("audit.opted_out"), width=22),
        Column(words("audit.accepted_at"), width=22),
    )
    rows = tuple((each.message_id, each.account, each.number, each.opted_out, each.accepted) for each in found.late)
    late = words("audit.late")
    blocks: tuple[Block, ...] = (
        Prose(words("audit.optouts.about")),
        Prose(said),
        Prose(words("audit.late.some", count=len(rows)), warning=True) if rows else Prose(words("audit.late.none")),
        Table(late, late, columns, rows, empty=words("audit.none")),
        log_table(words, words("audit.optout_changes"), report.optout_changes),
    )
    return Section(words("audit.optouts"), blocks)


def _evidence(found: Evidence, words: Words) -> Section:
    checked = words("audit.rows_checked" if found.rows_checked else "audit.chain_checked")
    kept = words("audit.for_ever") if not found.keep_days else words("audit.days", days=found.keep_days)
    rows: list[tuple[Cell, ...]] = [
        (words("audit.log_whole"), words("yes" if found.log_whole else "no")),
        (words("audit.log_entries"), f"{found.log_entries:,}"),
        (words("audit.log_head"), found.log_head),
        (words("audit.archive_whole"), f"{words('yes' if found.archive_whole else 'no')} ({checked})"),
        (words("audit.archive_files"), f"{found.archive_files:,}"),
        (words("audit.archive_records"), f"{found.archive_records:,}"),
        (words("audit.archive_head"), found.archive_head or "–"),
        (words("audit.kept"), kept),
        (words("audit.oldest"), found.oldest or "–"),
        (
            words("audit.purged"),
            words("audit.purged.said", files=found.purged_files, records=f"{found.purged_records:,}"),
        ),
        (words("audit.erasures"), f"{found.erasures:,}"),
    ]
    columns = (Column(words("audit.what"), width=34), Column(words("audit.is"), width=90))
    blocks: list[Block] = [Prose(each, warning=True) for each in found.faults]
    blocks += [
        Table(words("audit.evidence"), words("audit.evidence"), columns, tuple(rows)),
        Prose(words("audit.heads")),
    ]
    return Section(words("audit.evidence"), tuple(blocks))
