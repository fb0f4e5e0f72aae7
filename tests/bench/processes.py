"""What the benchmarks with processes of their own share: sites on free ports, starting, and what /proc says.

Everything started here listens on 127.0.0.1 only and ends with the benchmark that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from smsgw.store.server import EmbeddedServer  # noqa: E402

MIB = 2**20
TICKS = os.sysconf("SC_CLK_TCK")
READY_S = 120.0
STOP_S = 60.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process: CPU so far, memory (``rss`` shared pages included), open files."""

    cpu_s: float
    rss_octets: int
    fds: int


def usage(pid: int) -> Usage:
    """What a process has used. Raises OSError when it is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / TICKS
    rss_octets = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Usage(cpu_s, rss_octets, len(os.listdir(f"/proc/{pid}/fd")))


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    return usage(pid).cpu_s


def children(pid: int) -> dict[int, str]:
    """Processes that ``pid`` started, theirs too: pid and command line."""
    parents: dict[int, int] = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(each.name)] = int((each / "stat").read_text().rpartition(")")[2].split()[1])
    found: dict[int, str] = {}
    level = [pid]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        for child in level:
            with contextlib.suppress(OSError):
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def quiet(command: list[str], log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a process of which only errors are kept, in ``log``."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open(log or os.devnull, "ab") as errors:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, cwd=ROOT, env=environment)


def smsgw(*arguments: str) -> list[str]:
    """The command line of smsgw."""
    return [sys.executable, "-m", "smsgw", *arguments]


def asked(ops_port: int, path: str) -> dict[str, Any]:
    """What the ops port answers. Raises OSError."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ops_port}{path}", timeout=10) as reply:
        found: dict[str, Any] = json.loads(reply.read())
        return found


def wait_ready(ops_port: int, process: subprocess.Popen[bytes], log: Path | None = None) -> None:
    """Until /readyz says yes; SystemExit, with the end of ``log``, when it does not."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{ops_port}/readyz", timeout=2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    told = log.read_text()[-2000:] if log is not None else ""
    raise SystemExit(f"the gateway did not become ready\n{told}")


def listens(port: int) -> bool:
    """Whether somebody does, on 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def stop(*processes: subprocess.Popen[bytes]) -> None:
    """End them as an operator would, all at once; who does not end is killed."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def bench_site(directory: Path, ports: Mapping[str, int], more: str = "") -> Path:
    """config/bench on the ports ``listener``, ``ops`` and ``carrier``; ``more`` goes to the end of smsgw.toml."""
    site = directory / "site"
    shutil.copytree(ROOT / "config" / "bench", site, ignore=shutil.ignore_patterns("state"))
    main = site / "smsgw.toml"
    listener = "" if "[listener]" in more else f"\n[listener]\nport = {ports['listener']}\n"
    main.write_text(f"{main.read_text()}\n{more}\n{listener}\n[ops]\nport = {ports['ops']}\n", encoding="utf-8")
    # Beta stays down: with both at one simulator, receipts would come over binds where nobody knows their ids.
    for carrier, standard, port in (("alpha", "2776", ports["carrier"]), ("beta", "2777", 1)):
        path = site / "carriers" / f"{carrier}.toml"
        path.write_text(path.read_text().replace(standard, str(port)), encoding="utf-8")
    return site


class Redis:
    """A Redis of the benchmark's own, on a unix socket, as the embedded one is configured; ends with ``with``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> Redis:
        server = EmbeddedServer(self._directory)
        asyncio.run(server.start())
        self.url, self.pid = server.url, server.pid
        return self

    def __exit__(self, *error: object) -> None:
        asyncio.run(EmbeddedServer(self._directory).stop())
