"""Finding messages by what is known of them.

Owns: which steps stand for a message in a list, and pages of it. Numbers are masked; one that is looked for goes to
records as its keyed hash. Reading is ``records``', in whichever process answers (``asking``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from smsgw.clock import from_ms, to_ms
from smsgw.errors import RequestError
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.reasons import REASONS
from smsgw.records.archive.intake import BEGINNINGS
from smsgw.records.record import Record, Step
from smsgw.records.sought import Found, Sought
from smsgw.services import messages
from smsgw.services.asking import Asking, Source
from smsgw.services.desk import EVERYBODY, Desk, one_of
from smsgw.services.recipients import digits_of, parse_moment
from smsgw.smpp.constants import status_name

STEPS: Final = tuple(step.name.lower() for step in Step if step != Step.CARRIER_PDU)
MOST_ROWS: Final = 200
_DAY_MS: Final = 86_400_000
_BY_NUMBER_DAYS: Final = 7
_ENDED: Final = tuple(
    int(step) for step in (Step.SENT, Step.ANSWERED, Step.RECEIPT, Step.EXPIRED, Step.CANCELLED, Step.UNKNOWN,
                           Step.FAILED, Step.REFUSED, Step.HELD, Step.PARKED, Step.RETRIED, Step.REROUTED)
)  # fmt: skip
_FIRST: Final = (*BEGINNINGS, int(Step.REFUSED), int(Step.MO))
_CURSOR: Final = re.compile(r"(\d{1,15})\.(\d{1,5})")
_ROK: Final = "ESME_ROK"


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for, as people write it; empty: any. ``after``: what the page before gave as ``next``."""

    number: str = ""
    message_id: str = ""
    carrier_message_id: str = ""
    account: str = ""
    carrier: str = ""
    template: str = ""
    campaign: str = ""
    province: str = ""
    message_class: str = ""
    step: str = ""
    rule: str = ""
    since: str = ""
    until: str = ""
    after: str = ""
    limit: int = 50


class MessageRow(BaseModel):
    """A message, by the step that fits. Without an id: refused before it got one, or an MO."""

    message_id: str
    at: str
    step: str
    account: str
    message_class: str
    number: str
    signature: str
    template: str
    province: str
    carrier: str
    segments: int
    status: str
    rule: str
    rule_text: str
    rule_text_zh: str
    last_step: str
    state: str


