"""An HTTP application of ours at a port, until SIGTERM or Ctrl-C.

Owns: the socket and the signals. Requests that are being answered get what the server's settings allow to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn

from smsgw.errors import CantListen

_BACKLOG: Final = 512


class _Server(uvicorn.Server):
    """Leaves the signals to us: uvicorn raises them again when it has ended, and there is more to be closed then."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening(host: str, port: int, section: str) -> socket.socket:
    """A socket that listens. ``section`` of smsgw.toml names both in its ``host`` and ``port``. Raises CantListen."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CantListen(host, port, error, f"{section}.port", f"{section}.host") from error


async def serve_until_told(config: uvicorn.Config, listener: socket.socket) -> None:
    """Answer requests at ``listener`` until a signal comes."""
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await server.serve(sockets=[listener])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
