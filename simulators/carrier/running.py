"""Carriers as a process: started, led through their scenario, judged, and stopped again.

Owns when a run is over and what is written then. The exit status is 0 when everything expected was found,
1 when not, 2 when the run could not be made. What carriers do is ``CarrierSim``'s, what is expected is
``simulators.expect``'s.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from simulators.carrier.group import CarrierGroup
from simulators.clock import SimClock
from simulators.clock_drive import ClockDriver
from simulators.expect.evaluate import evaluate
from simulators.expect.report import Report
from simulators.scenario.model import Scenario
from simulators.scenario.play import Play
from smsgw.errors import SmsgwError

PROGRAM = "smsgw-carrier-sim"
_LOOK_EVERY_S = 0.2
_REST = 5


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a command line adds to a scenario; files are written when the run is over."""

    for_s: float | None = None
    report: Path | None = None
    junit: Path | None = None
    ledger: Path | None = None
    capture: Path | None = None
    http_port: int | None = None
    http_host: str = "127.0.0.1"
    quiet: bool = False


class Run:
    """One run of a scenario, over when ``over`` is set."""

    def __init__(self, scenario: Scenario, options: RunOptions) -> None:
        plan = scenario.clock
        self.scenario = scenario
        self.options = options
        self.clock = SimClock(plan.start, plan.speed)
        self.group = CarrierGroup(scenario.carriers, clock=self.clock)
        self.play = Play(self.group, scenario)
        self.over = asyncio.Event()
        self.why = ""

    def end(self, why: str) -> None:
        """The run is over; the first reason counts."""
        if not self.over.is_set():
            self.why = why
            self.over.set()

    def report(self) -> Report:
        """What became of the expectations if the run ended now."""
        return self._judging()()

    def _judging(self) -> Callable[[], Report]:
        """The same, for any thread to work out from what has happened until now."""
        return partial(
            evaluate,
            self.scenario.expectations,
            self.group.entries(),
            phases={name: tuple(spans) for name, spans in self.play.spans.items()},
            started_s=self.play.began_s,
            now_s=time.monotonic(),
            zone=self.scenario.clock.zone,
            title=self.scenario.name,
            started=self.play.began,
            forgotten=sum(sim.forgotten for sim in self.group.carriers.values()),
        )

    # when it is over

    async def until_over(self) -> None:
        """Play the time line and return when the run is over."""
        end = self.scenario.end
        after_s = self.options.for_s if self.options.for_s is not None else end.after
        if after_s is not None:
            self.play.finally_ = (after_s, partial(self.end, f"{after_s:g} s of business time are over"))
        self.play.start()
        if end.messages is not None:
            self.group.turn.at_end.append(self._count)
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(self._look()) if end.decided else None
            try:
                async with asyncio.timeout(end.at_most):
                    await self.over.wait()
            except TimeoutError:
                self.end(f"{end.at_most:g} s of real time are over")
            if looking is not None:
                looking.cancel()
        if end.messages is not None:
            self.group.turn.at_end.remove(self._count)
        self.play.stop()

    def _count(self) -> None:
        carriers = self.group.carriers.values()
        wanted = self.scenario.end.messages or 0
        if sum(sim.stats.submits for sim in carriers) >= wanted and not any(sim.receipts_waiting for sim in carriers):
            self.end(f"{wanted} messages have come and have their receipts")

    async def _look(self) -> None:
        while True:
            began_s = time.monotonic()
            # Of very many messages it takes seconds, in which carriers must go on answering.
            report = await asyncio.to_thread(self._judging())
            if report.decided:
                break
            took_s = time.monotonic() - began_s
            await asyncio.sleep(max(_LOOK_EVERY_S, took_s * _REST))
        self.end("everything expected is decided")

    # what is told

    def to_json(self, report: Report) -> dict[str, Any]:
        """The whole result, ready for JSON."""
        return {
            "scenario": self.scenario.name,
            "about": self.scenario.about,
            "seed": self.scenario.seed,
            "ended": self.why,
            "from": self.play.began.isoformat(timespec="milliseconds"),
            "until": self.clock.now().isoformat(timespec="milliseconds"),
            "took_s": round(time.monotonic() - self.play.began_s, 3),
            "carriers": {name: sim.summary() for name, sim in self.group.carriers.items()},
            "problems": self.play.problems,
            **report.to_json(),
        }

    def to_text(self, report: Report) -> str:
        """The result for people."""
        scenario = self.scenario
        lines = [f"{scenario.name}: {scenario.about}" if scenario.about else scenario.name]
        seed = "no seed" if scenario.seed is None else f"seed {scenario.seed}"
        took = f"{time.monotonic() - self.play.began_s:.1f} s"
        zone = ZoneInfo(scenario.clock.zone)
        begin, end = (f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" for at in (self.play.began, self.clock.now()))
        lines.append(f"{seed} · {begin} to {end} {zone.key}, in {took} · ended: {self.why}")
        lines += [f"{name}: {_counts(sim.summary())}" for name, sim in self.group.carriers.items()]
        lines += [f"could not be done: {problem}" for problem in self.play.problems]
        return "\n".join([*lines, "", report.to_text()])


def _counts(summary: dict[str, Any]) -> str:
    told = [f"{value} {name.replace('_', ' ')}" for name, value in summary.items() if type(value) is int and value]
    return ", ".join(told) or "nothing happened"


async def run_scenario(scenario: Scenario, options: RunOptions) -> int:
    """Run to the end and write everything asked for; returns the exit status."""
    run = Run(scenario, options)
    try:
        _try_files(options)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving(run))
            await run.until_over()
            report = run.report()
            ledger = run.group.ledger() if options.ledger else ""
            summary, text = run.to_json(report), run.to_text(report)
    except (OSError, SmsgwError) as error:
        return failed(str(error))
    print(text, flush=True)
    try:
        _write(options, report, summary, ledger)
    except OSError as error:
        return failed(f"{error.filename}: can't be written: {error.strerror}")
    return 0 if report.ok else 1


