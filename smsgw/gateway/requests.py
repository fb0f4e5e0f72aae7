"""The other requests of an application: data_sm, submit_multi, query_sm, cancel_sm, replace_sm.

submit_multi is taken apart: each destination is a message of its own under the rules, and the answer names
those that were refused (SMPP 3.4 §4.5). query_sm, cancel_sm and replace_sm are rare and each asks the store once,
in a task of its own; cancel and replace work while a message is held, afterwards it is the carrier's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from smsgw.clock import from_ms
from smsgw.errors import LocalError, RecoverableError, StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.mt import MtJourney
from smsgw.gateway.multi import Multi
from smsgw.gateway.outcomes import Outcomes
from smsgw.gateway.release import end_once
from smsgw.gateway.reports import Report
from smsgw.gateway.submission import template_name
from smsgw.gateway.tags import read_tags
from smsgw.gateway.views import outgoing, read_times, view_of
from smsgw.policy.model import Draft, Hold, Outcome, Refusal
from smsgw.policy.reasons import PAUSED, RATE, STORE_AWAY
from smsgw.records.record import Step
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, MessageState, Tag
from smsgw.smpp.layout import DistributionList, SmeAddress
from smsgw.smpp.pdu import rebuild_sm, response
from smsgw.smpp.times import format_absolute
from smsgw.smpp.tlv import NO_TLVS
from smsgw.smpp.views import DataSm, Sm
from smsgw.store.envelope import ENDING, REVIEWED, Envelope
from smsgw.store.held import HeldMessage
from smsgw.store.parked import LOT_REVIEW

if TYPE_CHECKING:
    from smsgw.esme.session import EsmeSession
    from smsgw.gateway.context import Context
    from smsgw.policy.pipeline import Rules

SUBMIT_MULTI, DATA_SM = int(CommandId.SUBMIT_MULTI), int(CommandId.DATA_SM)
QUERY_SM, CANCEL_SM, REPLACE_SM = int(CommandId.QUERY_SM), int(CommandId.CANCEL_SM), int(CommandId.REPLACE_SM)
#: SMPP 3.4 §4.5.1: number_of_dests is at most 254.
MAX_DESTINATIONS = 254


class Requests:
    """Everything that an application may ask for but submit_sm."""

    def __init__(self, context: Context, mt: MtJourney, outcomes: Outcomes) -> None:
        self._context = context
        self._mt = mt
        self._outcomes = outcomes
        self._journal = Journal(context)

    def take(self, session: EsmeSession, command_id: int, raw: bytes, sequence_number: int) -> None:
        """One request; it is answered in every case."""
        try:
            if command_id == DATA_SM:
                self._mt.take(session, command_id, DataSm(raw), sequence_number)
            elif command_id == SUBMIT_MULTI:
                self._submit_multi(session, raw, sequence_number)
            elif command_id in (QUERY_SM, CANCEL_SM, REPLACE_SM):
                account = session.account
                if account is not None and session.unanswered > account.settings.window:
                    # Each is a task and a connection to the store.
                    refusal = Refusal(RATE, f"more than {account.settings.window} requests unanswered", 1)
                    session.refuse(command_id, sequence_number, refusal)
                    return
                self._context.spawn(self._ask(session, command_id, decode(raw), sequence_number))
            else:
                # broadcast_sm and its kin: there is no cell broadcast behind this gateway.
                session.answer(response(command_id | RESPONSE_BIT, CommandStatus.ESME_RINVCMDID, sequence_number))
        except RecoverableError as error:
            session.answer(response(command_id | RESPONSE_BIT, error.command_status, sequence_number))

    # -- submit_multi

    def _submit_multi(self, session: EsmeSession, raw: bytes, sequence_number: int) -> None:
        pdu = decode(raw)
        destinations = cast("list[SmeAddress | DistributionList]", pdu.fields["dest_addresses"])
        if not 1 <= len(destinations) <= MAX_DESTINATIONS:
            raise RecoverableError(CommandStatus.ESME_RINVNUMDESTS, f"expected 1 to {MAX_DESTINATIONS} destinations")
        multi = Multi(session, sequence_number, self._context, len(destinations))
        for destination in destinations:
            if isinstance(destination, DistributionList):
                # There are no distribution lists here (§4.5.1.2).
                multi.refused(SmeAddress(0, 0, destination.dl_name), CommandStatus.ESME_RINVDLNAME)
                continue
            sender = multi.sender(destination)
            try:
                self._mt.take(sender, SUBMIT_MULTI, Sm(_single(pdu, destination)), sequence_number)
            except RecoverableError as error:
                multi.refused(destination, error.command_status)

    # -- query_sm, cancel_sm, replace_sm

    async def _ask(self, session: EsmeSession, command_id: int, pdu: Pdu, sequence_number: int) -> None:
        try:
            if command_id == QUERY_SM:
                answer = await self._query(session, pdu)
            elif command_id == CANCEL_SM:
                answer = await self._cancel(session, pdu)
            else:
                answer = await self._replace(session, pdu)
        except RecoverableError as error:
            answer = response(command_id | RESPONSE_BIT, error.command_status, sequence_number)
        except StoreError:
            session.refuse(command_id, sequence_number, Refusal(STORE_AWAY, "", 5))
            return
        session.answer(answer)

    async def _query(self, session: EsmeSession, pdu: Pdu) -> bytes:
        """SMPP 3.4 §4.8: message_state, final date, error code of a message of this account."""
        message_id = cast(bytes, pdu.fields["message_id"]).decode("latin-1")
        status = await self._context.states.query(message_id)
        if status is None or status.account != _system_id(session) or not _same_source(pdu, status.source_addr):
            raise RecoverableError(CommandStatus.ESME_RQUERYFAIL, "no such message of this account")
        state = status.message_state
        if state == MessageState.ENROUTE and await self._context.held.get(message_id) is not None:
            state = int(MessageState.SCHEDULED) if session.version >= 0x50 else int(MessageState.ENROUTE)
        final = _absolute(status.final_ms)
        fields: dict[str, object] = {
            "message_id": message_id.encode("latin-1"),
            "final_date": final,
            "message_state": state,
            "error_code": status.error_code & 0xFF,
        }
        return encode(Pdu(int(CommandId.QUERY_SM_RESP), 0, pdu.sequence_number, fields, NO_TLVS))

    async def _cancel(self, session: EsmeSession, pdu: Pdu) -> bytes:
        """SMPP 3.4 §4.9, by message_id; a message that is no longer held can't be had back."""
        held, envelope = await self._own_held(session, pdu, CommandStatus.ESME_RCANCELFAIL)
        report = Report(int(MessageState.DELETED), "000", self._context.clock.now_ms())
        ended: asyncio.Future[bool | StoreError] = asyncio.get_running_loop().create_future()
        end_once(self._context, held, envelope, report, Step.CANCELLED, "cancel_sm", ended.set_result)
        result = await ended
        if isinstance(result, StoreError):
            raise result
        if not result:
            raise RecoverableError(CommandStatus.ESME_RCANCELFAIL, "it is being sent")
        return response(int(CommandId.CANCEL_SM_RESP), CommandStatus.ESME_ROK, pdu.sequence_number)

    async def _replace(self, session: EsmeSession, pdu: Pdu) -> bytes:
        """SMPP 3.4 §4.10: another text for a held message, under the rules for texts; caps were counted."""
        held, envelope = await self._own_held(session, pdu, CommandStatus.ESME_RREPLACEFAIL)
        old, new = _replacement(envelope, pdu)
        now_ms = self._context.clock.now_ms()
        due_ms, expires_ms = read_times(new, now_ms)
        rules = self._context.rules[envelope.account]
        was_parked = bool(envelope.lot) and held.due_ms == envelope.expires_at_ms
        at_ms = due_ms or (max(now_ms, envelope.due_ms) if was_parked else held.due_ms)
        tags = read_tags(old)
        draft = Draft(
            envelope.account, rules.message_class, envelope.source_addr, envelope.recipient,
            decode_text(new.payload, new.data_coding), 1, at_ms, campaign=tags.campaign, audience=tags.audience,
        )  # fmt: skip
        outcome = judged_but_for_pauses(rules.rules, draft)
        if isinstance(outcome, Refusal):
            status = outcome.reason.command_status(
                session.account is not None and session.account.settings.vendor_codes
            )
            raise RecoverableError(status, outcome.reason.text)
        if not _counts_alike(rules.rules, envelope, draft):
            raise RecoverableError(CommandStatus.ESME_RREPLACEFAIL, "the new text counts for other caps")
        await self._shorten(draft, outgoing(new))
        old_lot = envelope.lot if was_parked else ""
        envelope.pdus[0] = outgoing(new)
        envelope.links = draft.links or ()
        if draft.links:
            envelope.segments = draft.segments
        envelope.registered[0] = new.registered_delivery
        envelope.signature = draft.signature or ""
        envelope.template, envelope.campaign = template_name(draft), draft.campaign
        envelope.expires_at_ms = expires_ms or envelope.expires_at_ms
        envelope.flags &= ~REVIEWED
        envelope.note = draft.review
        if draft.review:
            envelope.lot = LOT_REVIEW
        elif old_lot == LOT_REVIEW or due_ms:
            envelope.lot = ""
        until_ms = outcome.until_ms if isinstance(outcome, Hold) else at_ms
        envelope.due_ms = until_ms
        blob = self._context.store.sealer.seal(envelope.pack())
        if not await self._context.held.replace(held, blob):
            raise RecoverableError(CommandStatus.ESME_RREPLACEFAIL, "it is being sent")
        self._put(held._replace(blob=blob), envelope, old_lot, until_ms)
        self._journal.step(int(Step.REPLACED), envelope, 0, "", 0, 0, "replace_sm")
        return response(int(CommandId.REPLACE_SM_RESP), CommandStatus.ESME_ROK, pdu.sequence_number)

    async def _shorten(self, draft: Draft, pdu: bytes) -> None:
        """Until its links are known to the store. Raises StoreError."""
        while draft.links:
            stored: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()

            def known(why: StoreError | None, stored: asyncio.Future[StoreError | None] = stored) -> None:
                if not stored.done():
                    stored.set_result(why)

            if self._context.short_links.ready(draft, [pdu], known):
                return
            if (why := await stored) is not None:
                raise why

    def _put(self, held: HeldMessage, envelope: Envelope, old_lot: str, until_ms: int) -> None:
        """Where a message belongs whose text was replaced: in a lot, until it expires; or held until its time."""
        store = self._context.held
        if envelope.lot and (envelope.lot != old_lot or held.due_ms != envelope.expires_at_ms):
            store.park(None, held, envelope.lot, envelope.accepted_at_ms, envelope.expires_at_ms, held.blob)
        elif not envelope.lot and (old_lot or until_ms != held.due_ms):
            store.hold(None, held, until_ms)

    async def _own_held(self, session: EsmeSession, pdu: Pdu, failed: int) -> tuple[HeldMessage, Envelope]:
        message_id = cast(bytes, pdu.fields["message_id"]).decode("latin-1")
        held = await self._context.held.get(message_id) if message_id else None
        if held is None:
            raise RecoverableError(failed, "no held message has this id")
        envelope = Envelope.unpack(self._context.store.sealer.open(held.blob))
        if envelope.account != _system_id(session) or not _same_source(pdu, envelope.source_addr):
            raise RecoverableError(failed, "no held message of this account has this id")
        if envelope.flags & ENDING:
            raise RecoverableError(failed, "it ends just now")
        return held, envelope


