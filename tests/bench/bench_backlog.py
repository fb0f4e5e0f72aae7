"""Ten million messages wait, and ten million are held: what that costs the gateway, and what it costs Redis.

    python tests/bench/bench_backlog.py [--waiting N] [--held N] [--single] [--drain S] [--json FILE]

The site config/bench with its carrier down. The store is filled by scripts of this program: real envelopes of one
segment of 42 characters, sealed, 40 in a stream entry as a busy gateway writes them (--single: one, as a quiet one
does), those that are held due in ten weeks. Before and after: seconds until the gateway listens, its memory, its CPU
while nothing happens, how long commands of engineers take. Then Redis alone is started again; then the carrier comes
and the queue drains for --drain seconds, with verification codes beside it whose latency is shown; then a kill -9 and
another start. Exit code 1 when the gateway's memory or start grew with the backlog (by more than 64 MiB, 5 s).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from smsgw.store import keys  # noqa: E402
from smsgw.store.entries import MOST_IN_ENTRY  # noqa: E402
from smsgw.store.secrets import load  # noqa: E402
from smsgw.store.server import EmbeddedServer  # noqa: E402
from tests.bench.growth.filling import (  # noqa: E402
    ACCEPTED_MS,
    POOL,
    blobs,
    channel_to,
    fill_waiting,
    used_octets,
    waiting_messages,
)
from tests.bench.growth.sites import CODE, codes_file  # noqa: E402
from tests.bench.processes import bench_site, listens, quiet, smsgw, stop, usage, wait_ready  # noqa: E402
from tests.ports import free_port  # noqa: E402
from tests.site_files import override  # noqa: E402

WEEK_MS = 7 * 86_400_000
MOST_GROWTH_MIB = 64
MOST_LONGER_S = 5.0

#: ARGV: held key, heldmsg key, first number, due (ms), blobs.
FILL_HELD = """
for n = 5, #ARGV do
  local id = string.format('00%08xffff%06x', 1700000000 + math.floor((ARGV[3] + n) / 1000000), (ARGV[3] + n) % 1000000)
  redis.call('ZADD', ARGV[1], string.format('%.0f', ARGV[4] + n), id)
  redis.call('HSET', ARGV[2], id, ARGV[n])
