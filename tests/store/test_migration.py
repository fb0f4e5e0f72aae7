"""A store is moved to other numbers of partitions, and everything is found, sent and reported as if it had not been."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from smsgw.errors import StoreAway, StoreRefused
from smsgw.store import keys
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.leases import Leases
from smsgw.store.migration.kinds import KINDS
from smsgw.store.migration.run import Migrated, Migration
from smsgw.store.migration.target import MIGRATING
from smsgw.store.migration.walk import OldStore
from smsgw.store.secrets import Secrets
from tests.store.conftest import MakeKit, RunningServer
from tests.store.kit import Kit
from tests.store.migration_state import Scene

Move = Callable[[Kit, int], Awaitable[tuple[Kit, Migrated]]]


def store_of(kit: Kit, partitions: int, database: int, kind: type[Store] = Store) -> Store:
    url = f"{kit.url.partition('?')[0]}?db={database}"
    settings = StoreSettings(partitions=partitions)
    return kind(url, sealer=kit.secrets.sealer(), recipients=kit.secrets.hasher(), settings=settings)


@pytest.fixture
async def move(make_kit: MakeKit, running_server: RunningServer, secrets: Secrets) -> AsyncIterator[Move]:
    """Moves what a kit has into the next database; gives a kit on it."""
    kits: list[Kit] = []

    async def moved(kit: Kit, partitions: int) -> tuple[Kit, Migrated]:
        new = store_of(kit, partitions, len(kits) + 1)
        try:
            done = await Migration(kit.store, new).run()
        finally:
            await new.close()
        after = Kit(new.url, secrets, StoreSettings(partitions=partitions))
        kits.append(after)
        await after.start()
        return after, done

    yield moved
    for kit in kits:
        await kit.stop()


@pytest.mark.parametrize(("first", "others", "seed"), [(1, (4, 1), 1), (4, (8, 2), 2), (2, (5,), 3), (3, (3,), 4)])
async def test_everything_is_found_wherever_it_was_moved(
    make_kit: MakeKit, move: Move, first: int, others: tuple[int, ...], seed: int
) -> None:
    kit = await make_kit(partitions=first)
    scene = Scene(kit, seed)
    await scene.fill()
    await scene.check()
    for partitions in others:
        scene.kit, done = await move(scene.kit, partitions)
        assert (done.partitions[1], done.unreadable, done.stray, done.again) == (partitions, 0, 0, False)
        assert done.uncertain == len(scene.uncertain)
        await scene.check()
    await scene.dispatch()
    await scene.receipts()
    await scene.held_and_long()
    scene.kit = kit
    await scene.check()


def test_every_kind_of_key_has_its_way() -> None:
    documented = {name for line in (keys.__doc__ or "").splitlines() if line.startswith("| ``{p}")
                  for name in _kinds_in(line.split("|")[1])}  # fmt: skip
    assert documented == set(KINDS)
    assert {suffix.strip(":") for suffix in keys.LUA_NAMES.values()} <= set(KINDS)


def _kinds_in(cell: str) -> list[str]:
    return [part.split("``")[0].split(":")[0] for part in cell.split("{p}:")[1:]]


async def test_nothing_is_moved_while_a_process_lives(kit: Kit, move: Move) -> None:
    await Leases(kit.store, "node7").join([])
    with pytest.raises(StoreRefused, match=r"node7 \(\d+ s\)"):
        await move(kit, 4)


async def test_a_process_that_came_meanwhile_is_noticed(kit: Kit) -> None:
    new = store_of(kit, 2, 1)
    migration = Migration(kit.store, new)
    finish = migration._move_messages

    async def with_a_process() -> None:
        await finish()
        await Leases(kit.store, "node7").join([])

    migration._move_messages = with_a_process  # type: ignore[method-assign]
    with pytest.raises(StoreRefused, match="worked on the old store meanwhile"):
        await migration.run()
    await new.close()


async def test_a_new_store_with_something_in_it_is_refused(kit: Kit, move: Move) -> None:
    new = store_of(kit, 4, 1)
    await new.command(0, "SET", "somebody's", "1")
    with pytest.raises(StoreRefused, match='not empty: it has 1 keys, such as "somebody\'s"'):
        await move(kit, 4)
    assert await new.command(0, "GET", "somebody's") == b"1"
    await new.close()


async def test_an_interrupted_run_is_refused_by_everybody_and_begins_anew(kit: Kit, move: Move) -> None:
    scene = Scene(kit, 6, 20)
    await scene.fill()
    new = store_of(kit, 4, 1)
    migration = Migration(kit.store, new, _stop_after(200))
    with pytest.raises(KeyboardInterrupt):
        await migration.run()
    await new.close()
    again = store_of(kit, 4, 1)
    assert await again.command(0, "HGET", keys.meta(0), MIGRATING) == b"1 to 4 partitions"
    with pytest.raises(StoreRefused, match="not moved to its end"):
        await again.ready()
    await again.close()
    scene.kit, done = await move(kit, 4)
    assert done.again
    await scene.check()
    await scene.dispatch()


def _stop_after(count: int) -> Callable[[str, int], None]:
    def told(step: str, written: int) -> None:
        if written > count:
            raise KeyboardInterrupt

    return told


async def test_connections_that_are_lost_change_nothing(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that did not arrive, and calls whose answers did not: what was written is there once."""
    scene = Scene(kit, 9, 20)
    await scene.fill()
    old = store_of(kit, 1, 0, OldStore)
    await old.ready()
    new, calls = store_of(kit, 3, 1), itertools.count()

    def losing(call: Any, *losses: tuple[int, bool]) -> Any:
        async def lose(*arguments: Any) -> Any:
            lost = dict(losses).get(next(calls) % 7)
            if lost is False:
                raise StoreAway("lost before it arrived")
            answer = await call(*arguments)
            if lost:
                raise StoreAway("lost before it was answered")
            return answer

        return lose

    monkeypatch.setattr("smsgw.store.migration.walk.AGAIN_S", 0)
    monkeypatch.setattr("smsgw.store.migration.target.AGAIN_S", 0)
    monkeypatch.setattr(Store, "command", losing_in_old(Store.command, old, calls))
    monkeypatch.setattr(new, "evaluate", losing(new.evaluate, (2, False), (4, True)))
    await Migration(old, new).run()
    monkeypatch.undo()
    for store in (old, new):
        await store.close()
    scene.kit = Kit(new.url, kit.secrets, StoreSettings(partitions=3))
    await scene.kit.start()
    try:
        await scene.check()
        await scene.dispatch()
    finally:
        await scene.kit.stop()


