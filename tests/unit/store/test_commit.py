"""Group commit against a send that the test holds in its hands."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from smsgw.errors import StoreAway, StoreError, StoreNotRun, StoreRefused
from smsgw.store.commit import _WORTH_A_CALL, CallId, GroupCommit, NeverRan


class Hand:
    """Keeps every call until it is answered."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[tuple[int, CallId, list[int], asyncio.Future[list[str]]]] = []
        self.done: list[tuple[list[int], list[str] | StoreError]] = []
        self.commit: GroupCommit[int, str] = GroupCommit(
            "test", self.send, lambda items, replies: self.done.append((items, replies)), **options
        )

    async def send(self, partition: int, call_id: CallId, items: list[int]) -> list[str]:
        future: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self.calls.append((partition, call_id, list(items), future))
        return await future

    def answer(self, number: int, error: StoreError | None = None) -> None:
        future, items = self.calls[number][3], self.calls[number][2]
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result([str(item) for item in items])

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0)

    async def turns(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


@asynccontextmanager
async def running(hand: Hand) -> AsyncIterator[None]:
    task = asyncio.ensure_future(hand.commit.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_turn_is_a_batch_and_few_items_wait_for_the_call_before_them() -> None:
    hand = Hand()
    for item in (1, 2, 3):
        hand.commit.put(0, item)
    async with running(hand):
        await hand.until(lambda: len(hand.calls) == 1)
        hand.commit.put(0, 4)
        await hand.turns()
        assert len(hand.calls) == 1
        hand.answer(0)
        await hand.until(lambda: len(hand.calls) == 2)
        assert [items for _, _, items, _ in hand.calls] == [[1, 2, 3], [4]]
        hand.commit.put(0, 5)
        assert hand.commit.waiting == 2
        hand.answer(1)
        await hand.until(lambda: len(hand.calls) == 3)
        hand.answer(2)
        await hand.commit.drain()
    assert hand.done == [([1, 2, 3], ["1", "2", "3"]), ([4], ["4"]), ([5], ["5"])]
    assert (hand.commit.calls, hand.commit.items, hand.commit.failures, hand.commit.waiting) == (3, 5, 0, 0)


async def test_many_items_do_not_wait_for_the_call_before_them() -> None:
    hand = Hand()
    async with running(hand):
        hand.commit.put(0, 0)
        await hand.until(lambda: len(hand.calls) == 1)
        for item in range(_WORTH_A_CALL):
            hand.commit.put(0, item)
        await hand.until(lambda: len(hand.calls) == 2)
        for item in range(_WORTH_A_CALL):
            hand.commit.put(0, item)
        await hand.turns()
        assert len(hand.calls) == 2
        hand.answer(1)
        await hand.until(lambda: len(hand.calls) == 3)
        hand.answer(0)
        hand.answer(2)
        await hand.commit.drain()
    assert [len(items) for items, _ in hand.done] == [_WORTH_A_CALL, 1, _WORTH_A_CALL]


async def test_what_somebody_waits_for_does_not_wait_for_the_call_before_it() -> None:
    hand = Hand(retry_for_s=60.0)
    async with running(hand):
        for number in (0, 1):
            hand.commit.put(0, number)
            await hand.until(lambda number=number: len(hand.calls) == number + 1)
        hand.commit.put(0, 2)
        await hand.turns()
        assert len(hand.calls) == 2
        hand.answer(1)
        await hand.until(lambda: len(hand.calls) == 3)
        hand.answer(0)
        hand.answer(2)
        await hand.commit.drain()
    assert [items for items, _ in hand.done] == [[1], [0], [2]]


async def test_nobody_waits_for_a_call_that_failed_once() -> None:
    hand = Hand()
    async with running(hand):
        hand.commit.put(0, 1)
        await hand.until(lambda: len(hand.calls) == 1)
        hand.commit.put(0, 2)
        await hand.turns()
        assert len(hand.calls) == 1
        hand.answer(0, StoreAway("lost"))
        await hand.until(lambda: len(hand.calls) == 2)
        assert hand.calls[1][2] == [2]
        hand.answer(1)
        await hand.until(lambda: len(hand.calls) == 3)
        assert hand.calls[2][:3] == hand.calls[0][:3]
        hand.answer(2)
        await hand.commit.drain()


async def test_a_batch_has_a_most_and_order_is_kept() -> None:
    hand = Hand(max_batch=4, in_flight=1)
    async with running(hand):
        for item in range(10):
            hand.commit.put(0, item)
        for number, expected in enumerate(([0, 1, 2, 3], [4, 5, 6, 7], [8, 9])):
            await hand.until(lambda number=number: len(hand.calls) > number)
            assert hand.calls[number][2] == expected
            hand.answer(number)
        await hand.commit.drain()


async def test_partitions_do_not_wait_for_each_other() -> None:
    hand = Hand(in_flight=1)
    async with running(hand):
        hand.commit.put(0, 1)
        hand.commit.put(3, 2)
        await hand.until(lambda: len(hand.calls) == 2)
        hand.commit.put(7, 3)
        await hand.until(lambda: len(hand.calls) == 3)
        assert sorted((partition, items) for partition, _, items, _ in hand.calls) == [(0, [1]), (3, [2]), (7, [3])]
        assert len({call_id.slot for _, call_id, _, _ in hand.calls}) == 3


async def test_a_lost_call_is_sent_again_under_its_own_number() -> None:
    hand = Hand(in_flight=1)
    async with running(hand):
        hand.commit.put(0, 1)
        await hand.until(lambda: len(hand.calls) == 1)
        hand.commit.put(0, 2)
        hand.answer(0, StoreAway("lost"))
        await hand.until(lambda: len(hand.calls) == 2)
        assert hand.calls[1][1:3] == hand.calls[0][1:3]
        assert hand.calls[0][1].give_up_at == math.inf
        hand.answer(1)
        await hand.until(lambda: len(hand.calls) == 3)
        first, last = hand.calls[0][1], hand.calls[2][1]
        assert (last.slot, last.number) == (first.slot, first.number + 1)
        hand.answer(2)
        await hand.commit.drain()
    assert [items for items, _ in hand.done] == [[1], [2]]


async def test_it_gives_up_in_time_and_goes_on() -> None:
    hand = Hand(in_flight=1, retry_for_s=0.0)
    async with running(hand):
        hand.commit.put(0, 1)
        await hand.until(lambda: len(hand.calls) == 1)
        hand.answer(0, StoreAway("lost"))
        await hand.until(lambda: hand.done)
        hand.commit.put(0, 2)
        await hand.until(lambda: len(hand.calls) == 2)
        hand.answer(1)
        await hand.commit.drain()
    assert isinstance(hand.done[0][1], StoreAway)
    assert hand.done[1] == ([2], ["2"])
    assert hand.commit.failures == 1


async def test_a_refusal_is_not_tried_again() -> None:
    hand = Hand()
    async with running(hand):
        hand.commit.put(0, 1)
        await hand.until(lambda: len(hand.calls) == 1)
        hand.answer(0, StoreRefused("no"))
        await hand.commit.drain()
    assert isinstance(hand.done[0][1], StoreRefused)
    assert len(hand.calls) == 1


async def test_a_second_run_is_a_new_caller() -> None:
    """Its numbers begin anew, so it must not have the slot of the first."""
    hand = Hand(in_flight=1)
    for item in (1, 2):
        async with running(hand):
            hand.commit.put(0, item)
            await hand.until(lambda item=item: len(hand.calls) == item)
            hand.answer(item - 1)
            await hand.commit.drain()
    assert hand.calls[0][1].slot != hand.calls[1][1].slot


async def test_draining_nothing_returns_at_once() -> None:
    hand = Hand()
    async with asyncio.timeout(1):
        await hand.commit.drain()
    assert (hand.calls, hand.done) == ([], [])


async def test_what_done_raises_is_not_hidden() -> None:
    hand = Hand()

    def broken(_items: list[int], _replies: list[str] | StoreError) -> None:
        raise ZeroDivisionError

    hand.commit._done = broken
    hand.commit.put(0, 1)
    task = asyncio.ensure_future(hand.commit.run())
    await hand.until(lambda: hand.calls)
    hand.answer(0)
    with pytest.raises(ExceptionGroup):
        await task


async def test_a_sure_one_that_may_have_run_is_not_given_up_and_others_go_on() -> None:
    hand = Hand(retry_for_s=0.0, in_flight=1, sure=True)
    hand.commit.put(0, 1)
    async with running(hand):
        await hand.until(lambda: len(hand.calls) == 1)
        hand.answer(0, StoreAway("the connection was lost"))
        hand.commit.put(0, 2)
        await hand.until(lambda: len(hand.calls) == 2)
        assert hand.calls[1][2] == [2]
        assert hand.calls[1][1].slot != hand.calls[0][1].slot
        hand.answer(1, StoreNotRun("refused to connect"))
        await hand.until(lambda: hand.done)
        assert [items for items, _ in hand.done] == [[2]]
        await hand.until(lambda: len(hand.calls) == 3)
        assert hand.calls[2][1] == hand.calls[0][1]
        hand.answer(2)
        await hand.until(lambda: len(hand.done) == 2)
        assert hand.done[1] == ([1], ["1"])
        assert not hand.commit.waiting


async def test_a_sure_one_ends_when_redis_says_that_it_never_ran() -> None:
    hand = Hand(retry_for_s=0.0, in_flight=1, sure=True)
    hand.commit.put(0, 1)
    async with running(hand):
        await hand.until(lambda: len(hand.calls) == 1)
        hand.answer(0, StoreAway("the connection was lost"))
        await hand.until(lambda: len(hand.calls) == 2)
        hand.answer(1, StoreNotRun("it can't be reached"))
        await hand.until(lambda: len(hand.calls) == 3)
        assert not hand.done
        hand.answer(2, NeverRan("too late"))
        await hand.until(lambda: hand.done)
        assert isinstance(hand.done[0][1], NeverRan)
