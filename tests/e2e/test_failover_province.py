"""Guangdong drops to 60 per cent at one carrier: it goes elsewhere, the other provinces stay."""

from __future__ import annotations

import time

import pytest

from simulators.carrier.settings import Match, Rule
from simulators.carrier.states import ReceiptState
from tests.e2e.failover import all_sent, at, events
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

GUANGDONG, BEIJING = "861371{:07}", "861381{:07}"
_BAD_GUANGDONG = Rule(
    Match(provinces=frozenset({"广东"})),
    {"states": ((ReceiptState.parse("UNDELIV/012"), 0.4),), "rest_state": ReceiptState.parse("DELIVRD")},
)


async def test_guangdong_drops_to_60_per_cent_and_leaves_the_others_alone(failover: Stage) -> None:
    """All of it in a stretch of business time that is far below a minute, but for the waits for probes."""
    numbers = iter(range(1, 10_000))

    async def run(count: int) -> tuple[list[str], list[str]]:
        to_guangdong = [GUANGDONG.format(next(numbers)) for _ in range(count)]
        to_beijing = [BEIJING.format(next(numbers)) for _ in range(count // 4)]
        ids = await all_sent(failover, [*to_guangdong, *to_beijing])
        await failover.receipts("orders", *ids, deadline_s=20)
        return to_guangdong, to_beijing

    before, _ = await run(80)
    assert sum(at(failover.alpha, each) for each in before) == 80
    failover.gateway.advance(400)  # what is usual is known once it has left the window
    await run(8)
    began_s = time.monotonic()
    failover.alpha.change(rules=(_BAD_GUANGDONG,))
    beijing = []
    while not events(failover, "carrier.breaker_open", province="广东"):
        beijing += (await run(40))[1]
        assert time.monotonic() - began_s < 60
    switched, more = await run(40)
    assert [at(failover.beta, each) for each in switched] == [1] * 40
    assert all(at(failover.alpha, each) == 1 for each in (*beijing, *more))
    assert events(failover, "carrier.breaker_open") == 1
    # Probes, while it is bad: a share goes there and it stays off.
    failover.gateway.advance(61)
    probing, _ = await run(40)
    assert 0 < sum(at(failover.alpha, each) for each in probing) < 20
    failover.alpha.change(rules=())
    for _ in range(6):
        if events(failover, "carrier.breaker_closed"):
            break
        failover.gateway.advance(125)
        await run(60)
    after, _ = await run(8)
    assert [at(failover.alpha, each) for each in after] == [1] * 8