def _replacement(envelope: Envelope, pdu: Pdu) -> tuple[Sm, Sm]:
    """The held submit_sm and what a replace_sm makes of it. Raises RecoverableError where that can't be done."""
    old = view_of(envelope.pdus[0])
    if len(envelope.pdus) > 1 or old.has_udh:
        raise RecoverableError(CommandStatus.ESME_RREPLACEFAIL, "a message of several segments can't be replaced")
    if not isinstance(old, Sm) or old.tlvs.first(Tag.MESSAGE_PAYLOAD) is not None:
        # replace_sm has no message_payload (§4.10.1): the carrier would be given both texts.
        raise RecoverableError(CommandStatus.ESME_RREPLACEFAIL, "a message_payload can't be replaced")
    fields = pdu.fields
    new = rebuild_sm(
        old,
        short_message=cast(bytes, fields["short_message"]),
        validity_period=cast(bytes, fields["validity_period"]),
        schedule_delivery_time=cast(bytes, fields["schedule_delivery_time"]),
        registered_delivery=cast(int, fields["registered_delivery"]),
        sm_default_msg_id=cast(int, fields["sm_default_msg_id"]),
    )
    return old, Sm(new)


def judged_but_for_pauses(rules: Rules, draft: Draft) -> Outcome:
    """The rules' verdict on a text that is not to be sent now: a pause will stop it when its time comes."""
    holds = []
    for finding in rules.explain(draft):
        if isinstance(finding.outcome, Refusal) and finding.outcome.reason is not PAUSED:
            return finding.outcome
        if isinstance(finding.outcome, Hold):
            holds.append(finding.outcome)
    return max(holds, key=lambda hold: hold.until_ms, default=None)


