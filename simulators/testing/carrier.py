"""A running carrier simulator, for tests in any thread; see ``handle`` for what it shares with applications."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import PlannedReceipt
from simulators.carrier.sim import CarrierSim
from simulators.carrier.states import ReceiptState
from simulators.entry import Entry
from simulators.expect.evaluate import Span
from simulators.expect.report import Report
from simulators.scenario.changes import parse_changes, show_settings
from simulators.scenario.model import Scenario
from simulators.scenario.play import Play
from simulators.testing.clock import ClockHandle
from simulators.testing.handle import DEADLINE_S, Handle, told
from simulators.testing.loop import LoopThread
from simulators.testing.messages import SimMessage
from smsgw.documents.problems import ConfigErrors

_BLANK = "***"


class CarrierHandle(Handle):
    """One simulated carrier: connect to ``host`` and ``port`` with any credentials, unless settings say which."""

    def __init__(self, loop: LoopThread, sim: CarrierSim, group: CarrierGroup, play: Play, clock: ClockHandle) -> None:
        super().__init__(loop, sim.settings.name, play.scenario.clock.zone)
        self._sim = sim
        self._group = group
        self._play = play
        #: Business time of all simulators of this test.
        self.clock = clock
        self._siblings: dict[str, CarrierHandle] = {self.name: self}

    def __repr__(self) -> str:
        return f"<carrier simulator {self.name!r} on {self.host}:{self.port}>"

    @property
    def host(self) -> str:
        """Where it listens."""
        return self._sim.settings.host

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._sim.port

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    @property
    def settings(self) -> dict[str, Any]:
        """What it was told, in the form of scenario files; passwords are blanked."""
        blanked: dict[str, Any] = _blanked(self._loop.call(show_settings, self._sim.settings))
        return blanked

    def carrier(self, name: str) -> CarrierHandle:
        """Another carrier of the same scenario. Raises LookupError when there is none of that name."""
        sim = self._group.carriers.get(name)
        if sim is None:
            raise LookupError(f"the scenario has no carrier {name!r}, only {', '.join(self._group.carriers)}")
        if name not in self._siblings:
            sibling = CarrierHandle(self._loop, sim, self._group, self._play, self.clock)
            sibling._siblings = self._siblings
            self._siblings[name] = sibling
        return self._siblings[name]

    # looking

    @property
    def received(self) -> list[SimMessage]:
        """The messages that came, refused ones too, oldest first; long ones whole, once all segments came."""
        return self.messages("submit")

    @property
    def receipts(self) -> list[SimMessage]:
        """The receipts that were sent."""
        return self.messages("receipt")

    @property
    def bound(self) -> int:
        """How many connections are bound."""
        return self._loop.call(lambda: self._sim.bound)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._loop.call(lambda: len(self._sim.links))

    def summary(self) -> dict[str, Any]:
        """All counts."""
        return self._loop.call(self._sim.summary)

    # waiting

    def wait_for_messages(self, count: int = 1, deadline_s: float = DEADLINE_S, **selection: Any) -> list[SimMessage]:
        """Return the messages that came once there are ``count`` of them that satisfy ``selection``.

        ``wait_for_messages(2, destination="138*", status=0)``. Raises AssertionError after ``deadline_s``
        seconds, telling what came instead.
        """
        __tracebackhide__ = True
        return self._wait_for_kind("submit", count, deadline_s, selection)

    async def wait_for_messages_async(
        self, count: int = 1, deadline_s: float = DEADLINE_S, **selection: Any
    ) -> list[SimMessage]:
        """As ``wait_for_messages``, awaited."""
        return await self._wait_for_kind_async("submit", count, deadline_s, selection)

    def wait_for_binds(self, count: int = 1, deadline_s: float = DEADLINE_S) -> None:
        """Return once so many connections are bound; raises AssertionError after ``deadline_s``."""
        __tracebackhide__ = True
        self.wait_for(lambda: self.bound >= count, deadline_s, f"{count} binds")

    async def wait_for_binds_async(self, count: int = 1, deadline_s: float = DEADLINE_S) -> None:
        """As ``wait_for_binds``, awaited."""
        await self.wait_for_async(lambda: self.bound >= count, deadline_s, f"{count} binds")

    # steering

    def change(self, **tables: Any) -> None:
        """Other settings from now on, in the form of scenario files: ``change(answers={"delay": "2s"})``.

        Raises ValueError with a line for each thing that is wrong; then nothing changed.
        """
        try:
            changes = parse_changes(tables)
        except ConfigErrors as errors:
            raise ValueError("\n".join(map(told, errors.errors))) from None
        self._loop.call(lambda: self._sim.change(**changes))

    def reset(self) -> None:
        """Forget what happened; settings and connections stay, the seed starts anew, and ``within`` counts from now."""
        self._loop.call(self._sim.reset)
        self._started_s = time.monotonic()

    def send_mo(
        self, source: str, destination: str, text: str, account: str = "", data_coding: int | None = None
    ) -> int:
        """Send what a subscriber wrote to an account, or to the first that can receive; returns the deliver_sm needed.

        Raises LookupError when nobody has bound.
        """
        return self._loop.call(self._sim.send_mo, source, destination, text, system_id=account, data_coding=data_coding)

    def send_receipt(self, message: SimMessage | str, state: str = "DELIVRD") -> None:
        """Send another receipt of an accepted message (or of the id in its answer): "DELIVRD", "UNDELIV/001".

        Raises LookupError for one that is not known.
        """
        message_id = message if isinstance(message, str) else message.message_id
        planned = PlannedReceipt(ReceiptState.parse(state))

        def send() -> None:
            found = self._sim.find(message_id)
            if found is None:
                raise LookupError(f"no accepted message has the id {message_id!r}")
            self._sim.send_receipt(found, planned)

        self._loop.call(send)

    def send_raw(self, octets: bytes, account: str = "", bind: int = 0) -> int:
        """Write any octets on every connection, an account's, or one; returns on how many."""
        return self._loop.call(self._sim.send_raw, octets, account, bind)

    def send_malformed(self, kind: str = "") -> None:
        """Send something broken on every bind; kinds are those of scenario events."""
        self._loop.call(lambda: self._sim.send_malformed(kind))

    def flood(self, kind: str, count: int) -> None:
        """Send ``count`` PDUs at once: "enquire_link", "mo", "receipt" or "unknown"."""
        self._loop.call(lambda: self._sim.flood(kind, count))

    def drop(self, account: str = "", bind: int = 0) -> int:
        """Close every connection, an account's, or one, without a word; returns how many."""
        return self._loop.call(self._sim.drop_all, account, bind)

    def half_open(self, account: str = "", bind: int = 0) -> int:
        """Stay connected and say nothing any more; returns on how many connections."""
        return self._loop.call(self._sim.half_open, account, bind)

    def unbind(self, account: str = "", bind: int = 0) -> int:
        """Send unbind; returns on how many connections."""
        return self._loop.call(self._sim.unbind, account, bind)

    def pause(self) -> None:
        """Stop reading and sending: it looks hung."""
        self._loop.call(lambda: self._sim.pause())

    def resume(self) -> None:
        """Go on after ``pause``."""
        self._loop.call(lambda: self._sim.resume())

    def refuse_binds(self, status: int = 0x0D) -> None:
        """Refuse new binds with this command_status; 0 takes them again."""
        self._loop.call(self._sim.refuse_binds, status)

    # in the loop

    def _entries(self, kinds: tuple[str, ...]) -> list[Entry]:
        return list(self._sim.entries(*kinds))

    async def _wait(self, condition: Callable[[], object], deadline_s: float) -> None:
        await self._group.wait_for(condition, deadline_s)

    def _phases(self) -> Mapping[str, Sequence[Span]]:
        return self._play.spans

    def _forgotten(self) -> int:
        return self._sim.forgotten


