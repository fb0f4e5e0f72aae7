"""For every PDU: what is encoded is decoded again, octet for octet, and the hot views see what the codec sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.errors import RecoverableError
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import MAX_SHORT_MESSAGE_OCTETS, RESPONSE_BIT, CommandId, command_name
from smsgw.smpp.layout import LAYOUTS, DistributionList, Field, Kind, SmeAddress, UnsuccessSme
from smsgw.smpp.pdu import DataSm, Sm, rebuild_sm, with_header
from smsgw.smpp.times import format_absolute, parse_time
from smsgw.smpp.tlv import Tlvs

_octet = st.integers(0, 0xFF)
_word = st.integers(0, 0xFFFFFFFF)


def _string(most: int) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=most - 1).map(lambda value: value.replace(b"\0", b"0"))


_address = st.builds(SmeAddress, _octet, _octet, _string(21))
_destination = st.one_of(_address, st.builds(DistributionList, _string(21)))
_unsuccess = st.builds(UnsuccessSme, _octet, _octet, _string(21), _word)
_tlvs = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=6).map(Tlvs)


def _value(field: Field) -> st.SearchStrategy[object]:
    match field.kind:
        case Kind.INTEGER:
            return _octet
        case Kind.STRING:
            return _string(field.most)
        case Kind.MESSAGE:
            return st.binary(max_size=MAX_SHORT_MESSAGE_OCTETS)
        case Kind.DESTINATIONS:
            return st.lists(_destination, max_size=5)
        case Kind.UNSUCCESSFUL:
            return st.lists(_unsuccess, max_size=5)
        case Kind.MESSAGE_IDS:
            return st.lists(_string(65), max_size=5)


def _fields(command_id: int) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({field.name: _value(field) for field in LAYOUTS[command_id]})


@st.composite
def pdus(draw: st.DrawFn, *commands: int) -> Pdu:
    command_id = int(draw(st.sampled_from(commands or list(LAYOUTS))))
    return Pdu(command_id, draw(_word), draw(_word), draw(_fields(command_id)), draw(_tlvs))


@pytest.mark.parametrize("command_id", CommandId, ids=command_name)
@settings(max_examples=25)
@given(data=st.data())
def test_round_trip(command_id: CommandId, data: st.DataObject) -> None:
    pdu = data.draw(pdus(command_id))
    raw = encode(pdu)
    assert int.from_bytes(raw[:4]) == len(raw)
    read = decode(raw)
    if command_id & RESPONSE_BIT and len(raw) == 16:
        assert read == Pdu(pdu.command_id, pdu.command_status, pdu.sequence_number)
    else:
        assert read == pdu
    assert encode(read) == raw


@given(pdus(CommandId.SUBMIT_SM, CommandId.DELIVER_SM))
def test_sm_sees_what_the_codec_sees(pdu: Pdu) -> None:
    raw = encode(pdu)
    view = Sm(raw)
    assert {name: getattr(view, name) for name in pdu.fields} == pdu.fields
    assert view.tlvs == pdu.tlvs
    assert raw[view.tlvs_offset :] == pdu.tlvs.encode()
    assert (view.command_id, view.command_status, view.sequence_number) == (
        pdu.command_id,
        pdu.command_status,
        pdu.sequence_number,
    )


@given(pdus(CommandId.DATA_SM))
def test_data_sm_sees_what_the_codec_sees(pdu: Pdu) -> None:
    view = DataSm(encode(pdu))
    assert {name: getattr(view, name) for name in pdu.fields} == pdu.fields
    assert view.tlvs == pdu.tlvs
    assert view.sequence_number == pdu.sequence_number


@given(pdus(CommandId.SUBMIT_SM, CommandId.DELIVER_SM), st.data())
def test_rebuilding_is_encoding_with_other_fields(pdu: Pdu, data: st.DataObject) -> None:
    other = data.draw(_fields(CommandId.SUBMIT_SM))
    changed = data.draw(st.sets(st.sampled_from(list(other))))
    changes = {name: other[name] for name in changed}
    rebuilt = rebuild_sm(Sm(encode(pdu)), **changes)  # type: ignore[arg-type]
    assert rebuilt == encode(Pdu(pdu.command_id, 0, pdu.sequence_number, pdu.fields | changes, pdu.tlvs))


@given(pdus(), _word, _word)
def test_a_patched_header_changes_nothing_else(pdu: Pdu, sequence_number: int, status: int) -> None:
    expected = Pdu(pdu.command_id, status, sequence_number, pdu.fields, pdu.tlvs)
    assert with_header(encode(pdu), sequence_number, status) == encode(expected)


@given(st.binary(max_size=60))
def test_tlvs_of_any_octets_are_exact_or_refused(raw: bytes) -> None:
    try:
        tlvs = Tlvs.parse(raw, 0)
    except RecoverableError:
        return
    assert tlvs.encode() == raw


_QUARTER = timedelta(minutes=15)
_zones = st.integers(-48, 48).map(lambda quarters: timezone(quarters * _QUARTER))
_moments = st.datetimes(datetime(2000, 1, 3), datetime(2099, 12, 29), timezones=_zones)


@given(_moments)
def test_a_time_is_read_as_it_was_written(moment: datetime) -> None:
    text = format_absolute(moment)
    assert len(text) == 16
    read = parse_time(text, datetime(2026, 1, 1, tzinfo=UTC), 0x61)
    assert read is not None
    assert timedelta() <= moment - read < timedelta(seconds=0.1)


@given(st.binary(max_size=18))
def test_any_octets_are_a_time_or_refused_with_the_status(value: bytes) -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    try:
        moment = parse_time(value, now, 0x62)
    except RecoverableError as error:
        assert error.command_status == 0x62  # noqa: PT017  either or
    else:
        assert (moment is None) == (not value)
