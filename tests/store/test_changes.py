"""Changes reach every process within milliseconds, and none is missed, whatever happens to connection or server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from smsgw.errors import StoreError
from smsgw.store import changes as changes_module
from smsgw.store import keys
from smsgw.store.audit import AuditEntry
from smsgw.store.changes import EVERYTHING, ChangeFeed
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.registers import RegisterChange, RegisterStore
from smsgw.store.secrets import Secrets
from smsgw.store.server import EmbeddedServer
from tests.store.conftest import BINARIES
from tests.store.kit import DEADLINE_S, NOW_MS, Kit, until
from tests.store.test_topology import cluster, servers

__all__ = ["cluster", "servers"]

WHY = AuditEntry(NOW_MS, "li.na", "word.add", "word company/词", "complaint")
Told = list[tuple[str, frozenset[str] | None]]


class Follower:
    """A process of its own, as far as Redis can tell: another Store, with what its feed told."""

    def __init__(self, url: str, secrets: Secrets, settings: StoreSettings) -> None:
        self.store = Store(url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
        self.registers = RegisterStore(self.store)
        self.told: Told = []
        self.errors: list[StoreError] = []
        self.feed = ChangeFeed(self.store, lambda *each: self.told.append(each), on_error=self.errors.append)
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.feed.begin()
        self.task = asyncio.ensure_future(self.feed.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.store.close()

    def ids(self) -> set[str]:
        return {each for _, ids in self.told for each in ids or ()}


@pytest.fixture
async def follower(kit: Kit) -> AsyncIterator[Follower]:
    follower = Follower(kit.url, kit.secrets, kit.settings)
    yield follower
    await follower.stop()


async def change(registers: RegisterStore, *ids: str, kind: str = "word") -> None:
    await registers.write(kind, [RegisterChange(each, {"id": each}) for each in ids], WHY)


async def test_another_process_hears_of_a_change_at_once(kit: Kit, follower: Follower) -> None:
    registers = RegisterStore(kit.store)
    await change(registers, "company/before")
    await follower.start()
    slowest_s = 0.0
    for n in range(20):
        began_s = monotonic()
        await change(registers, f"company/{n}", kind="pause")
        await until(lambda n=n: len(follower.told) > n)
        slowest_s = max(slowest_s, monotonic() - began_s)
    assert follower.told == [("pause", frozenset({f"company/{n}"})) for n in range(20)]
    assert slowest_s < 1.0
    assert follower.errors == []


async def test_what_changes_between_begin_and_run_is_told(kit: Kit, follower: Follower) -> None:
    registers = RegisterStore(kit.store)
    for first in ((), ("company/first",)):
        if first:
            await change(registers, *first)
        late = Follower(kit.url, kit.secrets, kit.settings)
        await late.feed.begin()
        await change(registers, "company/meanwhile")
        late.task = asyncio.ensure_future(late.feed.run())
        await until(lambda late=late: late.told)
        assert late.told == [("word", frozenset({"company/meanwhile"}))]
        await late.stop()


async def test_without_begin_everything_is_told_first(kit: Kit, follower: Follower) -> None:
    await change(RegisterStore(kit.store), "company/before")
    follower.task = asyncio.ensure_future(follower.feed.run())
    await until(lambda: follower.told)
    assert follower.told == [(EVERYTHING, None)]


async def test_deletions_bulks_and_kinds(kit: Kit, follower: Follower) -> None:
    registers = RegisterStore(kit.store)
    await follower.start()
    await change(registers, "a", "b")
    await registers.write("word", [RegisterChange("a", None)], WHY)
    await registers.write("word", [RegisterChange(f"c/{n}", {}) for n in range(700)], WHY)
    await change(registers, "p", kind="pause")
    await until(lambda: ("pause", frozenset({"p"})) in follower.told)
    assert [ids for kind, ids in follower.told if kind == "word"][-1] is None
    assert follower.ids() <= {"a", "b", "p"}


async def test_a_lost_connection_misses_nothing(kit: Kit, follower: Follower) -> None:
    registers = RegisterStore(kit.store)
    await change(registers, "company/before")
    await follower.start()
    for n in range(20):
        await change(registers, f"company/{n}")
        if n % 5 == 0:
            await kit.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    expected = {f"company/{n}" for n in range(20)}
    await until(lambda: follower.ids() == expected)
    assert all(kind == "word" for kind, _ in follower.told)


async def test_ten_thousand_changes(kit: Kit, follower: Follower) -> None:
    """Everyone hears of every one, by two writers, over lost connections."""
    writers = [RegisterStore(kit.store), follower.registers]
    other = Follower(kit.url, kit.secrets, kit.settings)
    await change(writers[0], "company/before")
    await follower.start()
    await other.start()

    async def write(registers: RegisterStore, first: int) -> None:
        for n in range(first, 10_000, 20):
            await change(registers, *(f"company/{each}" for each in range(n, n + 10)))
            if n % 2_000 == 0:
                await kit.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    await asyncio.gather(write(writers[0], 0), write(writers[1], 10))
    expected = {f"company/{n}" for n in range(10_000)}
    await until(lambda: follower.ids() == expected and other.ids() == expected)
    assert not [kind for each in (follower, other) for kind, _ in each.told if kind != "word"]
    await other.stop()


async def test_a_place_that_was_trimmed_tells_everything(kit: Kit) -> None:
    follower = Follower(kit.url, kit.secrets, kit.settings)
    registers = RegisterStore(kit.store)
    await change(registers, "company/before")
    await follower.feed.begin()
    for n in range(5):
        await change(registers, f"company/{n}")
    await kit.command("XTRIM", keys.register_feed(), "MAXLEN", 2)
    follower.task = asyncio.ensure_future(follower.feed.run())
    await until(lambda: follower.told)
    assert follower.told == [(EVERYTHING, None)]
    await change(registers, "company/after")
    await until(lambda: len(follower.told) == 2)
    assert follower.told[1] == ("word", frozenset({"company/after"}))
    await follower.stop()


async def test_a_feed_that_went_back_tells_everything(
    kit: Kit, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover to a replica that lagged: the last event is not there, and later ones may have smaller ids."""
    monkeypatch.setattr(changes_module, "BLOCK_MS", 20)
    registers = RegisterStore(kit.store)
    await change(registers, "company/before")
    await follower.start()
    await kit.command("DEL", keys.register_feed())
    await until(lambda: follower.told)
    assert follower.told[0] == (EVERYTHING, None)
    await change(registers, "company/after")
    await until(lambda: len(follower.told) >= 2)
    assert follower.told[-1] in ((EVERYTHING, None), ("word", frozenset({"company/after"})))


