"""The network between each pair is cut, swallows everything, or is slow, under load."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.chaos.proxy import Proxy
from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.servers import SingleServer
from tests.chaos.world import World

#: Longer than the gateway waits for its store, for a carrier's answer, and than its leases hold.
_AWAY_S = 5.0
_DELAY_S = 0.15
_OCTETS_PER_S = 60_000
#: The last line of a process in whose place another has acted.
_PUT_OUT = "smsgw: another process runs as node 'n1', or has taken over what this one had"
_NONE: frozenset[str] = frozenset()

Disturb = Callable[[World, random.Random], Awaitable[None]]


def _with(*pairs: str) -> Callable[[WorldSettings], WorldSettings]:
    """A world with proxies between these; Redis is one over TCP then."""

    def world(settings: WorldSettings) -> WorldSettings:
        settings = replace(settings, proxies=frozenset(pairs))
        return replace(settings, store=SingleServer) if "gateway-redis" in pairs else settings

    return world


def _cut(pair: str, uncertain: bool) -> Disturb:
    """Every connection is reset, often: also idle ones, and those that were just opened."""

    async def disturb(world: World, chance: random.Random) -> None:
        async for _ in world.moments(chance, 2):
            (world.strike if uncertain else world.note)(f"{pair} reset, ten times in a second")
            for _ in range(10):
                for name, proxy in world.proxies.items():
                    if name.startswith(pair):
                        proxy.cut()
                await asyncio.sleep(0.1)
            await world.traffic()

    return disturb


async def _away(world: World, name: str, begin: Callable[[Proxy], None], what: str, uncertain: bool = False) -> None:
    (world.strike if uncertain else world.note)(f"{name}: {what}")
    proxy = world.proxies[name]
    begin(proxy)
    await asyncio.sleep(_AWAY_S)
    proxy.restore()
    world.note(f"{name}: restored")


async def _blackhole_applications(world: World, chance: random.Random) -> None:
    async for _ in world.moments(chance, 1):
        await _away(world, "app-gateway", Proxy.blackhole, "swallows everything")
        await world.traffic()


async def _blackhole_redis(world: World, chance: random.Random) -> None:
    ways: list[tuple[str, Callable[[Proxy], None]]] = [
        ("swallows everything", Proxy.blackhole),
        ("swallows Redis' answers", lambda proxy: proxy.blackhole("down")),
        ("nothing gets through", Proxy.hold),
    ]
    async for number in world.moments(chance, len(ways)):
        what, begin = ways[number]
        await _away(world, "gateway-redis", begin, what)
        await world.store_is_up()
        await world.traffic()


async def _partition_one(world: World, chance: random.Random) -> None:
    first = world.gateways[0]
    async for _ in world.moments(chance, 1):
        await _away(world, "gateway-redis", Proxy.blackhole, "swallows everything of one of two", uncertain=True)
        assert first.process is not None
        # The other has taken over what it had, so it may find that it was put out, and end: then it is started again.
        await world.until(
            lambda: first.process.poll() is not None or first.metric("smsgw_store_up") >= 1,  # type: ignore[union-attr]
            "the first to have its store again, or to end",
        )
        await asyncio.sleep(_DELAY_S)
        if first.process.poll() is not None:
            world.note(f"the one that was away ended with {first.process.returncode}")
            first.process = None
            await world.restarted(first)
        await world.traffic()


async def _slow_redis(world: World, chance: random.Random) -> None:
    async for _ in world.moments(chance, 1):
        proxy = world.proxies["gateway-redis"]
        world.note(f"gateway-redis: {_DELAY_S:g} s each way")
        proxy.delay(_DELAY_S)
        await world.traffic(200)
        proxy.restore()
        world.note(f"gateway-redis: {_OCTETS_PER_S} octets a second")
        proxy.throttle(_OCTETS_PER_S)
        await asyncio.sleep(_AWAY_S)
        proxy.restore()
        world.note("gateway-redis: restored")
        await world.store_is_up()
        await world.traffic()


async def _blackhole_carrier(world: World, chance: random.Random) -> None:
    ways: list[tuple[str, Callable[[Proxy], None]]] = [
        ("swallows everything", Proxy.blackhole),
        ("swallows the carrier's answers", lambda proxy: proxy.blackhole("down")),
    ]
    async for number in world.moments(chance, len(ways)):
        what, begin = ways[number]
        await _away(world, "gateway-carrier", begin, what, uncertain=True)
        await world.traffic()


async def _half_close_carrier(world: World, chance: random.Random) -> None:
    proxy = world.proxies["gateway-carrier"]
    async for number in world.moments(chance, 2):
        world.strike(f"gateway-carrier: {'the gateway' if number else 'the carrier'} hears the end of the stream")
        proxy.half_close("down" if number else "up")
        await asyncio.sleep(2)
        await world.traffic()


async def _no_carrier(world: World, chance: random.Random) -> None:
    async for _ in world.moments(chance, 1):
        world.strike("both carriers refuse connections")
        for proxy in world.proxies.values():
            proxy.refuse()
        await asyncio.sleep(_AWAY_S)
        for proxy in world.proxies.values():
            proxy.restore()
        world.note("both carriers listen again")
        await world.traffic()


SCENARIOS = [
    Scenario(
        "cut-app-gateway",
        "every connection of applications is reset, again and again",
        _cut("app-gateway", uncertain=False),
        _with("app-gateway"),
        doubles=_NONE,
    ),
    Scenario(
        "blackhole-app-gateway",
        "for 5 s nothing arrives between applications and gateway",
        _blackhole_applications,
        _with("app-gateway"),
        doubles=_NONE,
        least_seconds=20,
    ),
    Scenario(
        "cut-gateway-redis",
        "every connection to Redis is reset, again and again",
        _cut("gateway-redis", uncertain=False),
        _with("gateway-redis"),
        doubles=_NONE,
    ),
    Scenario(
        "blackhole-gateway-redis",
        "three times 5 s nothing arrives at Redis, or from it, or everything late",
        _blackhole_redis,
        _with("gateway-redis"),
        doubles=_NONE,
        least_seconds=30,
    ),
    Scenario(
        "partition-one-gateway",
        "one of two gateways does not reach Redis for longer than its leases hold",
        _partition_one,
        lambda settings: replace(_with("gateway-redis")(settings), gateways=2),
        errors=frozenset((_PUT_OUT,)),
        least_seconds=20,
    ),
    Scenario(
        "slow-gateway-redis",
        "each call to Redis takes 0.3 s longer, then the line carries 60,000 octets a second",
        _slow_redis,
        _with("gateway-redis"),
        doubles=_NONE,
        least_seconds=20,
    ),
    Scenario(
        "cut-gateway-carrier",
        "every connection to the carriers is reset, again and again",
        _cut("gateway-carrier", uncertain=True),
        _with("gateway-carrier"),
        most_doubles=lambda world: 10 * world.carrier_windows * world.strikes,
    ),
    Scenario(
        "blackhole-gateway-carrier",
        "for 5 s nothing arrives between gateway and one carrier, then nothing from it",
        _blackhole_carrier,
        _with("gateway-carrier"),
        least_seconds=25,
    ),
    Scenario(
        "half-close-gateway-carrier",
        "one end of the connections to a carrier hears the end of the stream, the other goes on",
        _half_close_carrier,
        _with("gateway-carrier"),
    ),
    Scenario(
        "no-carrier",
        "for 5 s no carrier can be reached",
        _no_carrier,
        _with("gateway-carrier"),
    ),
]
