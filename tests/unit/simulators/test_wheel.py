"""The time wheel on a set clock and a loop that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from simulators.clock import Due, SimClock
from simulators.wheel import TimeWheel

_NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


class _Handle:
    def __init__(self, at_s: float, call: Callable[[], None]) -> None:
        self.at_s = at_s
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class _Loop:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.handles: list[_Handle] = []
        self.timers = 0

    def call_later(self, delay_s: float, call: Callable[[], None]) -> _Handle:
        self.timers += 1
        handle = _Handle(self.now_s + delay_s, call)
        self.handles.append(handle)
        return handle

    def advance(self, to_s: float) -> None:
        while True:
            due = [handle for handle in self.handles if not handle.cancelled and handle.at_s <= to_s]
            if not due:
                break
            handle = min(due, key=lambda each: each.at_s)
            self.handles.remove(handle)
            self.now_s = handle.at_s
            handle.call()
        self.now_s = to_s


class _LoopTime:
    rate = 1.0
    due_ms = 0

    def __init__(self, loop: _Loop) -> None:
        self.wheels: list[Due] = []
        self._loop = loop

    def now_ms(self) -> int:
        return int(self._loop.now_s * 1000)


def _wheel(loop: _Loop) -> TimeWheel:
    return TimeWheel(cast(asyncio.AbstractEventLoop, loop), _LoopTime(loop))


def _business_wheel(clock: SimClock) -> TimeWheel:
    return TimeWheel(cast(asyncio.AbstractEventLoop, _Loop()), clock)


def test_entries_run_in_time_and_never_early() -> None:
    loop = _Loop()
    wheel = _wheel(loop)
    ran: list[tuple[str, float]] = []
    for name, delay_s in (("late", 0.5), ("soon", 0.01), ("middle", 0.1)):
        wheel.add(delay_s, lambda what: ran.append((what, loop.now_s)), name)
    loop.advance(101)
    assert [name for name, _ in ran] == ["soon", "middle", "late"]
    for (_, at_s), delay_s in zip(ran, (0.01, 0.1, 0.5), strict=True):
        assert 0 <= at_s - 100 - delay_s <= 0.005
    assert wheel.waiting == 0


def test_many_entries_of_one_tick_cost_one_timer() -> None:
    loop = _Loop()
    wheel = _wheel(loop)
    ran: list[int] = []
    for number in range(1000):
        wheel.add(0.05, ran.append, number)
    assert wheel.waiting == 1000
    assert loop.timers == 1
    loop.advance(101)
    assert ran == list(range(1000))


def test_an_entry_may_add_entries() -> None:
    loop = _Loop()
    wheel = _wheel(loop)
    ran: list[int] = []

    def again(left: int) -> None:
        ran.append(left)
        if left:
            wheel.add(0.01, again, left - 1)

    wheel.add(0.01, again, 3)
    loop.advance(102)
    assert ran == [3, 2, 1, 0]


def test_clear_forgets() -> None:
    loop = _Loop()
    wheel = _wheel(loop)
    wheel.add(0.01, lambda _: (_ for _ in ()).throw(AssertionError), 0)
    wheel.clear()
    loop.advance(101)
    assert wheel.waiting == 0


def test_by_hand_nothing_runs_until_the_clock_is_moved_and_then_to_the_millisecond() -> None:
    clock = SimClock(_NOON, rate=0.0)
    wheel = _business_wheel(clock)
    ran: list[str] = []
    for name, delay_s in (("hour", 3600.0), ("minute", 60.0), ("second", 1.0)):
        wheel.add(delay_s, ran.append, name)
    clock.advance(0.999)
    assert ran == []
    clock.advance(0.001)
    assert ran == ["second"]
    clock.advance(86_400)
    assert ran == ["second", "minute", "hour"]
    assert wheel.waiting == 0


def test_set_back_everything_waits_longer() -> None:
    clock = SimClock(_NOON, rate=0.0)
    wheel = _business_wheel(clock)
    ran: list[str] = []
    wheel.add(60.0, ran.append, "minute")
    clock.set(_NOON - timedelta(hours=1))
    clock.advance(3600)
    assert ran == []
    clock.advance(60)
    assert ran == ["minute"]


def test_a_chain_goes_through_a_jump_as_through_the_time_itself() -> None:
    clock = SimClock(_NOON, rate=0.0)
    wheel = _business_wheel(clock)
    ran: list[tuple[str, int]] = []
    start_ms = clock.now_ms()

    def again(name: str) -> None:
        ran.append((name, wheel.now_ms() - start_ms))
        wheel.add(600.0, again, name)

    wheel.add(600.0, again, "every ten minutes")
    wheel.add(1500.0, lambda name: ran.append((name, wheel.now_ms() - start_ms)), "between")
    clock.advance(1900)
    every = "every ten minutes"
    assert ran == [(every, 600_000), (every, 1_200_000), ("between", 1_500_000), (every, 1_800_000)]
    assert wheel.now_ms() - start_ms == 1_900_000


def test_wheels_of_one_clock_run_a_jump_together_in_the_order_of_times() -> None:
    clock = SimClock(_NOON, rate=0.0)
    first, second = _business_wheel(clock), _business_wheel(clock)
    ran: list[int] = []
    for wheel, delays in ((first, (1, 4, 5)), (second, (2, 3, 6))):
        for delay_s in delays:
            wheel.add(delay_s, ran.append, delay_s)
    heard: list[int] = []
    clock.on_change.append(lambda: heard.append(len(ran)))
    clock.advance(10)
    assert ran == [1, 2, 3, 4, 5, 6]
    assert heard == [6], "listeners hear of it when all has run"
    second.close()
    assert clock.wheels == [first]


async def test_a_fast_clock_runs_an_hour_in_no_time_and_a_stopped_one_not() -> None:
    clock = SimClock(_NOON, rate=36_000.0)
    loop = asyncio.get_running_loop()
    wheel = TimeWheel(loop, clock)
    done: asyncio.Future[None] = loop.create_future()
    wheel.add(3600.0, done.set_result, None)
    clock.run_at(0.0)
    done_or_not, _ = await asyncio.wait([done], timeout=0.2)
    assert not done_or_not
    clock.run_at(36_000.0)
    async with asyncio.timeout(5):
        await done
    wheel.close()


def test_in_a_jump_what_is_added_to_another_wheel_counts_from_the_entry_too() -> None:
    clock = SimClock(_NOON, 0)
    time_line, carrier = _business_wheel(clock), _business_wheel(clock)
    ran: list[int] = []

    def note(_: object) -> None:
        ran.append(carrier.now_ms() - _ms(_NOON))

    time_line.add(10, lambda _: carrier.add(5, note, None), None)
    clock.advance(3600)
    assert ran == [15_000]
    assert carrier.now_ms() == _ms(_NOON) + 3_600_000


def test_an_entry_that_moves_the_clock_goes_on_with_the_same_jump() -> None:
    clock = SimClock(_NOON, 0)
    wheel = _business_wheel(clock)
    ran: list[tuple[str, int]] = []

    def move(_: object) -> None:
        clock.advance(60)
        wheel.add(1, note, "after the move")

    def note(what: str) -> None:
        ran.append((what, wheel.now_ms() - _ms(_NOON)))

    for delay_s, action in ((1.0, move), (30.0, note)):
        wheel.add(delay_s, action, "due by the move")
    heard: list[int] = []
    clock.on_change.append(lambda: heard.append(clock.due_ms))
    clock.advance(2)
    assert ran == [("after the move", 2000), ("due by the move", 30_000)]
    assert heard == [0]


def test_an_entry_that_fails_stops_nothing_that_comes() -> None:
    loop = _Loop()
    wheel = _wheel(loop)
    ran: list[str] = []
    wheel.add(0.1, lambda _: 1 // 0, "fails")
    wheel.add(0.2, ran.append, "runs")
    with pytest.raises(ZeroDivisionError):
        loop.advance(101)
    loop.advance(101)
    assert ran == ["runs"]


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