async def test_an_event_of_another_version_tells_everything(kit: Kit, follower: Follower) -> None:
    await follower.start()
    await kit.command("XADD", keys.register_feed(), "*", "what", "else")
    await until(lambda: follower.told)
    assert follower.told == [(EVERYTHING, None)]


@pytest.mark.skipif(not BINARIES, reason="no server is installed")
async def test_over_a_restart_of_the_server(tmp_path: Path, secrets: Secrets) -> None:
    server = EmbeddedServer(tmp_path, binary=next(iter(BINARIES.values())))
    await server.start()
    settings = StoreSettings()
    store = Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
    registers = RegisterStore(store)
    follower = Follower(server.url, secrets, settings)
    try:
        await change(registers, "company/before")
        await follower.start()
        await change(registers, "company/one")
        await until(lambda: follower.ids() == {"company/one"})
        await server.stop()
        await until(lambda: follower.errors)
        await server.start()
        async with asyncio.timeout(DEADLINE_S):
            await change(registers, "company/two")
        await until(lambda: follower.ids() == {"company/one", "company/two"})
        assert all(kind == "word" for kind, _ in follower.told)
    finally:
        await follower.stop()
        await store.close()
        await server.stop()


async def test_on_four_partitions(kit4: Kit) -> None:
    await check_hearing(kit4)


async def test_on_a_cluster(cluster: Kit) -> None:
    """The feed is read at the server that holds its partition."""
    await check_hearing(cluster)


async def check_hearing(kit: Kit) -> None:
    follower = Follower(kit.url, kit.secrets, kit.settings)
    await follower.start()
    await change(RegisterStore(kit.store), "a")
    await until(lambda: follower.told)
    assert follower.told == [("word", frozenset({"a"}))]
    await follower.stop()
