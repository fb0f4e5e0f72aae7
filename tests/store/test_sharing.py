"""Carriers' ids that stand for several messages or for parts of one, and ids that are found under several names."""

from __future__ import annotations

from typing import Any

import pytest

from smsgw.store import keys
from smsgw.store.correlation import (
    DUPLICATE,
    KIND_FAILURE,
    KIND_INTERMEDIATE,
    KIND_SUCCESS,
    MATCHED,
    PARKED,
    TAG_OCTETS,
    Correlated,
    Receipt,
    SharedMapping,
    bucket_of,
)
from smsgw.store.settlement import Settled
from smsgw.store.sharing import Target
from smsgw.store.state import state_header
from smsgw.store.tallies import Tallies, Waiting
from tests.store.conftest import MakeKit
from tests.store.kit import NOW_MS, Kit, mapping, until

ALL = KIND_SUCCESS | KIND_FAILURE
DUE = bucket_of(NOW_MS / 1000)
TAG = "0123abcd"


@pytest.fixture(params=[1, 4])
async def any_kit(request: pytest.FixtureRequest, make_kit: MakeKit) -> Kit:
    return await make_kit(partitions=request.param)


@pytest.fixture
async def far_kit(make_kit: MakeKit) -> Kit:
    """The carrier's id, the message and the account's out stream lie apart."""
    return await make_kit(partitions=4)


def ids(kit: Kit, count: int) -> list[str]:
    return [f"{kit.store.partitions - 1:02x}{n:016x}" for n in range(count)]


def shared(*targets: Target, due: int = 0) -> SharedMapping:
    return SharedMapping("shop", "10690001", targets, due)


async def told(kit: Kit) -> list[tuple[str, bytes]]:
    """Message ids and receipts in the application's out stream."""
    found = []
    stream = keys.out("shop", kit.store.partitions)
    count = int(await kit.command("HGET", keys.part(stream), "n", partition=keys.partition_of_key(stream)) or 0)
    for _, (_, fields), _ in await kit.read(stream, count):
        found.append((fields[5].decode(), fields[3]))
    return sorted(found)


async def test_one_id_for_several_messages(any_kit: Kit) -> None:
    messages = ids(any_kit, 3)
    targets = [Target(message_id, ALL, b"origin-" + message_id.encode()) for message_id in messages]
    any_kit.settlement.remember("sent", "alpha", "c", shared(*targets))
    await any_kit.drain()
    result = await any_kit.receipt("c")
    assert result == Correlated(MATCHED, "shop", messages[0], True, b"", tuple(messages))
    assert await any_kit.receipt("c") == Correlated(DUPLICATE, message_id=messages[0])
    assert await told(any_kit) == [(message_id, b"receipt-c") for message_id in messages]


async def test_several_ids_for_one_message_are_one_receipt(any_kit: Kit) -> None:
    (message_id,) = ids(any_kit, 1)
    for part in range(3):
        target = Target(message_id, ALL, b"origin", part, 3)
        any_kit.settlement.remember("sent", "alpha", f"c{part}", shared(target))
    await any_kit.drain()
    for part, forwarded in ((2, False), (0, False), (1, True)):
        told_ids = (message_id,) if forwarded else ()
        assert await any_kit.receipt(f"c{part}") == Correlated(MATCHED, "shop", message_id, forwarded, b"", told_ids)
        assert await any_kit.receipt(f"c{part}") == Correlated(DUPLICATE, message_id=message_id)
    assert await told(any_kit) == [(message_id, b"receipt-c1")]


async def test_the_first_failure_is_the_word_about_the_message(any_kit: Kit) -> None:
    (message_id,) = ids(any_kit, 1)
    for part in range(3):
        any_kit.settlement.remember("s", "alpha", f"c{part}", shared(Target(message_id, ALL, b"origin", part, 3)))
    await any_kit.drain()
    await any_kit.receipt("c0")
    failed = await any_kit.receipt("c1", delivered=False)
    assert failed == Correlated(MATCHED, "shop", message_id, True, b"origin", (message_id,))
    again = await any_kit.receipt("c2", delivered=False)
    assert again == Correlated(MATCHED, "shop", message_id, False, b"", ())
    assert await told(any_kit) == [(message_id, b"receipt-c1")]


async def test_what_is_not_final_is_told_of_the_first_part_and_not_after_the_end(far_kit: Kit) -> None:
    (message_id,) = ids(far_kit, 1)
    for part in range(2):
        target = Target(message_id, ALL | KIND_INTERMEDIATE, b"o", part, 2)
        far_kit.settlement.remember("s", "alpha", f"c{part}", shared(target))
    await far_kit.drain()

    async def pending(cid: str) -> bool:
        first = len(far_kit.correlated)
        far_kit.correlation.put(cid, "alpha", cid, b"pending", KIND_INTERMEDIATE, False, b"")
        await until(lambda: len(far_kit.correlated) > first)
        result = far_kit.correlated[-1][1]
        assert isinstance(result, Correlated)
        return result.forwarded

    assert [await pending("c0"), await pending("c1")] == [True, False]
    await far_kit.receipt("c0")
    await far_kit.receipt("c1", delivered=False)
    assert [await pending("c0"), await pending("c1")] == [False, False]


async def test_a_message_that_ended_here_is_not_told_of_again(far_kit: Kit) -> None:
    """A segment was refused: what becomes of the others is no news, and none of our ends tells twice."""
    (message_id,) = ids(far_kit, 1)
    far_kit.settlement.remember("s", "alpha", "c0", shared(Target(message_id, ALL, b"origin", 0, 2)))
    await far_kit.drain()
    durable: list[bool] = []
    for _ in range(2):
        far_kit.correlation.sharing.end("shop", message_id, b"origin", b"refused", True, durable.append)
    await far_kit.drain()
    assert durable == [True, True]
    assert (await far_kit.receipt("c0", delivered=False)).forwarded is False  # type: ignore[union-attr]
    assert await told(far_kit) == [(message_id, b"refused")]


