"""One load on one site: messages a second, CPU by process, latencies, memory; and that nothing is missing.

CPU is taken when the load program starts and when it has ended, so it is of the measured time only; a warm-up before it
is a load of its own, which fills caches, opens binds and lets batches find their size.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.bench.suite import machine
from tests.bench.suite.code import ROOT
from tests.bench.suite.errors import BenchError
from tests.bench.suite.load import PATIENCE_S, Load
from tests.bench.suite.machine import Conditions
from tests.bench.suite.site import BenchSite, here_environment

#: What a load may take beyond what it offers, at the slowest that is still worth measuring.
_SLOWEST_PER_S = 200.0
_COUNTS = ("sent", "answered", "ok", "unanswered", "unsent", "matched", "dup", "unmatched", "disconnects", "status")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds."""

    p50: float
    p90: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True)
class Result:
    """Of one load. CPU is in microseconds a message, by process: gateway, redis, carrier, load."""

    messages: int
    #: From the first message to the last receipt.
    seconds: float
    #: Messages a second for the whole way: until the last receipt was there.
    per_s: float
    #: Messages a second until the last answer: what waits for its way to the carrier at the end counts as done.
    answers_per_s: float
    cpu_us: dict[str, float]
    #: Processes that Redis started, while it wrote its AOF anew; in microseconds a message.
    redis_children_us: float
    #: Shares of one core, over ``seconds``.
    cores: dict[str, float]
    answer_ms: Latency
    #: From when the message was due to its receipt.
    receipt_ms: Latency
    rss_mib: dict[str, float]
    conditions: Conditions


def measure(site: BenchSite, load: Load, warm_up: Load | None = None) -> Result:
    """Offer a load and wait for every receipt. Raises BenchError when one, or an answer, is missing."""
    if warm_up is not None:
        offer(site, warm_up)
    before, began = site.used(), machine.times()
    told = offer(site, load)
    after = site.used()
    cpu_s = {name: after[name].cpu_s - before[name].cpu_s for name in after}
    cpu_s["load"] = sum(told["cpu_s"].values())
    seconds = load.count / told["receipts_per_s"]
    return Result(
        load.count,
        round(seconds, 3),
        told["receipts_per_s"],
        told["ok_per_s"],
        {name: round(each * 1e6 / load.count, 2) for name, each in cpu_s.items()},
        round((after["redis"].children_s - before["redis"].children_s) * 1e6 / load.count, 2),
        {name: round(each / seconds, 3) for name, each in cpu_s.items()},
        _latency(told["resp_ms"]),
        _latency(told["receipt_ms"]),
        site.rss_mib(),
        machine.since(began),
    )


def offer(site: BenchSite, load: Load) -> dict[str, Any]:
    """What the load program tells in the end. Raises BenchError unless all is answered and every receipt came."""
    command = site.command_of(load)
    limit_s = load.count / (load.rate or _SLOWEST_PER_S) + 4 * PATIENCE_S + load.conns / 100
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=here_environment(), timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{load}: not done after {limit_s:.0f} s\n{site.last_words()}") from None
    if not done.stdout:
        raise BenchError(f"the load program said nothing: {done.stderr.strip()[-500:]}\n{site.last_words()}")
    told: dict[str, Any] = json.loads(done.stdout)
    complete = told["sent"] == told["ok"] == told["matched"] == load.count
    if not complete or told["dup"] or told["unmatched"] or told["unanswered"]:
        counts = {name: told[name] for name in _COUNTS if name in told}
        raise BenchError(f"of {load.count} messages some are missing or too many: {counts}\n{site.last_words()}")
    return told


def _latency(told: dict[str, float]) -> Latency:
    return Latency(told["p50"], told["p90"], told["p99"], told["p999"], told["max"])
