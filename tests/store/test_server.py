"""The embedded server, and what a store says of the server it finds."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from smsgw.errors import StoreAway, StoreRefused
from smsgw.store.admission import ACCEPTED
from smsgw.store.channel import Channel, target_of
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.secrets import Secrets
from smsgw.store.server import SOCKET_PATH_OCTETS, EmbeddedServer, find_binary
from smsgw.store.streams import waiting_messages
from smsgw.store.topology import topology_of
from tests.store.kit import Kit


def make_store(url: str, secrets: Secrets, **settings: int) -> Store:
    return Store(url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=StoreSettings(**settings))


async def test_it_starts_is_adopted_and_stops(tmp_path: Path, secrets: Secrets) -> None:
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    await first.start()
    await second.start()
    assert (first.adopted, second.adopted, first.pid) == (False, True, second.pid)
    store = make_store(second.url, secrets)
    await store.ready()
    assert store.warnings == []
    await store.close()
    await second.stop()
    assert not first.is_running
    await first.stop()


async def test_what_was_answered_survives_a_kill(tmp_path: Path, secrets: Secrets) -> None:
    server = EmbeddedServer(tmp_path)
    await server.start()
    kit = Kit(server.url, secrets, StoreSettings())
    await kit.start()
    assert await kit.codes(kit.item(), kit.item(n=1)) == [ACCEPTED, ACCEPTED]
    server.kill()
    assert not server.is_running
    await server.restart()
    assert await kit.codes(kit.item(n=2)) == [ACCEPTED]
    assert await waiting_messages(kit.store, "{p00}:mt:alpha:2") == 3
    await kit.stop()
    await server.stop()


async def _ends(server: EmbeddedServer, check_s: float) -> None:
    await server.start()
    waiting = asyncio.create_task(server.ended(check_s))
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    server.kill()
    async with asyncio.timeout(10):
        await waiting
    assert not server.is_running


async def test_its_end_is_waited_for(tmp_path: Path) -> None:
    await _ends(EmbeddedServer(tmp_path), check_s=3600.0)


async def test_its_end_is_waited_for_where_the_kernel_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    await _ends(EmbeddedServer(tmp_path), check_s=0.1)


async def test_one_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    (tmp_path / "redis").mkdir(exist_ok=True)
    (server.directory / "server.pid").write_text(str(os.getpid()))  # its number is another process's by now
    async with asyncio.timeout(10):
        await server.ended(check_s=3600.0)
    assert not server.is_running


async def test_a_long_directory_gets_a_short_socket(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 60) / ("y" * 60)
    server = EmbeddedServer(directory)
    assert len(os.fsencode(server.socket)) <= SOCKET_PATH_OCTETS
    assert EmbeddedServer(directory).socket == server.socket
    await server.start()
    await server.stop()
    server.socket.parent.rmdir() if not any(server.socket.parent.iterdir()) else None


async def test_a_server_that_can_not_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, fsync="sometimes")
    with pytest.raises(StoreRefused, match="ended at once"):
        await server.start()


def test_no_binary_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreRefused, match=r"store\.server"):
        find_binary(tmp_path / "nothing")
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.7 sha=0'\n")
    old.chmod(0o755)
    with pytest.raises(StoreRefused, match=r"6\.2 or later"):
        find_binary(old)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("smsgw.store.server._IN_WHEELS", ())
    with pytest.raises(StoreRefused, match="apt install redis-server"):
        find_binary()


async def test_another_number_of_partitions_is_refused(kit: Kit) -> None:
    other = make_store(kit.url, kit.secrets, partitions=2)
    with pytest.raises(StoreRefused, match="partitions 1, this smsgw has 2"):
        await other.ready()
    await other.close()


async def test_settings_of_redis_that_lose_messages_are_named(kit: Kit) -> None:
    await kit.command("CONFIG", "SET", "appendfsync", "everysec")
    try:
        other = make_store(kit.url, kit.secrets)
        await other.ready()
        await other.close()
        assert [warning.split(" ")[0] for warning in other.warnings] == ["appendfsync"]
    finally:
        await kit.command("CONFIG", "SET", "appendfsync", "always")


async def test_nobody_there(tmp_path: Path, secrets: Secrets) -> None:
    store = make_store(f"unix://{tmp_path}/nothing.sock", secrets)
    with pytest.raises(StoreAway):
        await store.ready()
    await store.close()


@pytest.mark.parametrize("url", ["http://x", "sentinel://host:26379", "cluster://", "redis://host:port/0"])
def test_urls_that_mean_nothing(url: str) -> None:
    with pytest.raises(StoreRefused):
        topology_of(url, 1.0)


async def test_its_memory_has_the_ceiling_of_the_site(tmp_path: Path) -> None:
    """Also when it is adopted: it was started with what the site said then. Who says nothing changes nothing."""
    server = EmbeddedServer(tmp_path, memory_octets=50_000_000)
    await server.start()
    try:
        assert await _ceiling(server) == 50_000_000
        for octets, found in ((60_000_000, 60_000_000), (None, 60_000_000)):
            other = EmbeddedServer(tmp_path, memory_octets=octets)
            await other.start()
            assert await _ceiling(other) == found
    finally:
        await server.stop()


async def _ceiling(server: EmbeddedServer) -> int:
    channel = Channel(target_of(server.url, 1.0), 5.0)
    try:
        return int((await channel.call("CONFIG", "GET", "maxmemory"))[1])
    finally:
        await channel.close()


SLOW = """#!/bin/sh
[ "$1" = --version ] && exec {binary} --version
echo $$ > {pid}
sleep 0.5
exec {binary} "$@"
"""


async def test_a_start_that_is_cut_short_leaves_no_server(tmp_path: Path) -> None:
    slow, pid = tmp_path / "slow-redis", tmp_path / "pid"
    slow.write_text(SLOW.format(binary=find_binary(), pid=pid))
    slow.chmod(0o755)
    server = EmbeddedServer(tmp_path, slow)
    starting = asyncio.create_task(server.start())
    async with asyncio.timeout(10):
        while not (pid.exists() and pid.read_text()):
            await asyncio.sleep(0.01)
    assert server.pid == 0, "so early that it can't be told by its pid file"
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


async def test_it_is_left_to_others_that_use_it(tmp_path: Path) -> None:
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    await first.start()
    try:
        await second.start()
        assert not await first.stop_unless_shared()
        assert second.is_running
        assert await second.stop_unless_shared(), "the last one stops it, whoever started it"
        assert not second.is_running
    finally:
        await second.stop()
