"""Rates leased to processes: one bucket for all, on real servers, by their clocks."""

from __future__ import annotations

import asyncio

import pytest

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.account_rates import AccountRates, RateGrant
from tests.store.kit import Kit

#: So slow that nothing comes in while a test runs.
STILL = 1e-9


class Process:
    """One process's calls."""

    def __init__(self, kit: Kit, name: str) -> None:
        self.rates = AccountRates(kit.store, name)
        kit.run(self.rates.commit.run())

    async def ask(
        self, *, rate: float = STILL, burst: float = 100, left: int = 0, back: float = 0, first: int = 0,
        waiting: int | None = None, ahead: int = 0, account: str = "shop",
    ) -> RateGrant:  # fmt: skip
        answer: asyncio.Future[RateGrant | StoreError] = asyncio.get_running_loop().create_future()
        wish = (rate, burst, left, back, first, max(0, first - left) if waiting is None else waiting, ahead)
        self.rates.ask(account, lambda: wish, answer.set_result)
        grant = await answer
        assert isinstance(grant, RateGrant)
        return RateGrant(grant.granted, round(grant.left, 3))


@pytest.fixture
def one(kit: Kit) -> Process:
    return Process(kit, "one")


@pytest.fixture
def two(kit: Kit) -> Process:
    return Process(kit, "two")


async def test_all_that_waits_is_granted_and_ahead_at_most_half_of_the_rest(one: Process) -> None:
    assert await one.ask(first=1, waiting=20, ahead=100) == (60, 40)
    assert await one.ask(left=60, ahead=8) == (8, 32)
    assert await one.ask(first=1, waiting=50) == (32, 0)
    assert await one.ask(first=1) == (0, 0)
    assert await one.ask(first=1, account="bank") == (1, 99)


async def test_a_bucket_is_shared_and_what_is_held_counts_as_in_it(kit: Kit, one: Process, two: Process) -> None:
    """Whatever the rate brings in: the bucket and what is held are together never more than the burst."""
    assert (await one.ask(rate=1e6, first=1, waiting=30)).granted == 30
    assert (await two.ask(rate=1e6, first=1, waiting=1000)).granted == 70
    assert (await one.ask(rate=1e6, left=30, first=31, waiting=1000)).granted == 0
    assert (await two.ask(rate=1e6, left=0, first=1, waiting=1000)).granted == 70
    assert (await one.ask(rate=1e6, left=0, first=1, waiting=1000)).granted == 30


async def test_what_is_returned_is_there_for_others(kit: Kit, one: Process, two: Process) -> None:
    await one.ask(first=1, waiting=100)
    assert await two.ask(first=1) == (0, 0)
    assert await one.ask(left=10, back=60) == (0, 60)
    assert await one.ask(left=0, back=60) == (0, 70), "more than it had"
    assert await two.ask(first=1, waiting=200) == (70, 0)
    assert await kit.command("PTTL", keys.rate("shop", 1)) > 1000


async def test_a_full_bucket_is_no_key(kit: Kit, one: Process) -> None:
    await one.ask(rate=1000, first=1, waiting=10)
    assert 3000 < await kit.command("PTTL", keys.rate("shop", 1)) <= 3010
    await one.ask(rate=1e6, left=0, back=10)
    assert await kit.command("EXISTS", keys.rate("shop", 1)) == 0


async def test_a_message_larger_than_the_burst_goes_when_it_is_full_and_is_paid_afterwards(
    one: Process, two: Process
) -> None:
    assert await one.ask(burst=5, first=1) == (1, 4)
    assert await one.ask(burst=5, first=12) == (4, 0), "not full: what is there is for those behind it"
    assert await one.ask(burst=5, left=0, back=4) == (0, 4)
    assert await one.ask(burst=5, left=0, back=1.0) == (0, 4), "it has none to give back"
    assert await two.ask(burst=5, first=12, account="bank") == (12, -7)
    assert await one.ask(burst=5, first=1, account="bank") == (0, -7)


async def test_the_first_is_larger_than_what_is_there_and_those_behind_it_are_not(one: Process) -> None:
    await one.ask(first=1, waiting=98)
    assert await one.ask(first=3, waiting=4) == (2, 0)


async def test_what_was_spent_without_asking_is_missing(one: Process) -> None:
    assert await one.ask(back=-30) == (0, 70)
    assert await one.ask(first=1, waiting=100) == (70, 0)


async def test_it_fills_by_the_clock_of_redis(kit: Kit, one: Process) -> None:
    async def now_ms() -> float:
        seconds, microseconds = await kit.command("TIME")
        return int(seconds) * 1000 + int(microseconds) / 1000

    before_ms = await now_ms()
    assert (await one.ask(rate=1000, burst=1e6, first=1, waiting=1_000_000)).granted == 1_000_000
    emptied_ms = await now_ms()
    await asyncio.sleep(0.05)
    asked_ms = await now_ms()
    granted = (await one.ask(rate=1000, burst=1e6, first=1, waiting=1_000_000)).granted
    assert int(asked_ms - emptied_ms) <= granted <= await now_ms() - before_ms


async def test_a_lower_burst_holds_at_once(one: Process) -> None:
    await one.ask(burst=100, first=1)
    assert await one.ask(burst=10, first=1, waiting=50) == (10, 0)


async def test_accounts_of_all_partitions(kit4: Kit) -> None:
    process = Process(kit4, "one")
    names = [f"account{number}" for number in range(12)]
    assert {process.rates.partition(name) for name in names} == {0, 1, 2, 3}
    grants = await asyncio.gather(*(process.ask(first=1, waiting=3, account=name) for name in names))
    assert grants == [(3, 97)] * 12
    for name in names:
        assert await kit4.command("EXISTS", keys.rate(name, 4), partition=process.rates.partition(name)) == 1
