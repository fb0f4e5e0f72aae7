"""Changing a running site under load: how long an apply takes, how soon it is in force, what the senders notice.

    python tests/bench/bench_apply.py [--rounds N] [--routes R] [--carriers C] [--rate M]

A gateway of its own (the example site with R routes and C carriers more) carries M notices a second, all of which must
be answered ESME_ROK on sessions that stay, while the route of all of them is turned round N times. Simulators and load
share this process, and the machine, with the gateway. Shows, for each round: the whole apply (from files to every
process), the part of it after the decision, by the store's clock, and the slowest answer of that time. Exit code 1
when a message was refused or a session dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from simulators.esme.sim import EsmeSim  # noqa: E402
from smsgw.config.bundle import Bundle  # noqa: E402
from smsgw.services import versions  # noqa: E402
from tests.e2e.staff import staff_of  # noqa: E402
from tests.e2e.stage import NOTICE, SOURCES, Stage, carrier_like_alpha, open_stage, routes  # noqa: E402

LAST = "everything-else"
WATCH_S = 60.0
FAST = {"rate": "20000/s", "window": 100}


class Load:
    """So many notices a second; answers with when they were asked for and how long they took."""

    def __init__(self, stage: Stage, rate: int) -> None:
        self._stage = stage
        self._rate = rate
        self.statuses: Counter[int] = Counter()
        self.answers: list[tuple[float, float]] = []
        self._asked: set[asyncio.Task[None]] = set()

    async def run(self, over: asyncio.Event) -> None:
        """Until it is over and everything is answered. Raises when a session is dropped."""
        async with EsmeSim(self._stage.settings("orders")) as one, EsmeSim(self._stage.settings("orders")) as two:
            began_s, number = time.monotonic(), 0
            while not over.is_set():
                while number < (time.monotonic() - began_s) * self._rate:
                    number += 1
                    task = asyncio.create_task(self._ask(one if number % 2 else two))
                    self._asked.add(task)
                    task.add_done_callback(self._asked.discard)
                await asyncio.sleep(0.005)
            await asyncio.gather(*self._asked)

    async def _ask(self, esme: EsmeSim) -> None:
        asked_s = time.monotonic()
        answer = await esme.submit(SOURCES["orders"], self._stage.recipient(), NOTICE)
        self.statuses[answer.status] += 1
        self.answers.append((asked_s, time.monotonic() - asked_s))


def site(arguments: argparse.Namespace, port: int) -> dict[str, dict[str, Any]]:
    """The example with more routes and carriers, all of which lead to one simulator."""
    names = [f"c{number}" for number in range(arguments.carriers)]
    more = [
        {
            "name": f"r{number}",
            "class": "marketing",
            "prefix": f"8617{number:05}9",
            "carriers": [names[number % len(names)] if names else "alpha"],
        }
        for number in range(arguments.routes)
    ]
    files: dict[str, dict[str, Any]] = {f"carriers/{name}.toml": carrier_like_alpha(name, port, {}) for name in names}
    files |= {f"carriers/{name}.toml": FAST for name in ("alpha", "beta")}
    files["accounts/orders.toml"] = {"rate": "20000/s", "window": 5000}
    return files | {"routes.toml": {"route": [*more, *routes({})], "test": None}}


async def round_of(stage: Stage, files: dict[str, Any], load: Load, number: int) -> tuple[float, float, float]:
    """Seconds: the whole apply, the part after the decision, the slowest answer meanwhile."""
    carriers = ["beta", "alpha"] if number % 2 else ["alpha", "beta"]
    files["routes.toml"]["route"][-1]["carriers"] = carriers
    stage.gateway.override({"routes.toml": files["routes.toml"]})
    async with staff_of(stage.gateway) as staff:
        began_s = time.monotonic()
        done = await versions.apply(staff(), Bundle.read(stage.gateway.site), why=f"round {number}")
        took_s = time.monotonic() - began_s
        assert not done.refused, done.refused
    decided_s = done.now.until_ms / 1000 - WATCH_S
    told = stage.gateway.events("site.in_force")[-1]
    after_s = datetime.fromisoformat(told["at"]).timestamp() - decided_s
    return took_s, after_s, max(late for asked_s, late in load.answers if asked_s >= began_s)


async def bench(arguments: argparse.Namespace) -> int:
    """Run it all; the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        async with open_stage(Path(directory), overrides={"smsgw.toml": {"apply": {"watch": "60s"}}}) as stage:
            files = site(arguments, stage.alpha.port)
            await stage.gateway.stop()
            stage.gateway.override(files)
            await stage.gateway.start(deadline_s=120)
            load, over = Load(stage, arguments.rate), asyncio.Event()
            running = asyncio.create_task(load.run(over))
            await asyncio.sleep(2)
            print(f"{arguments.rate} messages/s; apply · after the decision · slowest answer, ms")
            for number in range(1, arguments.rounds + 1):
                found = await round_of(stage, files, load, number)
                print("  " + " · ".join(f"{each * 1000:.0f}" for each in found))
                await asyncio.sleep(1)
            over.set()
            await running
            usual = sorted(late for _, late in load.answers)
            print(f"{len(usual)} answered, p50 {usual[len(usual) // 2] * 1000:.0f} ms, {dict(load.statuses)}")
            return 0 if load.statuses.keys() == {0} else 1


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--routes", type=int, default=0)
    parser.add_argument("--carriers", type=int, default=0)
    parser.add_argument("--rate", type=int, default=500)
    return asyncio.run(bench(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
