"""The console of a world's first gateway as a process of its own, with one person who may change the lists of words."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from smsgw.config.people import hash_token, new_token
from tests.e2e.gateway import ROOT, GatewayProcess
from tests.ports import free_port

_START_S = 120.0
_HTTP_S = 20.0
_POLL_S = 0.05
_BETWEEN_S = 0.03
_PAGE = 500


class ConsoleProcess:
    """``smsgw console`` on the gateway's site; to be killed and started again."""

    def __init__(self, gateway: GatewayProcess, directory: Path) -> None:
        self._gateway = gateway
        self._port = free_port()
        self._token = new_token("amy")
        self._log = directory / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        #: Words that it said it had put on the list.
        self.put: list[str] = []
        gateway.override({"smsgw.toml": {"console": {"port": self._port}}})
        (gateway.site / "people.toml").write_text(
            f'[[person]]\nname = "amy"\nroles = ["compliance", "engineer"]\ntoken = "{hash_token(self._token)}"\n',
            encoding="utf-8",
        )

    async def start(self) -> None:
        """Run it until it answers. Raises RuntimeError, TimeoutError."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "smsgw", "console", "--site", str(self._gateway.site)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while True:
            try:
                await self.ask("GET", "/healthz")
                return
            except OSError:
                said = self._log.read_text(encoding="utf-8", errors="replace")
                if self._process.poll() is not None:
                    raise RuntimeError(f"the console ended with {self._process.returncode}: {said}") from None
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the console does not answer: {said}") from None
            await asyncio.sleep(_POLL_S)

    def kill(self) -> None:
        """SIGKILL; safe when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request; its answer. Raises OSError, also for an error's status."""
        return await asyncio.to_thread(self._ask, method, path, body)

    async def keep_changing(self) -> None:
        """Put one word after the other on the list until it does not answer any more."""
        while True:
            word = f"禁词{next(self._numbers):06}"
            try:
                await self.ask("PUT", "/api/words", {"word": word, "why": "chaos"})
            except OSError:
                return
            self.put.append(word)
            await asyncio.sleep(_BETWEEN_S)

    async def missing(self) -> list[str]:
        """Words that were put on the list, and are not there."""
        there: set[str] = set()
        while True:
            page = await self.ask("GET", f"/api/words?limit={_PAGE}&offset={len(there)}")
            there.update(each["word"] for each in page["items"])
            if not page["items"]:
                return [word for word in self.put if word not in there]

    def _ask(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_HTTP_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise OSError(f"{method} {path}: {error.read().decode(errors='replace')}") from None
        except http.client.HTTPException as error:  # it ended in the midst of its answer
            raise OSError(f"{method} {path}: {error!r}") from None
