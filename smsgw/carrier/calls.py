"""Carriers that call: they connect to us and send an outbind, and we bind on that connection (SMPP 3.4 §2.2.1).

Owns: the port where one carrier calls, open only while some bind waits for a call. Who calls says who he is before a
bind hears of him; whoever says something else, or nothing in time, is hung up on. What can go wrong: the port is
another's, which is an attempt to connect that failed; nobody calls, which is none.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from smsgw.carrier.settings import CarrierSettings
from smsgw.errors import ConnectFailed, RecoverableError
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.views import HEADER

MOST_STRANGERS = 16
#: The header, a system_id and a password, each with its NUL.
_MOST_OCTETS = 16 + 16 + 9
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Call:
    """The carrier's connection, its outbind read."""

    transport: asyncio.Transport
    #: What came behind the outbind.
    rest: bytes


class Calls:
    """Where one carrier's binds that receive wait for it to call; shared by them."""

    __slots__ = ("_callers", "_listening", "_server", "_strangers", "_told", "_waiting")

    def __init__(self, told: Callable[[str, dict[str, object]], None]) -> None:
        self._told = told
        self._server: asyncio.Server | None = None
        self._listening = asyncio.Lock()
        self._callers: asyncio.Queue[Call] = asyncio.Queue()
        self._strangers = 0
        self._waiting = 0

    async def connect(
        self, make: Callable[[], asyncio.Protocol], settings: CarrierSettings, wanted: Callable[[], bool]
    ) -> None:
        """Wait for a call, as long as it is wanted. Raises ConnectFailed when the port can't be had, or no more."""
        self._waiting += 1
        try:
            await self._listen(settings)
            call = await self._next(wanted)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._close()
        protocol = make()
        call.transport.set_protocol(protocol)
        protocol.connection_made(call.transport)
        call.transport.resume_reading()
        if call.rest:
            protocol.data_received(call.rest)

    def failed(self) -> None:
        """Nothing to choose: the carrier calls from where it likes."""

    # -- inside

    async def _listen(self, settings: CarrierSettings) -> None:
        outbind = settings.outbind
        assert outbind is not None
        async with self._listening:
            if self._server is not None:
                return
            try:
                self._server = await asyncio.get_running_loop().create_server(
                    lambda: _Caller(self, settings), outbind.host, outbind.port
                )
            except OSError as error:
                raise ConnectFailed(f"outbind at {outbind.host}:{outbind.port}: {error.strerror or error}") from error

    async def _next(self, wanted: Callable[[], bool]) -> Call:
        while wanted():
            try:
                async with asyncio.timeout(_LOOK_S):
                    call = await self._callers.get()
            except TimeoutError:
                continue
            if not call.transport.is_closing():
                return call
        raise ConnectFailed("no call is waited for any more")

    def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        while not self._callers.empty():
            self._callers.get_nowait().transport.abort()

    # -- for the callers

    def came(self) -> bool:
        """Somebody has connected; False when there are too many that have not said who they are."""
        self._strangers += 1
        return self._strangers <= MOST_STRANGERS

    def went(self) -> None:
        """One of them has said who he is, or is gone."""
        self._strangers -= 1

    def called(self, call: Call) -> None:
        """The carrier called."""
        if self._waiting > self._callers.qsize() and not call.transport.is_closing():
            call.transport.pause_reading()
            self._callers.put_nowait(call)
        else:
            call.transport.abort()

    def refused(self, settings: CarrierSettings, why: str) -> None:
        """Somebody else called."""
        self._told("carrier.outbind_refused", {"carrier": settings.name, "reason": why})


class _Caller(asyncio.Protocol):
    """A connection until its outbind is read."""

    def __init__(self, calls: Calls, settings: CarrierSettings) -> None:
        self._of = calls
        self._settings = settings
        self._octets = b""
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._is_stranger = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._of.came():
            self._transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(self._settings.bind_timeout_s, self._refuse, "nothing was said")

    def data_received(self, data: bytes) -> None:
        if not self._is_stranger:
            return
        self._octets += data
        if len(self._octets) < HEADER.size:
            return
        length, command_id, _, _ = HEADER.unpack_from(self._octets)
        if command_id != CommandId.OUTBIND or not HEADER.size < length <= _MOST_OCTETS:
            self._refuse("no outbind")
        elif len(self._octets) >= length:
            self._read(self._octets[:length], self._octets[length:])

    def connection_lost(self, exc: Exception | None) -> None:
        self._known()

    def _read(self, frame: bytes, rest: bytes) -> None:
        outbind = self._settings.outbind
        assert outbind is not None
        assert self._transport is not None
        try:
            fields = decode(frame).fields
        except RecoverableError:
            self._refuse("no outbind")
            return
        said = b"\0".join((_octets(fields["system_id"]), _octets(fields["password"])))
        expected = f"{outbind.system_id}\0{outbind.password}".encode("latin-1")
        if not hmac.compare_digest(said, expected):
            self._refuse("wrong system_id or password")
            return
        self._known()
        self._of.called(Call(self._transport, rest))

    def _known(self) -> None:
        if self._is_stranger:
            self._is_stranger = False
            self._of.went()
        if self._patience is not None:
            self._patience.cancel()

    def _refuse(self, why: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._of.refused(self._settings, why)
            self._transport.abort()


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
