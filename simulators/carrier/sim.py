"""The simulated carrier as an object: start it, steer it, look at what it received.

    async with CarrierSim(CarrierSettings(accounts={"alpha": "secret"})) as sim:
        ...connect to sim.port...
        await sim.wait_for(lambda: len(sim.received) == 3, 5)

Everything runs in the event loop that started it; nothing here is for other threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from simulators.carrier.behaviour import Behaviour
from simulators.carrier.checks import changed
from simulators.carrier.desk import Desk
from simulators.carrier.history import History
from simulators.carrier.intake import Intake
from simulators.carrier.journal import Journal
from simulators.carrier.ledger import ledger_text
from simulators.carrier.link import CarrierLink
from simulators.carrier.listener import Listener
from simulators.carrier.message import Message
from simulators.carrier.outbinds import Outbinds
from simulators.carrier.outbox import Delivery, Outbox
from simulators.carrier.plan import Step
from simulators.carrier.rate import Limits
from simulators.carrier.settings import CarrierSettings, PlannedReceipt
from simulators.carrier.stats import Stats
from simulators.carrier.trouble import Trouble
from simulators.clock import SimClock
from simulators.draws import WORD_RANGE
from simulators.entry import Entry
from simulators.tap import Tap, joined
from simulators.turn import Turn
from simulators.wheel import TimeWheel

_TICK_S = 0.25
#: The word in the middle of what is drawn.
_MIDDLE = WORD_RANGE // 2
_STOP_S = 5.0


class CarrierSim:
    """One simulated carrier on one port.

    ``clock`` is its business time, the system's when None; ``turn`` is shared with others that run in the
    same loop. Raises ValueError for shares beyond 100 % and a magic prefix that is no number.
    """

    def __init__(
        self, settings: CarrierSettings | None = None, *, clock: SimClock | None = None, turn: Turn | None = None
    ) -> None:
        self.settings = settings or CarrierSettings()
        self.clock = clock or SimClock()
        self.turn = turn or Turn()
        self.stats = Stats()
        #: The port that is listened on, once started.
        self.port = 0
        self._behaviour = Behaviour(self.settings)
        self._limits = Limits(self.settings)
        self._history = History(self.settings.name, self.settings.record, self.clock)
        self._taps: list[Tap] = []
        self._journal: Journal | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._listener: Listener | None = None
        self._wheel: TimeWheel
        self._real_wheel: TimeWheel
        self._outbox: Outbox
        self._intake: Intake
        self._desk: Desk
        self._trouble: Trouble
        self._outbinds: Outbinds
        self._connections = 0

    async def __aenter__(self) -> CarrierSim:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken, or a certificate or the log can't be used."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        self.turn.bind(loop)
        if settings.log_path:
            self._journal = Journal(settings.log_path)
            self.turn.at_end.append(self._journal.flush)
        self._wheel = TimeWheel(loop, self.clock)
        self._real_wheel = TimeWheel(loop)
        self._wheel.at_end = self._real_wheel.at_end = self.turn.touch
        self._outbox = Outbox(settings, self.stats, self._real_wheel, self._wheel.now_ms, self._journal)
        self._intake = Intake(
            settings=settings,
            behaviour=self._behaviour,
            limits=self._limits,
            outbox=self._outbox,
            wheel=self._wheel,
            real_wheel=self._real_wheel,
            clock=self.clock,
            stats=self.stats,
            journal=self._journal,
        )
        self._desk = Desk(settings, self._intake, self._outbox, self.stats, self._real_wheel, self._history)
        self._trouble = Trouble(settings, self._desk, self._outbox, self.clock)
        self._outbinds = Outbinds(self._link)
        self._listener = Listener(settings, self._link)
        try:
            await self._listener.start()
        except OSError:
            await self.stop()
            raise
        self.port = self._listener.port
        self._outbinds.use(settings.outbinds)
        self._tick()

    async def stop(self) -> None:
        """Close everything at once, without unbinding."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        await listener.stop()
        await self._outbinds.stop()
        if self._ticker is not None:
            self._ticker.cancel()
        self._wheel.close()
        self._real_wheel.close()
        self._desk.drop()
        await self.wait_for(lambda: not self._desk.links, _STOP_S)
        if self._journal is not None:
            self.turn.at_end.remove(self._journal.flush)
            self._journal.close()
            self._journal = None

    # looking

    @property
    def received(self) -> list[Message]:
        """What came by submit_sm, data_sm and submit_multi, refused ones too, oldest first."""
        return self._intake.received

    @property
    def forgotten(self) -> int:
        """How many messages, receipts, MO and binds were not kept, for ``record`` in the settings."""
        return self._intake.forgotten + self._outbox.forgotten + self._history.forgotten

    @property
    def deliveries(self) -> list[Delivery]:
        """The receipts and MO that were sent, each once, in the order of first sending."""
        return self._outbox.deliveries

    @property
    def links(self) -> list[CarrierLink]:
        """The open connections; none while it is not started."""
        return list(self._desk.links.values()) if self._listener is not None else []

    @property
    def bound(self) -> int:
        """How many connections are bound."""
        return sum(len(account.links) for account in self._desk.accounts.values())

    @property
    def receipts_waiting(self) -> int:
        """Receipts that are due later, parked, or sent and not answered; and responses that are due later."""
        parked = sum(len(account.parked) for account in self._desk.accounts.values())
        sent = sum(len(link.deliveries) for link in self._desk.links.values())
        return self._wheel.waiting + self._real_wheel.waiting + parked + sent

    @property
    def trouble(self) -> str:
        """What is wrong with listening, in words; empty while nothing is."""
        return self._listener.trouble if self._listener is not None else ""

    def summary(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        counts = self.stats.to_json(self.receipts_waiting, len(self._desk.links))
        return {**counts, "trouble": self.trouble} if self.trouble else counts

    def find(self, message_id: str) -> Message | None:
        """An accepted message by the id of its response, while it is remembered."""
        return self._intake.find(message_id.encode("latin-1", "replace"))

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """What happened until now, in the order of real time; of these kinds only, or of all (see ``Entry.kind``).

        Entries are made when the first one is asked for, which takes a while for very many: any thread may ask.
        """
        links = [entry for entry in self._history.entries if not kinds or entry.kind in kinds]
        received = self.received.copy() if not kinds or "submit" in kinds else []
        sent = self.deliveries.copy() if not kinds or "receipt" in kinds or "mo" in kinds else []
        wanted = (not kinds or "mo" in kinds, not kinds or "receipt" in kinds)
        return _made(self.settings.name, links, received, [each for each in sent if wanted[each.is_receipt]])

    def ledger(self) -> str:
        """What was received and sent, free of everything that timing has a part in (``carrier.ledger``)."""
        return ledger_text(self.received, self.deliveries)

    async def wait_for(self, condition: Callable[[], object], deadline_s: float, what: str = "") -> None:
        """Return once ``condition()`` is true; looked at whenever something happened.

        Raises TimeoutError after ``deadline_s`` seconds, naming ``what``.
        """
        await self.turn.wait_for(condition, deadline_s, what)

    def attach(self, tap: Tap) -> None:
        """Let it hear every connection, those that are open too."""
        self._taps.append(tap)
        self._tell_taps()
        for link in self.links:
            tap.opened(link)

    def detach(self, tap: Tap) -> None:
        """Let it hear no more; raises ValueError when it was not attached."""
        self._taps.remove(tap)
        self._tell_taps()

    # settings

    def change(self, **fields: object) -> None:
        """Go by these settings (fields of ``CarrierSettings``) from now on; what has begun goes on.

        Bound connections stay, buckets keep their levels, what waits goes on waiting. Raises ValueError
        naming the field that there is not, that can't change, or that has a wrong value; then nothing changed.
        """
        settings = changed(self.settings, fields)
        self._behaviour.use(settings)  # raises before anything else has changed
        self.settings = settings
        self._limits.use(settings)
        self._history.keep(settings.record)
        if self._listener is not None:
            self._outbox.use(settings)
            self._intake.use(settings)
            self._desk.use(settings)
            self._listener.refuse(settings.refuse_connections)
            self._outbinds.use(settings.outbinds)
        self.turn.touch()

    def reset(self) -> None:
        """Forget counts, what was received and sent, what waits, and what each recipient had: the seed starts anew.

        Settings and connections stay.
        """
        self.stats.reset()
        self._behaviour.reset()
        self._limits.reset()
        self._history.reset()
        if self._listener is not None:
            self._wheel.clear()
            self._intake.reset()
            self._outbox.reset()
            self._desk.reset()
            self._trouble.reset()
        self.turn.touch()

    def refuse_binds(self, status: int) -> None:
        """Refuse new binds with this command_status; 0 takes them again."""
        self.change(refuse_binds=status)

    def refuse_messages(self, status: int) -> None:
        """Refuse every message with this command_status; 0 goes back to the settings."""
        self._intake.refuse_all = status

    def throttle(self, tps: float) -> None:
        """Allow this many segments a second; 0 lifts the limit."""
        self.change(tps=tps, tps_burst=0.0)

    # steering

    def send_mo(
        self, source: str, destination: str, text: str, system_id: str = "", *, data_coding: int | None = None
    ) -> int:
        """Send what a handset wrote to the receivers of an account; returns the number of deliver_sm.

        Without ``system_id`` the first account that can receive gets it, else the first known one,
        where it waits. Raises LookupError when nobody has bound yet, or not that account; LocalError
        for what does not fit.
        """
        accounts = self._desk.accounts
        if system_id:
            account = accounts.get(system_id)
        else:
            account = next((each for each in accounts.values() if each.receivers), None)
            account = account or next(iter(accounts.values()), None)
        if account is None:
            raise LookupError(f"no account {system_id!r} has bound" if system_id else "no account has bound")
        return self._outbox.send_mo(account, source, destination, text, data_coding=data_coding)

    def send_receipt(self, message: Message, planned: PlannedReceipt) -> None:
        """Send another receipt of an accepted message, after the middle of its delay (business time)."""
        step = Step(self._behaviour.renderer(planned.style, planned.state), other_bind=planned.other_bind)
        self._intake.send_receipt(message, step, planned.after.at(_MIDDLE))

    def send_raw(self, octets: bytes, system_id: str = "", bind: int = 0) -> int:
        """Write any octets on the connections of an account, or on all, or on one; returns on how many."""
        return self._trouble.send_raw(octets, system_id, bind)

    def send_malformed(self, kind: str = "", system_id: str = "", bind: int = 0) -> int:
        """Send a fault (``faults.FAULTS``, or one that the seed picks) to these connections; returns to how many.

        Raises ValueError for an unknown kind.
        """
        return self._trouble.send_malformed(kind, system_id, bind)

    def flood(self, kind: str, count: int, system_id: str = "", bind: int = 0) -> int:
        """Send ``count`` PDUs at once, spread over these binds; returns how many.

        Kinds are "enquire_link", "mo", "receipt" (about messages that never were) and "unknown". Raises
        ValueError for another, and LookupError when there is no such bind.
        """
        return self._trouble.flood(kind, count, system_id, bind)

    def unbind(self, system_id: str = "", bind: int = 0) -> int:
        """Send unbind on the bound connections of an account, or on all, or on one; returns on how many."""
        links = [link for link in self._desk.chosen(system_id, bind) if link in self._bound_links()]
        for link in links:
            self._desk.binds.unbind(link)
        return len(links)

    def drop_all(self, system_id: str = "", bind: int = 0, *, reset: bool = False) -> int:
        """Close all connections, or an account's, or one, without a word; returns how many.

        They end with FIN; with RST when ``reset``.
        """
        return self._desk.drop(system_id, bind, reset=reset)

    def half_open(self, system_id: str = "", bind: int = 0) -> int:
        """Make all connections, or an account's, or one, silent for good; returns how many."""
        links = self._desk.chosen(system_id, bind)
        for link in links:
            link.mute = True
        return len(links)

    def pause(self, system_id: str = "", bind: int = 0) -> int:
        """Stop reading and sending: it looks hung. Returns on how many connections.

        With no argument that holds for all, those to come too.
        """
        return self._desk.hold(True, system_id, bind)

    def resume(self, system_id: str = "", bind: int = 0) -> int:
        """Go on after ``pause``."""
        return self._desk.hold(False, system_id, bind)

    def _bound_links(self) -> set[CarrierLink]:
        return {link for account in self._desk.accounts.values() for link in account.links}

    def _link(self) -> CarrierLink:
        self._connections += 1
        link = CarrierLink(self._desk, self.turn, self._connections, self.settings.receipt_window)
        link.listener = self._listener
        link.tap = joined(self._taps)
        return link

    def _tell_taps(self) -> None:
        tap = joined(self._taps)
        for link in self.links:
            link.tap = tap

    def _tick(self) -> None:
        self._desk.tick()
        self.turn.touch()
        self._ticker = asyncio.get_running_loop().call_later(_TICK_S, self._tick)


def _made(where: str, links: list[Entry], received: list[Message], sent: list[Delivery]) -> Iterator[Entry]:
    found = links
    found += [message.to_entry(where) for message in received]
    found += [delivery.to_entry(where) for delivery in sent]
    found.sort(key=lambda entry: entry.real_s)
    yield from found
