"""Connections to Redis: where they lead, how they are opened, and asking over them.

Owns: URLs, opening (every address of a host, TLS, login, database), opening again after a loss, and the time limit of a
call. What travels is ``wire``'s. A channel is for any number of callers at once, or for one who waits in Redis.
What can go wrong: StoreNotRun (surely not sent), StoreAway (may have run; the connection is closed and the next call
opens another), StoreRefused (Redis answered with an error, the connection stays).
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url

from smsgw.errors import StoreAway, StoreError, StoreNotRun, StoreRefused
from smsgw.store.access import Access, Tls
from smsgw.store.wire import Wire

Arg = str | bytes | int
# hiredis' stub says a tuple of one.
_pack: Callable[[Sequence[Arg]], bytes] = hiredis.pack_command  # type: ignore[assignment]

OWNER_CHANGED: Final = ("MOVED", "ASK", "READONLY", "CLUSTERDOWN", "MASTERDOWN")
"""Error replies after which another server must be asked."""

_TLS_IN_URL: Final = {"ssl_ca_certs": "ca", "ssl_certfile": "certificate", "ssl_keyfile": "key"}
_ACCESS_IN_URL: Final = ("host", "port", "path", "username", "password", "db")


@dataclass(frozen=True, slots=True)
class Target:
    """A server and how to get in. With ``path`` a Unix socket, otherwise all addresses of ``host``."""

    timeout_s: float
    host: str = "localhost"
    port: int = 6379
    path: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    db: int = 0
    tls: Tls | None = None

    async def open(self) -> Wire:
        """A connection that commands can be sent over, within ``timeout_s``."""
        place = self.path or f"{self.host}:{self.port}"
        wire: Wire | None = None
        try:
            async with asyncio.timeout(self.timeout_s):
                wire = await (self._open_path() if self.path else self._open_host())
                await self._let_in(wire)
                return wire
        except TimeoutError:
            why = f"no connection to {place} within {self.timeout_s:g} s; is Redis running there? (see store.url)"
            raise _ended(wire, StoreNotRun(why)) from None
        except (OSError, RuntimeError) as error:
            raise _ended(wire, not_opened(place, error)) from error
        except StoreError as error:
            away = _ended(wire, StoreNotRun(str(error)))
            raise away if type(error) is StoreAway else error from None
        except asyncio.CancelledError:
            _ended(wire, StoreNotRun("nobody waits for it"))
            raise

    async def _open_path(self) -> Wire:
        _, wire = await asyncio.get_running_loop().create_unix_connection(Wire, self.path)
        return wire

    async def _open_host(self) -> Wire:
        """A host's name may have several addresses: all are tried, each for its share of the time."""
        loop = asyncio.get_running_loop()
        context = None
        if self.tls is not None:
            try:
                context = self.tls.context()
            except StoreRefused as error:  # files that are being renewed are there again soon
                raise StoreNotRun(str(error)) from error
        server_name = (self.tls.server_name or self.host) if self.tls is not None else None
        deadline = loop.time() + self.timeout_s
        infos = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        for left in range(len(addresses), 0, -1):
            try:
                async with asyncio.timeout((deadline - loop.time()) / left):
                    transport, wire = await loop.create_connection(
                        Wire, addresses[-left], self.port, ssl=context, server_hostname=server_name
                    )
                    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                    return wire
            except OSError:  # TimeoutError is one
                if left == 1:
                    raise
        raise OSError(socket.EAI_NONAME, "it has no address")

    async def _let_in(self, wire: Wire) -> None:
        commands: list[tuple[Arg, ...]] = []
        if self.password:
            commands.append(("AUTH", self.username, self.password) if self.username else ("AUTH", self.password))
        if self.db:
            commands.append(("SELECT", self.db))
        if commands:
            packed = b"".join(_pack(command) for command in commands)
            for reply in await wire.ask(packed, len(commands), str(commands[0][0]), self.timeout_s):
                if isinstance(reply, StoreError):
                    raise reply


