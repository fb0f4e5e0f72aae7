"""A carrier says "too fast" to everything for a while: the whole link slows, order is kept, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from tests.e2e.gateway import ROOT, GatewayProcess

pytestmark = pytest.mark.e2e

THROTTLED = 0x58
MESSAGES = 150
WINDOW = 10


async def test_a_storm_of_throttling_slows_the_link_and_changes_no_order(tmp_path: Path) -> None:
    async with CarrierSim(CarrierSettings(accounts={"smsgw": "quirk123"})) as carrier:
        route = {"name": "all", "carriers": ["hex-ids"]}
        gateway = GatewayProcess(
            tmp_path,
            {"hex-ids": carrier.port},
            {
                "routes.toml": {"route": [route]},
                "carriers/hex-ids.toml": {"response_id": "text", "receipt_id": "text", "rate": "2000/s"},
                "accounts/app.toml": {"class": "notice"},
            },
            base=ROOT / "config" / "quirks",
        )
        for path in (gateway.site / "carriers").glob("*.toml"):
            if path.stem != "hex-ids":
                path.unlink()
        try:
            await gateway.start()
            carrier.refuse_messages(THROTTLED)
            application = EsmeSettings(port=gateway.port, system_id="app", password="load1234")
            async with EsmeSim(application) as esme:
                texts = [f"【示例科技】您的订单{number:09}已发货" for number in range(MESSAGES)]
                sent = [esme.submit("10690001", "8613800000001", text, registered_delivery=1) for text in texts]
                assert {(await answer).status for answer in sent} == {0}
                await carrier.wait_for(lambda: carrier.stats.statuses.get(THROTTLED, 0) > WINDOW, 10, "the storm")
                # A window's worth, a pause, and at half the rate the next few: not all hundred and fifty at once.
                assert carrier.stats.submits < MESSAGES
                # What comes again is what was refused, first of all the first.
                assert {message.text for message in carrier.received} <= set(texts[: 2 * WINDOW])
                carrier.refuse_messages(0)
                await esme.wait_for(lambda: len(esme.receipts) == MESSAGES, 20, "all receipts")
            taken = [message.text for message in carrier.received if message.status == 0]
            assert taken == texts
            slowed = gateway.status()["carriers"]["hex-ids"]
            assert slowed["submitted"] == carrier.stats.submits
        finally:
            gateway.close()
