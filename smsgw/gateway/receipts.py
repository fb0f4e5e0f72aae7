"""Receipts: carrier's deliver_sm → parse → correlate → only then deliver_sm_resp.

Correlating appends the receipt to the account's out stream in the same script, so the carrier is answered
only after it is durable. A receipt without a response yet is parked; a second final one is only recorded.
What can go wrong: more receipts than the store takes at once; beyond ``MAX_UNANSWERED`` the carrier gets
ESME_RMSGQFUL, one of the few statuses after which carriers try again (carriers.md, "Receipts").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smsgw.errors import RecoverableError, StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.reports import INTERMEDIATE, STATS, Report, kind_of, pack_report
from smsgw.records.record import Step
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, MessageState, Tag
from smsgw.smpp.pdu import response
from smsgw.smpp.receipt import Receipt, parse_receipt
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
    from smsgw.link.link import Link

MAX_UNANSWERED = 5000
_DATA_SM = int(CommandId.DATA_SM)
_UNKNOWN, _DELIVERED = int(MessageState.UNKNOWN), int(MessageState.DELIVERED)
_NETWORK_ERROR = int(Tag.NETWORK_ERROR_CODE)
#: Of a carrier's ``err:``, which may run on: what it becomes part of must still fit a short_message.
MAX_ERR_CHARACTERS = 20


class _Inbound(NamedTuple):
    """A receipt that its carrier waits to have answered. ``sought``: in every way that the carrier may write ids."""

    bind: Bind
    origin: Link[object] | None
    carrier: str
    command_id: int
    sequence_number: int
    report: Report
    carrier_message_id: str
    sender: bytes
    addressee: bytes
    kind: int
    final: bool
    header: bytes
    sought: bool = False


class ReceiptJourney:
    """Everything a carrier sends by itself comes in here; what is no receipt goes on to the MO journey."""

    def __init__(self, context: Context, mo: MoJourney, learning: Learning) -> None:
        self._context = context
        self._mo = mo
        self._learning = learning
        self._journal = Journal(context)

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
        for context, result in zip(contexts, results, strict=True):
            if isinstance(context, _Inbound) and not self._seek_if_parked(context, result):
                self._answer(context, 0)
                self._tell(context, result)

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
        report, final = read_report(receipt, view, self._context.clock.now_ms())
        kind = kind_of(report.message_state)
        if not final:
            kind = INTERMEDIATE
        code = int(report.err) if report.err.isascii() and report.err.isdigit() else 0
        header = state_header(report.message_state, code, report.done_ms if final else 0)
        inbound = _Inbound(
            bind, bind.link, pool.name, command_id, sequence_number, report, carrier_message_id, view.source_addr,
            view.destination_addr, kind, final, header,
        )  # fmt: skip
        forms = self._context.carrier_ids.of(pool.name)
        if forms.learnt is None:
            self._seek(inbound, False)
        else:
            cid = forms.sought_as(carrier_message_id)
            self._context.correlation.put(inbound, pool.name, cid, pack_report(report), kind, final, header)

    def _seek_if_parked(self, inbound: _Inbound, result: Correlated) -> bool:
        """Nothing lies under the name that was learnt: perhaps it was kept under another one before."""
        if result.outcome != PARKED:
            self._context.carrier_ids.matched(inbound.carrier)
        elif not inbound.sought and self._context.carrier_ids.may_be_elsewhere(inbound.carrier):
            self._seek(inbound, True)
            return True
        return False

    def _seek(self, inbound: _Inbound, parked: bool) -> None:
        carrier, carrier_message_id = inbound.carrier, inbound.carrier_message_id
        ids = self._context.carrier_ids
        cid = ids.of(carrier).sought_as(carrier_message_id) if parked else ""
        sought = inbound._replace(sought=True)
        receipt = Correlating(
            sought, carrier, cid, pack_report(inbound.report), inbound.kind, inbound.final, inbound.header
        )
        ids.seek(receipt, carrier_message_id, (inbound.sender, inbound.addressee), parked)

    def _answer(self, inbound: _Inbound, command_status: int) -> None:
        answer = response(inbound.command_id | RESPONSE_BIT, command_status, inbound.sequence_number, b"")
        inbound.bind.respond(answer, inbound.origin)

    def _tell(self, inbound: _Inbound, result: Correlated) -> None:
        counters = self._context.metrics.carrier(inbound.carrier)
        counters.receipts[str(inbound.report.message_state)] += 1
        if result.outcome == DUPLICATE:
            counters.receipts_duplicate += 1
        elif result.outcome != MATCHED:
            counters.receipts_parked += 1
        elif result.origin:
            self._learning.failed(result.account, result.message_id, inbound.carrier, result.origin, inbound.report)
        elif inbound.report.message_state == _DELIVERED:
            self._learning.delivered(inbound.carrier, result.account, result.message_id, inbound.sender)
        for message_id in result.told or (result.message_id,):
            self._journal.plain(
                int(Step.RECEIPT),
                message_id,
                result.account,
                inbound.carrier,
                "",
                0,
                0,
                inbound.report.message_state,
                inbound.report.err,
                inbound.carrier_message_id,
            )


def read_report(receipt: Receipt, view: Sm | DataSm, now_ms: int) -> tuple[Report, bool]:
    """What a carrier's receipt says of the message, and whether it is the last word."""
    state, final, err = receipt.message_state, receipt.final, receipt.err or "000"
    if state is None:
        state = _UNKNOWN
    try:
        network_error = view.tlvs.first(_NETWORK_ERROR) or b""
    except RecoverableError:
        network_error = b""  # broken TLVs behind a readable text: what was read counts
    stat = receipt.stat or ""
    own = "" if stat in STATS else stat[:MAX_ERR_CHARACTERS]
    return Report(state, err[:MAX_ERR_CHARACTERS], now_ms, network_error, own), final
