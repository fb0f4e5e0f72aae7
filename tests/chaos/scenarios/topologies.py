"""A master of a Sentinel set or of a Cluster is lost or stands still, a slot moves; what was answered stays."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from redis.crc import key_slot

from smsgw.store import keys
from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.servers import ClusterSet, SentinelSet
from tests.chaos.world import World

#: A failover takes the servers' patience and their agreement, and what was in flight waits for it.
FAILOVER_S: Final = 60.0
REPLICAS_AWAY_S: Final = 4.0
PARTITIONS: Final = 6


async def _whole(world: World) -> None:
    await world.store_is_up(FAILOVER_S)
    await world.traffic(deadline_s=FAILOVER_S)
    world.note("messages are accepted again")


async def _lose_master(world: World, chance: random.Random) -> None:
    """For good, until the operator starts it again some seconds after the failover."""
    async for _ in world.moments(chance, 1):
        world.strike("kill -9 of a master")
        dead = world.redis.kill(_a_master(world, chance))
        await world.redis.until_master(not_on=dead)
        world.note("a replica is master")
        await _whole(world)
        await world.redis.restart(dead)
        world.note("the old master runs again, as a replica")
        await world.traffic()


async def _pause_master(world: World, chance: random.Random) -> None:
    """It wakes up after the failover, with all its connections, and believes for a moment that it is the master."""
    async for _ in world.moments(chance, 1):
        world.strike("SIGSTOP of a master until another is one")
        paused = world.redis.pause(_a_master(world, chance))
        try:
            await world.redis.until_master(not_on=paused)
            world.note("a replica is master")
            await world.traffic(deadline_s=FAILOVER_S)
        finally:
            world.redis.resume(paused)
        world.note("the old master wakes up")
        await world.until(partial(follows, world, paused), "the old master to follow", FAILOVER_S)
        await _whole(world)


async def _lose_replicas(world: World, chance: random.Random) -> None:
    """Nothing is promised that no replica has."""
    async for _ in world.moments(chance, 1):
        world.strike("kill -9 of both replicas")
        dead = [world.redis.kill(name) for name in world.redis.replicas()]
        await asyncio.sleep(REPLICAS_AWAY_S)
        for name in dead:
            await world.redis.restart(name)
        world.note("the replicas run again")
        await _whole(world)
        short = sum(gateway.metric("smsgw_store_replicas_short_total") for gateway in world.gateways)
        world.promise(short > 0, "the metric says that no answer had to wait for a replica")


async def _reshard(world: World, chance: random.Random) -> None:
    """Two partitions move to other masters with all that they hold, as an operator's tool moves slots."""
    async for _ in world.moments(chance, 2):
        slot = key_slot(keys.TAGS[chance.randrange(PARTITIONS)].encode())
        source = world.redis.name_of(f"master:{slot}")
        target = chance.choice([name for name in world.redis.masters() if name != source])
        world.strike(f"slot {slot} begins to move from {source} to {target}")
        world.redis.begin_move(slot, target)
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        await asyncio.to_thread(world.redis.move_slot, slot, target)
        world.note("it has moved")
        await _whole(world)


def follows(world: World, name: str) -> bool:
    """Whether a server is no master any more."""
    return name not in world.redis.masters()


def _a_master(world: World, chance: random.Random) -> str:
    return str(chance.choice(world.redis.masters()))


def sentinel(settings: WorldSettings) -> WorldSettings:
    """Two gateways on a master with two replicas; an answer waits for one of them."""
    return _replicated(replace(settings, gateways=2, binds=1, store=SentinelSet))


def _cluster_servers(directory: Path) -> ClusterSet:
    return ClusterSet(directory, partitions=PARTITIONS)


def cluster(settings: WorldSettings) -> WorldSettings:
    """Two gateways on three masters with a replica each; an answer waits for it."""
    return _replicated(replace(settings, gateways=2, binds=1, store=_cluster_servers))


def _replicated(settings: WorldSettings) -> WorldSettings:
    return settings.override({"smsgw.toml": {"store": {"replicas": 1, "replicas_timeout": "500ms"}}})


SCENARIOS = [
    Scenario(
        "sentinel-failover",
        "kill -9 of the master that Sentinel names; a replica takes over",
        _lose_master,
        world=sentinel,
    ),
    Scenario(
        "sentinel-pause-master",
        "SIGSTOP of the master until a replica has taken over, then it wakes up",
        _pause_master,
        world=sentinel,
    ),
    Scenario(
        "replicas-lost",
        "kill -9 of both replicas for some seconds: nothing is promised",
        _lose_replicas,
        world=sentinel,
    ),
    Scenario(
        "cluster-master-loss", "kill -9 of one of three masters; its replica takes over", _lose_master, world=cluster
    ),
    Scenario(
        "cluster-pause-master",
        "SIGSTOP of one of three masters until its replica has taken over, then it wakes up",
        _pause_master,
        world=cluster,
    ),
    Scenario("cluster-reshard", "two partitions move to other masters of the Cluster", _reshard, world=cluster),
]
