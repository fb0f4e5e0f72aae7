"""Several carriers on one clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulators.carrier import CarrierGroup, CarrierSettings
from simulators.clock import SimClock
from simulators.spread import Delay
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from tests.e2e.sim_wire import SOON_S, RawSocket

pytestmark = pytest.mark.e2e

_START = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)
_DELIVER_SM = int(CommandId.DELIVER_SM)


async def test_a_day_of_receipts_and_deeds_passes_at_once_in_order() -> None:
    settings = [
        CarrierSettings(name="alpha", receipt=Delay.parse("2h")),
        CarrierSettings(name="beta", receipt=Delay.parse("1h")),
    ]
    done: list[str] = []
    async with CarrierGroup(settings, SimClock(_START, rate=0.0)) as group:
        alpha, beta = group.carriers.values()
        async with await RawSocket.bound(alpha) as first, await RawSocket.bound(beta) as second:
            for client in (first, second):
                assert await client.answer_to(await client.submit()) == 0
            group.later(5400, lambda name: done.append(f"{name} after {len(alpha.deliveries)}"), "deed")
            cancelled = group.later(60, done.append, "cancelled")
            cancelled.cancel()
            assert await second.silent_for(0.05)
            group.clock.advance(86_400)
            assert done == ["deed after 0"], "before the receipt of the carrier that comes first"
            for client in (first, second):
                assert (await client.pdu())[0] == _DELIVER_SM
        receipts = list(group.entries("receipt"))
        assert [(entry.where, entry.at_ms) for entry in receipts] == [
            ("beta", round((_START + timedelta(hours=1)).timestamp() * 1000)),
            ("alpha", round((_START + timedelta(hours=2)).timestamp() * 1000)),
        ]
        assert (cancelled.done, alpha.receipts_waiting) == (True, 1)


async def test_the_date_of_a_receipt_is_business_time_and_responses_are_real_time() -> None:
    settings = [CarrierSettings(response=Delay.parse("20ms"), zone_hours=0.0)]
    async with CarrierGroup(settings, SimClock(_START, rate=0.0)) as group:
        (sim,) = group.carriers.values()
        async with await RawSocket.bound(sim) as client:
            assert await client.answer_to(await client.submit()) == 0, "though business time stands still"
            receipt = pdu.Sm(await client.frame())
            assert b"done date:2611180200" in receipt.payload
            group.clock.set(_START - timedelta(days=1))
            await client.answer_to(await client.submit())
            assert b"done date:2611170200" in pdu.Sm(await client.frame()).payload


async def test_one_turn_wakes_who_waits_for_any_carrier_and_reset_is_for_all() -> None:
    settings = [CarrierSettings(name="alpha"), CarrierSettings(name="beta")]
    async with CarrierGroup(settings) as group:
        async with await RawSocket.bound(group.carriers["beta"]) as client:
            await client.submit()
            await group.wait_for(lambda: list(group.entries("submit")), SOON_S)
        await group.wait_for(lambda: list(group.entries("lost")), SOON_S)
        group.reset()
        assert not list(group.entries())


async def test_all_start_or_none() -> None:
    async with CarrierGroup([CarrierSettings(name="alpha")]) as group:
        port = group.carriers["alpha"].port
        other = CarrierGroup([CarrierSettings(name="alpha"), CarrierSettings(name="beta", port=port)])
        with pytest.raises(OSError, match=f"{port}: address already in use"):
            await other.start()
        with pytest.raises(ConnectionRefusedError):
            await RawSocket.connect(other.carriers["alpha"])
    with pytest.raises(ValueError, match="two carriers 'alpha'"):
        CarrierGroup([CarrierSettings(name="alpha")] * 2)
