"""Documents with revisions: written with their audit entry and their event, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smsgw.errors import RequestError, StoreAway, StoreError
from smsgw.store import keys
from smsgw.store.audit import AuditEntry, AuditLog
from smsgw.store.registers import TOLD_ONE_BY_ONE, RegisterChange, RegisterStore, Stored
from tests.store.kit import NOW_MS, Kit
from tests.store.test_topology import cluster, servers

__all__ = ["cluster", "servers"]

WHY = AuditEntry(NOW_MS, "li.na", "signature.add", "signature shop/示例", "asked for by mail")
BODY: dict[str, Any] = {"name": "示例", "numbers": [1, 2], "deep": {"evasion": True, "none": None}, "at_ms": NOW_MS}


@pytest.fixture
async def registers(kit: Kit) -> RegisterStore:
    return RegisterStore(kit.store)


async def events(kit: Kit) -> list[list[bytes]]:
    return [fields for _, fields in await kit.command("XRANGE", keys.register_feed(), "-", "+")]


async def test_a_document_comes_back_as_it_was(registers: RegisterStore) -> None:
    assert await registers.read("signature") == {}
    assert await registers.get("signature", "shop/示例") is None
    assert await registers.write("signature", [RegisterChange("shop/示例", BODY, 0)], WHY) == [1]
    assert await registers.get("signature", "shop/示例") == Stored(BODY, 1)
    assert await registers.read("signature") == {"shop/示例": Stored(BODY, 1)}
    assert await registers.write("signature", [RegisterChange("shop/示例", {"a": 1}, 1)], WHY) == [2]
    assert await registers.get_some("signature", ["shop/示例", "none"]) == {
        "shop/示例": Stored({"a": 1}, 2),
        "none": None,
    }
    assert await registers.ids("signature") == {"shop/示例"}
    assert await registers.count("signature") == 1
    assert await registers.read("template") == {}


async def test_a_deleted_document_is_gone(registers: RegisterStore) -> None:
    await registers.write("pause", [RegisterChange("global", BODY)], WHY)
    assert await registers.write("pause", [RegisterChange("global", None, 1)], WHY) == [0]
    assert await registers.read("pause") == {}


@pytest.mark.parametrize(("expected", "why"), [(0, "is there already"), (3, "was changed by somebody else meanwhile")])
async def test_a_conflict_writes_nothing_at_all(registers: RegisterStore, kit: Kit, expected: int, why: str) -> None:
    await registers.write("signature", [RegisterChange("a", BODY)], WHY)
    changes = [RegisterChange("new", BODY, 0), RegisterChange("a", {"b": 1}, expected)]
    with pytest.raises(RequestError, match=f"signature a {why}") as caught:
        await registers.write("signature", changes, WHY)
    assert caught.value.kind == "conflict"
    assert await registers.read("signature") == {"a": Stored(BODY, 1)}
    assert len(await events(kit)) == 1
    assert len(await AuditLog(kit.store).read()) == 1
    assert await registers.write("signature", [RegisterChange("a", {"c": 1}, 1)], WHY) == [2]


async def test_a_document_that_is_gone_was_changed(registers: RegisterStore) -> None:
    with pytest.raises(RequestError, match="was changed by somebody else"):
        await registers.write("signature", [RegisterChange("a", BODY, 4)], WHY)


async def test_every_write_has_its_audit_entry_and_its_event(registers: RegisterStore, kit: Kit) -> None:
    await registers.write("signature", [RegisterChange("a", BODY), RegisterChange("b", BODY)], WHY)
    log = AuditLog(kit.store)
    (entry,) = await log.read()
    assert (entry.who, entry.action, entry.subject, entry.why) == (WHY.who, WHY.action, WHY.subject, WHY.why)
    assert (await log.verify()).faults == []
    (fields,) = await events(kit)
    assert fields[1] == b"signature"
    assert await log.append(WHY) is None
    assert len(await events(kit)) == 1, "an entry by itself changes no register"


async def test_two_people_change_one_document(kit: Kit) -> None:
    """One of them wins each time, the other is told; nothing is lost and the chain holds."""
    desks = [RegisterStore(kit.store), RegisterStore(kit.store)]
    await desks[0].write("campaign", [RegisterChange("c", {"n": 0}, 0)], WHY)

    async def add(desk: RegisterStore) -> int:
        conflicts = 0
        for _ in range(20):
            while True:
                stored = await desk.get("campaign", "c")
                assert stored is not None
                try:
                    change = RegisterChange("c", {"n": stored.body["n"] + 1}, stored.revision)
                    await desk.write("campaign", [change], WHY)
                    break
                except RequestError:
                    conflicts += 1
        return conflicts

    await asyncio.gather(*(add(desk) for desk in desks))
    assert await desks[0].get("campaign", "c") == Stored({"n": 40}, 41)
    verdict = await AuditLog(kit.store).verify()
    assert (verdict.entries, verdict.faults) == (41, [])


async def test_a_lost_answer_is_asked_for_again(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    registers = RegisterStore(kit.store)
    evaluate = kit.store.evaluate
    losses = iter([True, False])

    async def losing(*arguments: Any) -> bytes:
        reply = await evaluate(*arguments)
        if next(losses, False):
            raise StoreAway("the answer was lost")
        return reply

    monkeypatch.setattr(kit.store, "evaluate", losing)
    assert await registers.write("signature", [RegisterChange("a", BODY, 0)], WHY) == [1]
    assert len(await events(kit)) == 1


async def test_a_bulk_is_audited_before_and_told_after(registers: RegisterStore, kit: Kit) -> None:
    changes = [RegisterChange(f"company/{n}", {"word": str(n)}) for n in range(1_200)]
    assert await registers.write("word", changes, WHY) == [1] * 1_200
    assert await registers.count("word") == 1_200
    assert [fields[:4] for fields in await events(kit)] == [[b"kind", b"word", b"ids", b""]]
    assert [entry.seq for entry in await AuditLog(kit.store).read()] == [1]
    assert not await kit.command("EXISTS", "{p00}:regbulk")
    gone = [RegisterChange(change.id, None) for change in changes]
    assert await registers.write("word", gone, WHY) == [0] * 1_200
    assert await registers.read("word") == {}


async def test_of_a_bulk_no_revision_may_be_expected(registers: RegisterStore) -> None:
    with pytest.raises(ValueError, match="no revision may be expected"):
        await registers.write("word", [RegisterChange(str(n), BODY, 0) for n in range(501)], WHY)


async def test_many_changes_are_told_as_all(registers: RegisterStore, kit: Kit) -> None:
    for count in (TOLD_ONE_BY_ONE, TOLD_ONE_BY_ONE + 1):
        await registers.write("word", [RegisterChange(f"company/{n}", BODY) for n in range(count)], WHY)
    few, many = await events(kit)
    assert few[3] != b""
    assert many[3] == b""


async def test_after_a_bulk_that_died_the_next_change_tells_all(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    registers = RegisterStore(kit.store)
    evaluate = kit.store.evaluate
    calls = 0

    async def dying(*arguments: Any) -> bytes:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise StoreError("the process was killed")
        return await evaluate(*arguments)

    monkeypatch.setattr(kit.store, "evaluate", dying)
    with pytest.raises(StoreError, match="killed"):
        await registers.write("word", [RegisterChange(f"company/{n}", BODY) for n in range(1_200)], WHY)
    monkeypatch.undo()
    assert await events(kit) == []
    await RegisterStore(kit.store).write("word", [RegisterChange("company/one", BODY)], WHY)
    assert [fields[3] for fields in await events(kit)] == [b""]


async def test_chunks_hold_everything_once_read(registers: RegisterStore) -> None:
    for count in (5, 700, 4_000):
        await registers.write("word", [RegisterChange(f"company/{n}", {"n": n}) for n in range(count)], WHY)
        sizes = []
        seen: dict[str, Stored] = {}
        async for chunk in registers.read_chunks("word"):
            sizes.append(len(chunk))
            seen.update(chunk)
        assert {stored.body["n"] for stored in seen.values()} == set(range(count))
        assert max(sizes) <= 2_000
        parts: list[list[tuple[str, dict[str, Any]]]] = []
        await registers.read_bodies(
            "word", lambda names, bodies, to=parts: to.append(list(zip(names, bodies, strict=True)))
        )
        assert dict(pair for part in parts for pair in part) == {name: stored.body for name, stored in seen.items()}
        assert max(map(len, parts)) <= 2_000


async def test_a_full_redis_takes_a_pause(kit: Kit) -> None:
    registers = RegisterStore(kit.store)
    await kit.command("CONFIG", "SET", "maxmemory", "1mb")
    try:
        assert await registers.write("pause", [RegisterChange("global", BODY, 0)], WHY) == [1]
    finally:
        await kit.command("CONFIG", "SET", "maxmemory", "0")


async def test_a_document_that_nobody_can_read(registers: RegisterStore, kit: Kit) -> None:
    await kit.command("HSET", keys.register("word"), "company/x", b"1:\xc1")
    with pytest.raises(StoreError, match="a document of the register word can't be read"):
        await registers.read("word")
    with pytest.raises(StoreError, match="a document of the register word can't be read"):
        await registers.read_bodies("word", lambda names, bodies: None)


async def test_on_a_cluster(cluster: Kit) -> None:
    registers = RegisterStore(cluster.store)
    assert await registers.write("signature", [RegisterChange("a", BODY, 0)], WHY) == [1]
    assert await registers.read("signature") == {"a": Stored(BODY, 1)}
    assert (await AuditLog(cluster.store).verify()).faults == []
