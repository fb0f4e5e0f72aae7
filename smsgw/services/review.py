"""The review queue: messages that a word held back until a person has looked at them.

Owns: who sees them at all, how one is shown (the whole text, the number masked), and what a decision writes. A decision
is carried out by the gateway within a second: it looks at a released message again as at every held one, and reports a
rejected one to its application. A full number is shown only on request, for a reason, and the audit says who saw it.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field

from smsgw.clock import from_ms
from smsgw.errors import RequestError, SmsgwError
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.numbers import mask
from smsgw.services.desk import MOST_PAGE_ROWS, Desk, masked
from smsgw.services.recipients import day_text, reason_of, subject
from smsgw.services.scope import REVIEW_READERS
from smsgw.smpp.constants import CommandId
from smsgw.smpp.segments import joined_text
from smsgw.smpp.udh import strip_udh
from smsgw.smpp.views import DataSm, Sm
from smsgw.store.envelope import REVIEW_REJECTED, REVIEWED, Envelope
from smsgw.store.held import Held, HeldMessage
from smsgw.store.parked import LOT_REVIEW, Parked

_REVIEWERS: Final = ("compliance",)
_LOOKERS: Final = REVIEW_READERS
_MOST_NOTE_CHARS: Final = 200
_COMMAND_ID: Final = slice(4, 8)
_DATA_SM: Final = int(CommandId.DATA_SM).to_bytes(4, "big")


class Waiting(BaseModel):
    """A message that waits for a decision."""

    id: str
    number: str = Field(description="Masked.")
    account: str
    message_class: str
    text: str = Field(description="The whole text of all its segments.")
    signature: str = ""
    template: str = ""
    campaign: str = ""
    source_addr: str = ""
    segments: int = 1
    reason: str = Field("", description="The list and the word that held it back.")
    accepted: str
    expires: str = Field(description="When it is given up if nobody decides.")


class WaitingPage(BaseModel):
    """Messages in the order of acceptance. ``next``: hand it in as ``after`` for more; empty: there are no more."""

    items: list[Waiting]
    total: int
    next: str = ""


class Revealed(Waiting):
    """The same with the full number."""

    full_number: str


class Decided(BaseModel):
    """A decision that was taken."""

    id: str
    decision: str
    who: str


async def list_(desk: Desk, *, limit: int = 50, after: str = "") -> WaitingPage:
    """Messages that wait, the longest waiting first."""
    desk.require(*_LOOKERS)
    if not 1 <= limit <= MOST_PAGE_ROWS:
        raise RequestError("invalid", f"limit: expected 1 to {MOST_PAGE_ROWS}")
    parked = Parked(desk.store)
    try:
        found = await parked.list(LOT_REVIEW, limit, after)
    except ValueError:
        raise RequestError("invalid", "after: expected what the page before gave as next") from None
    items = [_waiting(desk, held, _opened(desk, held)) for held in found]
    more = found[-1].cursor if len(found) == limit else ""
    return WaitingPage(items=items, total=await parked.count(LOT_REVIEW), next=more)


async def get(desk: Desk, message_id: str) -> Waiting:
    """One message that waits. Raises RequestError ``missing`` when it does not."""
    desk.require(*_LOOKERS)
    return _waiting(desk, *await _find(desk, message_id))


async def reveal(desk: Desk, message_id: str, why: str) -> Revealed:
    """The same with the full number; that it was looked at is audited first."""
    desk.require(*_REVIEWERS)
    why = reason_of(why)
    held, envelope = await _find(desk, message_id)
    await desk.audit("review.reveal", subject(desk, envelope.recipient), why, message_id=held.held_id)
    shown = _waiting(desk, held, envelope)
    return Revealed(**shown.model_dump(), full_number=envelope.recipient)


async def release(desk: Desk, message_id: str, why: str) -> Decided:
    """Let a message go on; all other rules are still looked at."""
    return await _decide(desk, message_id, why, "release", REVIEWED)


async def reject(desk: Desk, message_id: str, why: str) -> Decided:
    """Reject a message, for a reason; its application is told by receipt."""
    return await _decide(desk, message_id, why, "reject", REVIEW_REJECTED)


async def _decide(desk: Desk, message_id: str, why: str, decision: str, flag: int) -> Decided:
    desk.require(*_REVIEWERS)
    why = reason_of(why)
    held, envelope = await _find(desk, message_id)
    about, detail = f"message {held.held_id}", {"account": envelope.account, "recipient": mask(envelope.recipient)}
    await desk.audit(f"review.{decision}", about, why, **detail)
    envelope.flags |= flag
    envelope.note = f"{desk.person.name}: {masked(why)}"[:_MOST_NOTE_CHARS]
    if not await Parked(desk.store).decide(held, desk.store.sealer.seal(envelope.pack())):
        await desk.audit("review.void", about, f"the decision to {decision} came too late", **detail)
        raise RequestError("conflict", f"message {message_id} does not wait any more: it was decided on, or expired")
    return Decided(id=held.held_id, decision=decision, who=desk.person.name)


async def _find(desk: Desk, message_id: str) -> tuple[HeldMessage, Envelope]:
    held = await Held(desk.store, lambda *_: None).get(message_id.lower())
    envelope = _opened(desk, held) if held is not None else None
    if held is None or envelope is None or envelope.lot != LOT_REVIEW or envelope.flags & (REVIEWED | REVIEW_REJECTED):
        raise RequestError("missing", "no message of this id waits for review; it may have been decided on, or expired")
    return held, envelope


def _opened(desk: Desk, held: HeldMessage) -> Envelope:
    return Envelope.unpack(desk.store.sealer.open(held.blob))


def _waiting(desk: Desk, held: HeldMessage, envelope: Envelope) -> Waiting:
    return Waiting(
        id=held.held_id,
        number=mask(envelope.recipient),
        account=envelope.account,
        message_class=CLASS_LABELS[envelope.message_class],
        text=text_of(envelope.pdus),
        signature=envelope.signature,
        template=envelope.template,
        campaign=envelope.campaign,
        source_addr=envelope.source_addr,
        segments=envelope.segments,
        reason=envelope.note,
        accepted=from_ms(envelope.accepted_at_ms).astimezone(desk.zone).isoformat(" ", "seconds"),
        expires=day_text(held.due_ms, desk.zone),
    )


def text_of(pdus: list[bytes]) -> str:
    """The text of all segments, as the rules have seen it."""
    if not pdus:
        return "[can't be read: it has no segments]"
    try:
        views = [DataSm(pdu) if pdu[_COMMAND_ID] == _DATA_SM else Sm(pdu) for pdu in pdus]
        return joined_text(
            (strip_udh(view.payload) if view.has_udh else view.payload, view.data_coding) for view in views
        )
    except SmsgwError as error:
        return f"[can't be read: {error}]"
