"""Failures of messages that may go elsewhere: nothing is passed on or marked before somebody has decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smsgw.errors import StoreAway, StoreError
from smsgw.store.correlation import (
    DUPLICATE,
    KIND_FAILURE,
    KIND_SUCCESS,
    MATCHED,
    PARKED,
    UNDECIDED,
    Correlated,
    SharedMapping,
)
from smsgw.store.settlement import Settled
from smsgw.store.sharing import Target
from smsgw.store.streams import waiting_messages
from tests.store.conftest import MakeKit
from tests.store.kit import Kit, mapping, until
from tests.store.test_journey import accepted, check_out_entries

KEPT = KIND_SUCCESS | KIND_FAILURE | UNDECIDED
Decided = Callable[["bool | StoreError"], None]


@pytest.fixture(params=[4])
async def kit(request: pytest.FixtureRequest, make_kit: MakeKit) -> Kit:
    made = await make_kit(partitions=request.param)
    made.correlation.decide = made_decision(made, False)
    return made


def made_decision(kit: Kit, answer: bool | StoreError) -> Callable[[Any, str, bytes, Decided], None]:
    kit.asked = []  # type: ignore[attr-defined]

    def decide(receipt: Any, message_id: str, origin: bytes, decided: Decided) -> None:
        kit.asked.append((message_id, origin))  # type: ignore[attr-defined]
        decided(answer)

    return decide


async def sent(kit: Kit, cid: str = "c", mask: int = KEPT) -> str:
    """A message whose answer has come."""
    ((message, message_id),) = await accepted(kit, 1)
    stream, (entry_id, _), _ = message
    kit.settlement.sent(None, stream, entry_id, "alpha", cid, mapping(message_id, mask))
    await kit.drain()
    return message_id


async def test_a_failure_that_goes_elsewhere_is_not_passed_on_and_final_here(kit: Kit) -> None:
    message_id = await sent(kit)
    kit.correlation.decide = made_decision(kit, True)
    origin = b"origin-" + message_id.encode()
    assert await kit.receipt("c", delivered=False) == Correlated(MATCHED, "shop", message_id, False, origin)
    assert kit.asked == [(message_id, origin)]  # type: ignore[attr-defined]
    assert await kit.receipt("c", delivered=False) == Correlated(DUPLICATE, message_id=message_id)
    await kit.drain()
    await check_out_entries(kit, 0)
    status = await kit.states.query(message_id)
    assert status is not None
    assert status.message_state == 1


async def test_a_failure_that_stays_is_reported_as_any_other(kit: Kit) -> None:
    message_id = await sent(kit)
    result = await kit.receipt("c", delivered=False)
    assert isinstance(result, Correlated)
    assert (result.outcome, result.message_id, result.forwarded) == (MATCHED, message_id, True)
    assert await kit.receipt("c", delivered=False) == Correlated(DUPLICATE, message_id=message_id)
    await kit.drain()
    await check_out_entries(kit, 1)
    status = await kit.states.query(message_id)
    assert status is not None
    assert status.message_state == 5


async def test_one_that_nobody_asked_for_is_only_final(kit: Kit) -> None:
    await sent(kit, mask=KIND_SUCCESS | UNDECIDED)
    await kit.receipt("c", delivered=False)
    await kit.drain()
    await check_out_entries(kit, 0)


async def test_a_success_is_not_asked_about(kit: Kit) -> None:
    message_id = await sent(kit)
    assert await kit.receipt("c") == Correlated(MATCHED, "shop", message_id, True)
    assert kit.asked == []  # type: ignore[attr-defined]


async def test_when_it_cannot_be_decided_the_carrier_says_it_again(kit: Kit) -> None:
    message_id = await sent(kit)
    kit.correlation.decide = made_decision(kit, StoreAway("gone"))
    assert isinstance(await kit.receipt("c", delivered=False), StoreError)
    kit.correlation.decide = made_decision(kit, False)
    result = await kit.receipt("c", delivered=False)
    assert isinstance(result, Correlated)
    assert (result.outcome, result.message_id) == (MATCHED, message_id)


@pytest.mark.parametrize("moved", [True, False])
async def test_an_early_failure_is_decided_when_its_answer_comes(kit: Kit, moved: bool) -> None:
    kit.correlation.decide = made_decision(kit, moved)
    assert await kit.receipt("c", delivered=False) == Correlated(PARKED)
    message_id = await sent(kit)
    ((_, reply),) = kit.settled
    assert isinstance(reply, Settled)
    (early,) = reply.early
    assert (early.result.outcome, early.result.message_id) == (MATCHED, message_id)
    await check_out_entries(kit, 0 if moved else 1)
    for partition in range(kit.store.partitions):
        assert await waiting_messages(kit.store, f"{{p{partition:02}}}:mt:alpha:2") == 0
    assert await kit.receipt("c", delivered=False) == Correlated(DUPLICATE, message_id=message_id)


async def test_the_same_failure_twice_is_decided_once_over_all_processes(kit: Kit, make_kit: MakeKit) -> None:
    waiting: list[Decided] = []
    asked: list[str] = []

    def decide(receipt: Any, message_id: str, origin: bytes, decided: Decided) -> None:
        asked.append(message_id)
        waiting.append(decided)

    message_id = await sent(kit)
    other = await make_kit(partitions=kit.store.partitions)
    kit.correlation.decide = other.correlation.decide = decide
    for each in (kit, kit, other):
        each.correlation.put(None, "alpha", "c", b"r", KIND_FAILURE, True, b"")
    await until(lambda: waiting)
    await until(lambda: not (kit.correlation.commit.waiting or other.correlation.commit.waiting))
    waiting[0](True)
    await until(lambda: len(kit.correlated) == 2 and other.correlated)
    assert asked == [message_id]
    outcomes = [result.outcome for _, result in (*kit.correlated, *other.correlated) if isinstance(result, Correlated)]
    assert sorted(outcomes) == [DUPLICATE, DUPLICATE, MATCHED]


@pytest.mark.parametrize("moved", [True, False])
async def test_a_failure_that_came_early_twice_is_decided_once_and_the_entry_ends(kit: Kit, moved: bool) -> None:
    kit.correlation.decide = made_decision(kit, moved)
    for _ in range(2):
        assert await kit.receipt("c", delivered=False) == Correlated(PARKED)
    message_id = await sent(kit)
    assert [each for each, _ in kit.asked] == [message_id]  # type: ignore[attr-defined]
    await until(lambda: kit.settled)
    ((_, reply),) = kit.settled
    assert isinstance(reply, Settled)
    assert sorted(early.result.outcome for early in reply.early) == [DUPLICATE, MATCHED]
    await check_out_entries(kit, 0 if moved else 1)
    for partition in range(kit.store.partitions):
        assert await waiting_messages(kit.store, f"{{p{partition:02}}}:mt:alpha:2") == 0


@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("early", [False, True])
async def test_the_same_receipt_twice_at_once_is_passed_on_once(kit: Kit, is_shared: bool, early: bool) -> None:
    message_id = f"{0:020x}"
    kept = mapping(message_id)
    if is_shared:
        target = Target(message_id, kept.mask, kept.origin)
        kept = SharedMapping("shop", "1069", (target,))  # type: ignore[assignment]
    cids = [f"c{number}" for number in range(8)]
    for step in ("receipts", "messages") if early else ("messages", "receipts"):
        for cid in cids:
            if step == "messages":
                kit.settlement.remember(None, "alpha", cid, kept)
            else:
                for _ in range(2):
                    kit.correlation.put(cid, "alpha", cid, b"r", KIND_SUCCESS, True, b"")
        await kit.drain()
    await until(lambda: len(kit.settled) == 8 and len(kit.correlated) == 16)
    await check_out_entries(kit, 8)
