"""The rate of a carrier over all processes: whoever gets a bind, takes over or comes back, it is never exceeded."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.chaos.scenario import Scenario, WorldSettings
from tests.chaos.scenarios.redis import shared
from tests.chaos.scenarios.workers import has_all_binds
from tests.chaos.world import World

#: What may go at once, in seconds of the rate; little, so that what is too much shows.
_BURST_S = 0.2
#: What was sent in time may be read so much later, all at once, on a busy machine.
_LATE_S = 0.2
#: Less load than elsewhere, for what waits in the end must still be sent.
_PART_OF_LOAD = 10
_DOWN_S = 60.0


def _rate(settings: WorldSettings) -> int:
    """Two thirds of the load, so that something waits all the while."""
    return settings.rate * 2 // 3


def _limited(settings: WorldSettings) -> WorldSettings:
    settings = replace(shared(settings), rate=settings.rate // _PART_OF_LOAD, carriers=("alpha",))
    rate = _rate(settings)
    limit = {"rate": f"{rate}/s", "burst": int(rate * _BURST_S)}
    route = {"name": "all", "carriers": ["alpha"]}
    return settings.override({"carriers/alpha.toml": limit, "routes.toml": {"route": [route]}})


async def _change_hands(world: World, chance: random.Random) -> None:
    first, second = world.gateways
    async for number in world.moments(chance, 3):
        if number == 0:
            world.strike("kill -9 of node 1")
            first.kill()
            await world.until(partial(has_all_binds, second), "the binds of the dead", _DOWN_S)
            world.note("node 2 has all binds")
            await world.restarted(first)
        elif number == 1:
            world.note("SIGTERM to node 2")
            await second.stop()
            await world.restarted(second)
        else:
            world.strike("kill -9 of node 2, which is started again at once")
            second.kill()
            await world.restarted(second)
        await world.until(lambda: not any(map(has_all_binds, (first, second))), "both to have binds", _DOWN_S)
        await world.traffic()
    rate = _rate(world.settings)
    for name, carrier in world.carriers.items():
        most, mean = rates_of(carrier.log, rate)
        world.note(f"{name}: {mean:.0f} segments a second of {rate}, at most {most:.0f} at once beyond that")
        world.promise(mean > rate / 2, f"{name} was sent {mean:.0f} segments a second of {rate}: that was no test")
        allowed = rate * (_BURST_S + _LATE_S)
        world.promise(most <= allowed, f"{name} was sent {most:.0f} segments beyond its rate, and {allowed:.0f} may be")


def rates_of(log: Path, rate_per_s: float) -> tuple[float, float]:
    """What a carrier got: the most segments beyond a rate, over any time; and the mean rate."""
    times = []
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "submit":
            times.append(event["time"])
    level = most = 0.0
    before_s = times[0]
    for at_s in times:
        level = max(0.0, level - max(0.0, at_s - before_s) * rate_per_s) + 1
        before_s = max(before_s, at_s)
        most = max(most, level)
    return most, len(times) / max(1.0, times[-1] - times[0])


SCENARIOS = [
    Scenario(
        "rate-of-carrier",
        "binds change hands under two nodes that have more than the carriers take: their rates are never exceeded",
        _change_hands,
        _limited,
        least_seconds=30,
    ),
]
