"""One connection to Redis, and the only place that knows redis-py.

Owns: opening, one command at a time or several in one write, time limits, and the mapping of redis-py's
exceptions to StoreAway (may or may not have run) and StoreRefused (did not run). Replies are raw RESP2:
bytes, int, list, None. redis-py's client objects are not used: a pooled ``execute_command`` costs
three times what a bare connection does, and its packing in Python as much again.
What can go wrong: after StoreAway the connection is closed; the next call opens it again.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

import hiredis
from redis import exceptions as redis_errors
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)

from smsgw.errors import StoreAway, StoreError, StoreLocked, StoreNotRun, StoreRefused
from smsgw.store.access import Access, Tls

Arg = str | bytes | int
Connect = Callable[[], AbstractConnection]

# hiredis' stub says a tuple of one.
_pack: Callable[[tuple[Arg, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]

#: How redis-py says that there was no connection.
_CONNECTING: Final = re.compile(r"Error (-?[0-9]+) connecting to (.+?)\. (.*)", re.DOTALL)
TEMPORARY: Final = (
    "LOADING",
    "BUSY",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MASTERDOWN",
    "MOVED",
    "ASK",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "UNKILLABLE",
)
"""Error replies that pass by themselves: the call did not run, and a later try may."""

LOCKED: Final = ("NOAUTH", "WRONGPASS", "NOPERM")
"""Error replies to who is not let in."""

OWNER_CHANGED: Final = ("MOVED", "ASK", "READONLY", "CLUSTERDOWN", "MASTERDOWN")
"""Error replies after which another server must be asked."""


class StoreBusy(StoreNotRun):
    """Redis answered that it can't now (loading, failover, disk); the call did not run. Try again."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


def as_store_error(error: BaseException) -> StoreError:
    """The StoreError that stands for an exception of redis-py or of the socket."""
    if isinstance(error, StoreError):
        return error
    text = str(error) or type(error).__name__
    if isinstance(error, _NOT_LET_IN):
        return StoreLocked(f"{text.rstrip('.')} (see store.user and store.password_file)")
    if isinstance(error, redis_errors.ResponseError | redis_errors.BusyLoadingError):
        code = _code_of(error, text)
        if code not in text:
            text = f"{code} {text}"
        if code in LOCKED:
            return StoreLocked(text)
        return StoreBusy(code, text) if code in TEMPORARY else StoreRefused(text)
    return StoreAway(_of_certificate(error) or _of_connecting(text) or text)


def _of_connecting(text: str) -> str:
    """Where nothing could be reached, and how to mend it; redis-py tells that twice and by numbers."""
    found = _CONNECTING.match(text)
    if found is None:
        return ""
    number, place, rest = int(found[1]), found[2], found[3].rstrip(".")
    why = os.strerror(number) if number > 0 else rest
    return f"no connection to {place}: {why[:1].lower()}{why[1:]}; is Redis running there? (see store.url)"


