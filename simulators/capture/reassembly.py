"""TCP segments, in whatever order and however often they were captured, as streams.

Owns the order of octets (RFC 9293 §3.4): overlaps keep what came first, segments out of order wait, gaps that are never
filled are reported as such. Memory is the capture's; what waits in one direction is bounded, since a
gap that much data follows is taken for one of the capture. Never looks at the octets.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Final

from simulators.capture.format import Address
from simulators.capture.packets import Segment

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
_MOST_WAITING: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets that follow each other in one direction."""

    at_ns: int
    from_first: bool
    octets: bytes
    #: How many octets are missing before them.
    lost: int


@dataclass(slots=True)
class Flow:
    """One TCP connection; ``first`` sent the first packet that was captured of it."""

    first: Address
    second: Address
    opened_ns: int
    #: The SYN was captured, and it was ``first`` that connected.
    whole: bool
    closed_ns: int = 0
    #: Who sent RST; None when nobody did.
    reset_by: Address | None = None
    pieces: list[Piece] = field(default_factory=list)


class _Direction:
    def __init__(self, flow: Flow, from_first: bool) -> None:
        self._flow = flow
        self._from_first = from_first
        #: Of the next octet, counted on beyond 32 bits; None before it is known.
        self._next: int | None = None
        #: What sequence numbers are near to.
        self._near = 0
        self._waiting: list[tuple[int, int, bytes]] = []
        self._octets = 0
        self._last_ns = 0
        self.started: int | None = None
        self.finished = False

    def add(self, at_ns: int, segment: Segment) -> None:
        """Take a segment of this direction."""
        position = self._near + _signed(segment.sequence - self._near)
        if segment.flags & SYN:
            self.started = segment.sequence
            position += 1
            self._next = position if self._next is None else self._next
        elif self._next is None and not self._flow.whole:
            self._next = position
        self._near = position
        if segment.payload:
            heapq.heappush(self._waiting, (position, at_ns, segment.payload))
            self._octets += len(segment.payload)
        self._drain(at_ns)
        while self._octets > _MOST_WAITING:
            self._skip()
        if segment.flags & (FIN | RST):
            self.finished = True

    def finish(self) -> None:
        """Nothing more comes: what waits behind gaps is given."""
        while self._waiting:
            self._skip()

    def _drain(self, now_ns: int) -> None:
        while self._next is not None and self._waiting and self._waiting[0][0] <= self._next:
            position, at_ns, payload = heapq.heappop(self._waiting)
            self._octets -= len(payload)
            fresh = payload[self._next - position :]
            if fresh:
                self._next += len(fresh)
                self._give(max(at_ns, now_ns), fresh, 0)

    def _skip(self) -> None:
        position, at_ns, payload = heapq.heappop(self._waiting)
        self._octets -= len(payload)
        # Where the beginning is unknown something is missing, but nobody knows how much.
        lost = 1 if self._next is None else position - self._next
        self._next = position + len(payload)
        self._give(at_ns, payload, lost)
        self._drain(0)

    def _give(self, at_ns: int, octets: bytes, lost: int) -> None:
        self._last_ns = max(at_ns, self._last_ns)
        self._flow.pieces.append(Piece(self._last_ns, self._from_first, octets, lost))


class Reassembler:
    """Feed it segments in the order of the capture; ``flows`` at the end are all connections."""

    def __init__(self) -> None:
        self._open: dict[tuple[Address, Address], tuple[Flow, _Direction, _Direction]] = {}
        self._flows: list[Flow] = []

    def feed(self, at_ns: int, segment: Segment) -> None:
        """Take one segment."""
        key, back = (segment.source, segment.destination), (segment.destination, segment.source)
        found = self._open.get(key) or self._open.get(back)
        if found is not None and _is_new(found, segment):
            self._end(found)
            found = None
        if found is None:
            if segment.flags & RST or (segment.flags & FIN and not segment.payload):
                return
            # Without the SYN, a SYN/ACK tells who connected as well.
            answered = segment.flags & (SYN | ACK) == SYN | ACK
            first, second = back if answered else key
            flow = Flow(first, second, at_ns, bool(segment.flags & SYN))
            found = flow, _Direction(flow, True), _Direction(flow, False)
            self._flows.append(flow)
            self._open[first, second] = found
        flow, forward, backward = found
        direction = forward if segment.source == flow.first else backward
        direction.add(at_ns, segment)
        if segment.flags & RST:
            flow.reset_by = flow.reset_by or segment.source
        if flow.reset_by or (forward.finished and backward.finished):
            flow.closed_ns = flow.closed_ns or at_ns

    def flows(self) -> list[Flow]:
        """All connections in the order of their first packets; nothing may be fed after this."""
        for found in self._open.values():
            _finish(found)
        self._open.clear()
        return self._flows

    def _end(self, found: tuple[Flow, _Direction, _Direction]) -> None:
        _finish(found)
        del self._open[found[0].first, found[0].second]


def _finish(found: tuple[Flow, _Direction, _Direction]) -> None:
    flow, forward, backward = found
    forward.finish()
    backward.finish()
    flow.pieces.sort(key=lambda piece: piece.at_ns)


def _is_new(found: tuple[Flow, _Direction, _Direction], segment: Segment) -> bool:
    """Whether a SYN begins another connection between the same two ports."""
    flow, forward, backward = found
    if segment.flags & (SYN | ACK) != SYN:
        return False
    direction = forward if segment.source == flow.first else backward
    return bool(flow.closed_ns) or direction.started not in (None, segment.sequence)


def _signed(difference: int) -> int:
    """A difference of sequence numbers, modulo 2**32, as -2**31..2**31-1."""
    return (difference + 0x80000000 & 0xFFFFFFFF) - 0x80000000
