"""Places for binds: asked for in batches, freed, said again; the store is a stand-in that answers when told to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from smsgw.errors import StoreAway
from smsgw.gateway.bind_desk import BindDesk
from smsgw.store.account_binds import BindCount, BindGrant


class Store:
    """Counts this process's places and those of ``others``; ``said``: what it was told, in order."""

    def __init__(self, others: int = 0) -> None:
        self.others = others
        self.said: list[tuple[str, BindCount]] = []
        self.out: list[tuple[Any, BindCount]] = []
        self.stayed: list[int] = []

    partitions = 3

    def partition(self, account: str) -> int:
        return 0

    async def stay(self, partition: int) -> None:
        self.stayed.append(partition)

    def tell(self, account: str, make: Any, then: Any) -> None:
        count = make()
        self.said.append((account, count))
        self.out.append((then, count))

    def answer(self, error: StoreAway | None = None) -> None:
        then, (has, wants, allowed) = self.out.pop(0)
        then(error or BindGrant(max(0, min(wants, allowed - has - self.others)), self.others))


class World:
    def __init__(self, others: int = 0, ttl_s: float = 10.0) -> None:
        self.store = Store(others)
        self.up = self.others = True
        store: Any = self.store
        self.desk = BindDesk(store, ttl_s, lambda: self.up, lambda: self.others)
        self.account: Any = SimpleNamespace(settings=SimpleNamespace(system_id="shop", max_binds=3))
        self.placed: list[int | None] = []

    def ask(self, count: int = 1) -> None:
        for _ in range(count):
            self.desk.ask(self.account, self.placed.append)

    async def told(self) -> None:
        """Until the store was told something."""
        async with asyncio.timeout(5):
            while not self.store.out:
                await asyncio.sleep(0.001)


async def test_a_storm_is_a_few_calls_and_the_cap_holds() -> None:
    world = World()
    world.ask(5)
    assert [count for _, count in world.store.said] == [BindCount(0, 1, 3)], "one call at a time"
    world.store.answer()
    assert world.store.said[1][1] == BindCount(1, 4, 3)
    world.store.answer()
    assert world.placed == [None, None, None, 3, 3]
    assert world.desk.open("shop") == 3


async def test_a_place_is_free_again_when_its_bind_is_gone() -> None:
    world = World()
    world.ask()
    world.store.answer()
    world.desk.left(world.account)
    assert world.store.said[-1][1] == BindCount(0, 0, 3)
    world.store.answer()
    assert (world.desk.open("shop"), world.store.out) == (0, [])


async def test_who_left_while_the_store_was_asked_is_said_at_once() -> None:
    world = World()
    world.ask()
    world.store.answer()
    world.ask()
    world.desk.left(world.account)
    world.store.answer()
    assert world.placed == [None, None]
    assert world.store.said[-1][1] == BindCount(1, 0, 3)
    world.store.answer()
    assert world.store.out == []


async def test_a_refusal_has_a_second_look_where_another_process_may_just_be_left() -> None:
    world = World(others=3)
    world.ask()
    world.store.answer()
    assert world.placed == []
    await world.told()
    world.store.others = 2
    world.store.answer()
    assert world.placed == [None]


async def test_it_is_refused_for_good_the_second_time() -> None:
    world = World(others=3)
    world.ask()
    world.store.answer()
    await world.told()
    world.store.answer()
    assert world.placed == [3]


async def test_without_the_store_each_process_allows_what_it_would_alone() -> None:
    world = World(others=3)
    world.ask()
    world.store.answer(StoreAway("gone"))
    world.up = False
    world.ask(3)
    assert world.placed == [None, None, None, 3]
    assert world.store.out == []


async def test_what_it_has_is_said_again_and_at_once_what_redis_does_not_know() -> None:
    world = World(ttl_s=0.01)
    world.up = False
    world.ask(2)
    world.up = True
    running = asyncio.create_task(world.desk.run())
    for _ in range(3):
        await world.told()
        assert world.store.said[-1][1] == BindCount(2, 0, 3)
        world.store.answer()
    world.desk.left(world.account)
    world.desk.left(world.account)
    while world.desk.open("shop"):
        await world.told()
        world.store.answer()
    running.cancel()


async def test_beside_others_it_is_heard_of_every_partition() -> None:
    """Silence means that Redis was away, and then the places of the dead would count on."""
    world = World(ttl_s=0.01)
    world.ask()
    world.store.answer()
    task = asyncio.ensure_future(world.desk.run())
    async with asyncio.timeout(5):
        while not {1, 2} <= set(world.store.stayed):
            await asyncio.sleep(0.001)
    world.others = False
    world.store.stayed.clear()
    for _ in range(3):
        await world.told()
        world.store.answer()
    assert set(world.store.stayed) <= {1, 2}, "a turn may have begun before"
    assert len(world.store.stayed) <= 2, "alone there is nobody to be heard by"
    task.cancel()
