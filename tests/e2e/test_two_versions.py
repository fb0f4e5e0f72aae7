"""A rolling upgrade under load, and back: two versions side by side on one Redis lose nothing and send nothing twice.

The store keeps its schema while an older process lives; the last one that is replaced finds the older ones gone and
upgrades it, once. A process of the older version, which the newer one says may share it, comes back afterwards.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from smsgw.store import keys, schema
from smsgw.store.connection import Store
from smsgw.store.secrets import load
from tests.e2e.gateway import ROOT, GatewayProcess
from tests.e2e.next_version import SCHEMA, STEPS_FIELD, VERSION, next_version
from tests.e2e.test_rolling_restart import Fleet, traffic_flows
from tests.e2e.test_rolling_restart import fleet as fleet

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_a_rolling_upgrade_and_back(fleet: Fleet, tmp_path: Path) -> None:
    newer = next_version(tmp_path / "next")
    one, two = fleet.gateways
    store = _store(one)
    seen: list[tuple[schema.Form | None, set[str]]] = []

    async def look() -> None:
        seen.append((await schema.form(store), {each.version for each in (await schema.builds(store)).values()}))

    async with fleet.load():
        await two.wait_for(lambda: _binds(one) == _binds(two) == 1, 30, "a bind of alpha each")
        await look()
        for gateway, code in ((one, newer), (two, newer), (one, ROOT)):
            assert await gateway.stop(deadline_s=60) == 0
            gateway.code = code
            await traffic_flows(fleet.carriers)
            await gateway.start(deadline_s=60)
            await look()
    steps = await store.command(0, "HGET", keys.meta(0), STEPS_FIELD)
    await store.close()
    older, both = schema.Form(schema.SCHEMA, schema.SHARED), schema.Form(SCHEMA, schema.SHARED)
    now = seen[0][1]
    assert seen == [(older, now), (older, {*now, VERSION}), (both, {VERSION}), (both, {*now, VERSION})]
    assert steps == b"1"

    application = fleet.application
    promised, copies = Counter(application.promised.values()), fleet.copies()
    assert promised - copies == Counter(), "lost"
    assert copies - promised == Counter(), "sent twice, or never promised"
    assert {tuple(states) for states in application.states().values()} == {("DELIVRD",)}
    assert not [event for gateway in fleet.gateways for event in gateway.events() if event.get("level") == "error"]


def _store(gateway: GatewayProcess) -> Store:
    page = tomllib.loads((gateway.site / "smsgw.toml").read_text(encoding="utf-8"))["store"]
    secrets = load(Path(page["secrets"]))
    return Store(page["url"], sealer=secrets.sealer(), recipients=secrets.hasher())


def _binds(gateway: GatewayProcess) -> int:
    return int(gateway.status()["carriers"]["alpha"]["binds_up"])
