"""Receipts for messages that end here: REJECTD, UNDELIV, EXPIRED, DELETED, UNKNOWN.

They go the way of all receipts, through the account's out stream, so they wait for an application that
is away and survive a crash. What can go wrong: the store is away; the append is repeated until it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from smsgw.gateway.reports import Report, pack_origin, pack_report
from smsgw.store.outbound import FIELD_MESSAGE_ID, FIELD_ORIGIN, FIELD_RECEIPT

if TYPE_CHECKING:
    from smsgw.errors import StoreError
    from smsgw.gateway.context import Context
    from smsgw.smpp.views import DataSm, Sm

#: A receipt that the store refused is tried again after this; what it is about stays until then.
REPORT_RETRY_S: Final = 5.0
#: Called with True once the receipt is durable, with False when the store refused it.
Durable = Callable[[bool], None]


class LocalReports:
    """Appends receipts of ours to out streams."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def send(
        self, account: str, message_id: str, view: Sm | DataSm, submitted_ms: int, report: Report, durable: Durable
    ) -> None:
        """Append one."""
        origin = self._context.store.sealer.seal(pack_origin(view.raw, submitted_ms))
        fields = (FIELD_ORIGIN, origin, FIELD_RECEIPT, pack_report(report), FIELD_MESSAGE_ID, message_id)

        def appended(error: StoreError | None) -> None:
            if error is not None:
                self._context.log(
                    "store.receipt_refused", {"account": account, "message_id": message_id, "why": str(error)}
                )
            durable(error is None)

        self._context.outbound.append(account, fields, appended)

    def end(
        self,
        account: str,
        message_id: str,
        view: Sm | DataSm,
        submitted_ms: int,
        report: Report,
        wanted: bool,
        durable: Durable,
    ) -> None:
        """End a message of which other parts are at a carrier: it is told of once, by this or by the carrier."""
        origin = self._context.store.sealer.seal(pack_origin(view.raw, submitted_ms))
        blob = pack_report(report)
        self._context.correlation.sharing.end(account, message_id, origin, blob, wanted, durable)
