"""Redis over TLS with an ACL user that has exactly the rights of docs/redis.md; directly, by Sentinel and as a Cluster.

No server of a wheel has TLS built in, so a small front of ours ends it before a plain one. A server with TLS of its own
is tried too where ``SMSGW_TEST_TLS_SERVER`` names one (Debian's redis-server).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from smsgw.errors import StoreAway, StoreError, StoreRefused
from smsgw.store import keys
from smsgw.store.access import Access, Tls
from smsgw.store.admission import ACCEPTED
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.correlation import MATCHED, Correlated
from smsgw.store.secrets import Secrets
from tests.certificates import Authority
from tests.chaos.servers import ALL_SLOTS, Node, Servers, SingleServer, ask, free_ports, until
from tests.store.kit import Kit

PASSWORD = "the-password"
PAGE = Path(__file__).parents[2] / "docs" / "redis.md"
USER, SENTINEL_USER = re.findall(r"^user smsgw .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
NAME = "redis.test"
OWN_TLS = os.environ.get("SMSGW_TEST_TLS_SERVER", "")


class Front:
    """Ends TLS before a plain port."""

    def __init__(self, target: int, context: ssl.SSLContext) -> None:
        self.target = target
        self.context = context
        self.port = free_ports(1)[0]
        self._server: asyncio.Server | None = None
        self._joined_now: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Front:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port, ssl=self.context)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._joined_now:
            writer.transport.abort()
        await asyncio.gather(*self._joined_now.values(), return_exceptions=True)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._joined_now[writer] = task
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        with contextlib.suppress(OSError):
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        del self._joined_now[writer]


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    finally:
        target.close()


class OwnTls(SingleServer):
    """A server with TLS built in."""

    def __init__(self, directory: Path, authority: Authority, certificate: Path, key: Path) -> None:
        self.tls_port = free_ports(1)[0]
        options = (
            USER, f"tls-port {self.tls_port}", f"tls-cert-file {certificate}", f"tls-key-file {key}",
            f"tls-ca-cert-file {authority.ca}",
        )  # fmt: skip
        super().__init__(directory, binary=OWN_TLS, options=options)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.issue("server", NAME)
    made.issue("client")
    return made


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleServer]:
    """A plain server with the user, and the default user for the test itself."""
    yield from _running(SingleServer(tmp_path_factory.mktemp("plain"), options=[USER]))


def _running(servers: SingleServer) -> Iterator[SingleServer]:
    with asyncio.Runner() as runner:
        runner.run(servers.start())
        yield servers
        runner.run(servers.stop())


@pytest.fixture
async def front(plain: SingleServer, authority: Authority) -> AsyncIterator[Front]:
    plain.ask("master", "FLUSHALL")
    async with Front(plain.nodes["node0"].port, _server_side(authority)) as front:
        yield front


def _server_side(authority: Authority) -> ssl.SSLContext:
    where = authority.directory
    return authority.server_context(where / "server.pem", where / "server.key", ask_clients=True)


def _client_side(authority: Authority) -> Tls:
    where = authority.directory
    return Tls(authority.ca, where / "client.pem", where / "client.key", NAME)


def access_of(authority: Authority) -> Access:
    tls = _client_side(authority)
    return Access("smsgw", PASSWORD, tls, "smsgw", PASSWORD, tls)


async def check_whole_way(url: str, secrets: Secrets, settings: StoreSettings) -> None:
    """A message is taken in, read, settled, and its receipt finds it."""
    kit = Kit(url, secrets, settings)
    try:
        await kit.start()
        item = kit.item()
        assert await kit.codes(item) == [ACCEPTED]
        (message,) = await kit.read(keys.mt(int(item.message_ids[0][:2], 16), "alpha", 2), 1)
        kit.sent(message, "c1", item.message_ids[0])
        await kit.drain()
        found = await kit.receipt("c1")
        assert isinstance(found, Correlated)
        assert (found.outcome, found.message_id) == (MATCHED, item.message_ids[0])
    finally:
        await kit.stop()


async def test_the_whole_way_over_tls_with_a_user(front: Front, authority: Authority, secrets: Secrets) -> None:
    settings = StoreSettings(partitions=4, access=access_of(authority))
    await check_whole_way(f"redis://127.0.0.1:{front.port}/0", secrets, settings)


async def test_the_user_may_do_nothing_else(front: Front, authority: Authority, secrets: Secrets) -> None:
    store = store_at(front, access_of(authority), secrets)
    for command in (("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "SET", "maxmemory", "1"), ("SET", "theirs", "1")):
        with pytest.raises(StoreRefused, match=r"NOPERM|permission"):
            await store.command(0, *command)
    await store.close()


def store_at(front: Front, access: Access, secrets: Secrets) -> Store:
    return Store(
        f"redis://127.0.0.1:{front.port}/0", sealer=secrets.sealer(), recipients=secrets.hasher(),
        settings=StoreSettings(access=access),
    )  # fmt: skip


async def test_what_is_wrong_is_told(front: Front, authority: Authority, secrets: Secrets, tmp_path: Path) -> None:
    right = access_of(authority)
    assert right.tls is not None
    other = Authority(tmp_path)
    cases: list[tuple[Access, type[StoreError], str]] = [
        (replace(right, tls=replace(right.tls, ca=other.ca)), StoreAway, "certificate is not accepted"),
        (replace(right, tls=replace(right.tls, server_name="")), StoreAway, "certificate is not accepted.*mismatch"),
        (
            replace(right, tls=replace(right.tls, certificate=None, key=None)),
            StoreAway,
            "CERTIFICATE_REQUIRED|reset|closed",
        ),
        (replace(right, tls=replace(right.tls, ca=tmp_path / "gone.pem")), StoreAway, r"gone\.pem can't be read"),
        (replace(right, password="no"), StoreRefused, "(?i)invalid username-password|WRONGPASS"),
    ]
    for access, kind, words in cases:
        store = store_at(front, access, secrets)
        with pytest.raises(kind, match=words):
            await store.command(0, "PING")
        await store.close()


async def test_a_renewed_certificate_is_used_by_the_next_connection(
    plain: SingleServer, secrets: Secrets, tmp_path: Path
) -> None:
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    context = old.server_context(*old.issue("server", NAME))
    async with Front(plain.nodes["node0"].port, context) as front:
        store = store_at(front, Access("smsgw", PASSWORD, Tls(old.ca, server_name=NAME)), secrets)
        assert await store.command(0, "PING") == b"PONG"
        context.load_cert_chain(*new.issue("server", NAME))
        await store.close()
        with pytest.raises(StoreAway, match="not accepted"):
            await store.command(0, "PING")
        old.ca.write_bytes(new.ca.read_bytes())
        assert await store.command(0, "PING") == b"PONG"
        await store.close()


class Sentinel(Servers):
    """One sentinel, for whoever has its user; what it watches is behind a front and seems dead to it."""

    def __init__(self, directory: Path, master: int) -> None:
        super().__init__(directory)
        self._master = master

    @property
    def url(self) -> str:
        return f"sentinel://127.0.0.1:{self.nodes['sentinel0'].port}/main"

    async def start(self) -> None:
        lines = (SENTINEL_USER, f"sentinel monitor main 127.0.0.1 {self._master} 2")
        node = self._make("sentinel0", free_ports(1)[0], *lines, extra=("--sentinel",))
        node.run()
        await self._answering([node])


async def test_sentinel_over_tls_with_its_own_user(
    front: Front, authority: Authority, secrets: Secrets, tmp_path: Path
) -> None:
    sentinel = Sentinel(tmp_path, front.port)
    await sentinel.start()
    try:
        async with Front(sentinel.nodes["sentinel0"].port, _server_side(authority)) as way:
            url = f"sentinel://127.0.0.1:{way.port}/main"
            await check_whole_way(url, secrets, StoreSettings(access=access_of(authority)))
            wrong = replace(access_of(authority), sentinel_password="no")
            store = Store(
                url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=StoreSettings(access=wrong)
            )
            with pytest.raises(StoreAway, match=f"127.0.0.1:{way.port}: .*(?i:invalid|WRONGPASS)"):
                await store.command(0, "PING")
    finally:
        await sentinel.stop()


class OneNodeCluster(SingleServer):
    """A Cluster of one master that says it is at another port: that of the front before it."""

    async def start(self) -> None:
        await super().start()
        node: Node = self.nodes["node0"]
        ask(node.port, "CLUSTER", "ADDSLOTS", *range(ALL_SLOTS))
        await until(lambda: b"cluster_state:ok" in ask(node.port, "CLUSTER", "INFO"), "a Cluster of one")


async def test_a_cluster_over_tls(authority: Authority, secrets: Secrets, tmp_path: Path) -> None:
    way = Front(0, _server_side(authority))
    options = (USER, "cluster-enabled yes", f"cluster-announce-port {way.port}")
    servers = OneNodeCluster(tmp_path, options=options)
    await servers.start()
    way.target = servers.nodes["node0"].port
    try:
        async with way:
            settings = StoreSettings(partitions=4, access=access_of(authority))
            await check_whole_way(f"cluster://127.0.0.1:{way.port}", secrets, settings)
    finally:
        await servers.stop()


@pytest.mark.skipif(not OWN_TLS, reason="SMSGW_TEST_TLS_SERVER names no server with TLS built in")
async def test_a_server_with_tls_of_its_own(authority: Authority, secrets: Secrets, tmp_path: Path) -> None:
    where = authority.directory
    servers = OwnTls(tmp_path, authority, where / "server.pem", where / "server.key")
    await servers.start()
    try:
        settings = StoreSettings(access=access_of(authority))
        await check_whole_way(f"rediss://127.0.0.1:{servers.tls_port}/0", secrets, settings)
    finally:
        await servers.stop()
