"""Receipts in every style, read back by the gateway's parser and by a foreign decoder."""

from __future__ import annotations

import pytest
import smpp34

from simulators.carrier.ids import IdForm
from simulators.carrier.receipts import FULL, STYLE_WORDS, ReceiptStyle, Renderer
from simulators.carrier.states import DELIVERED, ENROUTE, ReceiptState, state_of
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from smsgw.smpp.receipt import Receipt, parse_receipt
from tests.unit.simulators.builders import RECEIVED_S, received_message

_DONE_S = RECEIVED_S + 65
_TEXT_STYLES = [word for word in STYLE_WORDS if word not in ("tlv", "class0", "data_sm", "strange")]


def _octets(style: ReceiptStyle, state: ReceiptState, form: str = "dec") -> bytes:
    renderer = Renderer(style, state, IdForm(form), 8 * 3600)
    message = received_message()
    body = renderer.body(message, renderer.message_id(message), _DONE_S)
    return pdu.HEADER.pack(len(body) + 16, renderer.command_id, 0, 1) + body


def _read(octets: bytes) -> Receipt:
    is_data_sm = octets[4:8] == int(CommandId.DATA_SM).to_bytes(4, "big")
    receipt = parse_receipt(pdu.DataSm(octets) if is_data_sm else pdu.Sm(octets))
    assert receipt is not None
    return receipt


def test_the_full_receipt_is_appendix_b_with_tlvs() -> None:
    octets = _octets(FULL, DELIVERED)
    sm = pdu.Sm(octets)
    assert sm.short_message == (
        b"id:48879 sub:001 dlvrd:001 submit date:2611181030 done date:2611181031 stat:DELIVRD err:000 "
        b"text:hello there, this is"
    )
    assert (sm.esm_class, sm.data_coding) == (0x04, 0)
    assert (sm.source_addr, sm.source_addr_ton, sm.source_addr_npi) == (b"8613800000001", 1, 1)
    assert (sm.destination_addr, sm.dest_addr_ton, sm.dest_addr_npi) == (b"10690001", 0, 1)
    assert list(sm.tlvs) == [(0x001E, b"48879\0"), (0x0427, b"\2")]
    foreign = smpp34.decode(octets)
    assert isinstance(foreign, smpp34.DeliverSm)
    assert foreign.short_message == sm.short_message
    assert [(each.tag, each.value) for each in foreign.tlvs] == list(sm.tlvs)


@pytest.mark.parametrize("word", _TEXT_STYLES)
@pytest.mark.parametrize("state", [DELIVERED, ReceiptState.parse("UNDELIV/013")], ids=["delivered", "undelivered"])
def test_every_style_is_read_back(word: str, state: ReceiptState) -> None:
    receipt = _read(_octets(ReceiptStyle.parse(f"{word}+text"), state))
    assert receipt.id == "48879"
    assert receipt.stat == state.stat
    assert receipt.final


@pytest.mark.parametrize("word", ["tlv", "nonul", "data_sm", "full"])
def test_tlvs_alone_are_enough(word: str) -> None:
    receipt = _read(_octets(ReceiptStyle.parse(word), ReceiptState.parse("UNDELIV/013")))
    assert receipt.id == "48879"
    assert receipt.message_state == 5


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("quoted", b'id:"48879" '), ("seconds", b"submit date:261118103000 done date:261118103105"),
        ("nocounts", b"id:48879 submit date:"), ("letters", b"err:OK00"), ("capital", b" Text:hello"),
        ("id=HEX:8", b"id:0000BEEF "), ("strange", b"id:7000048879 "), ("quoted+seconds", b'id:"48879" sub:001'),
    ],
)  # fmt: skip
def test_what_a_style_writes(words: str, part: bytes) -> None:
    assert part in pdu.Sm(_octets(ReceiptStyle.parse(words), DELIVERED)).short_message


def test_what_a_style_leaves_out() -> None:
    assert pdu.Sm(_octets(ReceiptStyle.parse("cut"), DELIVERED)).short_message.endswith(b"stat:DELIVRD")
    assert b"ext:" not in pdu.Sm(_octets(ReceiptStyle.parse("notext"), DELIVERED)).short_message
    assert pdu.Sm(_octets(ReceiptStyle.parse("tlv"), DELIVERED)).short_message == b""
    assert not list(pdu.Sm(_octets(ReceiptStyle.parse("text"), DELIVERED)).tlvs)
    assert pdu.Sm(_octets(ReceiptStyle.parse("class0"), DELIVERED)).esm_class == 0
    assert pdu.Sm(_octets(ReceiptStyle.parse("nonul"), DELIVERED)).tlvs.first(0x1E) == b"48879"
    assert pdu.Sm(_octets(ReceiptStyle.parse("ucs2"), DELIVERED)).data_coding == 8


def test_an_unknown_style_is_explained() -> None:
    with pytest.raises(ValueError, match="use full, text, tlv"):
        ReceiptStyle.parse("text+wrong")


def test_an_intermediate_receipt_is_marked() -> None:
    octets = _octets(FULL, ENROUTE)
    assert pdu.Sm(octets).esm_class == 0x20
    receipt = _read(octets)
    assert receipt.intermediate
    assert not receipt.final


def test_states() -> None:
    assert [state_of(number).stat for number in range(1, 9)] == [
        "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD",
    ]  # fmt: skip
    code = ReceiptState.parse("MK:0001/MK:0001")
    assert (code.stat, code.err, code.message_state, code.delivered) == ("MK:0001", "MK:0001", 5, False)
    with pytest.raises(ValueError, match="not a state"):
        ReceiptState.parse("")


def test_the_network_error_code_goes_with_a_numeric_err() -> None:
    octets = _octets(FULL, ReceiptState.parse("UNDELIV/069"))
    assert pdu.Sm(octets).tlvs.first(0x0423) == b"\x03\x00\x45"
    assert pdu.Sm(_octets(FULL, ReceiptState.parse("MBBLACK"))).tlvs.first(0x0427) == b"\x05"


def test_heads_are_printable() -> None:
    assert (
        received_message("您好，您的验证码 123456 在五分钟内有效".encode("utf-16-be"), data_coding=8).head()
        == b"???????? 123456 ?????"[:20]
    )
    assert received_message(b"\x1b<x\x00%d", data_coding=0).head() == b".<x.%d"
