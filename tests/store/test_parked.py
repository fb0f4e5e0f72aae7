"""Lots of parked messages: in by three ways, out by decision, expiry, cancelling or at the end of a pause."""

from __future__ import annotations

import asyncio

import pytest

from smsgw.store.admission import ACCEPTED
from smsgw.store.held import HeldMessage
from smsgw.store.parked import LOT_REVIEW, Parked, lot_of_pause
from smsgw.store.streams import waiting_messages
from tests.store.kit import DAY_MS, NOW_MS, Kit, until

STREAM = "{p00}:mt:alpha:2"
EXPIRY_MS = NOW_MS + DAY_MS
PAUSE = lot_of_pause("account:shop")


async def park(kit: Kit, *numbers: int, lot: str = LOT_REVIEW) -> list[HeldMessage]:
    """Messages that were accepted into a lot, a millisecond apart."""
    for n in numbers:
        kit.now_ms += 1
        item = kit.item(n=n, lot=lot, due_ms=EXPIRY_MS, blob=b"nonce-%07d-body" % n)
        assert await kit.codes(item) == [ACCEPTED]
    return await Parked(kit.store).list(lot, 100)


def ids(messages: list[HeldMessage]) -> list[str]:
    return [message.held_id for message in messages]


async def no_lots_left(kit: Kit) -> None:
    assert not [key for key in await kit.keys() if ":parked:" in key or ":lot" in key]


async def test_accepted_into_a_lot_and_listed_in_order(kit: Kit) -> None:
    parked = Parked(kit.store)
    messages = await park(kit, 5, 3, 9)
    assert [(each.accepted_ms, each.due_ms, each.blob) for each in messages] == [
        (NOW_MS + place, EXPIRY_MS, b"nonce-%07d-body" % n) for place, n in enumerate((5, 3, 9), 1)
    ]
    assert await parked.lots(0) == [LOT_REVIEW]
    assert (await parked.count(LOT_REVIEW), await parked.count(PAUSE)) == (3, 0)
    assert await kit.held.due(0, EXPIRY_MS - 1) == []
    assert len(await kit.held.due(0, EXPIRY_MS)) == 3  # nobody came: they expire
    assert await waiting_messages(kit.store, STREAM) == 0


async def test_a_parked_message_needs_an_end(kit: Kit) -> None:
    with pytest.raises(ValueError, match="expires"):
        kit.admission.submit(kit.item(lot=LOT_REVIEW))


async def test_pages_of_a_lot_over_partitions(kit4: Kit) -> None:
    parked = Parked(kit4.store)
    numbers = [str(8613800000000 + n) for n in range(700)]
    for number, n in zip(numbers, range(700), strict=True):
        kit4.now_ms = NOW_MS + n // 400  # many in one millisecond
        kit4.admission.submit(kit4.item(number, n, lot=LOT_REVIEW, due_ms=EXPIRY_MS))
        if n == 399:
            await kit4.drain()
    await kit4.drain()
    seen: list[HeldMessage] = []
    while page := await parked.list(LOT_REVIEW, 90, seen[-1].cursor if seen else ""):
        seen += page
    assert len(seen) == 700
    assert seen == sorted(seen, key=lambda each: (each.accepted_ms, each.held_id))
    assert await parked.count(LOT_REVIEW) == 700
    # Those that a page ended with may be gone when the next one is asked for.
    await kit4.held.cancel(seen[89].held_id)
    assert await parked.list(LOT_REVIEW, 5, seen[89].cursor) == seen[90:95]


async def test_a_decision_is_made_once_and_the_message_is_due(kit: Kit) -> None:
    parked = Parked(kit.store)
    first, second = await park(kit, 1, 2)
    assert await parked.decide(first, b"reviewed-by-lin")
    assert not await parked.decide(first, b"rejected-by-wu")
    assert not await parked.decide(first._replace(blob=b"reviewed-by-lin"), b"rejected-by-wu")
    assert [(each.held_id, each.blob) for each in await kit.held.due(0, kit.now_ms)] == [
        (first.held_id, b"reviewed-by-lin")
    ]
    assert ids(await parked.list(LOT_REVIEW, 9)) == [second.held_id]
    await parked.decide(second, b"rejected-by-wu")
    await no_lots_left(kit)


