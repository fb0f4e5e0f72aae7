"""One connection to the simulated carrier: which PDU goes where.

submit_sm and deliver_sm_resp take the shortest way; everything else is looked up in a table. The
session's state decides what may come (SMPP 3.4 table 2-1). Nothing here raises: a malformed PDU
is answered with the status of its error.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from simulators.carrier.rate import Bucket
from simulators.turn import Turn
from simulators.wire import Wire
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus
from smsgw.smpp.session import Role, SessionState
from smsgw.smpp.window import Window

if TYPE_CHECKING:
    from simulators.carrier.account import Account
    from simulators.carrier.desk import Desk
    from simulators.carrier.listener import Listener
    from simulators.carrier.outbox import Delivery

_SUBMIT_SM = int(CommandId.SUBMIT_SM)
_SUBMIT_SM_RESP = int(CommandId.SUBMIT_SM_RESP)
_DATA_SM = int(CommandId.DATA_SM)
_DATA_SM_RESP = int(CommandId.DATA_SM_RESP)
_DELIVER_SM_RESP = int(CommandId.DELIVER_SM_RESP)
_ANSWERS_TO_US = frozenset({_DELIVER_SM_RESP, _DATA_SM_RESP, int(CommandId.GENERIC_NACK)})
#: Faults whose answers are still known.
_FAULTS = 1000

_pack = pdu.HEADER.pack


class CarrierLink(Wire):
    """One connection; ``number`` counts from 1 in the order of connecting."""

    def __init__(self, desk: Desk, turn: Turn, number: int, receipt_window: int) -> None:
        super().__init__(turn)
        self.number = number
        self.where = desk.name
        self.session = SessionState(Role.SMSC)
        self.account: Account | None = None
        self.bucket = Bucket()
        self.can_submit = False
        self.can_receive = False
        #: submit_sm whose responses have not been written yet.
        self.unanswered = 0
        #: Sent by us and not answered.
        self.deliveries: Window[Delivery] = Window(receipt_window)
        #: When enquire_link was last sent.
        self.enquired_s = 0.0
        #: When our unbind was sent; 0 while it was not.
        self.unbound_s = 0.0
        #: What is sent first on a connection that we made ourselves.
        self.outbind = b""
        #: Done when the connection is gone, for whoever made it.
        self.gone: asyncio.Future[None] | None = None
        #: Why the carrier ended it, in words; empty when it did not.
        self.ended = ""
        #: Who accepted it.
        self.listener: Listener | None = None
        #: Sequence numbers of the last faults that were sent, in order; most are never answered.
        self.faults: dict[int, None] = {}
        self._desk = desk
        self._answers = 0

    @property
    def system_id(self) -> str:
        """The bound account, or nothing."""
        return self.account.system_id if self.account is not None else ""

    @property
    def has_room(self) -> bool:
        """Whether a deliver_sm may be sent now."""
        return self.can_receive and self.open and not (self.choked or self.mute or self._held or self.deliveries.full)

    # Wire

    def on_open(self) -> None:
        self._desk.connected(self)
        if self.listener is not None and self.transport is not None and not self.listener.has_room(self.transport):
            self.abort()
        elif self.outbind:
            self.write(self.outbind)
            self.session.outbound()

    def on_lost(self) -> None:
        self._desk.lost(self)
        if self.gone is not None and not self.gone.done():
            self.gone.set_result(None)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.account is not None:
            self._desk.outbox.drain(self.account)

    def flush(self) -> None:
        super().flush()
        if not self._held:
            self.unanswered -= self._answers
            self._answers = 0

    def on_frame(self, frame: bytes) -> None:
        _length, command_id, status, sequence_number = pdu.HEADER.unpack_from(frame)
        if command_id == _SUBMIT_SM and self.can_submit:
            try:
                sm = pdu.Sm(frame)
                octets = len(sm.payload)
            except RecoverableError as error:
                self._malformed(command_id, sequence_number, error)
            else:
                self._desk.intake.submit(self, sm, sequence_number, _SUBMIT_SM_RESP, octets)
        elif command_id == _DELIVER_SM_RESP:
            self._desk.outbox.answered(self, sequence_number, status)
        else:
            self._other(command_id, status, sequence_number, frame)

    # for the desk, the intake and the outbox

    def answer(self, octets: bytes) -> None:
        """Write the response to a submit_sm; its place in the window is free once it is flushed."""
        self._answers += 1
        self.write(octets)

    def skip_answer(self) -> None:
        """A submit_sm is never answered; it takes no place in the window."""
        self.unanswered -= 1

    def deliver(self, delivery: Delivery, deadline_s: float) -> None:
        """Send a deliver_sm or data_sm; only while ``has_room``."""
        delivery.link = self
        delivery.sequence_number = sequence_number = self.session.next_sequence()
        self.deliveries.add(sequence_number, delivery, deadline_s)
        body = delivery.body
        self.write(_pack(len(body) + 16, delivery.command_id, 0, sequence_number) + body)

    def send_fault(self, octets: bytes, sequence_number: int) -> None:
        """Write something malformed or unknown; what is answered to it is no answer to a delivery."""
        self.faults[sequence_number] = None
        if len(self.faults) > _FAULTS:
            del self.faults[next(iter(self.faults))]
        self._desk.stats.faults_sent += 1
        self.write(octets)

    def write_if_open(self, octets: bytes) -> None:
        """Write something that was put off; nothing on a connection that went meanwhile."""
        if self.open:
            self.write(octets)

    def unbind(self) -> None:
        """Ask the peer to go; nothing but answers may follow on either side."""
        self.write(pdu.unbind(self.session.next_sequence()))
        self.unbound_s = time.monotonic()
        self.session.unbound()
        self.can_submit = self.can_receive = False

    def respond(self, command_id: int, status: int, sequence_number: int) -> None:
        """Write a response without a body; generic_nack for what has no response."""
        if command_id & RESPONSE_BIT:
            return
        try:
            CommandId(command_id | RESPONSE_BIT)
        except ValueError:
            self.write(pdu.generic_nack(status, sequence_number))
        else:
            self.write(pdu.response(command_id, status, sequence_number))

    def _other(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        desk = self._desk
        if command_id not in self.session.receivable:
            desk.stats.wrong_state += 1
            self.respond(command_id, self.session.wrong_state_status(command_id), sequence_number)
        elif command_id in _ANSWERS_TO_US:
            desk.outbox.answered(self, sequence_number, status or _status_of_nack(command_id))
        elif command_id == _DATA_SM:
            try:
                sm = pdu.DataSm(frame)
                octets = len(sm.payload)
            except RecoverableError as error:
                self._malformed(command_id, sequence_number, error)
            else:
                desk.intake.submit(self, sm, sequence_number, _DATA_SM_RESP, octets)
        else:
            try:
                desk.handle(self, command_id, sequence_number, frame)
            except RecoverableError as error:
                self._malformed(command_id, sequence_number, error)

    def _malformed(self, command_id: int, sequence_number: int, error: RecoverableError) -> None:
        self._desk.stats.malformed += 1
        self.respond(command_id, error.command_status, sequence_number)


def _status_of_nack(command_id: int) -> int:
    return int(CommandStatus.ESME_RSYSERR) if command_id == CommandId.GENERIC_NACK else 0
