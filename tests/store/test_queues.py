"""Looking into streams: what is not settled, in order, without taking part in their groups."""

from __future__ import annotations

from smsgw.store.envelope import Envelope
from smsgw.store.queues import Queues
from tests.store.conftest import MakeKit


def _envelope(number: int) -> Envelope:
    return Envelope([f"00{number:018x}"], [b"pdu"], "shop", 2, "8613800138000", "1069", "", [1], 1_000 + number)


async def test_the_first_of_a_queue_are_those_that_wait(make_kit: MakeKit) -> None:
    kit = await make_kit()
    store = kit.store
    queues = Queues(store)
    assert {each.waiting for each in await queues.lengths(["alpha"])} == {0}
    assert not await queues.waits("alpha", 10_000)
    stream, seal = "{p00}:mt:alpha:2", store.sealer.seal
    ids = [await store.command(0, "XADD", stream, "*", "m", seal(_envelope(number).pack())) for number in range(5)]
    await store.command(0, "HSET", "{p00}:part:mt:alpha:2", "n", 5)
    await store.command(0, "XDEL", stream, ids[0])
    await store.command(0, "HINCRBY", "{p00}:part:mt:alpha:2", "n", -1)
    found = await queues.first("alpha", 2, 3)
    assert [each.accepted_at_ms for each in found] == [1_001, 1_002, 1_003]
    (marketing,) = [each for each in await queues.lengths(["alpha", "beta"]) if each.waiting]
    assert (marketing.carrier, marketing.lane, marketing.waiting) == ("alpha", 2, 4)
    assert marketing.oldest_ms == int(ids[1].partition(b"-")[0])
    assert await queues.waits("alpha", 1_001)
    assert not await queues.waits("alpha", 1_000)
    assert not await queues.waits("beta", 9_999)
