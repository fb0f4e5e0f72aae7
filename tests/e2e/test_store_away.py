"""Redis stands still, dies, or can't be started: binds stay, refusals say why, and what was accepted goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.esme.answer import Answer
from simulators.esme.settings import EsmeSettings
from simulators.esme.sim import EsmeSim
from simulators.spread import Delay
from smsgw.store.server import EmbeddedServer, find_binary
from tests.chaos.judge import run
from tests.chaos.scenario import WorldSettings, all_scenarios
from tests.e2e.gateway import PASSWORDS, GatewayProcess, StartGateway, redis_pid

pytestmark = pytest.mark.e2e

STORE_AWAY = 0x453
SYSTEM_ERROR = 0x08
TIMEOUT_S = 1.0
SITE = {
    "smsgw.toml": {"store": {"timeout": f"{TIMEOUT_S:g}s"}},
    "accounts/orders.toml": {"vendor_codes": False},
    "accounts/login.toml": {"explain": True},
}
TEXTS = {
    "login": ("1069000110", "【示例科技】您的验证码是{n}"),
    "orders": ("1069000120", "【示例物流】您的包裹{n}已送达"),
}


class Application(EsmeSim):
    """An account's application that sends numbered messages to distinct recipients."""

    def __init__(self, gateway: GatewayProcess, account: str) -> None:
        password = PASSWORDS[account]
        super().__init__(EsmeSettings(port=gateway.port, system_id=account, password=password, enquire_s=0.5))
        self.source, self.text = TEXTS[account]
        self.written = 0

    async def send(self) -> Answer:
        """Submit one and wait for its answer."""
        self.written += 1
        recipient = f"86138{self.settings.system_id == 'orders':d}{self.written:07d}"
        async with asyncio.timeout(10):
            return await self.submit(self.source, recipient, self.text.format(n=self.written), registered_delivery=1)

    async def send_until(self, status: int, deadline_s: float = 10) -> Answer:
        """Send every 0.1 s until one is answered with ``status``."""
        async with asyncio.timeout(deadline_s):
            while (answer := await self.send()).status != status:
                await asyncio.sleep(0.1)
        return answer


@contextlib.asynccontextmanager
async def applications(gateway: GatewayProcess) -> AsyncIterator[tuple[Application, Application]]:
    async with Application(gateway, "login") as login, Application(gateway, "orders") as orders:
        yield login, orders


def lost_binds(gateway: GatewayProcess) -> list[object]:
    return gateway.events("esme.unbound") + gateway.events("carrier.unbound")


async def test_redis_stands_still(start_gateway: StartGateway) -> None:
    """Once that is noticed everybody is told; what was on its way just then has its answer when Redis is back."""
    async with CarrierSim(CarrierSettings(receipt=Delay("fixed", 0.5))) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port}, overrides=SITE)
        async with applications(gateway) as (login, orders):
            accepted = [await login.send(), await orders.send()]
            assert all(answer.ok for answer in accepted)
            pid = redis_pid(gateway)
            os.kill(pid, signal.SIGSTOP)
            try:
                begun_s = time.monotonic()
                async with asyncio.TaskGroup() as tasks:
                    under_way = [tasks.create_task(each.send()) for each in (login, orders)]
                    await gateway.wait_for(lambda: gateway.metric("smsgw_store_up") == 0, 10, "the loss noticed")
                    refused = await asyncio.gather(login.send(), orders.send())
                    assert [answer.status for answer in refused] == [STORE_AWAY, SYSTEM_ERROR]
                    assert refused[0].explanation.rule_id == "store.away"
                    assert refused[0].explanation.retry_after_s
                    # Binds on both sides outlive it; enquire_link is answered all the while.
                    await asyncio.sleep(max(0.0, 3.0 - (time.monotonic() - begun_s)))
                    os.kill(pid, signal.SIGCONT)
            finally:
                os.kill(pid, signal.SIGCONT)
            accepted += [task.result() for task in under_way if task.result().ok]
            accepted += [await login.send_until(0), await orders.send_until(0)]
            ids = {answer.message_id for answer in accepted}
            await login.wait_for(
                lambda: ids <= {came.message_id for sim in (login, orders) for came in sim.receipts}, 10, "receipts"
            )
            assert lost_binds(gateway) == []
        await gateway.wait_for(lambda: gateway.metric("smsgw_store_up") == 1, 5, "the return noticed")
        texts = {message.text for message in alpha.received}
        assert len(alpha.received) == len(texts) == len(accepted), "what was refused must not go out later, nor twice"


