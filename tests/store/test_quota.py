"""Quotas leased to processes: never more than the limit over all of them, and nothing wasted for long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsgw.policy.profile import Quota
from smsgw.policy.quota import SliceBook, Take, Wish, buckets
from smsgw.store.quota import QuotaLeases
from tests.store.kit import DAY_MS, NOW_MS, Kit
from tests.store.test_caps_model import ZONES

SHANGHAI = ZONES["Asia/Shanghai"]
DAY = ("d20270115", 100)
MONTH = ("m202701", 150)


@pytest.fixture
def leases(kit: Kit) -> QuotaLeases:
    made = QuotaLeases(kit.store)
    kit.run(made.commit.run())
    return made


async def test_a_lease_counts_in_every_bucket(leases: QuotaLeases) -> None:
    assert await leases.used("shop", (DAY, MONTH)) == {"d20270115": 0, "m202701": 0}
    assert await leases.lease("shop", (DAY, MONTH), 10) == 10
    assert await leases.used("shop", (DAY, MONTH)) == {"d20270115": 10, "m202701": 10}
    assert await leases.used("bank", (DAY, MONTH)) == {"d20270115": 0, "m202701": 0}
    with pytest.raises(ValueError, match="one message or more"):
        await leases.lease("shop", (DAY,), 0)


async def test_the_last_messages_are_shared_and_then_it_ends(leases: QuotaLeases) -> None:
    granted = []
    while count := await leases.lease("shop", (DAY,), 1000):
        granted.append(count)
    assert sum(granted) == 100
    assert granted == sorted(granted, reverse=True)
    assert (granted[0], granted[-1]) == (13, 1)


async def test_the_tighter_bucket_decides(leases: QuotaLeases) -> None:
    tight = ("m202701", 30)
    total = 0
    while count := await leases.lease("shop", (DAY, tight), 8):
        total += count
    assert total == 30
    assert await leases.used("shop", (DAY, tight)) == {"d20270115": 30, "m202701": 30}


async def test_as_much_as_a_message_needs_or_nothing(leases: QuotaLeases) -> None:
    assert await leases.lease("shop", (DAY,), 90, least=90) == 90
    assert await leases.lease("shop", (DAY,), 11, least=11) == 0
    assert await leases.lease("shop", (DAY,), 10, least=10) == 10


async def test_what_is_given_back_can_be_leased_again(kit: Kit, leases: QuotaLeases) -> None:
    await leases.lease("shop", (DAY, MONTH), 100, least=100)
    leases.give_back("shop", (DAY, MONTH), 40)
    await leases.commit.drain()
    assert await leases.used("shop", (DAY, MONTH)) == {"d20270115": 60, "m202701": 60}
    leases.give_back("shop", (DAY,), 400)  # more than there is
    await leases.commit.drain()
    assert await leases.used("shop", (DAY,)) == {"d20270115": 0}
    assert await kit.command("PTTL", "{p00}:quota:shop:d20270115") > 60 * DAY_MS


class Process:
    """A gateway with one account: its own book, its own connection, many messages."""

    def __init__(self, kit: Kit, quota: Quota) -> None:
        self.leases = QuotaLeases(kit.store)
        self.book = SliceBook(quota, SHANGHAI)
        self.kit = kit
        self.sent: list[int] = []
        kit.run(self.leases.commit.run())

    async def send(self, count: int, at_ms: int) -> bool:
        while True:
            took = self.book.take(count, at_ms)
            wish = self.book.wish(at_ms, count)
            if wish is not None:
                self.book.granted(await self._lease(wish), at_ms)
            if took is not Take.WAIT:
                break
        self.sent += [at_ms] * count if took is Take.YES else []
        await self.give_back(at_ms)
        return took is Take.YES

    async def _lease(self, wish: Wish) -> int:
        return await self.leases.lease("shop", wish.buckets, wish.want, wish.least)

    async def give_back(self, at_ms: int, closing: bool = False) -> None:
        for their, count in self.book.returns(at_ms, closing):
            self.leases.give_back("shop", their, count)
        await self.leases.commit.drain()


histories = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 700, 2500, 6000, 3_600_000, DAY_MS // 2]),
        st.lists(st.integers(1, 5), max_size=12),
        st.lists(st.integers(1, 5), max_size=12),
    ),
    max_size=12,
)


@given(st.none() | st.integers(0, 60), st.none() | st.integers(0, 90), histories)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_two_processes_never_send_more_than_the_quota(
    kit: Kit, day: int | None, month: int | None, history: list[tuple[int, list[int], list[int]]]
) -> None:
    await kit.command("FLUSHALL")
    quota = Quota(day, month)
    processes = [Process(kit, quota) for _ in range(2)]
    at_ms = NOW_MS + 15 * DAY_MS + DAY_MS // 4  # the last evening but one of a month
    for later_ms, *theirs in history:
        at_ms += later_ms

        async def work(process: Process, counts: list[int], now_ms: int) -> None:
            for count in counts:
                await process.send(count, now_ms)

        await asyncio.gather(*(work(*each, at_ms) for each in zip(processes, theirs, strict=True)))
    sent = [each for process in processes for each in process.sent]
    by_bucket: dict[Any, int] = {}
    for each_ms in sent:
        for bucket in buckets(quota, each_ms, SHANGHAI):
            by_bucket[bucket] = by_bucket.get(bucket, 0) + 1
    assert all(count <= bucket.limit for bucket, count in by_bucket.items())
    for process in processes:
        await process.give_back(at_ms, closing=True)
    # What is left of the books has gone back: what was leased is what was sent.
    for bucket, count in by_bucket.items():
        assert await processes[0].leases.used("shop", (bucket,)) == {bucket.name: count}


async def test_one_process_can_use_a_quota_to_its_end(kit: Kit) -> None:
    process = Process(kit, Quota(day=50, month=1000))
    assert [await process.send(1, NOW_MS) for _ in range(60)] == [True] * 50 + [False] * 10
    assert await process.send(1, NOW_MS + DAY_MS)
