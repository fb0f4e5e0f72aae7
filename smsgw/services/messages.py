"""One message: its whole timeline on both legs, and where it is now; and the messages that a number was sent.

Owns: what belongs to one message among the records of all nodes, and what the store knows of it still. Never shows a
text, and a number only masked: records have nothing else. A message whose state has left the store and whose records
have been removed is unknown. Records are searched from the time that the id itself tells, or for a number since a day
ago; on a test clock that says nothing, so all of them are.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from smsgw.clock import from_ms
from smsgw.errors import RequestError, StoreError
from smsgw.policy.model import CLASS_LABELS
from smsgw.records.record import DETAIL, NO_CLASS, Record, Step
from smsgw.services.archive import history_of
from smsgw.services.desk import Desk
from smsgw.services.recipients import day_text, digits_of
from smsgw.smpp.constants import MessageState, status_name
from smsgw.store.envelope import Envelope
from smsgw.store.held import Held
from smsgw.store.queues import LANES, Queues
from smsgw.store.state import MessageStatus, States

ID: Final = re.compile(r"[0-9a-f]{20}(?:\.[0-9a-f]{4})?")
#: How many messages of a lane are looked through for one that waits.
SOUGHT: Final = 1_000
_SECOND: Final = slice(2, 10)
_EARLIER: Final = timedelta(hours=1)
_LIFE: Final = timedelta(days=31)
"""Nothing happens to a message so long after its acceptance; the files of half a year take seconds to open."""
_OURS: Final = "here"
_LEGS: Final = {
    Step.ACCEPTED: "application", Step.REFUSED: "application", Step.RECEIPT_RETURNED: "application",
    Step.CANCELLED: "application", Step.REPLACED: "application",
    Step.SENT: "carrier", Step.ANSWERED: "carrier", Step.RECEIPT: "carrier",
}  # fmt: skip
_FINAL: Final = frozenset(
    int(each)
    for each in (MessageState.DELIVERED, MessageState.EXPIRED, MessageState.DELETED, MessageState.UNDELIVERABLE,
                 MessageState.REJECTED)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One step. ``after_ms``: since the first one. ``leg``: application, carrier, or here."""

    at: str
    after_ms: int
    leg: str
    step: str
    carrier: str = ""
    status: str = ""
    took_ms: float = 0
    detail: dict[str, str] = field(default_factory=dict)


class Now(NamedTuple):
    """Where a message is: one of ``NOW_WORDS``, and the values of its words."""

    code: str
    about: dict[str, str]


NOW_WORDS: Final = {
    "final": "{state}",
    "final_untold": "{state}; its receipt was not asked for, or not taken yet",
    "parked": "parked in lot {lot}, given up at {until}",
    "held": "held until {until}",
    "at_carrier": "at carrier {carrier}, which has not said yet what became of it",
    "waits": "waits for carrier {carrier}",
    "written": "written to carrier {carrier}, not answered yet",
    "refused": "refused",
    "state": "{state}",
    "not_kept": "its state is not kept any more",
}


@dataclass(frozen=True, slots=True)
class Timeline:
    """A message. ``now`` says in words where it is."""

    message_id: str
    account: str
    message_class: str
    number: str
    signature: str
    segments: int
    now: str
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Brief:
    """One of a number's messages: when it came, its state as far as it is kept, and the last step until the answer."""

    message_id: str
    at: str
    account: str
    message_class: str
    state: str
    last_step: str
    carrier: str
    detail: str


async def timeline(desk: Desk, message_id: str) -> Timeline:
    """Everything about one message. Raises RequestError ``missing`` when nobody knows it."""
    desk.require_reader()
    if not ID.fullmatch(message_id):
        raise RequestError(
            "invalid", f"message: {message_id[:40]!r} is no id of ours, which has 20 digits and letters a–f"
        )
    since = until = None
    if desk.site.clock.mode == "real":
        since, until = life_of(message_id)
    records = await asyncio.to_thread(history_of(desk.site).find, message_id, since, until=until)
    # Written a moment later, the carrier's receipt may stand behind what became of it in the same millisecond.
    records.sort(key=lambda each: (each.at_ms, each.step == Step.RECEIPT_RETURNED))
    status = await States(desk.store).query(message_id)
    if not records and status is None:
        raise RequestError("missing", unknown(desk, message_id))
    first = records[0] if records else None
    named = next((each for each in records if each.message_class != NO_CLASS), first)
    now = await where_now(desk, message_id, records, status.message_state if status is not None else 0)
    return Timeline(
        message_id,
        status.account if status is not None else first.account if first is not None else "",
        CLASS_LABELS[named.message_class] if named is not None and 0 <= named.message_class < LANES else "",
        next((each.recipient_masked for each in records if each.recipient_masked), ""),
        next((each.signature for each in records if each.signature), ""),
        max((each.segments for each in records), default=0),
        NOW_WORDS[now.code].format(**now.about),
        [event_of(desk, each, first) for each in records if first is not None],
    )


def life_of(message_id: str) -> tuple[datetime, datetime]:
    """From when to when something may have happened to a message, by its id; on a test clock that says nothing."""
    since = datetime.fromtimestamp(int(message_id[_SECOND], 16), UTC) - _EARLIER
    return since, since + _LIFE


