"""The chain of audit entries: many writers, one order; whatever is tampered with is found and named."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest

from smsgw.errors import StoreAway, StoreError
from smsgw.store import keys
from smsgw.store.audit import AuditEntry, AuditLog, Head
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.packing import pack, unpack
from smsgw.store.secrets import Secrets, new_secrets
from smsgw.store.server import EmbeddedServer
from tests.store.conftest import BINARIES
from tests.store.kit import NOW_MS, Kit

AUDIT, HEAD = keys.audit(), keys.audit_head()


def entry(n: int = 0, who: str = "li.na") -> AuditEntry:
    return AuditEntry(NOW_MS + n, who, "word.add", f"word company/词{n}", "complaint", {"after": {"n": n}})


@pytest.fixture
async def log(kit: Kit) -> AuditLog:
    return AuditLog(kit.store)


async def fill(log: AuditLog, count: int) -> None:
    for n in range(count):
        await log.append(entry(n))


async def raw(kit: Kit) -> list[Any]:
    return list(await kit.command("XRANGE", AUDIT, "-", "+"))


async def rewrite(kit: Kit, entries: list[Any]) -> None:
    """The log as somebody leaves it who may write to Redis but has not the secrets."""
    await kit.command("DEL", AUDIT)
    for entry_id, fields in entries:
        await kit.command("XADD", AUDIT, entry_id, *fields)


async def faults(log: AuditLog, kept: Head | None = None) -> list[str]:
    return [fault.why for fault in (await log.verify(kept)).faults]


async def test_what_was_written_is_read_in_order_and_verifies(log: AuditLog) -> None:
    assert await faults(log) == []
    assert await log.head() == Head(0, "")
    await fill(log, 3)
    read = await log.read()
    assert [(each.seq, each.at_ms, each.who, each.action, each.subject, each.why, each.detail) for each in read] == [
        (n + 1, NOW_MS + n, "li.na", "word.add", f"word company/词{n}", "complaint", {"after": {"n": n}})
        for n in range(3)
    ]
    assert [each.previous for each in read] == ["", read[0].hash, read[1].hash]
    verdict = await log.verify()
    assert (verdict.entries, verdict.head, verdict.faults) == (3, Head(3, read[2].hash), [])
    assert [each.seq for each in await log.read(after=1, limit=1)] == [2]
    assert [each.seq for each in await log.read_back(limit=2)] == [3, 2]
    assert [each.seq for each in await log.read_back(before=3)] == [2, 1]
    assert [each.seq async for each in log.all()] == [1, 2, 3]


async def test_many_writers_at_once_all_get_their_place(kit: Kit, log: AuditLog) -> None:
    other_store = Store(kit.url, sealer=kit.secrets.sealer(), recipients=kit.secrets.hasher(), settings=kit.settings)
    other = AuditLog(other_store)

    async def write(by: AuditLog, who: str) -> None:
        for n in range(25):
            await by.append(entry(n, who))

    await asyncio.gather(*(write(by, f"{name}{n}") for n in range(2) for by, name in ((log, "a"), (other, "b"))))
    await other_store.close()
    assert await faults(log) == []
    read = await log.read(limit=1000)
    assert [each.seq for each in read] == list(range(1, 101))
    assert {who: sum(each.who == who for each in read) for who in ("a0", "a1", "b0", "b1")} == dict.fromkeys(
        ("a0", "a1", "b0", "b1"), 25
    )


async def test_a_lost_answer_does_not_write_twice(kit: Kit, log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = kit.store.evaluate
    lost = 0

    async def losing(*arguments: Any) -> bytes:
        nonlocal lost
        reply = await evaluate(*arguments)
        if lost < 2:
            lost += 1
            raise StoreAway("the answer was lost")
        return reply

    monkeypatch.setattr(kit.store, "evaluate", losing)
    await log.append(entry())
    assert lost == 2
    assert [each.seq for each in await log.read()] == [1]


async def test_a_changed_entry(kit: Kit, log: AuditLog) -> None:
    await fill(log, 4)
    entries = await raw(kit)
    fields = unpack(entries[1][1][1])
    fields[2] = "somebody else"
    entries[1][1][1] = pack(fields)
    await rewrite(kit, entries)
    assert await faults(log) == ["entry 2 was changed, or made without the site's secrets"]


async def test_deleted_entries(kit: Kit, log: AuditLog) -> None:
    await fill(log, 7)
    await kit.command("XDEL", AUDIT, "2-0", "4-0", "5-0")
    assert await faults(log) == ["entry 2 is missing", "entries 4 to 5 are missing"]


async def test_a_deleted_beginning(kit: Kit, log: AuditLog) -> None:
    await fill(log, 4)
    await kit.command("XTRIM", AUDIT, "MINID", "3-0")
    assert await faults(log) == ["entries 1 to 2 are missing"]


async def test_entries_that_changed_places(kit: Kit, log: AuditLog) -> None:
    await fill(log, 4)
    entries = await raw(kit)
    entries[1][1], entries[2][1] = entries[2][1], entries[1][1]
    await rewrite(kit, entries)
    assert await faults(log) == [
        "entry 2 was written as number 3: entries were moved or copied",
        "entry 3 was written as number 2: entries were moved or copied",
        "entry 4 does not follow entry 3: one of them was replaced",
    ]


async def test_an_inserted_entry(kit: Kit, log: AuditLog) -> None:
    """Made without the key, or copied from elsewhere; with the others moved up or between two numbers."""
    await fill(log, 3)
    entries = await raw(kit)
    moved = [[b"%d-0" % (n + 1), fields] for n, (_, fields) in enumerate([entries[0], entries[0], *entries[1:]])]
    await rewrite(kit, moved)
    assert (await faults(log))[0] == "entry 2 was written as number 1: entries were moved or copied"
    await rewrite(kit, [entries[0], [b"1-1", entries[0][1]], *entries[1:]])
    assert await faults(log) == ["entry 1 stands there twice"]


async def test_a_log_of_another_site(kit: Kit, log: AuditLog) -> None:
    """An entry made with other secrets is none of ours, however well it fits."""
    await fill(log, 1)
    other = new_secrets()
    stranger = AuditLog(Store(kit.url, sealer=other.sealer(), recipients=other.hasher(), settings=kit.settings))
    await stranger.append(entry(1))
    await log.append(entry(2))
    assert await faults(log) == ["entry 2 was changed, or made without the site's secrets"]


async def test_a_cut_tail(kit: Kit, log: AuditLog) -> None:
    await fill(log, 5)
    kept = await log.head()
    entries = await raw(kit)
    await rewrite(kit, entries[:3])
    assert await faults(log) == ["entries 4 to 5 are missing"]
    # Whoever also sets the head back is found by a head that was kept elsewhere.
    await kit.command("HSET", HEAD, "seq", 3, "hash", entries[2][1][3])
    assert await faults(log) == []
    assert await faults(log, kept) == ["entries 4 to 5 are missing"]
    again = AuditLog(kit.store)
    await again.append(entry(8))
    await again.append(entry(9))
    assert await faults(log) == []
    assert await faults(log, kept) == ["entry 5 is not the one that was kept elsewhere"]


async def test_a_head_that_does_not_fit(kit: Kit, log: AuditLog) -> None:
    await fill(log, 2)
    await kit.command("HSET", HEAD, "hash", b"x" * 32)
    assert await faults(log) == ["the head does not fit entry 2, the last one"]
    await kit.command("DEL", HEAD)
    assert await faults(log) == ["entry 2 is behind the head, which is 0"]


def tampered(entries: list[Any], random: Random) -> list[Any]:
    """The entries with one thing changed, at random."""
    done = [[entry_id, list(fields)] for entry_id, fields in entries]
    at, other = random.sample(range(len(done)), 2)
    match random.randrange(5):
        case 0:
            del done[at]
        case 1:
            done[at][1], done[other][1] = done[other][1], done[at][1]
        case 2:
            field = random.choice((1, 3))
            octets = bytearray(done[at][1][field])
            octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
            done[at][1][field] = bytes(octets)
        case 3:
            done[at][1] = done[other][1]
        case _:
            del done[random.randrange(1, len(done)) :]
    return done


async def test_whatever_is_changed_is_found(kit: Kit, log: AuditLog) -> None:
    await fill(log, 12)
    entries = await raw(kit)
    random = Random(4)
    for _ in range(200):
        await rewrite(kit, tampered(entries, random))
        assert await faults(log) != []
    await rewrite(kit, entries)
    assert await faults(log) == []


async def test_changes_go_on_whatever_was_done_to_the_log_and_verifying_tells(kit: Kit, log: AuditLog) -> None:
    """A pause must be possible also then."""
    await fill(log, 5)
    await kit.command("DEL", HEAD)
    await log.append(entry(5))
    assert await faults(log) == ["entry 6 does not follow entry 5: one of them was replaced"]
    await kit.command("XDEL", AUDIT, "5-0", "6-0")
    await kit.command("HSET", HEAD, "seq", 4, "hash", (await raw(kit))[-1][1][3])
    await AuditLog(kit.store).append(entry(6))
    assert await faults(log) == ["entries 5 to 6 are missing"]
    await kit.command("DEL", AUDIT)
    await log.append(entry(7))
    assert await faults(log) == ["entries 1 to 7 are missing"]


async def test_an_entry_that_nobody_can_read(kit: Kit, log: AuditLog) -> None:
    await fill(log, 1)
    await rewrite(kit, [[b"1-0", [b"e", b"\xc1", b"h", b""]]])
    assert await faults(log) != []
    with pytest.raises(StoreError, match="audit entry 1 can't be read"):
        await log.read()


async def test_verifying_while_others_write(log: AuditLog, kit: Kit) -> None:
    await fill(log, 3)
    writer = AuditLog(kit.store)
    task = asyncio.ensure_future(fill(writer, 200))
    while not task.done():
        assert await faults(log) == []
    await task
    assert (await log.verify()).entries == 203


async def test_verifying_and_copying_end_also_when_others_never_do(log: AuditLog, kit: Kit) -> None:
    await fill(log, 600)
    writing = AuditLog(kit.store)
    read = log._range

    async def slow(command: str, first: str | bytes, last: str, limit: int) -> Any:
        """Another entry with every page that is read."""
        found = await read(command, first, last, limit)
        await writing.append(entry())
        return found

    log._range = slow  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        verdict = await log.verify()
        copied = [each.seq async for each in log.all()]
    assert verdict.faults == []
    assert verdict.entries in (600, 601)
    assert copied == list(range(1, len(copied) + 1))
    assert len(copied) < 620


@pytest.mark.skipif(not BINARIES, reason="no server is installed")
async def test_whatever_was_answered_is_there_after_a_kill_of_the_server(tmp_path: Path, secrets: Secrets) -> None:
    server = EmbeddedServer(tmp_path, binary=next(iter(BINARIES.values())))
    await server.start()
    settings = StoreSettings()
    stores = [
        Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings) for _ in range(4)
    ]
    answered: set[tuple[str, int]] = set()
    is_over = False

    async def write(log: AuditLog, who: str) -> None:
        n = 0
        while not is_over:
            await log.append(entry(n, who))
            answered.add((who, NOW_MS + n))
            n += 1

    logs = [AuditLog(store) for store in stores]
    try:
        tasks = [asyncio.ensure_future(write(log, f"p{n}")) for n, log in enumerate(logs)]
        for kills in range(1, 4):
            while len(answered) < 100 * kills:
                await asyncio.sleep(0)
            server.kill()
            await server.restart()
        is_over = True
        await asyncio.gather(*tasks)
        verdict = await logs[0].verify()
        written = [(each.who, each.at_ms) async for each in logs[0].all()]
        assert verdict.faults == []
        assert verdict.entries == len(written) == len(set(written))
        assert answered == set(written)
    finally:
        for store in stores:
            await store.close()
        await server.stop()
