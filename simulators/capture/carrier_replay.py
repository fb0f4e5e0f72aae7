"""Playing the carrier of a capture to whoever binds.

Every request is matched to a recorded one and answered as that was: status, id and delay; the receipts and
MO that followed it follow again, in recorded time, faster, or at once. Equal requests are matched in recorded
order. What matches nothing gets a stated status. What can go wrong: the port is taken (OSError).

    async with CarrierReplay(script, CarrierReplaySettings()) as replay:
        ...connect to replay.port...
        await replay.done(10)
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from types import TracebackType
from typing import Final, Literal

from simulators.capture.carrier_link import CarrierReplayLink
from simulators.capture.carrier_report import CarrierReport
from simulators.capture.conversation import Recorded
from simulators.capture.ids import Ids
from simulators.capture.matching import Match, Matcher
from simulators.capture.pace import Pace
from simulators.capture.script import MESSAGES, Delivery, Request, Script, Session, read_request, receipt_id_of
from simulators.carrier.listener import Listener
from simulators.carrier.settings import CarrierSettings, Tls
from simulators.turn import Turn
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId, CommandStatus

_FAILURES: Final = {
    int(CommandId.QUERY_SM): int(CommandStatus.ESME_RQUERYFAIL),
    int(CommandId.CANCEL_SM): int(CommandStatus.ESME_RCANCELFAIL),
    int(CommandId.REPLACE_SM): int(CommandStatus.ESME_RREPLACEFAIL),
}


@dataclass(frozen=True, slots=True)
class CarrierReplaySettings:
    """How to play."""

    host: str = "127.0.0.1"
    #: 0: any free one.
    port: int = 0
    #: system_id → password; empty takes everybody.
    accounts: Mapping[str, str] = field(default_factory=dict)
    #: As ``parse_speed`` gives it.
    speed: float = 1.0
    match: Match = "exact"
    #: command_status for a message that was not recorded; 0 accepts it.
    unmatched_status: int = int(CommandStatus.ESME_RSUBMITFAIL)
    #: Unanswered deliver_sm on a connection.
    window: int = 10
    #: "recorded", or "new": for a peer that met the recorded ids before.
    ids: Literal["recorded", "new"] = "recorded"
    tls: Tls | None = None


class CarrierReplay:
    """One listening port; ``report`` grows while it runs."""

    def __init__(self, script: Script, settings: CarrierReplaySettings) -> None:
        self.settings = settings
        self.report = CarrierReport(script, settings.unmatched_status)
        #: The port that is listened on, once started.
        self.port = 0
        self.links: list[CarrierReplayLink] = []
        #: Called with every connection before it is used; for taps.
        self.on_link: Callable[[CarrierReplayLink], None] | None = None
        self._script = script
        self._pace = Pace(settings.speed)
        self._ids = Ids(secrets.token_bytes(8) if settings.ids == "new" else b"")
        self._matcher = Matcher(script.requests, settings.match)
        #: Recorded connection → the one that stands for it now.
        self._played: dict[int, CarrierReplayLink] = {}
        self._parked: dict[str, deque[Delivery]] = {}
        self._opened: set[str] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._listener: Listener | None = None
        self._connections = 0
        self._ended = False

    async def __aenter__(self) -> CarrierReplay:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError, in words, when the port is taken or a file of TLS can't be used."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._turn = Turn(loop)
        settings = self.settings
        listener = Listener(CarrierSettings(host=settings.host, port=settings.port, tls=settings.tls), self._link)
        await listener.start()
        self._listener, self.port = listener, listener.port

    async def stop(self) -> None:
        """Close everything; what is due later is not sent."""
        if self._listener is None:
            return
        await self._listener.stop()
        for timer in self._timers:
            timer.cancel()
        for link in list(self.links):
            link.close()
        await self._turn.wait_for(lambda: not self.links, 5, "closing the connections")
        self._listener = None

    async def done(self, deadline_s: float) -> None:
        """Return once everything was asked for, delivered and answered, or ``end`` was called. Raises TimeoutError."""
        await self._turn.wait_for(
            lambda: self._ended or (self.report.is_complete and not self._timers), deadline_s, "the end of the replay"
        )

    async def left(self, deadline_s: float) -> bool:
        """Whether all connections went by themselves within ``deadline_s`` seconds."""
        try:
            await self._turn.wait_for(lambda: not self.links, deadline_s)
        except TimeoutError:
            return False
        return True

    def end(self) -> None:
        """Make ``done`` return."""
        self._ended = True
        self._turn.touch()

    # for the links

    def may_bind(self, system_id: str, password: str) -> int:
        accounts = self.settings.accounts
        if not accounts or accounts.get(system_id) == password:
            return 0
        return int(CommandStatus.ESME_RINVPASWD if system_id in accounts else CommandStatus.ESME_RINVSYSID)

    def bound(self, link: CarrierReplayLink) -> None:
        self.report.binds += 1
        session = self._session_for(link)
        if session is not None:
            self._played[session.conversation.connection] = link
        if not link.can_receive:
            return
        openings = self._script.openings
        # With one account in the recording, whoever binds is that one, whatever its name is now.
        account = link.system_id if link.system_id in openings else next(iter(openings), "")
        if account in openings and account not in self._opened and (account == link.system_id or len(openings) == 1):
            self._opened.add(account)
            for delivery in openings[account][1]:
                self._later(delivery.after_ns, partial(self._deliver, delivery, link))
        self._drain(link.system_id)

    def asked(self, link: CarrierReplayLink, frame: bytes) -> None:
        command_id, number = pdu.HEADER.unpack_from(frame)[1], pdu.HEADER.unpack_from(frame)[3]
        octets = frame if command_id in MESSAGES else self._ids.as_recorded(frame)
        now = read_request(Recorded(link.number, 0, 0, True, octets), link.system_id)
        request, exactly = self._matcher.find(now)
        if request is None:
            self.report.unknown(now)
            link.write(self._unmatched(command_id, number))
            return
        self.report.asked(request, exactly)
        steps: list[tuple[int, Callable[[], None]]] = []
        if request.answer is not None:
            steps.append((request.answer.at_ns - request.pdu.at_ns, partial(self._answer, request, link, number)))
        steps += [(each.after_ns, partial(self._deliver, each, link)) for each in request.deliveries]
        for after_ns, step in sorted(steps, key=itemgetter(0)):
            self._later(after_ns, step)

    def answered(self, link: CarrierReplayLink) -> None:
        self._drain(link.system_id)

    def gone(self, link: CarrierReplayLink) -> None:
        self.report.unanswered += len(link.unanswered)
        link.unanswered.clear()
        if link in self.links:
            self.links.remove(link)
        self._played = {number: played for number, played in self._played.items() if played is not link}

    def _session_for(self, link: CarrierReplayLink) -> Session | None:
        """The recorded connection that a bind of now is: the first of its kind, best of its account, not played now."""
        left = [
            session
            for session in self._script.sessions
            if session.bind == link.bind and session.conversation.connection not in self._played
        ]
        return next((session for session in left if session.account == link.system_id), left[0] if left else None)

    def _answer(self, request: Request, link: CarrierReplayLink, number: int) -> None:
        if not link.open or request.answer is None:
            return
        octets = self._ids.in_answer(request.answer.octets) if request.message_id else request.answer.octets
        link.write(pdu.with_header(octets, number, request.answer.status))

    def _deliver(self, delivery: Delivery, link: CarrierReplayLink) -> None:
        self._parked.setdefault(link.system_id, deque()).append(delivery)
        self._drain(link.system_id, link)

    def _drain(self, account: str, first: CarrierReplayLink | None = None) -> None:
        parked = self._parked.get(account)
        while parked:
            delivery = parked[0]
            link = self._receiver(account, self._played.get(delivery.pdu.connection, first))
            if link is None:
                return
            parked.popleft()
            self.report.sent += 1
            link.deliver(self._current(delivery), partial(self.report.delivery_answered, delivery))

    def _current(self, delivery: Delivery) -> bytes:
        octets = delivery.pdu.octets
        request = delivery.receipt_of
        receipt_id = receipt_id_of(octets) if request is not None else None
        if request is None or not receipt_id:
            return octets
        self._ids.give(request.message_id)
        return self._ids.in_receipt(octets, receipt_id, request.message_id)

    def _receiver(self, account: str, first: CarrierReplayLink | None) -> CarrierReplayLink | None:
        links = [link for link in self.links if link.system_id == account and link.can_receive and link.open]
        able = [link for link in links if len(link.unanswered) < self.settings.window and not link.choked]
        return first if first in able else min(able, key=lambda link: len(link.unanswered), default=None)

    def _unmatched(self, command_id: int, number: int) -> bytes:
        if command_id in MESSAGES:
            status = self.settings.unmatched_status
            message_id = None if status else f"unmatched-{self.report.unmatched}".encode()
            rest = b"\0" if command_id == CommandId.SUBMIT_MULTI and not status else b""
            return pdu.response(command_id, status, number, message_id, rest)
        if command_id in _FAILURES:
            return pdu.response(command_id, _FAILURES[command_id], number)
        return pdu.generic_nack(CommandStatus.ESME_RINVCMDID, number)

    def _later(self, recorded_ns: int, step: Callable[[], None]) -> None:
        delay_s = self._pace.seconds(recorded_ns)
        if not delay_s:
            step()
            return

        def run() -> None:
            self._timers.discard(timer)
            step()
            self._turn.touch()

        timer = self._loop.call_later(delay_s, run)
        self._timers.add(timer)

    def _link(self) -> CarrierReplayLink:
        self._connections += 1
        link = CarrierReplayLink(self, self._turn, self._connections)
        self.links.append(link)
        if self.on_link is not None:
            self.on_link(link)
        return link
