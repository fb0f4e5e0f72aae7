"""The helper that all tests of a whole gateway stand on: a site, its ports and clock, killing and restarting."""

from __future__ import annotations

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from tests.e2e.gateway import PASSWORDS, StartGateway

pytestmark = pytest.mark.e2e


async def test_a_gateway_starts_carries_a_message_is_killed_and_comes_back(start_gateway: StartGateway) -> None:
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port}, overrides={"accounts/orders.toml": {"window": 7}})
        application = EsmeSettings(port=gateway.port, system_id="orders", password=PASSWORDS["orders"])
        async with EsmeSim(application) as esme:
            answer = await esme.submit(
                "1069000120", "8613800000001", "【示例物流】您的包裹已送达", registered_delivery=1
            )
            assert answer.ok
            await esme.wait_for(lambda: esme.receipts, 10, "a receipt")
        assert gateway.metric("smsgw_store_up") == 1
        assert gateway.status()["accounts"]["orders"]["accepted"] == 1
        gateway.set_clock("2026-11-18T21:30:00+08:00")
        gateway.advance(60)
        assert gateway.status()["business_time"].startswith("2026-11-18T13:31")
        gateway.kill()
        await gateway.start()
        assert gateway.status()["store"]["up"]
        assert await gateway.stop() == 0
        assert gateway.events("app.stopped")
