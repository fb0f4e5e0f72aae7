"""The carrier of a conformance run: it answers well unless a check says otherwise, and writes everything down.

``simulators.carrier`` decides by plans made from settings. Here a check decides each answer itself, octet by
octet, so this is a small carrier of its own on the same wire: binds, messages, receipts, nothing else.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Callable
from types import TracebackType

from simulators.carrier.settings import Tls
from simulators.conformance.log import BINDS, SUBMITS, Log, What
from simulators.conformance.messages import Build, message_of, receipt
from simulators.conformance.settings import ConformanceSettings
from simulators.tap import Tap
from simulators.turn import Turn
from simulators.wire import Wire
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import RESPONSE_BIT, V34, CommandId, CommandStatus
from smsgw.smpp.session import Role, SessionState

_NACK = int(CommandId.GENERIC_NACK)
_ENQUIRE = int(CommandId.ENQUIRE_LINK)
_UNBIND = int(CommandId.UNBIND)
_UNBIND_RESP = int(CommandId.UNBIND_RESP)
#: What a check puts in place of ``Bench.accept``.
Policy = Callable[["Session", bytes], None]


class Session(Wire):
    """One connection of the application; ``number`` counts from 1."""

    def __init__(self, bench: Bench, turn: Turn, number: int) -> None:
        super().__init__(turn)
        self.number = number
        self.where = "conformance"
        self.bench = bench
        self.account = ""
        self.can_submit = False
        self.can_receive = False
        #: Everything is written down and nothing answered any more: half open.
        self.silent = False
        #: Responses to our requests, the first of each sequence number.
        self.answers: dict[int, bytes] = {}
        self._numbers = SessionState(Role.SMSC)
        self._binding: asyncio.TimerHandle | None = None

    @property
    def system_id(self) -> str:
        """As the application said when it bound."""
        return self.account

    @property
    def bound(self) -> bool:
        """Whether its bind was accepted and it is still there."""
        return self.open and (self.can_submit or self.can_receive)

    def on_open(self) -> None:
        self.bench.log.add(self.number, What.OPENED)
        self.bench.sessions.append(self)

    def on_lost(self) -> None:
        if self._binding is not None:
            self._binding.cancel()
        if self.bench.log.closed(self.number) is None:
            self.bench.log.add(self.number, What.CLOSED)
        self.bench.sessions.remove(self)

    def on_frame(self, frame: bytes) -> None:
        bench = self.bench
        bench.log.add(self.number, What.RECEIVED, frame)
        _length, command_id, _status, sequence_number = pdu.HEADER.unpack_from(frame)
        if command_id & RESPONSE_BIT:
            self.answers.setdefault(sequence_number, frame)
        elif not self.silent:
            bench.asked(self, command_id, sequence_number, frame)

    def send(self, frame: bytes) -> None:
        """Write one PDU."""
        self.bench.log.add(self.number, What.SENT, frame)
        self.write(frame)

    def request(self, build: Build) -> int:
        """Send a request; its sequence number, under which ``answers`` has the response."""
        sequence_number = self._numbers.next_sequence()
        self.send(build(sequence_number))
        return sequence_number

    def next_sequence(self) -> int:
        """For a request that is written by other means."""
        return self._numbers.next_sequence()

    def end(self) -> None:
        """Close the connection, as a carrier that restarts does."""
        if self.open:
            self.bench.log.add(self.number, What.CLOSED, ours=True)
            self.close()

    def bind_later(self, delay_s: float, command_id: int, sequence_number: int) -> None:
        """Answer a bind after ``delay_s``."""
        if delay_s:
            loop = asyncio.get_running_loop()
            self._binding = loop.call_later(delay_s, self._answer_bind, command_id, sequence_number)
        else:
            self._answer_bind(command_id, sequence_number)

    def _answer_bind(self, command_id: int, sequence_number: int) -> None:
        bench = self.bench
        octets = pdu.bind_resp(command_id, 0, sequence_number, b"conformance", V34) + bench.bind_tlvs
        self.send(_lengthened(octets))
        self.can_submit = command_id != CommandId.BIND_RECEIVER
        self.can_receive = command_id != CommandId.BIND_TRANSMITTER
        self.turn.touch()


class Bench:
    """Listens for the application; ``usual()`` goes back to answering well."""

    def __init__(self, settings: ConformanceSettings) -> None:
        self.settings = settings
        self.log = Log()
        #: The open connections.
        self.sessions: list[Session] = []
        self.port = 0
        #: PDUs of the application that could not be read: (connection, why).
        self.malformed: list[tuple[int, str]] = []
        #: What was last accepted, with its id.
        self.last: tuple[pdu.Sm | pdu.DataSm, bytes] | None = None
        self.submits: Policy = self.accept
        #: Refuse binds with this status.
        self.bind_status = 0
        self.bind_delay_s = settings.bind_delay_s
        #: Further TLVs of bind responses.
        self.bind_tlvs = b""
        self._tap: Tap | None = None
        self._server: asyncio.Server | None = None
        self._turn: Turn
        self._ids = itertools.count(1_000_000_001)
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Bench:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken, ValueError when the certificate can't be used."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        self._turn = Turn(loop)
        context = None if settings.tls is None else server_context(settings.tls)
        self._server = await loop.create_server(self._session, settings.host, settings.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything at once."""
        if self._server is not None:
            self._server.close()
            for session in list(self.sessions):
                session.abort()
            await self.wait_for(lambda: not self.sessions, 5)
            self._server = None

    def attach(self, tap: Tap) -> None:
        """Have every octet of later connections heard by ``tap``."""
        self._tap = tap

    async def wait_for(self, condition: Callable[[], object], deadline_s: float) -> bool:
        """Return once ``condition()`` is true, or False after ``deadline_s`` seconds."""
        try:
            await self._turn.wait_for(condition, deadline_s)
        except TimeoutError:
            return False
        return True

    @property
    def bound(self) -> list[Session]:
        """Connections whose bind was accepted, and which are not made silent."""
        return [session for session in self.sessions if session.bound and not session.silent]

    def usual(self) -> None:
        """Answer well from now on; what a check left silent is closed."""
        self.submits = self.accept
        self.bind_status = 0
        self.bind_delay_s = 0.0
        self.bind_tlvs = b""
        for session in list(self.sessions):
            if session.silent:
                session.end()

    def drop(self) -> None:
        """Close every connection without a word."""
        for session in list(self.sessions):
            session.end()

    # answers to messages

    def accept(self, session: Session, frame: bytes, message_id: bytes | None = None, tlvs: bytes = b"") -> None:
        """Take a message: the usual policy. A receipt follows when one was asked for."""
        command_id, sequence_number = pdu.HEADER.unpack_from(frame)[1], pdu.HEADER.unpack_from(frame)[3]
        if message_id is None:
            message_id = b"%d" % next(self._ids)
        if command_id == CommandId.SUBMIT_MULTI:
            session.send(pdu.response(command_id, 0, sequence_number, message_id, b"\0" + tlvs))
            return
        session.send(pdu.response(command_id, 0, sequence_number, message_id, tlvs))
        message = message_of(frame)
        if message is None:
            return
        if message_id:
            self.last = message, message_id
        if message.registered_delivery & 3 == 1 and message_id:
            receiver = session if session.can_receive else next((each for each in self.bound if each.can_receive), None)
            if receiver is not None:
                receiver.request(receipt(message, message_id))

    def refuse(self, session: Session, frame: bytes, status: int) -> None:
        """Refuse a message, without a body."""
        _length, command_id, _status, sequence_number = pdu.HEADER.unpack_from(frame)
        session.send(pdu.response(command_id, status, sequence_number))

    # called by sessions

    def asked(self, session: Session, command_id: int, sequence_number: int, frame: bytes) -> None:
        """A request of the application came."""
        if command_id in BINDS:
            self._bind(session, command_id, sequence_number, frame)
        elif command_id == _ENQUIRE:
            session.send(pdu.enquire_link_resp(sequence_number))
        elif command_id == _UNBIND:
            session.send(pdu.unbind_resp(sequence_number))
            session.end()
        elif self._is_readable(session, command_id, sequence_number, frame):
            if not session.can_submit:
                session.send(pdu.response(command_id, CommandStatus.ESME_RINVBNDSTS, sequence_number))
            elif command_id in SUBMITS:
                self.submits(session, frame)
            else:  # queries and the like: nothing of it is kept here
                session.send(pdu.response(command_id, CommandStatus.ESME_RQUERYFAIL, sequence_number))

    def _bind(self, session: Session, command_id: int, sequence_number: int, frame: bytes) -> None:
        status = self.bind_status
        if session.bound:
            status = int(CommandStatus.ESME_RALYBND)
        elif self._is_readable(session, command_id, sequence_number, frame):
            fields = decode(frame).fields
            session.account = str(fields["system_id"], "latin-1") if isinstance(fields["system_id"], bytes) else ""
            status = status or self._credentials(fields)
        else:
            return
        if status:
            session.send(pdu.response(command_id, status, sequence_number))
            if not session.bound:
                session.end()
            return
        session.bind_later(self.bind_delay_s, command_id, sequence_number)

    def _credentials(self, fields: dict[str, object]) -> int:
        settings = self.settings
        if settings.system_id and fields["system_id"] != settings.system_id.encode():
            return int(CommandStatus.ESME_RINVSYSID)
        if settings.password and fields["password"] != settings.password.encode():
            return int(CommandStatus.ESME_RINVPASWD)
        return 0

    def _is_readable(self, session: Session, command_id: int, sequence_number: int, frame: bytes) -> bool:
        try:
            decode(frame)
        except RecoverableError as error:
            self.malformed.append((session.number, str(error)))
            if error.command_status == CommandStatus.ESME_RINVCMDID:
                session.send(pdu.generic_nack(error.command_status, sequence_number))
            else:
                session.send(pdu.response(command_id, error.command_status, sequence_number))
            return False
        return True

    def _session(self) -> Session:
        session = Session(self, self._turn, next(self._numbers))
        session.tap = self._tap
        return session


def server_context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 or later; raises ValueError when a file can't be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"TLS can't use {tls.certificate} with {tls.key}: {error}") from error
    return context


def _lengthened(octets: bytes) -> bytes:
    """The PDU with the command_length that its octets have."""
    return len(octets).to_bytes(4, "big") + octets[4:]
