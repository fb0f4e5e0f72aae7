"""Text in every data_coding, GSM 03.38 against an independent implementation of it."""

from __future__ import annotations

import gsmcodecs  # registers the codec that _ORACLE names
import pytest

from smsgw.errors import LocalError
from smsgw.smpp import gsm0338
from smsgw.smpp.alphabet import (
    DEFAULT_ALPHABETS,
    Unit,
    choose_coding,
    decode_text,
    encode_text,
    pack_septets,
    unit_of,
    unpack_septets,
)

_ORACLE = "gsm23.038"
_GSM_CODES = [code for code in range(128) if code != gsm0338.ESCAPE]


class TestGsm0338:
    @pytest.mark.parametrize("code", _GSM_CODES)
    def test_every_code_reads_as_the_oracle_has_it(self, code: int) -> None:
        octets = bytes([code])
        assert decode_text(octets, 0) == octets.decode(_ORACLE)

    @pytest.mark.parametrize("code", sorted(gsm0338.EXTENSION))
    def test_every_extension_reads_as_the_oracle_has_it(self, code: int) -> None:
        octets = bytes([gsm0338.ESCAPE, code])
        assert decode_text(octets, 0) == octets.decode(_ORACLE)

    def test_the_oracle_knows_no_extension_that_we_lack(self) -> None:
        theirs = gsmcodecs.GSMCHARMAPS[0]["singleShift"]["decode"]
        ours = {code: ord(char) for code, char in gsm0338.EXTENSION.items()}
        assert {code: char for code, char in theirs.items() if code not in (0x0D, 0x1B)} == ours

    def test_every_character_is_written_as_the_oracle_writes_it(self) -> None:
        text = "".join(gsm0338.DEFAULT_ALPHABET[code] for code in _GSM_CODES) + "".join(gsm0338.EXTENSION.values())
        assert encode_text(text, 0) == text.encode(_ORACLE)

    @pytest.mark.parametrize(
        ("octets", "text"),
        [
            pytest.param(b"\x1bA", "A", id="no such extension: the main table's character"),
            pytest.param(b"\x1b\x1bA", " A", id="an escape of an escape is a space"),
            pytest.param(b"A\x1b", "A\ufffd", id="cut after the escape"),
            pytest.param(b"\x1b\xff", "\ufffd", id="an octet above 0x7f, escaped"),
            pytest.param(b"A\x80\xff", "A\ufffd\ufffd", id="octets above 0x7f"),
            pytest.param(b"\x00\x1b\x65\x1b\x65\x02", "@€€$", id="two escapes in a row"),
            pytest.param(b"\x1b\n", "\f", id="form feed"),
            pytest.param(b"", "", id="nothing"),
        ],
    )
    def test_odd_octets(self, octets: bytes, text: str) -> None:
        assert decode_text(octets, 0) == text

    @pytest.mark.parametrize("text", ["中", "a\x1bb", "\ufffd", "{€}ç", "\U0001f600"])
    def test_a_character_that_is_not_there_is_an_error(self, text: str) -> None:
        with pytest.raises(LocalError, match=r"U\+[0-9A-F]{4,} can't be written"):
            encode_text(text, 0)

    def test_errors_do_not_show_the_text(self) -> None:
        with pytest.raises(LocalError) as caught:
            encode_text("secret中", 0)
        assert "secret" not in str(caught.value)
        assert "U+4E2D" in str(caught.value)


class TestPacking:
    @pytest.mark.parametrize(
        ("text", "packed"),
        [
            # 3GPP TS 23.038 §6.1.2.1 by hand: "hello" and the two-octet case
            ("hello", "e8329bfd06"),
            ("hi", "e834"),
            ("", ""),
            ("12345678", "31d98c56b3dd70"),
        ],
    )
    def test_known_octets(self, text: str, packed: str) -> None:
        assert pack_septets(text.encode()) == bytes.fromhex(packed)
        assert unpack_septets(bytes.fromhex(packed)) == text.encode()

    def test_seven_septets_leave_padding_that_is_no_character(self) -> None:
        packed = pack_septets(b"1234567")
        assert len(packed) == 7
        assert unpack_septets(packed) == b"1234567"
        assert unpack_septets(packed, count=8) == b"1234567\0"

    def test_behind_a_header_of_six_octets_one_bit_is_filled(self) -> None:
        fill_bits = -8 * 6 % 7
        assert fill_bits == 1
        packed = pack_septets(b"hello", fill_bits)
        assert packed == bytes.fromhex("d06536fb0d")
        assert unpack_septets(packed, 5, fill_bits) == b"hello"

    def test_by_name_of_the_default_alphabet(self) -> None:
        packed = encode_text("{hello}", 0, "gsm0338_packed")
        assert decode_text(packed, 0, "gsm0338_packed") == "{hello}"
        assert len(packed) == 8  # 9 septets


