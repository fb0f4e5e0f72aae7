"""A packet as a TCP segment: link layer, IPv4 or IPv6 and TCP taken off, nothing kept.

Never raises: what is not a whole TCP header in an unfragmented datagram is no segment.
LINKTYPE_NULL, ETHERNET (with VLAN tags), RAW, LOOP, LINUX_SLL, IPV4, IPV6 and LINUX_SLL2 are known.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from simulators.capture.format import Address
from simulators.capture.pcap_file import Packet

_NULL, _ETHERNET, _LOOP, _SLL, _IPV4_LINK, _IPV6_LINK, _SLL2 = 0, 1, 108, 113, 228, 229, 276
_RAW: Final = frozenset({12, 14, 101, _IPV4_LINK, _IPV6_LINK})
_IP_TYPES: Final = frozenset({0x0800, 0x86DD})
_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
#: IPv6 headers that only stand in the way: hop-by-hop, routing, destination options.
_SKIPPED: Final = frozenset({0, 43, 60})
_AUTHENTICATION, _FRAGMENT, _TCP = 51, 44, 6


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment."""

    source: Address
    destination: Address
    sequence: int
    flags: int
    payload: bytes


def tcp_segment(packet: Packet) -> Segment | None:
    """The segment in a packet, or None."""
    datagram = _datagram(packet.link_type, packet.octets)
    if len(datagram) < 20:
        return None
    version = datagram[0] >> 4
    found = _ipv4(datagram) if version == 4 else _ipv6(datagram) if version == 6 else None
    if found is None:
        return None
    source, destination, tcp = found
    if len(tcp) < 20 or not 20 <= tcp[12] >> 4 << 2 <= len(tcp):
        return None
    return Segment(
        (str(ipaddress.ip_address(source)), int.from_bytes(tcp[:2])),
        (str(ipaddress.ip_address(destination)), int.from_bytes(tcp[2:4])),
        int.from_bytes(tcp[4:8]),
        tcp[13],
        tcp[tcp[12] >> 4 << 2 :],
    )


def _datagram(link_type: int, octets: bytes) -> bytes:
    if link_type in _RAW:
        return octets
    if link_type in (_NULL, _LOOP):
        return octets[4:]
    if link_type == _SLL:
        return octets[16:] if int.from_bytes(octets[14:16]) in _IP_TYPES else b""
    if link_type == _SLL2:
        return octets[20:] if int.from_bytes(octets[:2]) in _IP_TYPES else b""
    if link_type != _ETHERNET:
        return b""
    at = 12
    while int.from_bytes(octets[at : at + 2]) in _TAGS:
        at += 4
    return octets[at + 2 :] if int.from_bytes(octets[at : at + 2]) in _IP_TYPES else b""


def _ipv4(datagram: bytes) -> tuple[bytes, bytes, bytes] | None:
    header = (datagram[0] & 0x0F) << 2
    fragment = int.from_bytes(datagram[6:8]) & 0x3FFF  # offset and "more fragments"
    if header < 20 or fragment or datagram[9] != _TCP:
        return None
    # A length of 0 stands in what a network card is yet to cut; trailing octets are padding.
    length = int.from_bytes(datagram[2:4]) or len(datagram)
    return datagram[12:16], datagram[16:20], datagram[header:length]


def _ipv6(datagram: bytes) -> tuple[bytes, bytes, bytes] | None:
    if len(datagram) < 40:
        return None
    length = int.from_bytes(datagram[4:6])
    following, at = datagram[6], 40
    end = 40 + length if length else len(datagram)
    while following in _SKIPPED or following in (_AUTHENTICATION, _FRAGMENT):
        if at + 8 > len(datagram):
            return None
        if following == _FRAGMENT and int.from_bytes(datagram[at + 2 : at + 4]) & 0xFFF9:
            return None
        octets = {_FRAGMENT: 8, _AUTHENTICATION: (datagram[at + 1] + 2) * 4}.get(following, (datagram[at + 1] + 1) * 8)
        following, at = datagram[at], at + octets
    return (datagram[8:24], datagram[24:40], datagram[at:end]) if following == _TCP else None
