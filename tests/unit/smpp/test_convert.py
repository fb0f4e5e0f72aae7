"""Conversions case by case: what stays, what is said otherwise, what can't be said, and why."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.smpp.alphabet import decode_text, encode_text, unpack_septets
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId, Tag
from smsgw.smpp.convert import Converted, Fit, Unfit, convert
from smsgw.smpp.pdu import Sm, submit_sm
from smsgw.smpp.tlv import Tlvs, tlv
from smsgw.smpp.transliteration import TABLE, transliterated
from smsgw.smpp.udh import build_concat_udh, concat_of
from smsgw.smpp.views import DataSm

FIRST = b"\x05\x00\x03\x07\x02\x01"
SECOND = b"\x05\x00\x03\x07\x02\x02"
PORT = b"\x0b\x05\x04\x0b\x84\x00\x00\x00\x03\x07\x02"


def sm(octets: bytes = b"", **fields: Any) -> Sm:
    body = {"source_addr": b"1069", "destination_addr": b"8613800000000", "short_message": octets}
    return Sm(submit_sm(1, **{**body, **fields}))


def own(wide: bool, reference: int | None) -> int:
    return 0x1234 & (0xFFFF if wide else 0xFF) if reference is None else reference


def shapes(made: object) -> list[Sm]:
    assert isinstance(made, Converted), made
    return [Sm(pdu) for pdu in made.pdus]


def test_nothing_is_touched_where_everything_is_taken() -> None:
    for view in (sm(b"hello"), sm(b"x" * 200), sm(FIRST + b"part", esm_class=0x40), sm(b"\x00\x01", data_coding=4)):
        assert convert([view], Fit(), own) is None
        assert convert([view], Fit(data_codings=(0, 4)), own) is None


def test_another_reference_and_nothing_else() -> None:
    views = [sm(FIRST + b"one", esm_class=0x40, tlvs=tlv(0x1500, b"x")), sm(SECOND + b"two", esm_class=0x40)]
    changed = shapes(convert(views, Fit(), lambda wide, reference: 0x99))
    assert [each.short_message for each in changed] == [b"\x05\x00\x03\x99\x02\x01one", b"\x05\x00\x03\x99\x02\x02two"]
    assert (changed[0].tlvs.first(0x1500), changed[0].esm_class, changed[1].raw[16:20]) == (
        b"x",
        0x40,
        views[1].raw[16:20],
    )


def test_segments_without_room_for_a_wider_reference_are_cut_anew() -> None:
    views = [
        sm(FIRST + b"\x4e\x2d" * 67, esm_class=0x40, data_coding=8),
        sm(SECOND + b"\x4e\x2d" * 67, esm_class=0x40, data_coding=8),
    ]
    made = convert(views, Fit(("udh16",)), own)
    assert [len(each.short_message) for each in shapes(made)] == [7 + 132, 7 + 132, 7 + 4]
    assert isinstance(made, Converted)
    assert made.segments == (1, 1, 1)


def test_sar_becomes_headers_and_keeps_other_tlvs() -> None:
    def sar(index: int) -> bytes:
        number = tlv(Tag.SAR_MSG_REF_NUM, b"\x00\x21") + tlv(Tag.SAR_TOTAL_SEGMENTS, b"\x02")
        return number + tlv(Tag.SAR_SEGMENT_SEQNUM, bytes((index,))) + tlv(0x1500, bytes((index,)))

    views = [sm(b"one", tlvs=sar(1)), sm(b"two", tlvs=sar(2))]
    made = shapes(convert(views, Fit(("udh8",)), own))
    assert [concat_of(each) for each in made] == [
        concat_of(sm(build_concat_udh(0x21, 2, n) + b"x", esm_class=0x40)) for n in (1, 2)
    ]
    assert [list(each.tlvs) for each in made] == [[(0x1500, b"\x01")], [(0x1500, b"\x02")]]


def test_a_payload_becomes_segments_and_back() -> None:
    text = encode_text("长短信" * 60, 8)
    view = sm(tlvs=tlv(Tag.MESSAGE_PAYLOAD, text), data_coding=8)
    made = shapes(convert([view], Fit(("udh8", "sar")), own))
    assert len(made) == 3
    assert b"".join(each.short_message[6:] for each in made) == text
    whole = convert(made, Fit(("payload",)), own)
    assert isinstance(whole, Converted)
    assert (Sm(whole.pdus[0]).tlvs.first(Tag.MESSAGE_PAYLOAD), whole.segments) == (text, (3,))


def test_a_short_payload_becomes_a_short_message() -> None:
    view = sm(tlvs=tlv(Tag.MESSAGE_PAYLOAD, b"hello"))
    assert convert([view], Fit(("udh8", "payload")), own) is None
    (made,) = shapes(convert([view], Fit(("udh8",)), own))
    assert (made.short_message, len(made.tlvs)) == (b"hello", 0)


def test_data_sm_becomes_submit_sm_where_payloads_are_not_taken() -> None:
    fields = {"source_addr": b"1069", "destination_addr": b"8613800000000", "registered_delivery": 1, "data_coding": 0}
    view = DataSm(encode(Pdu(int(CommandId.DATA_SM), 0, 9, fields, Tlvs([(int(Tag.MESSAGE_PAYLOAD), b"x" * 170)]))))
    assert convert([view], Fit(("payload",)), own) is None
    made = shapes(convert([view], Fit(("udh8",)), own))
    assert [len(each.short_message) for each in made] == [6 + 153, 6 + 17]
    assert {(each.source_addr, each.registered_delivery, each.esm_class) for each in made} == {(b"1069", 1, 0x40)}


# -- codings


@pytest.mark.parametrize(
    ("text", "coding", "takes", "gets"),
    [
        ("hello", 8, (0, 8), 8),  # what it has is taken
        ("hello", 8, (0,), 0),
        ("hello", 8, (3, 0), 3),  # the first that it likes
        ("caf\u00e9 \u20ac", 8, (3, 0), 0),  # Latin-1 has no euro sign
        ("\u4e2d\u6587", 8, (15, 0), 15),
        ("hello", 0x18, (0,), 0x10),  # a flash message stays one
        ("hello", 0x10, (0,), 0x10),
    ],
)
def test_another_coding(text: str, coding: int, takes: tuple[int, ...], gets: int) -> None:
    made = convert([sm(encode_text(text, coding), data_coding=coding)], Fit(data_codings=takes), own)
    if coding == gets:
        assert made is None
        return
    (found,) = shapes(made)
    assert (found.data_coding, decode_text(found.short_message, gets)) == (gets, text)


def test_segments_are_counted_anew_in_another_coding() -> None:
    payload = encode_text("a" * 150, 8)
    views = [
        sm(FIRST + payload[:134], esm_class=0x40, data_coding=8),
        sm(SECOND + payload[134:], esm_class=0x40, data_coding=8),
    ]
    made = convert(views, Fit(data_codings=(0,)), own)
    (found,) = shapes(made)
    assert (found.short_message, found.esm_class, found.data_coding) == (b"a" * 150, 0, 0)


@pytest.mark.parametrize(
    ("text", "takes", "expected"),
    [
        ("\u201chi\u201d \u2026 caf\u00e9", (1,), '"hi" ... cafe'),
        ("\u201chi\u201d \u2026 caf\u00e9", (0,), '"hi" ... caf\u00e9'),
        ("\uff21\uff22\u3000\uff01", (0,), "AB !"),
        ("5 \u20ac \u2192 \u00a3", (3,), "5 EUR -> \u00a3"),
    ],
)
def test_transliteration(text: str, takes: tuple[int, ...], expected: str) -> None:
    view = sm(encode_text(text, 8), data_coding=8)
    refused = convert([view], Fit(data_codings=takes), own)
    assert isinstance(refused, Unfit)
    (found,) = shapes(convert([view], Fit(data_codings=takes, transliterate=True), own))
    assert decode_text(found.short_message, found.data_coding) == expected


@pytest.mark.parametrize(
    ("view", "fit", "why"),
    [
        (sm(encode_text("\u4e2d", 8), data_coding=8), Fit(data_codings=(0, 3)), "(0, 3) has U+4E2D"),
        (sm(encode_text("\u3010A\u3011", 8), data_coding=8), Fit(data_codings=(0,), transliterate=True), "has U+3010"),
        (sm(b"\x01\x02", data_coding=4), Fit(data_codings=(0, 8)), "4 is not taken, and what came is no text"),
        (sm(b"\xd8\x00", data_coding=8), Fit(data_codings=(0,)), "can't be read"),
        (sm(PORT + b"\x01x", data_coding=8, esm_class=0x40), Fit(data_codings=(0,)), "header of its own"),
    ],
)  # fmt: skip
def test_what_can_not_be_said(view: Sm, fit: Fit, why: str) -> None:
    made = convert([view], fit, own)
    assert isinstance(made, Unfit)
    assert why in made.why


def test_headers_that_say_more_are_kept_or_refused() -> None:
    views = [sm(PORT + bytes((n,)) + b"x", data_coding=4, esm_class=0x40) for n in (1, 2)]
    wide = shapes(convert(views, Fit(("sar", "udh16")), own))
    assert [each.short_message for each in wide] == [
        b"\x0c\x08\x04\x00\x07\x02" + bytes((n,)) + b"\x05\x04\x0b\x84\x00\x00x" for n in (1, 2)
    ]
    refused = convert(views, Fit(("sar",)), own)
    assert isinstance(refused, Unfit)
    assert "more than which part it is" in refused.why


@pytest.mark.parametrize(
    ("alphabet", "octets"), [("latin1", b"caf\xe9 @"), ("ascii", None), ("utf8", b"caf\xc3\xa9 @")]
)
def test_the_carriers_own_default_alphabet(alphabet: str, octets: bytes | None) -> None:
    fit = Fit(default_alphabet=alphabet)
    assert convert([sm(b"plain letters 123")], fit, own) is None
    (made,) = shapes(convert([sm(encode_text("café @", 0))], fit, own))
    if octets is None:
        assert (made.data_coding, decode_text(made.short_message, 8)) == (8, "café @")
    else:
        assert (made.data_coding, made.short_message) == (0, octets)


def test_packed_septets_begin_on_a_boundary_behind_a_header() -> None:
    text = "abcdefghij" * 20
    made = shapes(
        convert(
            [sm(tlvs=tlv(Tag.MESSAGE_PAYLOAD, text.encode()))], Fit(("udh8",), default_alphabet="gsm0338_packed"), own
        )
    )
    assert [len(each.short_message) for each in made] == [140, 6 + 42]
    read = b"".join(
        unpack_septets(each.short_message[6:], count, 1) for each, count in zip(made, (153, 47), strict=True)
    )
    assert read == text.encode()


def test_a_table_of_single_characters() -> None:
    assert all(len(character) == 1 and plain.isascii() for character, plain in TABLE.items())
    assert not {"\u3010", "\u3011"} & TABLE.keys()
    assert transliterated("a\u4e2d", str.isascii) is None
