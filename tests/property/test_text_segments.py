"""Segments: nothing lost, nothing too long, no character torn, and headers that read back."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from smsgw.errors import LocalError, RecoverableError
from smsgw.smpp import gsm0338
from smsgw.smpp.alphabet import decode_text, encode_text
from smsgw.smpp.segments import count_segments, segment_limit, split_payload, split_text, split_udh
from smsgw.smpp.udh import Concat, build_concat_udh, parse_udh, strip_udh

_PAIRS = {
    0: st.text("ab€{}[]", max_size=700),
    8: st.text("a中😀", max_size=300),
    15: st.text("a中", max_size=300),
    0x0A: st.text("a日本", max_size=300),
    3: st.text("aé", max_size=500),
}
coded_texts = st.sampled_from(sorted(_PAIRS)).flatmap(lambda coding: st.tuples(_PAIRS[coding], st.just(coding)))


@given(coded_texts, st.sampled_from([6, 7]))
def test_pieces_read_as_the_whole(coded: tuple[str, int], header_octets: int) -> None:
    text, data_coding = coded
    pieces = split_text(text, data_coding, header_octets=header_octets)
    # Each piece is decoded alone, so a torn character would show as U+FFFD.
    assert "".join(decode_text(piece, data_coding) for piece in pieces) == text
    assert len(pieces) == 1 or max(map(len, pieces)) <= segment_limit(data_coding, header_octets)
    assert all(pieces) or text == ""


@given(coded_texts)
def test_pieces_are_as_few_as_can_be(coded: tuple[str, int]) -> None:
    text, data_coding = coded
    pieces = split_text(text, data_coding)
    limit = segment_limit(data_coding, 6)
    for piece, following in pairwise(pieces):
        first = decode_text(following, data_coding)[0]
        grown = decode_text(piece, data_coding) + first
        assert len(encode_text(grown, data_coding)) > limit


@given(coded_texts)
def test_counting_is_cutting(coded: tuple[str, int]) -> None:
    text, data_coding = coded
    count = count_segments(text, data_coding)
    assert count == len(split_text(text, data_coding)) == len(split_udh(text, data_coding, 1))
    if data_coding != 0x0A:  # there each piece needs shifts of its own
        assert count == count_segments(encode_text(text, data_coding), data_coding)


@given(st.binary(max_size=600), st.integers(0, 255))
def test_any_octets_can_be_cut(payload: bytes, data_coding: int) -> None:
    pieces = split_payload(payload, data_coding)
    assert len(pieces) == count_segments(payload, data_coding)
    assert len(pieces) == 1 or max(map(len, pieces)) <= segment_limit(data_coding, 6)
    if data_coding not in (0x05, 0x0A, 0x0D, 0x0E, 0x0F):  # these are written anew, as the same characters
        assert b"".join(pieces) == payload


@given(st.booleans(), st.integers(0, 0xFFFF), st.integers(1, 255), st.data())
def test_headers_read_back(wide: bool, reference: int, total: int, data: st.DataObject) -> None:
    reference &= 0xFFFF if wide else 0xFF
    index = data.draw(st.integers(1, total))
    payload = build_concat_udh(reference, total, index, wide) + b"text"
    udh = parse_udh(payload)
    assert udh is not None
    assert udh.concat == Concat(reference, total, index, wide, "udh16" if wide else "udh8")
    assert strip_udh(payload) == b"text"


@given(st.binary(max_size=160))
def test_any_octets_are_a_header_or_recoverable(payload: bytes) -> None:
    try:
        udh = parse_udh(payload)
    except RecoverableError:
        return
    if udh is not None:
        assert strip_udh(payload) == payload[udh.header_octets :]
        rebuilt = b"".join(bytes((identifier, len(data))) + data for identifier, data in udh.elements)
        assert bytes([len(rebuilt)]) + rebuilt == payload[: udh.header_octets]
        concat = udh.concat
        assert concat is None or 1 <= concat.index <= concat.total <= 255


@given(st.text(max_size=400), st.integers(0, 255))
def test_only_the_documented_error(text: str, data_coding: int) -> None:
    try:
        count = count_segments(text, data_coding)
    except LocalError:
        return
    assert count >= 1


@given(st.lists(st.sampled_from([gsm0338.ESCAPE, 0x65]), max_size=500).map(bytes))
def test_runs_of_escapes(payload: bytes) -> None:
    pieces = split_payload(payload, 0)
    assert b"".join(pieces) == payload
    assert "".join(decode_text(piece, 0) for piece in pieces) == decode_text(payload, 0)
