"""Ten thousand sessions on one process: binds a second, what they do to traffic, memory and CPU of idle ones.

    python tests/bench/bench_sessions.py [--sessions N] [--accounts N] [--bind-rate R] [--traffic R] [--idle S] [--json]

The site config/bench with so many accounts more, each with a scrypt hash of its own. Steps, with steady traffic of an
account of its own beside them, whose latency is shown:

    quiet     only the traffic
    first     all sessions bind, at --bind-rate; no password was ever checked
    idle      nobody does anything but answer enquire_link
    again     all connections are cut at once and bind again: passwords are known
    restart   the gateway is ended and started again: all bind again

A session that is refused, or cut, tries again after a second, as applications do, and is counted. Binds come from
--addresses different addresses. The clients and the load share the machine with the gateway. Exit code 1 when sessions
stay unbound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import uvloop  # noqa: E402

from smsgw.config.passwords import hash_password  # noqa: E402
from smsgw.smpp.constants import CommandId  # noqa: E402
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS, Framer  # noqa: E402
from smsgw.smpp.pdu import bind, enquire_link_resp  # noqa: E402
from smsgw.smpp.views import HEADER  # noqa: E402
from tests.bench.processes import bench_site, quiet, smsgw, stop, usage, wait_ready  # noqa: E402
from tests.ports import free_port  # noqa: E402

TEXT = "【示例商城】秋季新品上架，全场八折，欢迎选购，满三百元包邮，编号{n}。拒收请回复R"
RETRY_S = 1.0
BIND_WAIT_S = 60.0
_BIND_RESP = int(CommandId.BIND_TRANSCEIVER_RESP)
_ENQUIRE = int(CommandId.ENQUIRE_LINK)


@dataclass
class Storm:
    """What came of binding once."""

    asked: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)
    bound_s: list[float] = field(default_factory=list)


class Client(asyncio.Protocol):
    """One session of an application that binds and then only answers enquire_link."""

    def __init__(self, pdu: bytes, done: asyncio.Future[int]) -> None:
        self._pdu = pdu
        self._done = done
        self._framer = Framer(AFTER_BIND_MAX_OCTETS)
        self.enquired = 0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by duck only.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._pdu)

    def data_received(self, data: bytes) -> None:
        for raw in self._framer.feed(data):
            _, command_id, status, sequence_number = HEADER.unpack_from(raw)
            if command_id == _ENQUIRE:
                self.enquired += 1
                self.transport.write(enquire_link_resp(sequence_number))
            elif command_id == _BIND_RESP and not self._done.done():
                self._done.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(-1)


class Clients:
    """All sessions of all accounts."""

    def __init__(self, args: argparse.Namespace, port: int) -> None:
        self._args = args
        self._port = port
        self.bound: set[Client] = set()

    async def storm(self) -> Storm:
        """Bind everybody, at the rate, whatever the answers are; ends when all are bound or the time is over."""
        storm, loop = Storm(), asyncio.get_running_loop()
        began_s, tasks = loop.time(), []
        deadline_s = began_s + self._args.patience
        for number in range(self._args.sessions):
            due_s = began_s + number / self._args.bind_rate
            if due_s > loop.time():
                await asyncio.sleep(due_s - loop.time())
            tasks.append(asyncio.create_task(self._bind(number, storm, began_s, deadline_s)))
        await asyncio.gather(*tasks)
        return storm

    def cut(self) -> None:
        """Drop every connection, as a broken network does."""
        for client in self.bound:
            client.transport.abort()
        self.bound.clear()

    async def _bind(self, number: int, storm: Storm, began_s: float, deadline_s: float) -> None:
        loop = asyncio.get_running_loop()
        system_id = name_of(number % self._args.accounts)
        pdu = bind(
            int(CommandId.BIND_TRANSCEIVER), 1, system_id=system_id.encode(), password=password_of(system_id).encode()
        )
        address = f"127.0.1.{1 + number % self._args.addresses}"
        while loop.time() < deadline_s:
            storm.asked += 1
            asked_s = loop.time()
            done: asyncio.Future[int] = loop.create_future()
            client = Client(pdu, done)
            try:
                await loop.create_connection(lambda: client, "127.0.0.1", self._port, local_addr=(address, 0))  # noqa: B023
                status = await asyncio.wait_for(done, BIND_WAIT_S)
            except OSError as error:
                status = -(error.errno or 2)
            except TimeoutError:
                client.transport.abort()
                status = -3
            if status == 0:
                self.bound.add(client)
                storm.took_ms.append((loop.time() - asked_s) * 1000)
                storm.bound_s.append(loop.time() - began_s)
                return
            name = f"0x{status:08X}" if status > 0 else {-1: "cut", -3: "no answer"}.get(status, os.strerror(-status))
            storm.refused[name] = storm.refused.get(name, 0) + 1
            await asyncio.sleep(RETRY_S)


def name_of(number: int) -> str:
    """The system_id of an account."""
    return f"app{number:05d}"


def password_of(system_id: str) -> str:
    """Its password."""
    return f"p{system_id[3:]}"


def _account(number: int, max_binds: int, standard: str) -> str:
    system_id = name_of(number)
    lines = []
    for line in standard.splitlines():
        key = line.partition(" ")[0]
        if key == "system_id":
            line = f'system_id = "{system_id}"'
        elif key == "password":
            line = f'password = "{hash_password(password_of(system_id))}"'
        elif key == "max_binds":
            line = f"max_binds = {max_binds}"
        elif key == "allow_ips":
            line = 'allow_ips = ["127.0.0.0/8"]'
        elif key == "numbers":
            continue
        lines.append(line)
    return "\n".join(lines) + "\n"


def write_accounts(site: Path, accounts: int, max_binds: int) -> None:
    """So many more accounts like the one of config/bench, each with its own password."""
    standard = (site / "accounts" / "load.toml").read_text()
    with ProcessPoolExecutor() as pool:
        texts = pool.map(_account, range(accounts), [max_binds] * accounts, [standard] * accounts, chunksize=8)
        for number, text in enumerate(texts):
            (site / "accounts" / f"{name_of(number)}.toml").write_text(text, encoding="utf-8")


def of(values: list[float], share: float) -> float:
    """A percentile; 0 of nothing."""
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 1) if values else 0.0


class Bench:
    """One run."""

    def __init__(self, args: argparse.Namespace, directory: Path) -> None:
        self.args = args
        self.ports = {name: free_port() for name in ("listener", "ops", "carrier")}
        most = f"max_connections = {args.sessions + 100}"
        listener = f"[listener]\nport = {self.ports['listener']}\n{most}\ninactivity = '0s'"
        self.site = bench_site(directory, self.ports, listener)
        write_accounts(self.site, args.accounts, -(-args.sessions // args.accounts))
        self.log = directory / "log"
        self.sink = quiet([sys.executable, "-m", "simulators.carrier", "--port", str(self.ports["carrier"]), "--quiet"])
        self.gateway = self.sink
        self.steps: dict[str, Any] = {}

    def start(self) -> float:
        """Start the gateway; seconds until it is ready."""
        began_s = time.monotonic()
        self.gateway = quiet(smsgw("run", "--site", str(self.site)), self.log)
        wait_ready(self.ports["ops"], self.gateway, self.log)
        return round(time.monotonic() - began_s, 2)

    async def step(self, name: str, work: Any = None, least_s: float = 0.0) -> None:
        """Do ``work`` beside the traffic; what it cost the gateway and the traffic."""
        before, began_s = usage(self.gateway.pid), time.monotonic()
        traffic = await self._traffic()
        await asyncio.sleep(self.args.lead)
        storm = await work() if work is not None else None
        took_s = time.monotonic() - began_s
        await asyncio.sleep(max(0.0, least_s - took_s))
        out, _ = await traffic.communicate()
        after, took_s = usage(self.gateway.pid), time.monotonic() - began_s
        told = json.loads(out)
        self.steps[name] = found = {
            "seconds": round(took_s, 1),
            "gateway_cpu_s_per_s": round((after.cpu_s - before.cpu_s) / took_s, 3),
            "rss_mib": round(after.rss_octets / 2**20, 1),
            "fds": after.fds,
            "traffic_ok": told["ok"],
            "traffic_status": told["status"],
            "traffic_ms": {key: told["resp_ms"][key] for key in ("p50", "p99", "max")},
        }
        if storm is not None:
            found["binds"] = self._told(storm)

    async def _traffic(self) -> asyncio.subprocess.Process:
        args = self.args
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators.esme", "load", "--port", str(self.ports["listener"]),
            "--system-id", "load", "--password", "load1234", "--from", "1069000130", "--text", TEXT, "--rd", "1",
            "--dest-base", str(8613800000000 + 1_000_000 * len(self.steps)), "--rate", str(args.traffic),
            "--duration", str(args.traffic_s), "--progress", "0", "--window", "1000",
            stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip

    def _told(self, storm: Storm) -> dict[str, Any]:
        bound = sorted(storm.bound_s)
        half = [at for at in bound if at <= (self.args.sessions / self.args.bind_rate)]
        return {
            "bound": len(bound),
            "asked": storm.asked,
            "refused": storm.refused,
            "all_after_s": round(bound[-1], 2) if bound else 0,
            "per_s_overall": round(len(bound) / bound[-1]) if bound else 0,
            "bound_while_asked": len(half),
            "ms": {"p50": of(storm.took_ms, 0.5), "p99": of(storm.took_ms, 0.99), "max": of(storm.took_ms, 1)},
        }

    async def run(self) -> None:
        """All steps."""
        clients = Clients(self.args, self.ports["listener"])
        self.steps["start_s"] = self.start()
        await self.step("quiet")
        await self.step("first", clients.storm)
        rss_before = self.steps["quiet"]["rss_mib"]
        self.steps["kib_per_session"] = round(
            (self.steps["first"]["rss_mib"] - rss_before) * 1024 / max(1, len(clients.bound)), 1
        )
        await self._idle(clients)
        clients.cut()
        await self.step("again", clients.storm)
        clients.cut()
        stop(self.gateway)
        self.steps["start_again_s"] = self.start()
        await self.step("restart", clients.storm)
        clients.cut()

    async def _idle(self, clients: Clients) -> None:
        """Without the traffic."""
        await asyncio.sleep(2)
        enquired = sum(client.enquired for client in clients.bound)
        before, began_s = usage(self.gateway.pid), time.monotonic()
        await asyncio.sleep(self.args.idle)
        after, took_s = usage(self.gateway.pid), time.monotonic() - began_s
        self.steps["idle"] = {
            "sessions": len(clients.bound),
            "gateway_cpu_share": round((after.cpu_s - before.cpu_s) / took_s, 4),
            "rss_mib": round(after.rss_octets / 2**20, 1),
            "enquire_links_per_s": round((sum(c.enquired for c in clients.bound) - enquired) / took_s),
        }


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--addresses", type=int, default=50)
    parser.add_argument("--bind-rate", type=float, default=2000.0, help="connections a second that try to bind (2000)")
    parser.add_argument("--traffic", type=int, default=500, help="messages a second beside it (500)")
    parser.add_argument("--traffic-s", type=int, default=10, help="for so many seconds in each step (10)")
    parser.add_argument("--lead", type=float, default=2.0, help="seconds of traffic before the binds begin (2)")
    parser.add_argument("--idle", type=float, default=65.0, help="seconds of doing nothing (65)")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds in which all must be bound (90)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    needed = args.sessions + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(needed, hard)), hard))
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as scratch:
        bench = Bench(args, Path(scratch))
        try:
            uvloop.run(bench.run())
        finally:
            stop(bench.gateway, bench.sink)
    if args.json:
        print(json.dumps(bench.steps, indent=2))
    else:
        for name, found in bench.steps.items():
            print(f"{name:16} {found}")
    storms = [found["binds"]["bound"] for found in bench.steps.values() if isinstance(found, dict) and "binds" in found]
    return 0 if all(bound == args.sessions for bound in storms) else 1


if __name__ == "__main__":
    sys.exit(main())
