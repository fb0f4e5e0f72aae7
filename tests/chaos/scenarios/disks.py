"""The disk under Redis' append-only file, and the one under the records, is full for a while."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from tests.chaos.disk import SmallDisk
from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.world import World

_MEGABYTES = 96
_FULL_S = 5.0
_NONE: frozenset[str] = frozenset()
#: Relative to the site, and to the state directory: both are the world's own directory.
_DISK = "../../disk"
_disks: WeakKeyDictionary[World, SmallDisk] = WeakKeyDictionary()


def _on_disk(**files: dict[str, Any]) -> Callable[[WorldSettings], WorldSettings]:
    """A world with a small disk, on which the gateway has what these settings of smsgw.toml put there."""

    def world(settings: WorldSettings) -> WorldSettings:
        return replace(settings.override({"smsgw.toml": files}), prepare=_prepare)

    return world


async def _prepare(world: World) -> None:
    disk = SmallDisk(world.directory / "disk", _MEGABYTES)
    world.at_end(disk.close)
    world.wrapper = disk.wrapper
    _disks[world] = disk


async def _full_store(world: World, chance: random.Random) -> None:
    gateway, disk = world.gateways[0], _disks[world]
    async for _ in world.moments(chance, 2):
        world.note(f"the disk of the append-only file is full: {disk.fill()} octets")
        await world.until(lambda: gateway.metric("smsgw_store_up") == 0, "the gateway to say that its store is away")
        world.promise(not gateway.is_ready, "/readyz says that all is well while nothing can be kept")
        await asyncio.sleep(_FULL_S)
        disk.empty()
        world.note("there is room again")
        await world.store_is_up()
        await world.traffic()
    told = [event.get("why", "") for event in gateway.events() if str(event.get("event", "")).startswith("store.")]
    world.promise(any("room" in why or "space" in why for why in told), "no event says that the disk is full")


async def _full_records(world: World, chance: random.Random) -> None:
    gateway, disk = world.gateways[0], _disks[world]
    async for _ in world.moments(chance, 2):
        world.note(f"the disk of the records is full: {disk.fill()} octets")
        await world.until(lambda: gateway.status()["records"]["failing"], "the gateway to say so")
        # Messages go on as if nothing were.
        await world.traffic(200)
        await asyncio.sleep(_FULL_S)
        await world.traffic()
        disk.empty()
        world.note("there is room again")
        await world.until(lambda: not gateway.status()["records"]["failing"], "records to be written again")
    lost = gateway.status()["records"]["lost"]
    world.promise(not lost, f"{lost} rows of records are lost")


SCENARIOS = [
    Scenario(
        "full-disk-store",
        "the disk under the append-only file is full for 5 s, twice: Redis can't go on, nothing is lost",
        _full_store,
        _on_disk(store={"state_dir": _DISK}, records={"directory": "../records"}),
        doubles=_NONE,
        least_accepted=0.2,
        least_seconds=25,
    ),
    Scenario(
        "full-disk-store-everysec",
        "the same with fsync = everysec: Redis answers and writes nothing",
        _full_store,
        _on_disk(store={"state_dir": _DISK, "fsync": "everysec"}, records={"directory": "../records"}),
        doubles=_NONE,
        least_accepted=0.2,
        least_seconds=25,
    ),
    Scenario(
        "full-disk-records",
        "the disk under the records is full for 5 s, twice: messages go on, no record is lost",
        _full_records,
        _on_disk(records={"directory": "../../../disk"}),
        doubles=_NONE,
        errors=frozenset(("records.write.failed",)),
        least_seconds=20,
    ),
]
