"""A Cluster of three masters with replicas, and sentinels that disagree: who holds a partition is found, and again."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import hiredis
import pytest
from redis.crc import key_slot

from smsgw.errors import StoreAway
from smsgw.store import keys
from smsgw.store.access import Access
from smsgw.store.admission import ACCEPTED
from smsgw.store.channel import Channel
from smsgw.store.connection import StoreSettings
from smsgw.store.correlation import MATCHED, Correlated
from smsgw.store.migration.run import Migration
from smsgw.store.secrets import Secrets
from smsgw.store.streams import waiting_messages
from smsgw.store.topology import _FRESH_S, SentinelMaster, topology_of
from smsgw.store.wire import StoreBusy
from tests.chaos.servers import ClusterSet, Servers, SingleServer, free_ports
from tests.chaos.servers import until as servers_are
from tests.store import test_backup as backups
from tests.store.conftest import MakeKit
from tests.store.kit import Kit, until
from tests.store.migration_state import Scene
from tests.store.test_migration import store_of

PARTITIONS = 6


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterSet]:
    """For the tests of this file in their order; the last one kills a master."""
    made = ClusterSet(tmp_path_factory.mktemp("cluster"), partitions=PARTITIONS, node_timeout_ms=1500)
    with asyncio.Runner() as runner:
        runner.run(made.start())
        yield made
        runner.run(made.stop())


@pytest.fixture
async def cluster(servers: ClusterSet, secrets: Secrets) -> AsyncIterator[Kit]:
    """Six partitions over three masters; an answer waits for the master's replica."""
    for name in servers.masters():
        servers.ask(name, "FLUSHALL")
    kit = Kit(servers.url, secrets, StoreSettings(partitions=PARTITIONS, replicas=1))
    await kit.start()
    yield kit
    await kit.stop()


