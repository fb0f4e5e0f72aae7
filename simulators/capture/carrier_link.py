"""One connection to a carrier that plays a capture: binds and enquire_link here, everything else to the replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, cast

from simulators.capture.conversation import BINDS
from simulators.turn import Turn
from simulators.wire import Wire
from smsgw.errors import ProtocolError
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import RESPONSE_BIT, V34, CommandId, CommandStatus
from smsgw.smpp.session import Role, SessionState

_ANSWERS: Final = frozenset({
    int(CommandId.DELIVER_SM_RESP), int(CommandId.DATA_SM_RESP), int(CommandId.GENERIC_NACK),
})  # fmt: skip
_SYSTEM_ID: Final = b"replay"


class Owner(Protocol):
    """What a link needs of the replay it belongs to."""

    def may_bind(self, system_id: str, password: str) -> int:
        """command_status for a bind."""

    def bound(self, link: CarrierReplayLink) -> None:
        """A bind was taken."""

    def asked(self, link: CarrierReplayLink, frame: bytes) -> None:
        """A request came that is not of the session."""

    def answered(self, link: CarrierReplayLink) -> None:
        """A deliver_sm was answered: there is room for another."""

    def gone(self, link: CarrierReplayLink) -> None:
        """The connection is gone."""


class CarrierReplayLink(Wire):
    """``deliver`` sends and hands over the answer's status."""

    def __init__(self, owner: Owner, turn: Turn, number: int) -> None:
        super().__init__(turn)
        self.number = number
        self.where = "replay"
        #: command_id of its bind; 0 before it.
        self.bind = 0
        self.can_receive = False
        #: What waits for the answers to our deliver_sm, by sequence number.
        self.unanswered: dict[int, Callable[[int], None]] = {}
        self._owner = owner
        self._system_id = ""
        self._session = SessionState(Role.SMSC)

    @property
    def system_id(self) -> str:
        """The bound account, or nothing."""
        return self._system_id

    def deliver(self, octets: bytes, answered: Callable[[int], None]) -> None:
        """Send a recorded deliver_sm or data_sm under a number of now."""
        number = self._session.next_sequence()
        self.unanswered[number] = answered
        self.write(pdu.with_header(octets, number))

    def on_lost(self) -> None:
        self._owner.gone(self)

    def on_frame(self, frame: bytes) -> None:
        _length, command_id, status, number = pdu.HEADER.unpack_from(frame)
        if command_id in _ANSWERS:
            answered = self.unanswered.pop(number, None)
            if answered is not None:
                answered(status)
                self._owner.answered(self)
        elif command_id & RESPONSE_BIT:
            return
        elif command_id not in self._session.receivable:
            self._refuse(command_id, self._session.wrong_state_status(command_id), number)
        elif command_id in BINDS:
            self._bind(command_id, number, frame)
        elif command_id == CommandId.ENQUIRE_LINK:
            self.write(pdu.enquire_link_resp(number))
        elif command_id == CommandId.UNBIND:
            self.write(pdu.unbind_resp(number))
            self.close()
        else:
            self._owner.asked(self, frame)

    def _bind(self, command_id: int, number: int, frame: bytes) -> None:
        try:
            fields = decode(frame).fields
        except ProtocolError:
            self._refuse(command_id, int(CommandStatus.ESME_RBINDFAIL), number)
            return
        system_id, password = (cast(bytes, fields[name]).decode("latin-1") for name in ("system_id", "password"))
        status = self._owner.may_bind(system_id, password)
        self.write(pdu.bind_resp(command_id, status, number, _SYSTEM_ID, V34))
        if status:
            self.close()
            return
        self._session.bound(command_id)
        self._system_id = system_id
        self.bind = command_id
        self.can_receive = command_id != CommandId.BIND_TRANSMITTER
        self._owner.bound(self)

    def _refuse(self, command_id: int, status: int, number: int) -> None:
        try:
            CommandId(command_id | RESPONSE_BIT)
        except ValueError:
            self.write(pdu.generic_nack(status, number))
        else:
            self.write(pdu.response(command_id, status, number))
