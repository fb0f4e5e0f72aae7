"""Clocks jump, go back, and differ between nodes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from weakref import WeakKeyDictionary

from smsgw.store.server import find_binary
from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.servers import SingleServer
from tests.chaos.wall_clock import WallClock
from tests.chaos.world import World
from tests.e2e.gateway import WORKDAY, GatewayProcess

_NONE: frozenset[str] = frozenset()
#: Within one working day, so that windows stay open and a day's cap stays one.
_JUMPS_S = (7200, -9000, 600, -1, 3600)
#: Of a wall clock: to set it ahead, back, and right again; in every lease's terms for ever. Ahead never by the ten
#: minutes for which Redis keeps a receipt that came before its response: it would be forgotten with its time to live.
_SETTINGS_S = (500, -300, 0)
_walls: WeakKeyDictionary[World, WallClock] = WeakKeyDictionary()
_walls_of_redis: WeakKeyDictionary[SingleServer, WallClock] = WeakKeyDictionary()
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


# -- the wall clocks of machines


async def _machine(world: World) -> None:
    clock = _walls[world] = WallClock(world.directory / "clock")
    world.wrapper = clock.wrapper


async def _set_machine(world: World, chance: random.Random) -> None:
    clock = _walls[world]
    async for number in world.moments(chance, len(_SETTINGS_S)):
        clock.ahead_s = _SETTINGS_S[number]
        world.note(f"the clock of the machine is {clock.ahead_s} s ahead of the true one")
        await world.traffic(100)


def _redis_of_another_time(directory: Path) -> SingleServer:
    clock = WallClock(directory / "clock")
    servers = SingleServer(directory, binary=clock.around(find_binary()))
    _walls_of_redis[servers] = clock
    return servers


async def _set_redis(world: World, chance: random.Random) -> None:
    """Leases and deadlines go by this clock: ahead, all leases have ended at once."""
    clock = _walls_of_redis[world.servers]  # type: ignore[index]
    async for number in world.moments(chance, len(_SETTINGS_S)):
        clock.ahead_s = _SETTINGS_S[number]
        world.strike(f"the clock of Redis' machine is {clock.ahead_s} s ahead of the true one")
        await world.traffic(100)
        for place, gateway in enumerate(world.gateways, 1):
            assert gateway.process is not None
            if gateway.process.poll() is not None:
                world.note(f"gateway {place} ended with {gateway.process.returncode}: another had taken over")
                gateway.process = None
                await world.restarted(gateway)
        await world.store_is_up()
    silent = [gateway for gateway in world.gateways if not gateway.events("clock.differs")]
    world.promise(not silent, f"{len(silent)} gateways did not say that their clocks differ from Redis'")


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
        "machine-clock-set",
        "the wall clock of the machine, its Redis' too, is set ahead and back by minutes",
        _set_machine,
        lambda settings: replace(settings, prepare=_machine),
        doubles=_NONE,
        least_seconds=15,
    ),
    Scenario(
        "redis-clock-set",
        "the wall clock of the machine of Redis is set ahead and back, under two gateways whose leases go by it",
        _set_redis,
        lambda settings: replace(settings, gateways=2, store=_redis_of_another_time),
        least_seconds=20,
    ),
    Scenario(
        "clocks-differ",
        "two nodes whose clocks differ by half an hour and more, one of which dies",
        _differ,
        _two_clocks,
        least_seconds=20,
    ),
]
