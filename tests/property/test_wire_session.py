"""Sessions, windows and timers against models that are too slow and simple to be wrong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smsgw.errors import LocalError
from smsgw.smpp.constants import CommandId
from smsgw.smpp.session import Role, SessionState, State
from smsgw.smpp.timers import SessionTimers, TimerAction
from smsgw.smpp.window import Window

_BINDS = [CommandId.BIND_TRANSMITTER, CommandId.BIND_RECEIVER, CommandId.BIND_TRANSCEIVER]

_steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["bind", "refuse"]), st.sampled_from(_BINDS)),
        st.tuples(st.sampled_from(["outbind", "unbind", "close"]), st.just(CommandId.UNBIND)),
    ),
    max_size=12,
)


def _step(session: SessionState, step: str, bind: CommandId) -> bool:
    try:
        if step == "outbind":
            session.outbound()
        elif step == "unbind":
            session.unbound()
        elif step == "close":
            session.closed()
        else:
            if session.role is Role.ESME:
                session.bind_sent(bind)
            if step == "bind":
                session.bound(bind)
            elif session.role is Role.ESME:
                session.bind_refused()
    except LocalError:
        return False
    return True


@given(_steps)
def test_both_ends_of_a_connection_agree(steps: list[tuple[str, CommandId]]) -> None:
    esme, smsc = SessionState(Role.ESME), SessionState(Role.SMSC)
    for step, bind in steps:
        if step == "refuse" and bind not in smsc.receivable:
            continue
        assert _step(esme, step, bind) == _step(smsc, step, bind)
        assert esme.state is smsc.state
        assert esme.sendable == smsc.receivable
        assert smsc.sendable == esme.receivable


@given(_steps, st.sampled_from(Role))
def test_a_closed_session_stays_closed(steps: list[tuple[str, CommandId]], role: Role) -> None:
    session = SessionState(role)
    session.closed()
    for step, bind in steps:
        _step(session, step, bind)
        assert session.state is State.CLOSED


_window_steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 8), st.integers(0, 3)),
        st.tuples(st.just("pop"), st.integers(1, 8), st.just(0)),
        st.tuples(st.just("expire"), st.just(0), st.integers(0, 5)),
        st.tuples(st.just("limit"), st.integers(0, 6), st.just(0)),
        st.tuples(st.just("drain"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@given(_window_steps)
def test_a_window_is_a_short_list(steps: list[tuple[str, int, int]]) -> None:
    window: Window[str] = Window(4)
    model: list[tuple[int, str, float]] = []
    deadline = now = 0.0
    for count, (step, number, seconds) in enumerate(steps):
        if step == "add":
            deadline += seconds
            allowed = len(model) < window.limit and number not in [entry[0] for entry in model]
            try:
                window.add(number, f"item {count}", deadline)
            except LocalError:
                assert not allowed
            else:
                assert allowed
                model.append((number, f"item {count}", deadline))
        elif step == "pop":
            found = [entry for entry in model if entry[0] == number]
            assert window.pop(number) == (found[0][1] if found else None)
            model = [entry for entry in model if entry[0] != number]
        elif step == "expire":
            now += seconds
            assert window.expired(now) == [entry[:2] for entry in model if entry[2] <= now]
            model = [entry for entry in model if entry[2] > now]
        elif step == "limit":
            window.limit = number
        else:
            assert window.drain() == [entry[1] for entry in model]
            model = []
        assert len(window) == len(model)
        assert window.full == (len(model) >= window.limit)
        assert window.free == max(0, window.limit - len(model))


_seconds = st.integers(0, 60).map(float)
_timer_steps = st.lists(
    st.tuples(_seconds, st.sampled_from(["bound", "activity", "enquire", "answer", "tick"])), max_size=30
)


@given(_timer_steps, st.tuples(_seconds, _seconds, _seconds, _seconds))
def test_nothing_is_due_before_the_timers_say_so(
    steps: list[tuple[float, str]], settings: tuple[float, float, float, float]
) -> None:
    timers = SessionTimers(*settings)
    now = 1000.0
    timers.opened(now)
    for seconds, step in steps:
        now += seconds
        if step == "bound":
            timers.bound(now)
        elif step in ("activity", "enquire"):
            timers.received(now, step == "activity")
        elif step == "answer":
            timers.got_enquire_resp(now)
        action = timers.tick(now)
        assert (action is TimerAction.NONE) == (timers.next_due(now) > 0)
        if action is TimerAction.SEND_ENQUIRE_LINK:
            timers.sent_enquire(now)
            assert timers.tick(now) is not TimerAction.SEND_ENQUIRE_LINK
        if 0 < (wait := timers.next_due(now)) < 1e9:
            assert timers.tick(now + wait - 0.001) is TimerAction.NONE
            assert timers.tick(now + wait) is not TimerAction.NONE
