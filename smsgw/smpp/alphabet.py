"""Text in and out of ``short_message``: every data_coding of SMPP 3.4 §5.2.19 and of GSM 03.38 §4.

Owns the meaning of data_coding, the codecs, and 7-bit packing. Never looks at a PDU, and never guesses:
whoever knows that a carrier lies about its data_coding says so with ``default_alphabet``.

Decoding never raises: what can't be read becomes U+FFFD, and binary data becomes U+0000..U+00FF octet by
octet. Encoding raises LocalError for a character that the coding does not have.
Payloads are unpacked (one septet an octet), as nearly all carriers want, unless "gsm0338_packed" is named;
behind a user data header packed text also needs fill bits, see ``unpack_septets``.
What can go wrong: data_coding 0 is whatever the carrier says it is; 15 is reserved by the specification,
and GBK at Chinese carriers; 5, 13 and 14 name character sets, not encodings, so the usual encoding is taken.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Final

from smsgw.errors import LocalError
from smsgw.smpp import gsm0338

DATA_CODING_DEFAULT: Final = 0
DATA_CODING_UCS2: Final = 8
DATA_CODING_GBK: Final = 15

REPLACEMENT: Final = "\ufffd"


class Unit(IntEnum):
    """What a radio segment counts for a data_coding; see ``smsgw.smpp.segments``."""

    SEPTET = 0
    OCTET = 1
    UCS2 = 2
    MULTIBYTE = 3


def decode_text(payload: bytes, data_coding: int, default_alphabet: str = "gsm0338") -> str:
    """Return the text of a payload whose user data header, if any, is already taken off.

    ``data_coding`` is 0..255; ``default_alphabet`` is one of DEFAULT_ALPHABETS and stands for every
    data_coding that says "SMSC default alphabet". No octets raise: what can't be read becomes U+FFFD.
    Raises LocalError only for an unknown ``default_alphabet``.
    """
    if data_coding == 8:
        return _utf_16_be_decode(payload, "replace", True)[0]
    decode = _DECODER_OF[data_coding]
    if decode is None:
        if default_alphabet not in DEFAULT_ALPHABETS:
            raise LocalError(f"unknown default alphabet {default_alphabet!r}")
        decode = _DECODERS[default_alphabet]
    return decode(payload)


def encode_text(text: str, data_coding: int, default_alphabet: str = "gsm0338") -> bytes:
    """Return the octets of ``text``, the inverse of ``decode_text``; not split, no header.

    Raises LocalError when the coding lacks a character: ask ``choose_coding`` first.
    """
    name = _NAME_OF[data_coding]
    if name == _DEFAULT:
        if default_alphabet not in DEFAULT_ALPHABETS:
            raise LocalError(f"unknown default alphabet {default_alphabet!r}")
        name = default_alphabet
    try:
        return _ENCODERS[name](text)
    except UnicodeEncodeError as error:
        character = f"U+{ord(error.object[error.start]):04X}"
        raise LocalError(f"{character} can't be written with data_coding 0x{data_coding:02X} ({name})") from None


def choose_coding(text: str) -> int:
    """Return 0 if GSM 03.38 has every character of the text, else 8 (UCS2)."""
    return DATA_CODING_DEFAULT if _GSM_CHARACTERS.issuperset(text) else DATA_CODING_UCS2


def is_default(data_coding: int) -> bool:
    """Whether a data_coding (0..255) stands for the carrier's default alphabet."""
    return _NAME_OF[data_coding] == _DEFAULT


def is_text(data_coding: int) -> bool:
    """Whether a data_coding (0..255) is one of text, not of octets that mean something else."""
    return _NAME_OF[data_coding] != "binary"


def unit_of(data_coding: int) -> Unit:
    """Tell what the segments of a data_coding (0..255) are counted in."""
    return _UNIT_OF[data_coding]


# ── GSM 03.38 ────────────────────────────────────────────────────────────────────────────────────────
_charmap_decode = codecs.charmap_decode
_charmap_encode = codecs.charmap_encode
_utf_16_be_decode = codecs.utf_16_be_decode

_GSM_DECODING: Final = gsm0338.DEFAULT_ALPHABET + REPLACEMENT * 128
_GSM_ENCODING: Final = {ord(char): code for code, char in enumerate(gsm0338.DEFAULT_ALPHABET)}
_GSM_MAIN_ENCODING: Final = {char: code for char, code in _GSM_ENCODING.items() if code != gsm0338.ESCAPE}
_GSM_CHARACTERS: Final = frozenset(map(chr, _GSM_MAIN_ENCODING)) | frozenset(gsm0338.EXTENSION.values())

