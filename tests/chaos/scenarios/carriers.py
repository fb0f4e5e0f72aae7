"""A carrier stands still, says everything twice, or keeps connections that nobody is behind."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.world import World

_STILL_S = 6.0
_NONE: frozenset[str] = frozenset()


async def _half_open(world: World, chance: random.Random) -> None:
    carrier, gateway = world.carriers["alpha"], world.gateways[0]

    def opened() -> float:
        return gateway.metric("smsgw_carrier_binds_opened_total", carrier="alpha")

    async for _ in world.moments(chance, 2):
        before = opened()
        count = await carrier.links("half_open")
        world.strike(f"{count} connections to alpha are half open: nothing is answered, nothing ends")
        world.promise(count, "there was no connection to leave half open")
        await world.until(lambda: opened() >= before + count, "alpha to be bound anew")  # noqa: B023
        world.note("the gateway has given them up and is bound anew")
        await world.traffic()


async def _stands_still(world: World, chance: random.Random) -> None:
    carrier = world.carriers["alpha"]
    async for _ in world.moments(chance, 2):
        world.strike(f"SIGSTOP of the carrier alpha for {_STILL_S:g} s")
        carrier.pause()
        try:
            await asyncio.sleep(_STILL_S)
        finally:
            carrier.resume()
        await world.traffic()


async def _twice(world: World, chance: random.Random) -> None:
    """Nothing else: every answer and every receipt comes twice all the while, and the carrier drops its binds once."""
    async for _ in world.moments(chance, 1):
        world.strike("alpha drops its connections")
        await world.carriers["alpha"].links("drop")
        await world.traffic()


def _all_twice(settings: WorldSettings) -> WorldSettings:
    words = ("--answer-twice", "100%", "--duplicate", "100%", "--duplicate-after", "0%:0s,50%:5ms,100%:900ms")
    return replace(settings, carrier_options=words)


SCENARIOS = [
    Scenario("half-open-carrier", "the connections of a carrier are half open, twice", _half_open, least_seconds=25),
    Scenario("stopped-carrier", "a carrier stands still for 6 s, twice", _stands_still, least_seconds=25),
    Scenario(
        "carrier-says-all-twice",
        "every answer and every receipt of the carriers comes twice: applications hear of it once",
        _twice,
        _all_twice,
    ),
]
