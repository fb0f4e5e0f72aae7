"""Events as a classic pcap file with nanoseconds: SMPP over a made-up but correct TCP over Ethernet.

Owns the packets around the octets: a handshake, sequence and acknowledgement numbers, checksums, segments
no greater than the announced MSS, FIN or RST. The one who speaks first is the one who connected (SMPP 3.4 §2.2:
bind and outbind both come from there); so the handshake is written with the first octets. Of a connection that
was bound before, it is the one with the higher port. Times never go back within a file. Business time, names of
carriers and gaps have no place in pcap.
"""

from __future__ import annotations

import ipaddress
from array import array
from struct import Struct
from sys import byteorder
from typing import Final

from simulators.capture.format import Event, Reset

MAGIC_NS: Final = 0xA1B23C4D
LINKTYPE_ETHERNET: Final = 1
SNAPLEN: Final = 262_144
MSS: Final = 1440  # fits Ethernet under IPv4 and IPv6
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_FILE: Final = Struct("<IHHiIII")
_RECORD: Final = Struct("<IIII")
_TCP: Final = Struct(">HHIIBBHHH")
_IPV4: Final = Struct(">BBHHHBBH4s4s")
_IPV6: Final = Struct(">IHBB16s16s")
_MACS: Final = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")
# MSS, a window scale of 7, and one NOP: what any stack says today.
_SYN_OPTIONS: Final = b"\x02\x04" + MSS.to_bytes(2) + b"\x01\x03\x03\x07"
#: Seconds have 32 bits here, which last until 2106.
_LAST_NS: Final = (1 << 32) * 1_000_000_000 - 1
_WINDOW: Final = 0xFFFF
#: Octets after which the other side acknowledges although it has nothing to say.
_ACK_EVERY: Final = 1 << 16
_UNKNOWN: Final = ("192.0.2.1", "192.0.2.2")  # RFC 5737: addresses for documents


class _Side:
    """One end of a connection."""

    __slots__ = ("acked", "address", "mac", "port", "sequence")

    def __init__(self, address: bytes, port: int, mac: bytes, sequence: int) -> None:
        self.address = address
        self.port = port
        self.mac = mac
        #: Of its next octet.
        self.sequence = sequence
        #: How far it acknowledged the other side's.
        self.acked = 0


class _Talk:
    """A connection as packets."""

    def __init__(self, opened: Event) -> None:
        self.opened_ns = opened.at_ns
        self.started = False
        self._is_late = bool(opened.account)
        local, remote = _addresses(opened)
        number = opened.connection
        self.local = _Side(local, opened.local[1] or 2775, _MACS[0], number * 1_000_003 & 0xFFFFFFFF)
        self.remote = _Side(
            remote, opened.remote[1] or 1024 + number % 60_000, _MACS[1], number * 7_000_003 & 0xFFFFFFFF
        )
        self._identification = 0

    def handshake(self, first: _Side, second: _Side) -> list[bytes]:
        """The first three packets, of a connection on which ``first`` is the first that is heard."""
        self.started = True
        client, server = first, second
        if self._is_late and client.port < server.port:
            client, server = server, client
        packets = [self.packet(client, server, SYN)]
        client.sequence = client.sequence + 1 & 0xFFFFFFFF
        server.acked = client.sequence
        packets.append(self.packet(server, client, SYN | ACK))
        server.sequence = server.sequence + 1 & 0xFFFFFFFF
        return [*packets, self.acknowledgement(client, server)]

    def data(self, sender: _Side, receiver: _Side, octets: bytes) -> list[bytes]:
        """Octets as segments, each no greater than the MSS."""
        packets = []
        for at in range(0, len(octets), MSS):
            piece = octets[at : at + MSS]
            last = at + MSS >= len(octets)
            sender.acked = receiver.sequence
            packets.append(self.packet(sender, receiver, ACK | (PSH if last else 0), piece))
            sender.sequence = sender.sequence + len(piece) & 0xFFFFFFFF
            if sender.sequence - receiver.acked & 0xFFFFFFFF >= _ACK_EVERY:
                packets.append(self.acknowledgement(receiver, sender))
        return packets

    def acknowledgement(self, sender: _Side, receiver: _Side) -> bytes:
        """A packet without data."""
        sender.acked = receiver.sequence
        return self.packet(sender, receiver, ACK)

    def end(self, reset: Reset) -> list[bytes]:
        """RST from one side, or FIN from here, FIN back, and the last acknowledgement."""
        local, remote = self.local, self.remote
        if reset:
            sender, receiver = (remote, local) if reset == "in" else (local, remote)
            sender.acked = receiver.sequence
            return [self.packet(sender, receiver, RST | ACK)]
        packets = []
        for sender, receiver in ((local, remote), (remote, local)):
            sender.acked = receiver.sequence
            packets.append(self.packet(sender, receiver, FIN | ACK))
            sender.sequence = sender.sequence + 1 & 0xFFFFFFFF
        return [*packets, self.acknowledgement(local, remote)]

    def packet(self, sender: _Side, receiver: _Side, flags: int, payload: bytes = b"") -> bytes:
        """An Ethernet frame with everything in it."""
        options = _SYN_OPTIONS if flags & SYN else b""
        acknowledged = sender.acked if flags & ACK else 0
        offset = 20 + len(options) << 2
        fields = (sender.port, receiver.port, sender.sequence, acknowledged, offset, flags, _WINDOW)
        bare = _TCP.pack(*fields, 0, 0) + options + payload
        pseudo = sender.address + receiver.address + len(bare).to_bytes(4) + b"\0\0\0\x06"
        segment = _TCP.pack(*fields, checksum(pseudo + bare), 0) + options + payload
        self._identification = self._identification + 1 & 0xFFFF
        if len(sender.address) == 4:
            head = (0x45, 0, 20 + len(segment), self._identification, 0x4000, 64, 6)
            addresses = (sender.address, receiver.address)
            ip = _IPV4.pack(*head, checksum(_IPV4.pack(*head, 0, *addresses)), *addresses)
            return receiver.mac + sender.mac + b"\x08\x00" + ip + segment
        ip = _IPV6.pack(0x60000000, len(segment), 6, 64, sender.address, receiver.address)
        return receiver.mac + sender.mac + b"\x86\xdd" + ip + segment