class RunHandle(Handle):
    """All carriers of a scenario together, and what it expects."""

    def __init__(self, loop: LoopThread, scenario: Scenario, group: CarrierGroup, play: Play) -> None:
        super().__init__(loop, scenario.name, scenario.clock.zone)
        self._expectations = scenario.expectations
        self._group = group
        self._play = play

    @property
    def problems(self) -> list[str]:
        """What of the time line could not be done."""
        return list(self._play.problems)

    def verified(self, deadline_s: float) -> Report:
        """The report of the scenario's expectations, once they are decided or ``deadline_s`` is over."""
        return self._loop.run(self._settled(self._expectations, deadline_s), deadline_s)

    def _entries(self, kinds: tuple[str, ...]) -> list[Entry]:
        return list(self._group.entries(*kinds))

    async def _wait(self, condition: Callable[[], object], deadline_s: float) -> None:
        await self._group.wait_for(condition, deadline_s)

    def _phases(self) -> Mapping[str, Sequence[Span]]:
        return self._play.spans

    def _forgotten(self) -> int:
        return sum(sim.forgotten for sim in self._group.carriers.values())


def _blanked(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if key == "accounts":
            return dict.fromkeys(value, _BLANK)
        return {name: _blanked(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_blanked(each) for each in value]
    return _BLANK if key == "password" and value else value