def losing_in_old(command: Any, old: Store, calls: Iterator[int]) -> Any:
    """``Store.command``, that of one store with its connection lost now and then."""

    async def lose(self: Store, *arguments: Any) -> Any:
        if self is old and next(calls) % 5 == 0:
            raise StoreAway("lost")
        return await command(self, *arguments)

    return lose


async def test_what_is_missing_in_the_new_store_is_noticed(kit: Kit) -> None:
    scene = Scene(kit, 7, 20)
    await scene.fill()
    new = store_of(kit, 2, 1)
    migration = Migration(kit.store, new)
    moved = migration._move_messages

    async def and_lose_one() -> None:
        await moved()
        found = await new.command(0, "KEYS", "{p*:who:*")
        await new.command(0, "DEL", found[0])

    migration._move_messages = and_lose_one  # type: ignore[method-assign]
    with pytest.raises(StoreRefused, match="what is known of recipients: expected"):
        await migration.run()
    with contextlib.suppress(StoreRefused):
        await new.ready()
        pytest.fail("a store that has not everything was opened")
    await new.close()


async def test_a_key_that_nobody_knows_is_not_left_behind_unseen(kit: Kit, move: Move) -> None:
    await kit.command("SET", "{p00}:novel:1", "1")
    with pytest.raises(StoreRefused, match="of a kind that is not known here"):
        await move(kit, 2)
