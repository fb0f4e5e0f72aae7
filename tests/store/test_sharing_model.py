"""Receipts of messages in pieces, in any order, again and again, with pieces that end here: against a naive model."""

from __future__ import annotations

import random

import pytest

from smsgw.store import keys
from smsgw.store.correlation import KIND_FAILURE, KIND_SUCCESS, SharedMapping
from smsgw.store.sharing import Target
from tests.store.conftest import MakeKit
from tests.store.kit import Kit, until

MESSAGES, ROUNDS = 30, 12
Event = tuple[str, int, int]


def expected(events: list[Event], parts: int) -> str:
    """What the application is told of one message: nothing, delivered, or failed; never both."""
    seen: dict[int, str] = {}
    for what, _, part in events:
        if what == "end":
            return "failed"
        if part in seen:
            continue  # what is final stays final
        seen[part] = what
        if what == "failed":
            return "failed"
        if len(seen) == parts:
            return "delivered"
    return ""


@pytest.mark.parametrize("partitions", [1, 4])
async def test_each_message_is_told_of_once(make_kit: MakeKit, partitions: int) -> None:
    kit = await make_kit(partitions=partitions)
    rng = random.Random(partitions)
    parts = [rng.randint(1, 4) for _ in range(MESSAGES)]
    events: list[Event] = []
    for number, count in enumerate(parts):
        for part in range(count):
            target = Target(f"00{number:016x}", KIND_SUCCESS | KIND_FAILURE, b"origin", part, count)
            kit.settlement.remember("s", "alpha", f"c{number}.{part}", SharedMapping("shop", "1069", (target,)))
        for _ in range(rng.randint(0, ROUNDS)):
            what = rng.choices(["delivered", "failed", "end"], [8, 2, 1])[0]
            events.append((what, number, rng.randrange(count)))
    await kit.drain()
    rng.shuffle(events)
    await happen(kit, events, rng)
    told = await in_out_stream(kit)
    for number, count in enumerate(parts):
        wanted = expected([event for event in events if event[1] == number], count)
        assert told.get(f"00{number:016x}", []) == ([wanted] if wanted else []), number
    assert {told_of[0] for told_of in told.values()} == {"delivered", "failed"}


async def happen(kit: Kit, events: list[Event], rng: random.Random) -> None:
    """Some at a time in one batch, as far as they are about different messages; those of one message in order."""
    at = 0
    while at < len(events):
        batch: list[Event] = []
        most = rng.randint(1, 20)
        while at < len(events) and len(batch) < most and events[at][1] not in {number for _, number, _ in batch}:
            batch.append(events[at])
            at += 1
        await put(kit, batch)


async def put(kit: Kit, batch: list[Event]) -> None:
    first = len(kit.correlated)
    ended: list[bool] = []
    for what, number, part in batch:
        if what == "end":
            kit.correlation.sharing.end("shop", f"00{number:016x}", b"origin", b"failed", True, ended.append)
        else:
            kind = KIND_SUCCESS if what == "delivered" else KIND_FAILURE
            kit.correlation.put("r", "alpha", f"c{number}.{part}", what.encode(), kind, True, b"")
    await until(lambda: len(kit.correlated) - first + len(ended) == len(batch))


async def in_out_stream(kit: Kit) -> dict[str, list[str]]:
    stream = keys.out("shop", kit.store.partitions)
    count = int(await kit.command("HGET", keys.part(stream), "n", partition=keys.partition_of_key(stream)) or 0)
    found: dict[str, list[str]] = {}
    for _, (_, fields), _ in await kit.read(stream, count):
        found.setdefault(fields[5].decode(), []).append(fields[3].decode())
    return found
