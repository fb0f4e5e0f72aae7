"""Builders and patches: the octets that leave, and what is refused before it does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smsgw.errors import LocalError
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import V34, V50, CommandId, CommandStatus, Tag
from smsgw.smpp.pdu import Sm
from smsgw.smpp.tlv import Tlvs, tlv

pytestmark = pytest.mark.usefixtures("each_way")

_TLVS = tlv(Tag.USER_MESSAGE_REFERENCE, b"\0\7") + tlv(0x1454, b"v") + tlv(0x1454, b"v")


def _message(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "service_type": b"CMT",
        "source_addr_ton": 5,
        "source_addr_npi": 0,
        "source_addr": b"shop",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": b"8613800138000",
        "esm_class": 0x43,
        "protocol_id": 0x7F,
        "priority_flag": 3,
        "schedule_delivery_time": b"270101080000032+",
        "validity_period": b"000001000000000R",
        "registered_delivery": 0x11,
        "replace_if_present_flag": 1,
        "data_coding": 8,
        "sm_default_msg_id": 9,
        "short_message": b"\x05\0\x03\x01\x02\x01text",
        "tlvs": _TLVS,
    }
    return pdu.submit_sm(7, **(fields | changes))  # type: ignore[arg-type]


def test_a_message_is_what_the_codec_reads() -> None:
    read = decode(_message())
    assert (read.command_id, read.command_status, read.sequence_number) == (CommandId.SUBMIT_SM, 0, 7)
    assert read.fields["destination_addr"] == b"8613800138000"
    assert read.fields["validity_period"] == b"000001000000000R"
    assert read.fields["sm_default_msg_id"] == 9
    assert read.tlvs == Tlvs.parse(_TLVS, 0)


def test_what_is_not_given_is_null() -> None:
    raw = pdu.deliver_sm(1, source_addr=b"1", destination_addr=b"2", short_message=b"")
    assert raw == bytes.fromhex("00000023 00000005 00000000 00000001 00 0000 3100 0000 3200 000000 00 00 0000000000")


@pytest.mark.parametrize(
    "changes",
    [
        {"service_type": b"123456"},
        {"source_addr": b"1" * 21},
        {"destination_addr": b"1" * 21},
        {"destination_addr": b"12\x003"},
        {"schedule_delivery_time": b"1" * 17},
        {"validity_period": b"1" * 17},
        {"validity_period": b"\0"},
        {"short_message": bytes(255)},
        {"data_coding": 256},
        {"esm_class": -1},
    ],
    ids=repr,
)
def test_a_message_that_can_not_be_read_back_is_not_built(changes: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        _message(**changes)


@pytest.mark.parametrize("sequence_number", [-1, 1 << 32])
def test_a_sequence_number_must_fit(sequence_number: int) -> None:
    with pytest.raises(LocalError):
        pdu.enquire_link(sequence_number)
    with pytest.raises(LocalError):
        pdu.submit_sm(sequence_number, source_addr=b"", destination_addr=b"", short_message=b"")


def test_with_header_changes_status_and_sequence_only() -> None:
    raw = _message()
    patched = pdu.with_header(raw, 0x7FFFFFFF)
    assert patched[:8] == raw[:8]
    assert patched[8:16] == bytes.fromhex("000000007fffffff")
    assert patched[16:] == raw[16:]
    assert pdu.with_header(raw, 7, CommandStatus.ESME_RSYSERR)[8:12] == bytes.fromhex("00000008")


def test_rebuilding_without_changes_is_the_same() -> None:
    raw = _message()
    assert pdu.rebuild_sm(Sm(raw)) == raw


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("service_type", b""),
        ("source_addr_ton", 0),
        ("source_addr_npi", 1),
        ("source_addr", b"10690001"),
        ("dest_addr_ton", 0),
        ("dest_addr_npi", 0),
        ("destination_addr", b"1"),
        ("esm_class", 0),
        ("protocol_id", 0),
        ("priority_flag", 0),
        ("schedule_delivery_time", b""),
        ("validity_period", b""),
        ("registered_delivery", 0),
        ("replace_if_present_flag", 0),
        ("data_coding", 0),
        ("sm_default_msg_id", 0),
        ("short_message", b""),
    ],
)
def test_rebuilding_changes_the_named_field_only(name: str, value: object) -> None:
    rebuilt = pdu.rebuild_sm(Sm(_message()), **{name: value})  # type: ignore[arg-type]
    assert rebuilt == _message(**{name: value})


def test_rebuilding_keeps_tlvs_that_nobody_could_parse() -> None:
    raw = _message(tlvs=b"\xff\xff\xff")
    assert pdu.rebuild_sm(Sm(raw), data_coding=0).endswith(b"text\xff\xff\xff")


def test_rebuilding_refuses_what_does_not_fit() -> None:
    with pytest.raises(LocalError):
        pdu.rebuild_sm(Sm(_message()), source_addr=b"1" * 21)


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (pdu.enquire_link(2), "00000010 00000015 00000000 00000002"),
        (pdu.enquire_link_resp(2), "00000010 80000015 00000000 00000002"),
        (pdu.unbind(4), "00000010 00000006 00000000 00000004"),
        (pdu.unbind_resp(4), "00000010 80000006 00000000 00000004"),
        (pdu.generic_nack(2, 0), "00000010 80000000 00000002 00000000"),
        (pdu.response(0x04, 0x58, 3), "00000010 80000004 00000058 00000003"),
        (pdu.response(0x80000004, 0, 3, b"47c8c77a"), "00000019 80000004 00000000 00000003 3437633863373761 00"),
        (pdu.response(0x103, 0xFE, 3, b"", tlv(0x0425, b"\1")), "00000016 80000103 000000fe 00000003 00 0425000101"),
    ],
)
def test_small_pdus(built: bytes, expected: str) -> None:
    assert built == bytes.fromhex(expected)


@pytest.mark.parametrize("message_id", [b"i" * 65, b"a\0b"])
def test_a_message_id_must_fit(message_id: bytes) -> None:
    with pytest.raises(LocalError):
        pdu.response(CommandId.SUBMIT_SM, 0, 1, message_id)


def test_bind_is_the_example_of_the_specification() -> None:
    raw = pdu.bind(
        CommandId.BIND_TRANSMITTER,
        1,
        system_id=b"SMPP3TEST",
        password=b"secret08",
        system_type=b"SUBMIT1",
        interface_version=0,
        addr_ton=1,
        addr_npi=1,
    )
    assert raw.hex() == "0000002f000000020000000000000001534d50503354455354007365637265743038005355424d4954310000010100"


def test_bind_says_34_when_not_told_otherwise() -> None:
    raw = pdu.bind(CommandId.BIND_TRANSCEIVER, 1, system_id=b"a", password=b"b")
    assert decode(raw).fields["interface_version"] == V34


@pytest.mark.parametrize(
    "change",
    [
        {"system_id": b"s" * 16},
        {"password": b"p" * 65},
        {"system_type": b"t" * 13},
        {"address_range": b"a" * 41},
        {"system_id": b"a\0b"},
        {"addr_ton": 256},
    ],
    ids=repr,
)
def test_a_bind_must_fit(change: dict[str, object]) -> None:
    fields: dict[str, object] = {"system_id": b"shop", "password": b"secret"}
    with pytest.raises(LocalError):
        pdu.bind(CommandId.BIND_RECEIVER, 1, **(fields | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(("version", "tlvs"), [(None, 0), (V34, 1), (V50, 1)])
def test_bind_resp_tells_its_version_to_who_can_read_it(version: int | None, tlvs: int) -> None:
    read = decode(pdu.bind_resp(CommandId.BIND_TRANSCEIVER, 0, 5, b"smsgw", version))
    assert read.command_id == CommandId.BIND_TRANSCEIVER_RESP
    assert read.fields == {"system_id": b"smsgw"}
    assert len(read.tlvs) == tlvs
    if version is not None:
        assert read.tlvs.first(Tag.SC_INTERFACE_VERSION) == bytes([version])


@pytest.mark.parametrize("build", [pdu.submit_sm, pdu.deliver_sm])
def test_a_built_message_is_a_view(build: Callable[..., bytes]) -> None:
    view = Sm(build(3, source_addr=b"1", destination_addr=b"2", short_message=b"hello", data_coding=3))
    assert (view.payload, view.data_coding, view.sequence_number) == (b"hello", 3, 3)


@pytest.mark.parametrize("address", [b"1069", b"", b"1" * 20])
@pytest.mark.parametrize("tlvs", [b"", _TLVS])
def test_a_receipt_is_a_deliver_sm_with_the_addresses_of_a_message(address: bytes, tlvs: bytes) -> None:
    source, destination = pdu.addresses_of(_message(source_addr=address, source_addr_ton=0))
    assert pdu.receipt_sm(9, destination, source, b"id:7 stat:DELIVRD", tlvs) == pdu.deliver_sm(
        9, source_addr_ton=1, source_addr_npi=1, source_addr=b"8613800138000", destination_addr=address,
        esm_class=4, short_message=b"id:7 stat:DELIVRD", tlvs=tlvs,
    )  # fmt: skip


def test_addresses_of_a_data_sm_are_cut_to_what_a_receipt_has_room_for() -> None:
    part = b"\1\0" + b"2" * 64 + b"\0"
    view = Sm(pdu.receipt_sm(1, part, part, b"", b""))
    assert (view.source_addr, view.destination_addr) == (b"2" * 20, b"2" * 20)
    assert (view.source_addr_ton, view.dest_addr_npi) == (1, 0)
    with pytest.raises(LocalError):
        pdu.receipt_sm(1, part, part, b"x" * 255, b"")
