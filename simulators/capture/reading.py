"""Reading any capture: the simulators' own format, pcap and pcapng, told apart by their first octets.

In packets, conversations of SMPP are found by what is said, on whatever port. The events then look
as if the carrier had recorded them: "in" comes from the application. Passwords are blanked here too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from simulators.capture.blank import Blanker, Trust
from simulators.capture.format import CaptureError, Event, Kind, Reset, chunks, read_lines
from simulators.capture.packets import tcp_segment
from simulators.capture.pcap_file import is_packets, packets
from simulators.capture.reassembly import Flow, Reassembler
from simulators.capture.sides import first_is_application, is_header

#: A conversation that says nothing readable in so many pieces is not SMPP.
_LOOKED_AT: Final = 50


def read_capture(path: Path | str) -> Iterator[Event]:
    """The events of a capture, in order of time. Raises CaptureError, naming the file."""
    path = Path(path)
    octets = chunks(path)
    first = next(octets, b"")
    if is_packets(first):
        return iter(_from_packets(first + b"".join(octets), str(path)))
    if not first.lstrip().startswith(b"{"):
        raise CaptureError(f"{path}: neither a capture of the simulators nor pcap or pcapng")
    return read_lines(path, itertools.chain([first], octets))


def _from_packets(octets: bytes, name: str) -> list[Event]:
    reassembler = Reassembler()
    for packet in packets(octets, name):
        segment = tcp_segment(packet)
        if segment is not None:
            reassembler.feed(packet.at_ns, segment)
    events: list[Event] = []
    connections = itertools.count(1)
    for flow in reassembler.flows():
        start = _start(flow)
        if start is not None:
            events += _blanked(flow, start, next(connections))
    events.sort(key=lambda event: event.at_ns)  # stable: each connection stays in order
    if not events:
        raise CaptureError(f"{name}: no SMPP in it")
    return events


def _start(flow: Flow) -> int | None:
    """Index of the first piece that begins with a PDU; None when it is not SMPP."""
    pieces = flow.pieces
    for index in range(min(_LOOKED_AT, len(pieces))):
        from_first = pieces[index].from_first
        head = b""
        for piece in itertools.islice(pieces, index, None):
            if piece.from_first == from_first:
                head += piece.octets
            if len(head) >= 16:
                break
        if is_header(head):
            return index
    return None


def _blanked(flow: Flow, start: int, connection: int) -> Iterator[Event]:
    pieces = flow.pieces[start:]
    application_first = first_is_application(flow, pieces)
    local, remote = (flow.second, flow.first) if application_first else (flow.first, flow.second)
    known = Event(
        "opened", connection, flow.opened_ns, flow.opened_ns // 1_000_000, number=connection, local=local, remote=remote
    )
    trust = Trust()
    blankers = {True: Blanker(trust), False: Blanker(trust)}
    # Without its beginning, each direction may start within a PDU.
    lost = dict.fromkeys((True, False), int(not flow.whole or start > 0))

    def event(side: bool, at_ns: int, octets: bytes) -> Iterator[Event]:
        if octets:
            kind: Kind = "in" if side == application_first else "out"
            yield replace(known, kind=kind, at_ns=at_ns, business_ms=at_ns // 1_000_000, octets=octets, lost=lost[side])
            lost[side] = 0

    yield known
    at_ns = flow.opened_ns
    for piece in pieces:
        at_ns, side = piece.at_ns, piece.from_first
        if piece.lost:
            yield from event(side, at_ns, blankers[side].rest())
        lost[side] += piece.lost
        if lost[side]:
            blankers[side].lose_place()
        yield from event(side, at_ns, blankers[side].feed(piece.octets))
    for side, blanker in blankers.items():
        yield from event(side, at_ns, blanker.rest())
    if flow.closed_ns:
        end_ns = max(flow.closed_ns, at_ns)
        reset: Reset = "" if flow.reset_by is None else "out" if flow.reset_by == local else "in"
        yield replace(known, kind="closed", at_ns=end_ns, business_ms=end_ns // 1_000_000, reset=reset)
