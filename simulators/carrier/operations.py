"""query_sm, cancel_sm, replace_sm and submit_multi at the simulated carrier (SMPP 3.4 §4.5, §4.8–4.10).

Each is a callable for the desk. A message is known by the id of its response, and only to the
account and source address that sent it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from simulators.carrier.intake import Intake
from simulators.carrier.link import CarrierLink
from simulators.carrier.message import Message
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus
from smsgw.smpp.layout import SmeAddress, UnsuccessSme
from smsgw.smpp.times import format_absolute

_QUERY_FAILED = int(CommandStatus.ESME_RQUERYFAIL)
_CANCEL_FAILED = int(CommandStatus.ESME_RCANCELFAIL)
_REPLACE_FAILED = int(CommandStatus.ESME_RREPLACEFAIL)
_WRONG_LIST = int(CommandStatus.ESME_RINVDLNAME)


class _Operation:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def _find(self, link: CarrierLink, request: Pdu) -> Message | None:
        message = self._intake.find(cast(bytes, request.fields["message_id"]))
        if message is None or message.account is not link.account:
            return None
        return message if message.sm.source_addr == request.fields["source_addr"] else None


class Query(_Operation):
    """Answers query_sm with the state that the receipts named."""

    def __call__(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        message = self._find(link, request)
        if message is None:
            link.respond(CommandId.QUERY_SM, _QUERY_FAILED, sequence_number)
            return
        state = message.state
        done = format_absolute(datetime.fromtimestamp(int(message.done_s), UTC)) if message.done_s else b""
        fields: dict[str, object] = {
            "message_id": message.message_id,
            "final_date": done,
            "message_state": state.message_state,
            "error_code": int(state.err) & 0xFF if state.err.isdigit() else 0,
        }
        link.write(encode(Pdu(int(CommandId.QUERY_SM_RESP), 0, sequence_number, fields)))


class Cancel(_Operation):
    """Cancels a message that has no final state yet."""

    def __call__(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        message = self._find(link, request)
        if message is None or message.done_s:
            link.respond(CommandId.CANCEL_SM, _CANCEL_FAILED, sequence_number)
            return
        link.respond(CommandId.CANCEL_SM, 0, sequence_number)
        self._intake.cancel(message)


class Replace(_Operation):
    """Replaces the text of a message that has no final state yet."""

    def __call__(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        message = self._find(link, request)
        if message is None or message.done_s:
            link.respond(CommandId.REPLACE_SM, _REPLACE_FAILED, sequence_number)
            return
        message.replaced = cast(bytes, request.fields["short_message"])
        link.respond(CommandId.REPLACE_SM, 0, sequence_number)


class SubmitMulti(_Operation):
    """Takes a message for several recipients; each has its own plan, all have the id of the first accepted.

    Distribution lists are unknown here and fail. Delays and mishaps of the response do not apply.
    """

    def __call__(self, link: CarrierLink, sequence_number: int, request: Pdu) -> None:
        accepted: list[Message] = []
        failed: list[UnsuccessSme] = []
        for destination in cast(list[object], request.fields["dest_addresses"]):
            if not isinstance(destination, SmeAddress):
                failed.append(UnsuccessSme(0, 0, b"", _WRONG_LIST))
                continue
            message = self._accept(link, sequence_number, request, destination)
            if message.status:
                failed.append(UnsuccessSme(*destination, message.status))
            else:
                accepted.append(message)
        fields: dict[str, object] = {
            "message_id": accepted[0].message_id if accepted else b"",
            "unsuccess_smes": failed,
        }
        status = 0 if accepted else int(CommandStatus.ESME_RSUBMITFAIL)
        response = Pdu(int(CommandId.SUBMIT_MULTI) | RESPONSE_BIT, status, sequence_number, fields)
        link.write(encode(response))
        for message in accepted:
            message.number, message.message_id = accepted[0].number, accepted[0].message_id
            if message.plan.receipts:
                self._intake.follow(message)

    def _accept(self, link: CarrierLink, sequence_number: int, request: Pdu, destination: SmeAddress) -> Message:
        fields = {name: value for name, value in request.fields.items() if name != "dest_addresses"}
        fields.update(destination._asdict())
        single = encode(Pdu(int(CommandId.SUBMIT_SM), 0, sequence_number, fields, request.tlvs))
        sm = pdu.Sm(single)
        response_id = int(CommandId.SUBMIT_MULTI) | RESPONSE_BIT
        return self._intake.accept(link, sm, sequence_number, response_id, len(sm.payload))
