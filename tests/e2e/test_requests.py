"""data_sm, submit_multi, query_sm, cancel_sm, replace_sm: what they do, and that no id, however odd, does harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from simulators.esme.answer import Answer
from simulators.esme.message import numbering
from simulators.esme.sim import EsmeSim
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId, Tag
from smsgw.smpp.layout import DistributionList, SmeAddress
from smsgw.smpp.tlv import Tlvs
from tests.e2e.gateway import WORKDAY
from tests.e2e.stage import MARKETING, NOTICE, SOURCES, TEXTS, Stage, open_stage, source_of, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

QUERY, CANCEL, REPLACE = CommandId.QUERY_SM, CommandId.CANCEL_SM, CommandId.REPLACE_SM
QUERY_FAILED, CANCEL_FAILED, REPLACE_FAILED = 0x67, 0x11, 0x13
LATER = "000000010000000R"  # an hour


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    accounts = {
        "shop-receipt": ("shop", {"reject_mode": "receipt"}),
        "shop-plain": ("shop", {"vendor_codes": False}),
        "slow": ("orders", {"rate": "2/s"}),
        "two": ("orders", {"signatures": ["示例物流", "示例快递"]}),
    }
    async with open_stage(tmp_path_factory.mktemp("site"), accounts=accounts) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _workday(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


# -- submit_multi


async def multi(
    stage: Stage, account: str, base: str, destinations: list[str | DistributionList], text: str | None = None
) -> Answer:
    """One submit_multi."""
    esme = await stage.esme(account)
    addresses = [
        each if isinstance(each, DistributionList) else SmeAddress(*numbering(each), each.encode())
        for each in destinations
    ]
    fields: dict[str, object] = {
        "source_addr": source_of(account).encode(),
        "source_addr_npi": 1,
        "dest_addresses": addresses,
        "registered_delivery": 1,
        "data_coding": 8,
        "short_message": encode_text(TEXTS[base] if text is None else text, 8),
    }
    return await esme.request(lambda number: encode(Pdu(int(CommandId.SUBMIT_MULTI), 0, number, fields)))


def failures(answer: Answer) -> dict[str, int]:
    """Destination → status of those that were refused."""
    found = answer.pdu.fields["unsuccess_smes"]
    assert isinstance(found, list)
    return {each.destination_addr.decode(): each.error_status_code for each in found}


async def test_some_destinations_are_accepted_and_others_refused(stage: Stage) -> None:
    first, second, capped, opted_out = (stage.recipient() for _ in range(4))
    assert await stage.status("shop", capped) == 0
    await stage.mo(opted_out, "106900013001", "退订")
    destinations = [first, "12345", capped, opted_out, second, DistributionList(b"everybody"), first]
    answer = await multi(stage, "shop", "shop", destinations)
    assert answer.ok
    assert failures(answer) == {"12345": 0x0B, capped: 0x430, opted_out: 0x410, "everybody": 0x34, first: 0x430}
    await stage.settled()
    assert [len(stage.arrived(each)) for each in (first, second, capped, opted_out)] == [1, 1, 1, 0]
    esme = await stage.esme("shop")
    await esme.wait_for(
        lambda: len([each for each in esme.receipts if each.message_id == answer.message_id]) == 2, 10, "both receipts"
    )
    receipts = [each for each in esme.receipts if each.message_id == answer.message_id]
    assert {each.source for each in receipts} == {first, second}
    assert {state_and_err(each)[0] for each in receipts} == {"DELIVRD"}


async def test_the_message_arrives_as_a_submit_sm_to_each(stage: Stage) -> None:
    recipients = [stage.recipient() for _ in range(254)]
    answer = await multi(stage, "orders", "orders", list(recipients))
    assert answer.ok
    assert failures(answer) == {}
    for recipient in recipients:
        (message,) = await stage.arrives(recipient)
        assert message.text == NOTICE


async def test_when_all_are_refused_so_is_the_whole(stage: Stage) -> None:
    answer = await multi(stage, "shop", "shop", [stage.recipient(), stage.recipient()], "没有签名，拒收请回复R")
    assert (answer.status, answer.message_id) == (0x402, "")
    answer = await multi(stage, "shop-plain", "shop", [stage.recipient()], "没有签名，拒收请回复R")
    assert answer.status == 0x45


async def test_no_destination(stage: Stage) -> None:
    assert (await multi(stage, "shop", "shop", [])).status == 0x33


async def test_refusals_by_receipt_name_the_destination(stage: Stage) -> None:
    recipients = [stage.recipient(), stage.recipient()]
    answer = await multi(stage, "shop-receipt", "shop", list(recipients), "没有签名，拒收请回复R")
    assert answer.ok
    assert failures(answer) == {}
    esme = await stage.esme("shop-receipt")
    await esme.wait_for(lambda: len(esme.receipts) == 2, 10, "both receipts")
    assert {(each.source, each.message_id, *state_and_err(each)) for each in esme.receipts} == {
        (recipient, answer.message_id, "REJECTD", 8, "402") for recipient in recipients
    }


async def test_each_destination_takes_from_the_rate(stage: Stage) -> None:
    recipients = [stage.recipient() for _ in range(4)]
    answer = await multi(stage, "slow", "orders", list(recipients))
    assert answer.ok
    assert failures(answer) == {recipients[2]: 0x58, recipients[3]: 0x58}


# -- data_sm


async def data_sm(stage: Stage, account: str, recipient: str, text: str) -> Answer:
    """One data_sm with the text in message_payload."""
    esme = await stage.esme(account)
    fields: dict[str, object] = {
        "source_addr": SOURCES[account].encode(),
        "source_addr_npi": 1,
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": recipient.encode(),
        "registered_delivery": 1,
        "data_coding": 8,
    }
    tlvs = Tlvs([(int(Tag.MESSAGE_PAYLOAD), encode_text(text, 8))])
    return await esme.request(lambda number: encode(Pdu(int(CommandId.DATA_SM), 0, number, fields, tlvs)))


async def test_data_sm_goes_the_way_of_a_submit_sm(stage: Stage) -> None:
    recipient = stage.recipient()
    answer = await data_sm(stage, "shop", recipient, MARKETING)
    assert (answer.command_id, answer.status) == (CommandId.DATA_SM_RESP, 0)
    (message,) = await stage.arrives(recipient)
    assert message.text == MARKETING
    (receipt,) = await stage.receipts("shop", answer.message_id)
    assert state_and_err(receipt) == ("DELIVRD", 2, "000")


async def test_data_sm_is_under_the_rules(stage: Stage) -> None:
    recipient = stage.recipient()
    answer = await data_sm(stage, "shop", recipient, "全场五折，拒收请回复R")
    assert (answer.command_id, answer.status, answer.explanation.rule_id) == (
        CommandId.DATA_SM_RESP, 0x402, "signature.missing",
    )  # fmt: skip
    long = "【示例商城】" + "好物低价，快来选购。" * 15
    assert (await data_sm(stage, "shop", recipient, long)).status == 0x405
    assert (await data_sm(stage, "shop", recipient, long + "拒收请回复R")).status == 0
    assert (await data_sm(stage, "shop", recipient, MARKETING)).status == 0x430
    await stage.settled()
    assert len(stage.arrived(recipient)) == 1


# -- query_sm, cancel_sm, replace_sm


ODD_IDS = ["", "0", "zz", "f" * 20, "f" * 64, "00" * 10, "é" * 20, "0" * 19, "00000000000000000000.0001", "\x01", "½½"]


@pytest.mark.parametrize("message_id", ODD_IDS)
async def test_an_id_that_nobody_was_given(stage: Stage, message_id: str) -> None:
    esme = await stage.esme("shop")
    source = {"message_id": message_id.encode("latin-1"), "source_addr": SOURCES["shop"].encode()}
    replacement = {"short_message": encode_text(MARKETING, 8), "registered_delivery": 1}
    for command, fields, status in (
        (QUERY, source, QUERY_FAILED),
        (CANCEL, {**source, "destination_addr": b"8613800000000"}, CANCEL_FAILED),
        (REPLACE, {**source, **replacement}, REPLACE_FAILED),
    ):
        pdu = Pdu(int(command), 0, 0, fields)
        answer = await esme.request(lambda number, pdu=pdu: encode(Pdu(pdu.command_id, 0, number, pdu.fields)))
        assert (answer.command_id, answer.status) == (command | 0x80000000, status)
    assert await stage.status("orders", stage.recipient()) == 0


async def test_a_message_of_another_account_or_source_is_nobodys_business(stage: Stage) -> None:
    recipient = stage.recipient()
    (answer,) = await stage.send("orders", recipient, schedule_delivery_time=LATER)
    assert answer.ok
    replacement = {"short_message": encode_text(NOTICE, 8), "registered_delivery": 1}
    for account, source in (("shop", SOURCES["orders"]), ("orders", "1069000199"), ("orders", "")):
        source_addr = {"source_addr": source.encode()}
        asked = [
            await stage.ask(account, QUERY, answer.message_id, **source_addr),
            await stage.ask(account, CANCEL, answer.message_id, **source_addr, destination_addr=recipient.encode()),
            await stage.ask(account, REPLACE, answer.message_id, **source_addr, **replacement),
        ]
        assert [each.status for each in asked] == [QUERY_FAILED, CANCEL_FAILED, REPLACE_FAILED]
    assert (await stage.ask("orders", CANCEL, answer.message_id, destination_addr=recipient.encode())).ok


async def test_a_message_that_is_on_its_way_can_be_asked_for_and_no_more(stage: Stage) -> None:
    recipient = "8619900004106"  # accepted, and no receipt ever
    (answer,) = await stage.send("orders", recipient)
    await stage.arrives(recipient)
    found = await stage.ask("orders", QUERY, answer.message_id)
    assert (found.status, found.pdu.fields["message_state"], found.pdu.fields["final_date"]) == (0, 1, b"")
    assert (await stage.ask("orders", CANCEL, answer.message_id)).status == CANCEL_FAILED
    replacement = {"short_message": encode_text(NOTICE, 8), "registered_delivery": 1}
    assert (await stage.ask("orders", REPLACE, answer.message_id, **replacement)).status == REPLACE_FAILED


async def test_the_error_of_a_failed_message(stage: Stage) -> None:
    (answer,) = await stage.send("orders", "8619900001005")  # UNDELIV, err 005
    await stage.receipts("orders", answer.message_id)
    found = await stage.ask("orders", QUERY, answer.message_id)
    assert (found.pdu.fields["message_state"], found.pdu.fields["error_code"]) == (5, 5)


async def test_a_held_data_sm_can_be_cancelled_but_not_replaced(stage: Stage) -> None:
    """data_sm has no schedule; a carrier that asks for another try makes it wait."""
    stage.gateway.set_clock(WORKDAY)
    recipient = "8619900003089"  # refused nine times with 0x08, which is temporary
    answer = await data_sm(stage, "orders", recipient, NOTICE)
    await stage.arrives(recipient)
    await stage.settled()
    replacement = {"short_message": encode_text(NOTICE, 8), "registered_delivery": 1}
    assert (await stage.ask("orders", REPLACE, answer.message_id, **replacement)).status != 0
    assert (await stage.ask("orders", CANCEL, answer.message_id)).ok
    (receipt,) = await stage.receipts("orders", answer.message_id)
    assert state_and_err(receipt)[:2] == ("DELETED", 4)
    stage.gateway.advance(3600)
    await stage.settled()
    assert len(stage.arrived(recipient)) == 1


async def test_a_held_long_message_is_cancelled_by_its_first_segment(stage: Stage) -> None:
    recipient = stage.recipient()
    text = "【示例物流】" + "您的包裹已送达。" * 17
    answers = await stage.send("orders", recipient, text, schedule_delivery_time=LATER)
    assert [answer.status for answer in answers] == [0, 0, 0]
    to = {"destination_addr": recipient.encode()}
    statuses = [(await stage.ask("orders", CANCEL, answer.message_id, **to)).status for answer in reversed(answers)]
    assert statuses == [CANCEL_FAILED, CANCEL_FAILED, 0]
    for receipt in await stage.receipts("orders", *(answer.message_id for answer in answers)):
        assert state_and_err(receipt)[:2] == ("DELETED", 4)
    stage.gateway.advance(3601)
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_replacing_with_a_text_that_needs_another_coding_is_read_in_the_old_one(stage: Stage) -> None:
    """replace_sm has no data_coding: the octets are read in that of the message (SMPP 3.4 §4.10)."""
    recipient = stage.recipient()
    (answer,) = await stage.send("orders", recipient, schedule_delivery_time=LATER)
    replacement = {"short_message": b"GSM", "registered_delivery": 1}
    assert (await stage.ask("orders", REPLACE, answer.message_id, **replacement)).status == 0x402
    assert (await stage.ask("orders", CANCEL, answer.message_id)).ok


async def test_a_replacement_counts_for_the_same_caps(stage: Stage) -> None:
    """Notices are capped by signature, and were counted when they were accepted."""
    (answer,) = await stage.send("two", stage.recipient(), schedule_delivery_time=LATER)
    for text, status in ((NOTICE.replace("示例物流", "示例快递"), REPLACE_FAILED), (NOTICE + "谢谢", 0)):
        body = {"short_message": encode_text(text, 8), "registered_delivery": 1}
        assert (await stage.ask("two", REPLACE, answer.message_id, **body)).status == status
    assert (await stage.ask("two", CANCEL, answer.message_id)).ok


async def test_the_carrier_is_given_no_text_that_was_not_judged(stage: Stage) -> None:
    esme = await stage.esme("orders")
    recipient = stage.recipient()
    judged, shown = encode_text(NOTICE, 8), encode_text("没有签名", 8)
    body = {
        "source_addr": source_of("orders").encode(), "source_addr_npi": 1, "destination_addr": recipient.encode(),
        "dest_addr_npi": 1, "registered_delivery": 1, "data_coding": 8, "short_message": judged,
    }  # fmt: skip
    payload = int(Tag.MESSAGE_PAYLOAD)
    for fields, tlvs, status in (
        ({}, [(payload, shown)], 0xC1),
        ({"short_message": b""}, [(payload, judged), (payload, shown)], 0xC1),
        ({"sm_default_msg_id": 7}, [], 0x63),
    ):
        pdu = Pdu(int(CommandId.SUBMIT_SM), 0, 0, body | fields, Tlvs(tlvs))
        answer = await esme.request(lambda number, pdu=pdu: encode(replace(pdu, sequence_number=number)))
        assert answer.status == status
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_a_client_that_goes_before_its_answer_does_no_harm(stage: Stage) -> None:
    esme = EsmeSim(stage.settings("orders"))
    await esme.connect()
    for number in range(50):
        fields = {"message_id": b"%020x" % number, "source_addr": SOURCES["orders"].encode()}
        esme.request(lambda sequence, fields=fields: encode(Pdu(int(QUERY), 0, sequence, fields)))
    await esme.wait_for(lambda: True, 1)
    esme.links[0].flush()
    esme.drop()
    assert await stage.status("orders", stage.recipient()) == 0
