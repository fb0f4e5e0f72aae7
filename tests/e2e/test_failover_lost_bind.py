"""Two carriers share by weight; one loses its binds, and the other takes all."""

from __future__ import annotations

import pytest

from tests.e2e.failover import all_sent, at
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_weighted_carriers_share_and_take_over_from_each_other(failover: Stage) -> None:
    recipients = [f"8613955{number:06}" for number in range(40)]
    await failover.receipts("orders", *await all_sent(failover, recipients[:20]))
    shares = [sum(at(sim, each) for each in recipients) for sim in (failover.alpha, failover.beta)]
    assert sum(shares) == 20
    assert min(shares) >= 3
    failover.alpha.refuse_binds(0x0D)
    failover.alpha.drop_all()
    ids = await all_sent(failover, recipients[20:])
    await failover.receipts("orders", *ids)
    assert sum(at(failover.beta, each) for each in recipients[20:]) == 20
    failover.alpha.refuse_binds(0)
    await failover.gateway.wait_for(
        lambda: failover.gateway.status()["carriers"]["alpha"]["binds_up"] == 1, 10, "alpha"
    )
