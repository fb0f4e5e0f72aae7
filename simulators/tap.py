"""Who may listen to a connection: every octet in both directions, and its beginning and end.

Captures, the page's live traffic and tests attach taps; with none attached a connection pays one
comparison for each read and write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol


class Connection(Protocol):
    """What a tap may know of the connection it listens to (``simulators.wire.Wire``)."""

    @property
    def number(self) -> int:
        """Counted from 1 in the order of connecting, for each carrier or application."""

    @property
    def where(self) -> str:
        """The name of the simulated carrier or application."""

    @property
    def system_id(self) -> str:
        """The bound account; empty before the bind."""

    @property
    def local(self) -> tuple[str, int]:
        """Our address and port."""

    @property
    def remote(self) -> tuple[str, int]:
        """The peer's address and port."""

    @property
    def reset(self) -> Literal["", "in", "out"]:
        """Once closed: who reset it, the peer ("in") or we ("out"); "" when it ended with FIN."""


class Tap(Protocol):
    """Called from the event loop, before anything is done with what came; must not raise."""

    def opened(self, connection: Connection) -> None:
        """A connection was made, or the tap was attached to one that is there."""

    def received(self, connection: Connection, octets: bytes) -> None:
        """One read of the socket, cut anywhere."""

    def sent(self, connection: Connection, octets: bytes) -> None:
        """One PDU, or whatever else was written as one piece."""

    def closed(self, connection: Connection) -> None:
        """The connection is gone."""


class Taps:
    """Several taps as one."""

    def __init__(self, taps: Sequence[Tap]) -> None:
        self._taps = tuple(taps)

    def opened(self, connection: Connection) -> None:
        """Tell each."""
        for tap in self._taps:
            tap.opened(connection)

    def received(self, connection: Connection, octets: bytes) -> None:
        """Tell each."""
        for tap in self._taps:
            tap.received(connection, octets)

    def sent(self, connection: Connection, octets: bytes) -> None:
        """Tell each."""
        for tap in self._taps:
            tap.sent(connection, octets)

    def closed(self, connection: Connection) -> None:
        """Tell each."""
        for tap in self._taps:
            tap.closed(connection)


def joined(taps: Sequence[Tap]) -> Tap | None:
    """What a connection is given for these taps; None for none."""
    return (taps[0] if len(taps) == 1 else Taps(taps)) if taps else None
