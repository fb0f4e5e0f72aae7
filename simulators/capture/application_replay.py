"""Playing the applications of a capture against a server.

Sends what was recorded, connection by connection, with the recorded gaps, a factor of them, or as fast as the
window allows, and compares the answers. Requests are numbered anew, ids in query_sm and the like are those
given now; nothing else of a request changes. Deliveries are answered. Connections bind, unbind and follow each
other as recorded. What can go wrong (no connection, a refused bind) is in the report, not raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from simulators.capture.application_report import ApplicationReport
from simulators.capture.ids import Ids
from simulators.capture.pace import Pace
from simulators.capture.script import MESSAGES, Request, Script, Session, message_id_of
from simulators.esme.link import EsmeLink
from simulators.esme.settings import BIND_COMMANDS, ClientTls, EsmeSettings
from simulators.turn import Turn
from smsgw.errors import BindRejected, LinkLost
from smsgw.smpp import pdu

_BIND_WORDS: Final = {command: word for word, command in BIND_COMMANDS.items()}
_UNBIND_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class ApplicationSettings:
    """Where to, as whom, and how fast."""

    port: int
    host: str = "127.0.0.1"
    #: Empty: each connection's recorded account.
    system_id: str = ""
    password: str = ""
    #: As ``parse_speed`` gives it: 1.0 as recorded, 0.0 as fast as the window allows.
    speed: float = 1.0
    #: Unanswered requests on a connection; 0 takes the most there were in the recording.
    window: int = 0
    bind_timeout_s: float = 10.0
    #: How long an answer may take.
    answer_timeout_s: float = 30.0
    #: At the end wait so long for as many deliveries as were recorded.
    linger_s: float = 5.0
    #: command_status of our deliver_sm_resp; None answers never.
    deliver_status: int | None = 0
    tls: ClientTls | None = None


class _Link(EsmeLink):
    """One bind of a replay."""

    def __init__(self, settings: EsmeSettings, bind: str, turn: Turn, replay: ApplicationReplay) -> None:
        super().__init__(settings, bind, turn)
        self.unanswered: dict[int, Request] = {}
        self.delivered = 0
        self._replay = replay

    def ask(self, request: Request) -> None:
        """Send a recorded request under a number of now."""
        number = self.session.next_sequence()
        self.unanswered[number] = request
        octets = request.pdu.octets
        if request.pdu.command_id not in MESSAGES:
            octets = self._replay.ids.in_question(octets)
        self.write(pdu.with_header(octets, number))

    def on_answer(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        request = self.unanswered.pop(sequence_number, None)
        if request is None:
            return
        self._replay.report.answered(request, status)
        new = message_id_of(frame)
        if new and request.message_id:
            self._replay.ids.learn(request.message_id, new)

    def on_deliver(self, command_id: int, sequence_number: int, frame: bytes) -> None:
        self.delivered += 1
        self._replay.report.delivered(frame)
        status = self._replay.settings.deliver_status
        if status is not None:
            self.write(pdu.response(command_id, status, sequence_number, b""))


class ApplicationReplay:
    """Plays a script once; ``report`` grows while it runs. Raises ValueError for files of TLS that can't be used."""

    def __init__(self, script: Script, settings: ApplicationSettings) -> None:
        self.settings = settings
        tls = settings.tls
        self._tls = None if tls is None else tls.context()
        self._tls_name = None if tls is None else tls.server_name or settings.host
        self._pace = Pace(settings.speed)
        self.ids = Ids()
        self.report = ApplicationReport(script)
        #: Called with every connection before it is used; for taps.
        self.on_link: Callable[[EsmeLink], None] | None = None
        self._sessions = [session for session in script.sessions if session.requests or session.deliveries]
        self._ended = {id(session): asyncio.Event() for session in self._sessions}
        self._first_ns = min((each.conversation.opened_ns for each in self._sessions), default=0)

    async def run(self) -> ApplicationReport:
        """Play everything; returns the report. Raises nothing but CancelledError."""
        self._loop = asyncio.get_running_loop()
        self._turn = Turn(self._loop)
        self._start_s = self._loop.time()
        async with asyncio.TaskGroup() as group:
            for session in self._sessions:
                group.create_task(self._play(session))
        self.report.elapsed_s = self._loop.time() - self._start_s
        return self.report

    async def _play(self, session: Session) -> None:
        try:
            await self._until(session.conversation.opened_ns, session)
            link = await self._connect(session)
            if link is not None:
                try:
                    await self._send(session, link)
                    await self._linger(session, link)
                finally:
                    link.abort()
        finally:
            self._ended[id(session)].set()

    async def _until(self, at_ns: int, session: Session) -> None:
        """Wait for a connection's turn: its time, or the end of those that ended before it began."""
        if self._pace.is_timed:
            await self._due(at_ns)
            return
        for other in self._sessions:
            ended_ns = other.conversation.closed_ns
            if other is not session and ended_ns is not None and ended_ns <= at_ns:
                await self._ended[id(other)].wait()

    async def _due(self, at_ns: int) -> None:
        due_s = self._start_s + self._pace.seconds(at_ns - self._first_ns)
        await asyncio.sleep(max(0.0, due_s - self._loop.time()))

    async def _connect(self, session: Session) -> _Link | None:
        settings, report = self.settings, self.report
        esme = EsmeSettings(
            settings.port, settings.host, settings.system_id or session.account, settings.password,
            system_type=session.system_type.decode("latin-1"), interface_version=session.interface_version,
        )  # fmt: skip
        link = _Link(esme, _BIND_WORDS.get(session.bind, "transceiver"), self._turn, self)
        link.number = session.conversation.connection
        if self.on_link is not None:
            self.on_link(link)
        status: int | None = None
        try:
            async with asyncio.timeout(settings.bind_timeout_s):
                await self._loop.create_connection(
                    lambda: link, settings.host, settings.port, ssl=self._tls, server_hostname=self._tls_name
                )
                await link.bound
            status = 0
        except BindRejected as error:
            status = error.command_status
            report.trouble(session, str(error), len(session.requests))
        except (OSError, TimeoutError, LinkLost) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else _words(error)
            report.trouble(session, f"{settings.host}:{settings.port}: no bind: {why}", len(session.requests))
        if session.bind:
            report.bound(session, status)
        if status == 0:
            return link
        link.abort()
        return None

    async def _send(self, session: Session, link: _Link) -> None:
        settings = self.settings
        window = settings.window or session.window
        for index, request in enumerate(session.requests):
            if self._pace.is_timed:
                await self._due(request.pdu.at_ns)
            may_go = partial(_has_room, link, window)
            if request.pdu.command_id not in MESSAGES:
                may_go = partial(_knows_ids, link)
            if not await self._came(may_go, settings.answer_timeout_s):
                left = len(session.requests) - index
                self.report.trouble(session, f"no answer within {settings.answer_timeout_s:g} s", left)
                break
            if not link.open:
                self.report.trouble(session, "the connection was lost", len(session.requests) - index)
                break
            self.report.sent += 1
            link.ask(request)
        await self._came(lambda: not (link.unanswered and link.open), settings.answer_timeout_s)
        for request in link.unanswered.values():
            self.report.answered(request, None)

    async def _linger(self, session: Session, link: _Link) -> None:
        if self._pace.is_timed and session.conversation.closed_ns is not None:
            await self._due(session.conversation.closed_ns)
        report = self.report
        # Deliveries may come on another connection than they did; but who was followed by another must leave.
        ended_ns = session.conversation.closed_ns
        is_followed = ended_ns is not None and any(each.conversation.opened_ns >= ended_ns for each in self._sessions)

        def is_done() -> bool:
            own = is_followed and link.delivered >= session.deliveries
            return own or report.deliveries >= report.deliveries_recorded or not link.open

        await self._came(is_done, self.settings.linger_s)
        link.unbind()
        await self._came(lambda: not link.open, _UNBIND_S)

    async def _came(self, condition: Callable[[], bool], deadline_s: float) -> bool:
        """Whether a condition came true in time."""
        try:
            await self._turn.wait_for(condition, deadline_s)
        except TimeoutError:
            return False
        return True


def _has_room(link: _Link, window: int) -> bool:
    return not link.open or (len(link.unanswered) < window and not link.choked)


def _knows_ids(link: _Link) -> bool:
    """What asks about a message needs the id that its answer gives; what was never answered gives none."""
    return not link.open or not (link.choked or any(each.answer is not None for each in link.unanswered.values()))


def _words(error: OSError | LinkLost) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
