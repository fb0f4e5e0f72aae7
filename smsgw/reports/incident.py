"""The export of an incident: whom it touched, what each got and when, and what happened meanwhile.

Owns: what state a message is told to be in, the totals, and how the export reads. Numbers are as they were handed in,
masked or in full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from smsgw.policy.model import CLASS_LABELS
from smsgw.reports.document import Bars, Block, Cell, Column, Document, Form, Prose, Section, Table, Tile, Tiles
from smsgw.reports.monthly import reason_text
from smsgw.reports.words import Words

DELIVERED: Final = "delivered"
FAILED: Final = "failed"
_STEP_STATES: Final = {
    "refused": "refused", "held": "waiting", "parked": "parked", "accepted": "waiting", "released": "waiting",
    "rerouted": "waiting", "retried": "waiting", "replaced": "waiting", "sent": "sent", "answered": "sent",
    "receipt": "sent", "expired": "expired", "cancelled": "cancelled", "unknown": "unknown", "failed": "failed",
    "reviewed": "waiting",
}  # fmt: skip
STATES: Final = (DELIVERED, FAILED, "sent", "waiting", "parked", "refused", "expired", "cancelled", "unknown")


@dataclass(frozen=True, slots=True)
class Message:
    """What one recipient got. Times are texts in the site's zone, empty where it did not happen."""

    number: str
    state: str
    begun: str
    sent: str
    final: str
    account: str
    department: str
    carrier: str
    message_class: int
    signature: str
    template: str
    campaign: str
    segments: int
    code: str
    rule: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: of the audit log once, of records from the first time to the last."""

    at: str
    until: str
    who: str
    what: str
    about: str
    why: str
    count: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Counts of some minutes."""

    at: str
    accepted: int
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class Incident:
    """The export. ``states``: how many messages are in each. ``full``: numbers are not masked."""

    organisation: str
    scope: str
    since: str
    until: str
    made_at: str
    made_by: str
    why: str
    full: bool
    count: int
    recipients: int
    states: dict[str, int]
    messages: tuple[Message, ...]
    timeline: tuple[Event, ...]
    slices: tuple[Slice, ...]
    slice_minutes: int


def state_of(step: str, receipt: int) -> str:
    """The state that a message is told to be in, by its receipt's last word, 0 for none, and its last step."""
    if receipt:
        return DELIVERED if receipt == 2 else FAILED
    return _STEP_STATES.get(step, "waiting")


def counted(states: Iterable[str]) -> dict[str, int]:
    """How many messages are in each state."""
    found = Counter(states)
    return {state: found[state] for state in STATES if found[state]}


def document(report: Incident, language: str, key: str = "") -> Document:
    """How the export reads."""
    words = Words(language)
    facts = (
        (words("fact.organisation"), report.organisation),
        (words("fact.scope"), report.scope),
        (words("fact.period"), f"{report.since} – {report.until}"),
        (words("fact.made"), report.made_at),
        (words("fact.who"), report.made_by),
        (words("fact.why"), report.why),
    )
    sections = (_overview(report, words), _timeline(report, words), _messages(report, words))
    return Document(language, words("incident.title"), f"{report.scope} · {report.since}", facts, sections, key)


def _overview(report: Incident, words: Words) -> Section:
    tiles = Tiles(
        (
            Tile(words("incident.messages"), report.count, Form.COUNT),
            Tile(words("incident.recipients"), report.recipients, Form.COUNT),
            *(Tile(words(f"became.{state}"), count, Form.COUNT) for state, count in report.states.items()),
        )
    )
    chart = Bars(
        words("incident.slices", minutes=report.slice_minutes),
        tuple(each.at[11:16] for each in report.slices),
        (
            (words("accepted"), tuple(each.accepted for each in report.slices)),
            (words("delivered"), tuple(each.delivered for each in report.slices)),
        ),
    )
    about = Prose(words("incident.full" if report.full else "incident.masked"), warning=report.full)
    blocks: tuple[Block, ...] = (about, tiles, chart)
    return Section(words("incident.overview"), blocks)


def _timeline(report: Incident, words: Words) -> Section:
    columns = (
        Column(words("audit.at"), width=24),
        Column(words("incident.last"), width=24),
        Column(words("audit.who"), width=14),
        Column(words("incident.what"), width=24),
        Column(words("audit.subject"), width=30),
        Column(words("audit.why"), width=48),
        Column(words("incident.count"), Form.COUNT, 10),
    )
    rows = tuple(
        (each.at, each.until, each.who, words.act(each.what), each.about, _why(each, words), each.count)
        for each in report.timeline
    )
    title = words("incident.timeline")
    return Section(title, (Table(title, title, columns, rows, empty=words("incident.nothing")),))


def _why(event: Event, words: Words) -> str:
    return reason_text(event.why, words) or event.why


def _messages(report: Incident, words: Words) -> Section:
    columns = (
        Column(words("number"), width=16),
        Column(words("audit.state"), width=14),
        Column(words("incident.begun"), width=24),
        Column(words("incident.sent"), width=24),
        Column(words("incident.final"), width=24),
        Column(words("account"), width=14),
        Column(words("department"), width=14),
        Column(words("carrier"), width=14),
        Column(words("paper.message_class"), width=12),
        Column(words("audit.signatures.one"), width=16),
        Column(words("template"), width=20),
        Column(words("incident.campaign"), width=16),
        Column(words("sent_segments"), Form.COUNT, 10),
        Column(words("incident.code"), width=14),
        Column(words("rule_id"), width=20),
        Column(words("message_id"), width=26),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (each.number, words(f"became.{each.state}"), each.begun, each.sent, each.final, each.account, each.department,
         each.carrier, _class(each.message_class, words), each.signature, each.template, each.campaign, each.segments,
         each.code, each.rule, each.message_id)
        for each in report.messages
    )  # fmt: skip
    title = words("incident.affected")
    return Section(title, (Table(title, title, columns, rows, empty=words("incident.nobody")),))


def _class(message_class: int, words: Words) -> str:
    return words(f"class.{CLASS_LABELS[message_class]}") if 0 <= message_class < len(CLASS_LABELS) else ""
