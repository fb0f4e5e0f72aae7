"""Answers, receipts and MO for people, and for JSON."""

from __future__ import annotations

from typing import Any

from simulators.esme.answer import Answer
from simulators.esme.explain import status_text
from simulators.esme.incoming import Incoming
from smsgw.smpp.constants import MessageState
from smsgw.smpp.layout import UnsuccessSme


def receipt_json(came: Incoming) -> dict[str, object]:
    """A receipt for JSON."""
    receipt = came.receipt
    assert receipt is not None
    return {
        "kind": "receipt",
        "id": receipt.id,
        "stat": receipt.stat,
        "message_state": receipt.message_state,
        "err": receipt.err,
        "final": receipt.final,
        "source": came.source,
        "destination": came.destination,
        "bind": came.bind,
    }


def receipt_line(came: Incoming) -> str:
    """A receipt for people."""
    receipt = came.receipt
    assert receipt is not None
    kind = "receipt" if receipt.final else "intermediate receipt"
    return f"{kind} from {came.source}: {receipt.stat or receipt.message_state} err {receipt.err} id {receipt.id}"


def incoming_json(came: Incoming) -> dict[str, object]:
    """A receipt or an MO for JSON."""
    if came.receipt is not None:
        return receipt_json(came)
    return {
        "kind": "mo",
        "source": came.source,
        "destination": came.destination,
        "data_coding": came.sm.data_coding,
        "text": came.text,
        "bind": came.bind,
    }


def incoming_line(came: Incoming) -> str:
    """A receipt or an MO for people."""
    if came.receipt is not None:
        return receipt_line(came)
    return f"MO from {came.source} to {came.destination}: {came.text}"


def failed_of(answer: Answer) -> list[UnsuccessSme]:
    """The recipients of a submit_multi that were refused."""
    failed = answer.pdu.fields.get("unsuccess_smes", [])
    return failed if isinstance(failed, list) else []


def _details(answer: Answer) -> dict[str, Any]:
    fields = answer.pdu.fields
    details: dict[str, Any] = {}
    if "message_state" in fields:
        details["message_state"] = fields["message_state"]
        details["error_code"] = fields["error_code"]
        final_date = fields["final_date"]
        details["final_date"] = final_date.decode("latin-1") if isinstance(final_date, bytes) else ""
    if failed_of(answer):
        details["failed"] = [
            {"destination": each.destination_addr.decode("latin-1"), "status": each.error_status_code}
            for each in failed_of(answer)
        ]
    return details


def answer_json(answer: Answer) -> dict[str, object]:
    """An answer for JSON."""
    return {"kind": "answer", **answer.to_json(), **_details(answer)}


def answer_lines(answer: Answer) -> str:
    """An answer for people; what it says beside its status (a state, failed recipients) on lines of its own."""
    details = _details(answer)
    lines = [str(answer)]
    if "message_state" in details:
        number = details["message_state"]
        name = MessageState(number).name if number in list(MessageState) else "unknown to SMPP"
        final = details["final_date"] or "-"
        lines.append(f"  state {number} ({name}), error {details['error_code']}, final {final}")
    lines += [f"  {each['destination']}: {status_text(each['status'])}" for each in details.get("failed", [])]
    return "\n".join(lines)
