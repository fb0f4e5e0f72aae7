"""What must be one over a fleet: an account's rate and its binds, and carriers shared evenly; two processes, one Redis.

There are four carriers, each with a single bind.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import CarrierSettings
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from smsgw.smpp.constants import CommandStatus
from smsgw.store.server import EmbeddedServer
from tests.e2e.gateway import ROOT, GatewayProcess
from tests.e2e.raw_client import RawClient

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

RATE = 100
_CARRIER: dict[str, Any] = {
    "host": "127.0.0.1", "system_id": "smsgw", "password": "secret", "reconnect_min": "50ms", "reconnect_max": "200ms",
}  # fmt: skip
THROTTLED = int(CommandStatus.ESME_RTHROTTLED)
DEADLINE_S = 20.0


class Fleet:
    """Two gateways; ``bound`` has the binds of each."""

    def __init__(self, redis: EmbeddedServer, gateways: list[GatewayProcess]) -> None:
        self.redis = redis
        self.gateways = gateways
        self.bound: list[list[RawClient]] = [[], []]

    async def bind(self, number: int) -> bool:
        """One more bind at a gateway; False when it is refused."""
        try:
            self.bound[number].append(await RawClient.bind_transmitter(self.gateways[number].port, "app", "load1234"))
        except AssertionError:
            return False
        return True

    def carriers(self) -> list[int]:
        """How many carriers each gateway has bound."""
        found = [gateway.status()["carriers"] for gateway in self.gateways if gateway.process is not None]
        return [sum(carrier["binds_up"] for carrier in carriers.values()) for carriers in found]

    async def expect_shared(self, *wanted: int) -> None:
        """Until the gateways that run have so many carriers each."""
        await self.gateways[1].wait_for(lambda: self.carriers() == list(wanted), DEADLINE_S, f"{wanted} carriers")

    def open(self, number: int) -> int:
        """Binds of the account over all processes, as a gateway tells."""
        return int(self.gateways[number].status()["accounts"]["app"]["fleet"]["binds"])

    async def all_gone(self) -> None:
        """Nobody is bound any more."""
        for client in itertools.chain.from_iterable(self.bound):
            await client.close()
        self.bound = [[], []]
        for number, gateway in enumerate(self.gateways):
            await gateway.wait_for(partial(self._is_empty, number), what="no binds")

    def _is_empty(self, number: int) -> bool:
        return self.open(number) == 0

    async def until_bound(self, number: int, count: int) -> None:
        """Try until there are as many binds at a gateway; then one more is refused."""
        deadline = time.monotonic() + DEADLINE_S
        while len(self.bound[number]) < count:
            await self.bind(number)
            assert time.monotonic() < deadline, len(self.bound[number])
        assert not await self.bind(number)


def gateway_of(directory: Path, name: str, redis: EmbeddedServer, ports: dict[str, int]) -> GatewayProcess:
    place = directory / name
    place.mkdir()
    overrides: dict[str, dict[str, Any]] = {
        "smsgw.toml": {
            "node": {"name": name, "lease": "4s"},
            "store": {"url": redis.url, "secrets": str(directory / "secrets.toml")},
        },
        "accounts/app.toml": {"class": "notice", "rate": f"{RATE}/s", "max_binds": 3},
        "routes.toml": {"route": [{"name": "all", "carriers": list(ports)}]},
    }
    for carrier, port in ports.items():
        overrides[f"carriers/{carrier}.toml"] = {**_CARRIER, "name": carrier, "port": port}
    gateway = GatewayProcess(place, overrides=overrides, base=ROOT / "config" / "quirks")
    for path in (gateway.site / "carriers").glob("*.toml"):
        if path.stem not in ports:
            path.unlink()
    return gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    tmp_path = tmp_path_factory.mktemp("fleet")
    async with AsyncExitStack() as stack:
        redis = EmbeddedServer(tmp_path / "shared", None, "everysec")
        await redis.start()
        stack.push_async_callback(redis.stop)
        settings = [CarrierSettings(name, max_binds=1, accounts={"smsgw": "secret"}) for name in "abcd"]
        group = await stack.enter_async_context(CarrierGroup(settings))
        ports = {name: sim.port for name, sim in group.carriers.items()}
        gateways = [gateway_of(tmp_path, name, redis, ports) for name in ("one", "two")]
        for gateway in gateways:
            stack.callback(gateway.close)
            await gateway.start(ready=False)
        fleet = Fleet(redis, gateways)
        yield fleet


async def storm(sim: EsmeSim, numbers: Callable[[], int], until: asyncio.Event) -> Counter[int]:
    """As fast as answers come; how often each status came."""
    statuses: Counter[int] = Counter()
    while not until.is_set():
        sent = [
            sim.submit("10690001", f"86138010{number:05}", f"【示例科技】您的订单{number:09}已发货")
            for number in (numbers() for _ in range(10))
        ]
        statuses.update([answer.status for answer in await asyncio.gather(*sent)])
    return statuses


async def test_a_redis_that_may_forget_is_told_at_the_start(fleet: Fleet) -> None:
    why = "appendfsync is everysec, not always: the last accepted messages do not survive a power cut"
    assert [each["why"] for gateway in fleet.gateways for each in gateway.events("store.unsafe")] == [why, why]


async def test_carriers_with_a_single_bind_are_shared_evenly(fleet: Fleet) -> None:
    await fleet.expect_shared(2, 2)


async def test_the_rate_is_one_over_both_processes(fleet: Fleet) -> None:
    async with AsyncExitStack() as stack:
        sims = []
        for gateway in fleet.gateways:
            settings = EsmeSettings(port=gateway.port, system_id="app", password="load1234")
            sims.append(await stack.enter_async_context(EsmeSim(settings)))
        numbers = itertools.count(1).__next__
        over = asyncio.Event()
        start_s = time.monotonic()
        storms = [asyncio.create_task(storm(sim, numbers, over)) for sim in sims]
        await asyncio.sleep(1.5)
        over.set()
        found = await asyncio.gather(*storms)
        took_s = time.monotonic() - start_s
    accepted = [statuses.pop(0, 0) for statuses in found]
    assert {status for statuses in found for status in statuses} == {THROTTLED}, "both had more than they may send"
    assert RATE <= sum(accepted) <= RATE * took_s + RATE
    assert min(accepted) > 0


async def test_binds_are_counted_over_both_processes_whatever_becomes_of_them(fleet: Fleet) -> None:
    one = fleet.gateways[0]
    await fleet.all_gone()
    assert [await fleet.bind(0), await fleet.bind(1), await fleet.bind(1)] == [True] * 3
    assert not await fleet.bind(0)
    assert not await fleet.bind(1)
    assert fleet.open(1) == 3

    await fleet.bound[1].pop().close()  # its place is free for either
    await fleet.until_bound(0, 2)

    one.kill()  # killed and back: the new life has no binds, and who was bound there may bind at either
    for client in fleet.bound[0]:
        await client.close()
    fleet.bound[0].clear()
    await one.start(ready=False)
    await fleet.until_bound(1, 3)

    await fleet.bound[1].pop().close()
    await fleet.until_bound(0, 1)
    one.kill()  # and stays away: until its lease ends nobody can know
    await fleet.bound[0].pop().close()
    await fleet.until_bound(1, 3)
    await fleet.expect_shared(4)
    await one.start(ready=False)
    await fleet.all_gone()
    await fleet.expect_shared(2, 2)


async def test_without_redis_each_process_counts_its_own(fleet: Fleet) -> None:
    assert await fleet.bind(0)
    await fleet.redis.stop()
    await fleet.gateways[0].wait_for(lambda: not fleet.gateways[0].status()["store"]["up"], what="Redis away")
    await fleet.until_bound(0, 3)
    await fleet.redis.start()
    await fleet.gateways[1].wait_for(lambda: fleet.gateways[1].status()["store"]["up"], what="Redis back")
    deadline = time.monotonic() + DEADLINE_S
    while await fleet.bind(1):  # until the first has said what it has
        await fleet.bound[1].pop().close()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert fleet.open(0) == 3
