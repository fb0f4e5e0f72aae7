"""Measures the points of a curve in turns, each on a gateway of its own.

Most points start from an empty store each time. Those of stores with millions of entries keep their Redis: it is
filled once, outlives the gateways, and does nothing while another point is measured.
What can go wrong: BenchError as from every measurement; it names the point.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from smsgw.store.connection import Store as Connected
from smsgw.store.secrets import load, load_or_create
from tests.bench.growth import filling
from tests.bench.growth.curves import Curve, Point, Store
from tests.bench.growth.telling import CurveRuns, PointRuns, Run, SeriesRuns
from tests.bench.growth.turns import turns
from tests.bench.processes import Redis, stop
from tests.bench.suite import machine
from tests.bench.suite.code import ROOT, Code
from tests.bench.suite.errors import BenchError
from tests.bench.suite.load import Load, Tools
from tests.bench.suite.measure import Result, measure, offer
from tests.bench.suite.site import BenchSite, here_environment
from tests.site_files import Overrides, merged

Say = Callable[[str], None]
_BOUND_S = 60.0
_POLL_S = 0.05
_ACKS_WAIT = b'smsgw_store_waiting_items{kind="ack"} 0.0'
#: Of messages, before those that count.
_WARM_UP_SHARE = 0.1
#: Message ids of one carrier: more than it may ever give.
_IDS = 1_000_000_000
#: Recipients of who only takes receipts; nobody else's.
_TAKER_RECIPIENT = 8_617_000_000_000


class Kept:
    """A Redis with what a point wants in it, under secrets that every gateway on it gets."""

    def __init__(self, directory: Path, store: Store) -> None:
        self._directory, self._store = directory, store
        self._redis = Redis(directory)
        self.secrets = directory / "secrets.toml"
        #: Recipients of loads so far, and carriers, each of which began to count its ids at another number.
        self.spent = self.carriers = 0

    def __enter__(self) -> Kept:
        self._directory.mkdir()
        self._redis.__enter__()
        try:
            load_or_create(self.secrets)
            asyncio.run(self._fill())
        except BaseException:
            self._redis.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._redis.__exit__()

    @property
    def url(self) -> str:
        """Where it is."""
        return self._redis.url

    @property
    def pid(self) -> int:
        """Its process."""
        return self._redis.pid

    async def _fill(self) -> None:
        secrets, store = load(self.secrets), self._store
        connected = Connected(self.url, sealer=secrets.sealer(), recipients=secrets.hasher())
        await connected.ready()
        await connected.close()
        channel = filling.channel_to(self.url)
        if store.opt_outs or store.waiting:
            async with filling.unlogged(channel):
                await filling.fill_opt_outs(channel, secrets.hasher(), store.opt_outs)
                if store.waiting:
                    carriers = [store.carrier, *({"alpha", "beta"} - {store.carrier})]
                    blobs = filling.blobs(secrets, carriers, min(filling.POOL, store.waiting))
                    await filling.fill_waiting(channel, blobs, store.carrier, store.waiting)
        await channel.close()


class OtherIds:
    """Load tools whose carrier counts its message ids from another number: a store remembers those it has had."""

    def __init__(self, tools: Tools, first: int) -> None:
        self.name, self._tools, self._first = tools.name, tools, first

    def carrier(self, port: int) -> list[str]:
        """Both kinds of tools have the same option."""
        return [*self._tools.carrier(port), "--id-base", str(self._first)]

    def application(self, load: Load, port: int, scratch: Path) -> list[str]:
        """As ever."""
        return self._tools.application(load, port, scratch)


class KeptSite(BenchSite):
    """A gateway on a Redis that stays."""

    def __init__(self, scratch: Path, tools: Tools, code: Code, point: Point, kept: Kept) -> None:
        self._kept = kept
        kept.carriers += 1
        tools = OtherIds(tools, kept.carriers * _IDS)
        there: Overrides = {"smsgw.toml": {"store": {"url": kept.url, "secrets": str(kept.secrets)}}}
        super().__init__(scratch, tools, code, merged(point.site(), there), carriers=point.carriers)

    @property
    def redis_url(self) -> str:
        """The one that stays."""
        return self._kept.url

    def processes(self) -> dict[str, list[int]]:
        """With that Redis in place of an embedded one."""
        return {**super().processes(), "redis": [self._kept.pid]}


class Measuring:
    """One curve."""

    def __init__(self, curve: Curve, passes: int, tools: Tools, code: Code, say: Say) -> None:
        self._curve, self._passes, self._tools, self._code, self._say = curve, passes, tools, code, say

    def run(self) -> CurveRuns:
        """All passes over all points."""
        curve = self._curve
        found = {name: PointRuns(point.label) for name, point in curve.points.items()}
        with _scratch() as scratch, contextlib.ExitStack() as stores:
            kept = self._stores(scratch, stores)
            for turn, name in turns(tuple(curve.points), self._passes):
                with _scratch() as directory:
                    run = self._measured(directory, name, kept.get(name))
                found[name].runs.append(run)
                said = " ".join(curve.points[name].label.split())
                self._say(f"{curve.name}, pass {turn + 1} of {self._passes}, {name} ({said}): {run.per_s:,.0f}/s")
        lines = [SeriesRuns(line, [found[name] for name in names]) for line, names in curve.lines.items()]
        return CurveRuns(curve.name, curve.title, curve.axis, lines, curve.expected, self._conditions())

    def _conditions(self) -> dict[str, str]:
        code, tools = self._code, self._tools
        measured = {"measured": date.today().isoformat(), "version": code.commit, "load tools": tools.name}
        return {**measured, **machine.describe()}

    def _stores(self, scratch: Path, stores: contextlib.ExitStack) -> dict[str, Kept]:
        kept = {}
        for name, point in self._curve.points.items():
            if point.store is not None:
                began_s = time.monotonic()
                kept[name] = stores.enter_context(Kept(scratch / f"store-{name}", point.store))
                self._say(f"{self._curve.name}: filled {name} in {time.monotonic() - began_s:.0f} s")
        return kept

    def _measured(self, scratch: Path, name: str, kept: Kept | None) -> Run:
        point = self._curve.points[name]
        try:
            if kept is None:
                plain = BenchSite(scratch, self._tools, self._code, point.site(), carriers=point.carriers)
                with plain as site:
                    return self._one(site, point, None)
            with KeptSite(scratch, self._tools, self._code, point, kept) as site:
                return self._one(site, point, kept)
        except BenchError as error:
            raise BenchError(f"{self._curve.name}, {name}: {error}") from None

    def _one(self, site: BenchSite, point: Point, kept: Kept | None) -> Run:
        all_bound(site, point.carriers)
        first = point.load.first_recipient + (kept.spent if kept is not None else 0)
        count = point.load.count
        warm_up = replace(
            point.load, count=max(point.load.conns, round(count * _WARM_UP_SHARE)), first_recipient=first + count
        )
        if kept is not None:
            kept.spent += count + warm_up.count
        load = replace(point.load, first_recipient=first)
        if kept is None or not point.takes_receipts:
            return run_of(measure(site, load, warm_up))
        with receipts_taken(site, kept.spent):
            offer(site, warm_up)
            all_acknowledged(site)
            before, began_s = submitted(site), time.monotonic()
            result = measure(site, load)
            return run_of(result, max(0, submitted(site) - before - count), time.monotonic() - began_s)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smsgw-growth-") as directory:
        yield Path(directory)


def run_of(result: Result, drained: int = 0, seconds: float = 1.0) -> Run:
    """What counts of a result; ``drained`` messages went their way in these seconds besides the load's."""
    share = result.messages / (result.messages + drained)
    drained_per_s = drained / seconds
    return Run(
        round(result.per_s + drained_per_s, 1),
        round(result.cpu_us["gateway"] * share, 2),
        round(result.cpu_us["redis"] * share, 2),
        result.rss_mib["gateway"],
        result.rss_mib["redis"],
        result.answer_ms.p50,
        result.answer_ms.p99,
        round(drained_per_s, 1),
        result.conditions.stolen,
        result.conditions.loop_us,
    )


