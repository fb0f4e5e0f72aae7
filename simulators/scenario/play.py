"""Runs a time line: phases and events, on the business time of a group of carriers.

Owns when something happens; what an event does is in ``actions``. Conditions on counts of messages are
looked at when the event loop has finished a turn, so a phase may begin some messages late: rules with
``from_message`` are exact.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from simulators.expect.evaluate import Span
from simulators.scenario.actions import ON_CARRIER, mo_of, move_clock, send_mo
from simulators.scenario.mo_file import Mo
from simulators.scenario.model import Event, Phase, Scenario
from simulators.scenario.overlays import Overlays
from smsgw.errors import LocalError

if TYPE_CHECKING:
    from simulators.carrier.group import CarrierGroup
    from simulators.carrier.sim import CarrierSim

#: Handles of what has happened are forgotten when there are so many.
_MANY = 1000


class Play:
    """A scenario's time line on a started group; ``start`` begins it, ``reset`` begins it anew."""

    def __init__(self, group: CarrierGroup, scenario: Scenario) -> None:
        self.group = group
        self.scenario = scenario
        #: When each phase ran, by its name; for ``simulators.expect.evaluate``.
        self.spans: dict[str, list[Span]] = {}
        #: What could not be done, in words.
        self.problems: list[str] = []
        #: Business time, and time.monotonic(), when it began, or was last reset.
        self.began = group.clock.now()
        self.began_s = time.monotonic()
        #: Seconds after the start, and what is done then, each time that it begins.
        self.finally_: tuple[float, Callable[[], None]] | None = None
        self._running: list[Phase] = []
        self._handles: list[Any] = []
        self._watched: list[tuple[int, list[CarrierSim], Callable[[], None]]] = []
        self._overlays: dict[str, Overlays] = {}
        self._started_s = 0.0
        self._running_s = 0.0
        self._begun = False

    @property
    def running(self) -> tuple[Phase, ...]:
        """The phases that are on, in the order in which they began."""
        return tuple(self._running)

    def start(self) -> None:
        """Begin: times count from now."""
        self._begun = True
        self.began = self.group.clock.now()
        self.began_s = time.monotonic()
        self._started_s = self.group.clock.now_s()
        self._overlays = {name: Overlays(sim) for name, sim in self.group.carriers.items()}
        if any(each.from_message or each.to_message for each in self.scenario.phases) or any(
            each.after_messages for each in self.scenario.events
        ):
            self.group.turn.at_end.append(self._look)
        for phase in self.scenario.phases:
            begins = partial(self._begin, phase)
            self._when(phase.from_, phase.from_message, self._sims(phase.carriers), begins)
        for event in self.scenario.events:
            happens = partial(self._happen, event, 1)
            if event.after_messages is not None and isinstance(event.at, float):
                happens = partial(self._later, event.at, happens)
            self._when(event.at, event.after_messages, self._sims(event.carrier), happens)
        if self.finally_ is not None:
            self._later(*self.finally_)

    def stop(self) -> None:
        """End all phases, giving back what they changed, and forget what was to come."""
        if not self._begun:
            return
        self._begun = False
        if self._look in self.group.turn.at_end:
            self.group.turn.at_end.remove(self._look)
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        self._watched.clear()
        for phase in reversed(self._running):
            self._end(phase)

    def reset(self) -> None:
        """Stop, forget, and start again."""
        self.stop()
        self.spans.clear()
        self.problems.clear()
        self.start()

    # when

    def _when(
        self, at: float | datetime | None, messages: int | None, sims: list[CarrierSim], do: Callable[[], None]
    ) -> None:
        if messages:
            self._watched.append((messages, sims, do))
        elif at is None:
            do()
        else:
            due_s = at.timestamp() if isinstance(at, datetime) else self._started_s + at
            self._later(due_s - self._now_s(), do)

    def _later(self, delay_s: float, do: Callable[[], None]) -> None:
        self._at(self._now_s() + max(0.0, delay_s), do)

    def _at(self, due_s: float, do: Callable[[], None]) -> None:
        if len(self._handles) >= _MANY:
            self._handles = [handle for handle in self._handles if not handle.done]
        delay_s = max(0.0, due_s - self.group.clock.acting_s())
        self._handles.append(self.group.later(delay_s, self._run, (due_s, do)))

    def _run(self, due: tuple[float, Callable[[], None]]) -> None:
        before_s = self._running_s  # an event that moves the clock runs others
        self._running_s, do = due
        try:
            do()
        finally:
            self._running_s = before_s

    def _now_s(self) -> float:
        """Business time; while a jump of the clock runs what it made due, the time of that."""
        return self._running_s or self.group.clock.now_s()

    def _look(self) -> None:
        """See whether enough messages have come."""
        if not self._watched:
            return
        due = [each for each in self._watched if sum(sim.stats.submits for sim in each[1]) >= each[0]]
        for each in due:
            self._watched.remove(each)
            each[2]()

    def _sims(self, names: Collection[str]) -> list[CarrierSim]:
        return [sim for name, sim in self.group.carriers.items() if not names or name in names]

    # phases

    def _begin(self, phase: Phase) -> None:
        sims = self._sims(phase.carriers)
        for sim in sims:
            self._try(phase.name, partial(self._overlays[sim.settings.name].lay, phase, phase.changes()))
        self._running.append(phase)
        self.spans.setdefault(phase.name, []).append(Span(time.monotonic()))
        ends = partial(self._end, phase)
        if phase.for_ is not None:
            self._later(phase.for_, ends)
        elif phase.until is not None or phase.to_message is not None:
            self._when(phase.until, phase.to_message, sims, ends)

    def _end(self, phase: Phase) -> None:
        if phase not in self._running:
            return
        self._running.remove(phase)
        self.spans[phase.name][-1] = Span(self.spans[phase.name][-1].from_s, time.monotonic())
        for sim in self._sims(phase.carriers):
            self._try(phase.name, partial(self._overlays[sim.settings.name].lift, phase))

    # events

    def _happen(self, event: Event, nth: int) -> None:
        again = partial(self._happen, event, nth + 1)
        every_s = event.every if event.times is None or nth < event.times else None
        if event.do == "clock":
            self._try(event.name, partial(move_clock, self.group.clock, event))
            if every_s is not None:  # from where the clock is now, or a jump would make all of them due at once
                self._at(self.group.clock.now_s() + every_s, again)
            return
        if every_s is not None:
            self._later(every_s, again)
        sims = self._sims(event.carrier)
        if event.do == "mo":
            rows = self.scenario.mo_files.get(event.file, ()) if event.file is not None else ()
            for delay_s, mo in mo_of(event, rows):
                self._mo(event.name, sims, delay_s, mo)
            return
        for sim in sims:
            self._try(event.name, partial(ON_CARRIER[event.do], sim, event))

    def _mo(self, name: str, sims: list[CarrierSim], delay_s: float, mo: Mo) -> None:
        for sim in sims:
            send = partial(self._try, name, partial(send_mo, sim, mo))
            if delay_s > 0:
                self._later(delay_s, send)
            else:
                send()

    def _try(self, name: str, do: Callable[[], object]) -> None:
        try:
            do()
        except (LookupError, ValueError, LocalError) as error:
            at = datetime.fromtimestamp(self._now_s(), UTC).isoformat(timespec="seconds")
            self.problems.append(f"{at} {name}: {error.args[0] if error.args else error}")