class PcapEncoder:
    """Events to the octets of a pcap file."""

    def __init__(self) -> None:
        self._talks: dict[int, _Talk] = {}
        self._last_ns = 0

    def start(self) -> bytes:
        """The file's header."""
        return _FILE.pack(MAGIC_NS, 2, 4, 0, 0, SNAPLEN, LINKTYPE_ETHERNET)

    def end(self, why: str, at_ns: int) -> bytes:
        """Nothing: pcap has no end mark."""
        return b""

    def encode(self, event: Event) -> bytes:
        """The packets of one event."""
        if event.kind == "opened":
            self._talks[event.connection] = _Talk(event)
            return b""
        talk = self._talks.get(event.connection)
        if talk is None:
            return b""
        sender, receiver = (talk.local, talk.remote) if event.kind == "out" else (talk.remote, talk.local)
        octets = b""
        if not talk.started:
            octets = self._records(talk.opened_ns, talk.handshake(sender, receiver))
        if event.kind == "closed":
            del self._talks[event.connection]
            return octets + self._records(event.at_ns, talk.end(event.reset))
        # What the record misses is missing in the numbers too, and any reader sees the gap.
        sender.sequence = sender.sequence + event.lost & 0xFFFFFFFF
        return octets + self._records(event.at_ns, talk.data(sender, receiver, event.octets))

    def _records(self, at_ns: int, packets: list[bytes]) -> bytes:
        self._last_ns = at_ns = max(at_ns, self._last_ns)
        seconds, nanoseconds = divmod(min(at_ns, _LAST_NS), 1_000_000_000)
        return b"".join([_RECORD.pack(seconds, nanoseconds, len(packet), len(packet)) + packet for packet in packets])


def checksum(octets: bytes) -> int:
    """The ones' complement sum of RFC 1071."""
    words = array("H", octets if len(octets) % 2 == 0 else octets + b"\0")
    if byteorder == "little":
        words.byteswap()
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _addresses(opened: Event) -> tuple[bytes, bytes]:
    local, remote = (
        _parsed(address[0]) or ipaddress.ip_address(unknown)
        for address, unknown in zip((opened.local, opened.remote), _UNKNOWN, strict=True)
    )
    if local.version == remote.version:
        return local.packed, remote.packed
    return tuple(  # type: ignore[return-value]  # two in, two out
        each.packed if each.version == 6 else b"\0" * 10 + b"\xff\xff" + each.packed for each in (local, remote)
    )


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
