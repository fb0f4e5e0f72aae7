"""One connection of an application: bind, unbind, and handing its requests to the gateway.

Invariants: ``unanswered`` is the number of requests handed over and not answered yet; a session is in
its account's ``sessions`` exactly while bound. The password check runs in a thread (it costs tens of
milliseconds); other PDUs that arrive meanwhile get ESME_RINVBNDSTS, as in the OPEN state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from smsgw.errors import RecoverableError
from smsgw.smpp.constants import RESPONSE_BIT, V34, V50, CommandId, CommandStatus
from smsgw.smpp.pdu import bind_resp, response, unbind, unbind_resp

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.link.link import Link
    from smsgw.policy.model import Refusal

from smsgw.esme.answers import refusal_response

_SUBMIT_SM = int(CommandId.SUBMIT_SM)
_DELIVER_SM_RESP = int(CommandId.DELIVER_SM_RESP)
_GENERIC_NACK = int(CommandId.GENERIC_NACK)
_BINDS = frozenset((int(CommandId.BIND_TRANSMITTER), int(CommandId.BIND_RECEIVER), int(CommandId.BIND_TRANSCEIVER)))


class Gateway(Protocol):
    """What a session hands over. ``answer`` or ``refuse`` on the session must follow every request, exactly once."""

    def submit(self, session: EsmeSession, raw: bytes, sequence_number: int) -> None:
        """A submit_sm; the hot one."""

    def request(self, session: EsmeSession, command_id: int, raw: bytes, sequence_number: int) -> None:
        """Any other request of an application: data_sm, submit_multi, query_sm, cancel_sm, replace_sm, broadcast."""

    def delivered(self, session: EsmeSession, item: object, command_status: int) -> None:
        """Our deliver_sm was answered; ``item`` is what ``deliver`` was given."""

    def undelivered(self, session: EsmeSession, items: list[object]) -> None:
        """Our deliver_sm were not answered: the link went or the time passed."""

    def unbound(self, session: EsmeSession) -> None:
        """A bound session is gone; its unanswered deliveries were told before."""

    def bound(self, session: EsmeSession) -> None:
        """The session is bound, or its window has room again after its peer had stopped reading."""


class Admitter(Protocol):
    """Who may bind; the listener."""

    def bind(self, session: EsmeSession, command_id: int, raw: bytes, sequence_number: int) -> None:
        """Decide about a bind request, now or later, by calling ``accept_bind`` or ``refuse_bind``."""

    def connected(self, session: EsmeSession) -> None:
        """A connection was accepted; cut it if there are too many."""

    def left(self, account: Account) -> None:
        """A bind of the account has ended."""

    def gone(self, session: EsmeSession, reason: str) -> None:
        """The connection is closed."""


class EsmeSession:
    """The owner of one link to an application; lives from accept to close."""

    __slots__ = (
        "_admitter",
        "_farewell",
        "_gateway",
        "account",
        "authenticating",
        "link",
        "number",
        "receives",
        "tlvs_allowed",
        "unanswered",
        "version",
    )

    def __init__(self, admitter: Admitter, gateway: Gateway, number: int = 0) -> None:
        self._admitter = admitter
        self._gateway = gateway
        self.link: Link[object]
        self.account: Account | None = None
        self.authenticating = False
        #: Tells it from other sessions of this process, to people.
        self.number = number
        self.unanswered = 0
        #: What is said last, and why, when the answers that the application waits for have gone.
        self._farewell: tuple[bytes, str] | None = None
        self.version = V34
        self.tlvs_allowed = True
        self.receives = False

    # -- LinkOwner

    def connected(self) -> None:
        self._admitter.connected(self)

    def received(self, command_id: int, command_status: int, sequence_number: int, raw: bytes) -> None:
        if command_id == _SUBMIT_SM:
            self.unanswered += 1
            self._gateway.submit(self, raw, sequence_number)
        elif command_id == _DELIVER_SM_RESP:
            item = self.link.window.pop(sequence_number)
            if item is not None:
                self._gateway.delivered(self, item, command_status)
        else:
            self._received_other(command_id, command_status, sequence_number, raw)

    def timed_out(self, sequence_number: int, item: object) -> None:
        self._gateway.undelivered(self, [item])

    def writable(self) -> None:
        if self.account is not None:
            self._gateway.bound(self)

    def lost(self, reason: str, unanswered: list[object]) -> None:
        self._leave()
        self._admitter.gone(self, reason)
        if unanswered:
            self._gateway.undelivered(self, unanswered)
        if self.account is not None:
            self._gateway.unbound(self)

    # -- binding, for the listener

    def accept_bind(
        self, account: Account, command_id: int, sequence_number: int, version: int, our_name: bytes
    ) -> None:
        """Answer ESME_ROK and join the account; ``version`` is the client's interface_version octet."""
        self.authenticating = False
        self.version = version
        self.tlvs_allowed = version >= V34
        self.link.bound(command_id)
        self.receives = command_id != CommandId.BIND_TRANSMITTER
        self.link.window.limit = account.settings.deliver_window
        # §4.1.2: sc_interface_version tells what we speak; below 3.4 a client knows no TLV.
        spoken = min(version, V50) if self.tlvs_allowed else None
        self.link.send(bind_resp(command_id | RESPONSE_BIT, CommandStatus.ESME_ROK, sequence_number, our_name, spoken))
        self.account = account
        account.sessions.append(self)
        self._gateway.bound(self)

    def refuse_bind(self, command_id: int, sequence_number: int, command_status: int, why: str) -> None:
        """Answer the bind with an error and close."""
        self.authenticating = False
        self.link.send(response(command_id | RESPONSE_BIT, command_status, sequence_number))
        self.link.close(why)

    @property
    def label(self) -> str:
        """``shop/3``; a stranger has no name yet."""
        return f"{self.account.settings.system_id if self.account is not None else '?'}/{self.number}"

    # -- answering, for the gateway

    @property
    def now_s(self) -> float:
        """Loop time at which the link last had something."""
        return self.link.now_s

    def answer(self, raw: bytes) -> None:
        """Send the response to one request that was handed over."""
        self.unanswered -= 1
        if not self.link.closing:
            self.link.send(raw)
            if self._farewell is not None:
                self._part(self._farewell)

    def refuse(self, command_id: int, sequence_number: int, refusal: Refusal) -> None:
        """Answer one request with a rule's refusal, explained as the account wants it."""
        account = self.account
        if account is None:
            self.unanswered -= 1
            return
        self.answer(refusal_response(command_id, sequence_number, refusal, account.settings, self.tlvs_allowed))

    @property
    def can_deliver(self) -> bool:
        """True when a deliver_sm may be sent now."""
        link = self.link
        return self.receives and link.writable and not link.closing and not link.window.full

    def deliver(self, raw: bytes, sequence_number: int, item: object) -> None:
        """Send a deliver_sm or data_sm; its outcome comes to the gateway with ``item``."""
        self.link.request(raw, sequence_number, item)

    def send_unbind(self) -> None:
        """Ask the application to go; the link closes when it answers, or by its timers."""
        if not self.link.closing:
            self.link.send(unbind(self.link.session.next_sequence()))

    # -- inside

    def _received_other(self, command_id: int, command_status: int, sequence_number: int, raw: bytes) -> None:
        if command_id in _BINDS:
            self._bind(command_id, raw, sequence_number)
        elif command_id == CommandId.UNBIND:
            self._unbound(unbind_resp(sequence_number), "unbind from the application")
        elif command_id == CommandId.UNBIND_RESP:
            self._unbound(b"", "unbound")
        elif command_id & RESPONSE_BIT:
            self._response(command_id, command_status, sequence_number)
        elif self.account is not None:
            self.unanswered += 1
            self._gateway.request(self, command_id, raw, sequence_number)

    def _unbound(self, last: bytes, why: str) -> None:
        """Nothing new from here on; of two unbinds that cross, the application's is answered."""
        self._leave()
        self.link.session.unbound()
        if last or self._farewell is None:
            self._farewell = last, why
        self._part(self._farewell)

    def _part(self, farewell: tuple[bytes, str]) -> None:
        """Close, once everything that the application had asked before is answered (§4.2): else it would ask again."""
        if self.unanswered <= 0:
            last, why = farewell
            if last:
                self.link.send(last)
            self.link.close(why)

    def _bind(self, command_id: int, raw: bytes, sequence_number: int) -> None:
        if self.authenticating:
            status = CommandStatus.ESME_RALYBND
            self.link.send(response(command_id | RESPONSE_BIT, status, sequence_number))
            return
        self.authenticating = True
        try:
            self._admitter.bind(self, command_id, raw, sequence_number)
        except RecoverableError as error:
            self.refuse_bind(command_id, sequence_number, error.command_status, error.reason)

    def _response(self, command_id: int, command_status: int, sequence_number: int) -> None:
        """data_sm_resp, or generic_nack: some clients nack a deliver_sm that they can't take."""
        item = self.link.window.pop(sequence_number)
        if item is not None:
            status = command_status or CommandStatus.ESME_RSYSERR if command_id == _GENERIC_NACK else command_status
            self._gateway.delivered(self, item, status)

    def _leave(self) -> None:
        self.receives = False
        account = self.account
        if account is not None and self in account.sessions:
            account.sessions.remove(self)
            self._admitter.left(account)
