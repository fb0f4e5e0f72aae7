"""The simulated application as an object: bind, submit, look at what came back.

    async with EsmeSim(EsmeSettings(port=2775, system_id="shop", password="secret")) as esme:
        answer = await esme.submit("10690001", "8613800000001", "您好")
        await esme.wait_for(lambda: esme.receipts, 5)

For tests: convenient, one future for each request. ``simulators.esme.load`` is the fast one.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from simulators.esme.answer import Answer
from simulators.esme.link import EsmeLink
from simulators.esme.message import Build, Envelope
from simulators.esme.settings import EsmeSettings
from simulators.turn import Turn
from smsgw.errors import BindRejected, ConnectFailed, LinkLost, LocalError, RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import CommandId
from smsgw.smpp.receipt import Receipt, parse_receipt
from smsgw.smpp.udh import strip_udh

_DATA_SM = int(CommandId.DATA_SM)
_TICK_S = 0.25


@dataclass(frozen=True, slots=True)
class Incoming:
    """One deliver_sm or data_sm: an MO, or a receipt when ``receipt`` is not None."""

    sm: pdu.Sm | pdu.DataSm
    receipt: Receipt | None
    #: Which connection it came on, from 0.
    bind: int
    #: time.monotonic() when it came.
    at_s: float

    @property
    def source(self) -> str:
        """source_addr as text."""
        return self.sm.source_addr.decode("latin-1")

    @property
    def destination(self) -> str:
        """destination_addr as text."""
        return self.sm.destination_addr.decode("latin-1")

    @property
    def text(self) -> str:
        """The decoded text without a user data header."""
        payload = self.sm.payload
        if self.sm.has_udh:
            payload = strip_udh(payload)
        return decode_text(payload, self.sm.data_coding)

    @property
    def message_id(self) -> str:
        """The id that a receipt names; empty for an MO."""
        return (self.receipt.id or "") if self.receipt is not None else ""


class SimLink(EsmeLink):
    """One bind of an ``EsmeSim``."""

    def __init__(self, sim: EsmeSim, settings: EsmeSettings, bind: str, turn: Turn, number: int) -> None:
        super().__init__(settings, bind, turn)
        self.number = number
        self.unanswered: dict[int, asyncio.Future[Answer]] = {}
        self._sim = sim

    def request(self, build: Build) -> asyncio.Future[Answer]:
        """Send a request; the future is the answer, or LinkLost."""
        sequence_number = self.session.next_sequence()
        octets = build(sequence_number)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.unanswered[sequence_number] = future
        self.write(octets)
        return future

    def on_answer(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        future = self.unanswered.pop(sequence_number, None)
        answer = Answer.of(frame)
        if future is None:
            self._sim.unexpected.append(answer)
        elif not future.done():
            future.set_result(answer)

    def on_deliver(self, command_id: int, sequence_number: int, frame: bytes) -> None:
        status = self._sim.deliver_status
        if status is not None:
            self.write(pdu.response(command_id, status, sequence_number, b""))
        try:
            sm = pdu.DataSm(frame) if command_id == _DATA_SM else pdu.Sm(frame)
        except RecoverableError:
            self._sim.malformed.append(frame)
            return
        receipt = parse_receipt(sm)
        came = Incoming(sm, receipt, self.number, time.monotonic())
        (self._sim.mo if receipt is None else self._sim.receipts).append(came)

    def on_gone(self) -> None:
        for future in self.unanswered.values():
            if not future.done():
                future.set_exception(LinkLost("the connection went before the answer"))
                future.exception()  # whoever waits gets it; nobody has to
        self.unanswered.clear()


class EsmeSim:
    """One simulated application with its binds."""

    def __init__(self, settings: EsmeSettings) -> None:
        self.settings = settings
        #: Receipts and MO in the order they came, over all connections of this object's life.
        self.receipts: list[Incoming] = []
        self.mo: list[Incoming] = []
        #: Answers to nothing we asked, and deliver_sm that could not be read.
        self.unexpected: list[Answer] = []
        self.malformed: list[bytes] = []
        #: command_status of our deliver_sm_resp; None answers never. May be changed at any time.
        self.deliver_status = settings.deliver_status
        self.links: list[SimLink] = []
        self._turn: Turn | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._references = itertools.count(1)
        self._next = 0

    async def __aenter__(self) -> EsmeSim:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def connect(self) -> None:
        """Open and bind every connection; call it again after a drop or ``disconnect``.

        Raises ConnectFailed, BindRejected, or LinkLost when the peer closed instead of answering.
        """
        loop = asyncio.get_running_loop()
        self._turn = self._turn or Turn(loop)
        self.links = []
        try:
            async with asyncio.timeout(self.settings.bind_timeout_s):
                for number, bind in enumerate(self.settings.binds):
                    self.links.append(await self._open(bind, number, self._turn))
        except TimeoutError:
            self.drop()
            raise ConnectFailed(f"no bind within {self.settings.bind_timeout_s:g} s") from None
        except (ConnectFailed, BindRejected, LinkLost):
            self.drop()
            raise
        if self.settings.enquire_s:
            self._tick()

    async def disconnect(self, deadline_s: float = 2.0) -> None:
        """Unbind every connection and wait until they are closed, or close them."""
        if self._ticker is not None:
            self._ticker.cancel()
        for link in self.links:
            link.unbind()
        try:
            await self.wait_for(lambda: not any(link.open for link in self.links), deadline_s)
        except TimeoutError:
            self.drop()

    def drop(self) -> None:
        """Close every connection without unbinding."""
        for link in self.links:
            link.abort()

    @property
    def bound(self) -> int:
        """How many connections are bound."""
        return sum(link.is_bound for link in self.links)

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

    def send_raw(self, octets: bytes, bind: int = 0) -> None:
        """Send octets as they are, well-formed or not."""
        self.links[bind].write(octets)

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

    async def _open(self, bind: str, number: int, turn: Turn) -> SimLink:
        settings = self.settings
        loop = asyncio.get_running_loop()
        try:
            _, link = await loop.create_connection(
                lambda: SimLink(self, settings, bind, turn, number), settings.host, settings.port
            )
        except OSError as error:
            raise ConnectFailed(f"{settings.host}:{settings.port}: {error}") from error
        try:
            await link.bound
        except BaseException:  # also when cancelled: nobody else would close it
            link.abort()
            raise
        return link

    def _link(self, bind: int | None) -> SimLink:
        if bind is not None:
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
