"""Plays a scenario: applications are bound, steps carried out in order, and what came of it is looked at.

A step that fails ends the run, and is in the report beside the expectations; those are looked at all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

from simulators.clock import SimClock
from simulators.clock_drive import ClockDriver
from simulators.entry import Entry
from simulators.esme.scenario.actions import Actions, Actor, StepFailed
from simulators.esme.scenario.model import Scenario, Step
from simulators.esme.sim import EsmeSim
from simulators.expect.evaluate import Span, evaluate
from simulators.expect.report import Report
from simulators.expect.result import Result
from simulators.tap import Tap
from simulators.turn import Turn

_LOOK_S = 0.1


class Play:
    """One run. ``host`` and ``port`` go before those of the file; taps listen to every application."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        host: str | None = None,
        port: int | None = None,
        taps: Sequence[Tap] = (),
        clock: SimClock | None = None,
    ) -> None:
        self.scenario = scenario
        plan = scenario.clock
        given = plan.start is not None or plan.speed != 1.0
        self.clock = clock or (SimClock(plan.start, plan.speed) if given else SimClock())
        self._turn = Turn()
        self.sims = {
            application.label: EsmeSim(application.settings(host, port), clock=self.clock, turn=self._turn)
            for application in scenario.applications
        }
        for sim in self.sims.values():
            for tap in taps:
                sim.attach(tap)
        #: Called with a line about each step as it ends.
        self.on_step: Callable[[str], None] = lambda line: None
        self._spans: dict[str, list[Span]] = {}
        self._failures: list[Result] = []
        self._limit: asyncio.Timeout | None = None

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """What happened to all applications, one application after the other."""
        for sim in self.sims.values():
            yield from sim.entries(*kinds)

    async def run(self, limit_s: float | None = None) -> Report:
        """Play it to its end, or for ``limit_s`` seconds of real time. Raises LinkError without a bind."""
        scenario = self.scenario
        self._turn.bind(asyncio.get_running_loop())
        started, started_s = datetime.now(UTC), time.monotonic()
        async with AsyncExitStack() as stack:
            driver = await stack.enter_async_context(ClockDriver(self.clock, scenario.clock.drives))
            await driver.push()
            actors = []
            for application in scenario.applications:
                sim = self.sims[application.label]
                stack.push_async_callback(sim.disconnect)
                if application.connect:
                    await sim.connect()
                actors.append(Actor(application, sim))
            actions = Actions(actors, self.clock, driver, self._turn)
            try:
                async with asyncio.timeout(limit_s) as self._limit:
                    await self._steps(actions)
                    await self._until_decided(started_s)
            except TimeoutError:
                self.on_step(f"ended after {time.monotonic() - started_s:.1f} s")
            finally:
                self._limit = None
        report = self._report(started_s, time.monotonic(), started)
        return replace(report, results=(*self._failures, *report.results))

    def stop(self) -> bool:
        """End now; the report says so, and what was found until then. False when no step was begun: cancel ``run``."""
        if self._limit is None:
            return False
        if not self._limit.expired():
            self._failures.append(Result("the whole scenario", False, "failed", "the whole scenario", "interrupted"))
            self._limit.reschedule(asyncio.get_running_loop().time())
        return True

    async def _steps(self, actions: Actions) -> None:
        behind: list[asyncio.Task[bool]] = []
        async with asyncio.TaskGroup() as group:
            for number, step in enumerate(self.scenario.steps, 1):
                if step.background:
                    behind.append(group.create_task(self._step(actions, number, step)))
                elif not await self._step(actions, number, step):
                    break
            if self._failures:
                for task in behind:
                    task.cancel()

    async def _step(self, actions: Actions, number: int, step: Step) -> bool:
        began_s = time.monotonic()
        title = f"step {number}, {step.label}"
        try:
            came = await actions.do(step)
        except StepFailed as error:
            self._failures.append(Result(title, False, "failed", title, str(error)))
            self.on_step(f"{title}: {error}")
            return False
        finally:
            if step.name:
                self._spans.setdefault(step.name, []).append(Span(began_s, time.monotonic()))
        self.on_step(f"{title}: {came}")
        return True

    async def _until_decided(self, started_s: float) -> None:
        """Wait as long as an expectation with ``within`` may still be met."""
        waits = [each.within for each in self.scenario.expectations if each.within is not None]
        until_s = started_s + max(waits, default=0.0)
        while not self._failures and time.monotonic() < until_s:
            if self._report(started_s, time.monotonic()).decided:
                return
            await asyncio.sleep(_LOOK_S)

    def _report(self, started_s: float, now_s: float, started: datetime | None = None) -> Report:
        return evaluate(
            self.scenario.expectations,
            self.entries(),
            zone=self.scenario.zone,
            phases=self._spans,
            started_s=started_s,
            now_s=now_s,
            title=self.scenario.name,
            started=started,
        )
