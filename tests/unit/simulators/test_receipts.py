"""Receipts in every style, read back by the gateway's parser and by a foreign decoder."""

from __future__ import annotations

import re

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

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
        ("id=HEX:8", b"id:0000BEEF "), ("id=dec:12<10", b"id:0000000488 "),
        ("err=1", b"err:0 "), ("err=4", b"err:0000 "),
        ("zone=+00:00", b"submit date:2611180230 "), ("zone=-3:30+seconds", b"submit date:261117230000 "),
        ("strange", b"id:70000048879 "), ("quoted+seconds", b'id:"48879" sub:001'),
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


@pytest.mark.parametrize("octets", [0, 1, 9, 40, 100, 254])
def test_a_text_cut_anywhere(octets: int) -> None:
    whole = pdu.Sm(_octets(FULL, DELIVERED)).short_message
    cut = _octets(ReceiptStyle.parse(f"cut={octets}"), DELIVERED)
    assert pdu.Sm(cut).short_message == whole[:octets]
    foreign = smpp34.decode(cut)
    assert isinstance(foreign, smpp34.DeliverSm)
    assert foreign.short_message == whole[:octets]


@pytest.mark.parametrize("coding", [0, 1, 3, 4, 8, 10, 15, 0xF0])
def test_a_text_in_any_data_coding(coding: int) -> None:
    octets = _octets(ReceiptStyle.parse(f"text+coding={coding}"), ReceiptState.parse("UNDELIV/0069"))
    assert pdu.Sm(octets).data_coding == coding
    receipt = _read(octets)
    assert (receipt.id, receipt.stat, receipt.err) == ("48879", "UNDELIV", "0069")


def test_errors_of_any_width() -> None:
    state = ReceiptState.parse("UNDELIV/69")
    written = [pdu.Sm(_octets(ReceiptStyle.parse(f"err={digits}"), state)).short_message for digits in (1, 2, 3, 4)]
    assert [text.partition(b"err:")[2].partition(b" ")[0] for text in written] == [b"9", b"69", b"069", b"0069"]
    letters = ReceiptState.parse("MBBLACK/E-7%")
    assert b" err:E-7% " in pdu.Sm(_octets(FULL, letters)).short_message


def test_any_esm_class() -> None:
    assert pdu.Sm(_octets(ReceiptStyle.parse("class=0x04"), ENROUTE)).esm_class == 0x04
    assert pdu.Sm(_octets(ReceiptStyle.parse("class0"), ENROUTE)).esm_class == 0
    assert pdu.Sm(_octets(ReceiptStyle.parse("class=0x20"), DELIVERED)).esm_class == 0x20


def test_an_undated_receipt_is_the_same_whenever_it_was_sent() -> None:
    message = received_message()
    for words in ("full", "seconds+ucs2", "data_sm+text", "tlv"):
        renderer = Renderer(ReceiptStyle.parse(words), DELIVERED, IdForm("dec"), 0)
        message_id = renderer.message_id(message)
        undated = renderer.undated(message, message_id)
        assert len(undated) == len(renderer.body(message, message_id, _DONE_S))
        message.wall_s += 86_400
        assert renderer.undated(message, message_id) == undated


_words = st.sampled_from([word for word in STYLE_WORDS if word != "full"])
_values = st.sampled_from(
    ["id=dec<8", "id=HEX:8", "cut=17", "err=4", "coding=15", "class=0x20", "zone=-03:30", "zone=+14:00", "coding=8"]
)


@given(st.lists(st.one_of(_words, _values), max_size=6))
def test_a_style_is_read_back_from_its_text(words: list[str]) -> None:
    style = ReceiptStyle.parse("+".join(words) or "full")
    assert ReceiptStyle.parse(str(style)) == style


@pytest.mark.parametrize(
    ("word", "told"),
    [("cut=x", "from 0 to 254"), ("cut=300", "from 0 to 254"), ("err=0", "from 1 to 4"), ("zone=99", "zone=-3"),
     ("id=oct", "dec, hex, HEX"), ("coding", "coding=8"), ("text=1", "id=HEX")],
)  # fmt: skip
def test_a_wrong_value_is_explained(word: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        ReceiptStyle.parse(word)


def test_a_state_is_read_back_from_its_text() -> None:
    for text in ("DELIVRD/000", "UNDELIV/0069", "MK:0001/MK:0001"):
        assert str(ReceiptState.parse(text)) == text
    for wrong in ("UNDELIV/12345678901", "DB 0144", "退订"):
        with pytest.raises(ValueError, match="not a state"):
            ReceiptState.parse(wrong)


@pytest.mark.parametrize("form", ["odd", "text", "empty"])
@pytest.mark.parametrize("coding", [3, 5, 8, 14, 15])
def test_an_id_that_a_data_coding_has_no_letters_for_still_makes_a_receipt(form: str, coding: int) -> None:
    receipt = _read(_octets(ReceiptStyle.parse(f"text+coding={coding}"), DELIVERED, form))
    assert receipt.stat == "DELIVRD"
