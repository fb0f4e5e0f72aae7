"""Several taps as one, so that a connection has at most one to look for."""

from __future__ import annotations

from simulators.tap import Connection, Tap


class Taps:
    """Hands everything to each of them, in the order of attaching."""

    def __init__(self, taps: tuple[Tap, ...]) -> None:
        self._taps = taps

    def opened(self, connection: Connection) -> None:
        for tap in self._taps:
            tap.opened(connection)

    def received(self, connection: Connection, octets: bytes) -> None:
        for tap in self._taps:
            tap.received(connection, octets)

    def sent(self, connection: Connection, octets: bytes) -> None:
        for tap in self._taps:
            tap.sent(connection, octets)

    def closed(self, connection: Connection) -> None:
        for tap in self._taps:
            tap.closed(connection)
