"""Receipts: carrier's deliver_sm → parse → correlate → only then deliver_sm_resp.

Correlating appends the receipt to the account's out stream in the same script, so the carrier is answered
only after it is durable. A receipt without a response yet is parked; a second final one is only recorded.
What can go wrong: more receipts than the store takes at once; beyond ``MAX_UNANSWERED`` the carrier gets
ESME_RMSGQFUL, one of the few statuses after which carriers try again (carriers.md, "Receipts").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.errors import RecoverableError, StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.reports import INTERMEDIATE, STATS, Report, kind_of, pack_report
from smsgw.records.record import Step
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, MessageState, Tag
from smsgw.smpp.pdu import response, with_header
from smsgw.smpp.receipt import FINAL_STATES, Receipt, parse_receipt
from smsgw.smpp.views import DataSm, Sm
from smsgw.store.correlation import DUPLICATE, MATCHED, PARKED, Correlated
from smsgw.store.correlation import Receipt as Correlating
from smsgw.store.state import state_header

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind
    from smsgw.carrier.pool import Pool
    from smsgw.gateway.context import Context
    from smsgw.gateway.learning import Learning
    from smsgw.gateway.mo import MoJourney

MAX_UNANSWERED = 5000
#: Different things that receipts of one moment say; where business time stands still, a moment may be long.
MOST_SAID = 1000
_DATA_SM = int(CommandId.DATA_SM)
#: The responses without a message id, by the request; sequence number and status come at sending.
_ANSWERS = {int(each): response(each | RESPONSE_BIT, 0, 0, b"") for each in (CommandId.DELIVER_SM, CommandId.DATA_SM)}
_RECEIPT = int(Step.RECEIPT)
_ENROUTE = int(MessageState.ENROUTE)
_UNKNOWN, _DELIVERED = int(MessageState.UNKNOWN), int(MessageState.DELIVERED)
_NETWORK_ERROR = int(Tag.NETWORK_ERROR_CODE)
#: Of a carrier's ``err:``, which may run on: what it becomes part of must still fit a short_message.
MAX_ERR_CHARACTERS = 20


class _Said:
    """What receipts of one moment that say the same have in common, in every form in which it is wanted.

    ``recorded``: the state for records, in which a failed attempt that is no end of the message has not failed.
    """

    __slots__ = ("blob", "final", "header", "kind", "label", "recorded", "report")

    def __init__(self, report: Report, final: bool) -> None:
        self.report = report
        self.final = final
        self.kind = kind_of(report.message_state) if final else INTERMEDIATE
        code = int(report.err) if report.err.isascii() and report.err.isdigit() else 0
        self.header = state_header(report.message_state, code, report.done_ms if final else 0)
        self.blob = pack_report(report)
        self.label = str(report.message_state)
        self.recorded = _ENROUTE if not final and report.message_state in FINAL_STATES else report.message_state


class _Inbound:
    """A receipt that its carrier waits to have answered. ``sought``: in every way that the carrier may write ids."""

    __slots__ = (
        "bind", "carrier", "carrier_message_id", "command_id", "origin", "said", "sequence_number", "sought", "view",
    )  # fmt: skip

    def __init__(
        self, bind: Bind, carrier: str, command_id: int, sequence_number: int, said: _Said, carrier_message_id: str,
        view: Sm | DataSm,
    ) -> None:  # fmt: skip
        self.bind = bind
        self.origin = bind.link
        self.carrier = carrier
        self.command_id = command_id
        self.sequence_number = sequence_number
        self.said = said
        self.carrier_message_id = carrier_message_id
        self.view = view
        self.sought = False


class ReceiptJourney:
    """Everything a carrier sends by itself comes in here; what is no receipt goes on to the MO journey."""

    def __init__(self, context: Context, mo: MoJourney, learning: Learning) -> None:
        self._context = context
        self._mo = mo
        self._learning = learning
        self._journal = Journal(context)
        self._pdus = context.carrier_pdus
        #: By what receipts of this millisecond say.
        self._said: dict[tuple[int | None, bool, str | None, str | None, bytes], _Said] = {}
        self._said_ms = 0

    def inbound(self, pool: Pool, bind: Bind, command_id: int, raw: bytes, sequence_number: int) -> None:
        """A deliver_sm or data_sm of a carrier."""
        try:
            view = DataSm(raw) if command_id == _DATA_SM else Sm(raw)
        except RecoverableError as error:
            bind.respond(response(command_id | RESPONSE_BIT, error.command_status, sequence_number, b""), bind.link)
            return
        context = self._context
        waiting = context.correlation.commit.waiting + context.outbound.appends.waiting + context.facts.commit.waiting
        waiting += context.carrier_ids.waiting
        if waiting > MAX_UNANSWERED:
            full = response(command_id | RESPONSE_BIT, CommandStatus.ESME_RMSGQFUL, sequence_number, b"")
            bind.respond(full, bind.link)
            return
        receipt = parse_receipt(view)
        if receipt is None:
            self._mo.received(pool, bind, command_id, view, sequence_number)
        elif receipt.id is None:
            self._context.metrics.carrier(pool.name).receipts_orphan += 1
            self._context.log("carrier.receipt_unreadable", {"carrier": pool.name})
            bind.respond(response(command_id | RESPONSE_BIT, CommandStatus.ESME_ROK, sequence_number, b""), bind.link)
        else:
            self._correlate(pool, bind, command_id, view, sequence_number, receipt, receipt.id)

    def correlated(self, contexts: list[object], results: list[Correlated] | StoreError) -> None:
        """Called once for each batch: the receipts are durable, or the store refused them."""
        if isinstance(results, StoreError):
            self._context.log("store.correlate_refused", {"receipts": len(contexts), "why": str(results)})
            for context in contexts:
                if isinstance(context, _Inbound):
                    self._answer(context, CommandStatus.ESME_RSYSERR)
            return
        found: set[str] = set()
        for context, result in zip(contexts, results, strict=True):
            if not isinstance(context, _Inbound):
                continue
            if result.outcome != PARKED:
                found.add(context.carrier)
            elif not context.sought and self._context.carrier_ids.may_be_elsewhere(context.carrier):
                # Nothing lies under the name that was learnt: perhaps it was kept under another one before.
                self._seek(context, True)
                continue
            self._answer(context, 0)
            self._tell(context, result)
        for carrier in found:
            self._context.carrier_ids.matched(carrier)

    # -- inside

    def _correlate(
        self,
        pool: Pool,
        bind: Bind,
        command_id: int,
        view: Sm | DataSm,
        sequence_number: int,
        receipt: Receipt,
        carrier_message_id: str,
    ) -> None:
        said, carrier = self._what_it_says(receipt, view), pool.name
        inbound = _Inbound(bind, carrier, command_id, sequence_number, said, carrier_message_id, view)
        forms = self._context.carrier_ids.of(carrier)
        if forms.learnt is None:
            self._seek(inbound, False)
        else:
            cid = forms.sought_as(carrier_message_id)
            self._context.correlation.put(inbound, carrier, cid, said.blob, said.kind, said.final, said.header)

    def _what_it_says(self, receipt: Receipt, view: Sm | DataSm) -> _Said:
        now_ms = self._context.clock.now_ms()
        if now_ms != self._said_ms or len(self._said) >= MOST_SAID:
            self._said_ms = now_ms
            self._said.clear()
        network_error = _network_error(view)
        key = (receipt.message_state, receipt.final, receipt.err, receipt.stat, network_error)
        said = self._said.get(key)
        if said is None:
            said = self._said[key] = _Said(*read_report(receipt, view, now_ms))
        return said

    def _seek(self, inbound: _Inbound, parked: bool) -> None:
        carrier, carrier_message_id, said = inbound.carrier, inbound.carrier_message_id, inbound.said
        ids = self._context.carrier_ids
        cid = ids.of(carrier).sought_as(carrier_message_id) if parked else ""
        inbound.sought = True
        receipt = Correlating(inbound, carrier, cid, said.blob, said.kind, said.final, said.header)
        view = inbound.view
        ids.seek(receipt, carrier_message_id, (view.source_addr, view.destination_addr), parked)

    def _answer(self, inbound: _Inbound, command_status: int) -> None:
        answer = with_header(_ANSWERS[inbound.command_id], inbound.sequence_number, command_status)
        inbound.bind.respond(answer, inbound.origin)

    def _tell(self, inbound: _Inbound, result: Correlated) -> None:
        carrier, said = inbound.carrier, inbound.said
        report = said.report
        counters = self._context.metrics.carrier(carrier)
        counters.receipts[said.label] += 1
        if result.outcome == DUPLICATE:
            counters.receipts_duplicate += 1
        elif result.outcome != MATCHED:
            counters.receipts_parked += 1
        elif result.origin:
            self._learning.failed(result.account, result.message_id, carrier, result.origin, report)
        elif report.message_state == _DELIVERED:
            self._learning.delivered(carrier, result.account, result.message_id, inbound.view.source_addr)
        for message_id in result.told or (result.message_id,):
            if self._pdus is not None and message_id:
                self._pdus.add(_RECEIPT, message_id, carrier, inbound.view.raw)
            self._journal.plain(
                _RECEIPT, message_id, result.account, carrier, "", 0, 0, said.recorded, report.err,
                inbound.carrier_message_id,
            )  # fmt: skip


def read_report(receipt: Receipt, view: Sm | DataSm, now_ms: int) -> tuple[Report, bool]:
    """What a carrier's receipt says of the message, and whether it is the last word."""
    state, final, err = receipt.message_state, receipt.final, receipt.err or "000"
    if state is None:
        state = _UNKNOWN
    stat = receipt.stat or ""
    own = "" if stat in STATS else stat[:MAX_ERR_CHARACTERS]
    return Report(state, err[:MAX_ERR_CHARACTERS], now_ms, _network_error(view), own), final


def _network_error(view: Sm | DataSm) -> bytes:
    try:
        tlvs = view.tlvs
        return tlvs.first(_NETWORK_ERROR) or b"" if tlvs else b""
    except RecoverableError:
        return b""  # broken TLVs behind a readable text: what was read counts