def _counts_alike(rules: Rules, envelope: Envelope, draft: Draft) -> bool:
    """Whether the caps that were counted for the old text are the new one's: they are not counted again."""
    if draft.message_class != envelope.message_class:
        return False
    signature, template = envelope.signature or None, envelope.template.rpartition("@")[0] or None
    old = rules.caps.compiled(envelope.account, envelope.message_class, signature, template, draft.audience or None)
    new = rules.cap_rows(draft)
    return new is None or new.script_rows(draft.at_ms) == old.script_rows(draft.at_ms)


def _system_id(session: EsmeSession) -> str:
    return session.account.settings.system_id if session.account is not None else ""


def _same_source(pdu: Pdu, source_addr: str) -> bool:
    """The source address must be the message's (SMPP 3.4 §4.8.1, §4.9.1, §4.10.1)."""
    return cast(bytes, pdu.fields["source_addr"]).decode("latin-1") == source_addr


def _absolute(at_ms: int) -> bytes:
    """final_date; empty when there is none, or none that SMPP can write: a test clock may be in any year."""
    try:
        return format_absolute(from_ms(at_ms)) if at_ms else b""
    except (LocalError, OverflowError):
        return b""


def _single(pdu: Pdu, destination: SmeAddress) -> bytes:
    """The submit_sm that a submit_multi means for one destination."""
    fields = {name: value for name, value in pdu.fields.items() if name != "dest_addresses"}
    fields["dest_addr_ton"] = destination.dest_addr_ton
    fields["dest_addr_npi"] = destination.dest_addr_npi
    fields["destination_addr"] = destination.destination_addr
    return encode(Pdu(int(CommandId.SUBMIT_SM), 0, pdu.sequence_number, fields, pdu.tlvs))