class TestUcs2:
    def test_beyond_the_basic_plane(self) -> None:
        assert encode_text("中😀", 8) == bytes.fromhex("4e2dd83dde00")
        assert decode_text(bytes.fromhex("4e2dd83dde00"), 8) == "中😀"

    @pytest.mark.parametrize("octets", ["4e2dd83d", "4e2dde00", "4e2d4e"])
    def test_half_of_a_character_is_replaced(self, octets: str) -> None:
        assert decode_text(bytes.fromhex(octets), 8) == "中\ufffd"

    def test_a_lone_surrogate_is_an_error(self) -> None:
        with pytest.raises(LocalError):
            encode_text("\ud83d", 8)


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0x01, b"A[~", "A[~"),
        (0x01, b"A\xe9", "A\ufffd"),
        (0x02, b"\x00\x1b\xff", "\x00\x1b\xff"),
        (0x03, b"\xe9\x40", "é@"),
        (0x04, b"\x80\x0d", "\x80\r"),
        (0x05, "日本".encode("shift_jis"), "日本"),
        (0x05, "日本".encode("iso2022_jp"), "日本"),
        (0x06, b"\xbf\xe0\xd8", "При"),
        (0x07, b"\xf9\xec\xe5\xed", "שלום"),
        (0x08, b"\x4e\x2d", "中"),
        (0x09, b"\xf0", "ð"),
        (0x0A, "日本".encode("iso2022_jp"), "日本"),
        (0x0B, b"\xf0", "ð"),
        (0x0D, "日本".encode("euc_jp"), "日本"),
        (0x0D, "丂".encode("iso2022_jp_1"), "丂"),
        (0x0E, "한국".encode("euc_kr"), "한국"),
        (0x0F, "【示例】".encode("gbk"), "【示例】"),
        (0x0F, "A\u3403".encode("gb18030"), "A\u3403"),
        (0x10, b"\x00", "@"),
        (0x14, b"\x00", "\0"),
        (0x18, b"\x4e\x2d", "中"),
        (0x1C, b"\x00", "@"),
        (0x28, b"\x4e", "N"),
        (0x48, b"\x4e\x2d", "中"),
        (0x80, b"\x00", "@"),
        (0xC0, b"\x00", "@"),
        (0xD8, b"\x00", "@"),
        (0xE0, b"\x4e\x2d", "中"),
        (0xF0, b"\x00", "@"),
        (0xF5, b"\x00", "\0"),
        (0xFF, b"\x00", "\0"),
    ],
)
def test_data_codings(data_coding: int, octets: bytes, text: str) -> None:
    assert decode_text(octets, data_coding) == text


@pytest.mark.parametrize(
    ("alphabet", "octets", "text"),
    [
        ("latin1", b"\x40\xe9", "@é"),
        ("ascii", b"\x40", "@"),
        ("utf8", "中".encode(), "中"),
        ("ucs2", b"\x4e\x2d", "中"),
        ("gbk", "中".encode("gbk"), "中"),
        ("gsm0338", b"\x00", "@"),
    ],
)
def test_the_default_alphabet_is_the_carriers(alphabet: str, octets: bytes, text: str) -> None:
    assert alphabet in DEFAULT_ALPHABETS
    assert decode_text(octets, 0, alphabet) == text
    assert decode_text(octets, 0xF0, alphabet) == text
    assert encode_text(text, 0, alphabet) == octets
    assert decode_text(b"\x4e\x2d", 8, alphabet) == "中"


@pytest.mark.parametrize("alphabet", ["koi8", "binary", "jis"])
def test_an_unknown_default_alphabet_is_an_error(alphabet: str) -> None:
    with pytest.raises(LocalError, match="default alphabet"):
        decode_text(b"a", 0, alphabet)
    with pytest.raises(LocalError, match="default alphabet"):
        encode_text("a", 0, alphabet)


@pytest.mark.parametrize(
    ("text", "data_coding"),
    [("", 0), ("Hello {€}", 0), ("Δ_Φ", 0), ("ç", 8), ("【签名】", 8), ("a\x1b", 8), ("😀", 8)],
)
def test_choose_coding(text: str, data_coding: int) -> None:
    assert choose_coding(text) == data_coding
    assert decode_text(encode_text(text, data_coding), data_coding) == text


@pytest.mark.parametrize(
    ("data_coding", "unit"),
    [
        (0x00, Unit.SEPTET),
        (0x01, Unit.SEPTET),
        (0x03, Unit.OCTET),
        (0x04, Unit.OCTET),
        (0x08, Unit.UCS2),
        (0x0F, Unit.MULTIBYTE),
        (0x18, Unit.UCS2),
        (0xF0, Unit.SEPTET),
        (0xF4, Unit.OCTET),
    ],
)
def test_unit_of(data_coding: int, unit: Unit) -> None:
    assert unit_of(data_coding) == unit
