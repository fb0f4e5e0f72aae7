"""A suspended carrier: what waits for it goes over the next one, its receipts still come; then it is resumed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.spread import Delay
from smsgw.policy.orders import SUSPEND
from smsgw.services import orders
from tests.e2e.staff import staff_of
from tests.e2e.stage import open_stage

pytestmark = pytest.mark.e2e

MESSAGES = 120
SLOW = {
    "carriers/alpha.toml": {"rate": "40/s", "burst": 5, "lanes": None},
    "accounts/orders.toml": {"window": 500, "rate": "1000/s"},
}


async def test_what_waits_moves_and_what_was_sent_is_reported(tmp_path: Path) -> None:
    carriers = {"alpha": CarrierSettings(receipt=Delay.parse("400ms")), "beta": CarrierSettings()}
    async with open_stage(tmp_path, carriers, SLOW) as stage, staff_of(stage.gateway) as staff:
        alpha, beta = stage.alpha, stage.beta
        await stage.esme("orders")
        answers = await asyncio.gather(
            *(stage.send("orders", stage.recipient(), registered_delivery=1) for _ in range(MESSAGES))
        )
        await alpha.wait_for(lambda: alpha.stats.ok >= 10, 5, "some over alpha")
        await orders.give(staff(), "carrier:alpha", SUSPEND, why="it loses messages")
        await beta.wait_for(lambda: alpha.stats.ok + beta.stats.ok == MESSAGES, 10, "the rest over beta")
        over_alpha = alpha.stats.ok
        assert 10 <= over_alpha < MESSAGES / 2
        await stage.receipts("orders", *(answer[0].message_id for answer in answers))
        await alpha.wait_for(lambda: alpha.stats.receipts_acked == over_alpha, 5, "the last receipt to be answered")
        assert alpha.bound == 2

        late = stage.recipient()
        assert await stage.status("orders", late) == 0
        await stage.arrives(late)
        assert alpha.stats.ok == over_alpha
        await orders.end(staff(), "carrier:alpha", why="it is mended")
        await stage.gateway.wait_for(
            lambda: not stage.gateway.status()["carriers"]["alpha"]["why_not"], 5, "alpha back"
        )
        assert await stage.status("orders", stage.recipient()) == 0
        await alpha.wait_for(lambda: alpha.stats.ok == over_alpha + 1, 5, "alpha again")
