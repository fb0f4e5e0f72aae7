"""One connection with an SMPP session on it, for either role.

Owns: cutting frames, the state check of every PDU (SMPP 3.4 §2.3), enquire_link in both directions,
the window of our own requests, joined writes (one ``write`` per loop turn), back-pressure and the
session's timers. Never owns: what a PDU means; that is the ``LinkOwner``'s.

What can go wrong: the peer sends what can't be framed (generic_nack, then close), does not read
(we stop reading from it, and close it when it stays so), or goes silent (enquire_link, then close).
Invariant: after ``lost`` was told to the owner, nothing else is.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Generic, Protocol, TypeVar, cast

from smsgw.errors import FatalError, LinkLost
from smsgw.link.ticker import Ticker
from smsgw.smpp.constants import CommandId, CommandStatus
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS, BEFORE_BIND_MAX_OCTETS, Framer
from smsgw.smpp.pdu import enquire_link, enquire_link_resp, generic_nack
from smsgw.smpp.session import Role, SessionState
from smsgw.smpp.timers import SessionTimers, TimerAction
from smsgw.smpp.views import HEADER
from smsgw.smpp.window import Window

Item = TypeVar("Item")

#: Octets the transport may buffer before we stop reading from a peer that does not read from us.
WRITE_HIGH_OCTETS = 256 * 1024
#: One connection's share of a loop turn. libuv gives up to 32 buffers of 256 KB in one turn: seconds of work, and as
#: many octets of answers before a write could tell that the peer does not read. After a read of more than this the
#: others come first. A stranger has no business to send so much at all.
FAIR_OCTETS = 64 * 1024
STRANGER_OCTETS = 16 * 1024
#: How long a peer may refuse to read, or a closing connection to flush, before it is cut.
STUCK_WRITE_S = 30.0
CLOSE_GRACE_S = 2.0

_ENQUIRE = int(CommandId.ENQUIRE_LINK)
_ENQUIRE_RESP = int(CommandId.ENQUIRE_LINK_RESP)
_RESPONSE_BIT = 0x80000000


class LinkOwner(Protocol[Item]):
    """What a Link tells its owner; every call comes from the event loop's thread."""

    def connected(self) -> None:
        """The transport is there; the session is OPEN."""

    def received(self, command_id: int, command_status: int, sequence_number: int, raw: bytes) -> None:
        """A PDU that this state allows; enquire_link and its response never come here."""

    def timed_out(self, sequence_number: int, item: Item) -> None:
        """A request of ours was not answered in time: its outcome is unknown."""

    def writable(self) -> None:
        """The peer reads again after it had not."""

    def lost(self, reason: str, unanswered: list[Item]) -> None:
        """The connection is gone; ``unanswered`` are our requests with unknown outcome, oldest first."""


