"""The gateway or its console dies or is stopped, under load."""

from __future__ import annotations

import asyncio
import random

from tests.chaos.console import ConsoleProcess
from tests.chaos.scenario import Scenario
from tests.chaos.world import World

#: Opted out, and over the cap.
_USUAL = {"0x410", "0x430"}
_CHANGED_S = 60.0


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


async def _kill_console(world: World, chance: random.Random) -> None:
    """In the midst of what staff do with it. Messages don't pass it, and what it had answered is done."""
    console = ConsoleProcess(world.gateways[0], world.directory)
    world.at_end(console.kill)
    await console.start()
    async for _ in world.moments(chance, 2):
        wanted, changing = len(console.put) + chance.randint(5, 20), asyncio.create_task(console.keep_changing())
        await world.until(lambda: len(console.put) >= wanted, "changes", _CHANGED_S)  # noqa: B023
        before = _troubles(world)
        console.kill()
        await changing
        world.note(f"kill -9 of the console, after {len(console.put)} changes in all")
        await world.traffic()
        world.promise(_troubles(world) == before, f"messages noticed: {before} was {_troubles(world)} then")
        await console.start()
        missing = await console.missing()
        world.promise(not missing, f"changes are gone that the console had answered: {', '.join(missing[:5])}")
        world.note("the console runs again, on the same files")
    audit = await console.ask("GET", "/api/audit/verify")
    world.promise(audit["whole"], f"the audit log is broken: {audit}")


def _troubles(world: World) -> dict[str, int]:
    """What applications met but for opt-outs and caps, and how often."""
    refused = {status: count for status, count in world.load.progress["refused"].items() if status not in _USUAL}
    return {**refused, "lost": world.load.progress["lost"]}


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
    Scenario(
        "kill-console",
        "kill -9 of the console while staff change things, twice, and started again: messages do not notice",
        _kill_console,
        doubles=frozenset(),
        least_seconds=15,
    ),
]
