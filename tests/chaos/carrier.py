"""A simulated carrier as a process of its own, steered over its control port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.gateway import ROOT
from tests.ports import free_port

SYSTEM_ID, PASSWORD = "smsgw", "bench123"
_START_S = 120.0
_POLL_S = 0.05
_HTTP_S = 20.0
#: Receipts and MO that a dead gateway left unanswered come again after this.
_RESEND_AFTER = "2s"


class CarrierProcess:
    """``carrier-sim`` on a port of its own; ``log`` has a line for each message it took."""

    def __init__(self, name: str, directory: Path, options: tuple[str, ...] = ()) -> None:
        self.name = name
        self.port, self.http_port = free_port(), free_port()
        self.log = directory / f"carrier-{name}.jsonl"
        self._out = directory / f"carrier-{name}.out"
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Run it; returns when its control port answers. Raises TimeoutError."""
        command = [sys.executable, "-m", "simulators.carrier", "--port", str(self.port), "--http", str(self.http_port)]
        command += ["--system-id", SYSTEM_ID, "--password", PASSWORD, "--quiet", "--log", str(self.log)]
        command += ["--response", "5ms-40ms", "--receipt", "20ms-400ms", "--early", "2%", "--other-bind", "10%"]
        command += ["--resend-after", _RESEND_AFTER, "--receipt-tries", "60", "--record", "2000"]
        with self._out.open("ab") as out:
            self.process = subprocess.Popen(
                [*command, *self._options], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        deadline_s = time.monotonic() + _START_S
        while True:
            try:
                await self.ask("GET", "/api/state")
                return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline_s:
                    raise TimeoutError(f"carrier {self.name} did not start:\n{self._out.read_text()}") from error
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """SIGTERM, so that its log is whole; SIGKILL if that does not help."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while self.process.poll() is None:
                    await asyncio.sleep(_POLL_S)
        self.process.kill()
        self.process.wait()
        self.process = None

    def pause(self) -> None:
        """SIGSTOP: the connections stay, and nothing is answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request to its control port (docs/testers.md). Raises OSError, also for an error's status."""
        return await asyncio.to_thread(self._ask, method, path, body)

    async def change(self, **settings: Any) -> None:
        """Settings of a scenario's [[carrier]] table, such as ``limits={"rate": "50/s"}``."""
        await self.ask("PATCH", f"/api/carriers/{await self._its_name()}/settings", settings)

    async def links(self, do: str) -> int:
        """``drop``, ``half_open``, ``pause``, ``resume`` or ``unbind`` all connections; how many it was."""
        answer = await self.ask("POST", f"/api/carriers/{await self._its_name()}/links", {"do": do})
        return int(answer["connections"])

    async def mo(self, source: str, destination: str, text: str) -> None:
        """Send what a handset wrote, and return when the gateway answered it with ESME_ROK."""
        request = {"source": source, "destination": destination, "text": text}
        await self.ask("POST", f"/api/carriers/{await self._its_name()}/mo", request)
        query = urllib.parse.urlencode({"kind": "mo", "source": source, "status": "0", "last": 1})
        while not (await self.ask("GET", f"/api/entries?{query}"))["count"]:
            await asyncio.sleep(4 * _POLL_S)

    async def _its_name(self) -> str:
        return str((await self.ask("GET", "/api/state"))["carriers"][0]["name"])

    def _ask(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}", data, {"content-type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_HTTP_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise OSError(f"{method} {path}: {error.read().decode(errors='replace')}") from None
