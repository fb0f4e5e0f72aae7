"""The state table of both roles, row by row, and the moves that are not allowed."""

from __future__ import annotations

from itertools import product

import pytest

from smsgw.errors import LocalError
from smsgw.smpp.constants import MAX_SEQUENCE_NUMBER, RESPONSE_BIT, CommandId, CommandStatus, command_name
from smsgw.smpp.session import REQUESTS, Role, SessionState, State

_C = CommandId
_BINDS = [_C.BIND_TRANSMITTER, _C.BIND_RECEIVER, _C.BIND_TRANSCEIVER]
_STATE_OF = {
    _C.BIND_TRANSMITTER: State.BOUND_TX,
    _C.BIND_RECEIVER: State.BOUND_RX,
    _C.BIND_TRANSCEIVER: State.BOUND_TRX,
}


def _session(role: Role, state: State) -> SessionState:
    session = SessionState(role)
    if state is State.OPEN:
        return session
    if state is State.OUTBOUND:
        session.outbound()
        return session
    if state is State.CLOSED:
        session.closed()
        return session
    bind = next((bind for bind, bound in _STATE_OF.items() if bound is state), _C.BIND_TRANSCEIVER)
    if role is Role.ESME:
        session.bind_sent(bind)
    session.bound(bind)
    if state is State.UNBOUND:
        session.unbound()
    return session


def _allowed(*states: State) -> set[State]:
    return set(states)


_TX = _allowed(State.BOUND_TX, State.BOUND_TRX)
_RX = _allowed(State.BOUND_RX, State.BOUND_TRX)
_ANY_BOUND = _TX | _RX
_ALIVE = set(State) - {State.CLOSED}

# SMPP 3.4 table 2-1 with the additions of SMPP 5.0 §2.4: command → states in which an ESME, an SMSC may send it.
_TABLE: dict[CommandId, tuple[set[State], set[State]]] = {
    _C.BIND_TRANSMITTER: ({State.OPEN}, set()),
    _C.BIND_TRANSMITTER_RESP: (set(), {State.OPEN}),
    _C.BIND_RECEIVER: ({State.OPEN, State.OUTBOUND}, set()),
    _C.BIND_RECEIVER_RESP: (set(), {State.OPEN, State.OUTBOUND}),
    _C.BIND_TRANSCEIVER: ({State.OPEN, State.OUTBOUND}, set()),
    _C.BIND_TRANSCEIVER_RESP: (set(), {State.OPEN, State.OUTBOUND}),
    _C.OUTBIND: (set(), {State.OPEN}),
    _C.UNBIND: (_ANY_BOUND | {State.UNBOUND}, _ANY_BOUND | {State.UNBOUND}),
    _C.UNBIND_RESP: (_ANY_BOUND | {State.UNBOUND}, _ANY_BOUND | {State.UNBOUND}),
    _C.SUBMIT_SM: (_TX, set()),
    _C.SUBMIT_SM_RESP: (set(), _TX | {State.UNBOUND}),
    _C.SUBMIT_MULTI: (_TX, set()),
    _C.SUBMIT_MULTI_RESP: (set(), _TX | {State.UNBOUND}),
    _C.DATA_SM: (_TX, _RX),
    _C.DATA_SM_RESP: (_RX | {State.UNBOUND}, _TX | {State.UNBOUND}),
    _C.DELIVER_SM: (set(), _RX),
    _C.DELIVER_SM_RESP: (_RX | {State.UNBOUND}, set()),
    _C.QUERY_SM: (_TX, set()),
    _C.QUERY_SM_RESP: (set(), _TX | {State.UNBOUND}),
    _C.CANCEL_SM: (_TX, set()),
    _C.CANCEL_SM_RESP: (set(), _TX | {State.UNBOUND}),
    _C.REPLACE_SM: (_TX, set()),
    _C.REPLACE_SM_RESP: (set(), _TX | {State.UNBOUND}),
    _C.BROADCAST_SM: (_TX, set()),
    _C.BROADCAST_SM_RESP: (set(), _TX | {State.UNBOUND}),
    _C.QUERY_BROADCAST_SM: (_TX, set()),
    _C.QUERY_BROADCAST_SM_RESP: (set(), _TX | {State.UNBOUND}),
    _C.CANCEL_BROADCAST_SM: (_TX, set()),
    _C.CANCEL_BROADCAST_SM_RESP: (set(), _TX | {State.UNBOUND}),
    _C.PARAM_RETRIEVE: (_TX, set()),
    _C.PARAM_RETRIEVE_RESP: (set(), _TX | {State.UNBOUND}),
    _C.QUERY_LAST_MSGS: (_TX, set()),
    _C.QUERY_LAST_MSGS_RESP: (set(), _TX | {State.UNBOUND}),
    _C.QUERY_MSG_DETAILS: (_TX, set()),
    _C.QUERY_MSG_DETAILS_RESP: (set(), _TX | {State.UNBOUND}),
    _C.ALERT_NOTIFICATION: (set(), _RX),
    _C.ENQUIRE_LINK: (_ALIVE, _ALIVE),
    _C.ENQUIRE_LINK_RESP: (_ALIVE, _ALIVE),
    _C.GENERIC_NACK: (_ALIVE, _ALIVE),
}


def test_the_table_names_every_command() -> None:
    assert set(_TABLE) == set(CommandId)
    assert set(REQUESTS) == set(State)


