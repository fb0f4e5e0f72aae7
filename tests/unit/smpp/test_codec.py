"""Every PDU by table, against other implementations' PDUs: read whole, octet by octet and with a tail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smsgw.errors import FatalError, LocalError, RecoverableError
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, command_name
from smsgw.smpp.framing import Framer
from smsgw.smpp.layout import LAYOUTS, DistributionList, SmeAddress, UnsuccessSme
from smsgw.smpp.pdu import accepted, response
from smsgw.smpp.tlv import Tlvs

_VECTORS = Path(__file__).parents[2] / "vectors"


def _load(name: str) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((_VECTORS / name).read_text(encoding="utf-8"))["vectors"]
    return vectors


def _destination(value: dict[str, Any]) -> SmeAddress | DistributionList:
    if value["dest_flag"] == 2:
        return DistributionList(value["dl_name"].encode())
    return SmeAddress(value["dest_addr_ton"], value["dest_addr_npi"], value["destination_addr"].encode())


def _unsuccess(value: dict[str, Any]) -> UnsuccessSme:
    address = value["destination_addr"].encode()
    return UnsuccessSme(value["dest_addr_ton"], value["dest_addr_npi"], address, value["error_status_code"])


def _field(name: str, value: Any) -> tuple[str, object]:
    if name == "short_message_hex":
        return "short_message", bytes.fromhex(value)
    if name == "dest_addresses":
        return name, [_destination(item) for item in value]
    if name == "unsuccess_smes":
        return name, [_unsuccess(item) for item in value]
    if name == "message_ids":
        return name, [item.encode() for item in value]
    return name, value.encode("latin-1") if isinstance(value, str) else value


def _expected(vector: dict[str, Any]) -> Pdu:
    return Pdu(
        int(vector["hex"][8:16], 16),
        vector["command_status"],
        vector["sequence_number"],
        dict(_field(name, value) for name, value in (vector["fields"] or {}).items()),
        Tlvs([(int(tag, 16), bytes.fromhex(value)) for tag, value in vector["tlvs"]]),
    )


_PDUS = _load("pdus.json")
_MALFORMED = _load("malformed_pdus.json")


@pytest.mark.parametrize("vector", _PDUS, ids=lambda v: v["name"])
def test_decode_finds_what_the_vector_says(vector: dict[str, Any]) -> None:
    read = decode(bytes.fromhex(vector["hex"]))
    assert command_name(read.command_id) == vector["command"]
    assert read == _expected(vector)


@pytest.mark.parametrize("vector", _PDUS, ids=lambda v: v["name"])
def test_encode_gives_the_octets_back(vector: dict[str, Any]) -> None:
    assert encode(_expected(vector)).hex() == vector["hex"]


@pytest.mark.parametrize("vector", _PDUS, ids=lambda v: v["name"])
def test_octet_by_octet_and_with_a_tail(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["hex"])
    tail = bytes.fromhex("00000010000000150000")
    framer = Framer(70_000)
    frames = [frame for octet in raw + tail for frame in framer.feed(bytes([octet]))]
    assert frames == [raw]
    assert framer.pending_octets == len(tail)
    assert Framer(70_000).feed(raw + tail) == [raw]


@pytest.mark.parametrize("vector", _MALFORMED, ids=lambda v: v["name"])
def test_malformed_pdus_have_their_status(vector: dict[str, Any]) -> None:
    with pytest.raises(RecoverableError) as caught:
        decode(bytes.fromhex(vector["hex"]))
    assert CommandStatus(caught.value.command_status).name == vector["status"]
    assert caught.value.command_id == int(vector["hex"][8:16], 16)
    assert caught.value.sequence_number == int(vector["hex"][24:32], 16)


def test_every_command_has_a_layout_and_most_have_a_vector() -> None:
    assert set(LAYOUTS) == set(CommandId)
    assert {command_name(command) for command in CommandId} == {vector["command"] for vector in _PDUS}


@pytest.mark.parametrize("command_id", [c for c in CommandId if not c & RESPONSE_BIT], ids=command_name)
def test_a_request_without_fields_is_a_request_of_nulls(command_id: CommandId) -> None:
    raw = encode(Pdu(command_id, 0, 1))
    read = decode(raw)
    assert [name for name, value in read.fields.items() if value not in (0, b"", [])] == []
    assert encode(read) == raw


def test_the_answer_to_what_was_accepted_is_a_response() -> None:
    assert accepted(CommandId.SUBMIT_SM, 7, b"00ab") == response(CommandId.SUBMIT_SM_RESP, 0, 7, b"00ab")


@pytest.mark.parametrize("command_id", [c for c in CommandId if c & RESPONSE_BIT], ids=command_name)
def test_a_response_may_lack_its_body(command_id: CommandId) -> None:
    raw = encode(Pdu(command_id, CommandStatus.ESME_RSYSERR, 1))
    assert len(raw) == 16
    assert decode(raw).fields == {}


def test_tlvs_of_a_response_never_stand_in_for_its_body() -> None:
    tlvs = Tlvs([(0x1400, b"window.hard")])
    raw = encode(Pdu(CommandId.SUBMIT_SM_RESP, 0x420, 1, tlvs=tlvs))
    assert decode(raw) == Pdu(CommandId.SUBMIT_SM_RESP, 0x420, 1, {"message_id": b""}, tlvs)


@pytest.mark.parametrize("length", [0, 4, 15])
def test_less_than_a_header_is_no_frame(length: int) -> None:
    with pytest.raises(FatalError):
        decode(bytes(length))


@pytest.mark.parametrize("raw", ["000000110000001500000000 00000001", "0000001000000015 00000000 00000001 ff"])
def test_a_length_that_lies_is_no_frame(raw: str) -> None:
    with pytest.raises(FatalError) as caught:
        decode(bytes.fromhex(raw))
    assert caught.value.command_status == CommandStatus.ESME_RINVCMDLEN


@pytest.mark.parametrize("vector", _PDUS, ids=lambda v: v["name"])
def test_a_pdu_cut_anywhere_is_recoverable_or_sound(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["hex"])
    for end in range(16, len(raw)):
        cut = end.to_bytes(4) + raw[4:end]
        try:
            read = decode(cut)
        except RecoverableError as error:
            assert error.sequence_number == vector["sequence_number"]  # noqa: PT017  cuts are either or
        else:
            assert encode(read) == cut


@pytest.mark.parametrize(
    ("command_id", "fields"),
    [
        (0x0110, {}),
        (CommandId.SUBMIT_SM, {"message_id": b"1"}),
        (CommandId.SUBMIT_SM, {"esm_class": 256}),
        (CommandId.SUBMIT_SM, {"esm_class": -1}),
        (CommandId.SUBMIT_SM, {"esm_class": b"1"}),
        (CommandId.SUBMIT_SM, {"source_addr": b"1" * 21}),
        (CommandId.SUBMIT_SM, {"source_addr": "1"}),
        (CommandId.SUBMIT_SM, {"source_addr": b"1\x002"}),
        (CommandId.SUBMIT_SM, {"short_message": bytes(255)}),
        (CommandId.SUBMIT_SM, {"short_message": "text"}),
        (CommandId.SUBMIT_MULTI, {"dest_addresses": b"1"}),
        (CommandId.SUBMIT_MULTI, {"dest_addresses": [b"1"]}),
        (CommandId.SUBMIT_MULTI, {"dest_addresses": [SmeAddress(1, 1, b"1" * 21)]}),
        (CommandId.SUBMIT_MULTI, {"dest_addresses": [DistributionList(b"l" * 21)]}),
        (CommandId.SUBMIT_MULTI, {"dest_addresses": [DistributionList(b"l")] * 256}),
        (CommandId.SUBMIT_MULTI_RESP, {"unsuccess_smes": [SmeAddress(1, 1, b"1")]}),
        (CommandId.SUBMIT_MULTI_RESP, {"unsuccess_smes": [UnsuccessSme(1, 1, b"1", 1 << 32)]}),
        (CommandId.QUERY_LAST_MSGS_RESP, {"message_ids": [1]}),
    ],
)
def test_what_does_not_fit_is_not_encoded(command_id: int, fields: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        encode(Pdu(command_id, 0, 1, fields))


@pytest.mark.parametrize(("status", "sequence"), [(-1, 1), (1 << 32, 1), (0, -1), (0, 1 << 32)])
def test_the_header_must_fit(status: int, sequence: int) -> None:
    with pytest.raises(LocalError):
        encode(Pdu(CommandId.ENQUIRE_LINK, status, sequence))


def test_an_error_never_repeats_a_password() -> None:
    with pytest.raises(LocalError) as caught:
        encode(Pdu(CommandId.BIND_RECEIVER, 0, 1, {"password": b"hunter2" * 12}))
    assert "hunter2" not in str(caught.value)
