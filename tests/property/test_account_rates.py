"""An account's rate over processes that come, go and lose their answers: never more than rate × time + burst.

The desks and slices are the gateway's own; Redis is ``tests.rate_model`` (which the store's tests hold against the
script), and time is moved by the test.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smsgw.gateway.rate_desk as module
from smsgw.errors import StoreAway
from smsgw.gateway.rate_desk import TICK_S, RateDesk
from smsgw.policy.model import Refusal
from smsgw.policy.rate_slices import RateSlices
from tests.rate_model import Meter, RateModel, SetLoop


class Redis:
    """Carries calls out after half of their time, and brings the answer after the other half, or not."""

    def __init__(self, loop: SetLoop) -> None:
        self.loop = loop
        self.bucket = RateModel()
        self.took_s = 0.001
        #: "": it answers; "before", "after": the call is lost before or after it was carried out.
        self.loses = ""
        self.up = True
        self.calls = 0

    def of(self, process: str) -> Any:
        def ask(account: str, make: Any, then: Any) -> None:
            self.calls += 1
            self.loop.call_soon(self._send, process, make, then)

        return SimpleNamespace(partition=lambda account: 0, ask=ask)

    def _send(self, process: str, make: Any, then: Any) -> None:
        wish = make()
        loses = self.loses if self.up else "before"
        if loses == "before":
            self.loop.call_later(2.0, then, StoreAway("lost"))
        else:
            self.loop.call_later(self.took_s / 2, self._run, process, wish, then, loses)

    def _run(self, process: str, wish: Any, then: Any, loses: str) -> None:
        grant = self.bucket.lease(process, wish, self.loop.time())
        self.loop.call_later(self.took_s / 2, then, StoreAway("lost") if loses else grant)


class Fleet:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, rate_per_s: float, processes: int) -> None:
        self.loop = SetLoop()
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(
            get_running_loop=lambda: self.loop, Event=lambda: SimpleNamespace(set=lambda: None)
        ))  # fmt: skip
        self.rate_per_s = rate_per_s
        self.redis = Redis(self.loop)
        self.burst = max(rate_per_s, 1.0)
        self.meter = Meter(rate_per_s, self.burst)
        self.refused: list[Refusal] = []
        self.lives = 0
        self.processes = [self.start() for _ in range(processes)]
        self.loop.call_later(TICK_S, self._tick)

    def start(self) -> tuple[RateDesk, Any]:
        self.lives += 1
        desk = RateDesk(self.redis.of(f"process{self.lives}"), lambda: len(self.processes), lambda: self.redis.up)
        account = SimpleNamespace(
            settings=SimpleNamespace(system_id="shop"), slices=RateSlices(self.rate_per_s)
        )  # fmt: skip
        return desk, account

    def kill(self, number: int) -> None:
        desk, account = self.processes[number]
        account.slices = RateSlices(1e-9)  # its line is not looked for any more
        desk._granted = lambda line, grant: None  # type: ignore[method-assign]
        for line in desk._lines.values():
            line.waiting.clear()
        desk._holding.clear()
        self.processes[number] = self.start()

    def send(self, number: int, segments: int = 1) -> None:
        desk, account = self.processes[number]
        if account.slices.take(segments, self.loop.time()):
            self.meter.send(segments, self.loop.time())
        else:
            desk.take(account, segments, lambda refusal: self._said(segments, refusal))

    def _said(self, segments: int, refusal: Refusal | None) -> None:
        if refusal is None:
            self.meter.send(segments, self.loop.time())
        else:
            self.refused.append(refusal)

    def _tick(self) -> None:
        for desk, _ in self.processes:
            desk.tick()
        self.loop.call_later(TICK_S, self._tick)

    def wait(self, seconds: float) -> None:
        self.loop.run_until(self.loop.time() + seconds)


Step = tuple[str, int, int, float]


def _steps(*what: str) -> st.SearchStrategy[list[Step]]:
    pauses = st.sampled_from([0.0, 0.0, 0.001, 0.02, 0.1, 0.6, 1.0, 2.5, 4.0])
    return st.lists(st.tuples(st.sampled_from(what), st.integers(0, 2), st.integers(1, 4), pauses), max_size=40)


def _check_play(fleet: Fleet, steps: list[Step]) -> None:
    """Everything sent goes through the fleet's meter, which fails at a segment too many; in the end nobody waits."""
    for what, number, segments, seconds in steps:
        if what == "send":
            fleet.send(number, segments)
        elif what == "storm":
            for _ in range(60):
                fleet.send(number, segments)
        elif what == "flood":  # of everybody, as much as is allowed at once
            for count in range(3 * int(fleet.burst) + 3):
                fleet.send(count % 3)
        elif what == "kill":
            fleet.kill(number)
        elif what == "quick":
            fleet.redis.loses, fleet.redis.took_s = "", 0.001
        elif what == "slow":
            fleet.redis.took_s = SLOW_S
        else:
            fleet.redis.loses = what.removeprefix("lose ")
        fleet.wait(seconds)
    fleet.wait(5.0)
    assert not any(desk.waiting for desk, _ in fleet.processes)


