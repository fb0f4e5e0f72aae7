"""What happened in a run: every PDU in both directions with its time, and connections that came and went.

Kept whole, in memory, oldest first. Checks look into it while the run goes on and after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from smsgw.smpp.constants import RESPONSE_BIT, CommandId
from smsgw.smpp.views import HEADER

SUBMITS = frozenset({int(CommandId.SUBMIT_SM), int(CommandId.DATA_SM), int(CommandId.SUBMIT_MULTI)})
BINDS = frozenset({int(CommandId.BIND_TRANSMITTER), int(CommandId.BIND_RECEIVER), int(CommandId.BIND_TRANSCEIVER)})


class What(Enum):
    """Kinds of events, seen from the carrier."""

    OPENED = "opened"
    RECEIVED = "received"
    SENT = "sent"
    #: ``ours`` tells who closed.
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Event:
    """One PDU, or the beginning or end of a connection."""

    #: time.monotonic()
    at_s: float
    #: Number of the connection, from 1.
    session: int
    what: What
    #: The whole PDU.
    frame: bytes = b""
    #: Whether we closed the connection.
    ours: bool = False

    @property
    def command_id(self) -> int:
        """0 for a connection's beginning and end."""
        return int(HEADER.unpack_from(self.frame)[1]) if self.frame else 0

    @property
    def status(self) -> int:
        """command_status."""
        return int(HEADER.unpack_from(self.frame)[2]) if self.frame else 0

    @property
    def sequence_number(self) -> int:
        """As it is on the wire."""
        return int(HEADER.unpack_from(self.frame)[3]) if self.frame else 0

    @property
    def is_request(self) -> bool:
        """Whether it is a PDU that is no response."""
        return bool(self.frame) and not self.command_id & RESPONSE_BIT


class Log:
    """The events of a run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, session: int, what: What, frame: bytes = b"", ours: bool = False) -> None:
        """Write down what happens now."""
        self.events.append(Event(time.monotonic(), session, what, frame, ours))

    def mark(self) -> int:
        """A place to look from, for ``since``."""
        return len(self.events)

    def received(self, *command_ids: int, since: int = 0, session: int = 0) -> list[Event]:
        """PDUs of the application: of these commands (any if none is given), of one session if given."""
        return list(self._frames(What.RECEIVED, command_ids, since, session))

    def sent(self, *command_ids: int, since: int = 0, session: int = 0) -> list[Event]:
        """PDUs of ours, picked in the same way."""
        return list(self._frames(What.SENT, command_ids, since, session))

    def closed(self, session: int) -> Event | None:
        """The end of a connection; None while it is there."""
        return next((each for each in self.events if each.what is What.CLOSED and each.session == session), None)

    def of(self, session: int) -> list[Event]:
        """Everything of one connection."""
        return [each for each in self.events if each.session == session]

    @property
    def sessions(self) -> list[int]:
        """The numbers of all connections, oldest first."""
        return [each.session for each in self.events if each.what is What.OPENED]

    def _frames(self, what: What, command_ids: tuple[int, ...], since: int, session: int) -> Iterator[Event]:
        for each in self.events[since:]:
            if (
                each.what is what
                and session in (0, each.session)
                and (not command_ids or each.command_id in command_ids)
            ):
                yield each
