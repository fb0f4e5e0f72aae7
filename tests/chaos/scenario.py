"""What a scenario of ``bin/chaos`` is, and the settings of the world that it runs in.

A family of scenarios is a module in ``tests/chaos/scenarios`` with a list ``SCENARIOS``. A scenario adjusts the world
(``world``), and does something to it beside the load (``disturb``); the promises are the same for all and judged by
``tests.chaos.judge``. A scenario that this machine can't run raises ``Skipped`` with the reason.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.gateway import WORKDAY

if TYPE_CHECKING:
    from tests.chaos.servers import Servers
    from tests.chaos.world import World

Overrides = Mapping[str, Mapping[str, Any]]


def joined(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Both, tables within tables; ``new`` wins. A None stays, for it removes a key of a site's file."""
    found = dict(old)
    for key, value in new.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = joined(found[key], value) if both else value
    return found


class Skipped(Exception):
    """This machine can't run the scenario; its text says why."""


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """A world before it starts: one gateway with its embedded Redis, two carriers, no proxies."""

    seed: int = 1
    #: Messages a second in all, and seconds of load at least; it goes on until the disturbance is over.
    rate: int = 600
    seconds: float = 15.0
    gateways: int = 1
    #: Further words for each ``smsgw run``.
    run_options: tuple[str, ...] = ()
    #: Merged into each gateway's site: path of a file → what to change. ``override`` adds to it.
    overrides: Overrides = field(default_factory=dict)
    #: Of one gateway only, by its place from 0.
    overrides_of: Callable[[int], Overrides] = lambda _place: {}
    #: Business time at the start, by the gateway's place; the last one holds for the rest.
    clocks: tuple[str, ...] = (WORKDAY,)
    #: Makes the shared servers (``tests.chaos.servers``) in a directory; None: each gateway has its embedded one.
    store: Callable[[Path], Servers] | None = None
    #: Pairs with a proxy between them: "app-gateway", "gateway-redis" (only SingleServer), "gateway-carrier".
    proxies: frozenset[str] = frozenset()
    carriers: tuple[str, ...] = ("alpha", "beta")
    #: Options of each ``carrier-sim`` behind the usual ones, which they beat.
    carrier_options: tuple[str, ...] = ()
    #: Connections of each account to each gateway, and unanswered requests on one of them.
    binds: int = 2
    window: int = 60
    #: How often the capped recipients may be reached while the world lasts.
    cap: int = 1
    #: The account of a message is waited for until no receipt came for so long.
    quiet_s: float = 15.0
    #: Done before carriers and gateways start, when the directory and the shared servers are there.
    prepare: Callable[[World], Awaitable[None]] | None = None

    def override(self, overrides: Overrides) -> WorldSettings:
        """The same with these changes to the sites merged in."""
        return replace(self, overrides=joined(self.overrides, overrides))


def as_it_is(settings: WorldSettings) -> WorldSettings:
    """The usual world."""
    return settings


def windows_in_flight(world: World) -> int:
    """What may be uncertain: the windows of all binds to carriers, for each strike (``World.strike``)."""
    return world.carrier_windows * max(1, world.strikes)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of fault; see above."""

    name: str
    #: One line for people.
    what: str
    #: Runs beside the load, and ends when all is whole again.
    disturb: Callable[[World, random.Random], Awaitable[None]]
    world: Callable[[WorldSettings], WorldSettings] = as_it_is
    #: Classes of which messages may come twice.
    doubles: frozenset[str] = frozenset({"otp"})
    #: How many doubles there may be.
    most_doubles: Callable[[World], int] = windows_in_flight
    #: Events of the gateways' logs at level error that belong to this fault.
    errors: frozenset[str] = frozenset()
    #: A share of what was sent must have been accepted, or it was no load.
    least_accepted: float = 0.4
    #: The least of seconds that it needs, whatever was asked for.
    least_seconds: float = 0.0


def all_scenarios() -> dict[str, Scenario]:
    """By name, in the order of the families' names. Raises ValueError when two have one name."""
    from tests.chaos import scenarios

    found: dict[str, Scenario] = {}
    for module in sorted(pkgutil.iter_modules(scenarios.__path__), key=lambda each: each.name):
        for scenario in importlib.import_module(f"tests.chaos.scenarios.{module.name}").SCENARIOS:
            if scenario.name in found:
                raise ValueError(f"tests/chaos/scenarios/{module.name}.py: a second scenario called {scenario.name}")
            found[scenario.name] = scenario
    return found
