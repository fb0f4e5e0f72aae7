"""Counting and cutting, at the limits and inside what must stay whole."""

from __future__ import annotations

import pytest

from smsgw.errors import LocalError
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.segments import count_segments, segment_limit, split_payload, split_text, split_udh
from smsgw.smpp.udh import Concat, parse_udh, strip_udh


@pytest.mark.parametrize(
    ("content", "data_coding", "segments"),
    [
        ("", 0, 1),
        ("a" * 160, 0, 1),
        ("a" * 161, 0, 2),
        ("a" * 306, 0, 2),
        ("a" * 307, 0, 3),
        ("€" * 80, 0, 1),
        ("€" * 81, 0, 2),
        ("€" * 152, 0, 2),
        ("€" * 153, 0, 3),  # 153 septets hold 76 pairs, one stays empty
        ("中" * 70, 8, 1),
        ("中" * 71, 8, 2),
        ("中" * 134, 8, 2),
        ("中" * 135, 8, 3),
        ("😀" * 35, 8, 1),
        ("😀" * 36, 8, 2),
        ("😀" * 66, 8, 2),
        ("😀" * 67, 8, 3),  # 67 units hold 33 pairs
        ("é" * 140, 3, 1),
        ("é" * 141, 3, 2),
        ("é" * 269, 3, 3),
        ("a" * 161, 1, 2),
        ("中" * 70, 15, 1),
        ("中" * 71, 15, 2),
        ("中" * 134, 15, 2),
        ("中" * 135, 15, 3),
        (b"", 0, 1),
        (b"a" * 160, 0, 1),
        (b"a" * 161, 0, 2),
        (b"\x1be" * 153, 0, 3),
        (b"\x4e\x2d" * 71, 8, 2),
        (b"\xff" * 141, 4, 2),
        (b"\xff" * 268, 4, 2),
        (b"\xff" * 269, 4, 3),
        (b"a" * 161, 0xF0, 2),
    ],
)
def test_count(content: str | bytes, data_coding: int, segments: int) -> None:
    assert count_segments(content, data_coding) == segments


@pytest.mark.parametrize(
    ("data_coding", "header_octets", "limit"),
    [
        (0, 0, 160),
        (0, 6, 153),
        (0, 7, 152),
        (8, 0, 140),
        (8, 6, 134),
        (8, 7, 132),
        (4, 0, 140),
        (4, 6, 134),
        (4, 7, 133),
    ],
)
def test_limits(data_coding: int, header_octets: int, limit: int) -> None:
    assert segment_limit(data_coding, header_octets) == limit


class TestSplit:
    def test_what_fits_stays_in_one_piece(self) -> None:
        assert split_text("a" * 160, 0) == [b"a" * 160]
        assert split_payload(b"", 8) == [b""]

    def test_no_cut_inside_an_escape_pair(self) -> None:
        pieces = split_text("a" * 152 + "€" + "b" * 10, 0)
        assert pieces == [b"a" * 152, b"\x1be" + b"b" * 10]

    def test_a_pair_that_ends_at_the_cut_stays(self) -> None:
        pieces = split_text("a" * 151 + "€" + "b" * 10, 0)
        assert pieces == [b"a" * 151 + b"\x1be", b"b" * 10]

    def test_an_escaped_escape_at_the_cut(self) -> None:
        pieces = split_payload(b"a" * 151 + b"\x1b\x1b" + b"e" * 10, 0)
        assert pieces == [b"a" * 151 + b"\x1b\x1b", b"e" * 10]

    def test_no_cut_inside_a_surrogate_pair(self) -> None:
        pieces = split_text("中" * 66 + "😀" + "文" * 10, 8)
        assert [decode_text(piece, 8) for piece in pieces] == ["中" * 66, "😀" + "文" * 10]

    def test_a_surrogate_pair_that_ends_at_the_cut_stays(self) -> None:
        pieces = split_text("中" * 65 + "😀" + "文" * 10, 8)
        assert [decode_text(piece, 8) for piece in pieces] == ["中" * 65 + "😀", "文" * 10]

    def test_lone_surrogates_in_a_payload_are_cut_anywhere(self) -> None:
        pieces = split_payload(b"\xd8\x3d" * 80, 8)
        assert list(map(len, pieces)) == [134, 26]

    def test_ucs2_with_an_odd_octet(self) -> None:
        payload = b"\x4e\x2d" * 80 + b"\x4e"
        assert b"".join(split_payload(payload, 8)) == payload

    def test_no_cut_inside_a_gbk_character(self) -> None:
        text = "a" + "中" * 100
        pieces = split_payload(text.encode("gbk"), 15)
        assert list(map(len, pieces)) == [133, 68]
        assert "".join(decode_text(piece, 15) for piece in pieces) == text

    def test_a_shift_state_begins_anew_in_each_piece(self) -> None:
        text = "日本" * 70
        pieces = split_text(text, 0x0A)
        assert len(pieces) == 3
        assert max(map(len, pieces)) <= 134
        assert "".join(decode_text(piece, 0x0A) for piece in pieces) == text

    def test_unreadable_multibyte_octets_are_cut_anywhere(self) -> None:
        payload = b"\xff" * 300
        assert list(map(len, split_payload(payload, 15))) == [134, 134, 32]

    def test_a_text_that_the_coding_lacks(self) -> None:
        with pytest.raises(LocalError):
            split_text("中" * 200, 0)


class TestSplitUdh:
    @pytest.mark.parametrize(
        ("wide", "text", "data_coding", "lengths"),
        [
            (False, "a" * 307, 0, [159, 159, 7]),
            (True, "a" * 307, 0, [159, 159, 10]),
            (False, "中" * 71, 8, [140, 14]),
            (True, "中" * 71, 8, [139, 17]),
        ],
    )
    def test_lengths(self, wide: bool, text: str, data_coding: int, lengths: list[int]) -> None:
        payloads = split_udh(text, data_coding, 0x42, wide)
        assert list(map(len, payloads)) == lengths
        assert "".join(decode_text(strip_udh(payload), data_coding) for payload in payloads) == text

    def test_headers(self) -> None:
        payloads = split_udh("a" * 400, 0, 0xFFFF, wide=True)
        concats = [udh.concat for udh in map(parse_udh, payloads) if udh is not None]
        assert concats == [Concat(0xFFFF, 3, index, True, "udh16") for index in (1, 2, 3)]

    def test_one_segment_has_no_header(self) -> None:
        assert split_udh("a" * 160, 0, 7) == [b"a" * 160]

    def test_more_than_a_header_can_number(self) -> None:
        assert len(split_udh("a" * (153 * 255), 0, 7)) == 255
        with pytest.raises(LocalError, match="256 segments"):
            split_udh("a" * (153 * 255 + 1), 0, 7)

    def test_a_reference_that_does_not_fit(self) -> None:
        with pytest.raises(LocalError):
            split_udh("a" * 161, 0, 256)
