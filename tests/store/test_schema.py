"""Which versions may share a store, and how a newer one upgrades it: once, and not before the older ones have gone."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from smsgw.errors import StoreAway, StoreRefused
from smsgw.store import keys, schema
from smsgw.store.connection import Store
from smsgw.store.leases import Leases
from smsgw.store.schema import Form, Upgrade
from tests.store.conftest import MakeKit
from tests.store.kit import Kit


class Versions:
    """Makes this process a version of another schema."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.steps: Counter[tuple[int, int]] = Counter()
        """How often the step behind a schema ran for a partition."""
        self.fails_at: int | None = None

    def be(self, number: int, shared: int) -> None:
        async def step(store: Store, partition: int, behind: int = 0) -> None:
            if partition == self.fails_at:
                raise StoreAway("the cable")
            self.steps[behind, partition] += 1

        self._patch.setattr(schema, "SCHEMA", number)
        self._patch.setattr(schema, "SHARED", shared)
        self._patch.setattr(
            schema, "STEPS", {n: lambda store, partition, n=n: step(store, partition, n) for n in range(1, number)}
        )


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> Versions:
    monkeypatch.setattr(schema, "LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(schema, "_POLL_S", 0.01)
    return Versions(monkeypatch)


async def test_a_store_has_the_form_of_who_used_it_first(kit: Kit, versions: Versions) -> None:
    assert await schema.form(kit.store) == Form(schema.SCHEMA, schema.SHARED)
    await kit.command("FLUSHALL")
    assert await schema.form(kit.store) is None
    versions.be(3, shared=2)
    await kit.store.ready()
    assert await kit.command("HGET", keys.meta(0), "schema") == b"3/2"
    assert await schema.form(kit.store) == Form(3, 2)


async def test_an_older_version_that_may_share_it_goes_on(kit: Kit, versions: Versions) -> None:
    await kit.command("HSET", keys.meta(0), "schema", "3/2")
    versions.be(2, shared=1)
    await kit.store.ready()
    assert await schema.form(kit.store) == Form(3, 2)
    versions.be(1, shared=1)
    with pytest.raises(
        StoreRefused, match=r"by a newer smsgw, which shares it with schema 2 and later; .* has 1: inst"
    ):
        await kit.store.ready()


async def test_a_store_that_is_too_old_is_upgraded_before_it_is_used(kit4: Kit, versions: Versions) -> None:
    versions.be(3, shared=3)
    with pytest.raises(StoreRefused, match="can't use anything older than 3 before it is upgraded"):
        await kit4.store.ready()
    await Upgrade(kit4.store).begin()
    await kit4.store.ready()
    assert versions.steps == {(number, partition): 1 for number in (1, 2) for partition in range(4)}
    assert [await kit4.command("HGET", keys.meta(n), "schema", partition=n) for n in range(4)] == [b"3"] * 4
    await Upgrade(kit4.store).begin()
    assert set(versions.steps.values()) == {1}


async def test_it_waits_until_the_last_older_process_has_gone(kit: Kit, versions: Versions) -> None:
    older, newer = Leases(kit.store, "older"), Leases(kit.store, "newer")
    await older.join(())
    versions.be(2, shared=1)
    upgrade = Upgrade(kit.store)
    await upgrade.begin()
    await kit.store.ready()
    await newer.join(())
    assert not await upgrade.attempt()
    assert versions.steps == {}
    events: list[str] = []
    running = kit.run(upgrade.run(lambda event, fields: events.append(event)))
    await older.turn(())
    await older.leave(())
    await asyncio.wait_for(running, 10)
    assert events == ["store.upgraded"]
    assert versions.steps == {(1, 0): 1}
    assert await schema.form(kit.store) == Form(2, 1)


async def test_an_older_process_that_can_t_be_beside_it_is_named(kit: Kit, versions: Versions) -> None:
    older = Leases(kit.store, "east-1")
    await older.join(())
    versions.be(2, shared=2)
    beginning = asyncio.ensure_future(Upgrade(kit.store).begin())
    async with asyncio.timeout(10):
        while not beginning.done():
            await older.turn(())
            await asyncio.sleep(0.01)
    with pytest.raises(StoreRefused, match="can't be beside them: stop east-1 first"):
        await beginning
    assert versions.steps == {}


async def test_an_older_process_that_is_silent_is_dead(
    kit: Kit, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Leases(kit.store, "killed").join(())
    monkeypatch.setattr(schema, "SILENT_S", 0.05)
    versions.be(2, shared=2)
    await Upgrade(kit.store).begin()
    assert versions.steps == {(1, 0): 1}


async def test_a_process_that_told_no_version_is_an_older_one(kit: Kit, versions: Versions) -> None:
    await Leases(kit.store, "a").join(())
    await kit.command("DEL", keys.builds())
    versions.be(2, shared=1)
    assert not await Upgrade(kit.store).attempt()


async def test_the_same_name_in_an_older_version_again_is_an_older_process(kit: Kit, versions: Versions) -> None:
    versions.be(2, shared=1)
    await Leases(kit.store, "a").join(())
    told = await kit.command("HGET", keys.builds(), "a")
    versions.be(1, shared=1)
    await Leases(kit.store, "a").join(())
    await kit.command("HSET", keys.builds(), "a", told)
    await kit.command("HSET", keys.meta(0), "schema", "1")
    versions.be(2, shared=1)
    assert not await Upgrade(kit.store).attempt()


async def test_of_many_at_once_one_upgrades(make_kit: MakeKit, versions: Versions) -> None:
    kit = await make_kit(partitions=3)
    versions.be(2, shared=2)
    await asyncio.gather(*(Upgrade(kit.store).begin() for _ in range(5)))
    assert versions.steps == {(1, partition): 1 for partition in range(3)}
    assert await kit.command("EXISTS", keys.upgrade()) == 0


async def test_an_upgrade_that_was_interrupted_goes_on_where_it_was(kit4: Kit, versions: Versions) -> None:
    versions.be(2, shared=2)
    versions.fails_at = 1
    with pytest.raises(StoreAway):
        await Upgrade(kit4.store).begin()
    assert await schema.form(kit4.store) == Form(1, 2, upgrading=True)
    versions.be(1, shared=1)
    with pytest.raises(StoreRefused, match="schema 2 and later"):
        await Leases(kit4.store, "older").join(())
    versions.be(2, shared=2)
    versions.fails_at = None
    await Upgrade(kit4.store).begin()
    assert versions.steps == {(1, partition): 1 for partition in range(4)}
    assert await schema.form(kit4.store) == Form(2, 2)


async def test_who_reads_a_store_as_it_lies_there_needs_its_own_form(kit: Kit, versions: Versions) -> None:
    await schema.refuse_other_forms(kit.store)
    await kit.command("HSET", keys.meta(0), "upgrading", "2/1")
    with pytest.raises(StoreRefused, match="has schema 1 and must be upgraded to 1 first: start a gateway"):
        await schema.refuse_other_forms(kit.store)
    await kit.command("HDEL", keys.meta(0), "upgrading")
    versions.be(2, shared=1)
    with pytest.raises(StoreRefused, match="has schema 1 and must be upgraded to 2 first"):
        await schema.refuse_other_forms(kit.store)
    await kit.command("HSET", keys.meta(0), "schema", "3/1")
    with pytest.raises(StoreRefused, match="has schema 3: do this with the newer smsgw"):
        await schema.refuse_other_forms(kit.store)


async def test_half_of_a_moved_store_is_not_upgraded(kit: Kit, versions: Versions) -> None:
    await kit.command("HSET", keys.meta(0), "migrating", "1 to 4 partitions")
    versions.be(2, shared=2)
    await Upgrade(kit.store).begin()
    assert versions.steps == {}
    await kit.command("HDEL", keys.meta(0), "migrating")


async def test_who_joins_while_it_is_upgraded_leaves_again(kit: Kit, versions: Versions) -> None:
    await kit.command("HSET", keys.meta(0), "schema", "2")
    joining = Leases(kit.store, "late")
    with pytest.raises(StoreRefused, match="install the newer version"):
        await joining.join(())
    versions.be(2, shared=2)
    assert (await Leases(kit.store, "newer").join(())).others == ()


async def test_what_was_told_long_ago_is_forgotten(kit: Kit) -> None:
    await kit.command("HSET", keys.builds(), "gone", "token 1 1000 0.1.0")
    await Leases(kit.store, "a").join(())
    assert set(await schema.builds(kit.store)) == {"a"}
