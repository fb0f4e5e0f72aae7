"""Two processes on one Redis, restarted one after the other under load: nothing is lost, nothing comes twice.

Then one of them is killed, and the other takes over its binds and what it had read.
Both are bound to both carriers as their leases say: of ``alpha`` each has one bind of two, ``beta`` has a single one.
The application binds to both processes and comes back when it is asked to go. Notices are used, since of those nothing
may come twice, and whatever were uncertain would be reported as UNKNOWN.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.spread import Delay
from smsgw.store.server import EmbeddedServer
from tests.e2e.gateway import ROOT, GatewayProcess, Overrides
from tests.e2e.steady import PREFIXES, Application

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

_CARRIER: dict[str, Any] = {
    "host": "127.0.0.1", "system_id": "smsgw", "password": "secret", "window": 20, "rate": "150/s",
    "reconnect_min": "50ms", "reconnect_max": "200ms",
}  # fmt: skip


def gateway_of(directory: Path, name: str, ports: dict[str, int], redis: EmbeddedServer) -> GatewayProcess:
    place = directory / name
    place.mkdir()
    store = {"url": redis.url, "secrets": str(directory / "secrets.toml")}
    overrides: Overrides = {
        "smsgw.toml": {"node": {"name": name, "lease": "3s"}, "store": store},
        "accounts/app.toml": {"class": "notice"},
        "carriers/alpha.toml": {**_CARRIER, "name": "alpha", "port": ports["alpha"],
                                "binds": [{"type": "transceiver", "count": 2}]},
        "carriers/beta.toml": {**_CARRIER, "name": "beta", "port": ports["beta"]},
        "routes.toml": {"route": [{"name": carrier, "prefix": [prefix], "carriers": [carrier]}
                                  for carrier, prefix in PREFIXES.items()]},
    }  # fmt: skip
    gateway = GatewayProcess(place, overrides=overrides, base=ROOT / "config" / "quirks")
    for path in (gateway.site / "carriers").glob("*.toml"):
        if path.stem not in PREFIXES:
            path.unlink()
    return gateway


class Fleet:
    """Two gateways, the carriers of both, and the application."""

    def __init__(self, gateways: list[GatewayProcess], group: CarrierGroup, application: Application) -> None:
        self.gateways = gateways
        self.group = group
        self.carriers = group.carriers
        self.application = application

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Under load; afterwards every promised message has its receipt."""
        async with self.application.load():
            yield
        await self.group.wait_for(self.application.all_reported, 20, "all receipts")

    def copies(self) -> Counter[str]:
        received = itertools.chain.from_iterable(sim.received for sim in self.carriers.values())
        return Counter(message.text for message in received if message.status == 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    common: dict[str, Any] = {
        "accounts": {"smsgw": "secret"},
        "response": Delay.parse("5ms-30ms"),
        "receipt": Delay.parse("20ms-300ms"),
        "other_bind": 0.3,
        "early": 0.02,
    }
    # One bind too many is refused: what the leases are for.
    settings = [CarrierSettings("alpha", max_binds=2, **common), CarrierSettings("beta", max_binds=1, **common)]
    async with AsyncExitStack() as stack:
        redis = EmbeddedServer(directory / "shared")
        await redis.start()
        stack.push_async_callback(redis.stop)
        group = await stack.enter_async_context(CarrierGroup(settings))
        ports = {name: sim.port for name, sim in group.carriers.items()}
        gateways = [gateway_of(directory, name, ports, redis) for name in ("one", "two")]
        for gateway in gateways:
            stack.callback(gateway.close)
            await gateway.start()
        application = Application([gateway.port for gateway in gateways])
        for sim in application.sims:
            await stack.enter_async_context(sim)
        yield Fleet(gateways, group, application)


async def test_a_rolling_restart_loses_nothing_and_traffic_flows(fleet: Fleet) -> None:
    one, two = fleet.gateways
    async with fleet.load():
        await two.wait_for(lambda: _binds(one) == _binds(two) == 1, what="a bind of alpha each")
        for gateway in fleet.gateways:
            assert await gateway.stop() == 0
            await traffic_flows(fleet.carriers)
            await gateway.start()
    application = fleet.application
    promised, copies = Counter(application.promised.values()), fleet.copies()
    assert promised - copies == Counter(), "lost"
    assert copies - promised == Counter(), "sent twice, or never promised"
    assert {tuple(states) for states in application.states().values()} == {("DELIVRD",)}
    assert all(sim.stats.binds_refused == 0 for sim in fleet.carriers.values())
    assert not [event for gateway in fleet.gateways for event in gateway.events() if event.get("level") == "error"]


async def test_a_killed_process_is_taken_over_when_its_leases_end(fleet: Fleet) -> None:
    application, (one, two) = fleet.application, fleet.gateways
    application.unanswered, application.gives_up = 0, True
    async with fleet.load():
        await traffic_flows(fleet.carriers)
        two.kill()
        await one.wait_for(lambda: _binds(one) == 2, what="the binds of the dead")
    promised, copies = Counter(application.promised.values()), fleet.copies()
    assert max(copies.values()) == 1, "a notice never comes twice"
    states = application.states()
    lost = [
        text
        for message_id, text in application.promised.items()
        if text not in copies and "UNKNOWN" not in states[message_id]
    ]
    assert lost == []
    # What was not promised is what was open with the process that died.
    assert (copies - promised).total() <= application.unanswered
    assert {state for each in states.values() for state in each} <= {"DELIVRD", "UNKNOWN"}


def _binds(gateway: GatewayProcess) -> int:
    return int(gateway.status()["carriers"]["alpha"]["binds_up"])


async def traffic_flows(sims: dict[str, CarrierSim]) -> None:
    """The process that is left has all binds now, and sends over both carriers."""
    wanted = {name: len(sim.received) + 10 for name, sim in sims.items()}
    for name, sim in sims.items():
        await sim.wait_for(partial(_has, sim, wanted[name]), 5, f"messages on {name}")


def _has(sim: CarrierSim, count: int) -> bool:
    return len(sim.received) >= count