def unknown(desk: Desk, message_id: str) -> str:
    came = day_text(int(message_id[_SECOND], 16) * 1000, desk.zone)
    return (
        f"message {message_id} is not known: {desk.site.records_dir} has no step of it (each machine has the records "
        f"of its own processes), and the store keeps a state for {desk.site.store.state_ttl_s / 3600:g} h; "
        f"by its id it was accepted at {came}"
    )


async def of_number(desk: Desk, number: str, *, hours: float = 24, limit: int = 20) -> list[Brief]:
    """The last messages that a number was sent, or was refused, the newest first."""
    desk.require_reader()
    rhash = desk.store.recipients.hash(digits_of(desk, number))
    since = None if desk.site.clock.mode != "real" else from_ms(desk.now_ms()) - timedelta(hours=hours)
    records = await asyncio.to_thread(history_of(desk.site).find, since=since, recipient_hash=rhash)
    found: dict[str, list[Record]] = {}
    for each in records:
        if each.message_id or each.step == Step.REFUSED:
            # A refused request has no id, so each is by itself.
            found.setdefault(each.message_id or f"?{len(found)}", []).append(each)
    newest = sorted(found.items(), key=lambda item: item[1][-1].at_ms, reverse=True)[:limit]
    states = States(desk.store)
    return [_brief(desk, name, rows, await states.query(name)) for name, rows in newest]


def _brief(desk: Desk, name: str, rows: list[Record], status: MessageStatus | None) -> Brief:
    """Receipts know no number, so what became of it is the store's to say."""
    first, last = rows[0], rows[-1]
    label = CLASS_LABELS[first.message_class] if 0 <= first.message_class < LANES else ""
    detail = ", ".join(f"{key} {value}" for key, value in _detail(desk, last).items())
    return Brief(
        "" if name.startswith("?") else name, day_text(first.at_ms, desk.zone), first.account, label,
        state_name(status.message_state) if status is not None else "", last.step_name, last.carrier, detail,
    )  # fmt: skip


def event_of(desk: Desk, record: Record, first: Record | None) -> Event:
    at = record.at.astimezone(desk.zone).isoformat(" ", "milliseconds")
    return Event(
        at,
        record.at_ms - (first.at_ms if first is not None else record.at_ms),
        _LEGS.get(Step(record.step), _OURS) if record.step in list(Step) else _OURS,
        record.step_name,
        record.carrier,
        status_name(record.status) if record.status else "",
        record.latency_ms,
        _detail(desk, record),
    )


def _detail(desk: Desk, record: Record) -> dict[str, str]:
    """What else the step says, in words; instants in the site's zone."""
    found = {"rule": record.rule_id} if record.rule_id else {}
    for name, value in zip(DETAIL.get(record.step, ()), record.detail, strict=False):
        if value in ("", 0, None):
            continue
        if name.endswith("_ms") and isinstance(value, int) and name != "delay_ms":
            found[name.removesuffix("_ms")] = day_text(value, desk.zone)
        elif name == "state" and isinstance(value, int):
            found[name] = state_name(value)
        else:
            found[name] = str(value)
    return found


async def where_now(desk: Desk, message_id: str, records: list[Record], state: int) -> Now:
    """Where it is, by the store first: records are a moment behind. ``state``: that of the store, 0 for none."""
    if state in _FINAL:
        returned = any(each.step == Step.RECEIPT_RETURNED for each in records)
        return Now("final" if returned else "final_untold", {"state": state_name(state)})
    held = await Held(desk.store, lambda contexts, replies: None).get(message_id)
    if held is not None:
        envelope = _opened(desk, held.blob)
        lot = envelope.lot if envelope is not None else ""
        due = day_text(held.due_ms, desk.zone)
        return Now("parked", {"lot": lot, "until": due}) if lot else Now("held", {"until": due})
    last = next((each for each in reversed(records) if each.step != Step.RECEIPT_RETURNED), None)
    if last is not None and last.step in (Step.ANSWERED, Step.RECEIPT) and not last.status and not _final_of(records):
        return Now("at_carrier", {"carrier": last.carrier})
    carrier = await _waits_for(desk, message_id, records)
    if carrier:
        return Now("waits", {"carrier": carrier})
    if last is not None and last.step == Step.SENT:
        return Now("written", {"carrier": last.carrier})
    if last is not None and last.step == Step.REFUSED:
        return Now("refused", {})
    state = state or _final_of(records)
    return Now("state", {"state": state_name(state)}) if state else Now("not_kept", {})


def _final_of(records: list[Record]) -> int:
    """The state of the receipt that was the last word, by the records; 0 for none."""
    states = (each.detail[0] for each in reversed(records) if each.step == Step.RECEIPT and each.detail)
    return next((state for state in states if isinstance(state, int) and state in _FINAL), 0)


async def _waits_for(desk: Desk, message_id: str, records: list[Record]) -> str:
    queues = Queues(desk.store)
    lane = next((each.message_class for each in records if 0 <= each.message_class < LANES), -1)
    for carrier in desk.site.carriers:
        for each in range(LANES) if lane < 0 else (lane, *(other for other in range(LANES) if other != lane)):
            if any(message_id in envelope.message_ids for envelope in await queues.first(carrier, each, SOUGHT)):
                return carrier
    return ""


def _opened(desk: Desk, blob: bytes) -> Envelope | None:
    try:
        return Envelope.unpack(desk.store.sealer.open(blob))
    except StoreError:
        return None


def state_name(state: int) -> str:
    return MessageState(state).name if state in list(MessageState) else f"state {state}"
