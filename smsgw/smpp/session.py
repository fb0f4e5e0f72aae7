"""Which role may send what in which state of a session (SMPP 3.4 §2.2, table 2-1; SMPP 5.0 §2.3, §2.4).

Owns: the one table for both roles and all versions, the state, and the sequence numbers of our own
requests. Never sends, and never waits: the caller reports what was sent, received and agreed.
The table lists requests; a role may send exactly the responses to what the other may request.
What can go wrong: our own code breaks the order of a session: LocalError.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from smsgw.errors import LocalError
from smsgw.smpp.constants import MAX_SEQUENCE_NUMBER, RESPONSE_BIT, CommandId, CommandStatus


class Role(Enum):
    """Who we are on a session: SMSC to applications, ESME to carriers."""

    ESME = "esme"
    SMSC = "smsc"

    @property
    def peer(self) -> Role:
        return Role.SMSC if self is Role.ESME else Role.ESME


class State(Enum):
    """SMPP 3.4 §2.2; OUTBOUND and UNBOUND as SMPP 5.0 §2.3 names them."""

    OPEN = "open"
    OUTBOUND = "outbound"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBOUND = "unbound"
    CLOSED = "closed"


_C = CommandId
_BINDS: Final = frozenset({_C.BIND_TRANSMITTER, _C.BIND_RECEIVER, _C.BIND_TRANSCEIVER})
_BOUND_STATES: Final = {
    _C.BIND_TRANSMITTER: State.BOUND_TX,
    _C.BIND_RECEIVER: State.BOUND_RX,
    _C.BIND_TRANSCEIVER: State.BOUND_TRX,
}
_WITHOUT_RESPONSE: Final = frozenset({_C.OUTBIND, _C.ALERT_NOTIFICATION, _C.GENERIC_NACK})

# SMPP 5.0 §2.4 allows these two in every state of a connection; 3.4 only when bound.
_ALWAYS: Final = frozenset({_C.ENQUIRE_LINK, _C.GENERIC_NACK})
_BOUND: Final = _ALWAYS | {_C.UNBIND}
_SUBMITTING: Final = _BOUND | {
    _C.SUBMIT_SM,
    _C.SUBMIT_MULTI,
    _C.DATA_SM,
    _C.QUERY_SM,
    _C.CANCEL_SM,
    _C.REPLACE_SM,
    _C.BROADCAST_SM,
    _C.QUERY_BROADCAST_SM,
    _C.CANCEL_BROADCAST_SM,
    # SMPP 3.3 only
    _C.PARAM_RETRIEVE,
    _C.QUERY_LAST_MSGS,
    _C.QUERY_MSG_DETAILS,
}
# Table 2-1 of 3.4 has data_sm both ways on every bind; 5.0 narrowed it, and a receiver bind must not submit.
_DELIVERING: Final = _BOUND | {_C.DELIVER_SM, _C.DATA_SM, _C.ALERT_NOTIFICATION}

#: state → (requests an ESME may send, requests an SMSC may send).
REQUESTS: Final[dict[State, tuple[frozenset[CommandId], frozenset[CommandId]]]] = {
    State.OPEN: (_ALWAYS | _BINDS, _ALWAYS | {_C.OUTBIND}),
    State.OUTBOUND: (_ALWAYS | {_C.BIND_RECEIVER, _C.BIND_TRANSCEIVER}, _ALWAYS),
    State.BOUND_TX: (_SUBMITTING, _BOUND),
    State.BOUND_RX: (_BOUND, _DELIVERING),
    State.BOUND_TRX: (_SUBMITTING, _DELIVERING),
    # After an unbind only answers to what was asked before it; an unbind may cross the peer's own.
    State.UNBOUND: (_BOUND, _BOUND),
    State.CLOSED: (frozenset(), frozenset()),
}


def _responses(requests: frozenset[CommandId]) -> frozenset[int]:
    return frozenset(command | RESPONSE_BIT for command in requests - _WITHOUT_RESPONSE)


def _sendable(state: State, role: Role) -> frozenset[int]:
    own = REQUESTS[state][0 if role is Role.ESME else 1]
    peers = REQUESTS[state][1 if role is Role.ESME else 0]
    if state is State.UNBOUND:
        peers = _DELIVERING if role is Role.ESME else _SUBMITTING
    return frozenset(int(command) for command in own) | _responses(peers)


#: (state, role) → every command id, requests and responses, that the role may send.
_TABLE: Final = {(state, role): _sendable(state, role) for state in State for role in Role}
_KNOWN: Final = frozenset(int(command) for command in CommandId)


class SessionState:
    """The protocol state of one connection.

    ``receivable`` and ``sendable`` are the command ids that the peer and we may send now; look there for
    each PDU. An ESME: ``bind_sent``, then ``bound`` or ``bind_refused``. An SMSC: ``bound`` when it
    accepts. Either: ``unbound`` when an unbind was sent or received, ``closed`` with the connection.
    """

    __slots__ = ("_bind_sent", "_last_sequence", "receivable", "role", "sendable", "state")

    receivable: frozenset[int]
    sendable: frozenset[int]
    state: State

    def __init__(self, role: Role) -> None:
        self.role = role
        self._bind_sent = 0
        self._last_sequence = 0
        self._enter(State.OPEN)

    def next_sequence(self) -> int:
        """The number for our next request: 1..0x7FFFFFFF, then 1 again (SMPP 3.4 §5.1.4)."""
        last = self._last_sequence
        self._last_sequence = last = last + 1 if last < MAX_SEQUENCE_NUMBER else 1
        return last

    def outbound(self) -> None:
        """An outbind was sent or received; the ESME has to bind next. Raises LocalError unless OPEN."""
        if self.state is not State.OPEN:
            raise LocalError(f"outbind in state {self.state.value}")
        self._enter(State.OUTBOUND)

    def bind_sent(self, command_id: int) -> None:
        """An ESME sent this bind. Raises LocalError for an SMSC, another command, another state, a second bind."""
        if self.role is not Role.ESME or command_id not in _BINDS or command_id not in self.sendable:
            raise LocalError(f"bind 0x{command_id:08X} by {self.role.value} in state {self.state.value}")
        if self._bind_sent:
            raise LocalError("a bind is unanswered already")
        self._bind_sent = command_id

    def bind_refused(self) -> None:
        """The SMSC refused the bind; another may be sent."""
        self._bind_sent = 0

    def bound(self, command_id: int) -> None:
        """The bind was accepted; ``command_id`` is the request's.

        Raises LocalError when it is not a bind, not the one that an ESME sent, or not allowed in this state.
        """
        requests = REQUESTS[self.state][0]
        if command_id not in _BINDS or command_id not in requests:
            raise LocalError(f"bound by 0x{command_id:08X} in state {self.state.value}")
        if self.role is Role.ESME and command_id != self._bind_sent:
            raise LocalError(f"bound by 0x{command_id:08X}, which was not sent")
        self._bind_sent = 0
        self._enter(_BOUND_STATES[CommandId(command_id)])

    def unbound(self) -> None:
        """An unbind was sent or received: no new requests. Raises LocalError unless bound."""
        if self.state is State.UNBOUND:
            return
        if self.state not in _BOUND_STATES.values():
            raise LocalError(f"unbind in state {self.state.value}")
        self._enter(State.UNBOUND)

    def closed(self) -> None:
        """The connection is gone, from any state."""
        self._bind_sent = 0
        self._enter(State.CLOSED)

    def wrong_state_status(self, command_id: int) -> int:
        """The command_status for a PDU that is not ``receivable`` (SMPP 3.4 §5.1.3).

        ESME_RINVCMDID for an unknown command, ESME_RALYBND for a bind when bound, else ESME_RINVBNDSTS.
        """
        if command_id not in _KNOWN:
            return int(CommandStatus.ESME_RINVCMDID)
        if command_id in _BINDS and self.state in _BOUND_STATES.values():
            return int(CommandStatus.ESME_RALYBND)
        return int(CommandStatus.ESME_RINVBNDSTS)

    def _enter(self, state: State) -> None:
        self.state = state
        self.sendable = _TABLE[state, self.role]
        self.receivable = _TABLE[state, self.role.peer]
