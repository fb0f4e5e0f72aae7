"""Several simulated carriers that run together: on one clock, in one event loop, watched as one.

async with CarrierGroup([CarrierSettings(name="alpha"), CarrierSettings(name="beta")]) as group:
    ...connect to group.carriers["alpha"].port...
    group.clock.advance(3600)
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TypeVar

from simulators.carrier.ledger import ledger_of_all
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.clock import SimClock
from simulators.entry import Entry
from simulators.tap import Tap
from simulators.turn import Turn
from simulators.wheel import TimeWheel

T = TypeVar("T")


class Later:
    """Something that will be done; ``cancel`` it, or let it come."""

    __slots__ = ("_run", "done")

    def __init__(self, run: Callable[[], object]) -> None:
        self._run: Callable[[], object] | None = run
        #: It ran, or was cancelled.
        self.done = False

    def cancel(self) -> None:
        """Don't do it; nothing when it ran."""
        self._run = None
        self.done = True

    def run(self) -> None:
        """For the wheel: do it, unless it was cancelled."""
        run, self._run = self._run, None
        self.done = True
        if run is not None:
            run()


class CarrierGroup:
    """Carriers by their names. Raises ValueError for two of one name, and what ``CarrierSim`` raises."""

    def __init__(self, settings: Sequence[CarrierSettings], clock: SimClock | None = None) -> None:
        self.clock = clock or SimClock()
        self.turn = Turn()
        self.carriers: dict[str, CarrierSim] = {}
        for each in settings:
            if each.name in self.carriers:
                raise ValueError(f"name: there are two carriers {each.name!r}")
            self.carriers[each.name] = CarrierSim(each, clock=self.clock, turn=self.turn)
        self._wheel: TimeWheel | None = None

    async def __aenter__(self) -> CarrierGroup:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start all, or none: raises what the first failing one does."""
        loop = asyncio.get_running_loop()
        self.turn.bind(loop)
        self._wheel = TimeWheel(loop, self.clock)
        self._wheel.at_end = self.turn.touch
        try:
            for sim in self.carriers.values():
                await sim.start()
        except BaseException:  # also when cancelled: none is left listening
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all."""
        if self._wheel is not None:
            self._wheel.close()
            self._wheel = None
        for sim in self.carriers.values():
            await sim.stop()

    async def wait_for(self, condition: Callable[[], object], deadline_s: float, what: str = "") -> None:
        """Return once ``condition()`` is true; looked at whenever something happened at any carrier.

        Raises TimeoutError after ``deadline_s`` seconds of real time, naming ``what``.
        """
        await self.turn.wait_for(condition, deadline_s, what)

    def attach(self, tap: Tap) -> None:
        """Let it hear every connection of every carrier."""
        for sim in self.carriers.values():
            sim.attach(tap)

    def detach(self, tap: Tap) -> None:
        """Let it hear no more; raises ValueError when it was not attached."""
        for sim in self.carriers.values():
            sim.detach(tap)

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """What happened at all carriers, in the order of real time; see ``CarrierSim.entries``."""
        each = [sim.entries(*kinds) for sim in self.carriers.values()]
        return heapq.merge(*each, key=lambda entry: entry.real_s)

    def ledger(self) -> str:
        """What each carrier received and sent (``CarrierSim.ledger``), in the order of their names."""
        return ledger_of_all({name: sim.ledger() for name, sim in self.carriers.items()})

    def later(self, delay_s: float, action: Callable[[T], object], item: T) -> Later:
        """Do ``action(item)`` when so many seconds of business time have passed; only while started."""
        assert self._wheel is not None, "the group is not running"
        later = Later(lambda: action(item))
        self._wheel.add(delay_s, Later.run, later)
        return later

    def reset(self) -> None:
        """Every carrier forgets what happened (``CarrierSim.reset``); what was put off stays."""
        for sim in self.carriers.values():
            sim.reset()