async def test_states_of_shared_ids_are_written_when_the_message_ends(far_kit: Kit) -> None:
    item = far_kit.item()
    (message_id,) = item.message_ids
    await far_kit.admit(item)
    for part in range(2):
        far_kit.settlement.remember("s", "alpha", f"c{part}", shared(Target(message_id, 0, b"o", part, 2)))
    await far_kit.drain()
    for part, state in ((0, 1), (1, 2)):
        await far_kit.receipt(f"c{part}")
        await far_kit.drain()
        status = await far_kit.states.query(message_id)
        assert status is not None
        assert status.message_state == state


async def test_early_receipts_of_shared_ids(far_kit: Kit) -> None:
    (message_id,) = ids(far_kit, 1)
    for part in range(2):
        assert await far_kit.receipt(f"c{part}") == Correlated(PARKED)
    for part in range(2):
        far_kit.settlement.remember("s", "alpha", f"c{part}", shared(Target(message_id, ALL, b"origin", part, 2)))
    await far_kit.drain()
    met = [reply.early[0].result for _, reply in far_kit.settled if isinstance(reply, Settled)]
    assert sorted(each.forwarded for each in met) == [False, True]
    assert len(await told(far_kit)) == 1


async def test_an_id_whose_receipts_are_only_recorded(kit: Kit) -> None:
    kit.settlement.remember_known("s", "alpha", "c", "00aa")
    await kit.drain()
    assert await kit.receipt("c") == Correlated(DUPLICATE, message_id="00aa")
    assert await told(kit) == []


# -- other names of an id


def receipt(context: object, cid: str) -> Receipt:
    return Receipt(context, "alpha", cid, b"receipt", KIND_SUCCESS, True, state_header(2, 0, NOW_MS))


async def test_an_alias_leads_to_the_message(far_kit: Kit) -> None:
    (message_id,) = ids(far_kit, 1)
    far_kit.settlement.remember("s", "alpha", "=1F", mapping(message_id))
    far_kit.settlement.remember_alias("s", "alpha", "~h31", "=1F", TAG)
    await far_kit.drain()
    assert len(TAG) == TAG_OCTETS
    assert await far_kit.receipt("~h31") == Correlated(MATCHED, "shop", message_id, True)
    assert await far_kit.receipt("=1F") == Correlated(DUPLICATE, message_id=message_id)


async def test_a_receipt_that_waits_under_many_names_is_met_under_one_and_told_once(any_kit: Kit) -> None:
    (message_id,) = ids(any_kit, 1)
    any_kit.correlation.park(receipt("parked", ""), ["~t31", "~h31", "~h49", "~d49"])
    await until(lambda: any_kit.correlated)
    assert any_kit.correlated == [("parked", Correlated(PARKED))]
    any_kit.settlement.remember("s", "alpha", "=1F", mapping(message_id))
    for alias in ("~t1F", "~h31", "~d1F"):
        any_kit.settlement.remember_alias("s", "alpha", alias, "=1F", TAG)
    await any_kit.drain()
    assert len(await told(any_kit)) == 1


async def test_of_many_names_one_may_be_there_meanwhile(far_kit: Kit) -> None:
    (message_id,) = ids(far_kit, 1)
    far_kit.settlement.remember("s", "alpha", "=1F", mapping(message_id))
    far_kit.settlement.remember_alias("s", "alpha", "~h31", "=1F", TAG)
    await far_kit.drain()
    far_kit.correlation.park(receipt("parked", ""), ["~t31", "~h31"])
    await until(lambda: far_kit.correlated)
    assert far_kit.correlated == [("parked", Correlated(MATCHED, "shop", message_id, True))]


# -- tallies


async def waiting(kit: Kit) -> dict[int, Waiting]:
    await kit.drain()
    return await Tallies(kit.store).read("alpha")


async def test_tallies_say_what_waits_for_the_other(any_kit: Kit) -> None:
    any_kit.correlation._now_ms = lambda: NOW_MS + 600_000  # type: ignore[method-assign]
    messages = ids(any_kit, 3)
    for number, message_id in enumerate(messages):
        any_kit.settlement.remember("s", "alpha", f"c{number}", mapping(message_id)._replace(due=DUE))
    assert await waiting(any_kit) == {DUE: Waiting(3, 0)}
    await any_kit.receipt("c0", final=False)
    await any_kit.receipt("c1", delivered=False)
    await any_kit.receipt("c1")
    await any_kit.receipt("c2")
    assert await waiting(any_kit) == {DUE: Waiting(1, 0)}
    for _ in range(2):
        await any_kit.receipt("early")
    await any_kit.receipt("orphan")
    assert await waiting(any_kit) == {DUE: Waiting(1, 0), DUE + 600: Waiting(0, 2)}
    any_kit.settlement.remember("s", "alpha", "early", mapping("00ff")._replace(due=DUE + 60))
    assert await waiting(any_kit) == {DUE: Waiting(1, 0), DUE + 600: Waiting(0, 1)}
    assert await Tallies(any_kit.store).forget("alpha", DUE + 60, 0) == Waiting(1, 0)
    assert await waiting(any_kit) == {DUE + 600: Waiting(0, 1)}
    result: Any = await any_kit.receipt("c0")  # after all
    assert result.outcome == MATCHED
    assert await waiting(any_kit) == {DUE + 600: Waiting(0, 1)}
