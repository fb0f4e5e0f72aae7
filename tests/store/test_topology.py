"""A Cluster of two masters and a Sentinel: the same scripts, every call at the server that holds its partition."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.admission import ACCEPTED
from smsgw.store.channel import Channel, connection_maker
from smsgw.store.connection import StoreSettings
from smsgw.store.correlation import MATCHED, Correlated
from smsgw.store.secrets import Secrets
from smsgw.store.streams import waiting_messages
from tests.store.conftest import BINARIES
from tests.store.kit import Kit, until

SERVER = next(iter(BINARIES.values()), "")
ALL_SLOTS = 16384
pytestmark = pytest.mark.skipif(not SERVER, reason="no server is installed")


def free_port() -> int:
    """A port that is free now, and so low that the Cluster's own, 10000 above, is one too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:
            return port


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Starts a server on a free port with these options and gives the port."""
    running: list[subprocess.Popen[bytes]] = []

    def run(binary: str, *options: str, port: int = 0) -> int:
        port = port or free_port()
        directory = tmp_path_factory.mktemp("node")
        command = [binary, *options, "--port", str(port), "--dir", str(directory), "--save", "", "--bind", "127.0.0.1"]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        return port

    yield run
    for process in running:
        process.kill()
        process.wait()


async def ask(port: int, *command: str | int) -> Any:
    """One command, tried until the server is up."""
    channel = Channel(connection_maker(f"redis://127.0.0.1:{port}/0", 1.0), 2.0)
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreError):
                reply = await channel.call(*command)
                await channel.close()
                return reply
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def cluster_ports(start: Any) -> tuple[int, int]:
    """Two masters with half the slots each."""
    first, second = (start(SERVER, "--cluster-enabled", "yes", "--appendonly", "no") for _ in range(2))
    asyncio.run(join(first, second))
    return first, second


async def join(first: int, second: int) -> None:
    half = ALL_SLOTS // 2
    await ask(first, "CLUSTER", "ADDSLOTS", *range(half))
    await ask(second, "CLUSTER", "ADDSLOTS", *range(half, ALL_SLOTS))
    await ask(second, "CLUSTER", "SET-CONFIG-EPOCH", 2)
    await ask(first, "CLUSTER", "MEET", "127.0.0.1", second)
    for port in (first, second):
        async with asyncio.timeout(40):
            while b"cluster_state:ok" not in await ask(port, "CLUSTER", "INFO"):
                await asyncio.sleep(0.02)


@pytest.fixture
async def cluster(cluster_ports: tuple[int, int], secrets: Secrets) -> AsyncIterator[Kit]:
    """Four partitions over two masters."""
    for port in cluster_ports:
        await ask(port, "FLUSHALL")
    hosts = ",".join(f"127.0.0.1:{port}" for port in cluster_ports)
    kit = Kit(f"cluster://{hosts}", secrets, StoreSettings(partitions=4))
    await kit.start()
    yield kit
    await kit.stop()


async def test_the_whole_way_on_a_cluster(cluster: Kit) -> None:
    items = [cluster.item(str(8613800000000 + n), n) for n in range(20)]
    assert await cluster.codes(*items) == [ACCEPTED] * 20
    by_blob = {item.blob: item.message_ids[0] for item in items}
    sizes = []
    for partition in range(4):
        stream = keys.mt(partition, "alpha", 2)
        sizes.append(await waiting_messages(cluster.store, stream))
        for message in await cluster.read(stream, sizes[-1]):
            cluster.sent(message, message[1][1][1].decode(), by_blob[message[1][1][1]])
    assert sum(sizes) == 20
    await cluster.drain()
    for item in items:
        result = await cluster.receipt(item.blob.decode())
        assert isinstance(result, Correlated)
        assert (result.outcome, result.message_id) == (MATCHED, item.message_ids[0])
    await cluster.drain()
    assert await waiting_messages(cluster.store, keys.out("shop", 4)) == 20
    held = cluster.item("8613800000001", 99, due_ms=cluster.now_ms)
    assert await cluster.codes(held) == [ACCEPTED]
    assert await cluster.held.cancel(held.message_ids[0]) == held.blob


async def test_a_partition_that_moved_is_found_again(cluster: Kit) -> None:
    """MOVED is an answer like a lost connection: ask who holds it now, and try again."""
    topology = cluster.store._topology
    wrong = await topology.maker(0)
    right = [await topology.maker(partition) for partition in range(4)]
    other = next(partition for partition in range(4) if right[partition] is not wrong)
    item = next(
        item
        for item in (cluster.item(str(8613800000000 + n), n) for n in range(99))
        if item.message_ids[0].startswith(f"{other:02x}")
    )
    cluster.store._free[other] = [Channel(wrong, 1.0)]
    assert await cluster.codes(item) == [ACCEPTED]


async def test_the_master_that_sentinel_names(start: Any, secrets: Secrets, tmp_path: Path) -> None:
    master = start(SERVER, "--appendonly", "no")
    await ask(master, "PING")
    page = tmp_path / "sentinel.conf"
    page.write_text(f"sentinel monitor main 127.0.0.1 {master} 1\n")
    sentinel = start(SERVER, str(page), "--sentinel")
    await ask(sentinel, "PING")
    kit = Kit(f"sentinel://127.0.0.1:{sentinel}/main", secrets, StoreSettings())
    await kit.start()
    assert await kit.codes(kit.item()) == [ACCEPTED]
    await until(lambda: not kit.admission.commit.waiting)
    await kit.stop()
