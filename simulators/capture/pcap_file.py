"""Packets out of pcap and pcapng files, as any program writes them.

Owns the two file formats (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng): both byte orders, micro- and nanoseconds,
several interfaces with their own link types and clocks. Never looks into a packet. A file that ends
within a packet gives what is whole. What can go wrong: CaptureError for anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error
from typing import Final

from simulators.capture.format import CaptureError, checked_ns

#: First four octets → (byte order, nanoseconds per tick).
_CLASSIC: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_SECTION: Final = b"\x0a\x0d\x0d\x0a"
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 1, 2, 3, 6
_IF_TSRESOL, _IF_TSOFFSET = 9, 14
_MOST_PACKET: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured packet."""

    at_ns: int
    #: Of pcap's list (LINKTYPE_…).
    link_type: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    ticks_per_s: int
    offset_s: int


def is_packets(first: bytes) -> bool:
    """Whether a file that begins so is pcap or pcapng."""
    return first[:4] in _CLASSIC or first[:4] == _SECTION


def packets(octets: bytes, name: str) -> Iterator[Packet]:
    """Every packet in the order of the file; ``name`` is for errors. Raises CaptureError."""
    try:
        if octets[:4] in _CLASSIC:
            yield from _classic(octets)
        else:
            yield from _next_generation(octets)
    except (ValueError, struct_error) as error:
        raise CaptureError(f"{name}: not a sound pcap or pcapng file: {error}") from None


def _classic(octets: bytes) -> Iterator[Packet]:
    order, tick_ns = _CLASSIC[octets[:4]]
    if len(octets) < 24:
        raise ValueError("it ends within its header")
    link_type = Struct(order + "I").unpack_from(octets, 20)[0] & 0x0FFFFFFF
    record = Struct(order + "IIII")
    at, end = 24, len(octets)
    while at + 16 <= end:
        seconds, ticks, captured, _length = record.unpack_from(octets, at)
        if captured > _MOST_PACKET:
            raise ValueError(f"the packet at octet {at} claims {captured} octets")
        at += 16
        if at + captured > end:
            return
        yield Packet(seconds * 1_000_000_000 + ticks * tick_ns, link_type, octets[at : at + captured])
        at += captured


def _next_generation(octets: bytes) -> Iterator[Packet]:
    order = "<"
    interfaces: list[_Interface] = []
    at, end = 0, len(octets)
    while at + 12 <= end:
        kind = octets[at : at + 4]
        if kind == _SECTION:
            if octets[at + 8 : at + 12] not in _ORDERS:
                raise ValueError(f"the section at octet {at} has no byte order")
            order = _ORDERS[octets[at + 8 : at + 12]]
            interfaces = []
        number, length = Struct(order + "II").unpack_from(octets, at)
        if length < 12 or length % 4:
            raise ValueError(f"the block at octet {at} claims {length} octets")
        if at + length > end:
            return
        body = octets[at + 8 : at + length - 4]
        at += length
        if kind == _SECTION:
            continue
        if number == _INTERFACE:
            interfaces.append(_interface(body, order))
        elif number in (_PACKET, _OLD_PACKET, _SIMPLE_PACKET):
            yield _block_packet(number, body, order, interfaces)


def _interface(body: bytes, order: str) -> _Interface:
    pair = Struct(order + "HH")
    link_type = Struct(order + "H").unpack_from(body)[0]
    ticks_per_s, offset_s = 1_000_000, 0
    at = 8
    while at + 4 <= len(body):
        code, length = pair.unpack_from(body, at)
        value = body[at + 4 : at + 4 + length]
        if code == 0:
            break
        if code == _IF_TSRESOL and value:
            ticks_per_s = 1 << (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
        elif code == _IF_TSOFFSET and len(value) == 8:
            offset_s = Struct(order + "q").unpack(value)[0]
        at += 4 + (length + 3 & ~3)
    return _Interface(link_type, ticks_per_s, offset_s)


def _block_packet(number: int, body: bytes, order: str, interfaces: list[_Interface]) -> Packet:
    if number == _SIMPLE_PACKET:
        index, high, low, captured, start = 0, 0, 0, Struct(order + "I").unpack_from(body)[0], 4
        captured = min(captured, len(body) - start)
    elif number == _PACKET:
        index, high, low, captured = Struct(order + "IIII").unpack_from(body)
        start = 20
    else:
        index, _drops, high, low, captured = Struct(order + "HHIII").unpack_from(body)
        start = 20
    if index >= len(interfaces):
        raise ValueError(f"a packet names interface {index}, which is not described")
    if start + captured > len(body):
        raise ValueError(f"a packet claims {captured} octets in a block of {len(body)}")
    interface = interfaces[index]
    at_ns = (high << 32 | low) * 1_000_000_000 // interface.ticks_per_s + interface.offset_s * 1_000_000_000
    return Packet(checked_ns(at_ns), interface.link_type, body[start : start + captured])
