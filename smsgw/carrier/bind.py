"""One bind to a carrier: connect, bind, serve, lose, wait with jitter, connect again.

``run`` never returns by itself; it connects only while this process has the lease of the bind. A refusal that
retrying can't mend (wrong password, unknown system_id) is told once and tried again slowly; an old session that the
carrier still holds (ESME_RALYBND) is an ordinary reason to back off. What was unanswered when a link went is
*unknown*: it is handed to the gateway in the order it was sent, never resent here. Of an end that we wished it is
told why (``by_us``); a bind that another process is to have is ``carrier.handed_over``.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

from smsgw.carrier.addresses import Addresses
from smsgw.carrier.settings import BIND_COMMANDS, CarrierSettings
from smsgw.errors import BindRejected, LinkError, LinkLost
from smsgw.link.link import CLOSE_GRACE_S, Link, LinkOwner
from smsgw.policy.shaping import TokenBucket
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, status_name
from smsgw.smpp.pdu import bind as bind_pdu
from smsgw.smpp.pdu import generic_nack, unbind, unbind_resp
from smsgw.smpp.session import Role
from smsgw.smpp.timers import SessionTimers

if TYPE_CHECKING:
    from smsgw.carrier.calls import Calls
    from smsgw.carrier.handler import Handler
    from smsgw.link.ticker import Ticker
    from smsgw.policy.retry import Backoff

#: Retrying does not mend these; somebody must change a file (carriers.md, "Binds and timers").
PERMANENT_BIND_ERRORS = frozenset(
    (int(CommandStatus.ESME_RINVPASWD), int(CommandStatus.ESME_RINVSYSID), int(CommandStatus.ESME_RINVBNDSTS))
)
PERMANENT_RETRY_S = 300.0
#: A bind that lasted this long was a good one: the next reconnect begins with the shortest wait again.
STEADY_S = 10.0
#: A link that was closed, or cut, is heard of again within this.
GONE_S = CLOSE_GRACE_S + 1.0
CUT_S = 0.5
HANDED_OVER = "another process is to have it"
_LOOK_S = 0.05

_SUBMIT_SM_RESP = int(CommandId.SUBMIT_SM_RESP)
_DELIVER_SM = int(CommandId.DELIVER_SM)


class Bind:
    """The owner of one link to a carrier, over all its reconnects. ``number`` counts from 0 within the carrier."""

    __slots__ = (
        "_backoff", "_bound", "_closed", "_gone", "_goodbye", "_handler", "_hurry", "_resting", "_ticker", "_wake",
        "_way", "bucket", "failing_since_s", "kind", "leased", "leaving", "link", "number", "settings", "stopping",
        "transmits", "up", "window",
    )  # fmt: skip

    def __init__(
        self,
        settings: CarrierSettings,
        kind: str,
        number: int,
        handler: Handler,
        ticker: Ticker,
        backoff: Backoff,
        calls: Calls | None = None,
    ) -> None:
        self.settings = settings
        #: Requests that may be unanswered here, now and after the next connect.
        self.window = settings.window
        #: The rate of this bind alone, beside the carrier's.
        self.bucket = _bucket(settings)
        self.kind = kind
        self.number = number
        self.transmits = kind != "receiver"
        self.up = False
        self.stopping = False
        #: Another process is to have it: nothing new is sent, and it is let go of when all is answered.
        self.leaving = False
        #: Loop time since which no attempt to bind has succeeded here, where trying somewhere else may help.
        self.failing_since_s: float | None = None
        self.link: Link[object] | None = None
        self._handler = handler
        self._ticker = ticker
        self._backoff = backoff
        self._way = calls or Addresses()
        self._bound: asyncio.Future[None] | None = None
        self._gone = asyncio.Event()
        #: Why we end the link, once we do.
        self._goodbye = ""
        #: Whether this process may have the bind up; all are, unless somebody says otherwise.
        self.leased = True
        self._wake = asyncio.Event()
        #: By order of staff: closed until they say otherwise; or unbinding, to bind again at once.
        self._closed = self._resting = False
        self._hurry = asyncio.Event()

    def take(self) -> None:
        """This process has the lease of the bind now."""
        self.leased, self.leaving = True, False
        self._hurry.clear()
        self._wake.set()

    def lose(self) -> None:
        """Another process has the lease: no goodbye, for it may be bound already."""
        self.leased = self.leaving = False
        self.failing_since_s = None
        self._hurry.set()  # between two attempts: the next one is somebody else's
        if self.link is not None and self.link.is_connected:
            self.link.abort("another process has its lease")

    def let_go(self) -> None:
        """Unbind, for another process is to have the bind; not to be connected again before ``take``."""
        self.leased = False
        self._hurry.set()
        self.unbind(HANDED_OVER)

    def keep_closed(self, closed: bool) -> None:
        """Unbind when all is answered, and don't bind before this is called with False."""
        if closed == self._closed:
            return
        self._closed = closed
        self._wake.set()
        if closed:
            self._rest(self.link, "closed by order")

    def rebind(self) -> None:
        """Unbind when all is answered and bind again at once; one that waits for its next try is tried now."""
        self._backoff.reset()
        self._hurry.set()
        self._rest(self.link, "bound again by order")

    @property
    def label(self) -> str:
        """``alpha#0``."""
        return f"{self.settings.name}#{self.number}"

    @property
    def _unwanted(self) -> str:
        """Why it is not to be bound now; empty when it is."""
        if self.stopping:
            return "shutting down"
        return HANDED_OVER if not self.leased else "closed by order" if self._closed else ""

    @property
    def why_down(self) -> str:
        """Why it is not up, as far as we wish it so; empty when we wish it up."""
        return "closed by order" if self._closed else "" if self.leased else "another process has it"

    def resize(self, window: int) -> None:
        """From now on so many requests may be unanswered; those that are too many are waited for."""
        self.window = window
        if self.link is not None:
            self.link.window.limit = window

    def renew(self, settings: CarrierSettings) -> None:
        """Other settings of the same bind; an open link keeps its enquire_link timers."""
        if (settings.bind_rate_per_s, settings.bind_burst) != (self.settings.bind_rate_per_s, self.settings.bind_burst):
            self.bucket = _bucket(settings)
        self.settings = settings

    @property
    def free(self) -> int:
        """How many requests may be sent now; 0 when down or when the carrier does not read."""
        link = self.link
        if not self.up or self._resting or link is None or not link.writable or link.closing:
            return 0
        return link.window.free

    @property
    def in_flight(self) -> int:
        """Requests of ours that are unanswered."""
        return len(self.link.window) if self.link is not None else 0

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, bound or not."""
        return self.link is not None and self.link.is_connected

    def submit(self, raw: bytes, sequence_number: int, flight: object) -> None:
        """Send a request; call only while ``free`` is above 0. Its outcome comes to the handler with ``flight``."""
        assert self.link is not None
        self.link.request(raw, sequence_number, flight)

    def next_sequence(self) -> int:
        """The sequence_number for the next request on this bind."""
        assert self.link is not None
        return self.link.session.next_sequence()

    def respond(self, raw: bytes, origin: Link[object] | None) -> None:
        """Answer a request of the carrier that came on ``origin``; dropped when that has gone (it will send again).

        On the next connection the same number may belong to another request, which is not durable yet.
        """
        if origin is not None and not origin.closing:
            origin.send(raw)

    async def run(self) -> None:
        """Keep the bind up until ``stop``."""
        while not self.stopping:
            delay_s: float | None = None
            if self._unwanted:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await self._connect_and_bind()
                loop = asyncio.get_running_loop()
                bound_s = loop.time()
                await self._gone.wait()
                # A carrier that drops every bind at once is not to be hammered because each bind succeeded.
                if loop.time() - bound_s >= STEADY_S:
                    self._backoff.reset()
                else:
                    self._way.failed()
            except BindRejected as error:
                self._way.failed()
                if error.command_status in PERMANENT_BIND_ERRORS:
                    delay_s, self.failing_since_s = PERMANENT_RETRY_S, None
                self._tell(
                    "carrier.bind_refused",
                    status=status_name(error.command_status),
                    code=error.command_status,
                    permanent=delay_s is not None,
                )
            except LinkError as error:
                self._way.failed()
                self._tell("carrier.connect_failed", reason=str(error))
            except asyncio.CancelledError:
                # Whoever cancels us has stopped the timers that would cut a peer that does not read.
                self._goodbye = self._goodbye or "shutting down"
                if self._bound is not None:
                    self._bound.cancel()
                if self.link is not None:
                    self.link.abort("shutting down")
                    await self._until_gone(self.link, CUT_S)
                raise
            finally:
                if self.link is not None:
                    self.link.close("giving up this attempt")
                    await self._until_gone(self.link, GONE_S)
            if not self.stopping and self.leased:
                await self._pause(self._backoff.next_s() if delay_s is None else delay_s)
            self._hurry.clear()

    def stop(self) -> None:
        """Unbind and don't come back; the link closes at the carrier's unbind_resp or by its timers."""
        self.stopping = True
        self._wake.set()
        self.unbind("shutting down")

    def unbind(self, why: str) -> None:
        """Unbind politely, if bound."""
        if self.link is not None and self.up and not self.link.closing:
            self._goodbye = self._goodbye or why
            self.link.send(unbind(self.link.session.next_sequence()))

    # -- LinkOwner

    def connected(self) -> None:
        settings = self.settings
        assert self.link is not None
        if not self.leased:  # lost while the connection was made
            self.link.abort("another process has its lease")
            return
        command_id = BIND_COMMANDS[self.kind]
        self.link.session.bind_sent(command_id)
        self.link.send(
            bind_pdu(
                command_id,
                self.link.session.next_sequence(),
                system_id=settings.system_id.encode("latin-1"),
                password=settings.password.encode("latin-1"),
                system_type=settings.system_type.encode("latin-1"),
                interface_version=settings.interface_version,
            )
        )

    def received(self, command_id: int, command_status: int, sequence_number: int, raw: bytes) -> None:
        link = self.link
        assert link is not None
        if command_id == _SUBMIT_SM_RESP:
            flight = link.window.pop(sequence_number)
            if flight is not None:
                self._handler.answered(self, flight, command_status, raw)
        elif command_id == _DELIVER_SM:
            self._handler.inbound(self, command_id, raw, sequence_number)
        else:
            self._received_other(link, command_id, command_status, sequence_number, raw)

    def timed_out(self, sequence_number: int, item: object) -> None:
        self._handler.unknown(self, [item], "no answer in time")

    def writable(self) -> None:
        self._handler.changed(self)

    def lost(self, reason: str, unanswered: list[object]) -> None:
        was_up, self.up, self._resting = self.up, False, False
        self._gone.set()
        if self._bound is not None and not self._bound.done():
            self._bound.set_exception(LinkLost(reason))
        if was_up and self._goodbye == HANDED_OVER:
            self._tell("carrier.handed_over", unanswered=len(unanswered))
        elif was_up:
            by_us = bool(self._goodbye)
            self._tell("carrier.unbound", reason=self._goodbye or reason, by_us=by_us, unanswered=len(unanswered))
        if unanswered:
            self._handler.unknown(self, unanswered, reason)
        self._handler.changed(self)

    # -- inside

    async def _pause(self, seconds: float) -> None:
        """Until the next try, unless somebody hurries us."""
        # Not wait_for: in Python 3.11 it may take a cancellation for the end of the wait.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    async def _until_gone(self, link: Link[object], patience_s: float) -> None:
        """It was closed: the next attempt begins when it is gone, else its end would be taken for that one's."""
        if not link.is_connected:
            return
        try:
            async with asyncio.timeout(patience_s):
                await self._gone.wait()
        except TimeoutError:
            # uvloop closes a connection whose making was cancelled in the moment when it was made, and tells nobody.
            link.abort("giving up this attempt")
            link.connection_lost(None)

    def _rest(self, link: Link[object] | None, why: str) -> None:
        """Nothing new is sent; unbind as soon as nothing is unanswered, which the window's timer bounds."""
        if link is None or link is not self.link or not self.up:
            return
        self._resting = True
        if len(link.window):
            asyncio.get_running_loop().call_later(_LOOK_S, self._rest, link, why)
        else:
            self.unbind(why)

    async def _connect_and_bind(self) -> None:
        settings = self.settings
        loop = asyncio.get_running_loop()
        self._gone.clear()
        self._goodbye, self._bound = "", loop.create_future()
        self.failing_since_s = self.failing_since_s or loop.time()
        timers = SessionTimers(
            settings.bind_timeout_s, settings.enquire_link_s, settings.inactivity_s, settings.response_s
        )
        owner = cast(LinkOwner[object], self)
        self.link = link = Link(Role.ESME, owner, self._ticker, timers, self.window, settings.response_s)
        await self._way.connect(lambda: link, settings, lambda: not self._unwanted)
        await self._bound

    def _received_other(
        self, link: Link[object], command_id: int, command_status: int, sequence_number: int, raw: bytes
    ) -> None:
        if command_id == BIND_COMMANDS[self.kind] | RESPONSE_BIT:
            self._bind_answered(link, command_status)
        elif command_id == CommandId.UNBIND:
            link.send(unbind_resp(sequence_number))
            link.close("unbind from the carrier")
        elif command_id == CommandId.UNBIND_RESP:
            link.close("unbound")
        elif command_id == CommandId.DATA_SM:
            self._handler.inbound(self, command_id, raw, sequence_number)
        elif command_id & RESPONSE_BIT:
            flight = link.window.pop(sequence_number)
            if flight is not None:
                failed = command_id == CommandId.GENERIC_NACK and not command_status
                self._handler.answered(self, flight, CommandStatus.ESME_RSYSERR if failed else command_status, raw)
            elif command_id == CommandId.GENERIC_NACK:
                self._tell("carrier.generic_nack", status=status_name(command_status))
        elif command_id != CommandId.ALERT_NOTIFICATION:
            link.send(generic_nack(CommandStatus.ESME_RINVCMDID, sequence_number))

    def _bind_answered(self, link: Link[object], command_status: int) -> None:
        if self._bound is None or self._bound.done():
            return
        if command_status:
            self._bound.set_exception(BindRejected(command_status))
            link.close(f"bind refused: {status_name(command_status)}")
            return
        link.bound(BIND_COMMANDS[self.kind])
        self.up, self.failing_since_s = True, None
        self._bound.set_result(None)
        self._tell("carrier.bound", peer=link.peer)
        if self._unwanted:  # since the request to bind was sent
            self._rest(link, self._unwanted)
        self._handler.changed(self)

    def _tell(self, event: str, **fields: object) -> None:
        self._handler.told(event, {"carrier": self.settings.name, "bind": f"{self.kind}#{self.number}", **fields})


def _bucket(settings: CarrierSettings) -> TokenBucket | None:
    return TokenBucket(settings.bind_rate_per_s, settings.bind_burst) if settings.bind_rate_per_s else None
