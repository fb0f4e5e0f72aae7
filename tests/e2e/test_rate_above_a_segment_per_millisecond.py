"""A carrier's rate that makes its queue wait for less than the loop can time: it must go on all the same."""

from __future__ import annotations

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from tests.e2e.gateway import PASSWORDS, StartGateway

pytestmark = pytest.mark.e2e


async def test_waits_below_a_millisecond_do_not_stop_the_queue(start_gateway: StartGateway) -> None:
    messages = 40
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(
            carriers={"alpha": alpha.port}, overrides={"carriers/alpha.toml": {"rate": "4000/s", "burst": 1}}
        )
        application = EsmeSettings(port=gateway.port, system_id="orders", password=PASSWORDS["orders"])
        async with EsmeSim(application) as esme:
            for number in range(messages):
                esme.submit("1069000120", f"86138000001{number:02}", "【示例物流】您的包裹已送达")
            await alpha.wait_for(lambda: len(alpha.received) == messages, 10, "all messages at the carrier")
        assert not [event for event in gateway.events() if event["level"] == "error"]
