"""Runs the console's application until SIGTERM or Ctrl-C. Requests that are being answered get a moment to end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from smsgw.config.node import ConsoleSettings
from smsgw.errors import ConfigError
from smsgw.telemetry.logs import EventLog

_GRACE_S = 5
_CONNECTIONS = 200
_log = EventLog("smsgw.console")


class _Server(uvicorn.Server):
    """Leaves the signals to us: uvicorn raises them again when it has ended, and the store is still to be closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: FastAPI, settings: ConsoleSettings) -> None:
    """Serve until a signal comes.

    Raises OSError, in words, when the address can't be listened on, ConfigError for a certificate that can't be used.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=settings.certificate,
        ssl_keyfile=str(settings.key) if settings.key is not None else None,
        proxy_headers=False,
    )
    try:
        config.load()
    except ssl.SSLError as error:
        raise ConfigError(
            settings.certificate or "", 0, "certificate", f"can't be used with its key: {error}"
        ) from error
    listener = _listen(settings.host, settings.port)
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    host, port = listener.getsockname()[:2]
    _log.event("console.started", host=host, port=port, tls=settings.certificate is not None)
    try:
        await server.serve(sockets=[listener])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        _log.event("console.stopped")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            why = f"{where} is taken by another program; choose another [console] port, or end that program"
        else:
            why = f"can't listen on {where}: {error.strerror or error}"
        raise OSError(error.errno, why) from None
