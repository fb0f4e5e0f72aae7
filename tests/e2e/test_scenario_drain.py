"""A carrier is drained: it sends what it has, takes nothing new, unbinds politely, and comes back when it may."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulators.carrier.settings import CarrierSettings
from smsgw.policy.orders import DRAIN
from smsgw.services import orders
from tests.e2e.staff import staff_of
from tests.e2e.stage import open_stage

pytestmark = pytest.mark.e2e

MESSAGES = 30
SLOW = {
    "carriers/alpha.toml": {"rate": "60/s", "burst": 5, "lanes": None},
    "accounts/orders.toml": {"window": 500, "rate": "1000/s"},
}


async def test_a_drained_carrier_sends_what_it_has_and_unbinds(tmp_path: Path) -> None:
    carriers = {"alpha": CarrierSettings(), "beta": CarrierSettings()}
    async with open_stage(tmp_path, carriers, SLOW) as stage, staff_of(stage.gateway) as staff:
        alpha, beta = stage.alpha, stage.beta
        await stage.esme("orders")
        answers = await asyncio.gather(
            *(stage.send("orders", stage.recipient(), registered_delivery=1) for _ in range(MESSAGES))
        )
        stage.gateway.advance(1)  # staff's clock has whole seconds
        await orders.give(staff(), "carrier:alpha", DRAIN, why="its contract ends")
        await stage.gateway.wait_for(lambda: stage.gateway.events("carrier.ordered"), 5, "the order")
        new = [stage.recipient() for _ in range(5)]
        for recipient in new:
            assert await stage.status("orders", recipient) == 0
        await beta.wait_for(lambda: beta.stats.ok == len(new), 5, "new ones over beta")
        await alpha.wait_for(lambda: alpha.bound == 0, 15, "alpha to be left")
        assert (alpha.stats.ok, alpha.stats.unbinds) == (MESSAGES, 2)
        await stage.receipts("orders", *(answer[0].message_id for answer in answers))
        await orders.end(staff(), "carrier:alpha", why="it was renewed")
        await alpha.wait_for(lambda: alpha.bound == 2, 5, "alpha again")
        assert await stage.status("orders", stage.recipient()) == 0
        await alpha.wait_for(lambda: alpha.stats.ok == MESSAGES + 1, 5, "a message over alpha")
