"""Fifty carriers lose all binds at once and still hold the old sessions: everybody backs off, and all come back."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from tests.e2e.gateway import ROOT, GatewayProcess

pytestmark = pytest.mark.e2e

CARRIERS = 50
HELD_STATUS = 0x05
#: With waits that double from 0.1 s to 0.8 s nobody tries more often than this before it has been refused three times.
MOST_TRIES = 10


def site(directory: Path, carriers: dict[str, CarrierSim]) -> GatewayProcess:
    common = {"host": "127.0.0.1", "system_id": "smsgw", "password": "secret"}
    quick = {"reconnect_min": "100ms", "reconnect_max": "800ms"}
    files = {
        f"carriers/{name}.toml": {**common, **quick, "name": name, "port": sim.port} for name, sim in carriers.items()
    }
    routes = [
        {"name": name, "prefix": [f"861380{number:03}"], "carriers": [name]} for number, name in enumerate(carriers)
    ]
    gateway = GatewayProcess(
        directory, overrides={**files, "routes.toml": {"route": routes}}, base=ROOT / "config" / "quirks"
    )
    for path in (gateway.site / "carriers").glob("*.toml"):
        if path.stem not in carriers:
            path.unlink()
    return gateway


async def test_fifty_carriers_come_back_without_being_hammered(tmp_path: Path) -> None:
    settings = [CarrierSettings(f"c{number:02}", accounts={"smsgw": "secret"}) for number in range(CARRIERS)]
    async with CarrierGroup(settings) as group:
        carriers = group.carriers
        gateway = site(tmp_path, carriers)
        try:
            await gateway.start()
            await group.wait_for(lambda: all(sim.bound == 1 for sim in carriers.values()), 10, "all binds")
            for sim in carriers.values():
                sim.reset()
                sim.refuse_binds(HELD_STATUS)
                sim.drop_all()
            await group.wait_for(lambda: all(sim.stats.binds_refused >= 3 for sim in carriers.values()), 10, "tries")
            tries = [sim.stats.binds_refused for sim in carriers.values()]
            assert max(tries) <= MOST_TRIES
            # The waits have jitter: not all of them knock at the same moment.
            assert len(set(tries)) > 1
            for sim in carriers.values():
                sim.refuse_binds(0)
            await group.wait_for(lambda: all(sim.bound == 1 for sim in carriers.values()), 10, "all binds again")
            application = EsmeSettings(port=gateway.port, system_id="app", password="load1234")
            async with EsmeSim(application) as esme:
                answers = await asyncio.gather(
                    *(esme.submit("10690001", f"861380{number:03}0001", "【示例科技】您的验证码是123456")
                      for number in range(CARRIERS))
                )  # fmt: skip
                assert {answer.status for answer in answers} == {0}
                await group.wait_for(lambda: all(sim.stats.ok == 1 for sim in carriers.values()), 10, "a message each")
            told = Counter(event.get("carrier") for event in gateway.events("carrier.bind_refused"))
            assert max(told.values()) == 1, "one line for a carrier, the rest is only counted"
        finally:
            gateway.close()
