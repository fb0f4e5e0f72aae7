"""What a message leaves behind and moves: octets of Redis memory by kind, of AOF, network and records.

    python tests/bench/bench_planning.py [--count N] [--json]

One gateway with an embedded Redis on the site config/bench (three clock caps, states, receipts), a simulated carrier.
Four steps of N messages of one segment of 42 characters, each to a recipient of its own, at full windows:

    waiting    the carrier is down: messages lie in its stream
    awaiting   the carrier has them and its receipts are not there yet
    delivered  receipts came and the application took them; what stays until its time to live is over
    untaken    receipts came and the application is away: they lie in its out stream

Memory is the growth of used_memory, by kind as MEMORY USAGE tells it. docs/planning.md reckons with these figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from smsgw.store.channel import Channel, target_of  # noqa: E402
from smsgw.store.server import EmbeddedServer  # noqa: E402
from tests.bench.processes import bench_site, listens, quiet, smsgw, stop, usage, wait_ready  # noqa: E402
from tests.bench.suite.load import SOURCE, TEXT  # noqa: E402
from tests.ports import free_port  # noqa: E402

LISTEN_S = 60.0
SETTLE_S = 60.0
SAMPLE = 2_000
#: Receipts of this step never come while it is looked at.
LATE = "1h"


class State:
    """Redis at one moment."""

    def __init__(self, info: dict[str, str], kinds: Counter[str], octets: Counter[str], records: int) -> None:
        self.kinds = kinds
        self.octets = octets
        self.memory = int(info["used_memory"])
        self.aof = int(info["aof_current_size"])
        self.net_in = int(info["total_net_input_bytes"])
        self.net_out = int(info["total_net_output_bytes"])
        self.records = records


class Bench:
    """One run."""

    def __init__(self, args: argparse.Namespace, directory: Path) -> None:
        self.args = args
        self.ports = {name: free_port() for name in ("listener", "ops", "carrier")}
        self.site = bench_site(directory, self.ports)
        self.log = directory / "log"
        self.gateway = quiet(smsgw("run", "--site", str(self.site)), self.log)
        self.base = 8613000000000
        self.found: dict[str, Any] = {}

    def run(self) -> None:
        """All steps, each from the state in which the one before left the store."""
        self._listening()
        waiting = self._step("waiting", None, "trx", "--wait", "1s")
        assert waiting["messages"] == self.args.count
        sink = self._carrier("--receipt", LATE)
        wait_ready(self.ports["ops"], self.gateway, self.log)
        self._until_drained()
        self._step("awaiting", sink, "trx", "--wait", "1s")
        stop(sink)
        # Other ids than the ones whose receipts are still awaited.
        sink = self._carrier("--id-base", "2000000000")
        wait_ready(self.ports["ops"], self.gateway, self.log)
        self._step("delivered", sink, "trx", "--wait", "10s")
        self._step("untaken", sink, "tx", "--wait", "3s")
        stop(sink)

    def _listening(self) -> None:
        deadline_s = time.monotonic() + LISTEN_S
        while time.monotonic() < deadline_s:
            if listens(self.ports["listener"]):
                return
            time.sleep(0.05)
        raise SystemExit(self.log.read_text()[-2000:])

    def _carrier(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "simulators.carrier", "--port", str(self.ports["carrier"]), "--quiet"]
        return quiet([*command, *options])

    def _until_drained(self) -> None:
        deadline_s = time.monotonic() + SETTLE_S
        while asyncio.run(self._waiting()) and time.monotonic() < deadline_s:
            time.sleep(0.1)

    async def _waiting(self) -> int:
        channel = self._channel()
        count = int(await channel.call("HGET", "{p00}:part:mt:alpha:2", "n") or 0)
        await channel.close()
        return count

    def _step(self, name: str, sink: subprocess.Popen[bytes] | None, bind: str, *options: str) -> dict[str, Any]:
        before, cpu_before = asyncio.run(self._state()), usage(self.gateway.pid).cpu_s
        done = subprocess.run(
            [
                sys.executable, "-m", "simulators.esme", "load", "--port", str(self.ports["listener"]), "--system-id",
                "load", "--password", "load1234", "--from", SOURCE, "--text", TEXT, "--rd", "1", "--progress", "0",
                "--conns", "4", "--window", "100", "--count", str(self.args.count), "--bind", bind,
                "--dest-base", str(self.base), *options,
            ],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        self.base += 1_000_000
        told = json.loads(done.stdout)
        if sink is not None:
            self._until_drained()
        time.sleep(2)
        after, cpu_s = asyncio.run(self._state()), usage(self.gateway.pid).cpu_s - cpu_before
        count = self.args.count
        found: dict[str, Any] = {"messages": told["ok"], "receipts": told["receipts"]}
        for key in ("memory", "aof", "net_in", "net_out", "records"):
            found[key] = round((getattr(after, key) - getattr(before, key)) / count, 1)
        found["gateway_cpu_us"] = round(cpu_s / count * 1e6)
        found["kinds"] = {
            kind: {
                "keys": round((after.kinds[kind] - before.kinds[kind]) / count, 3),
                "octets": round((after.octets[kind] - before.octets[kind]) / count, 1),
            }
            for kind in after.kinds
            if abs(after.octets[kind] - before.octets[kind]) > count
        }
        self.found[name] = found
        return found

    def _channel(self) -> Channel:
        return Channel(target_of(EmbeddedServer(self.site / "state").url, 5.0), 60.0)

    async def _state(self) -> State:
        channel = self._channel()
        text = (await channel.call("INFO", "everything")).decode()
        info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        kinds: Counter[str] = Counter()
        sampled: dict[str, list[bytes]] = {}
        cursor = b"0"
        while True:
            cursor, found = await channel.call("SCAN", cursor, "COUNT", 2000)
            for key in found:
                kind = key.decode("latin-1")[6:].partition(":")[0]
                kinds[kind] += 1
                if len(sampled.setdefault(kind, [])) < SAMPLE:
                    sampled[kind].append(key)
            if cursor == b"0":
                break
        octets: Counter[str] = Counter()
        for kind, some in sampled.items():
            commands = [("MEMORY", "USAGE", key, "SAMPLES", 0) for key in some]
            sizes = [size for size in await channel.calls(commands) if isinstance(size, int)]
            octets[kind] = round(sum(sizes) / max(1, len(sizes)) * kinds[kind])
        await channel.close()
        records = sum(path.stat().st_size for path in (self.site / "state" / "records").rglob("*") if path.is_file())
        return State(info, kinds, octets, records)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000, help="messages of each step (50000)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as scratch:
        bench = Bench(args, Path(scratch))
        try:
            bench.run()
        finally:
            stop(bench.gateway)
    if args.json:
        print(json.dumps(bench.found, indent=2))
    for name, found in bench.found.items() if not args.json else ():
        kinds = found.pop("kinds")
        print(f"{name:10} {found}")
        for kind, each in sorted(kinds.items(), key=lambda pair: -abs(pair[1]["octets"])):
            print(f"    {kind:10} {each['keys']:8} keys {each['octets']:9} octets a message")
    return 0


if __name__ == "__main__":
    sys.exit(main())