async def waiting(kit: Kit) -> int:
    """Messages of all partitions; a single command is not tried again by the store, so it is here."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(StoreAway):
                streams = [keys.mt(each, "alpha", 2) for each in range(PARTITIONS)]
                return sum([await waiting_messages(kit.store, stream) for stream in streams])
            await asyncio.sleep(0.05)


async def test_the_whole_way_on_a_cluster(cluster: Kit) -> None:
    items = [cluster.item(str(8613800000000 + n), n) for n in range(30)]
    assert await cluster.codes(*items) == [ACCEPTED] * 30
    by_blob = {item.blob: item.message_ids[0] for item in items}
    sizes = []
    for partition in range(PARTITIONS):
        stream = keys.mt(partition, "alpha", 2)
        sizes.append(await waiting_messages(cluster.store, stream))
        for message in await cluster.read(stream, sizes[-1]):
            cluster.sent(message, message[1][1][1].decode(), by_blob[message[1][1][1]])
    assert sum(sizes) == 30
    assert all(sizes)
    await cluster.drain()
    for item in items:
        result = await cluster.receipt(item.blob.decode())
        assert isinstance(result, Correlated)
        assert (result.outcome, result.message_id) == (MATCHED, item.message_ids[0])
    await cluster.drain()
    assert await waiting_messages(cluster.store, keys.out("shop", PARTITIONS)) == 30
    held = cluster.item("8613800000001", 99, due_ms=cluster.now_ms)
    assert await cluster.codes(held) == [ACCEPTED]
    assert await cluster.held.cancel(held.message_ids[0]) == held.blob


async def test_a_store_is_moved_to_the_cluster_and_back(
    make_kit: MakeKit, servers: ClusterSet, secrets: Secrets
) -> None:
    for name in servers.masters():
        servers.ask(name, "FLUSHALL")
    first = await make_kit(partitions=1)
    scene = Scene(first, 8, 10)
    await scene.fill()
    on_cluster = Kit(servers.url, secrets, StoreSettings(partitions=PARTITIONS, replicas=1))
    back = store_of(first, 2, 1)
    try:
        assert (await Migration(first.store, on_cluster.store).run()).uncertain == len(scene.uncertain)
        await on_cluster.store.ready()
        scene.kit = on_cluster
        await scene.check()
        assert (await Migration(on_cluster.store, back).run()).partitions == (PARTITIONS, 2)
    finally:
        await on_cluster.stop()
        await back.close()
    scene.kit = Kit(back.url, secrets, StoreSettings(partitions=2))
    await scene.kit.start()
    try:
        await scene.check()
        await scene.dispatch()
    finally:
        await scene.kit.stop()


async def test_a_partition_that_moved_is_found_again(cluster: Kit) -> None:
    """MOVED is an answer like a lost connection: ask who holds it now, and try again."""
    topology = cluster.store._topology
    wrong = await topology.target(0)
    right = [await topology.target(partition) for partition in range(PARTITIONS)]
    other = next(partition for partition in range(PARTITIONS) if right[partition] is not wrong)
    cluster.store._shared[other] = Channel(wrong, 1.0)
    assert await cluster.codes(item_of(cluster, other)) == [ACCEPTED]


def item_of(kit: Kit, partition: int, first: int = 0) -> object:
    """A message of the partition."""
    numbers = (kit.item(str(8613800000000 + n), n) for n in range(first, first + 200))
    return next(item for item in numbers if item.message_ids[0].startswith(f"{partition:02x}"))


async def test_a_backup_is_made_of_a_cluster_and_put_back(cluster: Kit, servers: ClusterSet, tmp_path: Path) -> None:
    await backups.fill(cluster)
    before = await backups.known(cluster.store)
    reader = await backups.exported(cluster.store, tmp_path / "backup")
    for name in servers.masters():
        servers.ask(name, "FLUSHALL")
    await cluster.store.ready()
    await backups.restored(cluster.store, reader)
    assert await backups.known(cluster.store) == before


async def test_a_partition_stands_still_while_its_slot_moves(cluster: Kit, servers: ClusterSet) -> None:
    """Its keys are at two servers: nothing is decided on half of them, the others go on, and nothing is lost."""
    cluster.admission.commit._retry_for_s = 60.0
    slot = key_slot(keys.TAGS[0].encode())
    assert await cluster.codes(item_of(cluster, 0)) == [ACCEPTED]
    target = next(name for name in servers.masters() if name != servers.name_of(f"master:{slot}"))
    servers.begin_move(slot, target)
    cluster.admission.submit(item_of(cluster, 0, first=200))
    calls = cluster.admission.commit.calls
    assert await cluster.codes(item_of(cluster, 1)) == [ACCEPTED]
    assert cluster.admission.commit.calls == calls + 1
    servers.move_slot(slot, target)
    await until(lambda: not cluster.admission.commit.waiting)
    assert [reply.code for reply in cluster.admitted] == [ACCEPTED] * 3
    assert await waiting(cluster) == 3
    assert servers.name_of(f"master:{slot}") == target


async def test_what_was_answered_survives_a_master(cluster: Kit, servers: ClusterSet, secrets: Secrets) -> None:
    items = [cluster.item(str(8613800000000 + n), n) for n in range(60)]
    assert await cluster.codes(*items) == [ACCEPTED] * 60
    dead = servers.kill(f"master:{key_slot(keys.TAGS[1].encode())}")
    await servers.until_master(not_on=dead)
    assert await waiting(cluster) == 60
    # Its replica is a master without one now: it takes nothing before it has.
    (refused,) = await cluster.admit(item_of(cluster, 1, first=200))
    assert isinstance(refused, StoreAway)
    await servers.restart(dead)
    await servers_are(lambda: len(servers.replicas()) == 3, "all replicas in step")
    assert (await cluster.admit(item_of(cluster, 1, first=200)))[-1].code == ACCEPTED
    assert await waiting(cluster) == 61


class FakeSentinels:
    """Servers that say of the master what the test wants."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.asked = 0
        self.epochs: dict[int, int] = {}
        self.now = 0
        """All name this port from now on; 0: each its own."""
        self._open: list[asyncio.Server] = []

    async def add(self, port: int, epoch: int, at: int = 0) -> None:
        """One more, that names this port."""
        self.epochs[port] = epoch

        async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1000)
            self.asked += 1
            named = self.now or port
            told = ["name", "main", "ip", "127.0.0.1", "port", str(named), "config-epoch", str(self.epochs[named])]
            writer.write(hiredis.pack_command(tuple(told)))
            await reader.read()
            writer.close()

        server = await asyncio.start_server(joined, "127.0.0.1", at)
        self._open.append(server)
        self.ports.append(server.sockets[0].getsockname()[1])

    async def hang(self) -> None:
        """One that accepts and says nothing."""
        server = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
        self._open.append(server)
        self.ports.append(server.sockets[0].getsockname()[1])

    @property
    def topology(self) -> SentinelMaster:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        topology = topology_of(f"sentinel://{hosts}/main", 2.0, Access())
        assert isinstance(topology, SentinelMaster)
        return topology

    def close(self) -> None:
        for server in self._open:
            server.close()


@pytest.fixture
async def sentinels() -> AsyncIterator[FakeSentinels]:
    fake = FakeSentinels()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """``node0`` is a master, ``node1`` its replica."""
    made = SingleServer(tmp_path_factory.mktemp("pair"))
    with asyncio.Runner() as runner:
        runner.run(made.start())
        replica = made._make_data("node1", free_ports(1)[0], f"replicaof 127.0.0.1 {made.nodes['node0'].port}")
        replica.run()
        runner.run(made._answering([replica]))
        yield made
        runner.run(made.stop())


