"""Runs the redirect server until SIGTERM or Ctrl-C, and what it has to do beside answering."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn

from smsgw.errors import StoreError
from smsgw.records.log import RecordLog
from smsgw.redirect.app import Redirects
from smsgw.store.links import Links
from smsgw.telemetry.logs import EventLog

_GRACE_S: Final = 5
_CONNECTIONS: Final = 1_000
_IDLE_S: Final = 5
_TICK_S: Final = 1.0
_TICKS_TO_FORGET: Final = 3_600
_log = EventLog("smsgw.links")


class _Server(uvicorn.Server):
    """Leaves the signals to us: uvicorn raises them again when it has ended, and the records are still to be closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Redirects, links: Links, log: RecordLog, host: str, port: int) -> None:
    """Serve until a signal comes. Raises OSError, in words, when the address can't be listened on."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False, proxy_headers=False,
        limit_concurrency=_CONNECTIONS, timeout_keep_alive=_IDLE_S, timeout_graceful_shutdown=_GRACE_S,
    )  # fmt: skip
    listener = _listen(host, port)
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    bound_host, bound_port = listener.getsockname()[:2]
    _log.event("links.started", host=bound_host, port=bound_port)
    upkeep = asyncio.create_task(_upkeep(links, log), name="upkeep")
    try:
        await server.serve(sockets=[listener])
    finally:
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        log.close()
        _log.event("links.stopped", clicks_count=app.clicks, machines_count=app.machines, lost_rows=log.lost)


async def _upkeep(links: Links, log: RecordLog) -> None:
    """Once a second what waits is written and forced to disk; once an hour links whose time is over are forgotten."""
    ticks = 0
    while True:
        log.flush()
        if ticks % _TICKS_TO_FORGET == 0:
            try:
                gone = await links.forget_old()
            except StoreError as error:
                _log.warning("store.away", why=str(error))
            else:
                if gone:
                    _log.event("links.forgotten", links_count=gone)
        ticks += 1
        await asyncio.sleep(_TICK_S)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            why = f"{where} is taken by another program; choose another [links] port, or end that program"
        else:
            why = f"can't listen on {where}: {error.strerror or error}"
        raise OSError(error.errno, why) from None
