"""TLVs: kept in order, duplicates and strangers too; cut exactly or refused."""

from __future__ import annotations

import pytest

from smsgw.errors import LocalError, RecoverableError
from smsgw.smpp.constants import CommandStatus, Tag
from smsgw.smpp.tlv import NO_TLVS, Tlvs, tlv

_RAW = bytes.fromhex("0427000102 001e000461626300 1454000400000001 0427000105 02040000")
_ITEMS = [(0x0427, b"\x02"), (0x001E, b"abc\0"), (0x1454, b"\0\0\0\x01"), (0x0427, b"\x05"), (0x0204, b"")]


def test_order_duplicates_and_unknown_tags_are_kept() -> None:
    tlvs = Tlvs.parse(_RAW, 0)
    assert list(tlvs) == _ITEMS
    assert len(tlvs) == 5
    assert tlvs.encode() == _RAW
    assert tlvs == Tlvs(_ITEMS)
    assert hash(tlvs) == hash(Tlvs(_ITEMS))


def test_parse_begins_at_the_offset() -> None:
    assert Tlvs.parse(b"whatever" + _RAW, 8) == Tlvs(_ITEMS)


def test_nothing_left_is_no_tlvs() -> None:
    assert Tlvs.parse(_RAW, len(_RAW)) is NO_TLVS
    assert NO_TLVS.encode() == b""
    assert len(NO_TLVS) == 0


def test_first_and_all() -> None:
    tlvs = Tlvs(_ITEMS)
    assert tlvs.first(Tag.MESSAGE_STATE) == b"\x02"
    assert tlvs.all(Tag.MESSAGE_STATE) == [b"\x02", b"\x05"]
    assert tlvs.first(Tag.USER_MESSAGE_REFERENCE) == b""
    assert tlvs.first(Tag.MESSAGE_PAYLOAD) is None
    assert tlvs.all(Tag.MESSAGE_PAYLOAD) == []


@pytest.mark.parametrize("keep", range(1, 5))
def test_a_length_past_the_end_is_refused(keep: int) -> None:
    with pytest.raises(RecoverableError) as caught:
        Tlvs.parse(bytes.fromhex("001e0005") + b"abcd"[:keep], 0)
    assert caught.value.command_status == CommandStatus.ESME_RINVTLVLEN


@pytest.mark.parametrize("left", [1, 2, 3])
def test_too_few_octets_for_another_are_refused(left: int) -> None:
    with pytest.raises(RecoverableError) as caught:
        Tlvs.parse(_RAW + b"\0\0\0"[:left], 0)
    assert caught.value.command_status == CommandStatus.ESME_RINVTLVSTREAM


def test_the_longest_value() -> None:
    value = bytes(65535)
    assert Tlvs.parse(tlv(Tag.MESSAGE_PAYLOAD, value), 0).first(Tag.MESSAGE_PAYLOAD) == value


@pytest.mark.parametrize(("tag", "value"), [(-1, b""), (0x10000, b""), (1, bytes(65536))])
def test_what_fits_no_tlv_is_refused(tag: int, value: bytes) -> None:
    with pytest.raises(LocalError):
        tlv(tag, value)


def test_it_can_be_read_by_people_and_compared_with_strangers() -> None:
    assert repr(Tlvs([(0x0427, b"\x02")])) == "Tlvs([(0x0427, b'\\x02')])"
    assert Tlvs() != object()
