"""Any octets as a tree: everything named, nothing raised, no password shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.control.pdu_tree import show, without_password
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import build_concat_udh


def test_a_segment_with_its_header_and_tlvs() -> None:
    payload = build_concat_udh(42, 2, 1) + "您好👍".encode("utf-16-be")
    raw = pdu.submit_sm(
        17, source_addr=b"10690001", destination_addr=b"13800138000", esm_class=0x40, data_coding=8, dest_addr_ton=1,
        registered_delivery=1, short_message=payload, tlvs=tlv(0x0204, b"\x00\x07") + tlv(0x1400, b"\x01\xff"),
    )  # fmt: skip
    shown = show(raw)
    assert (shown.command, shown.sequence_number, shown.octets, shown.error) == ("submit_sm", 17, len(raw), "")
    assert shown.status is not None
    assert shown.status.name == "ESME_ROK"
    assert shown.text == "您好👍"
    assert [each.meaning for each in shown.udh] == ["part 1 of 2, reference 42"]
    fields = {field.name: (field.value, field.meaning) for field in shown.fields}
    assert fields["destination_addr"] == ("13800138000", "")
    assert fields["data_coding"] == (8, "UCS2")
    assert fields["esm_class"] == (0x40, "user data header")
    assert fields["registered_delivery"] == (1, "receipt wanted")
    assert fields["dest_addr_ton"] == (1, "INTERNATIONAL")
    assert fields["short_message"] == (payload.hex(), f"{len(payload)} octets")
    assert [(each.tag, each.name, each.hex, each.meaning) for each in shown.tlvs] == [
        ("0x0204", "user_message_reference", "0007", "7"),
        ("0x1400", "", "01ff", "511"),
    ]
    assert shown.hex == raw.hex()


def test_a_receipt_is_read_as_one() -> None:
    text = b"id:123 sub:001 dlvrd:001 submit date:2611180930 done date:2611180931 stat:UNDELIV err:045 text:"
    raw = pdu.deliver_sm(
        1, source_addr=b"1", destination_addr=b"2", esm_class=4, short_message=text,
        tlvs=tlv(0x0427, b"\x05") + tlv(0x0423, b"\x03\x00\x2d") + tlv(0x001E, b"123\0"),
    )  # fmt: skip
    shown = show(raw)
    assert shown.receipt is not None
    assert (shown.receipt["id"], shown.receipt["stat"]) == ("123", "UNDELIV")
    assert (shown.receipt["message_state"], shown.receipt["done_date"]) == ("UNDELIVERABLE", "2026-11-18 09:31:00")
    assert [each.meaning for each in shown.tlvs] == ["UNDELIVERABLE", "GSM, code 45 (0x002D)", "123"]


def test_a_text_in_message_payload() -> None:
    raw = pdu.submit_sm(
        1, source_addr=b"1", destination_addr=b"2", data_coding=8, short_message=b"",
        tlvs=tlv(0x0424, "长文本".encode("utf-16-be")),
    )  # fmt: skip
    assert show(raw).text == "长文本"


def test_a_response_without_a_body_has_no_text() -> None:
    shown = show(pdu.response(int(CommandId.SUBMIT_SM), 0x58, 9))
    assert (shown.command, shown.fields, shown.text) == ("submit_sm_resp", [], None)
    assert shown.status is not None
    assert (shown.status.name, shown.status.hex) == ("ESME_RTHROTTLED", "0x00000058")


@pytest.mark.parametrize(
    ("raw", "command", "why"),
    [
        (b"\x00\x00\x00\x10", "", "less than a header"),
        (bytes.fromhex("00000010 000000aa 00000000 00000001"), "0x000000AA", "ESME_RINVCMDID"),
        (bytes.fromhex("00000014 00000004 00000000 00000001 00000000"), "submit_sm", "ESME_RINVCMDLEN"),
        (bytes.fromhex("00000040 00000015 00000000 00000001"), "enquire_link", "command_length 64 of 16 octets"),
    ],
)
def test_malformed_octets_say_why(raw: bytes, command: str, why: str) -> None:
    shown = show(raw)
    assert shown.command == command
    assert why in shown.error
    assert shown.hex == raw.hex()


def test_a_user_data_header_that_lies() -> None:
    raw = pdu.submit_sm(1, source_addr=b"1", destination_addr=b"2", esm_class=0x40, short_message=b"\xffab")
    assert "user data header" in show(raw).error


@pytest.mark.parametrize("command", [CommandId.BIND_TRANSMITTER, CommandId.BIND_RECEIVER, CommandId.BIND_TRANSCEIVER])
def test_passwords_are_blanked(command: CommandId) -> None:
    raw = pdu.bind(int(command), 1, system_id=b"shop", password=b"geheim12")
    shown = show(raw).model_dump_json()
    assert b"geheim12".hex() not in shown
    assert "geheim" not in shown
    assert {field.name: field.value for field in show(raw).fields}["password"] == "*" * 8
    assert len(without_password(raw)) == len(raw)
    cut = raw[: raw.index(b"geheim12") + 5]
    assert b"gehei" not in without_password(cut)


@given(st.binary(max_size=120))
def test_no_octets_raise(raw: bytes) -> None:
    assert show(raw).octets == len(raw)


_COMMANDS = [int(command) for command in CommandId]


@given(st.sampled_from(_COMMANDS), st.binary(max_size=120))
def test_no_body_raises(command_id: int, body: bytes) -> None:
    raw = pdu.HEADER.pack(16 + len(body), command_id, 0, 1) + body
    shown = show(raw)
    assert shown.command
    assert shown.model_dump_json()
