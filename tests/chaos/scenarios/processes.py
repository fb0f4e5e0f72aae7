"""Processes of the gateway die or are stopped, under load."""

from __future__ import annotations

import random

from tests.chaos.scenario import Scenario
from tests.chaos.world import World


async def _kill(world: World, chance: random.Random) -> None:
    gateway = world.gateways[0]
    async for _ in world.moments(chance, 2):
        world.strike("kill -9 of the gateway")
        gateway.kill()
        await world.restarted(gateway)


async def _terminate(world: World, chance: random.Random) -> None:
    gateway = world.gateways[0]
    async for _ in world.moments(chance, 2):
        world.note("SIGTERM to the gateway")
        await gateway.stop()
        await world.restarted(gateway)


SCENARIOS = [
    Scenario("kill-gateway", "kill -9 of the one gateway, twice, and started again", _kill),
    Scenario(
        "term-gateway",
        "SIGTERM under load, twice: it drains, ends, and is started again; nothing comes twice",
        _terminate,
        doubles=frozenset(),
        # While it drains it refuses.
        least_accepted=0.2,
    ),
]
