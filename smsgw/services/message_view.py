"""One message whole: every step in order, both legs PDU by PDU, where it is now.

Owns: what of a message is shown to whom: number and texts masked, in full for a reason to those who may, which is
audited. What of a PDU was not kept is told as far as records know it. Reading is ``records``', in whichever process
answers (``asking``).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import BaseModel, Field

from smsgw.clock import to_ms
from smsgw.errors import RequestError
from smsgw.policy.numbers import mask
from smsgw.policy.reasons import REASONS
from smsgw.records.archive.intake import BEGINNINGS
from smsgw.records.record import DETAIL, NO_CLASS, Record, Step
from smsgw.records.sought import Content, Whole
from smsgw.services import messages
from smsgw.services.acts import REVEALED_TO
from smsgw.services.asking import Asking, Source
from smsgw.services.decoded import PduShown, masked_text, of_records, shown
from smsgw.services.desk import EVERYBODY, Desk
from smsgw.services.recipients import subject
from smsgw.services.review import text_of
from smsgw.services.search import at_text, class_of, rule_texts
from smsgw.smpp.constants import status_name
from smsgw.store.state import States

_DAY_MS: Final = 86_400_000
_ROK: Final = "ESME_ROK"
_AT_CARRIER: Final = (Step.SENT, Step.ANSWERED, Step.RECEIPT, Step.MO)


class EventShown(BaseModel):
    """One step. ``after_ms``: since the first one. ``leg``: application, carrier, or here."""

    at: str
    after_ms: int
    leg: str
    step: str
    carrier: str = ""
    status: str = ""
    took_ms: float = 0
    rule: str = ""
    rule_text: str = ""
    rule_text_zh: str = ""
    detail: dict[str, str] = {}


class NowShown(BaseModel):
    """Where it is: a word, and its values."""

    code: str
    about: dict[str, str]


class Message(BaseModel):
    """A message whole. ``carrier_pdus``: those of the carrier's leg were kept."""

    message_id: str
    account: str
    department: str
    message_class: str
    number: str
    source: str
    signature: str
    template: str
    campaign: str
    network: str
    province: str
    route: str
    segments: int
    cost: float
    text: str
    text_characters: int
    revealed: bool
    now: NowShown
    events: list[EventShown]
    pdus: list[PduShown]
    carrier_pdus: bool = Field(description="Whether PDUs of the carrier's leg are kept, [records] carrier_pdus.")


def whole_of(source: Source, message_id: str, since_ms: int, until_ms: int) -> Whole:
    """The question that the other process answers."""
    return source.history.whole(message_id, since_ms, until_ms, source.keys, source.knowledge.enclosed)


async def message(desk: Desk, asking: Asking, message_id: str) -> Message:
    """Everything about one message, its number and text masked. Raises RequestError ``missing``, RecordsError."""
    desk.require_role(*EVERYBODY)
    return await _message(desk, asking, message_id, reveal=False)


async def reveal(desk: Desk, asking: Asking, message_id: str, why: str) -> Message:
    """The same with its number and text in full; that they were looked at is audited first."""
    desk.require_role(*REVEALED_TO)
    desk.reason(why)
    found = await _message(desk, asking, message_id, reveal=True)
    about = subject(desk, found.number) if found.number.isdecimal() else f"message {found.message_id}"
    await desk.audit("message.reveal", about, why, message_id=found.message_id, account=found.account)
    return found


async def _message(desk: Desk, asking: Asking, message_id: str, *, reveal: bool) -> Message:
    if not messages.ID.fullmatch(message_id):
        raise RequestError("invalid", "message: is no id of ours, which has 20 digits and letters a–f")
    since_ms, until_ms = 0, desk.now_ms() + _DAY_MS
    if desk.site.clock.mode == "real":
        since_ms, until_ms = map(to_ms, messages.life_of(message_id))
    found = await asking.ask(whole_of, message_id, since_ms, until_ms)
    status = await States(desk.store).query(message_id)
    records = [each.record for each in found.found if each.record.step != Step.CARRIER_PDU]
    account = next((each.account for each in records if each.account), status.account if status is not None else "")
    if (not records and status is None) or not desk.sees(account):
        raise RequestError("missing", messages.unknown(desk, message_id))
    now = await messages.where_now(desk, message_id, records, status.message_state if status is not None else 0)
    return _Shown(desk, message_id, account, found, reveal).message(now)


