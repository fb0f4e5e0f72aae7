"""What the simulators cost: ``python tests/bench/bench_simulators.py``. Exit status 1 when a target is missed.

The carrier answers 40,000 submit_sm a second with receipts on one core, also with 2,000 binds, and with a seed,
chance, delays and a recorded history: at most 25 µs of its CPU a message, and on a machine with nothing else to do
as many by the clock (``--clock``). An application costs at most 25 µs a message. Each runs in a process of its own
against the other, on one machine; with ``--tools DIR`` also against the C tools ``smppsink`` and ``smppload`` there,
so that by the clock only the carrier is measured. The best of several rounds counts, because machines are shared;
not part of the suite.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TARGET_PER_S = 40_000
TARGET_US = 1e6 / TARGET_PER_S
BINDS = 2000
ROUNDS = 3
_SETTLE_S = 10.0
_FILES = 3 * BINDS

_CARRIER = [sys.executable, "-m", "simulators.carrier", "--quiet"]
_ESME = [sys.executable, "-m", "simulators.esme", "load", "--progress", "0"]
#: What a day's test asks of the carrier at once.
_CHANCE = ["--states", "UNDELIV/001:5%,DB:0144:1%", "--refuse", "0x14:1%", "--duplicate", "1%", "--seed", "1"]
_DELAYS = ["--response", "2ms-8ms", "--receipt", "20ms-80ms"]
_HISTORY = ["--record", "1000000"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One carrier and one load."""

    name: str
    carrier: list[str]
    load: list[str]
    messages: int
    #: Whether the targets hold for it: of the carrier, of the application.
    targets: tuple[bool, bool] = (False, False)


@dataclass(slots=True)
class Cost:
    """The best of several rounds; µs of CPU a message, messages a second by the clock."""

    carrier_us: float = float("inf")
    load_us: float = float("inf")
    per_s: float = 0.0
    rounds: list[dict[str, Any]] = field(default_factory=list)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + _SETTLE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.05)


def _run(pair: Pair) -> tuple[dict[str, Any], dict[str, Any]]:
    """One round; returns the summary of the carrier and of the load."""
    port = _free_port()
    serving = subprocess.Popen(
        [*pair.carrier, "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(port)
        result = subprocess.run([*pair.load, "--port", str(port)], stdout=subprocess.PIPE, check=False)
    finally:
        serving.send_signal(signal.SIGTERM)
        out, _ = serving.communicate()
    return json.loads(out), json.loads(result.stdout)


def _us(summary: dict[str, Any], messages: int) -> float:
    cpu = summary.get("cpu_s")
    return (cpu["user"] + cpu["sys"]) * 1e6 / messages if cpu else float("inf")


def _bench(pair: Pair, rounds: int) -> Cost:
    cost = Cost()
    for _ in range(rounds):
        carrier, load = _run(pair)
        answered = int(carrier.get("submits", pair.messages))
        cost.carrier_us = min(cost.carrier_us, _us(carrier, answered))
        cost.load_us = min(cost.load_us, _us(load, answered))
        cost.per_s = max(cost.per_s, float(carrier.get("submits_per_s", load.get("ok_per_s", 0.0))))
        cost.rounds.append(load)
    last = cost.rounds[-1]
    print(
        f"{pair.name:38} {cost.per_s:8.0f}/s  carrier {cost.carrier_us:5.1f} µs  load {cost.load_us:5.1f} µs  "
        f"matched {last.get('matched')}  answer p99 {last['resp_ms']['p99']} ms",
        flush=True,
    )
    return cost


def _pairs(count: int, tools: Path | None) -> list[Pair]:
    shape = ["--rd", "1", "--count", str(count)]
    usual, wide = [*shape, "--conns", "4", "--window", "50"], [*shape, "--conns", "4", "--window", "1000"]
    many = [*shape, "--conns", str(BINDS), "--window", "10"]
    load = [str(tools / "smppload"), "--quiet"] if tools is not None else _ESME
    everything = [*_CHANCE, *_DELAYS, *_HISTORY]
    pairs = [
        Pair("carrier", _CARRIER, [*load, *usual], count, (True, False)),
        Pair("carrier, chance and seed", [*_CARRIER, *_CHANCE], [*load, *usual], count, (True, False)),
        Pair("carrier, delays", [*_CARRIER, *_DELAYS], [*load, *wide], count, (True, False)),
        Pair("carrier, chance, delays, all kept", [*_CARRIER, *everything], [*load, *wide], count, (True, False)),
        Pair(f"carrier, {BINDS} binds", _CARRIER, [*load, *many], count, (True, False)),
        Pair(f"carrier, {BINDS} binds and all of it", [*_CARRIER, *everything], [*load, *many], count),
        Pair("carrier - application", _CARRIER, [*_ESME, *usual], count, (False, True)),
        Pair("carrier - application, 3000/s", _CARRIER,
             [*_ESME, "--conns", "4", "--window", "50", "--rd", "1", "--rate", "3000", "--duration", "3s"], 9000),
    ]  # fmt: skip
    if tools is not None:
        pairs.append(
            Pair("smppsink - application", [str(tools / "smppsink"), "--quiet", "--dlr"], [*_ESME, *usual], count)
        )
    return pairs


def main() -> int:
    """Print a line for each pair; the exit status says whether the targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, help="folder of the built C tools")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--clock", action="store_true", help="the target counts by the clock too")
    parser.add_argument("--only", default="", help="pairs with this in their names")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, _FILES)), hard))
    print(f"{os.cpu_count()} cores, {arguments.count} messages, best of {arguments.rounds}")
    missed = []
    for pair in _pairs(arguments.count, arguments.tools):
        if arguments.only not in pair.name:
            continue
        cost = _bench(pair, arguments.rounds)
        slow = arguments.clock and cost.per_s < TARGET_PER_S
        if (pair.targets[0] and (cost.carrier_us > TARGET_US or slow)) or (
            pair.targets[1] and cost.load_us > TARGET_US
        ):
            missed.append(pair.name)
    print(f"target {TARGET_US:.0f} µs, {TARGET_PER_S}/s: " + (f"missed by {', '.join(missed)}" if missed else "met"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
