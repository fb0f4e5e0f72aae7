"""An application that loses its link over one receipt gets all others, and the one is dropped in the end."""

from __future__ import annotations

import asyncio

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from tests.e2e.raw_client import RawClient

POISON = "13900000099"
TEXT = "【示例物流】您的包裹已经发出。"


async def test_the_poisonous_one_is_isolated_and_dropped(start_gateway) -> None:  # type: ignore[no-untyped-def]
    async with CarrierSim(CarrierSettings()) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port})
        sender = await RawClient.bind_transmitter(gateway.port, "orders", "orders12")
        recipients = [f"139000000{number:02}" for number in range(10, 20)]
        for recipient in [*recipients[:5], POISON, *recipients[5:]]:
            assert await sender.submit(recipient, TEXT) == 0
        await sender.close()
        got: set[str] = set()
        async with asyncio.timeout(30):
            while not set(recipients) <= got or gateway.events("esme.delivery_dropped") == []:
                receiver = await RawClient.bind_receiver(gateway.port, "orders", "orders12")
                got |= await receiver.take_receipts(breaks_over=POISON, idle_s=1.0)
                await receiver.close()
        assert POISON not in got
        assert len(gateway.events("esme.delivery_dropped")) == 1
