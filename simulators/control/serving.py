"""Runs the control port's application inside a loop that is already running.

uvicorn takes signals for itself and waits for open streams; neither may be here: the simulator's own
handlers end the run, and a browser that keeps its page open must not hold it up.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

#: Requests that are being answered get this long after ``stop``; streams and waits end at once.
_GRACE_S = 1


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Served:
    """A running control port."""

    def __init__(self, server: uvicorn.Server, listener: socket.socket, app: FastAPI) -> None:
        self.host, self.port = listener.getsockname()[:2]
        self._app = app
        self._server = server
        self._running = asyncio.ensure_future(server.serve(sockets=[listener]))

    @property
    def url(self) -> str:
        """Where a browser or ``simctl --url`` finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def stop(self) -> None:
        """End streams and waits, close all connections, and return when the port is free."""
        self._app.state.control.close()
        self._server.should_exit = True
        await self._running

    async def _until_started(self) -> None:
        while not self._server.started and not self._running.done():
            await asyncio.sleep(0)
        if self._running.done():
            self._running.result()


async def serve(app: FastAPI, host: str = "127.0.0.1", port: int = 8780) -> Served:
    """Serve ``app`` (of ``make_app``) at once; ``port`` 0 takes a free one. ``await served.stop()`` ends it.

    Raises OSError, in words, when the address can't be listened on.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )  # fmt: skip
    served = Served(_Server(config), listener, app)
    await served._until_started()
    return served


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            why = f"{where} is taken by another program; choose another port, or end that program"
        else:
            why = f"can't listen on {where}: {error.strerror or error}"
        raise OSError(error.errno, why) from None