async def test_expiry_cancelling_and_replacing(kit: Kit) -> None:
    parked = Parked(kit.store)
    first, second, third = await park(kit, 1, 2, 3)
    kit.held.end(None, first)
    await kit.drain()
    assert await kit.held.cancel(second.held_id) == second.blob
    assert await kit.held.replace(third, b"nonce-replaced-body")
    assert not await parked.decide(third, b"too late")  # the reviewer saw another text
    (now,) = await parked.list(LOT_REVIEW, 9)
    assert now == third._replace(blob=b"nonce-replaced-body")
    kit.held.hold(None, now, NOW_MS + 5)  # deferred until a time: it waits for nobody any more
    await kit.drain()
    await no_lots_left(kit)


async def test_parked_from_a_stream_and_from_the_held(kit: Kit) -> None:
    parked = Parked(kit.store)
    await kit.admit(kit.item(n=1), kit.item(n=2, due_ms=NOW_MS, at_ms=NOW_MS))
    ((_, (entry_id, _), _),) = await kit.read(STREAM, 1)
    held_id = kit.item(n=1).message_ids[0]
    for _ in range(2):  # the second finds the entry settled
        kit.settlement.park(None, STREAM, entry_id, PAUSE, NOW_MS, EXPIRY_MS, held_id, b"parked-in-dispatch")
    await kit.drain()
    assert [result.settled for _, result in kit.settled if not isinstance(result, Exception)] == [True, False]
    (held,) = await kit.held.due(0, NOW_MS)
    kit.held.park(None, held, PAUSE, NOW_MS + 1, EXPIRY_MS, b"parked-when-released")
    await kit.drain()
    listed = await parked.list(PAUSE, 9)
    assert [each.blob for each in listed] == [b"parked-in-dispatch", b"parked-when-released"]
    kit.held.park(None, listed[1], lot_of_pause("global"), NOW_MS + 1, EXPIRY_MS, b"another-pause")
    await kit.drain()
    assert await parked.lots(0) == [PAUSE, lot_of_pause("global")]
    assert await parked.count(PAUSE) == 1
    assert await waiting_messages(kit.store, STREAM) == 0


async def test_a_lot_is_let_go_in_order_and_no_faster_than_told(kit: Kit) -> None:
    parked, clock = Parked(kit.store), asyncio.get_running_loop().time
    messages = await park(kit, *range(60), lot=PAUSE)
    started = clock()
    gone = 0
    async with asyncio.timeout(10):
        while await parked.lots(0):
            gone += await parked.unpark(0, PAUSE, kit.now_ms, 100)
            assert gone <= 1 + 100 * (clock() - started + 0.01)
            await asyncio.sleep(0)
    assert gone == 60
    assert clock() - started > 0.5
    assert ids(await kit.held.due(0, kit.now_ms)) == ids(messages)
    assert await parked.unpark(0, PAUSE, kit.now_ms, 100) == 0


async def test_several_processes_keep_one_pace(kit: Kit) -> None:
    parked, clock = Parked(kit.store), asyncio.get_running_loop().time
    await park(kit, *range(40), lot=PAUSE)
    started = clock()
    gone: list[int] = []

    async def let_go() -> None:
        while await parked.lots(0):
            gone.append(await parked.unpark(0, PAUSE, kit.now_ms, 50))
            assert sum(gone) <= 1 + 50 * (clock() - started + 0.01)

    async with asyncio.timeout(10):
        await asyncio.gather(let_go(), let_go(), let_go())
    await until(lambda: sum(gone) == 40)
    assert clock() - started > 0.7


async def test_a_slow_pace_lets_go_at_all(kit: Kit) -> None:
    parked = Parked(kit.store)
    await park(kit, 1, 2, lot=PAUSE)
    assert await parked.unpark(0, PAUSE, kit.now_ms, 0.5) == 1
    assert await parked.unpark(0, PAUSE, kit.now_ms, 0.5) == 0
    await kit.command("HINCRBY", "{p00}:pace:" + PAUSE, "since", -2000)
    assert await parked.unpark(0, PAUSE, kit.now_ms, 0.5) == 1