class MessagePage(BaseModel):
    """Some that fit, the newest first. ``next``: for the page behind them, empty at the end."""

    items: list[MessageRow]
    next: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows that fit, and for each id all that became of it."""

    rows: list[Found]
    later: dict[str, list[Record]] = field(default_factory=dict)


def page_of(source: Source, sought: Sought) -> _Page:
    """The question that the other process answers."""
    rows = source.history.search(sought)
    ids = tuple({each.record.message_id for each in rows if each.record.message_id})
    later: dict[str, list[Record]] = {}
    if ids:
        since_ms = min(each.record.at_ms for each in rows)
        until_ms = max(sought.until_ms, max(each.record.at_ms for each in rows) + 4 * _DAY_MS)
        for each in source.history.search(Sought(since_ms, until_ms, steps=_ENDED, message_ids=ids)):
            later.setdefault(each.record.message_id, []).append(each.record)
    return _Page(rows, later)


async def search(desk: Desk, asking: Asking, question: Question) -> MessagePage:
    """The messages that fit, the newest first, of the accounts that the person sees. Raises RecordsError."""
    desk.require_role(*EVERYBODY)
    sought, skipped = _sought(desk, question)
    found = await asking.ask(page_of, sought)
    rows = found.rows[skipped : skipped + question.limit]
    after = ""
    if len(found.rows) > skipped + question.limit:
        last_ms = rows[-1].record.at_ms
        given = sum(each.record.at_ms == last_ms for each in found.rows[: skipped + question.limit])
        after = f"{last_ms}.{given}"
    return MessagePage(
        items=[_row(desk, each, found.later.get(each.record.message_id, [])) for each in rows],
        next=after,
        since=_minute(desk, sought.since_ms),
        until=_minute(desk, sought.until_ms),
    )


def _minute(desk: Desk, at_ms: int) -> str:
    return from_ms(at_ms).astimezone(desk.zone).isoformat(timespec="minutes")


def _sought(desk: Desk, question: Question) -> tuple[Sought, int]:
    """The conditions, and how many of the newest were on the page before."""
    if not 1 <= question.limit <= MOST_ROWS:
        raise RequestError("invalid", f"limit: expected 1 to {MOST_ROWS}")
    if question.account:
        desk.require_account(question.account)
    until_ms, skipped = _moment(desk, "until", question.until) or desk.now_ms() + 1, 0
    since_ms = _moment(desk, "since", question.since)
    if since_ms is None:
        days = _BY_NUMBER_DAYS if question.number or question.carrier_message_id else 1
        since_ms = until_ms - days * _DAY_MS
    if question.message_id:
        if not messages.ID.fullmatch(question.message_id):
            raise RequestError("invalid", "message_id: is no id of ours, which has 20 digits and letters a–f")
        if desk.site.clock.mode == "real" and not question.since:
            since_ms = to_ms(messages.life_of(question.message_id)[0])
    if since_ms >= until_ms:
        raise RequestError("invalid", "until: is not after since")
    if question.after:
        cursor = _CURSOR.fullmatch(question.after)
        if cursor is None:
            raise RequestError("invalid", "after: expected what the page before gave as next")
        until_ms, skipped = int(cursor[1]) + 1, int(cursor[2])
    wanted_class = one_of("message_class", question.message_class, CLASS_LABELS) if question.message_class else ""
    return Sought(
        since_ms, until_ms, _steps(question), (question.message_id,) if question.message_id else (),
        desk.store.recipients.hash(digits_of(desk, question.number)) if question.number else "",
        question.account, question.carrier, question.template, question.campaign, question.province, question.rule,
        question.carrier_message_id, CLASS_LABELS.index(wanted_class) if wanted_class else None,
        None if desk.accounts is None else tuple(sorted(desk.accounts)), skipped + question.limit + 1,
    ), skipped  # fmt: skip


def _steps(question: Question) -> tuple[int, ...]:
    """The step that a message stands in the list by: its first, unless it is asked for by what only later ones know."""
    if question.step:
        return (int(Step[one_of("step", question.step, STEPS).upper()]),)
    if question.carrier_message_id:
        return (int(Step.ANSWERED), int(Step.RECEIPT))
    if question.carrier:
        return (int(Step.SENT), int(Step.MO))
    return _FIRST


def _moment(desk: Desk, name: str, value: str) -> int | None:
    if not value:
        return None
    at_ms = parse_moment(value, desk.zone)
    if at_ms is None:
        raise RequestError("invalid", f"{name}: {value[:40]!r} is no time such as 2026-11-18 10:30")
    return at_ms


def _row(desk: Desk, found: Found, later: list[Record]) -> MessageRow:
    record = found.record
    last = max(later, key=lambda each: each.at_ms, default=record)
    carrier = record.carrier or next((each.carrier for each in later if each.carrier), "")
    state = next((each.detail[0] for each in later if each.step == Step.RECEIPT and each.detail), 0)
    rule = record.rule_id
    return MessageRow(
        message_id=record.message_id, at=at_text(desk, record), step=record.step_name, account=record.account,
        message_class=class_of(record), number=record.recipient_masked, signature=record.signature,
        template=found.template, province=found.province, carrier=carrier, segments=record.segments,
        status=status_name(record.status) if record.status else "", rule=rule, **rule_texts(rule),
        last_step=last.step_name, state=messages.state_name(state) if isinstance(state, int) and state else "",
    )  # fmt: skip


def at_text(desk: Desk, record: Record) -> str:
    return record.at.astimezone(desk.zone).isoformat(timespec="milliseconds")


def class_of(record: Record) -> str:
    return CLASS_LABELS[record.message_class] if 0 <= record.message_class < len(CLASS_LABELS) else ""


def rule_texts(rule: str) -> dict[str, str]:
    reason = REASONS.get(rule)
    return {"rule_text": reason.text, "rule_text_zh": reason.text_zh} if reason is not None else {
        "rule_text": "", "rule_text_zh": ""
    }  # fmt: skip