# An escape is undone on decoded text, where the code after it reads as its character of the main table.
# A code without an extension keeps that character, and a second escape is a space (23.038 §6.2.1.1).
_ESCAPE_CHAR: Final = chr(gsm0338.ESCAPE)
_ESCAPED: Final = re.compile(_ESCAPE_CHAR + "(.?)", re.DOTALL)
_AFTER_ESCAPE: Final = {gsm0338.DEFAULT_ALPHABET[code]: char for code, char in gsm0338.EXTENSION.items()} | {
    _ESCAPE_CHAR: " ",
    "": REPLACEMENT,
}
_TO_ESCAPED: Final = tuple(
    (char, _ESCAPE_CHAR + gsm0338.DEFAULT_ALPHABET[code]) for code, char in gsm0338.EXTENSION.items()
)


def _unescape(match: re.Match[str]) -> str:
    char = match[1]
    return _AFTER_ESCAPE.get(char, char)


def _decode_gsm(payload: bytes) -> str:
    text = _charmap_decode(payload, "strict", _GSM_DECODING)[0]
    if gsm0338.ESCAPE in payload:
        return _ESCAPED.sub(_unescape, text)
    return text


def _encode_gsm(text: str) -> bytes:
    try:
        return _charmap_encode(text, "strict", _GSM_MAIN_ENCODING)[0]
    except UnicodeEncodeError:
        if not _GSM_CHARACTERS.issuperset(text):
            at = next(index for index, char in enumerate(text) if char not in _GSM_CHARACTERS)
            raise UnicodeEncodeError("gsm0338", text, at, at + 1, "not in the alphabet") from None
        for char, escaped in _TO_ESCAPED:
            text = text.replace(char, escaped)
        return _charmap_encode(text, "strict", _GSM_ENCODING)[0]


