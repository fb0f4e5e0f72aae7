"""config/bench, with changes, as processes: a carrier, a gateway with its embedded Redis; what each of them uses.

Everything listens on 127.0.0.1 and ends with the ``with`` that started it. Carrier beta stays down: with both at one
simulator, receipts would come over binds where nobody knows their ids.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smsgw.store.server import EmbeddedServer
from tests.bench.processes import MIB, READY_S, STOP_S, TICKS, children, listens
from tests.bench.suite.code import ROOT, Code
from tests.bench.suite.errors import BenchError
from tests.bench.suite.load import Load, Tools
from tests.ports import free_port
from tests.site_files import Overrides, override

FIRST_RECIPIENT = 8613000000000
_POLL_S = 0.02
#: Nobody listens there.
_CLOSED_PORT = 1


@dataclass(frozen=True, slots=True)
class Used:
    """By some processes together, so far."""

    cpu_s: float
    #: Of children that have ended, such as Redis' while it wrote its AOF anew.
    children_s: float
    rss_octets: int


class BenchSite:
    """One gateway on a fresh store; see above.

    ``overrides`` are merged into the site's files (one that is not there is made), then ``prepare`` is called with the
    site's directory and may write more files, or a ``state``. ``carriers`` are names of files in ``carriers/`` that lie
    at the simulated carrier, in place of alpha alone; they need system_ids of their own there.
    """

    def __init__(
        self,
        scratch: Path,
        tools: Tools,
        code: Code,
        overrides: Overrides | None = None,
        prepare: Callable[[Path], None] | None = None,
        carriers: Sequence[str] = ("alpha",),
        workers: int = 0,
    ) -> None:
        self.scratch, self.tools, self.code = scratch, tools, code
        self.port, self.ops_port, self.carrier_port = free_port(), free_port(), free_port()
        self.directory = scratch / "site"
        self.log = scratch / "gateway.log"
        self.start_s = 0.0
        self._workers, self._carriers = workers, tuple(carriers)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._next_recipient = FIRST_RECIPIENT
        shutil.copytree(code.directory / "config" / "bench", self.directory, ignore=shutil.ignore_patterns("state"))
        self._configure(overrides or {}, carriers)
        if prepare is not None:
            prepare(self.directory)

    def __enter__(self) -> BenchSite:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # -- what is known of it

    @property
    def redis_url(self) -> str:
        """The embedded server's."""
        return EmbeddedServer(self.directory / "state").url

    def processes(self) -> dict[str, list[int]]:
        """Process ids by what they are: gateway (the workers and who watches them), redis, carrier."""
        redis = EmbeddedServer(self.directory / "state").pid
        gateway = self._processes["gateway"].pid
        workers = [pid for pid, command in children(gateway).items() if " worker" in command and pid != redis]
        return {"gateway": [gateway, *workers], "redis": [redis], "carrier": [self._processes["carrier"].pid]}

    def used(self) -> dict[str, Used]:
        """What each has used so far. Raises BenchError when one of them is gone."""
        return {name: _used(name, pids) for name, pids in self.processes().items()}

    def rss_mib(self) -> dict[str, float]:
        """Resident memory of each, shared pages included."""
        return {name: round(each.rss_octets / MIB, 1) for name, each in self.used().items()}

    def asked(self, page: str) -> bytes:
        """What the ops port answers. Raises OSError."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}{page}", timeout=10) as reply:
            return bytes(reply.read())

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    # -- what is done with it

    def command_of(self, load: Load) -> list[str]:
        """The command that offers a load, to recipients that had nothing yet."""
        if not load.first_recipient:
            load = replace(load, first_recipient=self._next_recipient)
            self._next_recipient += load.count
        return self.tools.application(load, self.port, self.scratch)

    def stop(self) -> None:
        """End all, as an operator would; who does not end is killed."""
        for name in ("gateway", "carrier"):
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        _end_redis(EmbeddedServer(self.directory / "state"))

    # -- inside

    def _configure(self, overrides: Overrides, carriers: Sequence[str]) -> None:
        changes: dict[str, Mapping[str, Any]] = {
            "smsgw.toml": {"listener": {"port": self.port}, "ops": {"port": self.ops_port}}
        }
        for path in sorted((self.directory / "carriers").glob("*.toml")):
            changes[f"carriers/{path.name}"] = {"port": _CLOSED_PORT}
        override(self.directory, changes)
        override(self.directory, overrides)
        at_carrier = {"port": self.carrier_port, "reconnect_min": "100ms", "reconnect_max": "500ms"}
        override(self.directory, {f"carriers/{name}.toml": at_carrier for name in carriers})

    def _start(self) -> None:
        carrier = _spawn(self.tools.carrier(self.carrier_port), ROOT, here_environment(), self.scratch / "carrier.log")
        self._processes["carrier"] = carrier
        self._until(lambda: listens(self.carrier_port), carrier, "the carrier")
        workers = ["--workers", str(self._workers)] if self._workers else []
        began_s = time.monotonic()
        command = self.code.command("run", "--site", str(self.directory), *workers)
        self._processes["gateway"] = _spawn(command, self.code.directory, self.code.environment, self.log)
        self._until(self._is_ready, self._processes["gateway"], "the gateway")
        self.start_s = time.monotonic() - began_s
        # Before its binds are up a carrier counts as down, and messages would go to one that never comes.
        self._until(self._is_bound, self._processes["gateway"], "a bind")

    def _is_ready(self) -> bool:
        try:
            self.asked("/readyz")
        except OSError:
            return False
        return True

    def _is_bound(self) -> bool:
        """Whether every bind of the carriers that should be up is; older versions may not tell."""
        try:
            told = json.loads(self.asked("/status")).get("carriers", {})
        except OSError:
            return False
        found = [told.get(name, {}) for name in self._carriers]
        return all(each.get("binds_up", 0) >= each.get("binds", 0) for each in found)

    def _until(self, condition: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
        deadline = time.monotonic() + READY_S
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{what} of {self.code.name} did not start:\n{self.last_words()}")
            time.sleep(_POLL_S)


def here_environment() -> dict[str, str]:
    """What load tools of this tree run with."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _spawn(command: list[str], directory: Path, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as errors:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, cwd=directory, env=environment
        )


def _used(name: str, pids: list[int]) -> Used:
    cpu_s = children_s = rss_octets = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            raise BenchError(f"a process of {name} is gone") from None
        cpu_s += (int(fields[11]) + int(fields[12])) / TICKS
        children_s += (int(fields[13]) + int(fields[14])) / TICKS
        rss_octets += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Used(cpu_s, children_s, int(rss_octets))


def _end_redis(server: EmbeddedServer) -> None:
    """Kill what a gateway that was killed has left; nobody else's."""
    pid = server.pid
    with contextlib.suppress(OSError):
        if pid and Path(f"/proc/{pid}/cwd").resolve() == server.directory.resolve():
            os.kill(pid, signal.SIGKILL)