def _try_files(options: RunOptions) -> None:
    """That what is written in the end can be, before hours have gone into it. Raises OSError in words."""
    for path in filter(None, (options.report, options.junit, options.ledger)):
        try:
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise OSError(f"{path}: can't be written: {error.strerror}") from None


def _write(options: RunOptions, report: Report, summary: dict[str, Any], ledger: str) -> None:
    if options.report is not None:
        options.report.write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if options.junit is not None:
        report.write_junit(options.junit)
    if options.ledger is not None:
        options.ledger.write_text(ledger, encoding="utf-8")


@asynccontextmanager
async def serving(run: Run) -> AsyncIterator[None]:
    """The carriers listen, with capture and control port; signals end the run. Raises OSError in words."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        if run.options.capture is not None:  # around everything: the ends of connections are recorded, too
            stack.callback(_capture(run, run.options.capture))
        await stack.enter_async_context(run.group)
        drives = run.scenario.clock.drives
        driver = await stack.enter_async_context(ClockDriver(run.clock, drives)) if drives else None
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, run.end, "somebody ended it")
            stack.callback(loop.remove_signal_handler, number)
        if run.options.http_port is not None:
            stack.push_async_callback(await _control(run, driver))
        if driver is not None:
            await driver.push()
        if not run.options.quiet:
            several = len(run.group.carriers) > 1
            for name, sim in run.group.carriers.items():
                where = f"listening on {sim.settings.host}:{sim.port}"
                say(f"{name} {where}" if several else where)
                if sim.settings.tls is not None:
                    say(f"its certificate: {sim.settings.tls.certificate}")
        yield


def _capture(run: Run, path: Path) -> Callable[[], None]:
    from simulators.capture import CaptureError, CaptureTap  # only here: not every run records

    try:
        tap = CaptureTap(path, run.clock)
    except CaptureError as error:
        raise OSError(str(error)) from None
    run.group.attach(tap)
    return tap.close


async def _control(run: Run, driver: ClockDriver | None) -> Callable[[], Any]:
    from simulators.control.app import make_app, serve  # only here: the web framework takes a while to load

    assert run.options.http_port is not None
    app = make_app(run.group, run.play, run.scenario, driver, hosts=(run.options.http_host,))
    served = await serve(app, run.options.http_host, run.options.http_port)
    if not run.options.quiet:
        say(f"control port: {served.url}")
    return served.stop


@contextmanager
def long_lives() -> Iterator[None]:
    """Collect garbage rarely: messages live long enough to be walked by every collection, and hold no cycles."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def say(line: str) -> None:
    """A line for people, beside what is printed as the result."""
    print(line, file=sys.stderr, flush=True)


def failed(why: str) -> int:
    """Say why the run could not be made; returns the exit status for it."""
    say(f"{PROGRAM}: {why}")
    return 2
