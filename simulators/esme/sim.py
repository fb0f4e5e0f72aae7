"""The simulated application as an object: bind, submit, look at what came back.

    async with EsmeSim(EsmeSettings(port=2775, system_id="shop", password="secret")) as esme:
        answer = await esme.submit("10690001", "8613800000001", "您好")
        await esme.wait_for(lambda: esme.receipts, 5)

For tests: convenient, one future for each request. ``simulators.esme.load`` is the fast one.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from simulators.clock import SimClock
from simulators.entry import Entry
from simulators.esme.answer import Answer
from simulators.esme.incoming import Incoming, Sent
from simulators.esme.message import Build, Envelope
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim_link import OutboundLink, SimLink
from simulators.tap import Tap, joined
from simulators.turn import Turn
from smsgw.errors import BindRejected, ConnectFailed, LinkError, LinkLost, LocalError
from smsgw.smpp import pdu

__all__ = ["EsmeSim", "Incoming"]

T = TypeVar("T")
L = TypeVar("L", bound=SimLink)

_TICK_S = 0.25


class EsmeSim:
    """One simulated application with its binds; ``clock`` and ``turn`` may be shared with others."""

    def __init__(self, settings: EsmeSettings, *, clock: SimClock | None = None, turn: Turn | None = None) -> None:
        self.settings = settings
        self.clock = clock or SimClock()
        #: Receipts, MO and sent messages in the order they came and went, over all connections of this object's life.
        self.receipts: list[Incoming] = []
        self.mo: list[Incoming] = []
        self.sent: list[Sent] = []
        #: Binds, unbinds and lost connections.
        self.events: list[Entry] = []
        #: Answers to nothing we asked, and deliver_sm that could not be read.
        self.unexpected: list[Answer] = []
        self.malformed: list[bytes] = []
        #: system_id of each outbind that came.
        self.outbinds: list[str] = []
        #: How we answer deliver_sm: command_status (None never) and after how many seconds. May be changed at any time.
        self.deliver_status = settings.deliver_status
        self.deliver_after_s = settings.deliver_after_s
        self.links: list[SimLink] = []
        #: Called with everything that comes, and with every event.
        self.on_incoming: list[Callable[[Incoming], None]] = []
        self.on_event: list[Callable[[Entry], None]] = []
        #: Where outbinds are waited for, once ``connect`` listens.
        self.outbind_port = 0
        self._turn = turn
        self._taps: list[Tap] = []
        self._ticker: asyncio.TimerHandle | None = None
        self._references = itertools.count(1)
        self._numbers = itertools.count(1)
        self._next = 0
        self._is_up = False
        self._keepers: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> EsmeSim:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    @property
    def name(self) -> str:
        """What entries and captures call it."""
        return self.settings.label

    async def connect(self) -> None:
        """Open and bind every connection; call it again after a drop or ``disconnect``.

        With ``outbind_port`` in the settings it only listens for the SMSC. Raises ConnectFailed, BindRejected, or
        LinkLost when the peer closed instead of answering.
        """
        await self._give_up()
        loop = asyncio.get_running_loop()
        self._turn = turn = self._turn or Turn(loop)
        self.links = []
        if self.settings.outbind_port is not None:
            await self._listen(self.settings.outbind_port)
        else:
            await self._bind_all(turn)
        self._is_up = True
        if self.settings.enquire_s:
            self._tick()

    async def disconnect(self, deadline_s: float = 2.0) -> None:
        """Unbind every connection and wait until they are closed, or close them."""
        await self._give_up()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for link in self.links:
            if link.mute:
                link.abort()  # half open: nothing can be said on it
            else:
                link.unbind()
        try:
            await self.wait_for(lambda: not any(link.open for link in self.links), deadline_s)
        except TimeoutError:
            self.drop()

    async def rebind(self, index: int) -> None:
        """Bind one that is gone again. Raises as ``connect``."""
        assert self._turn is not None
        try:
            async with asyncio.timeout(self.settings.bind_timeout_s):
                self.links[index] = await self._open(self.settings.binds[index], index, self._turn)
        except TimeoutError:
            raise ConnectFailed(f"no bind within {self.settings.bind_timeout_s:g} s") from None

    def drop(self) -> None:
        """Close every connection without unbinding."""
        for link in self.links:
            link.abort()

    def attach(self, tap: Tap) -> None:
        """Have a tap listen to every connection, those that are open and those to come."""
        self._taps.append(tap)
        for link in self.links:
            if link.open:
                tap.opened(link)
            link.tap = joined(self._taps)

    def detach(self, tap: Tap) -> None:
        """Listen no more. Raises ValueError for a tap that is not attached."""
        self._taps.remove(tap)
        for link in self.links:
            link.tap = joined(self._taps)

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """What happened, in order of time: "submit" with its answer, "receipt", "mo", and binds.

        All of ``simulators.entry.Entry.kind`` when no kind is named.
        """
        name, account = self.name, self.settings.system_id
        streams: list[Iterator[Entry]] = [iter(self.events)]
        if not kinds or "submit" in kinds:
            streams.append(sent.to_entry(name, account) for sent in self.sent)
        for kind, kept in (("receipt", self.receipts), ("mo", self.mo)):
            if not kinds or kind in kinds:
                streams.append(came.to_entry(name, account) for came in kept)
        for entry in heapq.merge(*streams, key=lambda entry: entry.real_s):
            if not kinds or entry.kind in kinds:
                yield entry

    @property
    def bound(self) -> int:
        """How many connections are bound."""
        return sum(link.is_bound and link.open for link in self.links)

    def submit(
        self,
        source: str,
        destination: str,
        text: str = "",
        *,
        payload: bytes | None = None,
        bind: int | None = None,
        **fields: Any,
    ) -> asyncio.Future[Answer]:
        """Send one submit_sm; the future is its answer, or LinkLost when the connection goes.

        ``fields`` are those of ``Envelope``; ``payload`` replaces the encoded text. ``bind`` picks a
        connection by its number, else those that may submit take turns. Raises LocalError when no
        bind may submit or a field does not fit (a long text: ``submit_long``).
        """
        envelope = Envelope(source, destination, **fields)
        data_coding = envelope.coding_for(text) if payload is None else envelope.data_coding or 0
        if payload is not None:
            return self.request(envelope.build(payload, data_coding), bind)
        parts = envelope.parts(text)
        if len(parts) > 1:
            raise LocalError(f"the text needs {len(parts)} parts; use submit_long")
        return self.request(parts[0], bind)

    def submit_long(
        self,
        source: str,
        destination: str,
        text: str,
        *,
        long: str = "udh",
        reference: int | None = None,
        bind: int | None = None,
        **fields: Any,
    ) -> list[asyncio.Future[Answer]]:
        """Send a text in as many submit_sm as it needs, all on one bind; one future each.

        ``long`` is "udh", "udh16", "sar" or "payload". Raises as ``submit``.
        """
        if reference is None:
            reference = next(self._references)
        link = self._link(bind)
        return [link.request(part) for part in Envelope(source, destination, **fields).parts(text, long, reference)]

    def request(self, build: Build, bind: int | None = None) -> asyncio.Future[Answer]:
        """Send any request, built from its sequence number; the future is the response."""
        return self._link(bind).request(build)

    def enquire(self) -> list[asyncio.Future[Answer]]:
        """Send enquire_link on every bind; one future each. Raises LocalError when none is bound."""
        links = [link for link in self.links if link.is_bound and link.open]
        if not links:
            raise LocalError("nothing is bound")
        return [link.request(pdu.enquire_link) for link in links]

    def send_raw(self, octets: bytes, bind: int = 0) -> None:
        """Send octets as they are, well-formed or not. Raises LocalError when that connection is gone."""
        self._link(bind).write(octets)

    async def wait_for(self, condition: Callable[[], object], deadline_s: float, what: str = "") -> None:
        """Return once ``condition()`` is true; looked at whenever something came.

        Raises TimeoutError after ``deadline_s`` seconds, naming ``what``.
        """
        if self._turn is None:
            raise LocalError("connect first")
        await self._turn.wait_for(condition, deadline_s, what)

    def wake(self) -> None:
        """Have every ``wait_for`` look at its condition again."""
        if self._turn is not None:
            self._turn.touch()

    # for its links

    def keep_sent(self, sent: Sent) -> None:
        """A message left."""
        self._keep(self.sent, sent)

    def keep_incoming(self, came: Incoming) -> None:
        """A receipt or an MO came."""
        self._keep(self.mo if came.receipt is None else self.receipts, came)
        for listener in self.on_incoming:
            listener(came)

    def keep_malformed(self, frame: bytes) -> None:
        """A deliver_sm or data_sm that can't be read came."""
        self._keep(self.malformed, frame)

    def keep_unexpected(self, answer: Answer) -> None:
        """An answer to nothing we asked came."""
        self._keep(self.unexpected, answer)

    def note(self, kind: str, link: SimLink, *, status: int | None = None, fate: str = "") -> None:
        """A bind, an unbind or a loss."""
        account = self.settings.system_id
        at_ms = self.clock.now_ms()
        entry = Entry(kind, self.name, at_ms, time.monotonic(), account, link.number, status=status, fate=fate)
        self._keep(self.events, entry)
        for listener in self.on_event:
            listener(entry)

    def joined(self, link: OutboundLink) -> None:
        """The SMSC connected to us."""
        self.links.append(link)

    def gone(self, link: SimLink) -> None:
        """A connection went."""
        is_ours = link.index < len(self.links) and self.links[link.index] is link
        if self._is_up and self.settings.reconnect_s and self._listener is None and is_ours:
            keeper = asyncio.get_running_loop().create_task(self._bind_again(link.index))
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keepers.discard)

    def _keep(self, kept: list[T], new: T) -> None:
        kept.append(new)
        most = self.settings.record
        if most and len(kept) >= 2 * most:
            del kept[:-most]

    # binding

    async def _bind_all(self, turn: Turn) -> None:
        try:
            async with asyncio.timeout(self.settings.bind_timeout_s):
                for index, bind in enumerate(self.settings.binds):
                    self.links.append(await self._open(bind, index, turn))
        except TimeoutError:
            self.drop()
            raise ConnectFailed(f"no bind within {self.settings.bind_timeout_s:g} s") from None
        except (ConnectFailed, BindRejected, LinkLost):
            self.drop()
            raise

    async def _bind_again(self, index: int) -> None:
        while True:
            await asyncio.sleep(self.settings.reconnect_s)
            try:
                await self.rebind(index)
            except LinkError:
                continue  # refusals are among the events; it goes on until disconnect
            return

    async def _give_up(self) -> None:
        self._is_up = False
        if self._ticker is not None:
            self._ticker.cancel()
        keepers = list(self._keepers)
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)

    async def _listen(self, port: int) -> None:
        def accepted() -> OutboundLink:
            assert self._turn is not None
            bind = self.settings.binds[0]
            return self._tapped(
                OutboundLink(self, self.settings, bind, self._turn, len(self.links), next(self._numbers))
            )

        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(accepted, self.settings.host, port)
        except OSError as error:
            raise ConnectFailed(f"can't listen on {self.settings.host}:{port}: {error}") from error
        self.outbind_port = self._listener.sockets[0].getsockname()[1]

    async def _open(self, bind: str, index: int, turn: Turn) -> SimLink:
        settings = self.settings
        context = None if settings.tls is None else settings.tls.context()
        server_name = (settings.tls.server_name or settings.host) if settings.tls is not None else None
        try:
            _, link = await asyncio.get_running_loop().create_connection(
                lambda: self._tapped(SimLink(self, settings, bind, turn, index, next(self._numbers))),
                settings.host,
                settings.port,
                ssl=context,
                server_hostname=server_name,
            )
        except OSError as error:  # ssl.SSLError is one
            raise ConnectFailed(f"{settings.host}:{settings.port}: {error}") from error
        try:
            await link.bound
        except BaseException:  # also when cancelled: nobody else would close it
            link.abort()
            raise
        return link

    def _tapped(self, link: L) -> L:
        link.tap = joined(self._taps)
        return link

    def _link(self, bind: int | None) -> SimLink:
        if bind is not None:
            if not 0 <= bind < len(self.links) or not self.links[bind].open:
                raise LocalError(f"no connection is open as bind {bind}")
            return self.links[bind]
        able = [link for link in self.links if link.can_submit and link.open]
        if not able:
            raise LocalError("no bind that may submit")
        self._next += 1
        return able[self._next % len(able)]

    def _tick(self) -> None:
        now_s = time.monotonic()
        for link in self.links:
            link.enquire_if_silent(now_s, self.settings.enquire_s)
        self._ticker = asyncio.get_running_loop().call_later(_TICK_S, self._tick)
