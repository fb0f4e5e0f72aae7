"""TLVs (optional parameters) of a PDU: in order, duplicates and unknown tags kept.

Owns: cutting the TLV part of a PDU and putting it back octet for octet. Never interprets a value:
a value may lack the NUL or the length that its tag asks for, and what that means is the reader's.
SMPP 3.4 §3.2.4, §5.3; SMPP 5.0 §4.8. What can go wrong: a length that runs past the PDU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

from smsgw.errors import LocalError, RecoverableError
from smsgw.smpp.constants import CommandStatus

_HEAD: Final = Struct(">HH")
_HEAD_OCTETS: Final = 4
_MAX_VALUE_OCTETS: Final = 0xFFFF


def tlv(tag: int, value: bytes) -> bytes:
    """One TLV as octets, ready to be joined to others.

    Raises LocalError when ``tag`` is not in 0..65535 or ``value`` has more than 65535 octets.
    """
    if not 0 <= tag <= 0xFFFF or len(value) > _MAX_VALUE_OCTETS:
        raise LocalError(f"TLV 0x{tag:04X} with {len(value)} octets can't be encoded")
    return _HEAD.pack(tag, len(value)) + value


class Tlvs:
    """An immutable sequence of ``(tag, value)`` that encodes to the very octets it was parsed from."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[int, bytes]] = ()) -> None:
        self._items: tuple[tuple[int, bytes], ...] = tuple(items)

    @classmethod
    def parse(cls, raw: bytes, offset: int) -> Tlvs:
        """Read TLVs from ``offset`` to the end of ``raw``; none when ``offset`` is the end.

        Raises RecoverableError: ESME_RINVTLVSTREAM when fewer than 4 octets are left for a tag and
        a length, ESME_RINVTLVLEN when a length runs past the end. The caller fills in the PDU's ids.
        """
        end = len(raw)
        if offset >= end:
            return NO_TLVS
        items: list[tuple[int, bytes]] = []
        unpack = _HEAD.unpack_from
        while end - offset >= _HEAD_OCTETS:
            tag, length = unpack(raw, offset)
            offset += _HEAD_OCTETS
            stop = offset + length
            if stop > end:
                raise RecoverableError(
                    CommandStatus.ESME_RINVTLVLEN,
                    f"TLV 0x{tag:04X} says {length} octets, {end - offset} are left",
                )
            items.append((tag, raw[offset:stop]))
            offset = stop
        if offset != end:
            raise RecoverableError(
                CommandStatus.ESME_RINVTLVSTREAM, f"{end - offset} octets after the last TLV are too few for another"
            )
        return cls(items)

    def first(self, tag: int) -> bytes | None:
        """The value of the first TLV with this tag, or None."""
        for item_tag, value in self._items:
            if item_tag == tag:
                return value
        return None

    def all(self, tag: int) -> list[bytes]:
        """The values of every TLV with this tag, in the order of the PDU."""
        return [value for item_tag, value in self._items if item_tag == tag]

    def encode(self) -> bytes:
        """All TLVs as octets. Raises LocalError as ``tlv`` does."""
        return b"".join([tlv(tag, value) for tag, value in self._items])

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, Tlvs) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        inside = ", ".join(f"(0x{tag:04X}, {value!r})" for tag, value in self._items)
        return f"Tlvs([{inside}])"


NO_TLVS: Final = Tlvs()
