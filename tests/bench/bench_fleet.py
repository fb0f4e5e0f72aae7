"""What a message costs as processes are added: one Redis, one carrier, and 1, 2, 4, 8 gateway processes.

    python tests/bench/bench_fleet.py [--fleets 1,2,4,8,2+2] [--each R | --rate R] [--seconds S] [--saturate N]
                                      [--workers] [--json]

Each fleet works on the site config/bench (all rules of the example's profile, encryption, records, fsync always), each
process at --each messages a second (or all together at --rate, spread over the listeners), with receipts; every
message must be answered ESME_ROK and every receipt come. ``2+2`` is two processes of role esme and two of role carrier.
With --saturate N each fleet then carries N messages as fast as it can. --workers starts the processes of a fleet with
one ``smsgw run --workers`` instead of one command each. Shown: CPU per message of all gateway processes together, of
Redis, of both; each process' share of a core; answers and receipts in ms. The carrier and the load take their share of
the machine. A batch grows with the load of its own process: at little load a message costs several times what it does
at much, so compare what has the same load a process, or is saturated. Exit code 1 when a message or receipt is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from smsgw.store.secrets import load_or_create  # noqa: E402
from tests.bench.processes import (  # noqa: E402
    Redis,
    bench_site,
    children,
    cpu_s,
    quiet,
    smsgw,
    stop,
    wait_ready,
)
from tests.bench.suite.load import SOURCE, TEXT  # noqa: E402
from tests.ports import free_port  # noqa: E402

#: Of the carrier, over all processes, so that every process of every fleet may have one.
BINDS = 8
#: Of each process, so that each has the same in flight.
CONNECTIONS, WINDOW = 2, 150


class Fleet:
    """So many processes: ``3`` of role all, ``2+2`` of two roles."""

    def __init__(self, shape: str, as_workers: bool, directory: Path, redis_url: str) -> None:
        self.shape = shape
        self._as_workers = as_workers
        self._directory = directory
        self._url = redis_url
        self.carrier_port = free_port()
        edges = [int(part) for part in shape.split("+")]
        self.roles = ["all"] * edges[0] if len(edges) == 1 else ["esme"] * edges[0] + ["carrier"] * edges[1]
        self.running: list[subprocess.Popen[bytes]] = []
        self._started: list[tuple[subprocess.Popen[bytes], int, Path]] = []
        self.listeners: list[int] = []
        self.sink = quiet([sys.executable, "-m", "simulators.carrier", "--port", str(self.carrier_port), "--quiet"])

    def start(self) -> None:
        """All of it, ready."""
        secrets = self._directory / "secrets.toml"
        load_or_create(secrets)
        if self._as_workers:
            plan = str(len(self.roles))
            if "esme" in self.roles:
                plan = ",".join(f"{role}:{self.roles.count(role)}" for role in ("esme", "carrier"))
            self._start_one(0, secrets, ("--workers", plan), "all")
        else:
            for number, role in enumerate(self.roles):
                self._start_one(number, secrets, ("--role", role), role)
        for process, ops_port, log in self._started:
            wait_ready(ops_port, process, log)

    def _start_one(self, number: int, secrets: Path, options: tuple[str, ...], role: str) -> None:
        ports = {"listener": free_port(), "ops": free_port(), "carrier": self.carrier_port}
        home = self._directory / f"node{number}"
        site = bench_site(home, ports)
        main = site / "smsgw.toml"
        text = main.read_text().replace('name = "bench"', f'name = "bench{number}"\n')
        text = text.replace("[store]", f'[store]\nurl = "{self._url}"\nsecrets = "{secrets}"')
        main.write_text(text, encoding="utf-8")
        carrier = site / "carriers" / "alpha.toml"
        carrier.write_text(carrier.read_text().replace("count = 2", f"count = {BINDS}"), encoding="utf-8")
        standard = site / "accounts" / "load.toml"
        account = standard.read_text()
        standard.unlink()
        account = "".join(line for line in account.splitlines(keepends=True) if not line.startswith("numbers"))
        for index in range(len(self.roles)):
            text = account.replace('system_id = "load"', f'system_id = "load{index}"')
            (site / "accounts" / f"load{index}.toml").write_text(text, encoding="utf-8")
        log = home / "log"
        process = quiet(smsgw("run", "--site", str(site), *options), log)
        self.running.append(process)
        self._started.append((process, ports["ops"], log))
        if role != "carrier":
            self.listeners.append(ports["listener"])

    def pids(self) -> dict[str, int]:
        """Gateway processes by name."""
        if not self._as_workers:
            named = enumerate(zip(self.roles, self.running, strict=True))
            return {f"{role}{number}": each.pid for number, (role, each) in named}
        found = {"supervisor": self.running[0].pid}
        workers = [pid for pid, command in children(self.running[0].pid).items() if " worker" in command]
        return {**found, **{f"worker{number}": pid for number, pid in enumerate(sorted(workers))}}

    def load(self, index: int, base: int, extra: tuple[str, ...]) -> dict[str, Any]:
        """One load program on one listener; what it said."""
        command = [
            sys.executable, "-m", "simulators.esme", "load", "--port", str(self.listeners[index]),
            "--system-id", f"load{index}", "--password", "load1234", "--from", SOURCE, "--text", TEXT, "--rd", "1",
            "--progress", "0", "--wait", "20",
            "--dest-base", str(base), *extra,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if not done.stdout:
            raise SystemExit(f"the load said nothing: {done.stderr[-500:]}")
        told: dict[str, Any] = json.loads(done.stdout)
        return {**told, "complete": done.returncode == 0}

    def measure(self, redis_pid: int, base: int, extra: tuple[str, ...]) -> dict[str, Any]:
        """Load on every listener at once; CPU of everybody meanwhile."""
        pids = {**self.pids(), "redis": redis_pid, "carrier": self.sink.pid}
        before, began_s = {name: cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
        count = len(self.listeners)
        extra = (*extra, "--conns", str(CONNECTIONS * len(self.roles) // count))
        with ThreadPoolExecutor(count) as threads:
            told = list(threads.map(lambda index: self.load(index, base + 5_000_000 * index, extra), range(count)))
        took_s = time.monotonic() - began_s
        used_s = {name: cpu_s(pid) - before[name] for name, pid in pids.items()}
        messages = max(1, sum(each["ok"] for each in told))
        gateways_s = sum(used for name, used in used_s.items() if name not in ("redis", "carrier"))
        worst = max(told, key=lambda each: float(each["resp_ms"]["p50"]))
        return {
            "messages": messages,
            "complete": all(each["complete"] for each in told),
            "told": {key: sum(each[key] for each in told) for key in ("unanswered", "ok", "receipts", "matched")},
            "status": [each["status"] for each in told],
            "per_s": round(sum(each["ok_per_s"] for each in told)),
            "gateway_us": round(gateways_s / messages * 1e6, 1),
            "redis_us": round(used_s["redis"] / messages * 1e6, 1),
            "both_us": round((gateways_s + used_s["redis"]) / messages * 1e6, 1),
            "cores": {name: round(used / took_s, 2) for name, used in used_s.items()},
            "resp_ms": {key: round(worst["resp_ms"][key], 1) for key in ("p50", "p99")},
            "receipt_ms": {key: round(worst["receipt_ms"][key], 1) for key in ("p50", "p99")},
        }


def run(args: argparse.Namespace, shape: str) -> dict[str, Any]:
    """One fleet on an empty store."""
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as scratch, Redis(Path(scratch) / "redis") as redis:
        fleet = Fleet(shape, args.workers, Path(scratch), redis.url)
        try:
            fleet.start()
            time.sleep(args.settle)
            pids = {**fleet.pids(), "redis": redis.pid}
            before, began_s = {name: cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
            time.sleep(args.calm)
            took_s = time.monotonic() - began_s
            found: dict[str, Any] = {"fleet": shape}
            found["idle_cores"] = {name: round((cpu_s(pid) - before[name]) / took_s, 3) for name, pid in pids.items()}
            listeners = len(fleet.listeners)
            rate = (args.rate or args.each * len(fleet.roles)) / listeners
            offered = ("--rate", str(rate), "--duration", str(args.seconds), "--window", "5000")
            found["offered"] = fleet.measure(redis.pid, 8613000000000, offered)
            if args.saturate:
                most = ("--count", str(args.saturate // listeners), "--window", str(WINDOW))
                found["saturated"] = fleet.measure(redis.pid, 8613500000000, most)
            return found
        finally:
            stop(*fleet.running, fleet.sink)


def show(result: dict[str, Any]) -> None:
    """A fleet's lines."""
    idle = sum(result["idle_cores"].values())
    for kind in ("offered", "saturated"):
        if kind not in result:
            continue
        each = result[kind]
        cost = f"gateways {each['gateway_us']:6}  redis {each['redis_us']:5}  both {each['both_us']:6}"
        wrong = "" if each["complete"] else f"  INCOMPLETE {each['told']} {each['status']}"
        print(
            f"{result['fleet']:>4} {kind:9} {each['per_s']:6}/s  µs a message: {cost}   idle {idle:.3f} cores"
            f"   answers {each['resp_ms']}  receipts {each['receipt_ms']}{wrong}\n       {each['cores']}"
        )


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fleets", default="1,2,4,8,2+2", help="shapes (1,2,4,8,2+2)")
    parser.add_argument("--each", type=float, default=500, help="messages a second offered for each process (500)")
    parser.add_argument("--rate", type=float, default=0, help="messages a second offered in all, instead of --each")
    parser.add_argument("--seconds", type=int, default=10, help="for so long (10)")
    parser.add_argument("--saturate", type=int, default=0, help="then so many as fast as they go (0: not)")
    parser.add_argument("--workers", action="store_true", help="one supervisor and its workers instead of nodes")
    parser.add_argument("--settle", type=float, default=4.0, help="seconds for leases to find their places (4)")
    parser.add_argument("--calm", type=float, default=4.0, help="seconds of idle that are measured first (4)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = [run(args, shape) for shape in args.fleets.split(",")]
    if args.json:
        print(json.dumps(results, indent=2))
    for result in results if not args.json else ():
        show(result)
    kinds = [result[kind] for result in results for kind in ("offered", "saturated") if kind in result]
    return 0 if all(each["complete"] for each in kinds) else 1


if __name__ == "__main__":
    sys.exit(main())