class _Shown:
    """One message on its way to the page."""

    def __init__(self, desk: Desk, message_id: str, account: str, whole: Whole, reveal: bool) -> None:
        self._desk = desk
        self._id = message_id
        self._account = account
        places = [place for place, each in enumerate(whole.found) if each.record.step != Step.CARRIER_PDU]
        self._found = [whole.found[place] for place in places]
        self._contents = {at: whole.contents[place] for at, place in enumerate(places) if place in whole.contents}
        self._reveal = reveal
        #: What was kept of the carrier's leg, by the step that tells of it, in order.
        self._at_carrier: defaultdict[int, deque[Content]] = defaultdict(deque)
        for place, content in sorted(whole.contents.items()):
            record = whole.found[place].record
            if record.step == Step.CARRIER_PDU and record.detail and isinstance(record.detail[0], int):
                self._at_carrier[record.detail[0]].append(content)
        #: What the application submitted.
        self._submitted = next(
            (content for place, content in sorted(self._contents.items()) if self._record(place).step in BEGINNINGS
             or self._record(place).step == Step.REFUSED), Content("", "", ()),
        )  # fmt: skip

    def _record(self, place: int) -> Record:
        return self._found[place].record

    def message(self, now: messages.Now) -> Message:
        records = [each.record for each in self._found]
        named = next((each for each in records if each.message_class != NO_CLASS), None)
        number, pdus = self._submitted.number, self._submitted.pdus
        text = text_of(list(pdus)) if pdus else ""
        masked = mask(number) if number else _first(each.recipient_masked for each in records)
        return Message(
            message_id=self._id,
            account=self._account,
            department=self._added("department"),
            message_class=class_of(named) if named is not None else "",
            number=number if self._reveal and number else masked,
            source=self._submitted.source_addr,
            signature=_first(each.signature for each in records),
            template=self._added("template"),
            campaign=self._added("campaign"),
            network=self._added("network"),
            province=self._added("province"),
            route=self._route(),
            segments=max((each.segments for each in records), default=0),
            cost=round(sum(each.cost for each in self._found), 6),
            text=text if self._reveal else masked_text(text),
            text_characters=len(text),
            revealed=self._reveal,
            now=NowShown(code=now.code, about=now.about),
            events=[self._event(each) for each in records],
            pdus=self._pdus(),
            carrier_pdus=self._desk.site.file.records.carrier_pdus,
        )

    def _added(self, name: str) -> str:
        return _first(getattr(each, name) for each in self._found)

    def _route(self) -> str:
        begun = (each.record for each in self._found if each.record.step == Step.ACCEPTED)
        return next((str(each.detail[0]) for each in begun if each.detail), "")

    def _event(self, record: Record) -> EventShown:
        event = messages.event_of(self._desk, record, self._record(0))
        detail = {name: value for name, value in event.detail.items() if name != "rule"}
        rule = record.rule_id or (detail.get("reason", "") if detail.get("reason", "") in REASONS else "")
        at = at_text(self._desk, record)
        return EventShown(
            at=at, after_ms=event.after_ms, leg=event.leg, step=event.step, carrier=event.carrier, status=event.status,
            took_ms=event.took_ms, rule=rule, **rule_texts(rule), detail=detail,
        )  # fmt: skip

    def _pdus(self) -> list[PduShown]:
        found: list[PduShown] = []
        for place, each in enumerate(self._found):
            of_carrier = self._at_carrier[each.record.step]
            content = of_carrier.popleft() if of_carrier else self._contents.get(place)
            found += self._pdus_of(each.record, content)
        return found

    def _pdus_of(self, record: Record, content: Content | None) -> Sequence[PduShown]:
        at, carrier = at_text(self._desk, record), record.carrier
        leg = "carrier" if record.step in _AT_CARRIER else "application"
        kept = []
        if content is not None:
            direction = "out" if record.step == Step.SENT else "in"
            kept = [
                shown(raw, at=at, leg=leg, direction=direction, carrier=carrier, reveal=self._reveal)
                for raw in content.pdus
            ]
        if record.step in BEGINNINGS or record.step == Step.REFUSED:
            if record.step in BEGINNINGS and record is not self._begun():
                return kept  # held and accepted later: it was answered once
            answer = of_records(
                "submit_sm_resp", (("message_id", record.message_id),), at=at, leg=leg, direction="out",
                status=status_name(record.status) if record.status else _ROK,
            )  # fmt: skip
            return [*kept, answer]
        return kept or self._from_records(record, at, leg)

    def _begun(self) -> Record | None:
        return next((each.record for each in self._found if each.record.step in BEGINNINGS), None)

    @staticmethod
    def _from_records(record: Record, at: str, leg: str) -> list[PduShown]:
        """What is known of a PDU that was not kept."""
        said = dict(zip(DETAIL.get(record.step, ()), map(str, record.detail), strict=False))
        cid, carrier = said.get("carrier_message_id", ""), record.carrier
        values: list[tuple[str, str]]
        if record.step == Step.SENT:
            values = [("segments", str(record.segments)), ("bind", said.get("bind", ""))]
            return [of_records("submit_sm", values, at=at, leg=leg, direction="out", carrier=carrier)]
        if record.step == Step.ANSWERED:
            status = status_name(record.status) if record.status else _ROK
            values = [("message_id", cid), ("reason", said.get("reason", ""))]
            return [
                of_records("submit_sm_resp", values, at=at, leg=leg, direction="in", status=status, carrier=carrier)
            ]
        if record.step in (Step.RECEIPT, Step.RECEIPT_RETURNED):
            state = said.get("state", "")
            word = messages.state_name(int(state)) if state.isdecimal() else state
            values = [("id", cid), ("message_state", word), ("err", said.get("err", ""))]
            direction = "out" if record.step == Step.RECEIPT_RETURNED else "in"
            return [of_records("deliver_sm", values, at=at, leg=leg, direction=direction, carrier=carrier)]
        return []


def _first(values: Iterable[str]) -> str:
    return next(filter(None, values), "")