async def test_redis_dies_between_message_and_receipt(start_gateway: StartGateway) -> None:
    """The receipt finds its message in the new server's AOF."""
    async with CarrierSim(CarrierSettings(receipt=Delay("fixed", 1.0))) as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port}, overrides=SITE)
        async with Application(gateway, "orders") as orders:
            before = await orders.send()
            assert before.ok
            await alpha.wait_for(lambda: alpha.received, 5, "the message")
            killed = redis_pid(gateway)
            os.kill(killed, signal.SIGKILL)
            after = await orders.send()
            assert after.ok, "the server is back before the store's timeout is over"
            assert redis_pid(gateway) != killed
            await orders.wait_for(lambda: len(orders.receipts) == 2, 10, "both receipts")
            assert {came.message_id for came in orders.receipts} == {before.message_id, after.message_id}
            assert lost_binds(gateway) == []
        assert gateway.events("store.server_died")


async def test_redis_dies_and_cant_be_started_for_a_while(start_gateway: StartGateway, tmp_path: Path) -> None:
    binary = tmp_path / "bin" / "redis-server"
    binary.parent.mkdir()
    real = find_binary()
    binary.symlink_to(real)
    site = {**SITE, "smsgw.toml": {"store": {"timeout": f"{TIMEOUT_S:g}s", "server": str(binary)}}}
    async with CarrierSim() as alpha:
        gateway = await start_gateway(carriers={"alpha": alpha.port}, overrides=site)
        async with applications(gateway) as (login, orders):
            assert (await orders.send()).ok
            binary.unlink()
            os.kill(redis_pid(gateway), signal.SIGKILL)
            assert (await orders.send()).status == SYSTEM_ERROR
            assert (await login.send()).status == STORE_AWAY
            await gateway.wait_for(lambda: gateway.events("store.server_not_started"), 5, "the reason in the log")
            assert gateway.status()["not_ready"] == {"store": "Redis can't be reached"}
            binary.symlink_to(real)
            accepted = [await orders.send_until(0), await login.send_until(0)]
            assert all(answer.ok for answer in accepted)
            assert lost_binds(gateway) == []
        assert len(gateway.events("store.server_not_started")) < 3, "the same line is not repeated each second"


async def test_a_redis_of_the_site_goes_and_comes_back(start_gateway: StartGateway, tmp_path: Path) -> None:
    """With ``store.url`` somebody else keeps the server; the gateway waits for it and loads its scripts again."""
    server = EmbeddedServer(tmp_path / "theirs")
    await server.start()
    try:
        site = {**SITE, "smsgw.toml": {"store": {"timeout": f"{TIMEOUT_S:g}s", "url": server.url}}}
        async with CarrierSim() as alpha:
            gateway = await start_gateway(carriers={"alpha": alpha.port}, overrides=site)
            async with Application(gateway, "orders") as orders:
                assert (await orders.send()).ok
                server.kill()
                assert (await orders.send()).status == SYSTEM_ERROR
                assert not gateway.events("store.server_died")
                await server.restart()
                await orders.send_until(0)
                await orders.wait_for(lambda: len(orders.receipts) == 2, 10, "both receipts")
                assert lost_binds(gateway) == []
            await gateway.stop()
    finally:
        await server.stop()


@pytest.mark.slow
async def test_redis_stands_still_under_load(tmp_path: Path) -> None:
    outcome = await run(all_scenarios()["pause-redis"], WorldSettings(seed=7, rate=1000, seconds=4.0), tmp_path)
    assert outcome.broken == ()
    counts = outcome.counts
    assert counts is not None
    assert counts.uncertain == counts.all_doubles == counts.unanswered == 0
    # Opted out, over the cap, and the store away; slower, while the rate of the account is not known.
    assert {"0x410", "0x430", "0x453"} <= counts.refused.keys() <= {"0x410", "0x430", "0x453", "0x58"}
