"""A peer made of node's package ``smpp`` (``node/peer.js``), led from a test.

The package is installed once for each lock file, with the registry npm is set up with, into the user's cache and never
into the tree. Tests that need it skip, with the reason, where node or npm is missing or nothing can be installed.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

_HERE = Path(__file__).parent / "node"
_SOON_S = 10.0
_INSTALL_S = 120.0
_MAX_LINE = 1 << 20

Line = dict[str, Any]


class NodePeer:
    """A process inside ``async with``; ``events`` are its lines that answer no command."""

    def __init__(self) -> None:
        self.events: list[Line] = []
        self._modules = node_modules()
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Line]] = {}
        self._came = asyncio.Event()

    async def __aenter__(self) -> NodePeer:
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(_HERE / "peer.js"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(self._modules)},
            limit=_MAX_LINE,
        )
        self._reader = asyncio.create_task(self._read())
        await self.until(lambda: self.events, "node is ready")
        self.events.clear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_SOON_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader

    async def do(self, what: str, **fields: Any) -> Line:
        """Give a command; its answer. Fails when node raised."""
        number = next(self._ids)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": what, **fields}).encode() + b"\n")
        async with asyncio.timeout(_SOON_S):
            answer: Line = await future
        assert "error" not in answer, answer["error"]
        return answer

    async def request(self, command: str, **fields: Any) -> Line:
        """As a client: a request; the response's fields."""
        answer: Line = (await self.do("request", command=command, fields=fields))["pdu"]
        return answer

    def pdus(self, command: str) -> list[Line]:
        """Requests of this kind that came."""
        return [line["pdu"] for line in self.events if line["event"] == "pdu" and line["pdu"]["command"] == command]

    async def came(self, command: str, count: int = 1) -> list[Line]:
        """``pdus``, once there are ``count``: what node tells us may come after what it tells its peer."""
        await self.until(lambda: len(self.pdus(command)) >= count, f"{count} {command}")
        return self.pdus(command)

    def said(self, event: str) -> list[Line]:
        """Events of this kind."""
        return [line for line in self.events if line["event"] == event]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds, looked at with each line that comes; at most 10 s."""
        try:
            async with asyncio.timeout(_SOON_S):
                while not condition():
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"{what}: not within {_SOON_S:g} s; {self.events[-5:]}") from None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for text in self._process.stdout:
            line: Line = json.loads(text)
            future = self._waiting.pop(line.get("id", 0), None)
            if future is None:
                self.events.append(line)
            elif not future.done():
                future.set_result(line)
            self._came.set()


def node_modules() -> Path:
    """The folder with the packages of the lock file; skips the test when they can't be had."""
    folder, missing = _installed()
    if missing:
        pytest.skip(missing)
    return folder


@lru_cache(maxsize=1)
def _installed() -> tuple[Path, str]:
    """The folder, and why there is none."""
    lock = (_HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smsgw-tests"
    folder = cache / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        return folder, f"needs {' and '.join(missing)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return folder, f"no place for npm's packages: {error}"
    with (folder / ".lock").open("w") as guard:  # tests may run in several processes
        fcntl.flock(guard, fcntl.LOCK_EX)
        done = folder / ".installed"
        why = "" if done.exists() else _install(folder)
        if not why:
            done.touch()
    return folder / "node_modules", why


def _install(folder: Path) -> str:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_HERE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        return f"npm ci did not end within {_INSTALL_S:g} s"
    return f"npm ci failed: {done.stderr.strip()[-200:]}" if done.returncode else ""
