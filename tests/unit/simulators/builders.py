"""What the simulators' unit tests build their messages with."""

from __future__ import annotations

from typing import cast

from simulators.carrier.account import Account
from simulators.carrier.behaviour import Behaviour
from simulators.carrier.link import CarrierLink
from simulators.carrier.message import Message
from simulators.carrier.plan import Plan
from simulators.carrier.settings import CarrierSettings
from smsgw.smpp import pdu

#: 2026-11-18 02:30:00 UTC
RECEIVED_S = 1_794_969_000.0


def submit_sm(recipient: bytes = b"8613800000001", text: bytes = b"hi", **fields: int | bytes) -> pdu.Sm:
    """One submit_sm as it is read."""
    values: dict[str, int | bytes] = {"source_addr": b"10690001", **fields}
    return pdu.Sm(pdu.submit_sm(9, destination_addr=recipient, short_message=text, **values))  # type: ignore[arg-type]


def plan_of(behaviour: Behaviour, recipient: bytes, *, account: str = "shop", at_s: float = RECEIVED_S) -> Plan:
    """The plan of the next message to a recipient."""
    return behaviour.decide(submit_sm(recipient), account, at_s)[0]


def outline(behaviour: Behaviour, sm: pdu.Sm, *, account: str = "shop", at_s: float = RECEIVED_S) -> tuple[object, ...]:
    """All that the next message will meet with, as values that can be compared."""
    plan, nth, words = behaviour.decide(sm, account, at_s)
    steps = [
        (
            str(step.renderer.state), str(step.renderer.style), round(step.after.seconds(words), 9), step.early,
            step.other_bind,
        )
        for step in plan.receipts
    ]  # fmt: skip
    taken = behaviour.numbers.take(words) if not plan.status else 0
    return (
        nth, plan.status, plan.answers, plan.fate, round(plan.wait.seconds(words), 9), plan.parts, plan.replies, taken,
        tuple(steps),
    )  # fmt: skip


def received_message(
    text: bytes = b"hello there, this is a text",
    *,
    data_coding: int = 0,
    settings: CarrierSettings | None = None,
    recipient: bytes = b"8613800000001",
    nth: int = 0,
) -> Message:
    """One accepted message, number 48879, as the carrier keeps it, without a connection."""
    sm = pdu.Sm(
        pdu.submit_sm(
            9,
            source_addr=b"10690001",
            source_addr_npi=1,
            destination_addr=recipient,
            dest_addr_ton=1,
            dest_addr_npi=1,
            short_message=text,
            registered_delivery=1,
            data_coding=data_coding,
        )
    )
    plan = plan_of(Behaviour(settings), recipient) if settings is not None else Plan()
    # A message only hands its link on; nothing here sends.
    message = Message(cast(CarrierLink, None), Account("shop"), sm, 9, 0x80000004, plan, RECEIVED_S, nth=nth)
    message.number = 48879
    message.message_id = b"48879"
    return message
