"""User data headers and the three ways to say "part i of n" (3GPP TS 23.040 §9.2.3.24, SMPP 3.4 §5.3.2.22).

Owns the octets in front of a payload whose esm_class has ESM_UDHI, and ``Concat``, the one shape that
8-bit references, 16-bit references and sar_* TLVs take. Unknown elements are kept, never judged.

What can go wrong: a header longer than its payload (RecoverableError, ESME_RINVESMCLASS: the flag promised
a header that isn't there). A concatenation that makes no sense (index 0, index beyond total, wrong length)
is no error: the specification has the element ignored, and the message stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from smsgw.errors import LocalError, RecoverableError
from smsgw.smpp.constants import CommandStatus, Tag
from smsgw.smpp.tlv import Tlvs

IE_CONCAT_8BIT: Final = 0x00
IE_CONCAT_16BIT: Final = 0x08
_ONLY_CONCAT_8BIT: Final = b"\x05\x00\x03"

_SAR_MSG_REF_NUM: Final = int(Tag.SAR_MSG_REF_NUM)
_SAR_TOTAL_SEGMENTS: Final = int(Tag.SAR_TOTAL_SEGMENTS)
_SAR_SEGMENT_SEQNUM: Final = int(Tag.SAR_SEGMENT_SEQNUM)


@dataclass(frozen=True, slots=True)
class Concat:
    """One segment's place: ``index`` 1..total of ``total`` 1..255, of the message named by ``reference``."""

    reference: int
    total: int
    index: int
    wide: bool = False
    """The reference has 16 bits."""
    kind: str = "udh8"
    """Where it was said: "udh8", "udh16" or "sar"."""


class Udh(NamedTuple):
    """A parsed user data header."""

    elements: tuple[tuple[int, bytes], ...]
    """(identifier, data) in the order received, repeated and unknown ones too."""
    header_octets: int
    """Octets before the text, the length octet counted."""

    def all(self, identifier: int) -> list[bytes]:
        """Return the data of every element with this identifier, in order."""
        return [data for element, data in self.elements if element == identifier]

    @property
    def concat(self) -> Concat | None:
        """The message's concatenation; of several the last sensible one holds (23.040 §9.2.3.24)."""
        found = None
        for identifier, data in self.elements:
            found = _concat_of_element(identifier, data) or found
        return found


class Payload(Protocol):
    """What ``concat_of`` reads of a submit_sm, deliver_sm or data_sm view."""

    @property
    def has_udh(self) -> bool: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def tlvs(self) -> Tlvs: ...


def parse_udh(payload: bytes) -> Udh | None:
    """Parse the header at the front of a payload; None when it is empty (no octets, or a length of 0).

    Call it only when esm_class has ESM_UDHI. Raises RecoverableError when the header or one of its
    elements runs past its end.
    """
    if not payload or not payload[0]:
        return None
    end = payload[0] + 1
    if end > len(payload):
        raise _overrun(f"user data header of {end} octets in a payload of {len(payload)}")
    elements = []
    at = 1
    while at < end:
        if at + 2 > end or at + 2 + payload[at + 1] > end:
            raise _overrun(f"information element at octet {at} runs past the user data header of {end} octets")
        start = at + 2
        at = start + payload[at + 1]
        elements.append((payload[start - 2], payload[start:at]))
    return Udh(tuple(elements), end)


def strip_udh(payload: bytes) -> bytes:
    """Return the payload behind its header. Raises RecoverableError when the header is longer than it."""
    if not payload:
        return payload
    end = payload[0] + 1
    if end > len(payload):
        raise _overrun(f"user data header of {end} octets in a payload of {len(payload)}")
    return payload[end:]


def build_concat_udh(reference: int, total: int, index: int, wide: bool = False) -> bytes:
    """Return the header of segment ``index`` 1..total: 6 octets, or 7 with a 16-bit reference (``wide``).

    Raises LocalError for numbers that don't fit.
    """
    if not 1 <= index <= total <= 255 or not 0 <= reference <= (0xFFFF if wide else 0xFF):
        raise LocalError(f"no segment {index} of {total} with reference {reference} ({'16' if wide else '8'} bits)")
    if wide:
        return bytes((6, IE_CONCAT_16BIT, 4, reference >> 8, reference & 0xFF, total, index))
    return bytes((5, IE_CONCAT_8BIT, 3, reference, total, index))


def concat_of(view: Payload) -> Concat | None:
    """Tell which segment of which message a PDU carries; None when it stands alone.

    The header is asked first, then the sar_* TLVs (all three of them, or they say nothing).
    Raises RecoverableError for a broken header, and what the view raises for broken TLVs.
    """
    if view.has_udh:
        payload = view.payload
        if payload[:3] == _ONLY_CONCAT_8BIT and len(payload) >= 6:  # what nearly all long messages have
            concat = _concat_of_element(IE_CONCAT_8BIT, payload[3:6])
        else:
            udh = parse_udh(payload)
            concat = udh.concat if udh is not None else None
        if concat is not None:
            return concat
    return _concat_of_sar(view.tlvs)


def _concat_of_sar(tlvs: Tlvs) -> Concat | None:
    reference = tlvs.first(_SAR_MSG_REF_NUM)
    if reference is None:
        return None
    total, index = tlvs.first(_SAR_TOTAL_SEGMENTS), tlvs.first(_SAR_SEGMENT_SEQNUM)
    if total is None or index is None or len(reference) != 2 or len(total) != 1 or len(index) != 1:
        return None
    if not 1 <= index[0] <= total[0]:
        return None
    return Concat(reference[0] << 8 | reference[1], total[0], index[0], True, "sar")


def _concat_of_element(identifier: int, data: bytes) -> Concat | None:
    if identifier == IE_CONCAT_8BIT and len(data) == 3:
        reference, total, index = data
        concat = Concat(reference, total, index, False, "udh8")
    elif identifier == IE_CONCAT_16BIT and len(data) == 4:
        high, low, total, index = data
        concat = Concat(high << 8 | low, total, index, True, "udh16")
    else:
        return None
    return concat if 1 <= index <= total else None


def _overrun(reason: str) -> RecoverableError:
    return RecoverableError(CommandStatus.ESME_RINVESMCLASS, reason)
