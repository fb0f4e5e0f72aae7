"""Events as PDUs, and PDUs as conversations: what both replays and the printing of captures read.

A ``Follower`` cuts the streams into PDUs; after a gap it finds its place again at the next octets that begin
with one. Whoever recorded, ``from_application`` says who sent a PDU. Nothing is decoded here but a bind.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from simulators.capture.format import Address, Event, Reset
from simulators.capture.sides import is_header, said_by_application
from smsgw.errors import ProtocolError
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import HEADER_OCTETS, CommandId
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS, Framer
from smsgw.smpp.views import HEADER

BINDS: Final = frozenset({
    int(CommandId.BIND_RECEIVER), int(CommandId.BIND_TRANSMITTER), int(CommandId.BIND_TRANSCEIVER),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recorded:
    """One PDU, or octets that are none."""

    connection: int
    at_ns: int
    business_ms: int
    #: Sent by the peer of whoever recorded.
    incoming: bool
    octets: bytes
    #: False for octets that could not be cut into PDUs.
    framed: bool = True

    @property
    def command_id(self) -> int:
        """0 when it is no PDU."""
        return HEADER.unpack_from(self.octets)[1] if self.framed else 0

    @property
    def status(self) -> int:
        """command_status."""
        return HEADER.unpack_from(self.octets)[2] if self.framed else 0

    @property
    def sequence_number(self) -> int:
        """sequence_number."""
        return HEADER.unpack_from(self.octets)[3] if self.framed else 0


class _Stream:
    def __init__(self) -> None:
        self.framer = Framer(AFTER_BIND_MAX_OCTETS)
        self.searching = False

    def is_lost(self) -> bool:
        """Whether no PDU can be cut from it any more."""
        return self.framer.failure is not None


class Follower:
    """Feed it events in order; it returns the PDUs that became whole, each with the time of its last octet."""

    def __init__(self) -> None:
        self._streams: dict[tuple[int, bool], _Stream] = {}

    def feed(self, event: Event) -> list[Recorded]:
        """Take one event."""
        if event.kind in ("opened", "closed"):
            self._streams.pop((event.connection, True), None)
            self._streams.pop((event.connection, False), None)
            return []
        incoming = event.kind == "in"
        stream = self._streams.setdefault((event.connection, incoming), _Stream())
        if event.lost:
            stream.framer = Framer(AFTER_BIND_MAX_OCTETS)
            stream.searching = True
        stream.searching = stream.searching and not is_header(event.octets)
        if stream.searching or stream.is_lost():
            return [_recorded(event, event.octets, framed=False)]
        pending = stream.framer.pending_octets
        frames = stream.framer.feed(event.octets)
        found = [_recorded(event, frame) for frame in frames]
        if stream.is_lost():
            rest = event.octets[max(0, sum(map(len, frames)) - pending) :]
            found.append(_recorded(event, rest, framed=False))
        return found


@dataclass(slots=True)
class Conversation:
    """Everything said on one connection."""

    connection: int
    where: str
    number: int
    local: Address
    remote: Address
    opened_ns: int
    account: str = ""
    closed_ns: int | None = None
    reset: Reset = ""
    pdus: list[Recorded] = field(default_factory=list)

    @property
    def application_is_peer(self) -> bool:
        """Whether whoever recorded was the carrier."""
        for each in self.pdus:
            said = said_by_application(each.command_id)
            if said is not None:
                return said == each.incoming
        return True

    def by_application(self) -> list[Recorded]:
        """The PDUs of the application."""
        return [each for each in self.pdus if each.framed and each.incoming == self.application_is_peer]

    def by_carrier(self) -> list[Recorded]:
        """The PDUs of the carrier."""
        return [each for each in self.pdus if each.framed and each.incoming != self.application_is_peer]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which connections of a capture; empty means all."""

    connections: Collection[int] = ()
    accounts: Collection[str] = ()
    where: Collection[str] = ()

    def takes(self, conversation: Conversation) -> bool:
        """Whether a connection is selected."""
        return (
            (not self.connections or conversation.connection in self.connections)
            and (not self.accounts or conversation.account in self.accounts)
            and (not self.where or conversation.where in self.where)
        )

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not (self.connections or self.accounts or self.where)


def conversations(events: Iterable[Event], selection: Selection | None = None) -> list[Conversation]:
    """All selected conversations in the order of their beginning."""
    follower = Follower()
    found: dict[int, Conversation] = {}
    for event in events:
        conversation = found.get(event.connection)
        if conversation is None:
            conversation = found[event.connection] = Conversation(
                event.connection, event.where, event.number, event.local, event.remote, event.at_ns
            )
        conversation.account = event.account or conversation.account
        if event.kind == "closed":
            conversation.closed_ns = event.at_ns
            conversation.reset = event.reset
        for pdu in follower.feed(event):
            conversation.pdus.append(pdu)
            conversation.account = conversation.account or account_of(pdu)
    selection = selection or Selection()
    return [each for each in found.values() if selection.takes(each)]


def selected(events: Iterable[Event], connections: Container[int]) -> Iterator[Event]:
    """The events of these connections."""
    return (event for event in events if event.connection in connections)


def account_of(pdu: Recorded) -> str:
    """The system_id of a bind; empty for another PDU."""
    if pdu.command_id not in BINDS or len(pdu.octets) <= HEADER_OCTETS:
        return ""
    try:
        system_id = decode(pdu.octets).fields["system_id"]
    except ProtocolError:
        return ""
    return system_id.decode("latin-1") if isinstance(system_id, bytes) else ""


def _recorded(event: Event, octets: bytes, *, framed: bool = True) -> Recorded:
    return Recorded(event.connection, event.at_ns, event.business_ms, event.kind == "in", octets, framed)
