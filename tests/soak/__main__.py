"""bin/soak: half of full load for half an hour; memory, files and latency by the minute, judged flat or not.

    bin/soak [--minutes 30] [--rate auto] [--workers N] [--json FILE]

Starts the site config/bench with its embedded Redis, a simulated carrier and, each minute anew, a load with receipts.
``--rate auto`` first measures what the gateway carries with full windows for some seconds, and takes half of it. Redis
keeps receipt maps and states for days, so its memory grows with the messages: shown by the message, not judged. Nor is
that of the simulated carrier, which remembers every recipient. Exit status 0 when everything is flat and every message
arrived, 1 when not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smsgw.store.channel import Channel, target_of
from smsgw.store.server import EmbeddedServer
from tests.bench.processes import (
    MIB,
    ROOT,
    Usage,
    bench_site,
    children,
    quiet,
    smsgw,
    stop,
    usage,
    wait_ready,
)
from tests.bench.suite.load import SOURCE, TEXT
from tests.ports import free_port
from tests.soak.judging import Judgement, Minute, Seen, judge

FULL_COUNT = 40_000
FIRST_RECIPIENT = 8613000000000
CONNECTIONS = 4


class Soak:
    """One run."""

    def __init__(self, args: argparse.Namespace, directory: Path) -> None:
        self._args = args
        self.ports = {name: free_port() for name in ("listener", "ops", "carrier")}
        self.site = bench_site(directory, self.ports)
        self.log = directory / "log"
        self.sink = quiet([sys.executable, "-m", "simulators.carrier", "--port", str(self.ports["carrier"]), "--quiet"])
        workers = ("--workers", args.workers) if args.workers else ()
        self.gateway = quiet(smsgw("run", "--site", str(self.site), *workers), self.log)
        self.minutes: list[Minute] = []
        self._recipient = FIRST_RECIPIENT

    def run(self) -> tuple[float, Judgement]:
        """The rate, and what came of it."""
        wait_ready(self.ports["ops"], self.gateway, self.log)
        rate = self._full() / 2 if self._args.rate == "auto" else float(self._args.rate)
        show(f"{rate:.0f} messages a second for {self._args.minutes} minutes of {self._args.minute:g} s")
        show(HEAD)
        for _ in range(self._args.minutes):
            self.minutes.append(self._minute(rate))
            show(line(len(self.minutes), self.minutes[-1]))
        return rate, judge(self.minutes, self._args.warm_up, ("redis", "carrier"))

    def pids(self) -> dict[str, int]:
        """Processes of the gateway and the carrier."""
        found = {"redis": EmbeddedServer(self.site / "state").pid}
        workers = sorted(pid for pid, command in children(self.gateway.pid).items() if " worker" in command)
        if workers:
            found["supervisor"] = self.gateway.pid
            found.update({f"worker{number}": pid for number, pid in enumerate(workers, 1)})
        else:
            found["gateway"] = self.gateway.pid
        return {**found, "carrier": self.sink.pid}

    # -- inside

    def _full(self) -> float:
        show(f"measuring full load with {FULL_COUNT} messages")
        full: float = self._load("--count", str(FULL_COUNT), "--window", "100")["ok_per_s"]
        show(f"full load: {full:.0f}/s")
        return full

    def _minute(self, rate: float) -> Minute:
        pids = self.pids()
        before, began_s = {name: usage(pid) for name, pid in pids.items()}, time.monotonic()
        told = self._load("--rate", str(rate), "--duration", str(self._args.minute), "--window", "5000")
        took_s = time.monotonic() - began_s
        after = {name: usage(pid) for name, pid in pids.items()}
        messages = told["ok"]
        answer, receipt = told["resp_ms"], told["receipt_ms"]
        return Minute(
            messages, told["sent"] - min(messages, told["matched"]), answer["p50"], answer["p99"], receipt["p50"],
            receipt["p99"], {name: seen(before[name], after[name], took_s) for name in pids}, self._store_octets(),
        )  # fmt: skip

    def _load(self, *options: str) -> dict[str, Any]:
        done = subprocess.run(
            [
                sys.executable, "-m", "simulators.esme", "load", "--port", str(self.ports["listener"]), "--system-id",
                "load", "--password", "load1234", "--from", SOURCE, "--text", TEXT, "--rd", "1", "--progress", "0",
                "--conns", str(CONNECTIONS), "--dest-base", str(self._recipient), *options,
            ],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        self._recipient += 1_000_000
        if not done.stdout:
            raise SystemExit(f"the load said nothing: {done.stderr[-500:]}\n{self.log.read_text()[-2000:]}")
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def _store_octets(self) -> int:
        async def ask() -> int:
            channel = Channel(target_of(EmbeddedServer(self.site / "state").url, 5.0), 30.0)
            try:
                info: str = (await channel.call("INFO", "memory")).decode()
            finally:
                await channel.close()
            return int(next(each for each in info.splitlines() if each.startswith("used_memory:")).partition(":")[2])

        return asyncio.run(ask())


def seen(before: Usage, after: Usage, took_s: float) -> Seen:
    """A process at the end of a minute."""
    return Seen(after.rss_octets, after.fds, round((after.cpu_s - before.cpu_s) / took_s, 3))


HEAD = "minute  messages  failed   answer p50 /   p99   receipt p50 /   p99 ms   process: MiB, files, share of a core"


def line(number: int, minute: Minute) -> str:
    """A minute, for people."""
    processes = "   ".join(
        f"{name}: {each.rss_octets / MIB:.0f} {each.fds} {each.cpu_share:.2f}"
        for name, each in minute.processes.items()
    )
    return (
        f"{number:6}  {minute.messages:8}  {minute.failed:6}"
        f"  {minute.answer_p50_ms:11.0f} / {minute.answer_p99_ms:5.0f}"
        f"  {minute.receipt_p50_ms:12.0f} / {minute.receipt_p99_ms:5.0f}      {processes}"
    )


def show(text: str) -> None:
    """At once, also into a pipe."""
    print(text, flush=True)


def conclude(minutes: list[Minute], found: Judgement) -> None:
    """The table of what was compared."""
    show("")
    for each in found.findings:
        is_memory = each.what.endswith("memory")
        first, last = (value / MIB if is_memory else value for value in (each.first, each.last))
        unit, verdict = " MiB" if is_memory else "", "flat" if each.flat else "GREW"
        show(f"{each.what:20} {first:10.1f} → {last:10.1f}{unit}  {verdict}")
    messages = sum(minute.messages for minute in minutes[1:])
    if messages:
        grown = minutes[-1].store_octets - minutes[0].store_octets
        show(f"{'redis data':20} {grown / messages:10.0f} octets a message, until their times to live are over")
    for problem in found.problems:
        show(f"not flat: {problem}")
    show("flat" if found.flat else "NOT FLAT")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        "bin/soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=30, help="(30)")
    parser.add_argument("--rate", default="auto", help="messages a second, or auto: half of full load (auto)")
    parser.add_argument("--workers", default="", help="as smsgw run --workers; left out, one process")
    parser.add_argument("--warm-up", type=int, default=3, help="minutes that are not judged (3)")
    parser.add_argument("--minute", type=float, default=60.0, help="seconds of load in a minute (60)")
    parser.add_argument("--json", type=Path, help="write everything to this file too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smsgw-soak-") as scratch:
        soak = Soak(args, Path(scratch))
        try:
            rate, found = soak.run()
        finally:
            stop(soak.gateway, soak.sink)
    conclude(soak.minutes, found)
    if args.json:
        told = {"rate": rate, "minutes": [asdict(each) for each in soak.minutes], "judgement": asdict(found)}
        args.json.write_text(json.dumps({**told, "flat": found.flat}, indent=2), encoding="utf-8")
    return 0 if found.flat else 1


if __name__ == "__main__":
    sys.exit(main())
