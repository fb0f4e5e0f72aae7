"""The compiled wire against its twins in Python: the same views, receipts and PDUs for any octets and any fields, the
same refusals, and nothing that is kept behind."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from struct import error as struct_error
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.errors import ProtocolError
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId, Tag
from smsgw.smpp.native import IS_COMPILED, wire
from smsgw.smpp.receipt import STATES, Receipt, parse_receipt, python_parse_receipt
from smsgw.smpp.tlv import tlv
from smsgw.smpp.views import PythonSm, Sm

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="the wire was not compiled")

_ITERATIONS = int(os.environ.get("SMSGW_FUZZ_ITERATIONS", "4000"))
_SEED = int(os.environ.get("SMSGW_FUZZ_SEED", "34"))
_VECTORS = Path(__file__).parents[1] / "vectors"
_FIELDS = [name for name in dir(PythonSm) if isinstance(getattr(PythonSm, name), property)] + ["raw"]
_MESSAGES = [
    bytes.fromhex(vector["hex"])
    for name in ("pdus.json", "malformed_pdus.json")
    for vector in json.loads((_VECTORS / name).read_text(encoding="utf-8"))["vectors"]
    if vector["hex"][8:16] in ("00000004", "00000005")
]
_TEXTS = [
    bytes.fromhex(vector["short_message_hex"])
    for vector in json.loads((_VECTORS / "receipts.json").read_text(encoding="utf-8"))["receipts"]
]
_TELLING = b"\0\1\2\x05\x06\x10\x11\x14\x15\x40\x80\xfe\xff"

_digits = st.text("0123456789", max_size=16)
_states = st.sampled_from((*STATES, "DELIVERED", "MK:0001", "delivrd", "X", ""))
_labels = st.sampled_from(
    ("id:", " sub:", " dlvrd:", " submit date:", " done date:", " stat:", " err:", " text:", " Text:")
)
_usual = st.builds(
    "id:{}{}{} submit date:{} done date:{} stat:{}{}{}".format,
    st.from_regex(r"[0-9A-Za-z_-]{0,12}", fullmatch=True),
    st.sampled_from(("", " sub:001", " sub:1", " sub:0001", " sub:")),
    st.sampled_from(("", " dlvrd:001", " dlvrd:", " dlvrd:x")),
    st.sampled_from(("2611181030", "261118103059", "20261118103059", "0000000000", "261118")) | _digits,
    st.sampled_from(("2611181030", "9999999999")) | _digits,
    _states,
    st.sampled_from(("", " err:000", " err:DB01", " err:", " err:0 1")),
    st.sampled_from(("", " text:", " Text: a \n b\t ", " text:\xe9\0", " TEXT:x", " ", "\n")),
).map(lambda text: text.encode("latin-1"))
_soups = st.lists(_labels | _states | _digits, max_size=12).map(lambda parts: "".join(parts).encode())
_ids = st.sampled_from((b"4711\0", b"4711", b"\0", b"", b" 4711 \0", b"a\xe9\0rest", b"\t\0")) | st.binary(max_size=6)
_tlvs = st.lists(
    st.builds(tlv, st.just(int(Tag.RECEIPTED_MESSAGE_ID)), _ids)
    | st.builds(tlv, st.just(int(Tag.MESSAGE_STATE)), st.sampled_from((b"\2", b"\5", b"\x09", b"\x63", b"", b"\2\2")))
    | st.builds(tlv, st.just(int(Tag.NETWORK_ERROR_CODE)), st.binary(min_size=2, max_size=4))
    | st.builds(tlv, st.integers(0, 0xFFFF), st.binary(max_size=4)),
    max_size=3,
).map(b"".join)  # fmt: skip

_octet = st.integers(0, 255) | st.sampled_from((-1, 256, 2**64, CommandId.SUBMIT_SM, True))
_string = st.binary(max_size=22) | st.text("ab", max_size=70).map(str.encode)
_strings = (
    "service_type", "source_addr", "destination_addr", "schedule_delivery_time", "validity_period", "short_message",
    "tlvs",
)  # fmt: skip
_octets = (
    "source_addr_ton", "source_addr_npi", "dest_addr_ton", "dest_addr_npi", "esm_class", "protocol_id", "priority_flag",
    "registered_delivery", "replace_if_present_flag", "data_coding", "sm_default_msg_id",
)  # fmt: skip
_fields = st.fixed_dictionaries(
    {
        name: st.binary(max_size=12).map(lambda value: value.replace(b"\0", b"1"))
        for name in ("source_addr", "destination_addr")
    }
    | {"short_message": st.binary(max_size=256)},
    optional={name: _string for name in _strings if name not in ("source_addr", "destination_addr", "short_message")}
    | dict.fromkeys(_octets, _octet),
)
_number = st.integers(0, 2**32 - 1) | st.sampled_from((-1, 2**32, 2**63, 2**64, CommandId.DELIVER_SM))


def _told(call: Callable[[], Any]) -> object:
    """What it gives, or how it refuses."""
    try:
        return call()
    except ProtocolError as error:
        return type(error), str(error), vars(error)
    except (TypeError, ValueError, struct_error) as error:
        return type(error)


def _read(view: Any) -> object:
    return [_told(partial(getattr, view, name)) for name in _FIELDS], _told(view.pieces), _told(view.plain)


def _same(raw: bytes) -> None:
    compiled, python = _told(lambda: Sm(raw)), _told(lambda: PythonSm(raw))
    if isinstance(compiled, Sm):
        assert isinstance(python, PythonSm), raw.hex()
        assert _read(compiled) == _read(python), raw.hex()
        assert _told(lambda: parse_receipt(compiled)) == _told(lambda: python_parse_receipt(python)), raw.hex()
        assert pdu.addresses_of(raw) == pdu.PYTHON["addresses_of"](raw)
    else:
        assert compiled == python, raw.hex()
        _told(lambda: pdu.addresses_of(raw))


def _mutant(chance: Random) -> bytes:
    raw = bytearray(chance.choice(_MESSAGES))
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(raw) + 1)
        what = chance.choice((b"", bytes((chance.choice(_TELLING),)), chance.randbytes(3)))
        raw[at : at + chance.randrange(4)] = what
    return bytes(raw[: chance.choice((len(raw), len(raw), chance.randrange(len(raw) + 1)))])


def test_views_are_the_same_however_octets_are_damaged() -> None:
    chance = Random(_SEED)
    for raw in _MESSAGES:
        _same(raw)
        for length in range(len(raw)):
            _same(raw[:length])
    for _ in range(_ITERATIONS):
        _same(_mutant(chance))


@given(st.binary(max_size=120))
def test_views_are_the_same_for_any_octets(octets: bytes) -> None:
    _same(octets)


@settings(max_examples=200)
@given(
    _usual | _soups | st.sampled_from(_TEXTS) | st.binary(max_size=40),
    st.sampled_from((4, 4, 0x20, 0x24, 0x0C, 0, 0x44, 0xFF)),
    st.sampled_from((0, 0, 1, 3, 8, 15, 0xF1)),
    _tlvs | st.binary(max_size=9),
)
def test_receipts_are_the_same(text: bytes, esm_class: int, data_coding: int, tlvs: bytes) -> None:
    raw = pdu.deliver_sm(
        1, source_addr=b"8613800000000", destination_addr=b"1069", short_message=text[:254], esm_class=esm_class,
        data_coding=data_coding, tlvs=tlvs,
    )  # fmt: skip
    read = parse_receipt(Sm(raw))
    assert read == python_parse_receipt(PythonSm(raw))
    assert read is None or [type(each) for each in read] == [type(each) for each in python_parse_receipt(Sm(raw)) or ()]


@given(st.sampled_from(("submit_sm", "deliver_sm")), _number, _fields)
def test_messages_are_built_the_same(name: str, sequence_number: int, fields: dict[str, Any]) -> None:
    built = _told(lambda: getattr(pdu, name)(sequence_number, **fields))
    assert built == _told(lambda: pdu.PYTHON[name](sequence_number, **fields))


@given(_number, _number, _number, st.none() | st.binary(max_size=70), st.binary(max_size=5), st.integers(0, 5))
def test_responses_are_built_the_same(
    command_id: int, status: int, sequence_number: int, message_id: bytes | None, tlvs: bytes, given_by_position: int
) -> None:
    arguments: Any = (command_id, status, sequence_number, message_id, tlvs)[:given_by_position]
    named: Any = dict(zip(("message_id", "tlvs"), (message_id, tlvs), strict=True)) if given_by_position == 3 else {}
    assert _told(lambda: pdu.response(*arguments, **named)) == _told(
        lambda: pdu.PYTHON["response"](*arguments, **named)
    )


@given(st.binary(max_size=30), st.lists(_number, max_size=3))
def test_headers_are_patched_the_same(raw: bytes, numbers: list[int]) -> None:
    whole = raw.ljust(16, b"\1")
    assert _told(lambda: pdu.with_header(whole, *numbers)) == _told(lambda: pdu.PYTHON["with_header"](whole, *numbers))


@given(_number, _number, st.binary(max_size=20))
def test_what_was_accepted_is_answered_the_same(command_id: int, sequence_number: int, message_id: bytes) -> None:
    arguments: Any = (command_id, sequence_number, message_id)
    assert _told(lambda: pdu.accepted(*arguments)) == _told(lambda: pdu.PYTHON["accepted"](*arguments))


_part = st.builds(lambda address: b"\1\1" + address + b"\0", st.binary(max_size=22)) | st.binary(max_size=30)


@given(_number, _part, _part, st.binary(max_size=256), st.binary(max_size=9))
def test_receipts_are_built_the_same(number: int, source: bytes, destination: bytes, text: bytes, tlvs: bytes) -> None:
    arguments: Any = (number, source, destination, text, tlvs)
    assert _told(lambda: pdu.receipt_sm(*arguments)) == _told(lambda: pdu.PYTHON["receipt_sm"](*arguments))


@pytest.mark.parametrize("wrong", [lambda: Sm(), lambda: Sm(b"", b""), lambda: Sm("x"), lambda: Sm(raw=b"")])  # type: ignore[call-arg, arg-type]
def test_a_view_is_of_one_frame(wrong: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        wrong()


@pytest.mark.parametrize(
    "parts", [(), (None,) * 7, (None, Sm, Receipt, {}, {}, set(), 1, 2), (1, Sm, object, {}, {}, set(), 1)]
)
def test_what_is_handed_in_wrongly_is_told(parts: Any) -> None:
    for make in (wire.receipt_parser, wire.sm_builder, wire.prepare, wire.over):
        with pytest.raises((TypeError, ValueError, AttributeError)):
            make(*parts)


def _view_and_receipt(raw: bytes) -> None:
    view = _told(partial(Sm, raw))
    if isinstance(view, Sm):
        _read(view)
        _told(partial(parse_receipt, view))


_KEEPS_NOTHING: list[Callable[[bytes], object]] = [
    _view_and_receipt,
    lambda raw: _told(partial(pdu.addresses_of, raw)),
    lambda raw: _told(partial(pdu.with_header, raw, 2**40)),
    lambda raw: pdu.with_header(raw, 1),
    lambda raw: _told(
        partial(pdu.deliver_sm, 1, source_addr=b"1", destination_addr=b"2", short_message=raw, esm_class=4)
    ),
    lambda raw: _told(partial(pdu.response, 4, 0, 1, raw[16:], raw)),
    lambda raw: pdu.accepted(4, 1, raw),
    lambda raw: _told(partial(pdu.receipt_sm, 1, b"\1\0001\0", b"\1\0002\0", raw, raw)),
]


@pytest.mark.parametrize("work", _KEEPS_NOTHING)
def test_nothing_is_kept(work: Callable[[bytes], object]) -> None:
    """Of what is made anew each time, refused or not; a lost reference would keep a block of memory for each."""
    chance = Random(_SEED)
    raws = [bytearray(_mutant(chance)) for _ in range(100)] * 5 + [bytearray(_receipt(_TEXTS[0]))] * 500
    for raw in raws:
        work(bytes(raw))
    gc.collect()
    before = sys.getallocatedblocks()
    for raw in raws:
        work(bytes(raw))
    gc.collect()
    assert sys.getallocatedblocks() - before < 250


def _receipt(text: bytes) -> bytes:
    return pdu.deliver_sm(1, source_addr=b"1", destination_addr=b"2", short_message=text[:254], esm_class=4)
