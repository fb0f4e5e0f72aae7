"""Several processes on one machine or two: a worker, the supervisor or a node dies or is renewed, the rest goes on."""

from __future__ import annotations

import os
import random
import signal
from dataclasses import replace

from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.scenarios.redis import shared
from tests.chaos.world import World
from tests.e2e.gateway import GatewayProcess

_DOWN_S = 60.0


def _roles(settings: WorldSettings) -> WorldSettings:
    """Two workers with applications and two with carriers."""
    return replace(settings, run_options=("--workers", "esme:2,carrier:2"))


def _alike(settings: WorldSettings) -> WorldSettings:
    """Two workers that do both."""
    return replace(settings, run_options=("--workers", "2"))


def _up(gateway: GatewayProcess) -> dict[str, int]:
    """Process ids of the workers that are ready, by name."""
    found = gateway.status()["workers"]
    return {name: each["pid"] for name, each in found.items() if each["pid"] and each["status"] == "ready"}


async def _kill_workers(world: World, chance: random.Random, role: str) -> None:
    """Kill one of a role, and wait until another runs under its name."""
    gateway = world.gateways[0]
    async for _ in world.moments(chance, 2):
        workers = gateway.status()["workers"]
        name = chance.choice(sorted(name for name, each in workers.items() if each["role"] == role and each["pid"]))
        killed = workers[name]["pid"]
        world.strike(f"kill -9 of {name}, role {role}")
        os.kill(killed, signal.SIGKILL)
        await world.until(
            lambda name=name, killed=killed: _up(gateway).get(name, killed) != killed,  # type: ignore[misc]
            f"another process as {name}",
            _DOWN_S,
        )
        world.note(f"{name} runs again")


async def _kill_worker(world: World, chance: random.Random) -> None:
    await _kill_workers(world, chance, "all")


async def _kill_esme(world: World, chance: random.Random) -> None:
    await _kill_workers(world, chance, "esme")


async def _kill_carrier(world: World, chance: random.Random) -> None:
    await _kill_workers(world, chance, "carrier")


async def _kill_supervisor(world: World, chance: random.Random) -> None:
    """Its workers notice and end in order; then it is started again, as systemd would."""
    gateway = world.gateways[0]
    async for _ in world.moments(chance, 1):
        world.strike("kill -9 of the supervisor")
        workers = gateway.worker_pids().values()
        gateway.kill()
        await world.until(
            lambda workers=workers: not any(map(_runs, workers)),  # type: ignore[misc]
            "the workers to end",
            _DOWN_S,
        )
        world.note("its workers have ended")
        await world.restarted(gateway)


async def _renew(world: World, chance: random.Random) -> None:
    """SIGHUP, and wait until every worker is another process."""
    gateway = world.gateways[0]
    async for _ in world.moments(chance, 1):
        before = _up(gateway)
        world.note("SIGHUP to the supervisor")
        gateway.hang_up()
        await world.until(
            lambda before=before: _is_renewed(before, _up(gateway)),  # type: ignore[misc]
            "every worker to be renewed",
            _DOWN_S,
        )
        world.note("every worker is another process")


def _is_renewed(before: dict[str, int], now: dict[str, int]) -> bool:
    return now.keys() == before.keys() and not set(now.values()) & set(before.values())


async def _rolling(world: World, chance: random.Random) -> None:
    async for _ in world.moments(chance, 1):
        for place, gateway in enumerate(world.gateways, 1):
            world.note(f"SIGTERM to node {place}")
            await gateway.stop()
            await world.restarted(gateway)
            await world.traffic()


async def _kill_node(world: World, chance: random.Random) -> None:
    """The other one takes over what it had read when its lease ends; then the dead one comes back."""
    async for _ in world.moments(chance, 2):
        place = chance.randrange(len(world.gateways))
        gateway, other = world.gateways[place], world.gateways[1 - place]
        world.strike(f"kill -9 of node {place + 1}")
        gateway.kill()
        await world.until(lambda other=other: has_all_binds(other), "the binds of the dead", _DOWN_S)  # type: ignore[misc]
        world.note(f"node {2 - place} has all binds")
        await world.restarted(gateway)


def has_all_binds(gateway: GatewayProcess) -> bool:
    """Whether every bind of every carrier is up there."""
    carriers = gateway.status()["carriers"].values()
    return all(each["binds_up"] == each["binds"] for each in carriers)


def _runs(pid: int) -> bool:
    try:
        state = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]  # noqa: SIM115
    except OSError:
        return False
    return state != "Z"


SCENARIOS = [
    Scenario(
        "kill-worker", "kill -9 of one of two workers, twice; the supervisor starts another", _kill_worker, _alike
    ),
    Scenario("kill-esme-worker", "kill -9 of one of two workers with applications, twice", _kill_esme, _roles),
    Scenario("kill-carrier-worker", "kill -9 of one of two workers with carriers, twice", _kill_carrier, _roles),
    Scenario(
        "kill-supervisor",
        "kill -9 of the supervisor: its workers end in order, and all is started again",
        _kill_supervisor,
        _roles,
    ),
    Scenario(
        "renew-workers",
        "SIGHUP under load: each worker is replaced, one after another; nothing comes twice",
        _renew,
        _roles,
        doubles=frozenset(),
    ),
    Scenario(
        "rolling-restart",
        "two nodes on one Redis, stopped and started one after the other; nothing comes twice",
        _rolling,
        shared,
        doubles=frozenset(),
    ),
    Scenario("kill-node", "kill -9 of one of two nodes, twice; the other takes over its binds", _kill_node, shared),
]
