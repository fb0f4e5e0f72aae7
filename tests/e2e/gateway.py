"""A whole gateway as a process, for tests: a site made from config/example, started, watched, killed, restarted.

    from tests.e2e.gateway import start_gateway as start_gateway          # in conftest.py; the fixture

    async def test_something(start_gateway):
        async with CarrierSim() as alpha:
            gateway = await start_gateway(carriers={"alpha": alpha.port}, overrides={
                "accounts/shop.toml": {"window": 5},              # merged into the example's file; None removes a key
                "carriers/alpha.toml": {"response_id": "hex"},
                "smsgw.toml": {"long": {"early_answer": "50ms"}},
            })                                                    # returns when /readyz says yes
            ...bind to gateway.port as login/login123, orders/orders12 or shop/shop1234...
            await gateway.wait_for(lambda: gateway.status()["accounts"]["shop"]["accepted"] == 3)
            assert gateway.metric("smsgw_store_up") == 1
            gateway.set_clock("2026-11-18T21:30:00+08:00")        # or gateway.advance(3600)
            gateway.kill()                                        # SIGKILL; its Redis too: kill(store=True)
            await gateway.start()                                 # the same site, state and ports

Starting and stopping are coroutines, since the carriers usually live in the test's own loop and must answer
meanwhile. Looking (status, metrics, events) is a short blocking call. A carrier without a port is down. The
clock stands at a workday morning and runs. The fixture ends every gateway and Redis that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from smsgw.records.query import query
from smsgw.records.record import as_dict
from tests.ports import free_port
from tests.site_files import Overrides as Overrides
from tests.site_files import override

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "example"
WORKDAY = "2026-11-18T10:30:00+08:00"
PASSWORDS = {"login": "login123", "orders": "orders12", "shop": "shop1234"}
#: Nobody listens there: connecting is refused at once.
CLOSED_PORT = 1
_POLL_S = 0.02
_HTTP_S = 5.0


class GatewayProcess:
    """``smsgw run`` on a site of its own; see above. Attributes: ``port``, ``ops_port``, ``site``, ``log_path``."""

    def __init__(
        self,
        directory: Path,
        carriers: Mapping[str, int] | None = None,
        overrides: Overrides | None = None,
        clock: str = WORKDAY,
        base: Path = EXAMPLE,
        run_options: Sequence[str] = (),
    ) -> None:
        #: Of ``smsgw run``, such as ("--workers", "2").
        self.run_options = tuple(run_options)
        self._orphans: list[int] = []
        self.site = directory / "site"
        self.log_path = directory / "gateway.log"
        self.port, self.ops_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        #: Words before ``smsgw run``, such as those of prlimit or nsenter; what they name must exec the rest.
        self.wrapper: tuple[str, ...] = ()
        #: Where the package is that runs; another version of it may be started next.
        self.code = ROOT
        shutil.copytree(base, self.site, ignore=shutil.ignore_patterns("state"))
        self.override(
            {
                "smsgw.toml": {
                    "listener": {"port": self.port},
                    "ops": {"port": self.ops_port},
                    "clock": {"mode": "test", "start": clock},
                }
            }
        )
        for path in sorted((self.site / "carriers").glob("*.toml")):
            port = (carriers or {}).get(path.stem, CLOSED_PORT)
            quick = {"port": port, "reconnect_min": "100ms", "reconnect_max": "500ms"}
            self.override({f"carriers/{path.name}": quick})
        # The tests beside the example's routes are about the example's accounts and profiles.
        self.override({"routes.toml": {"test": None}})
        self.override(overrides or {})

    # -- its files

    def override(self, overrides: Overrides) -> None:
        """Change the site's files (path inside the site → what to merge in); takes effect at the next start."""
        override(self.site, overrides)

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """What it logged, oldest first; only the events called ``name`` if given."""
        if not self.log_path.exists():
            return []
        found = []
        for line in self.log_path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                if isinstance(event, dict) and name in ("", event.get("event")):
                    found.append(event)
        return found

    def steps(self, message_id: str) -> list[dict[str, object]]:
        """The recorded steps of one message, oldest first. Records are written later than answers: wait for them."""
        return [as_dict(record) for record in query(self.site / "state" / "records", message_id)]

    async def step(self, message_id: str, name: str, deadline_s: float = 10.0) -> dict[str, object]:
        """The one recorded step of that name, once it is written. Raises TimeoutError."""
        found: list[dict[str, object]] = []

        def is_there() -> bool:
            found[:] = [step for step in self.steps(message_id) if step["step"] == name]
            return bool(found)

        await self.wait_for(is_there, deadline_s, f"the step {name}")
        assert len(found) == 1, found
        return found[0]

    # -- its life

    async def start(self, deadline_s: float = 60.0, ready: bool = True) -> None:
        """Run it and wait until /readyz agrees; with ``ready=False`` only until /healthz does."""
        assert self.process is None, "it runs already"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, sys.executable, "-m", "smsgw", "run", "--site", str(self.site), *self.run_options],
                cwd=self.code,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        page = "/readyz" if ready else "/healthz"
        await self.wait_for(lambda: self._is_ok(page), deadline_s, page)

    async def stop(self, deadline_s: float = 60.0) -> int:
        """SIGTERM, and wait for the drained end; returns the exit status. Raises TimeoutError when it does not end."""
        process = self._running()
        process.terminate()
        async with asyncio.timeout(deadline_s):
            while process.poll() is None:
                await asyncio.sleep(_POLL_S)
        self.process = None
        return process.returncode

    def worker_pids(self) -> dict[str, int]:
        """Process ids of the workers that run, by name, when it was started with several."""
        return {name: each["pid"] for name, each in self.status()["workers"].items() if each["pid"]}

    def hang_up(self) -> None:
        """SIGHUP: workers are renewed, one after another."""
        self._running().send_signal(signal.SIGHUP)

    def kill(self, store: bool = False) -> None:
        """SIGKILL, as the kernel or an operator would; with ``store`` its Redis goes the same way.

        Of several workers only their supervisor is killed: they notice, and end in order.
        """
        process = self._running()
        self._orphans += _children(process.pid)
        process.kill()
        process.wait()
        self.process = None
        if store:
            self._kill_store()

    async def restart(self, **options: Any) -> None:
        """``stop`` and ``start`` again."""
        await self.stop()
        await self.start(**options)

    def close(self) -> None:
        """End whatever is left, without ceremony."""
        if self.process is not None:
            self.kill()
        for pid in self._orphans:
            if str(self.site).encode() in _command_line(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._kill_store()

    async def wait_for(self, condition: Callable[[], object], deadline_s: float = 30.0, what: str = "") -> None:
        """Return once ``condition()`` is true; TimeoutError after ``deadline_s``, RuntimeError when it died."""
        deadline = time.monotonic() + deadline_s
        while not condition():
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.process.returncode}:\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {deadline_s:g} s for {what or 'a condition'}:\n{self._last_words()}")
            await asyncio.sleep(_POLL_S)

    # -- what it says of itself

    @property
    def is_ready(self) -> bool:
        """Whether /readyz agrees now."""
        return self._is_ok("/readyz")

    def status(self) -> Any:
        """/status."""
        return json.loads(self._http("/status"))

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample of /metrics, by name and labels."""
        families = text_string_to_metric_families(self._http("/metrics").decode())
        return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name that have these labels; 0 when there is none."""
        wanted = set(labels.items())
        return sum(value for (found, of), value in self.metrics().items() if found == name and wanted <= of)

    def set_clock(self, at: str) -> None:
        """Make it ``at`` (ISO 8601 with a zone) for every rule."""
        self._http("/clock", {"set": at})

    def clock_now(self) -> datetime:
        """Its business time."""
        return datetime.fromisoformat(json.loads(self._http("/clock"))["now"])

    def advance(self, seconds: float) -> None:
        """Move business time ahead."""
        self._http("/clock", {"advance_s": seconds})

    # -- inside

    def _running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "it does not run"
        return self.process

    def _is_ok(self, page: str) -> bool:
        try:
            self._http(page)
        except (OSError, urllib.error.URLError):
            return False
        return True

    def _http(self, page: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.ops_port}{page}", data)
        with urllib.request.urlopen(request, timeout=_HTTP_S) as answer:
            return bytes(answer.read())

    def _kill_store(self) -> None:
        directory = self.site / "state" / "redis"
        try:
            pid = int((directory / "server.pid").read_text())
            if Path(f"/proc/{pid}/cwd").resolve() == directory.resolve():
                os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            return
        # It is no child of ours once its gateway is gone, so it can't be waited for.
        deadline = time.monotonic() + 5
        while Path(f"/proc/{pid}/cwd").exists() and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    def _last_words(self) -> str:
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])


StartGateway = Callable[..., Awaitable[GatewayProcess]]


@pytest.fixture
async def start_gateway(tmp_path: Path) -> AsyncIterator[StartGateway]:
    """``await start_gateway(carriers=…, overrides=…, clock=…)``: a running GatewayProcess, ended with the test."""
    started: list[GatewayProcess] = []

    async def start(**options: Any) -> GatewayProcess:
        directory = tmp_path / f"gateway{len(started)}"
        directory.mkdir()
        gateway = GatewayProcess(directory, **options)
        started.append(gateway)
        await gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.close()


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def redis_pid(gateway: GatewayProcess) -> int:
    """The process id of this gateway's own embedded server, never anybody else's. Raises OSError, ValueError."""
    directory = gateway.site / "state" / "redis"
    pid = int((directory / "server.pid").read_text())
    if Path(f"/proc/{pid}/cwd").resolve() != directory.resolve():
        raise ProcessLookupError(f"{pid} is not the server of {directory}")
    return pid