def submitted(site: BenchSite) -> int:
    """Messages that went to carriers so far."""
    return sum(carrier["submitted"] for carrier in _carriers(site).values())


def all_bound(site: BenchSite, carriers: tuple[str, ...]) -> None:
    """Wait until every bind of these carriers is up. Raises BenchError when one does not come."""
    deadline_s = time.monotonic() + _BOUND_S
    while True:
        found = _carriers(site)
        missing = [name for name in carriers if found[name]["binds_up"] < found[name]["binds"]]
        if not missing:
            return
        if time.monotonic() > deadline_s:
            raise BenchError(f"after {_BOUND_S:g} s binds of {len(missing)} carriers are down, such as {missing[0]}")
        time.sleep(_POLL_S)


def all_acknowledged(site: BenchSite) -> None:
    """Wait until receipts that were answered have left the store: whoever binds before that gets them once more."""
    deadline_s = time.monotonic() + _BOUND_S
    while _ACKS_WAIT not in site.asked("/metrics"):
        if time.monotonic() > deadline_s:
            raise BenchError(f"after {_BOUND_S:g} s not all answered receipts have left the store")
        time.sleep(_POLL_S)


def _carriers(site: BenchSite) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.asked("/status"))["carriers"]
    return found


@contextlib.contextmanager
def receipts_taken(site: BenchSite, spent: int) -> Iterator[None]:
    """The application whose messages waited is bound, and takes their receipts; it sends a message a second itself."""
    scratch = site.scratch / "taker"
    scratch.mkdir()
    command = site.tools.application(
        Load(100_000, 1.0, 2, first_recipient=_TAKER_RECIPIENT + spent), site.port, scratch
    )
    taker = subprocess.Popen(
        command, cwd=ROOT, env=here_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        stop(taker)
