"""Redis dies or stands still, alone or together with the gateway, and comes back from its AOF."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.servers import SingleServer
from tests.chaos.world import World

#: Longer than the store's timeout (2 s), so that applications are told.
STANDSTILL_S = 4.0


async def _kill_embedded(world: World, chance: random.Random) -> None:
    """The gateway starts another on the same files."""
    async for _ in world.moments(chance, 2):
        killed = world.redis.pid
        world.strike("kill -9 of the embedded Redis")
        world.redis.kill()
        await world.until(lambda killed=killed: world.redis.pid != killed, "another Redis")  # type: ignore[misc]
        await world.store_is_up()
        await world.traffic()
        world.note("messages are accepted again")


async def _kill_both(world: World, chance: random.Random) -> None:
    gateway = world.gateways[0]
    async for _ in world.moments(chance, 2):
        world.strike("kill -9 of the gateway and its Redis at once")
        gateway.kill(store=True)
        await world.restarted(gateway)


async def _kill_shared(world: World, chance: random.Random) -> None:
    """Nobody but the operator starts it again, some seconds later."""
    async for _ in world.moments(chance, 2):
        world.strike("kill -9 of Redis")
        name = world.redis.kill("master")
        await asyncio.sleep(chance.uniform(0.5, STANDSTILL_S))
        await world.redis.restart(name)
        world.note("Redis runs again, from its AOF")
        await world.store_is_up()
        await world.traffic()
        world.note("messages are accepted again")


async def _kill_all(world: World, chance: random.Random) -> None:
    async for _ in world.moments(chance, 1):
        world.strike("kill -9 of both gateways and of Redis at once")
        name = world.redis.kill("master")
        for gateway in world.gateways:
            gateway.kill()
        await world.redis.restart(name)
        for gateway in world.gateways:
            await world.restarted(gateway)


async def _pause(world: World, chance: random.Random) -> None:
    async for _ in world.moments(chance, 2):
        world.strike(f"SIGSTOP of Redis for {STANDSTILL_S:g} s")
        name = world.redis.pause("master")
        try:
            await asyncio.sleep(STANDSTILL_S)
        finally:
            world.redis.resume(name)
        await world.store_is_up()
        await world.traffic()
        world.note("messages are accepted again")


async def _pause_with_direct(world: World, chance: random.Random) -> None:
    """Verification codes go on meanwhile, straight to the carriers."""
    async for _ in world.moments(chance, 1):
        world.strike(f"SIGSTOP of Redis for {2 * STANDSTILL_S:g} s")
        name = world.redis.pause("master")
        try:
            # Those under way are told first, after the timeout.
            await asyncio.sleep(STANDSTILL_S)
            before = world.load.ok("otp")
            await asyncio.sleep(STANDSTILL_S)
            taken = world.load.ok("otp") - before
        finally:
            world.redis.resume(name)
        world.note(f"{taken} codes were accepted in the second half of it")
        world.promise(taken > 0, "no verification code was accepted while Redis stood still")
        await world.store_is_up()
        await world.traffic()
        world.note("messages are accepted again")


def _direct(settings: WorldSettings) -> WorldSettings:
    return settings.override({"smsgw.toml": {"store": {"timeout": "1s", "away_otp_rate": "100/s"}}})


def shared(settings: WorldSettings) -> WorldSettings:
    """Two gateways on one Redis that nobody starts again by itself."""
    return replace(settings, gateways=2, binds=1, store=SingleServer)


SCENARIOS = [
    Scenario(
        "kill-redis",
        "kill -9 of the embedded Redis, twice; the gateway starts another on its AOF",
        _kill_embedded,
    ),
    Scenario("kill-gateway-and-redis", "kill -9 of the gateway and its Redis at once, twice", _kill_both),
    Scenario(
        "kill-shared-redis",
        "kill -9 of the one Redis of two gateways, twice, started again from its AOF some seconds later",
        _kill_shared,
        shared,
    ),
    Scenario("kill-all", "kill -9 of two gateways and of their Redis at once", _kill_all, shared),
    Scenario(
        "pause-redis",
        "SIGSTOP of the embedded Redis for longer than the store's timeout, twice",
        _pause,
    ),
    Scenario(
        "pause-shared-redis",
        "SIGSTOP of the one Redis of two gateways for longer than the store's timeout, twice",
        _pause,
        shared,
    ),
    Scenario(
        "codes-without-redis",
        "SIGSTOP of the embedded Redis for 8 s; verification codes go on under a local limit",
        _pause_with_direct,
        _direct,
        least_accepted=0.3,
    ),
]
