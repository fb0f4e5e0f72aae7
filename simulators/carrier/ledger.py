"""What a simulated carrier received and sent, in an order and a form that timing has no part in.

Two runs with one seed and the same messages for each recipient have the same ledger, octet for octet: it
names no time, connection, sequence number or try, dates in receipts are noughts, and what a limit refused
(which is a matter of timing) is left out. It needs messages that are still kept (``settings.record``), and
receipts that have been sent: wait until none is waiting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from simulators.carrier.delivery import Delivery
from simulators.carrier.message import Message
from smsgw.smpp.constants import HEADER_OCTETS, CommandId, status_name
from smsgw.smpp.udh import IE_CONCAT_8BIT

_DATE = re.compile(rb"(date:)(\d{10,12})")
_CONCAT_8BIT = bytes((5, IE_CONCAT_8BIT, 3))
_REFERENCE_AT = len(_CONCAT_8BIT)


def ledger_text(messages: Iterable[Message], deliveries: Iterable[Delivery]) -> str:
    """The ledger: each message by account, recipient and count with its answer and receipts, then all else sent."""
    receipts: dict[int, list[tuple[int, str]]] = {}
    others: list[str] = []
    kept = {id(message): message for message in messages}
    for delivery in deliveries:
        if delivery.message is not None and id(delivery.message) in kept:
            receipts.setdefault(id(delivery.message), []).append(_receipt(delivery, delivery.message))
        else:
            others.append(_other(delivery))
    lines: list[str] = []
    for message in sorted((each for each in kept.values() if each.nth >= 0), key=_place):
        lines.append(f"{message.system_id} {message.recipient} {message.nth}")
        lines.append(f"  < {_name(int.from_bytes(message.sm.raw[4:8], 'big'))} {message.sm.raw[HEADER_OCTETS:].hex()}")
        lines.append(f"  > {_answer(message)}")
        lines += [line for _, line in sorted(receipts.get(id(message), ()))]
    return "".join(f"{line}\n" for line in [*lines, *sorted(others)])


def ledger_of_all(ledgers: Mapping[str, str]) -> str:
    """The ledgers of several carriers, by their names, as one."""
    return "".join(f"# {name}\n{ledgers[name]}" for name in sorted(ledgers))


def _place(message: Message) -> tuple[str, str, int]:
    return message.system_id, message.recipient, message.nth


def _name(command_id: int) -> str:
    try:
        return CommandId(command_id).name.lower()
    except ValueError:
        return f"0x{command_id:08x}"


def _answer(message: Message) -> str:
    plan = message.plan
    words = ["generic_nack" if plan.nack else _name(message.response_id), status_name(plan.status)]
    if message.message_id:
        words.append(f"id={message.message_id.decode('latin-1')!r}")
    if plan.answers != 1:
        words.append(f"times={plan.answers}")
    if plan.fate:
        words.append(f"({plan.fate})")
    return " ".join(words)


def _receipt(delivery: Delivery, message: Message) -> tuple[int, str]:
    """Its place among the receipts of its message, and its line."""
    step = delivery.step
    if step is None:
        return len(message.plan.receipts), f"  > receipt {_undated(delivery.body).hex()}"
    place = next((at for at, each in enumerate(message.plan.receipts) if each is step), len(message.plan.receipts))
    body = step.renderer.undated(message, delivery.message_id or b"")
    return place, f"  > {_name(delivery.command_id)} {step.renderer.state} {body.hex()}"


def _other(delivery: Delivery) -> str:
    """An MO, or a receipt of nothing that is kept."""
    body = _undated(delivery.body)
    sm = delivery.sm
    if not delivery.is_receipt and sm.has_udh:
        # References are counted over all MO of the carrier.
        at = body.find(_CONCAT_8BIT, len(body) - len(sm.payload))
        if at >= 0:
            body = body[: at + _REFERENCE_AT] + b"\0" + body[at + _REFERENCE_AT + 1 :]
    return f"{delivery.account.system_id} {'receipt' if delivery.is_receipt else 'mo'} {body.hex()}"


def _undated(body: bytes) -> bytes:
    return _DATE.sub(lambda found: found[1] + b"0" * len(found[2]), body)
