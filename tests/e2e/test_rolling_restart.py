"""Two processes on one Redis, restarted one after the other under load: nothing is lost, nothing comes twice.

Both are bound to both carriers as their leases say: of ``alpha`` each has one bind of two, ``beta`` has a single one.
The application binds to both processes and comes back when it is asked to go. Notices are used, since of those nothing
may come twice, and whatever were uncertain would be reported as UNKNOWN.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from simulators.spread import Delay
from smsgw.errors import LinkError, LocalError
from smsgw.store.server import EmbeddedServer
from tests.e2e.gateway import ROOT, GatewayProcess, Overrides

pytestmark = pytest.mark.e2e

RATE_PER_S = 250
BACKLOG = 300
PREFIXES = {"alpha": "861380", "beta": "861390"}
_CARRIER: dict[str, Any] = {
    "host": "127.0.0.1", "system_id": "smsgw", "password": "secret", "window": 20, "rate": "150/s",
    "reconnect_min": "50ms", "reconnect_max": "200ms",
}  # fmt: skip


class Application:
    """Sends notices over whichever process has it bound, and counts what was promised."""

    def __init__(self, ports: list[int]) -> None:
        settings = [EsmeSettings(port, system_id="app", password="load1234", reconnect_s=0.05) for port in ports]
        self.sims = [EsmeSim(each) for each in settings]
        self.promised: dict[str, str] = {}
        self.refused: Counter[int] = Counter()
        self.unanswered = 0
        self._numbers = itertools.count(1)
        self._turns = itertools.cycle(self.sims)

    async def send(self, prefix: str) -> None:
        """One message; a refusal for the moment, or nobody to take it, is a reason to try again."""
        number = next(self._numbers)
        text = f"【示例科技】您的订单{number:09}已发货"
        while True:
            sim = next(self._turns)
            try:
                answer = await sim.submit("10690001", f"{prefix}{number:07}", text, registered_delivery=1)
            except LocalError:
                await asyncio.sleep(0.01)
                continue
            except LinkError:
                self.unanswered += 1
                return
            if answer.status == 0:
                self.promised[answer.message_id] = text
                return
            self.refused[answer.status] += 1
            await asyncio.sleep(0.01)

    def states(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for incoming in itertools.chain.from_iterable(sim.receipts for sim in self.sims):
            assert incoming.receipt is not None
            found.setdefault(str(incoming.receipt.id), []).append(str(incoming.receipt.stat))
        return found


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path / "shared")
    await server.start()
    yield server
    await server.stop()


def gateway_of(directory: Path, name: str, ports: dict[str, int], redis: EmbeddedServer) -> GatewayProcess:
    place = directory / name
    place.mkdir()
    store = {"url": redis.url, "secrets": str(directory / "secrets.toml")}
    overrides: Overrides = {
        "smsgw.toml": {"node": {"name": name}, "store": store},
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


async def test_a_rolling_restart_loses_nothing_and_traffic_flows(tmp_path: Path, redis: EmbeddedServer) -> None:
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
        group = await stack.enter_async_context(CarrierGroup(settings))
        sims = group.carriers
        ports = {name: sim.port for name, sim in sims.items()}
        one, two = gateways = [gateway_of(tmp_path, name, ports, redis) for name in ("one", "two")]
        for gateway in gateways:
            stack.callback(gateway.close)
        await one.start()
        await two.start()
        application = Application([one.port, two.port])
        for sim in application.sims:
            await stack.enter_async_context(sim)
        over = asyncio.Event()
        load = asyncio.create_task(_load(application, over))
        try:
            await two.wait_for(lambda: _binds(one) == _binds(two) == 1, what="a bind of alpha each")
            for gateway in gateways:
                assert await gateway.stop() == 0
                await _traffic_flows(sims)
                await gateway.start()
        finally:
            over.set()
            await load
        await application.sims[0].wait_for(lambda: _all_reported(application), 15, "all receipts")
    _reconcile(application, sims)
    assert all(sim.stats.binds_refused == 0 for sim in sims.values())
    assert not [event for gateway in gateways for event in gateway.events() if event.get("level") == "error"]


def _binds(gateway: GatewayProcess) -> int:
    return int(gateway.status()["carriers"]["alpha"]["binds_up"])


async def _traffic_flows(sims: dict[str, CarrierSim]) -> None:
    """The process that is left has all binds now, and sends over both carriers."""
    for name, sim in sims.items():
        wanted = len(sim.received) + 10
        await sim.wait_for(lambda sim=sim, wanted=wanted: len(sim.received) > wanted, 5, f"messages on {name}")


def _all_reported(application: Application) -> bool:
    return application.promised.keys() <= application.states().keys()


async def _load(application: Application, over: asyncio.Event) -> None:
    """A backlog that the carriers' rates leave waiting in the store, and then a steady stream."""
    async with asyncio.TaskGroup() as tasks:
        for number, prefix in zip(range(BACKLOG), itertools.cycle(PREFIXES.values()), strict=False):
            tasks.create_task(application.send(prefix), name=f"backlog {number}")
        for prefix in itertools.cycle(PREFIXES.values()):
            if over.is_set():
                return
            tasks.create_task(application.send(prefix))
            await asyncio.sleep(1 / RATE_PER_S)


def _reconcile(application: Application, sims: dict[str, CarrierSim]) -> None:
    promised = Counter(application.promised.values())
    copies = Counter(message.text for sim in sims.values() for message in sim.received if message.status == 0)
    assert application.unanswered == 0
    assert promised - copies == Counter(), "lost"
    assert copies - promised == Counter(), "sent twice, or never promised"
    wrong = {each: states for each, states in application.states().items() if states != ["DELIVRD"]}
    assert wrong == {}
    assert application.promised.keys() == application.states().keys()
