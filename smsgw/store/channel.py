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
import re
from collections.abc import Callable, Sequence
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

from smsgw.errors import StoreAway, StoreError, StoreRefused

Arg = str | bytes | int
Connect = Callable[[], AbstractConnection]

# hiredis' stub says a tuple of one.
_pack: Callable[[tuple[Arg, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]

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

OWNER_CHANGED: Final = ("MOVED", "ASK", "READONLY", "CLUSTERDOWN", "MASTERDOWN")
"""Error replies after which another server must be asked."""


class StoreBusy(StoreAway):
    """Redis answered that it can't now (loading, failover, disk); the call did not run. Try again."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


def as_store_error(error: BaseException) -> StoreError:
    """The StoreError that stands for an exception of redis-py or of the socket."""
    if isinstance(error, StoreError):
        return error
    text = str(error) or type(error).__name__
    if isinstance(error, redis_errors.AuthenticationError | redis_errors.AuthorizationError):
        return StoreRefused(text)
    if isinstance(error, redis_errors.ResponseError | redis_errors.BusyLoadingError):
        code = _code_of(error, text)
        if code not in text:
            text = f"{code} {text}"
        return StoreBusy(code, text) if code in TEMPORARY else StoreRefused(text)
    return StoreAway(text)


def _code_of(error: BaseException, text: str) -> str:
    """The upper-case word that Redis began its error with.

    redis-py strips it from the errors it knows, so their class tells; Redis 6.2 wraps what a command inside
    a script answered into a text of its own, Redis 7 does not.
    """
    inner = _IN_SCRIPT.search(text)
    if inner:
        return inner[1]
    return _CODES.get(type(error), text.split(" ", 1)[0])


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


def connection_maker(url: str, timeout_s: float) -> Connect:
    """What makes unopened connections for ``unix://``, ``redis://`` or ``rediss://``. Raises StoreRefused."""
    try:
        options: dict[str, Any] = dict(parse_url(url))
    except ValueError as error:
        raise StoreRefused(f"{url}: {error}") from error
    kind: type[AbstractConnection] = options.pop("connection_class", Connection)
    if "path" in options:
        kind = UnixDomainSocketConnection
    for name in ("decode_responses", "max_connections", "protocol", "socket_timeout"):
        options.pop(name, None)

    def make() -> AbstractConnection:
        return kind(**options, socket_timeout=None, socket_connect_timeout=timeout_s, protocol=2, driver_info=None)

    return make


def host_maker(host: str, port: int, options: dict[str, Any], *, tls: bool, timeout_s: float) -> Connect:
    """The same for a host that Sentinel or the Cluster named, with the options of the site's URL."""

    def make() -> AbstractConnection:
        kind = SSLConnection if tls else Connection
        return kind(
            host=host,
            port=port,
            **options,
            socket_timeout=None,
            socket_connect_timeout=timeout_s,
            protocol=2,
            driver_info=None,
        )

    return make


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

        ``wait_s`` is added to the time limit, for blocking commands. Raises StoreAway (StoreBusy when the
        call surely did not run) or StoreRefused.
        """
        connection = self._connection
        try:
            async with asyncio.timeout(self._timeout_s + wait_s):
                await self._send(_pack(command))
                return await connection.read_response(timeout=math.inf)
        except TimeoutError:
            await self.close()
            raise StoreAway(f"no answer to {command[0]!s} within {self._timeout_s + wait_s:g} s") from None
        except _AWAY as error:
            await self._lost(error)
            raise as_store_error(error) from error

    async def calls(self, commands: Sequence[Sequence[Arg]], wait_s: float = 0.0) -> list[Any]:
        """Send several commands in one write; replies in their order, error replies as StoreError objects.

        Raises StoreAway when the connection is lost meanwhile.
        """
        connection = self._connection
        replies: list[Any] = []
        try:
            async with asyncio.timeout(self._timeout_s + wait_s):
                await self._send(b"".join(_pack(tuple(command)) for command in commands))
                for _ in commands:
                    try:
                        replies.append(await connection.read_response(timeout=math.inf, disconnect_on_error=False))
                    except redis_errors.ResponseError as error:
                        replies.append(as_store_error(error))
        except TimeoutError:
            await self.close()
            raise StoreAway(f"no answer within {self._timeout_s + wait_s:g} s") from None
        except asyncio.CancelledError:
            await self.close()
            raise
        except _AWAY as error:
            await self.close()
            raise as_store_error(error) from error
        return replies

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