end
return #ARGV - 4
"""


class Bench:
    """One run."""

    def __init__(self, args: argparse.Namespace, directory: Path) -> None:
        self.args = args
        self.ports = {name: free_port() for name in ("listener", "ops", "carrier")}
        # A week's held messages are told to be held by a clock that stands where the site's does.
        self.site = bench_site(directory, self.ports, "")
        more = self.site / "smsgw.toml"
        more.write_text(more.read_text().replace("queue_limit = 10000000", "queue_limit = 100000000"))
        self.state = self.site / "state"
        self.log = directory / "log"
        self.running: list[subprocess.Popen[bytes]] = []
        self.found: dict[str, Any] = {}

    @property
    def server(self) -> EmbeddedServer:
        """The site's embedded server; each event loop takes one of its own."""
        return EmbeddedServer(self.state)

    def tell(self, name: str, found: dict[str, Any]) -> None:
        """At once: it takes long, and what was found should not be lost with the rest."""
        self.found[name] = found
        print(f"{name:12} {found}", flush=True)

    # -- the gateway

    def start(self) -> tuple[subprocess.Popen[bytes], float]:
        """Start the gateway; seconds until it is ready, Redis being there already."""
        began_s = time.monotonic()
        gateway = quiet(smsgw("run", "--site", str(self.site)), self.log)
        self.running.append(gateway)
        while True:
            # With the carrier down it is not ready, but its listener is open last of all.
            if gateway.poll() is not None:
                raise SystemExit(f"the gateway ended\n{self.log.read_text()[-2000:]}")
            if listens(self.ports["listener"]):
                return gateway, round(time.monotonic() - began_s, 2)
            time.sleep(0.02)

    def look(self, name: str) -> None:
        """Start, wait, look, stop."""
        gateway, start_s = self.start()
        time.sleep(3)
        before, began_s = usage(gateway.pid), time.monotonic()
        time.sleep(self.args.calm)
        after, took_s = usage(gateway.pid), time.monotonic() - began_s
        self.tell(
            name,
            {
                "start_s": start_s,
                "rss_mib": round(after.rss_octets / 2**20, 1),
                "idle_cpu_share": round((after.cpu_s - before.cpu_s) / took_s, 4),
                "commands_s": {
                    command: self._command(*command.split())
                    for command in ("queue list", "queue show alpha --lane marketing", "status")
                },
                "rss_mib_after": round(usage(gateway.pid).rss_octets / 2**20, 1),
            },
        )
        stop(gateway)

    def _command(self, *command: str) -> float | str:
        began_s = time.monotonic()
        done = subprocess.run(
            [*smsgw(*command), "--site", str(self.site)], capture_output=True, text=True, check=False, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=600,
        )  # fmt: skip
        took_s = round(time.monotonic() - began_s, 2)
        return took_s if done.returncode == 0 else f"exit {done.returncode} after {took_s} s: {done.stderr[-200:]}"

    # -- the backlog

    async def fill(self) -> None:
        """What waits and what is held, and the memory of each."""
        made = blobs(load(self.state / "secrets.toml"), ("alpha", "beta"))
        channel = channel_to(self.server.url)
        empty = await used_octets(channel)
        began_s = time.monotonic()
        await fill_waiting(channel, made, "alpha", self.args.waiting, 1 if self.args.single else MOST_IN_ENTRY)
        waiting = await used_octets(channel)
        for first in range(0, self.args.held, 1600):
            some = [made[(first + n) % POOL] for n in range(min(1600, self.args.held - first))]
            due_ms = ACCEPTED_MS + 10 * WEEK_MS
            await channel.call("EVAL", FILL_HELD, 0, keys.held(0), keys.heldmsg(0), first, due_ms, *some)
        held = await used_octets(channel)
        self.tell(
            "filled",
            {
                "seconds": round(time.monotonic() - began_s, 1),
                "blob_octets": len(made[0]),
                "octets_per_waiting": round((waiting - empty) / max(1, self.args.waiting), 1),
                "octets_per_held": round((held - waiting) / max(1, self.args.held), 1),
                "redis_mib": round(held / 2**20),
            },
        )
        await channel.close()

    # -- draining

    def drain(self) -> None:
        """The carrier comes; codes flow beside the queue."""
        gateway, _ = self.start()
        sink = quiet([sys.executable, "-m", "simulators.carrier", "--port", str(self.ports["carrier"]), "--quiet"])
        self.running.append(sink)
        wait_ready(self.ports["ops"], gateway, self.log)
        left, began_s = self._waiting(), time.monotonic()
        load = subprocess.run(
            [
                sys.executable, "-m", "simulators.esme", "load", "--port", str(self.ports["listener"]), "--system-id",
                "codes", "--password", "load1234", "--from", "1069000131", "--text", CODE, "--rate", "100",
                "--duration", str(self.args.drain), "--progress", "0", "--rd", "1",
            ],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        took_s, told = time.monotonic() - began_s, json.loads(load.stdout)
        self.tell(
            "draining",
            {
                "messages_per_s": round((left - self._waiting()) / took_s),
                "rss_mib": round(usage(gateway.pid).rss_octets / 2**20, 1),
                "codes": told["status"],
                "codes_answer_ms": {key: told["resp_ms"][key] for key in ("p50", "p99", "max")},
                "codes_receipt_ms": {key: told["receipt_ms"][key] for key in ("p50", "p99", "max")},
            },
        )
        gateway.kill()
        gateway.wait()
        again, start_s = self.start()
        wait_ready(self.ports["ops"], again, self.log)
        self.tell("after_kill_9", {"start_s": start_s})
        stop(again, sink)

    def _waiting(self) -> int:
        async def ask() -> int:
            channel = channel_to(self.server.url)
            count = await waiting_messages(channel, "alpha", 2)
            await channel.close()
            return count

        return asyncio.run(ask())

    async def reload(self) -> None:
        """Redis alone, from its AOF."""
        aof = sum(path.stat().st_size for path in (self.state / "redis").rglob("*") if path.is_file())
        began_s = time.monotonic()
        await self.server.start()
        self.tell("redis_start", {"seconds": round(time.monotonic() - began_s, 1), "aof_mib": round(aof / 2**20)})

    async def _serve(self) -> None:
        await self.server.start()

    def run(self) -> None:
        """Everything."""
        override(self.site, codes_file())
        gateway, _ = self.start()  # makes the secrets and the store's marks
        stop(gateway)
        asyncio.run(self._serve())
        self.look("empty")
        asyncio.run(self._serve())
        asyncio.run(self.fill())
        # The gateway stops the server that it did not adopt; here it adopts, and stops it all the same.
        self.look("full")
        asyncio.run(self.reload())
        self.drain()

    def judge(self) -> list[str]:
        """What grew that must not."""
        empty, full = self.found["empty"], self.found["full"]
        wrong = []
        if full["rss_mib_after"] - empty["rss_mib_after"] > MOST_GROWTH_MIB:
            wrong.append(f"memory: {empty['rss_mib_after']} → {full['rss_mib_after']} MiB")
        if full["start_s"] - empty["start_s"] > MOST_LONGER_S:
            wrong.append(f"start: {empty['start_s']} → {full['start_s']} s")
        return wrong


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=10_000_000)
    parser.add_argument("--held", type=int, default=10_000_000)
    parser.add_argument("--single", action="store_true", help="one message a stream entry")
    parser.add_argument("--calm", type=float, default=10.0, help="seconds in which nothing happens (10)")
    parser.add_argument("--drain", type=int, default=10, help="seconds of draining (10)")
    parser.add_argument("--json", type=Path, help="write what was found to this file too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as scratch:
        bench = Bench(args, Path(scratch))
        try:
            bench.run()
        finally:
            stop(*bench.running)
            asyncio.run(bench.server.stop())
        wrong = bench.judge()
    print("bounded" if not wrong else "grows: " + "; ".join(wrong))
    if args.json:
        args.json.write_text(json.dumps({**bench.found, "wrong": wrong}, indent=2), encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
