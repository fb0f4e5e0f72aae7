"""The network among Redis' servers, their sentinels and the gateways is broken; sentinels die. An answer waits for a
replica all the while, so whoever is cut off can promise nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from tests.chaos.ledger import OK
from tests.chaos.parted import GATEWAYS, REPLICAS, SENTINELS, PartedSentinels
from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.scenarios.topologies import FAILOVER_S, follows, sentinel
from tests.chaos.world import World

_AWAY_S = 5.0
_NAMES = ("sentinel0", "sentinel1", "sentinel2")
_NONE: frozenset[str] = frozenset()
#: The last line of a process that had no store for longer than its leases hold, and found that another had acted.
_PUT_OUT = frozenset(
    f"smsgw: another process runs as node '{name}', or has taken over what this one had" for name in ("n1", "n2")
)


def _parted(settings: WorldSettings) -> WorldSettings:
    return replace(sentinel(settings), store=PartedSentinels)


def _parted_all(settings: WorldSettings) -> WorldSettings:
    """An answer waits for both replicas: of two the one that is not promoted may follow the old master for a second."""
    return _parted(settings).override({"smsgw.toml": {"store": {"replicas": 2}}})


async def _whole(world: World) -> None:
    """Messages are accepted, and go their whole way."""
    await _start_again(world)
    await world.store_is_up(FAILOVER_S)
    await world.traffic(deadline_s=FAILOVER_S)
    receipts = world.load.progress["receipts"]
    await world.until(lambda: world.load.progress["receipts"] > receipts + 200, "200 more receipts", FAILOVER_S)
    world.note("messages are accepted and reported again")
    await _start_again(world)


async def _start_again(world: World) -> None:
    """Those that were put out, as systemd would: on a machine that is too busy for leases of 3 s some are."""
    for place, gateway in enumerate(world.gateways, 1):
        if gateway.process is not None and gateway.process.poll() is not None:
            world.strike(f"gateway {place} ended with {gateway.process.returncode}: another had taken over")
            gateway.process = None
            await world.restarted(gateway)


def _promised_since(world: World, begun_s: float) -> int:
    """Segments that were sent since then (monotonic seconds) and have been accepted by now."""
    count = 0
    for line in world.load.ledger.read_text(encoding="ascii").splitlines():
        # The last line may be half written.
        _, _, _, _, sent, _, status, *_ = (*line.split(" "), *[""] * 8)
        count += status == OK and float(sent) >= begun_s
    return count


# -- master and replicas


async def _cut_replication(world: World, chance: random.Random) -> None:
    async for _ in world.moments(chance, 2):
        world.note("the replicas' connections to the master are reset, ten times in a second")
        for _ in range(10):
            world.redis.cut(world.redis.name_of("master"), REPLICAS)
            await asyncio.sleep(0.1)
        world.redis.heal()
        await _whole(world)


async def _swallow_replication(world: World, chance: random.Random) -> None:
    """First from one replica, which nobody need notice; then from both, and nothing is promised."""
    async for number in world.moments(chance, 2):
        master, replica = world.redis.name_of("master"), chance.choice(world.redis.replicas())
        world.note(f"nothing arrives between the master and {'both replicas' if number else replica}")
        world.redis.swallow(master, REPLICAS if number else world.redis.side(replica))
        begun_s = time.monotonic()
        await asyncio.sleep(_AWAY_S)
        taken = _promised_since(world, begun_s)
        world.redis.heal()
        world.note(f"{taken} segments were accepted meanwhile; the network is whole again")
        if number:
            world.promise(not taken, f"{taken} segments were promised that no replica has")
        else:
            world.promise(taken, "nothing was accepted though one replica had everything")
        await _whole(world)


# -- the master and everybody else


async def _part_from_sentinels(world: World, chance: random.Random) -> None:
    """Of the two masters neither has both replicas."""
    async for _ in world.moments(chance, 1):
        old = await _two_masters(world, SENTINELS, "the sentinels")
        begun_s = time.monotonic()
        await asyncio.sleep(_AWAY_S)
        taken = _promised_since(world, begun_s)
        world.promise(not taken, f"{taken} segments were promised that only one replica has")
        await _one_master(world, old)


async def _part_from_all(world: World, chance: random.Random) -> None:
    """The new master has a replica and the old one none, so everything goes on with the new one."""
    async for _ in world.moments(chance, 1):
        old = await _two_masters(world, SENTINELS | REPLICAS, "sentinels and replicas")
        await _whole(world)
        await _one_master(world, old)


async def _two_masters(world: World, sides: Iterable[str], who: str) -> str:
    """Another becomes master; the old one, whose name it gives, lives and does not hear of it."""
    old: str = world.redis.name_of("master")
    world.strike(f"nothing arrives between {old}, the master, and {who}; the gateways reach it")
    world.redis.swallow(old, sides)
    await world.redis.until_master(not_on=old)
    world.note("a replica is master as well")
    return old


async def _one_master(world: World, old: str) -> None:
    world.promise(old in world.redis.masters(), "the old master knew of the new one before the network was whole")
    world.redis.heal()
    world.note("the network is whole again")
    await world.until(partial(follows, world, old), "the old master to follow", FAILOVER_S)
    world.note("the old master follows")
    await _whole(world)


# -- gateways and sentinels


async def _no_sentinels(world: World, chance: random.Random) -> None:
    """Nobody needs them while the master is where it was; who lost it waits for them."""
    async for number in world.moments(chance, 2):
        _swallow_sentinels(world, _NAMES)
        if number:
            world.strike("no gateway reaches a sentinel, and their connections to the master are reset")
            world.redis.cut(world.redis.name_of("master"), GATEWAYS)
        else:
            world.note("no gateway reaches a sentinel")
        refused, ok = world.load.refused("0x453"), world.load.ok()
        await asyncio.sleep(_AWAY_S)
        if not number:
            world.promise(world.load.ok() > ok, "nothing was accepted without sentinels")
            world.promise(world.load.refused("0x453") == refused, "the store was away without sentinels")
        world.redis.heal()
        world.note("the network is whole again")
        await _whole(world)


async def _one_sentinel(world: World, chance: random.Random) -> None:
    """The master dies, and gateways hear of the next one from a single sentinel."""
    async for _ in world.moments(chance, 1):
        heard = chance.choice(_NAMES)
        world.strike(f"no gateway reaches a sentinel but {heard}; kill -9 of the master")
        _swallow_sentinels(world, [name for name in _NAMES if name != heard])
        dead = world.redis.kill("master")
        await world.redis.until_master(not_on=dead)
        world.note("a replica is master")
        await _whole(world)
        world.redis.heal()
        await world.redis.restart(dead)
        await world.traffic()


def _swallow_sentinels(world: World, names: Iterable[str]) -> None:
    for name in names:
        world.redis.swallow(name, GATEWAYS)


async def _kill_sentinels(world: World, chance: random.Random) -> None:
    """All of them, which nobody need notice; then one, and the master: the other two agree."""
    async for number in world.moments(chance, 2):
        if number == 0:
            refused = world.load.refused("0x453")
            for name in _NAMES:
                world.redis.kill(name)
            world.note("kill -9 of all sentinels")
            await world.traffic(200)
            world.promise(world.load.refused("0x453") == refused, "the store was away without sentinels")
            for name in _NAMES:
                await world.redis.restart(name)
            world.note("all sentinels run again")
            continue
        killed = chance.choice(_NAMES)
        world.strike(f"kill -9 of {killed} and of the master")
        world.redis.kill(killed)
        dead = world.redis.kill("master")
        await world.redis.until_master(not_on=dead)
        world.note("a replica is master")
        await _whole(world)
        await world.redis.restart(killed)
        await world.redis.restart(dead)
        await world.traffic()


SCENARIOS = [
    Scenario(
        "cut-redis-replicas",
        "every connection between the master and its replicas is reset, again and again",
        _cut_replication,
        _parted,
        errors=_PUT_OUT,
        doubles=_NONE,
    ),
    Scenario(
        "blackhole-redis-replicas",
        "for 5 s nothing arrives between the master and one replica, then both: nothing is promised that none has",
        _swallow_replication,
        _parted,
        errors=_PUT_OUT,
        doubles=_NONE,
        least_accepted=0.3,
        least_seconds=25,
    ),
    Scenario(
        "blackhole-sentinels-master",
        "sentinels do not reach a master that lives, and make another; gateways and replicas reach both",
        _part_from_sentinels,
        _parted_all,
        errors=_PUT_OUT,
        least_accepted=0.3,
        least_seconds=30,
    ),
    Scenario(
        "split-brain",
        "a master that only the gateways reach: sentinels make another, and nothing is promised by the old one",
        _part_from_all,
        _parted,
        errors=_PUT_OUT,
        least_seconds=20,
    ),
    Scenario(
        "blackhole-gateway-sentinels",
        "for 5 s no gateway reaches a sentinel; once more, and its connections to the master are reset",
        _no_sentinels,
        _parted,
        errors=_PUT_OUT,
        doubles=_NONE,
        least_seconds=25,
    ),
    Scenario(
        "one-sentinel-heard",
        "kill -9 of the master while gateways reach a single sentinel",
        _one_sentinel,
        _parted,
        errors=_PUT_OUT,
    ),
    Scenario(
        "kill-sentinels",
        "kill -9 of all sentinels, which nobody notices; then of one, and of the master",
        _kill_sentinels,
        sentinel,
        errors=_PUT_OUT,
    ),
]
