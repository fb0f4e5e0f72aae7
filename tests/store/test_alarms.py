"""Whose turn it is to look after alarms, and that nobody writes out of turn."""

from __future__ import annotations

import asyncio

from smsgw.store.alarms import KEPT, AlarmStore
from tests.store.kit import Kit


async def test_one_has_the_turn_until_it_gives_it_back(kit: Kit) -> None:
    one, two = AlarmStore(kit.store), AlarmStore(kit.store)
    assert await one.take_turn()
    assert await one.take_turn()
    assert not await two.take_turn()
    await two.give_back()
    assert not await two.take_turn()
    await one.give_back()
    assert await two.take_turn()
    assert not await one.take_turn()


async def test_a_turn_that_is_not_kept_is_anothers(kit: Kit) -> None:
    asleep, awake = AlarmStore(kit.store, turn_s=0.05), AlarmStore(kit.store)
    assert await asleep.take_turn()
    async with asyncio.timeout(10):
        while not await awake.take_turn():
            await asyncio.sleep(0.01)
    assert await awake.write({"a": 1})
    assert not await asleep.write({"a": 2})
    assert await awake.read() == {"a": 1}


async def test_who_comes_to_their_turn_reads_before_they_write(kit: Kit) -> None:
    one, two = AlarmStore(kit.store), AlarmStore(kit.store)
    assert await one.take_turn()
    assert await one.write({"a": 1}, [{"n": 1}])
    await one.give_back()
    assert not await two.write({"a": 2}, [{"n": 2}])  # it has the turn now, and has not read
    assert await two.read() == {"a": 1}
    assert await two.write({"a": 2})
    assert await two.history(0, 10) == ([{"n": 1}], 1)


async def test_what_staff_say_stays_until_it_is_of_no_use(kit: Kit) -> None:
    one = AlarmStore(kit.store)
    await one.say("silence 1", {"why": "维护"})
    await one.say("ack x", {"who": "amy"})
    assert await one.said() == {"silence 1": {"why": "维护"}, "ack x": {"who": "amy"}}
    assert await one.take_turn()
    assert await one.write({}, gone=["ack x"])
    assert set(await one.said()) == {"silence 1"}
    assert await one.unsay("silence 1")
    assert not await one.unsay("silence 1")


async def test_the_history_is_bounded_and_newest_first(kit: Kit) -> None:
    one = AlarmStore(kit.store)
    assert await one.take_turn()
    for first in range(0, KEPT + 500, 500):
        assert await one.write({}, [{"n": first + number} for number in range(500)])
    await one.tell({"n": -1})
    found, total = await one.history(0, 3)
    assert total == KEPT
    assert [each["n"] for each in found] == [-1, KEPT + 499, KEPT + 498]
