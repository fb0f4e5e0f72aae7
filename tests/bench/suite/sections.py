"""The sections of bin/bench: each runs one version once, on a site of its own, and returns its figures."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench.suite import machine, parts
from tests.bench.suite.code import Code
from tests.bench.suite.figures import Figure, Run
from tests.bench.suite.idle import Sessions, write_accounts
from tests.bench.suite.load import Load, Tools
from tests.bench.suite.measure import Latency, Result, measure, offer
from tests.bench.suite.receipt_times import Recorded, delays_ms
from tests.bench.suite.site import BenchSite
from tests.site_files import Overrides

#: Messages a second in the section receipts, and the one whose answers have a target.
USUAL_RATE = 1000.0
#: Doing nothing is watched so much longer: every session is asked by enquire_link once in 30 s.
_IDLE_TIMES = 3
#: Where a window of one has a target.
_SLOWEST_ALONE_PER_S = 500.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much each section does."""

    tools: Tools
    #: Messages of a run at saturation.
    count: int = 60_000
    conns: int = 4
    window: int = 100
    #: Messages a second, or a share of saturation, such as "100%".
    rates: tuple[str, ...] = ("100", "1000", "5000", "100%")
    #: Of each rate; doing nothing is watched three times as long.
    seconds: float = 10.0
    sessions: int = 1000
    workers: int = 0

    @property
    def warm_up(self) -> Load:
        """Before anything counts."""
        return Load(max(200, self.count // 10), conns=self.conns, window=self.window)

    @property
    def full(self) -> Load:
        """Windows kept full."""
        return Load(self.count, conns=self.conns, window=self.window)


Section = Callable[[Plan, Code], Run]


def start(plan: Plan, code: Code) -> Run:
    """How soon it is ready, and the memory of a gateway that nobody has used."""
    with _site(plan, code) as site:
        rss = site.rss_mib()
        run = Run([Figure("until it is ready", "s", site.start_s)])
        run.figures.append(Figure("memory at start: gateway", "MiB", rss["gateway"], "" if plan.workers else "≤ 120"))
        run.figures.append(Figure("memory at start: redis", "MiB", rss["redis"]))
    return run


def saturation(plan: Plan, code: Code) -> Run:
    """Windows kept full from an empty store: throughput, CPU a message, latency, memory."""
    with _site(plan, code) as site:
        result = measure(site, plan.full, plan.warm_up)
    return Run(_throughput(result) + _latencies("", result), [result.conditions])


def latency(plan: Plan, code: Code) -> Run:
    """Answers and receipts at fixed rates, from when each message was due."""
    run = Run()
    with _site(plan, code) as site:
        full_per_s = measure(site, plan.full if _has_share(plan) else plan.warm_up, plan.warm_up).per_s
        for rate in plan.rates:
            per_s = full_per_s * float(rate[:-1]) / 100 if rate.endswith("%") else float(rate)
            name = f"at {rate} of saturation, " if rate.endswith("%") else f"at {rate}/s, "
            result = measure(site, Load.at_rate(per_s, plan.seconds, plan.conns))
            if rate.endswith("%"):
                run.figures.append(Figure(f"{name}offered", "/s", per_s))
            run.figures += _latencies(name, result, per_s == USUAL_RATE)
            run.figures += [
                Figure(f"{name}CPU of {process}", "µs a message", result.cpu_us[process])
                for process in ("gateway", "redis")
            ]
            run.conditions.append(result.conditions)
    return run


def window(plan: Plan, code: Code) -> Run:
    """One client that waits for each answer before it sends again."""
    with _site(plan, code) as site:
        count = max(200, round(plan.seconds * _SLOWEST_ALONE_PER_S / 2))
        result = measure(site, Load(count, conns=1, window=1), plan.warm_up)
    target = f"≥ {_SLOWEST_ALONE_PER_S:g}"
    figures = [Figure("messages a second, window 1", "/s", result.answers_per_s, target)]
    return Run([*figures, *_latencies("", result)], [result.conditions])


def receipts(plan: Plan, code: Code) -> Run:
    """How long a receipt takes from the carrier's sending it to the application; always with the simulators."""
    with _scratch() as scratch:
        recorded = Recorded(scratch)
        with BenchSite(scratch, recorded, code, workers=plan.workers) as site:
            offer(site, Load(max(200, round(USUAL_RATE)), USUAL_RATE, plan.conns))
            recorded.begin()
            result = measure(site, Load.at_rate(USUAL_RATE, plan.seconds, plan.conns))
        took = delays_ms(recorded, result.messages)
    name = f"receipt at {USUAL_RATE:g}/s, from the carrier's sending"
    return Run(
        [Figure(f"{name}, p50", "ms", took.p50, "≤ 5"), Figure(f"{name}, p99", "ms", took.p99)], [result.conditions]
    )


def idle(plan: Plan, code: Code) -> Run:
    """What a gateway costs when nobody sends: many sessions that only answer enquire_link."""
    listener = {"max_connections": plan.sessions + 100, "inactivity": "0s"}
    with _site(
        plan, code, {"smsgw.toml": {"listener": listener}}, partial(write_accounts, count=plan.sessions)
    ) as site:
        sessions = Sessions(site.port, plan.sessions)
        before_mib = site.rss_mib()["gateway"]
        shares, conditions = asyncio.run(sessions.watch(site, plan.seconds * _IDLE_TIMES))
        after_mib = site.rss_mib()["gateway"]
    name = f"idle, {plan.sessions} sessions"
    return Run(
        [
            Figure(f"{name}: gateway", "% of a core", shares["gateway"] * 100, "≤ 1"),
            Figure(f"{name}: redis", "% of a core", shares["redis"] * 100),
            Figure(f"{name}: memory of the gateway", "MiB", after_mib),
            Figure("memory of a session", "KiB", (after_mib - before_mib) * 1024 / max(1, plan.sessions)),
        ],
        [conditions],
    )


def _part(name: str) -> Section:
    def run(plan: Plan, code: Code) -> Run:
        began = machine.times()
        found = parts.measured(name, code)
        found.conditions.append(machine.since(began))
        return found

    run.__doc__ = parts.MEANINGS[name]
    return run


#: By name, in the order in which they run.
SECTIONS: dict[str, Section] = {
    "start": start,
    "saturation": saturation,
    "latency": latency,
    "window": window,
    "receipts": receipts,
    "idle": idle,
    **{name: _part(name) for name in parts.MEANINGS},
}


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as directory:
        yield Path(directory)


@contextmanager
def _site(
    plan: Plan, code: Code, overrides: Overrides | None = None, prepare: Callable[[Path], None] | None = None
) -> Iterator[BenchSite]:
    with (
        _scratch() as scratch,
        BenchSite(scratch, plan.tools, code, overrides, prepare, workers=plan.workers) as site,
    ):
        yield site


def _has_share(plan: Plan) -> bool:
    return any(rate.endswith("%") for rate in plan.rates)


def _throughput(result: Result) -> list[Figure]:
    targets = {"gateway": "≤ 33", "redis": "≤ 30"}
    cpu = [
        Figure(f"CPU of {name}", "µs a message", result.cpu_us[name], targets.get(name, ""))
        for name in ("gateway", "redis", "carrier", "load")
    ]
    return [
        Figure("messages a second, until the last receipt", "/s", result.per_s, "≥ 20000"),
        Figure("messages a second, until the last answer", "/s", result.answers_per_s),
        *cpu,
        Figure("CPU of redis' own children", "µs a message", result.redis_children_us),
        *(Figure(f"cores busy: {name}", "cores", each) for name, each in result.cores.items()),
        *(Figure(f"memory after it: {name}", "MiB", result.rss_mib[name]) for name in ("gateway", "redis")),
    ]


def _latencies(name: str, result: Result, has_targets: bool = False) -> list[Figure]:
    targets = {"answer p50": "≤ 2", "answer p99": "≤ 8"} if has_targets else {}
    kinds: tuple[tuple[str, Latency], ...] = (("answer", result.answer_ms), ("receipt", result.receipt_ms))
    return [
        Figure(f"{name}{kind} {place}", "ms", value, targets.get(f"{kind} {place}", ""))
        for kind, each in kinds
        for place, value in (("p50", each.p50), ("p99", each.p99), ("max", each.max))
    ]