def _ended(wire: Wire | None, why: StoreAway) -> StoreAway:
    if wire is not None:
        wire.end(why)
    return why


def not_opened(place: str, error: Exception) -> StoreNotRun:
    """Why nothing could be reached, and how to mend it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return StoreNotRun(f"the server's certificate is not accepted: {error.verify_message} (see store.tls)")
    number = error.errno if isinstance(error, OSError) else None
    known = number is not None and number > 0 and not isinstance(error, ssl.SSLError)
    # asyncio's own text repeats the address; the system's does not.
    why = os.strerror(number) if known and number is not None else getattr(error, "strerror", None) or str(error)
    why = why.rstrip(".") or type(error).__name__
    return StoreNotRun(f"no connection to {place}: {why[:1].lower()}{why[1:]}; is Redis running there? (see store.url)")


def target_of(url: str, timeout_s: float, access: Access | None = None) -> Target:
    """The server of a ``unix://``, ``redis://`` or ``rediss://`` URL. Raises StoreRefused."""
    access = access or Access()
    try:
        options: dict[str, Any] = dict(parse_url(url))
    except ValueError as error:
        raise StoreRefused(f"{bare(url)}: {error}") from error
    secure = options.pop("connection_class", None) is SSLConnection
    files: dict[str, Any] = {
        ours: Path(options.pop(theirs)) for theirs, ours in _TLS_IN_URL.items() if theirs in options
    }
    if unknown := [name for name in options if name not in _ACCESS_IN_URL]:
        raise StoreRefused(f"{bare(url)}: {unknown[0]} is not known here; see [store] and [store.tls]")
    tls = access.tls or (Tls(**files) if secure or files else None)
    return Target(**{"timeout_s": timeout_s, **options, **access.login, "tls": tls})


def host_target(host: str, port: int, login: dict[str, Any], tls: Tls | None, timeout_s: float) -> Target:
    """The same for a host that the URL, a sentinel or the Cluster named."""
    return Target(timeout_s, host, port, tls=tls, **login)


def bare(url: str) -> str:
    """A URL as it may be shown: without what may be a password."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


class Channel:
    """A way to one server for many callers at once. Opens its connection at the first call and after every loss."""

    __slots__ = ("_opening", "_target", "_timeout_s", "_wire")

    def __init__(self, target: Target, timeout_s: float) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._wire: Wire | None = None
        self._opening = asyncio.Lock()

    async def call(self, *command: Arg, wait_s: float = 0.0) -> Any:
        """Send one command and give its raw reply.

        ``wait_s`` is added to the time limit, for commands that block: they hold up what is asked behind them. Raises
        StoreAway (StoreNotRun when it surely did not run) or StoreRefused.
        """
        wire = self._wire
        if wire is None or wire.lost is not None:
            wire = await self._opened()
        (reply,) = await wire.ask(_pack(command), 1, str(command[0]), self._timeout_s + wait_s)
        if isinstance(reply, StoreError):
            raise reply
        return reply

    async def calls(self, commands: Sequence[Sequence[Arg]], wait_s: float = 0.0) -> list[Any]:
        """Send several commands in one write; replies in their order, error replies as StoreError objects.

        Raises StoreAway when the connection is lost meanwhile.
        """
        wire = self._wire
        if wire is None or wire.lost is not None:
            wire = await self._opened()
        packed = b"".join(_pack(tuple(command)) for command in commands)
        return await wire.ask(packed, len(commands), str(commands[0][0]), self._timeout_s + wait_s)

    async def _opened(self) -> Wire:
        """Open it, once for all who call now. One that was lost while nobody used it is told first."""
        async with self._opening:
            wire, self._wire = self._wire, None
            if wire is not None and wire.lost is not None:
                if wire.lost_unheard:
                    raise StoreNotRun(str(wire.lost))
                wire = None
            self._wire = wire or await self._target.open()
            return self._wire

    async def close(self) -> None:
        """Close the socket without waiting for the peer. What was asked ends with StoreAway; a later call opens it."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.end(StoreAway("the connection was closed"))
