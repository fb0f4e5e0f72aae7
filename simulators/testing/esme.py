"""A simulated application, for tests in any thread; see ``handle`` for what it shares with carriers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from simulators.clock import SimClock
from simulators.entry import Entry
from simulators.esme.answer import Answer
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from simulators.testing.handle import DEADLINE_S, Handle
from simulators.testing.loop import LoopThread, blocks_a_loop
from simulators.testing.messages import SimMessage

T = TypeVar("T")

_TO = "13800138000"
_FROM = "10690001"


class Listening(Protocol):
    """Somewhere to connect to: a carrier handle, for instance."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


class EsmeHandle(Handle):
    """One application; ``connect`` first."""

    def __init__(self, loop: LoopThread, clock: Callable[[], SimClock], name: str = "esme") -> None:
        super().__init__(loop, name)
        self._clock = clock
        self._sim: EsmeSim | None = None

    def __repr__(self) -> str:
        return f"<application simulator {self.name!r}>"

    def connect(
        self,
        peer: int | Listening,
        *,
        host: str = "127.0.0.1",
        system_id: str = "test",
        password: str = "secret",
        binds: tuple[str, ...] = ("transceiver",),
        **settings: Any,
    ) -> EsmeHandle:
        """Connect and bind; returns itself. ``peer`` is a port, or anything with ``host`` and ``port``.

        ``binds`` has "transceiver", "transmitter" or "receiver" for each connection; ``settings`` are others
        of ``EsmeSettings``. Raises smsgw.errors.ConnectFailed, BindRejected or LinkLost.
        """
        __tracebackhide__ = True
        self._make(peer, host, system_id=system_id, password=password, binds=binds, **settings)
        self._loop.run(self.sim.connect())
        return self

    async def connect_async(
        self,
        peer: int | Listening,
        *,
        host: str = "127.0.0.1",
        system_id: str = "test",
        password: str = "secret",
        binds: tuple[str, ...] = ("transceiver",),
        **settings: Any,
    ) -> EsmeHandle:
        """As ``connect``, awaited: for a server in the test's own event loop."""
        self._make(peer, host, system_id=system_id, password=password, binds=binds, **settings)
        await self._loop.arun(self.sim.connect())
        return self

    @property
    def is_made(self) -> bool:
        """Whether it was ever connected."""
        return self._sim is not None

    @property
    def sim(self) -> EsmeSim:
        """The simulator itself, for its own loop; raises RuntimeError before ``connect``."""
        if self._sim is None:
            raise RuntimeError("connect it first: esme_sim.connect(port)")
        return self._sim

    # sending

    def send(
        self, text: str, to: str = _TO, source: str = _FROM, *, deadline_s: float = DEADLINE_S, **fields: Any
    ) -> Answer:
        """Send a message and return its answer; ``fields`` are those of ``simulators.esme.message.Envelope``.

        Raises AssertionError when there is no answer within ``deadline_s``, LinkLost when the connection went,
        LocalError for what does not fit (a long text: ``send_long``).
        """
        __tracebackhide__ = True
        return self._in_time(self._send(text, to, source, deadline_s, fields), deadline_s)

    async def send_async(
        self, text: str, to: str = _TO, source: str = _FROM, *, deadline_s: float = DEADLINE_S, **fields: Any
    ) -> Answer:
        """As ``send``, awaited."""
        try:
            return await self._loop.arun(self._send(text, to, source, deadline_s, fields))
        except TimeoutError as error:
            raise AssertionError(str(error)) from None

    def send_long(
        self,
        text: str,
        to: str = _TO,
        source: str = _FROM,
        *,
        long: str = "udh",
        deadline_s: float = DEADLINE_S,
        **fields: Any,
    ) -> list[Answer]:
        """Send a text in as many segments as it needs, on one bind; the answer of each.

        ``long`` is "udh", "udh16", "sar" or "payload". Raises as ``send``.
        """
        __tracebackhide__ = True
        return self._in_time(self._send_long(text, to, source, long, deadline_s, fields), deadline_s)

    async def send_long_async(
        self,
        text: str,
        to: str = _TO,
        source: str = _FROM,
        *,
        long: str = "udh",
        deadline_s: float = DEADLINE_S,
        **fields: Any,
    ) -> list[Answer]:
        """As ``send_long``, awaited."""
        try:
            return await self._loop.arun(self._send_long(text, to, source, long, deadline_s, fields))
        except TimeoutError as error:
            raise AssertionError(str(error)) from None

    def send_raw(self, octets: bytes, bind: int = 0) -> None:
        """Write any octets on one of its connections, counted from 0."""
        self._loop.call(self.sim.send_raw, octets, bind)

    # looking and waiting

    @property
    def receipts(self) -> list[SimMessage]:
        """The receipts that came."""
        return self.messages("receipt")

    @property
    def mo(self) -> list[SimMessage]:
        """What subscribers sent, long ones whole."""
        return self.messages("mo")

    @property
    def bound(self) -> int:
        """How many connections are bound."""
        return self._loop.call(lambda: self._sim.bound if self._sim is not None else 0)

    def wait_for_receipts(self, count: int = 1, deadline_s: float = DEADLINE_S, **selection: Any) -> list[SimMessage]:
        """Return the receipts that came once there are ``count`` that satisfy ``selection``.

        ``wait_for_receipts(1, stat="DELIVRD", message_id=answer.message_id)``. Raises AssertionError.
        """
        __tracebackhide__ = True
        return self._wait_for_kind("receipt", count, deadline_s, selection)

    async def wait_for_receipts_async(
        self, count: int = 1, deadline_s: float = DEADLINE_S, **selection: Any
    ) -> list[SimMessage]:
        """As ``wait_for_receipts``, awaited."""
        return await self._wait_for_kind_async("receipt", count, deadline_s, selection)

    def wait_for_mo(self, count: int = 1, deadline_s: float = DEADLINE_S, **selection: Any) -> list[SimMessage]:
        """Return the MO that came once there are ``count`` that satisfy ``selection``. Raises AssertionError."""
        __tracebackhide__ = True
        return self._wait_for_kind("mo", count, deadline_s, selection)

    async def wait_for_mo_async(
        self, count: int = 1, deadline_s: float = DEADLINE_S, **selection: Any
    ) -> list[SimMessage]:
        """As ``wait_for_mo``, awaited."""
        return await self._wait_for_kind_async("mo", count, deadline_s, selection)

    # steering

    def answer_deliveries(self, status: int | None = 0, after_s: float = 0.0) -> None:
        """Answer receipts and MO with this command_status from now on; None answers none."""

        def use() -> None:
            self.sim.deliver_status, self.sim.deliver_after_s = status, after_s

        self._loop.call(use)

    def drop(self) -> None:
        """Close every connection without unbinding."""
        self._loop.call(self.sim.drop)

    def disconnect(self) -> None:
        """Unbind and close."""
        self._loop.run(self.sim.disconnect())

    async def disconnect_async(self) -> None:
        """As ``disconnect``, awaited."""
        await self._loop.arun(self.sim.disconnect())

    # in the loop

    def _make(self, peer: int | Listening, host: str, **settings: Any) -> None:
        if not isinstance(peer, int):
            host, peer = peer.host, peer.port
        if self._sim is not None and self._loop.call(lambda: any(link.open for link in self.sim.links)):
            raise RuntimeError("it is connected; esme_sim_factory() makes another application")
        self._sim = EsmeSim(EsmeSettings(peer, host, name=self.name, **settings), clock=self._clock())

    async def _send(self, text: str, to: str, source: str, deadline_s: float, fields: dict[str, Any]) -> Answer:
        return await _answer(self.sim.submit(source, to, text, **fields), deadline_s)

    async def _send_long(
        self, text: str, to: str, source: str, long: str, deadline_s: float, fields: dict[str, Any]
    ) -> list[Answer]:
        return [await _answer(each, deadline_s) for each in self.sim.submit_long(source, to, text, long=long, **fields)]

    def _in_time(self, sending: Coroutine[Any, Any, T], deadline_s: float) -> T:
        __tracebackhide__ = True
        try:
            return self._loop.run(sending, deadline_s)
        except TimeoutError as error:
            raise AssertionError(f"{error}{blocks_a_loop()}") from None

    def _entries(self, kinds: tuple[str, ...]) -> list[Entry]:
        return list(self._sim.entries(*kinds)) if self._sim is not None else []

    async def _wait(self, condition: Callable[[], object], deadline_s: float) -> None:
        await self.sim.wait_for(condition, deadline_s)


async def _answer(future: asyncio.Future[Answer], deadline_s: float) -> Answer:
    try:
        async with asyncio.timeout(deadline_s):
            return await future
    except TimeoutError:
        raise TimeoutError(f"no answer within {deadline_s:g} s") from None