def _of_certificate(error: BaseException) -> str:
    """What is wrong with a certificate, the server's or ours, where that is why; redis-py tells it with much around."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StoreError):
            return str(cause)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate is not accepted: {cause.verify_message} (see store.tls)"
        cause = cause.__cause__ or cause.__context__
    return ""


def _code_of(error: BaseException, text: str) -> str:
    """The upper-case word that Redis began its error with.

    redis-py strips it from the errors it knows, so their class tells; Redis 6.2 wraps what a command inside
    a script answered into a text of its own, Redis 7 does not.
    """
    inner = _IN_SCRIPT.search(text)
    if inner:
        return inner[1]
    return _CODES.get(type(error), text.split(" ", 1)[0])


_NOT_LET_IN: Final = (
    redis_errors.AuthenticationError, redis_errors.AuthorizationError, redis_errors.NoPermissionError
)  # fmt: skip
_IN_SCRIPT: Final = re.compile(r"@user_script: ?\d+: -([A-Z]+) ")
_CODES: Final[dict[type[BaseException], str]] = {
    redis_errors.BusyLoadingError: "LOADING",
    redis_errors.ReadOnlyError: "READONLY",
    redis_errors.MasterDownError: "MASTERDOWN",
    redis_errors.ClusterDownError: "CLUSTERDOWN",
    redis_errors.TryAgainError: "TRYAGAIN",
    redis_errors.MovedError: "MOVED",
    redis_errors.AskError: "ASK",
    redis_errors.NoScriptError: "NOSCRIPT",
    redis_errors.OutOfMemoryError: "OOM",
}

_AWAY = (redis_errors.RedisError, OSError, EOFError)


class _EveryAddress(Connection):
    """TCP, and TLS with ``tls``. A host's name may have several addresses: all are tried, each for its share."""

    def __init__(self, *, tls: Tls | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._tls = tls
        self._address = self.host

    def _connection_arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {"host": self._address, "port": self.port}
        if self._tls is not None:
            arguments["ssl"] = self._tls.context()
            arguments["server_hostname"] = self._tls.server_name or self.host
        return arguments

    async def _connect(self) -> None:
        limit_s = self.socket_connect_timeout or 0.0
        deadline = monotonic() + limit_s
        infos = await asyncio.get_running_loop().getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        try:
            for left in range(len(addresses), 0, -1):
                self._address = addresses[-left]
                self.socket_connect_timeout = max(0.0, deadline - monotonic()) / left
                try:
                    await super()._connect()  # type: ignore[no-untyped-call]
                    return
                except (OSError, TimeoutError):
                    if left == 1:
                        raise
        finally:
            self.socket_connect_timeout = limit_s


_TLS_IN_URL: Final = {"ssl_ca_certs": "ca", "ssl_certfile": "certificate", "ssl_keyfile": "key"}


def connection_maker(url: str, timeout_s: float, access: Access | None = None) -> Connect:
    """What makes unopened connections for ``unix://``, ``redis://`` or ``rediss://``. Raises StoreRefused."""
    access = access or Access()
    try:
        options: dict[str, Any] = dict(parse_url(url))
    except ValueError as error:
        raise StoreRefused(f"{bare(url)}: {error}") from error
    secure = options.pop("connection_class", None) is SSLConnection
    for name in ("decode_responses", "max_connections", "protocol", "socket_timeout", "socket_connect_timeout"):
        options.pop(name, None)
    options |= access.login
    if "path" in options:
        return _maker(UnixDomainSocketConnection, options, timeout_s)
    files: dict[str, Any] = {
        ours: Path(options.pop(theirs)) for theirs, ours in _TLS_IN_URL.items() if theirs in options
    }
    if unknown := [name for name in options if name.startswith("ssl_")]:
        raise StoreRefused(f"{bare(url)}: {unknown[0]} is not known here; see [store.tls]")
    tls = access.tls or (Tls(**files) if secure or files else None)
    return _maker(_EveryAddress, {**options, "tls": tls}, timeout_s)


def host_maker(host: str, port: int, login: dict[str, Any], tls: Tls | None, timeout_s: float) -> Connect:
    """The same for a host that the URL, a sentinel or the Cluster named."""
    return _maker(_EveryAddress, {"host": host, "port": port, **login, "tls": tls}, timeout_s)


def _maker(kind: Callable[..., AbstractConnection], options: dict[str, Any], timeout_s: float) -> Connect:
    def make() -> AbstractConnection:
        return kind(**options, socket_timeout=None, socket_connect_timeout=timeout_s, protocol=2, driver_info=None)

    return make


def bare(url: str) -> str:
    """A URL as it may be shown: without what may be a password."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


class Channel:
    """One connection, one call at a time. Opens itself at the first call and after every loss."""

    __slots__ = ("_connection", "_timeout_s", "opened")

    def __init__(self, connect: Connect, timeout_s: float) -> None:
        self._connection: Any = connect()
        self._timeout_s = timeout_s
        self.opened = False
        """False until the first call and again after a loss: whoever keeps state in the connection asks."""

    async def call(self, *command: Arg, wait_s: float = 0.0) -> Any:
        """Send one command and give its raw reply.

        ``wait_s`` is added to the time limit, for blocking commands. Raises StoreAway (StoreNotRun when
        it surely did not run) or StoreRefused.
        """
        connection = self._connection
        kind: type[StoreAway] = StoreNotRun
        try:
            async with asyncio.timeout(self._timeout_s + wait_s):
                await self._connected()
                kind = StoreAway
                await self._send(_pack(command))
                return await connection.read_response(timeout=math.inf)
        except TimeoutError:
            await self.close()
            raise kind(f"no answer to {command[0]!s} within {self._timeout_s + wait_s:g} s") from None
        except _AWAY as error:
            await self._lost(error)
            raise as_store_error(error) from error

    async def calls(self, commands: Sequence[Sequence[Arg]], wait_s: float = 0.0) -> list[Any]:
        """Send several commands in one write; replies in their order, error replies as StoreError objects.

        Raises StoreAway when the connection is lost meanwhile.
        """
        connection = self._connection
        replies: list[Any] = []
        kind: type[StoreAway] = StoreNotRun
        try:
            async with asyncio.timeout(self._timeout_s + wait_s):
                await self._connected()
                kind = StoreAway
                await self._send(b"".join(_pack(tuple(command)) for command in commands))
                for _ in commands:
                    try:
                        replies.append(await connection.read_response(timeout=math.inf, disconnect_on_error=False))
                    except redis_errors.ResponseError as error:
                        replies.append(as_store_error(error))
        except TimeoutError:
            await self.close()
            raise kind(f"no answer within {self._timeout_s + wait_s:g} s") from None
        except asyncio.CancelledError:
            await self.close()
            raise
        except _AWAY as error:
            await self.close()
            raise as_store_error(error) from error
        return replies

    async def _connected(self) -> None:
        """Open it if need be; where that fails nothing was sent."""
        if self._connection.is_connected:
            return
        try:
            await self._connection.connect()
        except _AWAY as error:
            await self.close()
            found = as_store_error(error)
            raise found if isinstance(found, StoreRefused | StoreNotRun) else StoreNotRun(str(found)) from error

    async def _send(self, packed: bytes) -> None:
        try:
            await self._connection.send_packed_command(packed, check_health=False)
        except RuntimeError as error:
            # What uvloop calls a connection that was reset while nobody used it; redis-py has closed it now.
            raise ConnectionResetError(str(error)) from error
        self.opened = True

    async def close(self) -> None:
        """Close the socket without waiting for the peer."""
        self.opened = False
        await self._connection.disconnect(nowait=True)

    async def _lost(self, error: BaseException) -> None:
        # An error reply leaves the stream in step; redis-py has closed the connection on it all the same.
        if not self._connection.is_connected or not isinstance(error, redis_errors.ResponseError):
            await self.close()