SLOW_S = 0.05
_RATES = st.sampled_from([1.0, 3.0, 20.0, 300.0])


@given(_RATES, _steps("send", "send", "storm", "flood", "kill", "slow", "quick"))
@settings(max_examples=100, deadline=None)
def test_never_more_than_the_rate_whatever_happens(rate: float, steps: list[Step]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        fleet = Fleet(monkeypatch, rate, 3)
        # Granted by the time of Redis, sent when the answer has come.
        fleet.meter.slack += rate * SLOW_S
        _check_play(fleet, steps)


@given(_RATES, _steps("send", "send", "storm", "flood", "kill", "lose before", "lose after", "quick"))
@settings(max_examples=60, deadline=None)
def test_where_some_lose_their_calls_it_is_less_than_twice_as_much(rate: float, steps: list[Step]) -> None:
    """Each process that is cut off goes on with its part; a message may be larger than that part's burst."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        fleet = Fleet(monkeypatch, rate, 3)
        fleet.meter = Meter(2 * rate, 2 * fleet.burst + 3 * 4)
        _check_play(fleet, steps)


@pytest.mark.parametrize("processes", [1, 2, 4])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_who_keeps_to_the_rate_is_never_refused(monkeypatch: pytest.MonkeyPatch, processes: int, share: float) -> None:
    fleet = Fleet(monkeypatch, 1000, processes)
    count = 4000
    for number in range(count):
        fleet.send(number % processes)
        fleet.wait(1 / (1000 * share))
    fleet.wait(1.0)
    assert (fleet.refused, fleet.meter.sent) == ([], count)
    seconds = count / (1000 * share)
    assert fleet.redis.calls <= 22 * seconds * processes


@pytest.mark.parametrize("processes", [1, 3])
def test_of_too_much_the_rate_goes_through(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    fleet = Fleet(monkeypatch, 500, processes)
    for number in range(12_000):
        fleet.send(number % processes)
        fleet.wait(0.0005)
    assert 0.97 * (500 * 6 + 500) <= fleet.meter.sent <= 500 * 6 + 501
    assert fleet.redis.calls <= 25 * 6 * processes


def test_nothing_runs_when_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(monkeypatch, 1000, 2)
    for number in range(200):
        fleet.send(number % 2)
        fleet.wait(0.005)
    fleet.wait(3.0)
    calls = fleet.redis.calls
    fleet.wait(60.0)
    assert fleet.redis.calls == calls
    assert fleet.redis.bucket.slices == {}


def test_a_storm_at_one_process_has_the_whole_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(monkeypatch, 1000, 2)
    for _ in range(1000):
        fleet.send(0)
    fleet.wait(0.01)
    assert (fleet.meter.sent, fleet.refused) == (1000, [])


def test_while_the_store_is_away_all_together_keep_to_the_rate_and_also_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = Fleet(monkeypatch, 100, 2)
    for number in range(200):
        fleet.send(number % 2)
    fleet.wait(1.0)
    fleet.redis.up = False
    sent = fleet.meter.sent
    for number in range(4000):
        fleet.send(number % 2)
        fleet.wait(0.0025)
    away = fleet.meter.sent - sent
    assert 0.7 * 1000 <= away <= 1100
    fleet.redis.up = True
    for number in range(4000):
        fleet.send(number % 2)
        fleet.wait(0.0025)
    assert fleet.meter.sent - sent - away >= 0.9 * 1000


def test_what_one_holds_another_does_not_get(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(monkeypatch, 1000, 2)
    for _ in range(100):
        fleet.send(0)
    fleet.wait(0.45)
    held = fleet.processes[0][1].slices.left
    assert held > 90
    for _ in range(1000):
        fleet.send(1)
    fleet.wait(0.002)
    for _ in range(held):
        fleet.send(0)
    assert fleet.meter.sent == 100 + 1000


def test_a_process_that_stood_still_spends_nothing_of_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(monkeypatch, 1000, 2)
    for _ in range(100):
        fleet.send(0)
    fleet.wait(0.01)
    asleep, account = fleet.processes[0]
    fleet.processes[0] = fleet.start()
    assert account.slices.left > 90
    fleet.wait(4.0)
    for _ in range(1000):
        fleet.send(1)
    fleet.wait(0.002)
    assert not account.slices.take(1, fleet.loop.time())
    said: list[Refusal | None] = []
    asleep.take(account, 1, said.append)
    fleet.wait(0.1)
    assert len(said) == 1
    assert fleet.meter.sent == 1100
