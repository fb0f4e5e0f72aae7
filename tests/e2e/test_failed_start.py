"""A start that fails, or is told to stop, ends at once with one clear line, and what it had is free at once."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.leases import Leases, Wish
from smsgw.store.secrets import new_secrets
from smsgw.store.server import EmbeddedServer
from tests.e2e.gateway import ROOT, GatewayProcess

pytestmark = [pytest.mark.e2e]

PARTITIONS = 4
KINDS = ("transceiver", "transceiver")
DEADLINE_S = 30.0


class Place:
    """A site on a Redis of the test, whose carrier is up; it is started by the tests."""

    def __init__(self, directory: Path, redis: EmbeddedServer, carrier: CarrierSim) -> None:
        self.redis = redis
        self.carrier = carrier
        self.gateway = GatewayProcess(directory, base=ROOT / "config" / "quirks")
        for path in (self.gateway.site / "carriers").glob("*.toml"):
            path.unlink()
        self.gateway.override(
            {
                "smsgw.toml": {"store": {"url": redis.url, "partitions": PARTITIONS}},
                "carriers/alpha.toml": {
                    "name": "alpha", "host": "127.0.0.1", "port": carrier.port, "system_id": "smsgw",
                    "password": "secret", "binds": [{"type": "transceiver", "count": len(KINDS)}],
                },
                "routes.toml": {"route": [{"name": "all", "carriers": ["alpha"]}]},
            }
        )  # fmt: skip

    async def last_line(self) -> str:
        """What it says when it can't start; nothing else but its log."""
        with pytest.raises(RuntimeError, match="the gateway ended with 1:"):
            await self.gateway.start(deadline_s=DEADLINE_S)
        self.gateway.process = None
        *before, last = self.gateway.log_path.read_text().splitlines()
        assert all(line.startswith(("{", "smsgw: warning: ")) for line in before), before
        return last

    async def free_binds(self) -> frozenset[int]:
        """Which binds another process gets that comes now."""
        secrets = new_secrets()
        settings = StoreSettings(partitions=PARTITIONS)
        store = Store(self.redis.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
        try:
            await store.ready()
            turn = await Leases(store, "another").join([Wish("alpha", KINDS)])
            return turn.grants["alpha"].own
        finally:
            await store.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        redis = EmbeddedServer(tmp_path / "redis", fsync="no")
        await redis.start()
        stack.push_async_callback(redis.stop)
        settings: dict[str, Any] = {"accounts": {"smsgw": "secret"}, "max_binds": len(KINDS)}
        carrier = await stack.enter_async_context(CarrierSim(CarrierSettings("alpha", **settings)))
        made = Place(tmp_path, redis, carrier)
        stack.callback(made.gateway.close)
        yield made


async def test_a_port_that_is_taken(place: Place) -> None:
    port = place.gateway.port
    with socket.create_server(("127.0.0.1", port)):
        assert await place.last_line() == (
            f"smsgw: can't listen on 127.0.0.1:{port} (listener.port in smsgw.toml): another program listens there "
            f"(`ss -ltnp 'sport = :{port}'` shows which): stop it, or set another port"
        )
    assert await place.free_binds() == {0, 1}
    assert place.carrier.stats.binds == 0, "nobody was bound for a start that could not be"


async def test_what_fails_after_the_binds_were_leased(place: Place) -> None:
    with socket.create_server(("127.0.0.1", place.gateway.ops_port)):
        assert (await place.last_line()).startswith("smsgw: the ops port can't listen on 127.0.0.1:")
    assert await place.free_binds() == {0, 1}


async def test_one_signal_ends_a_start_that_waits_for_its_store(place: Place) -> None:
    gateway = place.gateway
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        gateway.override({"smsgw.toml": {"store": {"url": f"redis://127.0.0.1:{silent.getsockname()[1]}"}}})
        starting = asyncio.create_task(gateway.start(deadline_s=DEADLINE_S))
        async with asyncio.timeout(DEADLINE_S):
            connection, _ = await asyncio.get_running_loop().sock_accept(silent)
        with connection:
            assert gateway.process is not None
            gateway.process.send_signal(signal.SIGTERM)
            # By itself it would end with status 1, and say that the store is away.
            with pytest.raises(RuntimeError, match="the gateway ended with 0:"):
                await starting
    gateway.process = None
    assert [event["event"] for event in gateway.events()][-1] == "app.stopped"