async def test_the_newest_word_counts_and_who_hangs_is_not_waited_for(sentinels: FakeSentinels, pair: Servers) -> None:
    await sentinels.hang()
    await sentinels.add(free_ports(1)[0], epoch=3)
    await sentinels.add(pair.nodes["node0"].port, epoch=4)
    await sentinels.add(pair.nodes["node1"].port, epoch=2)
    async with asyncio.timeout(10):
        target = await sentinels.topology.target(0)
    assert target.port == pair.nodes["node0"].port


async def test_who_is_named_must_be_the_master(sentinels: FakeSentinels, pair: Servers) -> None:
    """A sentinel that names a replica, though its word is the newest, is passed over for one that names a master."""
    await sentinels.add(pair.nodes["node1"].port, epoch=9)
    with pytest.raises(StoreAway, match="which a sentinel names, is a slave"):
        await sentinels.topology.target(0)
    await sentinels.add(pair.nodes["node0"].port, epoch=1)
    target = await sentinels.topology.target(0)
    assert target.port == pair.nodes["node0"].port


async def test_nobody_older_is_taken_for_a_master_that_does_not_answer(sentinels: FakeSentinels, pair: Servers) -> None:
    """The one before it may live on, cut off from the others, and say that it is the master."""
    await sentinels.add(free_ports(1)[0], epoch=3)
    await sentinels.add(pair.nodes["node0"].port, epoch=2)
    with pytest.raises(StoreAway, match="no master of main is known"):
        await sentinels.topology.target(0)


async def test_who_was_the_master_before_is_not_gone_back_to(sentinels: FakeSentinels, pair: Servers) -> None:
    """A sentinel that is cut off with it names it still; when all say so, they know."""
    port = pair.nodes["node0"].port
    await sentinels.add(port, epoch=2)
    sentinels.ports.append(free_ports(1)[0])  # nobody answers there yet
    topology = sentinels.topology
    assert (await topology.target(0)).port == port
    sentinels.epochs[port] = 1
    topology.forget()
    topology._asked_at = -math.inf
    with pytest.raises(StoreAway, match=f"only 127.0.0.1:{port} is named, which was the master before"):
        await topology.target(0)
    await sentinels.add(port, epoch=1, at=sentinels.ports.pop())
    topology._asked_at = -math.inf
    assert (await topology.target(0)).port == port


async def test_a_master_that_slept_is_named_again_or_left(
    sentinels: FakeSentinels, pair: Servers, tmp_path: Path
) -> None:
    """It says that it is the master as soon as it wakes up; those who named it know better by then."""
    other = SingleServer(tmp_path)
    await other.start()
    await sentinels.add(pair.nodes["node0"].port, epoch=1)
    paused = pair.pause("node0")
    try:
        asking = asyncio.create_task(sentinels.topology.target(0))
        await until(lambda: sentinels.asked)
        asked_at = monotonic()
        await until(lambda: monotonic() > asked_at + _FRESH_S)
        sentinels.now = other.nodes["node0"].port
        sentinels.epochs[sentinels.now] = 2
        pair.resume(paused)
        assert (await asking).port == sentinels.now
    finally:
        pair.resume(paused)
        await other.stop()


async def test_a_replica_is_not_written_to(pair: Servers, secrets: Secrets) -> None:
    """As a master that was demoted while its connections stayed."""
    url = f"redis://127.0.0.1:{pair.nodes['node1'].port}/0"
    kit = Kit(url, secrets, StoreSettings(replicas=1))
    with pytest.raises(StoreBusy, match="it is a slave now"):
        await kit.store.write(0, "SET", "{p00}:x", "1")
    await kit.store.close()


async def test_many_who_ask_are_told_once(sentinels: FakeSentinels, pair: Servers) -> None:
    await sentinels.add(pair.nodes["node0"].port, epoch=1)
    topology = sentinels.topology
    found = await asyncio.gather(*(topology.target(0) for _ in range(50)))
    assert len(set(map(id, found))) == 1


async def test_no_sentinel_at_all_is_told_to_each_at_once(sentinels: FakeSentinels) -> None:
    topology = topology_of(f"sentinel://127.0.0.1:{free_ports(1)[0]}/main", 2.0)
    found = await asyncio.gather(*(topology.target(0) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(error, StoreAway) and "no server is known" in str(error) for error in found)


async def test_a_half_open_connection_is_noticed_and_left(pair: Servers, secrets: Secrets) -> None:
    """A server that is stopped keeps its connections and says nothing: the call ends, and the next one is a new one."""
    kit = Kit(f"redis://127.0.0.1:{pair.nodes['node0'].port}/0", secrets, StoreSettings(timeout_s=1.0))
    await kit.start()
    before = kit.store._shared[0]
    paused = pair.pause("node0")
    with pytest.raises(StoreAway, match=r"no answer to PING within 1 s"):
        await kit.store.command(0, "PING")
    assert 0 not in kit.store._shared
    pair.resume(paused)
    assert await kit.store.command(0, "PING") == b"PONG"
    assert kit.store._shared[0] is not before
    await kit.stop()