class Link(asyncio.Protocol, Generic[Item]):
    """An ``asyncio.Protocol``; make one per connection and hand it to ``create_server``/``create_connection``.

    ``response_s`` is the time a request of ours may stay unanswered, ``window_limit`` how many may be so at once.
    """

    __slots__ = (
        "_buffered",
        "_closing_since_s",
        "_fair_octets",
        "_flush_due",
        "_framer",
        "_loop",
        "_out",
        "_owner",
        "_paused_since_s",
        "_reason",
        "_response_s",
        "_ticker",
        "_timers",
        "_transport",
        "bound_s",
        "check_s",
        "heard_s",
        "left_by_peer",
        "now_s",
        "peer",
        "session",
        "window",
        "writable",
    )

    def __init__(
        self,
        role: Role,
        owner: LinkOwner[Item],
        ticker: Ticker,
        timers: SessionTimers,
        window_limit: int,
        response_s: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self._ticker = ticker
        self._timers = timers
        self._response_s = response_s
        # Strangers bind to us; a carrier is one we chose, and may send much right behind its bind response.
        self._framer = Framer(BEFORE_BIND_MAX_OCTETS if role is Role.SMSC else AFTER_BIND_MAX_OCTETS)
        self._fair_octets = STRANGER_OCTETS if role is Role.SMSC else FAIR_OCTETS
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._flush_due = False
        self._paused_since_s = 0.0
        self._closing_since_s = 0.0
        self._reason = ""
        self.session = SessionState(role)
        self.window: Window[Item] = Window(window_limit)
        self.now_s = self._loop.time()
        #: Before this loop time no timer is due and ``tick`` need not be called: most of ten thousand sessions idle.
        self.check_s = 0.0
        self.peer = ""
        #: It ended, and not by us: not for silence, nor for a peer that does not read.
        self.left_by_peer = False
        #: Loop time of the bind, 0 before.
        self.bound_s = 0.0
        #: Loop time at which the peer last sent anything.
        self.heard_s = self.now_s
        #: False while the peer does not read; owners should send no further requests then.
        self.writable = False

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_OCTETS)
        address = transport.get_extra_info("peername")
        self.peer = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address or "")
        self.now_s = self._loop.time()
        self.writable = True
        self._timers.opened(self.now_s)
        self._ticker.add(self)
        self._owner.connected()

    def data_received(self, data: bytes) -> None:
        self.now_s = self.heard_s = now_s = self._loop.time()
        owner_received = self._owner.received
        unpack = HEADER.unpack_from
        activity = False
        tap = self._ticker.tap
        for raw in self._framer.feed(data):
            if self._closing_since_s:
                return
            if tap is not None:
                tap(self, True, raw)
            _, command_id, command_status, sequence_number = unpack(raw)
            if command_id not in self.session.receivable:
                self._refuse(command_id, sequence_number)
            elif command_id == _ENQUIRE:
                self.send(enquire_link_resp(sequence_number))
            elif command_id == _ENQUIRE_RESP:
                self.check_s = 0.0
                self._timers.got_enquire_resp(now_s)
            else:
                activity = True
                owner_received(command_id, command_status, sequence_number, raw)
        if self._timers.response_due != inf:
            # An enquire_link is answered: the next one may be due before the one that was waited for.
            self.check_s = 0.0
        self._timers.received(now_s, activity)
        if self._framer.failure is not None and not self._closing_since_s:
            self._unframeable(self._framer.failure)
        if len(data) > self._fair_octets:
            self._much_read()

    def eof_received(self) -> bool:
        self.left_by_peer = not self._reason
        self._reason = self._reason or "peer closed the connection"
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is None:  # its owner has given it up, see ``Bind``
            return
        self._ticker.discard(self)
        self.session.closed()
        self._transport = None
        self.writable = False
        self._out.clear()
        self.left_by_peer = self.left_by_peer or not self._reason
        reason = self._reason or (f"connection lost: {exc}" if exc else "peer closed the connection")
        self._owner.lost(reason, self.window.drain())

    def pause_writing(self) -> None:
        self.writable = False
        self.check_s = 0.0
        self._paused_since_s = self._loop.time()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused_since_s = 0.0
        if self._transport is None:
            return
        self.writable = True
        self._transport.resume_reading()
        self._owner.writable()

    # -- for the owner

    def bound(self, command_id: int) -> None:
        """The bind succeeded: wider frames, running timers. ``command_id`` is the bind request's."""
        self.session.bound(command_id)
        self._framer.max_octets = AFTER_BIND_MAX_OCTETS
        self._fair_octets = FAIR_OCTETS
        self.bound_s = self._loop.time()
        self.check_s = 0.0
        self._timers.bound(self.bound_s)

    def send(self, raw: bytes) -> None:
        """Queue one PDU; everything queued in one loop turn leaves in one write."""
        self._out.append(raw)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def request(self, raw: bytes, sequence_number: int, item: Item) -> None:
        """Send a request of ours; ``item`` is in the window until it is answered, times out or the link is lost."""
        # An idle link is not ticked: its own time may be long past.
        deadline_s = (self.now_s if not self.check_s else self._loop.time()) + self._response_s
        self.window.add(sequence_number, item, deadline_s)
        if self.check_s > deadline_s:
            self.check_s = deadline_s
        self.send(raw)

    def close(self, reason: str) -> None:
        """Flush what is queued, then close; cut after ``CLOSE_GRACE_S`` when the peer does not read."""
        if self._transport is None or self._closing_since_s:
            return
        self._reason = self._reason or reason
        self._closing_since_s = self._loop.time()
        self.check_s = 0.0
        self._flush()
        self._transport.close()

    def abort(self, reason: str) -> None:
        """Cut at once; queued octets are lost."""
        self._reason = self._reason or reason
        self._out.clear()
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_connected(self) -> bool:
        """True while there is a transport; ``lost`` has not been told yet."""
        return self._transport is not None

    @property
    def owner(self) -> LinkOwner[Item]:
        """Whose it is."""
        return self._owner

    @property
    def closing(self) -> bool:
        """True from ``close`` on, and when there is no transport."""
        return self._transport is None or self._closing_since_s > 0.0

    def extra_info(self, name: str) -> object:
        """The transport's extra info, for instance ``peercert`` of a TLS peer."""
        return self._transport.get_extra_info(name) if self._transport is not None else None

    # -- timers

    def tick(self, now_s: float) -> None:
        """Called by the Ticker, from ``check_s`` on: act on what is due."""
        self.now_s = now_s
        self.check_s = 0.0
        if self._closing_since_s:
            if now_s - self._closing_since_s > CLOSE_GRACE_S:
                self.abort(self._reason)
            return
        if self._paused_since_s and now_s - self._paused_since_s > STUCK_WRITE_S:
            self.abort(f"peer has not read for {STUCK_WRITE_S:.0f} s")
            return
        for sequence_number, item in self.window.expired(now_s):
            self._owner.timed_out(sequence_number, item)
        action = self._timers.tick(now_s)
        if action is TimerAction.NONE:
            # A carrier's few links are asked always: their time is what rates and latencies go by.
            if self.session.role is Role.SMSC and not self._paused_since_s and not len(self.window):
                self.check_s = now_s + self._timers.next_due(now_s)
            return
        if action is TimerAction.SEND_ENQUIRE_LINK:
            self._timers.sent_enquire(now_s)
            self.send(enquire_link(self.session.next_sequence()))
        else:
            self.close(_CLOSE_REASONS[action])

    # -- inside

    def _flush(self) -> None:
        self._flush_due = False
        out = self._out
        if self._transport is not None and out:
            if self._ticker.tap is not None:
                for raw in out:
                    self._ticker.tap(self, False, raw)
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        out.clear()

    def _refuse(self, command_id: int, sequence_number: int) -> None:
        """A PDU that this state does not allow: its own response with the status, or generic_nack (§4.3)."""
        if command_id & _RESPONSE_BIT:
            # A response nobody waits for gets no answer: two peers would nack each other for ever.
            return
        status = self.session.wrong_state_status(command_id)
        if status == CommandStatus.ESME_RINVCMDID:
            self.send(generic_nack(status, sequence_number))
        else:
            self.send(HEADER.pack(16, command_id | _RESPONSE_BIT, status, sequence_number))

    def _much_read(self) -> None:
        if self._closing_since_s or self._transport is None:
            return
        if self._fair_octets == STRANGER_OCTETS:
            self.close("too much before a bind")
            return
        self._flush()
        if not self._paused_since_s:
            self._transport.pause_reading()
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._transport is not None and not self._paused_since_s and not self._closing_since_s:
            self._transport.resume_reading()

    def _unframeable(self, failure: FatalError) -> None:
        self.send(generic_nack(failure.command_status, 0))
        self.close(failure.reason)


_CLOSE_REASONS = {
    TimerAction.CLOSE_SESSION_INIT: "no bind within the session_init time",
    TimerAction.CLOSE_ENQUIRE_LINK: "enquire_link was not answered",
    TimerAction.CLOSE_INACTIVITY: "no traffic within the inactivity time",
}

__all__ = ["Link", "LinkLost", "LinkOwner"]