@pytest.mark.parametrize("command_id", CommandId, ids=command_name)
@pytest.mark.parametrize("state", State, ids=lambda s: s.value)
def test_who_may_send_what_when(command_id: CommandId, state: State) -> None:
    by_esme, by_smsc = (state in states for states in _TABLE[command_id])
    esme, smsc = _session(Role.ESME, state), _session(Role.SMSC, state)
    assert (command_id in esme.sendable) is by_esme
    assert (command_id in smsc.receivable) is by_esme
    assert (command_id in smsc.sendable) is by_smsc
    assert (command_id in esme.receivable) is by_smsc


@pytest.mark.parametrize("bind", _BINDS, ids=command_name)
def test_an_esme_binds(bind: CommandId) -> None:
    session = SessionState(Role.ESME)
    assert session.state is State.OPEN
    session.bind_sent(bind)
    assert session.state is State.OPEN
    session.bound(bind)
    assert session.state is _STATE_OF[bind]


@pytest.mark.parametrize("bind", _BINDS, ids=command_name)
def test_an_smsc_is_bound_to(bind: CommandId) -> None:
    session = SessionState(Role.SMSC)
    session.bound(bind)
    assert session.state is _STATE_OF[bind]


def test_an_esme_may_bind_again_after_a_refusal() -> None:
    session = SessionState(Role.ESME)
    session.bind_sent(_C.BIND_TRANSCEIVER)
    with pytest.raises(LocalError):
        session.bind_sent(_C.BIND_TRANSMITTER)
    session.bind_refused()
    session.bind_sent(_C.BIND_TRANSMITTER)
    session.bound(_C.BIND_TRANSMITTER)
    assert session.state is State.BOUND_TX


def test_an_outbind_asks_for_a_receiver() -> None:
    session = SessionState(Role.ESME)
    session.outbound()
    with pytest.raises(LocalError):
        session.bind_sent(_C.BIND_TRANSMITTER)
    session.bind_sent(_C.BIND_RECEIVER)
    session.bound(_C.BIND_RECEIVER)
    assert session.state is State.BOUND_RX


def test_an_esme_is_bound_by_what_it_sent_only() -> None:
    session = SessionState(Role.ESME)
    with pytest.raises(LocalError):
        session.bound(_C.BIND_RECEIVER)
    session.bind_sent(_C.BIND_TRANSMITTER)
    with pytest.raises(LocalError):
        session.bound(_C.BIND_RECEIVER)


@pytest.mark.parametrize(
    ("role", "state"), list(product(Role, [state for state in State if state not in (State.OPEN, State.OUTBOUND)]))
)
def test_only_an_open_session_is_bound(role: Role, state: State) -> None:
    session = _session(role, state)
    for bind in _BINDS:
        with pytest.raises(LocalError):
            session.bind_sent(bind)
        with pytest.raises(LocalError):
            session.bound(bind)
    with pytest.raises(LocalError):
        session.outbound()
    assert session.state is state


def test_nobody_is_bound_by_another_command() -> None:
    for command_id in (_C.SUBMIT_SM, _C.BIND_RECEIVER_RESP, 0):
        with pytest.raises(LocalError):
            SessionState(Role.SMSC).bound(command_id)
        with pytest.raises(LocalError):
            SessionState(Role.ESME).bind_sent(command_id)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", [State.OPEN, State.OUTBOUND, State.CLOSED])
def test_what_is_not_bound_can_not_be_unbound(role: Role, state: State) -> None:
    with pytest.raises(LocalError):
        _session(role, state).unbound()


def test_unbinds_may_cross() -> None:
    session = _session(Role.SMSC, State.BOUND_TRX)
    session.unbound()
    session.unbound()
    assert session.state is State.UNBOUND


@pytest.mark.parametrize("state", State)
def test_a_connection_may_go_at_any_time(state: State) -> None:
    session = _session(Role.ESME, state)
    session.closed()
    session.closed()
    assert session.state is State.CLOSED
    assert not session.receivable
    assert not session.sendable


@pytest.mark.parametrize(
    ("state", "command_id", "status"),
    [
        (State.OPEN, _C.SUBMIT_SM, CommandStatus.ESME_RINVBNDSTS),
        (State.BOUND_RX, _C.SUBMIT_SM, CommandStatus.ESME_RINVBNDSTS),
        (State.BOUND_TX, _C.BIND_TRANSMITTER, CommandStatus.ESME_RALYBND),
        (State.UNBOUND, _C.BIND_TRANSMITTER, CommandStatus.ESME_RINVBNDSTS),
        (State.BOUND_TRX, 0x110, CommandStatus.ESME_RINVCMDID),
        (State.BOUND_TRX, 0x80000110, CommandStatus.ESME_RINVCMDID),
        (State.OPEN, 0, CommandStatus.ESME_RINVCMDID),
    ],
)
def test_the_status_for_what_may_not_be_received(state: State, command_id: int, status: CommandStatus) -> None:
    session = _session(Role.SMSC, state)
    assert command_id not in session.receivable
    assert session.wrong_state_status(command_id) == status


def test_sequence_numbers_run_from_one_and_start_again() -> None:
    session = SessionState(Role.ESME)
    assert [session.next_sequence() for _ in range(3)] == [1, 2, 3]
    session._last_sequence = MAX_SEQUENCE_NUMBER - 1
    assert [session.next_sequence() for _ in range(3)] == [MAX_SEQUENCE_NUMBER, 1, 2]


def test_no_session_sends_a_response_that_nothing_asked_for() -> None:
    for role, state in product(Role, State):
        session = _session(role, state)
        responses = {c for c in session.sendable if c & RESPONSE_BIT and c != _C.GENERIC_NACK}
        if state is not State.UNBOUND:
            assert {c & ~RESPONSE_BIT for c in responses} <= session.receivable
