"""Clocks jump, go back, and differ between nodes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.servers import SingleServer
from tests.chaos.world import World
from tests.e2e.gateway import WORKDAY, GatewayProcess

_NONE: frozenset[str] = frozenset()
#: Within one working day, so that windows stay open and a day's cap stays one.
_JUMPS_S = (7200, -9000, 600, -1, 3600)
#: Half an hour apart.
_OTHER_CLOCK = WORKDAY.replace("10:30", "11:00")


def _move(gateway: GatewayProcess, seconds: float) -> None:
    """Ahead, or back with a negative number."""
    gateway.set_clock((gateway.clock_now() + timedelta(seconds=seconds)).isoformat())


async def _jumps(world: World, chance: random.Random) -> None:
    async for number in world.moments(chance, len(_JUMPS_S)):
        seconds = _JUMPS_S[number]
        world.note(f"business time jumps by {seconds} s")
        for gateway in world.gateways:
            _move(gateway, seconds)
        await world.traffic()


async def _differ(world: World, chance: random.Random) -> None:
    """Each node has its own time; then one of them dies, and the other takes over what it had."""
    first, second = world.gateways
    async for number in world.moments(chance, 2):
        if number == 0:
            world.note("the first node's clock goes back an hour")
            _move(first, -3600)
        else:
            world.strike("kill -9 of the first node")
            first.kill()
            await world.traffic()
            _move(second, -1800)
            await world.restarted(first)
        await world.traffic()


def _two_clocks(settings: WorldSettings) -> WorldSettings:
    return replace(settings, gateways=2, store=SingleServer, clocks=(WORKDAY, _OTHER_CLOCK))


SCENARIOS = [
    Scenario(
        "clock-jumps",
        "business time jumps ahead and back by hours and by a second",
        _jumps,
        doubles=_NONE,
        least_seconds=15,
    ),
    Scenario(
        "clocks-differ",
        "two nodes whose clocks differ by half an hour and more, one of which dies",
        _differ,
        _two_clocks,
        least_seconds=20,
    ),
]
