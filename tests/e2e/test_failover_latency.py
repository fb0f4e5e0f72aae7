"""A carrier that answers ever later gets nothing new."""

from __future__ import annotations

import pytest

from simulators.spread import Delay
from tests.e2e.failover import all_sent, events, outcome
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_a_carrier_that_answers_ever_later_gets_nothing_new(failover: Stage) -> None:
    failover.alpha.change(response=Delay.parse("600ms"))
    ids = await all_sent(failover, [failover.recipient() for _ in range(45)])
    await failover.receipts("orders", *ids, deadline_s=20)
    assert events(failover, "carrier.breaker_open", watched="latency") == 1
    for _ in range(3):
        assert await outcome(failover, failover.recipient()) == ("DELIVRD", 0, 1)
    assert failover.gateway.metric("smsgw_carrier_breaker_opened_total", carrier="alpha", province="latency") == 1
