"""Rates leased to processes: one bucket for all, on real servers, by their clocks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.account_rates import AccountRates, RateGrant
from tests.rate_model import RateModel
from tests.store.kit import Kit

#: So slow that nothing comes in while a test runs.
STILL = 1e-9


class Process:
    """One process's calls."""

    def __init__(self, kit: Kit, name: str) -> None:
        self.rates = AccountRates(kit.store, name)
        kit.run(self.rates.commit.run())

    async def ask(
        self, *sizes: tuple[int, int], waiting: int = 0, rate: float = STILL, burst: float = 100, left: int = 0,
        back: float = 0, ahead: int = 0, account: str = "shop",
    ) -> RateGrant:  # fmt: skip
        answer: asyncio.Future[RateGrant | StoreError] = asyncio.get_running_loop().create_future()
        wish = (rate, burst, left, back, [*sizes, (1, waiting)] if waiting else list(sizes), ahead)
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
    assert await one.ask(waiting=20, ahead=100) == (60, 40)
    assert await one.ask(left=40, ahead=8) == (8, 32)
    assert await one.ask(left=40, waiting=60) == (20, 12)
    assert await one.ask(waiting=50) == (12, 0)
    assert await one.ask(waiting=1) == (0, 0)
    assert await one.ask(waiting=1, account="bank") == (1, 99)


async def test_a_bucket_is_shared_and_what_is_held_counts_as_in_it(one: Process, two: Process) -> None:
    """Whatever the rate brings in: the bucket and what is held are together never more than the burst."""
    assert await one.ask(rate=1e6, ahead=40) == (40, 60)
    assert await two.ask(rate=1e6, waiting=1000) == (60, 0)
    assert await one.ask(rate=1e6, left=40) == (0, 60)
    assert await two.ask(rate=1e6, ahead=30) == (30, 30)
    assert await one.ask(rate=1e6, left=10, waiting=10) == (0, 30), "spent: room for as much as it held, from now on"
    assert (await one.ask(rate=1e6, waiting=1000)).granted == 70


async def test_what_was_held_did_not_come_in_a_second_time_meanwhile(one: Process) -> None:
    assert await one.ask(rate=1e6, ahead=40) == (40, 60)
    assert await one.ask(rate=1e6, left=0, waiting=1000) == (60, 0)


async def test_what_is_returned_is_there_for_others(kit: Kit, one: Process, two: Process) -> None:
    assert await one.ask(ahead=50) == (50, 50)
    assert await two.ask(waiting=100) == (50, 0)
    assert await one.ask(left=10, back=30) == (0, 30)
    assert await one.ask(left=0, back=60) == (0, 40), "more than it had"
    assert await two.ask(waiting=200) == (40, 0)
    assert await kit.command("PTTL", keys.rate("shop", 1)) > 1000


async def test_a_full_bucket_is_no_key(kit: Kit, one: Process) -> None:
    await one.ask(rate=1000, ahead=10)
    assert 0 < await kit.command("PTTL", keys.rate("shop", 1)) <= 3010
    await one.ask(rate=1e6, left=0, back=10)
    assert await kit.command("EXISTS", keys.rate("shop", 1)) == 0


async def test_a_message_larger_than_the_burst_goes_when_it_is_full_and_is_paid_afterwards(one: Process) -> None:
    assert await one.ask(burst=5, waiting=1) == (1, 4)
    assert await one.ask((12, 1), burst=5) == (0, 4)
    assert await one.ask((12, 2), burst=5, waiting=3, account="bank") == (12, -7)
    assert await one.ask(burst=5, waiting=1, account="bank") == (0, -7)


async def test_who_does_not_fit_is_passed_over(one: Process) -> None:
    await one.ask(waiting=93)
    assert await one.ask((3, 3), (2, 1), (1, 5)) == (7, 0)


async def test_what_was_spent_without_asking_is_missing(one: Process) -> None:
    assert await one.ask(back=-30) == (0, 70)
    assert await one.ask(waiting=100) == (70, 0)


async def test_it_fills_by_the_clock_of_redis(kit: Kit, one: Process) -> None:
    async def now_ms() -> float:
        seconds, microseconds = await kit.command("TIME")
        return int(seconds) * 1000 + int(microseconds) / 1000

    before_ms = await now_ms()
    assert (await one.ask(rate=1000, burst=1e6, waiting=1_000_000)).granted == 1_000_000
    emptied_ms = await now_ms()
    await asyncio.sleep(0.05)
    asked_ms = await now_ms()
    granted = (await one.ask(rate=1000, burst=1e6, waiting=1_000_000)).granted
    assert int(asked_ms - emptied_ms) <= granted <= await now_ms() - before_ms


async def test_a_lower_burst_holds_at_once(one: Process) -> None:
    await one.ask(burst=100, ahead=1)
    assert await one.ask(burst=10, left=1, waiting=50) == (9, 0)


async def test_accounts_of_all_partitions(kit4: Kit) -> None:
    process = Process(kit4, "one")
    names = [f"account{number}" for number in range(12)]
    assert {process.rates.partition(name) for name in names} == {0, 1, 2, 3}
    grants = await asyncio.gather(*(process.ask(waiting=3, account=name) for name in names))
    assert grants == [(3, 97)] * 12
    for name in names:
        assert await kit4.command("EXISTS", keys.rate(name, 4), partition=process.rates.partition(name)) == 1


_calls = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(0, 12), st.integers(-8, 8),
        st.lists(st.tuples(st.integers(1, 15), st.integers(1, 9)), max_size=3), st.integers(0, 12),
    ),
    max_size=12,
)  # fmt: skip


@given(st.sampled_from([5.0, 10.0, 40.0]), _calls)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_script_does_what_the_model_does(
    kit: Kit, one: Process, two: Process, burst: float, calls: list[tuple[int, int, int, list[tuple[int, int]], int]]
) -> None:
    """Whatever is asked, also what no process should ask; ``tests/property`` holds the gateway against the model."""
    await kit.command("FLUSHALL")
    model = RateModel()
    for who, left, back, waiting, ahead in calls:
        expected = model.lease(("one", "two")[who], (STILL, burst, left, float(back), waiting, ahead), 0.0)
        found = await (one, two)[who].ask(*waiting, burst=burst, left=left, back=float(back), ahead=ahead)
        assert found == (expected.granted, round(expected.left, 3))
