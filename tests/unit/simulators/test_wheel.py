"""The time wheel on a set clock and a loop that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from simulators.wheel import TimeWheel


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


def _wheel(loop: _Loop) -> TimeWheel:
    return TimeWheel(cast(asyncio.AbstractEventLoop, loop), 0.002, clock=lambda: loop.now_s)


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
