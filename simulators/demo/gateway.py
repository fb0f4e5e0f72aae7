"""The gateway as a process: started, watched, asked over its ops port, stopped; and its embedded server with it.

It gets a session of its own, so that Ctrl-C reaches the demonstration alone, which then stops it politely. A
gateway that does not end, or died by itself, may leave its server running; that one is stopped here too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from simulators.demo.facts import DemoError

START_S = 30.0
STOP_S = 20.0
_LOG_LINES = 12
_POLL_S = 0.03


class GatewayProcess:
    """``start``, then ask, then ``stop``; ``watch`` tells when it dies in between."""

    def __init__(self, site: Path, ops_port: int) -> None:
        self.site = site
        self.log = site / "gateway.log"
        self._url = f"http://127.0.0.1:{ops_port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Start it, and return when traffic is welcome. Raises DemoError with its last words."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "smsgw", "run", "--site", str(self.site)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        end_s = time.monotonic() + START_S
        while not await self._is_ready():
            if self._process.poll() is not None:
                raise DemoError("the gateway ended before it was ready", self.last_lines())
            if time.monotonic() > end_s:
                raise DemoError(f"the gateway is not ready after {START_S:g} s", self.last_lines())
            await asyncio.sleep(_POLL_S)

    async def watch(self) -> None:
        """Raises DemoError when the process ends without having been told to."""
        assert self._process is not None
        while self._process.poll() is None:
            await asyncio.sleep(_POLL_S)
        if not self._stopping:
            raise DemoError(f"the gateway died (exit status {self._process.returncode})", self.last_lines())

    async def set_clock(self, at: str) -> None:
        """Move business time."""
        await self._ask("/clock", {"set": at})

    async def status(self) -> dict[str, Any]:
        """What /status says."""
        return await self._ask("/status")

    async def stop(self) -> int:
        """Stop it politely, by force if need be; returns its exit status."""
        process = self._process
        if process is None:
            return 0
        self._stopping = True
        process.terminate()
        end_s = time.monotonic() + STOP_S
        while process.poll() is None:
            if time.monotonic() > end_s:
                process.kill()
            await asyncio.sleep(_POLL_S)
        _stop_server(self.site / "state" / "redis")
        return process.returncode

    def last_lines(self) -> tuple[str, ...]:
        """The end of its log."""
        try:
            return tuple(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
        except OSError:
            return ()

    def errors(self) -> list[str]:
        """What it logged at level error."""
        return [line for line in self.log.read_text(encoding="utf-8").splitlines() if '"level":"error"' in line]

    async def _is_ready(self) -> bool:
        try:
            return bool((await self._ask("/readyz"))["ready"])
        except DemoError:
            return False

    async def _ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        def ask() -> dict[str, Any]:
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(self._url + path, data, method="GET" if data is None else "PUT")
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return dict(json.load(answer))
            except urllib.error.HTTPError as error:
                if path == "/readyz":
                    return {"ready": False}
                raise DemoError(f"{path} of the ops port answered {error.code}", self.last_lines()) from error
            except (OSError, ValueError) as error:
                raise DemoError(f"{path} of the ops port can't be read: {error}", self.last_lines()) from error

        return await asyncio.to_thread(ask)


def _stop_server(directory: Path) -> None:
    """End the server that a dead gateway left: the process of the pid file, if it really runs in ``directory``."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((directory / "server.pid").read_text())
        if Path(f"/proc/{pid}/cwd").resolve() == directory.resolve():
            os.kill(pid, signal.SIGTERM)
