"""Rates of a process: spent from slices, waited for in order, asked for in few calls; the store is a stand-in."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.errors import StoreAway
from smsgw.gateway.rate_desk import CALLS_AT_ONCE, RateDesk
from smsgw.policy.model import Refusal
from smsgw.policy.rate_slices import RateSlices
from smsgw.policy.reasons import RATE
from smsgw.store.account_rates import RateGrant


class Store:
    """What was asked for; ``answer`` takes from one bucket, as the script does."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, Any]] = []
        self.calls = 0
        self.level = 1000.0

    def partition(self, account: str) -> int:
        return 0

    def ask(self, account: str, make: Any, then: Any) -> None:
        self.asked.append((account, make(), then))

    def answer(self, error: StoreAway | None = None) -> Any:
        _, wish, then = self.asked.pop(0)
        if error is not None:
            then(error)
            return wish
        self.level += wish.back
        have = self.level + wish.left
        spent = 0
        for size, count in wish.waiting:
            for _ in range(count):
                spent += size if have - spent >= size else 0
        granted = max(0, spent - wish.left)
        granted += min(wish.ahead, int((self.level - granted) / 2))
        self.level -= granted
        then(RateGrant(granted, self.level))
        return wish


class World:
    def __init__(self, rate_per_s: float = 1000) -> None:
        self.store = Store()
        store: Any = self.store
        self.up = True
        self.desk = RateDesk(store, lambda: 2, lambda: self.up)
        self.account: Any = SimpleNamespace(
            settings=SimpleNamespace(system_id="shop"), slices=RateSlices(rate_per_s)
        )  # fmt: skip
        self.said: list[tuple[object, Refusal | None]] = []

    def take(self, name: object = None, segments: int = 1) -> bool:
        """One message; True when it never came to the desk."""
        if self.account.slices.take(segments, asyncio.get_running_loop().time()):
            self.said.append((name, None))
            return True
        self.desk.take(self.account, segments, lambda refusal: self.said.append((name, refusal)))
        return False

    async def asked(self) -> None:
        """Until the store was asked."""
        async with asyncio.timeout(5):
            while not self.store.asked:
                await asyncio.sleep(0.001)

    @property
    def names(self) -> list[object]:
        assert all(refusal is None for _, refusal in self.said)
        return [name for name, _ in self.said]


async def test_what_one_turn_brings_is_one_call_and_goes_in_order() -> None:
    world = World()
    for number in range(10):
        world.take(number)
    assert (world.said, world.desk.waiting) == ([], 10)
    await world.asked()
    world.take(10)
    wish = world.store.answer()
    assert wish.waiting == [(1, 10)]
    assert wish.ahead > 0
    assert world.names == list(range(11))
    assert world.desk.waiting == 0
    assert world.take(11), "a slice ahead"
    assert world.store.asked == []


async def test_nobody_overtakes_who_waits() -> None:
    world = World()
    world.take("first")
    await world.asked()
    world.store.answer()
    world.account.slices._left = 1
    world.take("long", segments=3)
    assert not world.take("short")
    await world.asked()
    world.store.answer()
    assert world.names == ["first", "long", "short"]


async def test_more_than_the_rate_is_refused_and_told_when_to_come_back() -> None:
    world = World(rate_per_s=10)
    world.store.level = 3.0
    for number in range(5):
        world.take(number)
    await world.asked()
    world.store.answer()
    assert [refusal is None for _, refusal in world.said] == [True] * 3 + [False] * 2
    refusal = world.said[-1][1]
    assert refusal is not None
    assert refusal.reason is RATE
    assert 0 < float(refusal.detail.split()[-2]) <= 0.1
    world.take(5)
    assert len(world.said) == 6, "nobody need ask to know that it is too early"
    assert world.store.asked == []


async def test_an_answer_that_came_too_late_to_be_used_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for number in range(3):
        world.take(number)
    await world.asked()
    with monkeypatch.context() as late:
        late.setattr("smsgw.policy.rate_slices.VALID_S", -1.0)
        world.store.answer()
    assert (world.said, world.desk.waiting) == ([], 3)
    await world.asked()
    world.store.answer()
    assert world.names == [0, 1, 2]


async def test_with_the_store_away_each_process_has_its_part() -> None:
    world = World(rate_per_s=1000)
    for number in range(3):
        world.take(number)
    await world.asked()
    world.store.answer(StoreAway("gone"))
    assert len(world.said) == 3
    world.up = False
    assert world.account.slices.is_away
    sent = 0
    async with asyncio.timeout(5):
        while sent < 20:
            before = len(world.said)
            world.take()
            sent += world.said[before][1] is None
            await asyncio.sleep(0.001)
    assert world.desk.waiting == 0


async def test_it_comes_back_when_the_store_does() -> None:
    world = World()
    world.up = False
    world.take()
    assert (world.account.slices.is_away, len(world.said), world.store.asked) == (True, 1, [])
    world.up = True
    async with asyncio.timeout(5):
        while not world.store.asked:
            world.take()
            await asyncio.sleep(0.01)
    wish = world.store.answer()
    assert wish.back < 0, "what was sent meanwhile is missing in the bucket of all"
    assert not world.account.slices.is_away
    world.said.clear()
    world.take("after")
    await world.asked()
    world.store.answer()
    assert world.names == ["after"]


async def test_what_lies_idle_goes_back_and_then_nothing_runs() -> None:
    world = World()
    running = asyncio.create_task(world.desk.run())
    for _ in range(10):
        world.take()
    await world.asked()
    world.store.answer()
    assert world.account.slices.left
    for _ in range(2):  # the first says what was used
        await world.asked()
        wish = world.store.answer()
    assert (world.account.slices.left, wish.back > 0, wish.ahead) == (0, True, 0)
    assert world.store.level == 990
    async with asyncio.timeout(5):
        while world.desk._news.is_set():
            await asyncio.sleep(0.01)
    assert world.store.asked == []
    running.cancel()


async def test_at_the_end_everything_goes_back() -> None:
    world = World()
    for _ in range(10):
        world.take()
    await world.asked()
    world.store.answer()
    world.desk.close()
    await world.asked()
    world.store.answer()
    assert (world.account.slices.left, world.store.level) == (0, 990)


async def test_calls_have_a_pace() -> None:
    """Whatever is asked for while the pace holds calls back goes out in one."""
    world = World(rate_per_s=1e9)
    world.store.level = 1e9
    answered = 0
    start_s = asyncio.get_running_loop().time()
    for _ in range(int(CALLS_AT_ONCE) + 2):
        world.account.slices._left = 0
        world.take()
        await world.asked()
        world.store.answer()
        answered += 1
    assert asyncio.get_running_loop().time() - start_s >= 0.05
    assert len(world.said) == answered


@pytest.mark.parametrize("rate", [0, -1.0])
def test_a_rate_is_above_nothing(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        RateSlices(rate)
