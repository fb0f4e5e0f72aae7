"""The simulated carrier as an object: start it, steer it, look at what it received.

    async with CarrierSim(CarrierSettings(accounts={"alpha": "secret"})) as sim:
        ...connect to sim.port...
        await sim.wait_for(lambda: len(sim.received) == 3, 5)

Everything runs in the event loop that started it; nothing here is for other threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

from simulators.carrier.behaviour import Behaviour
from simulators.carrier.desk import Desk
from simulators.carrier.intake import Intake
from simulators.carrier.journal import Journal
from simulators.carrier.link import CarrierLink
from simulators.carrier.message import Message
from simulators.carrier.outbox import Outbox
from simulators.carrier.rate import Limits
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.stats import Stats
from simulators.clock import SimClock
from simulators.turn import Turn
from simulators.wheel import TimeWheel

_TICK_S = 0.25


class CarrierSim:
    """One simulated carrier on one port.

    Raises ValueError for shares beyond 100 % and a magic prefix that is no number.
    """

    def __init__(self, settings: CarrierSettings | None = None) -> None:
        self.settings = settings or CarrierSettings()
        self.stats = Stats()
        #: The port that is listened on, once started.
        self.port = 0
        self._behaviour = Behaviour(self.settings)
        self._limits = Limits(self.settings)
        self._journal: Journal | None = None
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._turn: Turn
        self._wheel: TimeWheel
        self._outbox: Outbox
        self._intake: Intake
        self._desk: Desk
        self._connections = 0

    async def __aenter__(self) -> CarrierSim:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken or the log can't be written."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        self._turn = Turn(loop)
        self._wheel = TimeWheel(loop)
        self._wheel.at_end = self._turn.touch
        if settings.log_path:
            self._journal = Journal(settings.log_path)
            self._turn.at_end.append(self._journal.flush)
        self._outbox = Outbox(settings, self.stats, self._wheel, self._journal)
        self._intake = Intake(
            settings, self._behaviour, self._limits, self._outbox, self._wheel, self._wheel, SimClock(), self.stats,
            self._journal,
        )  # fmt: skip
        self._desk = Desk(settings, self._intake, self._outbox, self.stats)
        self._server = await loop.create_server(self._link, settings.host, settings.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tick()

    async def stop(self) -> None:
        """Close everything at once, without unbinding."""
        if self._server is None:
            return
        self._server.close()
        if self._ticker is not None:
            self._ticker.cancel()
        self._wheel.clear()
        self._desk.drop()
        await self.wait_for(lambda: not self._desk.links, 5)
        if self._journal is not None:
            self._journal.close()
            self._turn.at_end.clear()
        self._server = None

    # looking

    @property
    def received(self) -> list[Message]:
        """What came by submit_sm, data_sm and submit_multi, refused ones too, oldest first."""
        return self._intake.received

    @property
    def links(self) -> list[CarrierLink]:
        """The open connections."""
        return self._desk.links

    @property
    def bound(self) -> int:
        """How many connections are bound."""
        return sum(len(account.links) for account in self._desk.accounts.values())

    @property
    def receipts_waiting(self) -> int:
        """Receipts that are due later, parked, or sent and not answered."""
        parked = sum(len(account.parked) for account in self._desk.accounts.values())
        return self._wheel.waiting + parked + sum(len(link.deliveries) for link in self._desk.links)

    def summary(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        return self.stats.to_json(self.receipts_waiting, len(self._desk.links))

    async def wait_for(self, condition: Callable[[], object], deadline_s: float, what: str = "") -> None:
        """Return once ``condition()`` is true; looked at whenever something happened.

        Raises TimeoutError after ``deadline_s`` seconds, naming ``what``.
        """
        await self._turn.wait_for(condition, deadline_s, what)

    # steering

    def send_mo(self, source: str, destination: str, text: str, system_id: str = "") -> int:
        """Send what a handset wrote to the receivers of an account; returns the number of deliver_sm.

        Without ``system_id`` the first account that can receive gets it, else the first known one,
        where it waits. Raises LookupError when nobody has bound yet, or not that account.
        """
        accounts = self._desk.accounts
        if system_id:
            account = accounts.get(system_id)
        else:
            account = next((each for each in accounts.values() if each.receivers), None)
            account = account or next(iter(accounts.values()), None)
        if account is None:
            raise LookupError(f"no account {system_id!r} has bound" if system_id else "no account has bound")
        return self._outbox.send_mo(account, source, destination, text)

    def drop_all(self, system_id: str = "") -> int:
        """Close all connections, or an account's, without a word; returns how many."""
        return self._desk.drop(system_id)

    def refuse_binds(self, status: int) -> None:
        """Refuse new binds with this command_status; 0 takes them again."""
        self._desk.refuse_binds = status

    def refuse_messages(self, status: int) -> None:
        """Refuse every message with this command_status; 0 goes back to the settings."""
        self._intake.refuse_all = status

    def throttle(self, tps: float) -> None:
        """Allow this many segments a second; 0 lifts the limit."""
        self._limits.throttle(tps)

    def pause(self) -> None:
        """Stop reading and sending on every connection: it looks hung."""
        self._desk.pause()

    def resume(self) -> None:
        """Go on after ``pause``."""
        self._desk.resume()

    def half_open(self, system_id: str = "") -> int:
        """Make all connections, or an account's, silent for good; returns how many."""
        links = [link for link in self._desk.links if not system_id or link.system_id == system_id]
        for link in links:
            link.mute = True
        return len(links)

    def _link(self) -> CarrierLink:
        self._connections += 1
        link = CarrierLink(self._desk, self._turn, self._connections, self.settings.receipt_window)
        if self._outbox.paused:
            link.hold(True)
        return link

    def _tick(self) -> None:
        self._desk.tick()
        self._turn.touch()
        self._ticker = asyncio.get_running_loop().call_later(_TICK_S, self._tick)
