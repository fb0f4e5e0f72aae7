"""The console as a process beside the gateway, with people of a throwaway password; started, asked, stopped.

What it is asked is what its pages ask: signed in with name and password, over HTTP.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

STOP_S: Final = 15.0
FIGURES_S: Final = 60.0
_POLL_S: Final = 0.05
_LOOK_S: Final = 0.3
#: name → what stands in people.toml beside the password.
PEOPLE: Final = {
    "admin": 'roles = ["admin"]',
    "engineer": 'roles = ["engineer"]',
    "viewer": 'roles = ["viewer"]',
    "shop": 'roles = ["application"]\naccounts = ["shop"]',
}


class ConsoleProcess:
    """``write_people``, ``start``, ``warm``; ``figures`` waits for the map, ``stop`` ends it."""

    def __init__(self, site: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.password = f"demo-{secrets.token_hex(4)}"
        self._site = site
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._cookie = ""

    def write_people(self) -> None:
        """Who may sign in."""
        stored = _stored(self.password)
        people = [f'[[person]]\nname = "{name}"\n{more}\npassword = "{stored}"\n' for name, more in PEOPLE.items()]
        (self._site / "people.toml").write_text("\n".join(people), encoding="utf-8")

    def start(self) -> None:
        """Start it; it answers some seconds later."""
        with (self._site / "console.log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "smsgw", "console", "--site", str(self._site)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, "SMSGW_EAGER": "1"},  # who looks at it should not wait for its own traffic
            )  # fmt: skip

    async def warm(self) -> None:
        """Sign in and ask for the map until there is an answer: what reads records is started by the first question,
        and has nothing to do yet.
        """
        while not self._cookie or not await self._asked("/api/map"):
            with contextlib.suppress(OSError, ValueError, KeyError, http.client.HTTPException):
                self._cookie = self._cookie or await asyncio.to_thread(self._sign_in)
            await asyncio.sleep(_LOOK_S)

    async def figures(self, provinces: int, carriers: int) -> dict[str, Any]:
        """Overview and map once the map has so many, or as they are when the patience is over; empty: no answer."""
        end_s = time.monotonic() + FIGURES_S
        found: dict[str, Any] = {}
        while time.monotonic() < end_s:
            shown, overview = await self._asked("/api/map"), await self._asked("/api/overview")
            if shown and overview:
                ways = {each["carrier"] for place in shown["provinces"] for each in place["carriers"]}
                told = sum(bool(each["name"] and each["rate"] is not None) for each in shown["provinces"])
                found = {"provinces": told, "carriers": len(ways), "overview": overview}
                if told >= provinces and len(ways) >= carriers:
                    break
            await asyncio.sleep(_LOOK_S)
        return found

    async def _asked(self, path: str) -> dict[str, Any]:
        """What it answers; empty when it does not, as while it is starting."""
        try:
            return await asyncio.to_thread(self._get, path, self._cookie)
        except (OSError, ValueError, http.client.HTTPException):
            return {}

    async def stop(self) -> int:
        """Stop it politely, by force if need be; its exit status, 0 when it never ran."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        end_s = time.monotonic() + STOP_S
        while process.poll() is None:
            if time.monotonic() > end_s:
                process.kill()
            await asyncio.sleep(_POLL_S)
        return process.returncode

    def _sign_in(self) -> str:
        body = json.dumps({"name": "admin", "password": self.password})
        answer = self._ask("POST", "/api/session", {"Content-Type": "application/json"}, body)
        return str(answer.headers["Set-Cookie"]).partition(";")[0]

    def _get(self, path: str, cookie: str) -> dict[str, Any]:
        return dict(json.loads(self._ask("GET", path, {"Cookie": cookie}).body))

    def _ask(self, method: str, path: str, headers: dict[str, str], body: str | None = None) -> _Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=FIGURES_S)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            octets = answer.read()
            if answer.status != 200:
                raise ValueError(f"{path} answered {answer.status}: {octets[:200]!r}")
            return _Answer(answer.headers, octets)
        finally:
            connection.close()


class _Answer:
    def __init__(self, headers: Any, body: bytes) -> None:
        self.headers = headers
        self.body = body


def _stored(password: str) -> str:
    """The password as people.toml has it (docs/console.md): as ``smsgw console password`` would print it."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, maxmem=2**26, dklen=32)
    return "$".join(("scrypt", "16384", "8", "1", *(base64.b64encode(each).decode() for each in (salt, digest))))
