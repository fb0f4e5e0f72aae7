"""A carrier's queue against what is promised of order, under throttling, lost binds, rates and full windows.

The real queue, lanes, plan and throttle on a virtual clock; only the binds and the store around them are fakes.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from smsgw.gateway.lanes import Flight, Job
from tests.unit.gateway.test_dispatch import NEVER, STREAMS, Bind, Scene, envelope


class VirtualLoop:
    """As much of an event loop as a queue asks for."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._soon: list[Callable[[], None]] = []
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._number = count()

    def time(self) -> float:
        return self.now_s

    def call_soon(self, call: Callable[[], None]) -> None:
        self._soon.append(call)

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Any:
        number = next(self._number)
        heapq.heappush(self._later, (self.now_s + delay_s, number, call))
        return SimpleNamespace(cancel=lambda: self._cancelled.add(number))

    def turn(self) -> None:
        while self._soon:
            soon, self._soon = self._soon, []
            for call in soon:
                call()

    def advance(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self._later and self._later[0][0] <= until_s:
            self.now_s, number, call = heapq.heappop(self._later)
            if number not in self._cancelled:
                call()
            self.turn()
        self.now_s = until_s
        self.turn()


class World:
    """A queue under a hostile carrier; every write is checked."""

    def __init__(self, loop: VirtualLoop, window: int, binds: int, rate: float, reserved: tuple[float, ...]) -> None:
        self.loop = loop
        self.scene = Scene(window, rate, binds, reserved=reserved, account_rates={"slow": 5.0})
        self.queue = self.scene.queue
        self.window = window
        self.open: dict[Bind, list[Flight]] = defaultdict(list)
        self.begun: dict[tuple[int, str], tuple[int, int, int]] = {}
        self.sent_once: set[tuple[Job, int]] = set()
        self.back: list[Job] = []
        self.accepted: dict[int, list[Job]] = defaultdict(list)
        self.moved_bind: set[Job] = set()
        self.bind_of: dict[Job, Bind] = {}
        self.seen = 0
        self.numbers = count(1)

    def arrive(self, lane: int, sizes: list[int], account: str) -> None:
        entries = []
        for size in sizes:
            number = next(self.numbers)
            message = envelope([f"{number}.{index}" for index in range(size)], lane)
            message.account = account
            entries.append((b"%d-0" % number, [b"m", message.pack()]))
        self.queue.arrived(STREAMS[lane], lane, entries, False, NEVER)
        self.look()

    def look(self) -> None:
        """Check what was written since."""
        self.loop.turn()
        sent = self.scene.pool.sent
        for bind, _, flight in sent[self.seen :]:
            self._check(bind, flight)
        self.seen = len(sent)

    def _check(self, bind: Bind, flight: Flight) -> None:
        job, index = flight.job, flight.index
        key = (job.lane, job.envelope.account)
        if (job, index) not in self.sent_once and index == 0:
            # In the order of the stream, and nothing older that came back waits meanwhile.
            assert job.order > self.begun.get(key, NEVER)
            self.begun[key] = job.order
            assert not [other for other in self.back if (other.lane, other.envelope.account) == key and other < job]
        # It goes on: its other segments may wait for room on its bind while others begin elsewhere.
        self.back = [other for other in self.back if other is not job]
        if job in self.bind_of and job not in self.moved_bind:
            assert self.bind_of[job] is bind
            if (job, index) not in self.sent_once:
                assert index == 0 or (job, index - 1) in self.sent_once
        self.bind_of[job] = bind
        self.sent_once.add((job, index))
        self.open[bind].append(flight)
        assert len(self.open[bind]) <= self.window

    def answer(self, which: int, how: str) -> None:
        flights = [(bind, flight) for bind, each in self.open.items() for flight in each]
        if not flights:
            return
        bind, flight = flights[which % len(flights)]
        self.open[bind].remove(flight)
        bind.free += 1
        throttle = self.scene.pool.throttle
        if how == "ok":
            throttle.on_ok(self.loop.now_s)
            self.accepted[flight.job.lane].append(flight.job)
        else:
            throttle.on_throttled(self.loop.now_s)
            self._back(flight)
            self.queue.send_again(flight.job, flight.index)
        self.queue.pump_soon()
        self.look()

    def _back(self, flight: Flight) -> None:
        self.back.append(flight.job)
        self.moved_bind.add(flight.job)  # it may take any bind now

    def lose(self, which: int) -> None:
        bind = self.scene.pool.binds[which % len(self.scene.pool.binds)]
        bind.up = not bind.up
        bind.free = self.window if bind.up else 0
        lost, self.open[bind] = self.open[bind], []
        for flight in lost:
            self._back(flight)
            self.queue.send_again(flight.job, flight.index)
        self.moved_bind.update(job for job, its in self.bind_of.items() if its is bind)
        if not bind.up:
            self.queue.bind_lost(cast(Any, bind))
        self.queue.pump_soon()
        self.look()

    def finish(self) -> None:
        """Everything that arrived goes out, once the carrier behaves."""
        for bind in self.scene.pool.binds:
            if not bind.up:
                self.lose(self.scene.pool.binds.index(bind))
        for _ in range(5000):
            if not any(self.queue.waiting) and not any(self.open.values()) and not self.queue.is_halfway:
                self.loop.advance(2.0)
                self.look()
                if not any(self.open.values()):
                    return
            self.answer(0, "ok")
            self.loop.advance(0.05)
            self.look()
        raise AssertionError(f"left: {self.queue.waiting}")


actions = st.one_of(
    st.tuples(st.just("arrive"), st.integers(0, 2), st.lists(st.integers(1, 3), min_size=1, max_size=5),
              st.sampled_from(["shop", "shop", "slow"])),
    st.tuples(st.just("answer"), st.integers(0, 20), st.sampled_from(["ok", "ok", "ok", "throttled"])),
    st.tuples(st.just("lose"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.floats(0, 2)),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from([5.0, 50.0, 1000.0]),
    st.sampled_from([(0.0, 0.0, 0.0), (0.2, 0.1, 0.0)]),
    st.lists(actions, max_size=40),
)
@example(1, 1, 5.0, (0.0, 0.0, 0.0), [("arrive", 0, [1, 1, 1, 3], "slow")])  # nothing but its turn wakes the queue
def test_order_is_kept(
    window: int, binds: int, rate: float, reserved: tuple[float, ...], steps: list[tuple[Any, ...]]
) -> None:
    loop = VirtualLoop()
    with mock.patch("asyncio.get_running_loop", return_value=loop):
        world = World(loop, window, binds, rate, reserved)
        for what, *arguments in steps:
            if what == "wait":
                loop.advance(arguments[0])
                world.look()
            else:
                getattr(world, what)(*arguments)
        world.finish()
    put_off = len(world.scene.put_off)
    arrived = sum(len(step[2]) for step in steps if step[0] == "arrive")
    assert len({job for job, _ in world.sent_once}) == arrived - put_off


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([5.0, 1000.0]), st.lists(st.tuples(st.integers(0, 2), st.lists(st.just("throttled"), max_size=3)))
)
def test_with_a_window_of_one_the_carrier_takes_each_lane_in_order(
    rate: float, messages: list[tuple[int, list[str]]]
) -> None:
    loop = VirtualLoop()
    with mock.patch("asyncio.get_running_loop", return_value=loop):
        world = World(loop, 1, 1, rate, (0.0, 0.0, 0.0))
        for lane, refusals in messages:
            world.arrive(lane, [1], "shop")
            for how in refusals:
                world.answer(0, how)
        world.finish()
    for jobs in world.accepted.values():
        assert jobs == sorted(jobs)
    assert sum(map(len, world.accepted.values())) == len(messages)
