"""Receipts and MO for people, and for JSON."""

from __future__ import annotations

from simulators.esme.sim import Incoming


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
