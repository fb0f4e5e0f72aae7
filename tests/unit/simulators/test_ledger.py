"""The ledger: what it says, and what it leaves out."""

from __future__ import annotations

from simulators.carrier.account import Account
from simulators.carrier.delivery import Delivery
from simulators.carrier.ledger import ledger_text
from simulators.carrier.message import Message
from simulators.carrier.settings import CarrierSettings
from smsgw.smpp import pdu
from smsgw.smpp.constants import HEADER_OCTETS
from smsgw.smpp.segments import split_udh
from tests.unit.simulators.builders import RECEIVED_S, received_message

_TWICE = CarrierSettings(duplicate=1.0, intermediate=1.0)


def _receipts(message: Message, done_s: float) -> list[Delivery]:
    found = []
    for step in message.plan.receipts:
        message_id = step.renderer.message_id(message)
        body = step.renderer.body(message, message_id, done_s)
        found.append(Delivery(message.account, step.renderer.command_id, body, None, False, message_id, message, step))
    return found


def _mo(reference: int) -> list[Delivery]:
    found = []
    for payload in split_udh("长" * 100, 8, reference):
        octets = pdu.deliver_sm(
            1, source_addr=b"13800000001", destination_addr=b"1069", esm_class=0x40, data_coding=8,
            short_message=payload,
        )  # fmt: skip
        found.append(Delivery(Account("shop"), 5, octets[HEADER_OCTETS:]))
    return found


def test_what_it_says() -> None:
    message = received_message(settings=_TWICE)
    lines = ledger_text([message], _receipts(message, RECEIVED_S)).splitlines()
    assert lines[:3] == [
        "shop 8613800000001 0",
        f"  < submit_sm {message.sm.raw[16:].hex()}",
        "  > submit_sm_resp ESME_ROK id='48879'",
    ]
    assert [line.split()[1:3] for line in lines[3:]] == [
        ["deliver_sm", "ENROUTE/000"], ["deliver_sm", "DELIVRD/000"], ["deliver_sm", "DELIVRD/000"],
    ]  # fmt: skip
    assert b"done date:0000000000 stat" in bytes.fromhex(lines[4].split()[3])


def test_times_and_order_have_no_part_in_it() -> None:
    def ledger(order: list[int], at_s: float, reference: int) -> str:
        messages = [
            received_message(settings=_TWICE, recipient=b"1380000000%d" % (each // 2), nth=each % 2) for each in order
        ]
        sent = [delivery for message in messages for delivery in reversed(_receipts(message, at_s + 5))]
        for message in messages:
            message.wall_s = at_s
        return ledger_text(messages, [*_mo(reference), *sent])

    one = ledger([0, 1, 2, 3], RECEIVED_S, 1)
    assert ledger([3, 1, 0, 2], RECEIVED_S + 86_400, 9) == one
    assert [line for line in one.splitlines() if line.startswith("shop 1")] == [
        "shop 13800000000 0", "shop 13800000000 1", "shop 13800000001 0", "shop 13800000001 1",
    ]  # fmt: skip
    assert sum(line.startswith("shop mo ") for line in one.splitlines()) == 2


def test_what_a_limit_refused_is_left_out() -> None:
    assert ledger_text([received_message(nth=-1)], []) == ""


def test_answers_that_were_none() -> None:
    texts = []
    for code in ("2088", "4000", "4010", "4011", "4005"):
        message = received_message(settings=CarrierSettings(), recipient=f"1990000{code}".encode())
        message.message_id = b""
        texts.append(ledger_text([message], []).splitlines()[2].strip())
    assert texts == [
        "> submit_sm_resp ESME_RTHROTTLED",
        "> submit_sm_resp ESME_ROK times=0 (never answered)",
        "> generic_nack ESME_RSYSERR",
        "> submit_sm_resp ESME_ROK times=2",
        "> submit_sm_resp ESME_ROK (drop before the response)",
    ]


def test_a_receipt_of_nothing_that_is_kept_has_no_dates_either() -> None:
    message = received_message(settings=CarrierSettings())
    first, second = (ledger_text([], _receipts(message, RECEIVED_S + later_s)) for later_s in (0, 86_400))
    assert first == second
    assert first.startswith("shop receipt ")
