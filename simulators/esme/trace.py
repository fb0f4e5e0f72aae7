"""``--trace``: every PDU in hexadecimal on stderr, as it goes and comes; passwords of binds are blanked."""

from __future__ import annotations

import sys

from simulators.capture.blank import Blanker, Trust
from simulators.tap import Connection
from smsgw.smpp.constants import RESPONSE_BIT, command_name, status_name
from smsgw.smpp.framing import Framer
from smsgw.smpp.pdu import HEADER

_MAX_OCTETS = 1 << 20


class Trace:
    """A tap that prints."""

    def __init__(self) -> None:
        self._readers: dict[tuple[int, str], tuple[Blanker, Framer]] = {}

    def opened(self, connection: Connection) -> None:
        trust = Trust()
        for arrow in "<>":
            self._readers[connection.number, arrow] = Blanker(trust), Framer(_MAX_OCTETS)

    def received(self, connection: Connection, octets: bytes) -> None:
        self._show(connection, "<", octets)

    def sent(self, connection: Connection, octets: bytes) -> None:
        self._show(connection, ">", octets)

    def closed(self, connection: Connection) -> None:
        print(f"{connection.number} closed", file=sys.stderr, flush=True)

    def _show(self, connection: Connection, arrow: str, octets: bytes) -> None:
        blanker, framer = self._readers[connection.number, arrow]
        for frame in framer.feed(blanker.feed(octets)):
            _, command_id, status, sequence_number = HEADER.unpack_from(frame)
            name = command_name(command_id)
            answer = f" {status_name(status)}" if command_id & RESPONSE_BIT else ""
            head = f"{connection.number} {arrow} {name} {sequence_number}{answer}"
            print(f"{head}\n    {frame.hex(' ', -4)}", file=sys.stderr, flush=True)
        if framer.failure is not None:
            print(f"{connection.number} {arrow} no PDU: {framer.failure}", file=sys.stderr, flush=True)
