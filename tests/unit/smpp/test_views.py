"""The offset views: every field where it lies, and the status for each field that is not as it should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smsgw.errors import FatalError, RecoverableError
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandId, CommandStatus, Tag
from smsgw.smpp.pdu import DataSm, Sm, message_id_of, response, submit_sm
from smsgw.smpp.tlv import NO_TLVS, tlv

pytestmark = pytest.mark.usefixtures("each_way")

_VECTORS = Path(__file__).parents[2] / "vectors"


def _load(name: str) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((_VECTORS / name).read_text(encoding="utf-8"))["vectors"]
    return vectors


_SM = [v for v in _load("pdus.json") if v["command"] in ("submit_sm", "deliver_sm")]
_DATA_SM = [v for v in _load("pdus.json") if v["command"] == "data_sm"]
_BAD_SM = [v for v in _load("malformed_pdus.json") if v["hex"][8:16] in ("00000004", "00000005")]


@pytest.mark.parametrize("vector", _SM, ids=lambda v: v["name"])
def test_sm_agrees_with_the_vectors(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["hex"])
    view = Sm(raw)
    assert view.raw is raw
    assert view.sequence_number == vector["sequence_number"]
    assert view.command_status == vector["command_status"]
    for name, value in vector["fields"].items():
        if name == "short_message_hex":
            assert view.short_message.hex() == value
            assert view.sm_length == len(value) // 2
        else:
            assert getattr(view, name) == (value.encode("latin-1") if isinstance(value, str) else value), name
    assert [[f"0x{tag:04x}", value.hex()] for tag, value in view.tlvs] == vector["tlvs"]


@pytest.mark.parametrize("vector", _SM, ids=lambda v: v["name"])
def test_a_message_is_plain_that_has_a_short_message_alone(vector: dict[str, Any]) -> None:
    view = Sm(bytes.fromhex(vector["hex"]))
    more = view.has_udh or view.schedule_delivery_time or view.validity_period or view.sm_default_msg_id or view.tlvs
    fields = (view.source_addr, view.destination_addr, view.registered_delivery, view.data_coding, view.short_message)
    assert view.plain() == (fields if view.sm_length > 0 and not more else None)


def test_whatever_is_beside_a_short_message_makes_it_not_plain() -> None:
    plain: dict[str, Any] = {"source_addr": b"1069", "destination_addr": b"8613800138000", "short_message": b"text"}
    assert Sm(submit_sm(1, **plain, registered_delivery=1, data_coding=8, priority_flag=3, esm_class=3)).plain()
    for more in (
        {"esm_class": 0x40},
        {"short_message": b""},
        {"schedule_delivery_time": b"000001000000000R"},
        {"validity_period": b"000001000000000R"},
        {"sm_default_msg_id": 1},
        {"tlvs": tlv(Tag.MESSAGE_PAYLOAD, b"more")},
        {"tlvs": b"\0"},
    ):
        assert Sm(submit_sm(1, **{**plain, **more})).plain() is None, more


@pytest.mark.parametrize("vector", _DATA_SM, ids=lambda v: v["name"])
def test_data_sm_agrees_with_the_vectors(vector: dict[str, Any]) -> None:
    view = DataSm(bytes.fromhex(vector["hex"]))
    assert view.command_id == CommandId.DATA_SM
    for name, value in vector["fields"].items():
        assert getattr(view, name) == (value.encode("latin-1") if isinstance(value, str) else value), name
    assert [[f"0x{tag:04x}", value.hex()] for tag, value in view.tlvs] == vector["tlvs"]


@pytest.mark.parametrize("vector", _BAD_SM, ids=lambda v: v["name"])
def test_what_is_malformed_names_its_status_and_its_pdu(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["hex"])
    with pytest.raises(RecoverableError) as caught:
        Sm(raw).tlvs  # noqa: B018  the property is what may raise
    assert CommandStatus(caught.value.command_status).name == vector["status"]
    assert caught.value.command_id == int(vector["hex"][8:16], 16)
    assert caught.value.sequence_number == int(vector["hex"][24:32], 16)
    with pytest.raises(RecoverableError) as by_codec:
        decode(raw)
    assert by_codec.value.command_status == caught.value.command_status


def _sm(short_message: bytes = b"", tlvs: bytes = b"", esm_class: int = 0) -> Sm:
    raw = submit_sm(
        1, source_addr=b"1", destination_addr=b"2", short_message=short_message, tlvs=tlvs, esm_class=esm_class
    )
    return Sm(raw)


def test_payload_is_the_short_message_when_there_is_one() -> None:
    assert _sm(b"short", tlv(Tag.MESSAGE_PAYLOAD, b"long")).payload == b"short"


def test_payload_is_the_tlv_when_the_short_message_is_empty() -> None:
    assert _sm(b"", tlv(Tag.MESSAGE_PAYLOAD, b"long")).payload == b"long"


def test_payload_is_empty_when_there_is_neither() -> None:
    assert _sm(b"", tlv(Tag.SAR_MSG_REF_NUM, b"\0\1")).payload == b""


def test_a_short_message_can_be_read_though_the_tlvs_are_broken() -> None:
    view = _sm(b"text", b"\x04\x24\x00\x05four")
    assert view.payload == b"text"
    with pytest.raises(RecoverableError, match="0x0424"):
        view.tlvs  # noqa: B018


def test_without_tlvs_nothing_is_parsed() -> None:
    view = _sm(b"text")
    assert view.tlvs is NO_TLVS
    assert view.tlvs_offset == len(view.raw)


@pytest.mark.parametrize(("esm_class", "expected"), [(0x00, False), (0x40, True), (0x43, True), (0xBF, False)])
def test_has_udh(esm_class: int, expected: bool) -> None:
    assert _sm(b"x", esm_class=esm_class).has_udh is expected


def test_data_sm_addresses_may_be_long() -> None:
    body = b"\0\1\1" + b"1" * 64 + b"\0\2\2" + b"2" * 64 + b"\0\x40\1\x08"
    raw = (16 + len(body)).to_bytes(4) + bytes.fromhex("00000103 00000000 00000007") + body
    view = DataSm(raw)
    assert (view.source_addr, view.destination_addr) == (b"1" * 64, b"2" * 64)
    assert (view.esm_class, view.registered_delivery, view.data_coding, view.has_udh) == (0x40, 1, 8, True)
    assert view.payload == b""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", CommandStatus.ESME_RINVCMDLEN),
        (b"SERVIC\0" + bytes(80), CommandStatus.ESME_RINVSERTYP),
        (b"\0\1\1" + b"1" * 65 + bytes(80), CommandStatus.ESME_RINVSRCADR),
        (b"\0\1\1\0\1\1" + b"1" * 65 + bytes(80), CommandStatus.ESME_RINVDSTADR),
        (b"\0\1\1\0\1\1\0\0\0", CommandStatus.ESME_RINVCMDLEN),
    ],
)
def test_data_sm_malformed(body: bytes, status: CommandStatus) -> None:
    raw = (16 + len(body)).to_bytes(4) + bytes.fromhex("00000103 00000000 00000007") + body
    with pytest.raises(RecoverableError) as caught:
        DataSm(raw)
    assert caught.value.command_status == status
    assert caught.value.sequence_number == 7


@pytest.mark.parametrize("view", [Sm, DataSm])
def test_less_than_a_header_is_no_frame(view: type[Sm] | type[DataSm]) -> None:
    with pytest.raises(FatalError):
        view(b"\0\0\0\x0f\0\0\0\4")


@pytest.mark.parametrize(
    ("raw", "message_id"),
    [
        (response(CommandId.SUBMIT_SM, 0, 1, b"abc123"), b"abc123"),
        (response(CommandId.SUBMIT_SM, 0, 1, b"abc", tlv(Tag.DELIVERY_FAILURE_REASON, b"\0")), b"abc"),
        (response(CommandId.SUBMIT_SM, 0, 1, b""), b""),
        (response(CommandId.SUBMIT_SM, 8, 1), b""),
        (bytes.fromhex("0000001180000004000000000a342ee139"), b"9"),
    ],
    ids=["id", "id and TLV", "empty", "no body", "no NUL (cloudhopper decodeSubmitSmRespWithNoNullByte)"],
)
def test_message_id_of(raw: bytes, message_id: bytes) -> None:
    assert message_id_of(raw) == message_id