def pack_septets(septets: bytes, fill_bits: int = 0) -> bytes:
    """Pack octets 0..127 into 7-bit codes, lowest bits first (23.038 §6.1.2.1).

    ``fill_bits`` (0..6) zero bits come first: behind a user data header of n octets (length octet counted)
    they are ``-8 * n % 7``, so that the text begins on a septet boundary (23.040 §9.2.3.24).
    """
    packed = bytearray()
    for start in range(0, len(septets), 8):  # 8 septets are 7 octets: small integers stay small
        group = septets[start : start + 8]
        bits = 0
        for code in reversed(group):
            bits = bits << 7 | code & 0x7F
        packed += bits.to_bytes((len(group) * 7 + 7) // 8, "little")
    if not fill_bits or not septets:
        return bytes(packed)
    total_bits = len(septets) * 7 + fill_bits
    return (int.from_bytes(packed, "little") << fill_bits).to_bytes((total_bits + 7) // 8, "little")


def unpack_septets(packed: bytes, count: int | None = None, fill_bits: int = 0) -> bytes:
    """Undo ``pack_septets``; at most ``count`` septets, else all that the octets hold.

    Without a count (SMPP carries none) a last septet of seven zero bits is taken for padding, so a text of
    8n septets that ends in "@" loses it.
    """
    held = max(0, (len(packed) * 8 - fill_bits) // 7)
    if fill_bits:
        packed = (int.from_bytes(packed, "little") >> fill_bits).to_bytes(len(packed), "little")
    septets = bytearray()
    for start in range(0, len(packed), 7):
        bits = int.from_bytes(packed[start : start + 7], "little")
        septets += bytes([bits >> shift & 0x7F for shift in range(0, 56, 7)])
    if count is None:
        count = held - 1 if held and (len(packed) * 8 - fill_bits) % 7 == 0 and septets[held - 1] == 0 else held
    return bytes(septets[: min(count, held)])


def _decode_gsm_packed(payload: bytes) -> str:
    return _decode_gsm(unpack_septets(payload))


def _encode_gsm_packed(text: str) -> bytes:
    return pack_septets(_encode_gsm(text))


# ── The other codings ────────────────────────────────────────────────────────────────────────────────
def _decode_with(codec: str, payload: bytes) -> str:
    return payload.decode(codec, "replace")


def _encode_with(codec: str, text: str) -> bytes:
    return text.encode(codec)


def _decode_japanese(plain: str, shifted: str, payload: bytes) -> str:
    # JIS X 0208 and X 0212 come with escape sequences (ISO 2022) or as 8-bit codes, by carrier.
    return payload.decode(shifted if 0x1B in payload else plain, "replace")


_DEFAULT: Final = "default"

_DECODERS: Final[dict[str, Callable[[bytes], str]]] = {
    "gsm0338": _decode_gsm,
    "gsm0338_packed": _decode_gsm_packed,
    "ascii": partial(_decode_with, "ascii"),
    "latin1": partial(_decode_with, "latin-1"),
    "utf8": partial(_decode_with, "utf-8"),
    "ucs2": partial(_decode_with, "utf-16-be"),
    "gbk": partial(_decode_with, "gb18030"),
    "binary": partial(_decode_with, "latin-1"),
    "iso8859_5": partial(_decode_with, "iso8859-5"),
    "iso8859_8": partial(_decode_with, "iso8859-8"),
    "jis": partial(_decode_japanese, "shift_jis", "iso2022_jp"),
    "iso2022_jp": partial(_decode_with, "iso2022_jp"),
    "jis_extended": partial(_decode_japanese, "euc_jp", "iso2022_jp_1"),
    "ks_c_5601": partial(_decode_with, "cp949"),
}
_ENCODERS: Final[dict[str, Callable[[str], bytes]]] = {
    "gsm0338": _encode_gsm,
    "gsm0338_packed": _encode_gsm_packed,
    "ascii": partial(_encode_with, "ascii"),
    "latin1": partial(_encode_with, "latin-1"),
    "utf8": partial(_encode_with, "utf-8"),
    "ucs2": partial(_encode_with, "utf-16-be"),
    "gbk": partial(_encode_with, "gbk"),
    "binary": partial(_encode_with, "latin-1"),
    "iso8859_5": partial(_encode_with, "iso8859-5"),
    "iso8859_8": partial(_encode_with, "iso8859-8"),
    "jis": partial(_encode_with, "shift_jis"),
    "iso2022_jp": partial(_encode_with, "iso2022_jp"),
    "jis_extended": partial(_encode_with, "euc_jp"),
    "ks_c_5601": partial(_encode_with, "euc_kr"),
}
DEFAULT_ALPHABETS: Final = frozenset({"gsm0338", "gsm0338_packed", "ascii", "latin1", "utf8", "ucs2", "gbk"})
"""Names that a carrier's or account's profile may give for data_coding 0."""

# SMPP 3.4 §5.2.19; 9 (pictograms), 11 and 12 (reserved) have no table anywhere and stay octets.
_SMPP_NAMES: Final = (
    *(_DEFAULT, "ascii", "binary", "latin1", "binary", "jis", "iso8859_5", "iso8859_8"),
    *("ucs2", "binary", "iso2022_jp", "binary", "binary", "jis_extended", "ks_c_5601", "gbk"),
)


def _name_of(data_coding: int) -> str:
    if data_coding < 0x10:
        return _SMPP_NAMES[data_coding]
    if data_coding < 0x80:  # 03.38 general groups 00xx and 01xx: class, compression, alphabet
        if data_coding & 0x20:
            return "binary"  # compressed (GSM 03.42): nobody sends it, nobody could read it here
        return (_DEFAULT, "binary", "ucs2", _DEFAULT)[data_coding >> 2 & 3]
    if data_coding >= 0xF0:  # message class; bit 2 says 8-bit data
        return "binary" if data_coding & 0x04 else _DEFAULT
    if data_coding & 0xF0 == 0xE0:  # message waiting, store, UCS2
        return "ucs2"
    return _DEFAULT  # message waiting with the default alphabet; reserved groups read as it, says 03.38


def _unit_named(name: str) -> Unit:
    if name in (_DEFAULT, "ascii"):
        return Unit.SEPTET
    if name == "ucs2":
        return Unit.UCS2
    return Unit.MULTIBYTE if name in ("jis", "iso2022_jp", "jis_extended", "ks_c_5601", "gbk") else Unit.OCTET


_NAME_OF: Final = tuple(map(_name_of, range(256)))
_UNIT_OF: Final = tuple(map(_unit_named, _NAME_OF))
_DECODER_OF: Final = tuple(_DECODERS.get(name) for name in _NAME_OF)
