"""One bind of a simulated application: the handshake, and which PDU goes where.

Subclasses say what an answer and a deliver_sm mean. Everything received is answered here unless a
subclass takes it.
"""

from __future__ import annotations

import asyncio

from simulators.esme.settings import BIND_COMMANDS, EsmeSettings
from simulators.turn import Turn
from simulators.wire import Wire
from smsgw.errors import BindRejected, LinkLost
from smsgw.smpp import pdu
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, status_name
from smsgw.smpp.session import Role, SessionState

_DELIVER_SM = int(CommandId.DELIVER_SM)
_DATA_SM = int(CommandId.DATA_SM)
_DELIVERIES = frozenset({_DELIVER_SM, _DATA_SM})
_SUBMIT_SM_RESP = int(CommandId.SUBMIT_SM_RESP)
_GENERIC_NACK = int(CommandId.GENERIC_NACK)
_ENQUIRE_LINK = int(CommandId.ENQUIRE_LINK)
_ENQUIRE_LINK_RESP = int(CommandId.ENQUIRE_LINK_RESP)
_UNBIND = int(CommandId.UNBIND)
_UNBIND_RESP = int(CommandId.UNBIND_RESP)
_ALERT_NOTIFICATION = int(CommandId.ALERT_NOTIFICATION)


class EsmeLink(Wire):
    """One connection; ``bound`` is done once the bind was answered, or failed."""

    def __init__(self, settings: EsmeSettings, bind: str, turn: Turn, number: int = 0) -> None:
        super().__init__(turn)
        self.settings = settings
        #: For taps: connections count from 1 in the order of connecting.
        self.number = number
        self.where = settings.label
        self.session = SessionState(Role.ESME)
        self.bind_command = BIND_COMMANDS[bind]
        self.can_submit = False
        self.is_bound = False
        #: An unbind was sent or came.
        self.is_unbinding = False
        #: When enquire_link was last sent.
        self.enquired_s = 0.0
        self._is_silent = False
        self.bound: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def why_lost(self) -> str:
        """Why we gave the connection up; empty when it was the peer's doing, or ours on purpose."""
        if self.unreadable:
            return f"what came is no SMPP: {self.unreadable}"
        return "enquire_link was not answered" if self._is_silent else ""

    @property
    def system_id(self) -> str:
        """The account, once bound."""
        return self.settings.system_id if self.is_bound else ""

    # what a subclass says

    def on_bind_answer(self, status: int) -> None:
        """The bind was taken (0) or refused."""

    def on_unbind(self, by_peer: bool) -> None:
        """An unbind came, or one was sent."""

    def on_answer(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        """A response to one of our requests came (also a generic_nack)."""

    def on_enquire_answer(self, sequence_number: int, frame: bytes) -> None:
        """An enquire_link_resp came."""

    def on_deliver(self, command_id: int, sequence_number: int, frame: bytes) -> None:
        """A deliver_sm or data_sm came; answering it is the subclass's."""

    def on_gone(self) -> None:
        """The connection is gone, bound or not."""

    # Wire

    def on_open(self) -> None:
        self.send_bind()

    def send_bind(self) -> None:
        """Ask to be bound."""
        settings = self.settings
        self.session.bind_sent(self.bind_command)
        self.write(
            pdu.bind(
                self.bind_command,
                self.session.next_sequence(),
                system_id=settings.system_id.encode(),
                password=settings.password.encode(),
                system_type=settings.system_type.encode(),
                interface_version=settings.interface_version,
            )
        )

    def on_lost(self) -> None:
        self.session.closed()
        self.is_bound = self.can_submit = False
        if not self.bound.done():
            why = f": {self.why_lost}" if self.why_lost else ""
            if not why and self.settings.tls is None:
                why = "; does this port want TLS (--tls)?"
            self.bound.set_exception(LinkLost(f"the connection went before the bind was answered{why}"))
            self.bound.exception()  # whoever waits gets it; nobody has to
        self.on_gone()

    def on_frame(self, frame: bytes) -> None:
        _length, command_id, status, sequence_number = pdu.HEADER.unpack_from(frame)
        if command_id == _SUBMIT_SM_RESP:
            self.on_answer(command_id, status, sequence_number, frame)
        elif command_id in _DELIVERIES:
            self.on_deliver(command_id, sequence_number, frame)
        elif command_id == self.bind_command | RESPONSE_BIT and not self.bound.done():
            self._bind_answered(status)
        elif command_id == _ENQUIRE_LINK:
            self.write(pdu.enquire_link_resp(sequence_number))
        elif command_id == _UNBIND:
            self.is_unbinding = True
            self.on_unbind(True)
            self.write(pdu.unbind_resp(sequence_number))
            self.close()
        elif command_id == _UNBIND_RESP:
            self.close()
        elif command_id == _GENERIC_NACK:
            self.on_answer(command_id, status or int(CommandStatus.ESME_RSYSERR), sequence_number, frame)
        elif command_id & RESPONSE_BIT:
            if command_id != _ENQUIRE_LINK_RESP:
                self.on_answer(command_id, status, sequence_number, frame)
            else:
                self.on_enquire_answer(sequence_number, frame)
        elif command_id != _ALERT_NOTIFICATION:
            self.write(pdu.generic_nack(CommandStatus.ESME_RINVCMDID, sequence_number))

    def unbind(self) -> None:
        """Send unbind; the connection closes with its answer."""
        if self.open and self.is_bound:
            self.is_unbinding = True
            self.on_unbind(False)
            self.write(pdu.unbind(self.session.next_sequence()))

    def enquire_if_silent(self, now_s: float, after_s: float) -> None:
        """Send enquire_link when nothing came for ``after_s`` seconds; when nothing comes in as many again, close."""
        if not self.is_bound or self.held or self.mute or now_s - max(self.heard_s, self.enquired_s) < after_s:
            return
        if self.enquired_s > self.heard_s and not self.choked:
            self._is_silent = True
            self.abort()
        else:
            self.enquired_s = now_s
            self.write(pdu.enquire_link(self.session.next_sequence()))

    def _bind_answered(self, status: int) -> None:
        self.on_bind_answer(status)
        if status:
            self.is_unbinding = True
            self.bound.set_exception(
                BindRejected(status, f"bind as {self.settings.system_id} refused: {status_name(status)}")
            )
            self.bound.exception()  # whoever waits gets it; nobody has to
            self.close()
            return
        self.session.bound(self.bind_command)
        self.is_bound = True
        self.can_submit = self.bind_command != CommandId.BIND_RECEIVER
        self.bound.set_result(None)
