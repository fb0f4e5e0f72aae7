"""The load (``tests.chaos.load``) as the world sees it: started, told, and what it says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.chaos import wording
from tests.chaos.scenario import WorldSettings
from tests.e2e.gateway import ROOT

_START_S = 120.0
_POLL_S = 0.05


class LoadProcess:
    """``progress`` is at most some hundred milliseconds old; the ledger and the receipts are files."""

    def __init__(self, directory: Path) -> None:
        self.ledger = directory / "ledger.txt"
        self.receipts = directory / "receipts.txt"
        self.progress: dict[str, Any] = {}
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self, settings: WorldSettings, ports: list[int]) -> None:
        """Run it, and wait until everything is bound. Raises TimeoutError."""
        told = {"ports": ports, "directory": str(self._directory), "rate": settings.rate, "seed": settings.seed,
                "binds": settings.binds, "window": settings.window}  # fmt: skip
        with (self._directory / "load.err").open("wb") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.chaos.load", json.dumps(told),
                cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        self._reader = asyncio.create_task(self._read())
        wanted = len(ports) * len(wording.CLASSES) * settings.binds
        deadline_s = time.monotonic() + _START_S
        while self.progress.get("bound", 0) < wanted:
            if self._process.returncode is not None or time.monotonic() > deadline_s:
                said = (self._directory / "load.err").read_text(errors="replace")
                raise TimeoutError(f"the load has {self.progress.get('bound', 0)} of {wanted} binds: {said}")
            await asyncio.sleep(_POLL_S)

    def ok(self, message_class: str = "") -> int:
        """Segments of a class, or of all, that were answered ESME_ROK until now."""
        counts: dict[str, int] = self.progress.get("ok", {})
        return counts.get(message_class, 0) if message_class else sum(counts.values())

    def refused(self, status: str) -> int:
        """Answers with a status, such as ``"0x453"``."""
        return int(self.progress.get("refused", {}).get(status, 0))

    def say(self, **command: object) -> None:
        """One command; see ``tests.chaos.load``."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def end(self, quiet_s: float, deadline_s: float) -> None:
        """Send no more; returns when every accepted message is reported, or nothing came for ``quiet_s``."""
        assert self._process is not None
        assert self._reader is not None
        self.say(end=quiet_s)
        async with asyncio.timeout(deadline_s):
            await self._process.wait()
            await self._reader
        if self._process.returncode:
            said = (self._directory / "load.err").read_text(errors="replace")
            raise RuntimeError(f"the load ended with {self._process.returncode}: {said}")

    async def stop(self) -> None:
        """End it, without ceremony."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.progress = json.loads(line)
