"""All timers of a session against a clock that tests set; nobody sleeps."""

from __future__ import annotations

from math import inf

import pytest

from smsgw.smpp.timers import SessionTimers, TimerAction

_NONE = TimerAction.NONE
_ENQUIRE = TimerAction.SEND_ENQUIRE_LINK


def _bound(
    session_init: float = 50, enquire: float = 30, inactivity: float = 150, response: float = 10
) -> SessionTimers:
    timers = SessionTimers(session_init, enquire, inactivity, response)
    timers.opened(0.0)
    timers.bound(0.0)
    return timers


def test_nothing_is_due_before_the_connection() -> None:
    timers = SessionTimers(50, 30, 150, 10)
    assert timers.tick(1e9) is _NONE
    assert timers.next_due(0.0) == inf


def test_a_connection_that_never_binds_is_closed() -> None:
    timers = SessionTimers(50, 30, 150, 10)
    timers.opened(100.0)
    assert timers.next_due(100.0) == 50.0
    timers.received(149.0, is_activity=True)
    timers.received(149.0, is_activity=False)
    assert timers.tick(149.9) is _NONE
    assert timers.tick(150.0) is TimerAction.CLOSE_SESSION_INIT


def test_a_bind_stops_session_init() -> None:
    timers = _bound()
    assert timers.next_due(0.0) == 30.0
    assert timers.tick(29.9) is _NONE


def test_a_silent_peer_is_asked_and_then_closed() -> None:
    timers = _bound()
    assert timers.tick(30.0) is _ENQUIRE
    timers.sent_enquire(30.0)
    assert timers.next_due(30.0) == 10.0
    assert timers.tick(39.9) is _NONE
    assert timers.tick(40.0) is TimerAction.CLOSE_ENQUIRE_LINK


def test_a_peer_that_answers_is_asked_again_later() -> None:
    timers = _bound()
    timers.sent_enquire(30.0)
    timers.got_enquire_resp(32.0)
    assert timers.tick(61.9) is _NONE
    assert timers.tick(62.0) is _ENQUIRE


@pytest.mark.parametrize("is_activity", [True, False])
def test_whatever_comes_shows_that_the_peer_lives(is_activity: bool) -> None:
    timers = _bound()
    timers.sent_enquire(30.0)
    timers.received(35.0, is_activity)
    assert timers.tick(64.9) is _NONE
    assert timers.tick(65.0) is _ENQUIRE


def test_traffic_puts_the_question_off() -> None:
    timers = _bound()
    for second in range(0, 300, 20):
        timers.received(float(second), is_activity=True)
        assert timers.tick(second + 19.0) is _NONE


def test_enquire_link_alone_is_inactivity() -> None:
    timers = _bound()
    for second in range(10, 150, 10):
        timers.received(float(second), is_activity=False)
        assert timers.tick(float(second)) is _NONE
    assert timers.tick(150.0) is TimerAction.CLOSE_INACTIVITY


def test_activity_puts_inactivity_off() -> None:
    timers = _bound(enquire=0)
    timers.received(100.0, is_activity=True)
    assert timers.tick(249.9) is _NONE
    assert timers.tick(250.0) is TimerAction.CLOSE_INACTIVITY


@pytest.mark.parametrize(
    ("timers", "bound", "due"),
    [
        (SessionTimers(0, 30, 150, 10), False, inf),
        (SessionTimers(50, 0, 150, 10), True, 150.0),
        (SessionTimers(50, 30, 0, 10), True, 30.0),
        (SessionTimers(50, 0, 0, 10), True, inf),
    ],
    ids=["no session_init", "no enquire_link", "no inactivity", "neither"],
)
def test_a_timer_of_zero_is_off(timers: SessionTimers, bound: bool, due: float) -> None:
    timers.opened(0.0)
    if bound:
        timers.bound(0.0)
    assert timers.next_due(0.0) == due
    timers.received(0.0, is_activity=True)
    assert timers.next_due(0.0) == due


def test_without_a_response_time_a_silent_peer_is_never_closed_for_it() -> None:
    timers = _bound(inactivity=0, response=0)
    timers.sent_enquire(30.0)
    assert timers.tick(1e6) is _NONE
    timers.got_enquire_resp(1e6)
    assert timers.next_due(1e6) == 30.0


def test_what_is_overdue_is_due_now() -> None:
    assert _bound().next_due(1000.0) == 0.0


def test_closing_goes_before_asking() -> None:
    assert _bound().tick(1000.0) is TimerAction.CLOSE_INACTIVITY
