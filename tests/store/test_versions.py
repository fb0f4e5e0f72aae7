"""Versions on a real server: one is in force, who decides second gets a conflict, and all processes can run it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from smsgw.errors import RequestError, StoreError
from smsgw.store import keys, versions
from smsgw.store.audit import AuditEntry, AuditLog
from smsgw.store.publishing import publish, settled
from smsgw.store.versions import KEPT, KIND, Process, Trial, Version, VersionStore
from tests.store.kit import NOW_MS, Kit

FILES = {"routes.toml": "carriers = 示例", "carriers/alpha.toml": 'password = "secret12"'}


def entry(action: str, number: int, why: str) -> AuditEntry:
    return AuditEntry(NOW_MS, "amy", action, f"version {number}", why)


def version(digest: str) -> Version:
    return Version(0, digest, "amy", f"files {digest}", NOW_MS, "proposed", carriers=("alpha",))


async def put(store: VersionStore, digest: str, trial: Trial = "", for_s: float = 0.0) -> int:
    published = await publish(store, version(digest), FILES, trial, for_s, entry)
    assert not published.refused, published.refused
    return published.version.number


@pytest.fixture
def store(kit: Kit) -> VersionStore:
    return VersionStore(kit.store)


async def test_the_files_of_a_version_lie_sealed(kit: Kit, store: VersionStore) -> None:
    number = await put(store, "a")
    assert await store.files(number) == FILES
    raw = b"".join(await kit.command("HVALS", keys.register(KIND)))
    assert b"secret12" not in raw
    assert b"alpha.toml" not in raw


async def test_one_after_the_other_is_in_force(store: VersionStore) -> None:
    assert [await put(store, "a"), await put(store, "b"), await put(store, "c")] == [1, 2, 3]
    now = await store.now()
    assert (now.number, now.trial, now.proposed) == (3, "", 0)
    assert [(each.number, each.before, each.state) for each in await store.all()] == [
        (3, 2, "confirmed"), (2, 1, "confirmed"), (1, 0, "confirmed"),
    ]  # fmt: skip
    assert await store.former_carriers() == {"alpha"}


async def test_of_two_who_decide_at_once_one_wins(store: VersionStore) -> None:
    await put(store, "a")
    await put(store, "b", "roll back", 60)
    now = await store.now()
    await store.confirm(now, entry("version.confirm", 2, "good"))
    with pytest.raises(RequestError, match="meanwhile"):
        await store.roll_back(now, 1, "bad", entry("version.rollback", 2, "bad"))
    assert (await store.now()).number == 2


async def test_a_trial_that_nobody_confirmed_in_time_is_over(store: VersionStore) -> None:
    await put(store, "a")
    await put(store, "b", "roll back", 0.05)
    assert (await settled(store, entry)).number == 2
    await asyncio.sleep(0.06)  # by Redis' clock, which nobody can set
    now = await settled(store, entry)
    assert (now.number, now.trial) == (1, "")
    ended = await store.get(2)
    assert ended is not None
    assert (ended.state, ended.ended) == ("rolled back", "nobody confirmed it in time")


async def test_a_trial_that_only_watches_errors_ends_confirmed(store: VersionStore) -> None:
    await put(store, "a")
    await put(store, "b", "confirm", 0.01)
    await asyncio.sleep(0.02)
    assert (await settled(store, entry)).number == 2
    there = await store.get(2)
    assert there is not None
    assert there.state == "confirmed"


async def test_nothing_is_applied_over_a_trial(store: VersionStore) -> None:
    await put(store, "a")
    await put(store, "b", "roll back", 60)
    with pytest.raises(RequestError, match="version 2 is on trial: `smsgw confirm` or `smsgw rollback` first"):
        await put(store, "c")


async def test_a_version_waits_until_every_process_has_prepared_it(store: VersionStore) -> None:
    await put(store, "a")
    await store.tell(Process("node1", 0, running=1))
    await store.tell(Process("node2", 0, running=1))
    applying = asyncio.ensure_future(put(store, "b"))
    while not (proposed := (await store.now()).proposed):
        await asyncio.sleep(0)
    await store.tell(Process("node1", 0, running=1, ready=proposed))
    await asyncio.sleep(0.05)
    assert (await store.now()).number == 1
    await store.tell(Process("node2", 0, running=1, ready=proposed))
    while (await store.now()).number == 1:
        await asyncio.sleep(0)
    for node in ("node1", "node2"):
        await store.tell(Process(node, 0, running=proposed))
    assert await applying == proposed


async def test_a_version_that_one_process_cannot_run_never_comes_into_force(store: VersionStore) -> None:
    await put(store, "a")
    await store.tell(Process("node1", 0, running=1))
    applying = asyncio.ensure_future(publish(store, version("b"), FILES, "", 0.0, entry))
    while not (proposed := (await store.now()).proposed):
        await asyncio.sleep(0)
    await store.tell(Process("node1", 0, running=1, fault_of=proposed, fault="no certificate"))
    published = await applying
    assert published.refused == "node1 can't run it: no certificate"
    assert (await store.now()).number == 1
    refused = await store.get(proposed)
    assert refused is not None
    assert (refused.state, refused.ended) == ("refused", "node1 can't run it: no certificate")
    assert await put_alone(store) == proposed + 1


async def put_alone(store: VersionStore) -> int:
    await store.leave("node1")
    return await put(store, "c")


async def test_a_proposal_whose_command_was_killed_is_soon_over(
    store: VersionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(store, "a")
    now = await store.now()
    await store.propose(now, replace(version("b"), number=2), FILES, entry("version.propose", 2, "killed"))
    with pytest.raises(RequestError, match="version 2 is just being applied"):
        await put(store, "c")
    monkeypatch.setattr("smsgw.store.publishing.PROPOSAL_MS", 0)
    assert await put(store, "c") == 3


async def test_who_is_silent_is_not_waited_for(store: VersionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.tell(Process("node1", 0, running=1))
    assert [each.node for each in await store.fleet()] == ["node1"]
    monkeypatch.setattr(versions, "ALIVE_MS", -1)
    assert await store.fleet() == []


async def test_going_back_is_for_good_and_every_step_is_audited(kit: Kit, store: VersionStore) -> None:
    await put(store, "a")
    await put(store, "b")
    await store.roll_back(await store.now(), 1, "wrong route", entry("version.rollback", 2, "wrong route"))
    now = await store.now()
    assert (now.number, now.trial) == (1, "")
    newest = await store.newest_like("b")
    assert newest is not None
    assert newest.state == "rolled back"
    log = AuditLog(kit.store)
    assert [each.action for each in await log.read()] == [
        "version.propose", "version.apply", "version.propose", "version.apply", "version.rollback",
    ]  # fmt: skip
    assert not (await log.verify()).faults


async def test_files_of_long_ago_are_forgotten_and_what_was_said_of_them_is_not(
    kit: Kit, store: VersionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "KEPT", 2)
    for digest in "abc":
        await put(store, digest)
    with pytest.raises(RequestError, match="the files of version 1 are not kept"):
        await store.files(1)
    assert await store.get(1) is not None
    assert KEPT == 100


async def test_a_big_file_is_stored_once_for_all_versions_that_have_it(
    kit: Kit, store: VersionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "BIG_CHARS", 10)
    monkeypatch.setattr(versions, "KEPT", 2)

    async def put_big(text: str, small: str) -> int:
        files = {"numbers/ported.csv": text, "routes.toml": small}
        number = (await publish(store, version(small), files, "", 0.0, entry)).version.number
        assert await store.files(number) == files
        return number

    async def stored() -> int:
        return sum(name.startswith(b"file/") for name in await kit.command("HKEYS", keys.register(KIND)))

    await put_big("number,network", "a")
    await put_big("number,network", "b")
    assert await stored() == 1
    await put_big("other,network", "c")
    assert await stored() == 2
    await put_big("other,network", "d")
    assert await stored() == 1, "what no version has any more goes"
    assert await store.files(3) == {"numbers/ported.csv": "other,network", "routes.toml": "c"}


async def test_files_that_were_changed_in_the_store_are_no_files(kit: Kit, store: VersionStore) -> None:
    number = await put(store, "a")
    await kit.command("HSET", keys.register(KIND), f"files/{number}", b"1:\x81\xa6sealed\xc4\x03abc")
    with pytest.raises(StoreError, match="sealed with unknown key"):
        await store.files(number)
