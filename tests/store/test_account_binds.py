"""Binds of accounts counted over processes: never more than allowed, and none for whoever is gone; on real servers."""

from __future__ import annotations

import asyncio

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.account_binds import AccountBinds, BindCount, BindGrant
from tests.store.kit import Kit


class Process:
    """One life of one process."""

    def __init__(self, kit: Kit, name: str, token: str = "first", ttl_s: float = 10.0) -> None:
        self.binds = AccountBinds(kit.store, name, token, ttl_s)
        kit.run(self.binds.commit.run())

    async def tell(self, has: int, wants: int = 0, allowed: int = 3, account: str = "shop") -> BindGrant:
        answer: asyncio.Future[BindGrant | StoreError] = asyncio.get_running_loop().create_future()
        self.binds.tell(account, lambda: BindCount(has, wants, allowed), answer.set_result)
        grant = await answer
        assert isinstance(grant, BindGrant)
        return grant


async def test_an_account_has_as_many_as_it_may_over_all_processes(kit: Kit) -> None:
    one, two = Process(kit, "one"), Process(kit, "two")
    assert await one.tell(0, 2) == (2, 0)
    assert await two.tell(0, 2) == (1, 2)
    assert await two.tell(1, 1) == (0, 2)
    assert await one.tell(1) == (0, 1)
    assert await two.tell(1, 5) == (1, 1)
    assert await one.tell(0, 1, account="bank") == (1, 0)
    assert await kit.command("PTTL", keys.binds("shop", 1)) > 0


async def test_whoever_has_none_leaves_nothing(kit: Kit) -> None:
    one = Process(kit, "one")
    await one.tell(0, 1)
    await one.tell(0)
    assert await kit.command("EXISTS", keys.binds("shop", 1)) == 0


async def test_fewer_may_be_allowed_than_there_are(kit: Kit) -> None:
    one, two = Process(kit, "one"), Process(kit, "two")
    await one.tell(0, 3)
    assert await two.tell(0, 1, allowed=1) == (0, 3)
    assert await one.tell(3, 1, allowed=1) == (0, 0)
    assert await two.tell(0, 1, allowed=4) == (1, 3)


async def test_a_new_life_has_none_of_what_the_one_before_had(kit: Kit) -> None:
    one, two = Process(kit, "one"), Process(kit, "two")
    await one.tell(0, 3)
    assert await two.tell(0, 1) == (0, 3)
    await Process(kit, "one", "second").binds.join()
    assert await two.tell(0, 3) == (3, 0)


async def test_a_process_that_is_not_heard_of_has_none_until_it_speaks_again(kit: Kit) -> None:
    one, two = Process(kit, "one", ttl_s=0.5), Process(kit, "two", ttl_s=0.5)
    await one.tell(0, 3)
    async with asyncio.timeout(5):
        while (await two.tell(0)).others:
            await asyncio.sleep(0.01)
    assert await two.tell(0, 1) == (1, 0)
    assert await one.tell(3) == (0, 1)
    assert await two.tell(1) == (0, 3)


async def test_when_redis_was_away_nobody_is_taken_for_dead(kit: Kit) -> None:
    one, two = Process(kit, "one", ttl_s=0.5), Process(kit, "two", ttl_s=0.5)
    await one.tell(0, 3)
    await two.tell(0)
    await asyncio.sleep(0.7)  # the outage: nobody could say anything
    assert await two.tell(0, 1) == (0, 3)


async def test_an_orderly_end_frees_everything(kit4: Kit) -> None:
    one, two = Process(kit4, "one"), Process(kit4, "two")
    names = [f"account{number}" for number in range(12)]
    assert {one.binds.partition(name) for name in names} == {0, 1, 2, 3}
    assert await asyncio.gather(*(one.tell(0, 3, account=name) for name in names)) == [(3, 0)] * 12
    assert await two.tell(0, 1, account=names[0]) == (0, 3)
    await one.binds.leave()
    assert await asyncio.gather(*(two.tell(0, 3, account=name) for name in names)) == [(3, 0)] * 12
