"""Simulators of one test: made on demand, in one event loop, on one clock, and ended together.

Scenario files and settings in their form are read here; problems with them are ValueErrors in words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from simulators.carrier.group import CarrierGroup
from simulators.clock import SimClock
from simulators.clock_drive import ClockDriver
from simulators.scenario.library import find_scenario
from simulators.scenario.load import load_scenario, scenario_of
from simulators.scenario.model import ClockPlan, Scenario
from simulators.scenario.play import Play
from simulators.testing.carrier import CarrierHandle, RunHandle
from simulators.testing.clock import ClockHandle
from simulators.testing.esme import EsmeHandle, Listening
from simulators.testing.handle import Handle
from simulators.testing.loop import LoopThread
from smsgw.documents.problems import ConfigErrors

#: Keys of a scenario that are not its carrier's.
_OF_THE_RUN = frozenset({"seed", "clock", "phase", "event", "expect"})
_VERIFY_S = 2.0
_DISCONNECT_S = 0.5


class Stage:
    """``close`` it in the end. ``directories``: where scenario files are looked for."""

    def __init__(self, *directories: Path) -> None:
        self._directories = tuple(dict.fromkeys(directories)) or (Path(),)
        self._loop = LoopThread()
        self._stack = AsyncExitStack()
        self._clock: SimClock | None = None
        self._runs: list[RunHandle] = []
        #: In the order they were made.
        self.handles: list[Handle] = []

    def carrier(self, scenario: str | Path | None = None, **settings: Any) -> CarrierHandle:
        """Start the carriers of a scenario, or one with ``settings`` in the form of ``[[carrier]]``; the first one.

        ``seed``, ``clock``, ``phase``, ``event`` and ``expect`` among the settings are those of a scenario.
        Raises ValueError in words.
        """
        loaded = self._scenario(scenario, settings)
        handle, run = self._loop.run(self._start(loaded))
        self.handles += [handle.carrier(each.name) for each in loaded.carriers]
        self._runs.append(run)
        return handle

    def esme(self, name: str = "") -> EsmeHandle:
        """Another application, not connected yet."""
        number = sum(isinstance(handle, EsmeHandle) for handle in self.handles) + 1
        handle = EsmeHandle(self._loop, self._the_clock, name or ("esme" if number == 1 else f"esme{number}"))
        self.handles.append(handle)
        return handle

    def verify(self) -> str:
        """What scenarios expected in vain, as a report; empty when everything came. Waits a little for what is open."""
        reports = [run.verified(_VERIFY_S) for run in self._runs]
        return "\n".join(report.to_text(colour=False) for report in reports if not report.ok)

    def sections(self) -> Iterator[tuple[str, str]]:
        """A title and what happened, for each simulator."""
        for handle in self.handles:
            yield f"what {handle.name} saw", handle.show()
        problems = [*self._loop.problems, *(problem for run in self._runs for problem in run.problems)]
        if problems:
            yield "what the simulators could not do", "\n".join(problems)

    def close(self) -> None:
        """End everything."""
        try:
            self._loop.run(self._end())
        finally:
            self._loop.close()

    def _scenario(self, name: str | Path | None, settings: Mapping[str, Any]) -> Scenario:
        try:
            if name is not None:
                if settings.keys() - {"seed"}:
                    raise ValueError("expected either a scenario or settings, found both")
                return load_scenario(self._find(name), seed=settings.get("seed"))
            run = {key: settings[key] for key in settings.keys() & _OF_THE_RUN}
            carrier = {key: settings[key] for key in settings.keys() - _OF_THE_RUN}
            return scenario_of({**run, "carrier": [carrier]}, self._directories[0] / "settings")
        except ConfigErrors as errors:
            if name is not None:
                raise ValueError(str(errors)) from None
            found = [(error.key.removeprefix("carrier[1]").removeprefix("."), error.why) for error in errors.errors]
            raise ValueError("\n".join(f"{key}: {why}" if key else why for key, why in found)) from None

    def _find(self, name: str | Path) -> Path:
        for directory in self._directories:
            if (directory / name).is_file():
                return directory / name
        try:
            return find_scenario(str(name))
        except LookupError as error:
            places = ", ".join(map(str, self._directories))
            raise ValueError(f"{error.args[0]} (looked in {places})") from None

    def _the_clock(self) -> SimClock:
        if self._clock is None:
            self._clock = SimClock()
        return self._clock

    # in the loop

    async def _start(self, scenario: Scenario) -> tuple[CarrierHandle, RunHandle]:
        plan = scenario.clock
        if self._clock is None:
            self._clock = SimClock(plan.start, plan.speed)
        else:
            _go_by(plan, self._clock)
        group = CarrierGroup(scenario.carriers, clock=self._clock)
        await self._stack.enter_async_context(group)
        push = await self._stack.enter_async_context(_driving(self._clock, plan.drives))
        play = Play(group, scenario)
        play.start()
        self._stack.callback(play.stop)
        first = group.carriers[scenario.carriers[0].name]
        clock = ClockHandle(self._loop, self._clock, push)
        return CarrierHandle(self._loop, first, group, play, clock), RunHandle(self._loop, scenario, group, play)

    async def _end(self) -> None:
        for handle in self.handles:
            if isinstance(handle, EsmeHandle) and handle.is_made:
                await handle.sim.disconnect(_DISCONNECT_S)
        await self._stack.aclose()


def _go_by(plan: ClockPlan, clock: SimClock) -> None:
    if plan.start is not None:
        clock.set(plan.start)
    if plan.speed != clock.rate:
        clock.run_at(plan.speed)


async def _nothing() -> None:
    return


@asynccontextmanager
async def _driving(clock: SimClock, urls: Sequence[str]) -> AsyncIterator[Callable[[], Coroutine[Any, Any, None]]]:
    """Gateways at ``urls`` follow the clock; gives what tells them at once."""
    if not urls:
        yield _nothing
        return
    async with ClockDriver(clock, urls) as driver:
        await driver.push()
        yield driver.push


@contextmanager
def running_carrier(scenario: str | Path | None = None, **settings: Any) -> Iterator[CarrierHandle]:
    """A carrier (``Stage.carrier``) until the end of the block."""
    with _stage() as stage:
        yield stage.carrier(scenario, **settings)


@contextmanager
def running_esme(peer: int | Listening, **settings: Any) -> Iterator[EsmeHandle]:
    """An application, connected (``EsmeHandle.connect``) until the end of the block."""
    with _stage() as stage:
        yield stage.esme().connect(peer, **settings)


@contextmanager
def _stage() -> Iterator[Stage]:
    stage = Stage()
    try:
        yield stage
    finally:
        stage.close()
