"""Held messages: each released, cancelled or replaced exactly once, and looked at again."""

from __future__ import annotations

from smsgw.errors import StoreError
from smsgw.store.admission import ACCEPTED
from smsgw.store.held import DONE, FORBIDDEN, FULL, GONE, HeldMessage, ReleaseReply
from smsgw.store.recipients import FACT_COMPANY, SCOPE_COMPANY
from smsgw.store.state import state_header, state_value
from smsgw.store.streams import waiting_messages
from tests.store.kit import NOW_MS, NUMBER, Kit

STREAM = "{p00}:mt:alpha:2"
RHASH = "rhash"


async def hold(kit: Kit, n: int = 0, due_ms: int = NOW_MS + 1000) -> HeldMessage:
    """A held message, its blob like a sealed one: its first octets are its own."""
    item = kit.item(n=n, at_ms=due_ms, due_ms=due_ms, blob=b"nonce-%07d-body" % n)
    assert await kit.codes(item) == [ACCEPTED]
    held = await kit.held.get(item.message_ids[0])
    assert held is not None
    return held


async def replies(kit: Kit) -> list[ReleaseReply | StoreError]:
    await kit.drain()
    return [reply for _, reply in kit.released]


async def test_what_is_due_comes_in_order_and_stays_held(kit: Kit) -> None:
    late, soon = await hold(kit, 1, NOW_MS + 20), await hold(kit, 2, NOW_MS + 10)
    assert await kit.held.next_due(0) == NOW_MS + 10
    assert await kit.held.due(0, NOW_MS + 9) == []
    assert await kit.held.due(0, NOW_MS + 20) == [soon, late]
    assert await kit.held.due(0, NOW_MS + 20, limit=1) == [soon]
    assert await kit.held.count(0) == 2


async def test_a_message_is_released_once(kit: Kit) -> None:
    held = await hold(kit)
    for context in ("once", "again"):
        kit.held.send(context, held, "alpha:2", b"looked at again", RHASH)
    assert await replies(kit) == [ReleaseReply(DONE), ReleaseReply(GONE)]
    assert [message[1][1] for message in await kit.read(STREAM, 1)] == [[b"m", b"looked at again"]]
    assert await kit.held.count(0) == 0
    assert await kit.held.next_due(0) is None


async def test_an_opt_out_that_came_meanwhile_keeps_it_until_that_was_reported(kit: Kit) -> None:
    held = await hold(kit)
    await kit.facts.add(NUMBER, SCOPE_COMPANY, "mo", NOW_MS)
    kit.held.send(None, held, "alpha:2", held.blob, kit.store.recipients.hash(NUMBER), (FACT_COMPANY,))
    assert await replies(kit) == [ReleaseReply(FORBIDDEN, FACT_COMPANY)]
    assert await waiting_messages(kit.store, STREAM) == 0
    kit.held.end(None, held)
    await kit.drain()
    assert await kit.held.count(0) == 0


async def test_a_full_queue_leaves_it_held(kit: Kit) -> None:
    held = await hold(kit)
    await kit.admit(kit.item(n=9))
    kit.held.send(None, held, "alpha:2", held.blob, RHASH, (), 1)
    assert await replies(kit) == [ReleaseReply(FULL)]
    assert await kit.held.get(held.held_id) == held


async def test_holding_longer_and_ending(kit: Kit) -> None:
    held = await hold(kit)
    kit.held.hold(None, held, NOW_MS + 5000)
    await kit.drain()
    later = await kit.held.get(held.held_id)
    assert later == held._replace(due_ms=NOW_MS + 5000)
    kit.held.hold(None, later, NOW_MS + 6000, b"another blob")
    await kit.drain()
    last = await kit.held.get(held.held_id)
    assert last == HeldMessage(held.held_id, NOW_MS + 6000, b"another blob")
    value = state_value(state_header(3, 0, NOW_MS), "shop", "1")
    kit.held.end(None, last, [(held.held_id, value)])
    assert await replies(kit) == [ReleaseReply(DONE)] * 3
    status = await kit.states.query(held.held_id)
    assert status is not None
    assert status.message_state == 3
    assert await kit.held.get(held.held_id) is None


async def test_cancel_and_release_meet_and_one_wins(kit: Kit) -> None:
    held = await hold(kit)
    assert await kit.held.cancel(held.held_id) == held.blob
    assert await kit.held.cancel(held.held_id) is None
    kit.held.send(None, held, "alpha:2", held.blob, RHASH)
    assert await replies(kit) == [ReleaseReply(GONE)]
    assert await waiting_messages(kit.store, STREAM) == 0


async def test_a_replaced_message_is_not_released_as_it_was(kit: Kit) -> None:
    held = await hold(kit)
    assert await kit.held.replace(held, b"nonce-another-body")
    assert not await kit.held.replace(held, b"nonce-a-third-body")
    kit.held.send(None, held, "alpha:2", held.blob, RHASH)
    assert await replies(kit) == [ReleaseReply(GONE)]
    again = await kit.held.get(held.held_id)
    assert again == held._replace(blob=b"nonce-another-body")


async def test_one_that_has_changed_since_it_was_read_is_not_cancelled(kit: Kit) -> None:
    held = await hold(kit)
    kit.held.hold(None, held, held.due_ms, b"another-nonce-another-body")
    assert await replies(kit) == [ReleaseReply(DONE)]
    assert await kit.held.cancel(held.held_id, (), held.blob) is None
    assert await kit.held.get(held.held_id) is not None


async def test_ids_that_are_not_ours(kit: Kit) -> None:
    for held_id in ("", "zz", "ff00"):
        assert await kit.held.get(held_id) is None
        assert await kit.held.cancel(held_id) is None
        assert await kit.states.query(held_id) is None
