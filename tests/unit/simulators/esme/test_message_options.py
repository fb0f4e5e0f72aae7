"""What can be said of a message in words: TLVs, times, octets, types of numbers."""

from __future__ import annotations

import pytest

from simulators.esme import options
from simulators.esme.message_options import numbering_of, octets, parse_tlv
from simulators.esme.requests import requests
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandId


@pytest.mark.parametrize(
    ("text", "tlv"),
    [
        ("0x1400=0a0b", "140000020a0b"),
        ("5120=", "14000000"),
        ("0x1400=text:hé", "1400000368c3a9"),
        ("0x1400=cstring:hi", "14000003686900"),
        ("user_message_reference=int16:258", "020400020102"),
        ("SAR_TOTAL_SEGMENTS=int8:3", "020e000103"),
        ("0x1401=int32:1", "1401000400000001"),
    ],
)
def test_tlvs(text: str, tlv: str) -> None:
    assert parse_tlv(text).hex() == tlv


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0x1400", "write it like 0x1400=0a0b"),
        ("user_mesage_reference=01", "did you mean 'user_message_reference'"),
        ("0x10000=01", "16 bits"),
        ("0x1400=0", "write it like"),
        ("0x1400=int8:256", "does not fit int8"),
        ("0x1400=int8:x", "not a number"),
    ],
)
def test_a_wrong_tlv_is_explained(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_tlv(text)


def test_octets_and_types() -> None:
    assert octets("0x0a 0b") == b"\x0a\x0b"
    assert numbering_of("5:0x0a") == (5, 10)
    for wrong in ("5", "256:0", "a:b"):
        with pytest.raises(ValueError, match="TON:NPI"):
            numbering_of(wrong)
    with pytest.raises(ValueError, match="hexadecimal"):
        octets("0g")


def _sent(*words: str) -> list[bytes]:
    arguments = options.parser().parse_args(["send", *words])
    return [build(number) for number, build in enumerate(requests(arguments), 1)]


def test_every_field_of_a_message() -> None:
    (frame,) = _sent(
        "--from", "ACME", "--to", "13800138000", "--coding", "4", "--hex", "00ff", "--rd", "0x11", "--priority", "2",
        "--service-type", "CMT", "--schedule", "2h", "--validity", "261118103000032+", "--esm-class", "0x40",
        "--protocol", "65", "--replace-if-present", "--from-type", "5:1", "--to-type", "2:8", "--tlv", "0x1400=01",
        "--tlv", "0x1401=02",
    )  # fmt: skip
    sm = pdu.Sm(frame)
    assert (sm.source_addr, sm.source_addr_ton, sm.source_addr_npi) == (b"ACME", 5, 1)
    assert (sm.destination_addr, sm.dest_addr_ton, sm.dest_addr_npi) == (b"13800138000", 2, 8)
    assert (sm.short_message, sm.data_coding, sm.esm_class, sm.protocol_id) == (b"\x00\xff", 4, 0x40, 65)
    assert (sm.registered_delivery, sm.priority_flag, sm.replace_if_present_flag) == (0x11, 2, 1)
    assert (sm.service_type, sm.schedule_delivery_time) == (b"CMT", b"000000020000000R")
    assert sm.validity_period == b"261118103000032+"
    assert list(sm.tlvs) == [(0x1400, b"\x01"), (0x1401, b"\x02")]


def test_several_recipients() -> None:
    (multi,) = _sent("--to", "1", "--to", "2", "--tlv", "0x1400=01", "hi")
    assert decode(multi).command_id == CommandId.SUBMIT_MULTI
    assert list(decode(multi).tlvs) == [(0x1400, b"\x01")]
    assert [pdu.Sm(frame).destination_addr for frame in _sent("--to", "1", "--to", "2", "--each", "hi")] == [b"1", b"2"]


def test_data_sm_and_a_pdu_as_it_is() -> None:
    (frame,) = _sent("--to", "1", "--data-sm", "您好")
    assert pdu.DataSm(frame).payload == "您好".encode("utf-16-be")
    assert _sent("--pdu", "00000010 00000015 00000000 00000009") == [bytes.fromhex("00000010000000150000000000000001")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "1"], "give --to and TEXT"),
        (["hi"], "give --to and TEXT"),
        (["--to", "1", "--hex", "00", "hi"], "not both"),
        (["--to", "1", "--to", "2", "--data-sm", "hi"], "--each"),
        (["--to", "1", "--to", "2", "x" * 200], "--each"),
        (["--replace", "7"], "new TEXT"),
        (["--pdu", "00"], "16 octets"),
    ],
)
def test_what_does_not_go_together(words: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        _sent(*words)
