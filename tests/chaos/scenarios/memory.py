"""Redis has little memory, and what is there fills up: marketing is refused first, then notices, then codes."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace
from functools import partial

from tests.chaos import wording
from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.servers import SingleServer
from tests.chaos.world import World

_MEMORY = 64 << 20
_PIECE = 256 << 10
_FILLER = "chaos:filler"
#: Middles of the stages of ``[store]``: marketing is refused above 0.90, notices above 0.95, codes above 0.98.
_STAGES = ((0.925, ("marketing",)), (0.965, ("marketing", "notice")), (0.99, ("marketing", "notice", "otp")))
#: What a gateway took before it saw the stage has its answer by then.
_SETTLES_S = 1.5
_STAYS_S = 2.0
_BELOW = 0.03
#: It looks at the memory once a second, on a machine that may have much else to do.
_SEEN_S = 30.0
_NONE: frozenset[str] = frozenset()


async def _fill(world: World, chance: random.Random) -> None:
    async for _ in world.moments(chance, 1):
        for share, refused in _STAGES:
            _fill_to(world, share)
            world.note(f"{share:.1%} of Redis' memory is used: {', '.join(refused)} must be refused, the rest not")
            await world.until(partial(_is_seen, world, share, refused), f"{', '.join(refused)} to be refused", _SEEN_S)
            await asyncio.sleep(_SETTLES_S)
            before = {name: world.load.ok(name) for name in wording.CLASSES}
            await asyncio.sleep(_STAYS_S)
            for name in wording.CLASSES:
                more = world.load.ok(name) - before[name]
                if name in refused:
                    world.promise(not more, f"{more} of {name} were accepted at {share:.1%} of the memory")
                else:
                    world.promise(more, f"nothing of {name} was accepted at {share:.1%} of the memory")
        world.redis.ask("master", "UNLINK", _FILLER)
        world.note("there is memory again")
        await world.traffic()


def _fill_to(world: World, share: float) -> None:
    """Use so much of the memory, whatever the traffic has taken or given back meanwhile."""
    piece = os.urandom(_PIECE)
    while _used(world) < share * _MEMORY - _PIECE:
        world.redis.ask("master", "RPUSH", _FILLER, piece)
    while _used(world) > share * _MEMORY + _PIECE and world.redis.ask("master", "RPOP", _FILLER):
        pass


def _is_seen(world: World, share: float, refused: tuple[str, ...]) -> bool:
    """Whether the gateway knows; traffic goes on meanwhile, and takes or gives back memory.

    A moment's buffers may have begun the next stage already, which ends only a good way below its beginning.
    """
    stage = world.gateways[0].metric("smsgw_store_memory_stage")
    _fill_to(world, share - _BELOW if stage > len(refused) else share)
    return stage == len(refused)


def _used(world: World) -> int:
    return int(world.redis.info("node0", "memory")["used_memory"])


def _little_memory(settings: WorldSettings) -> WorldSettings:
    return replace(settings, store=partial(SingleServer, options=(f"maxmemory {_MEMORY}",)))


SCENARIOS = [
    Scenario(
        "memory-ceiling",
        "Redis' memory fills up: marketing, then notices, then codes are refused; what was accepted goes its way",
        _fill,
        _little_memory,
        doubles=_NONE,
        least_accepted=0.2,
        least_seconds=20,
    ),
]
