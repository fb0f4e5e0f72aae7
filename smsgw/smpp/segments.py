"""How many radio segments a text or payload takes, and where it is cut (3GPP TS 23.040 §9.2.3.24).

Owns the limits: 160 septets, 140 octets or 70 UCS2 characters alone; 153, 134 or 67 each when there are
several, 152, 133 or 66 with a 16-bit reference. Everything priced or shaped "per segment" counts with this.

Never cuts inside an escape pair of GSM 03.38, a surrogate pair or a multi-octet character, so a text may
take one segment more than its length suggests; counting knows that, because it cuts.
Payloads are unpacked and without a user data header; a payload with one is one segment, and not our matter.
What can go wrong: ASCII counts as septets though carriers spend two on characters like "[".
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final

from smsgw.errors import LocalError
from smsgw.smpp.alphabet import Unit, decode_text, encode_text, unit_of
from smsgw.smpp.gsm0338 import ESCAPE
from smsgw.smpp.udh import build_concat_udh

MAX_SEGMENTS: Final = 255
_SEGMENT_OCTETS: Final = 140  # user data of one radio segment (23.040 §9.2.3.16)
_HEADER_OCTETS: Final = 6
_WIDE_HEADER_OCTETS: Final = 7


def segment_limit(data_coding: int, header_octets: int = 0) -> int:
    """Return how many payload octets (unpacked) fit one segment beside a header of ``header_octets``."""
    octets = _SEGMENT_OCTETS - header_octets
    unit = unit_of(data_coding)
    if unit == Unit.SEPTET:
        return octets * 8 // 7
    return octets & ~1 if unit == Unit.UCS2 else octets


_ALONE: Final = tuple(segment_limit(data_coding) for data_coding in range(256))


def count_segments(content: str | bytes, data_coding: int) -> int:
    """Return the number of segments, at least 1, of a text or of an encoded payload.

    Raises LocalError for a text that the coding can't write. Never raises for bytes.
    """
    if isinstance(content, str):
        return len(split_text(content, data_coding))
    return 1 if len(content) <= _ALONE[data_coding] else len(split_payload(content, data_coding))


def split_text(text: str, data_coding: int, *, header_octets: int = _HEADER_OCTETS) -> list[bytes]:
    """Encode a text and cut it into payloads, without headers; one payload when it fits one segment.

    ``header_octets`` is what each of several segments has to leave free: 6, or 7 for 16-bit references.
    Raises LocalError for a text that the coding can't write.
    """
    payload = encode_text(text, data_coding)
    if len(payload) <= _ALONE[data_coding]:
        return [payload]
    limit = segment_limit(data_coding, header_octets)
    if unit_of(data_coding) == Unit.MULTIBYTE:
        return _split_multibyte(text, data_coding, limit)
    return _cut(payload, unit_of(data_coding), limit)


def split_payload(payload: bytes, data_coding: int, *, header_octets: int = _HEADER_OCTETS) -> list[bytes]:
    """Cut an encoded payload, as of a message_payload TLV; never raises.

    A multi-octet coding is cut between characters when the payload can be read, else anywhere.
    """
    if len(payload) <= _ALONE[data_coding]:
        return [payload]
    if unit_of(data_coding) == Unit.MULTIBYTE:
        try:
            return split_text(decode_text(payload, data_coding), data_coding, header_octets=header_octets)
        except LocalError:
            pass  # it held something unreadable, so it has no characters to keep whole
    return _cut(payload, unit_of(data_coding), segment_limit(data_coding, header_octets))


def split_udh(text: str, data_coding: int, reference: int, wide: bool = False) -> list[bytes]:
    """Encode a text and cut it into payloads that begin with a concatenation header.

    A text that fits one segment gets no header: the caller sets ESM_UDHI only if there are several.
    ``reference`` is 0..255, or 0..65535 with ``wide``. Raises LocalError for more than 255 segments.
    """
    payloads = split_text(text, data_coding, header_octets=_WIDE_HEADER_OCTETS if wide else _HEADER_OCTETS)
    total = len(payloads)
    if total == 1:
        return payloads
    if total > MAX_SEGMENTS:
        raise LocalError(f"{total} segments are more than the {MAX_SEGMENTS} that a header can number")
    return [
        build_concat_udh(reference, total, index, wide) + payload for index, payload in enumerate(payloads, start=1)
    ]


def joined_text(segments: Iterable[tuple[bytes, int]]) -> str:
    """The text of a message's segments, as a phone puts it together: each is read by itself, by its own data_coding.

    ``segments``: payloads without their headers, in order, and their data_coding. Only a surrogate pair or an escape of
    GSM 03.38 may straddle two of them. Octets that make no whole character stay within their segment, else one octet
    too many would have everything behind it read as something that no phone shows. Never raises.
    """
    text = ""
    for data_coding, group in groupby(segments, itemgetter(1)):
        payloads = [payload for payload, _ in group]
        unit = unit_of(data_coding)
        if unit == Unit.UCS2:
            payloads = [b"".join(payload if len(payload) % 2 == 0 else payload[:-1] + _NO_UCS2 for payload in payloads)]
        elif unit == Unit.SEPTET:
            payloads = [b"".join(payloads)]
        text += "".join(decode_text(payload, data_coding) for payload in payloads)
    return text


_NO_UCS2: Final = b"\xff\xfd"  # U+FFFD


def _cut(payload: bytes, unit: Unit, limit: int) -> list[bytes]:
    pieces = []
    start, length = 0, len(payload)
    while start < length:
        end = start + limit
        if end < length and (
            (unit == Unit.SEPTET and _is_inside_escape(payload, start, end))
            or (unit == Unit.UCS2 and _is_inside_surrogates(payload, end))
        ):
            end -= 1 if unit == Unit.SEPTET else 2
        pieces.append(payload[start:end])
        start = end
    return pieces


def _is_inside_escape(payload: bytes, start: int, end: int) -> bool:
    # An escape may itself be escaped, so an odd run of them before the cut means a pair is open.
    run = end
    while run > start and payload[run - 1] == ESCAPE:
        run -= 1
    return (end - run) % 2 == 1


def _is_inside_surrogates(payload: bytes, end: int) -> bool:
    return payload[end - 2] & 0xFC == 0xD8 and payload[end] & 0xFC == 0xDC


def _split_multibyte(text: str, data_coding: int, limit: int) -> list[bytes]:
    """Cut between characters; each piece is encoded on its own, as some of these codings keep a shift state."""
    pieces = []
    start = 0
    while start < len(text):
        fits, too_many = 1, limit + 1  # a piece never has more characters than octets
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if len(encode_text(text[start : start + middle], data_coding)) <= limit:
                fits = middle
            else:
                too_many = middle
        pieces.append(encode_text(text[start : start + fits], data_coding))
        start += fits
    return pieces
