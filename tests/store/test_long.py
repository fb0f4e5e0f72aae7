"""Segments: one of them completes the message, and nothing that was kept is forgotten."""

from __future__ import annotations

import pytest

from smsgw.store.admission import ACCEPTED, FULL, GONE
from smsgw.store.long import COMPLETE, DUPLICATE, INCOMPLETE, REPLACED, LongItem, LongReply
from tests.store.kit import NOW_MS, NUMBER, Kit, segment_replies


def segment(kit: Kit, number: int, total: int = 3, reference: int = 7, blob: bytes = b"") -> LongItem:
    group = kit.long.group("shop", "10690001", NUMBER, reference, total)
    return LongItem(number, 0, group, number, total, blob or b"segment-%d" % number, NOW_MS + 60_000)


async def test_the_last_segment_completes_in_order(kit: Kit) -> None:
    replies = await segment_replies(kit, segment(kit, 3), segment(kit, 1), segment(kit, 2))
    whole = LongReply(COMPLETE, (b"segment-1", b"segment-2", b"segment-3"))
    assert replies == [LongReply(INCOMPLETE), LongReply(INCOMPLETE), whole]
    assert await segment_replies(kit, segment(kit, 2)) == [LongReply(DUPLICATE)]


async def test_messages_are_apart_by_reference_total_and_sender(kit: Kit) -> None:
    names = {
        kit.long.group(account, source, number, reference, total)
        for account, source, number, reference, total in (
            ("shop", "1", NUMBER, 7, 3), ("bank", "1", NUMBER, 7, 3), ("shop", "2", NUMBER, 7, 3),
            ("shop", "1", "8613800000009", 7, 3), ("shop", "1", NUMBER, 8, 3), ("shop", "1", NUMBER, 7, 2),
        )
    }  # fmt: skip
    assert len(names) == 6
    assert not any(NUMBER in name for name in names)


async def test_a_repeated_segment_takes_the_place_of_the_first(kit: Kit) -> None:
    await segment_replies(kit, segment(kit, 1, blob=b"first"))
    (reply,) = await segment_replies(kit, segment(kit, 1, blob=b"second"))
    assert (reply.code, reply.blobs) == (REPLACED, (b"first",))
    replies = await segment_replies(kit, segment(kit, 2), segment(kit, 3))
    assert replies[1] == LongReply(COMPLETE, (b"second", b"segment-2", b"segment-3"))


async def test_what_was_replaced_is_not_forgotten_before_its_end_is_reported(kit: Kit) -> None:
    """Its sender may have been promised something, and whoever replaced it may die before saying what became of it."""
    await segment_replies(kit, segment(kit, 1, blob=b"first"))
    (reply,) = await segment_replies(kit, segment(kit, 1, blob=b"second"))
    found = {group.group: group for group in await kit.long.expired(0, NOW_MS + 60_000)}
    aside = found.pop(reply.aside)
    assert (aside.segments, aside.complete, aside.is_aside) == ([(1, b"first")], False, True)
    (left,) = found.values()
    assert (left.segments, left.is_aside) == ([(1, b"second")], False)
    await kit.long.drop(0, reply.aside)
    assert [group.group for group in await kit.long.expired(0, NOW_MS + 60_000)] == [left.group]


async def test_a_number_beyond_the_total_completes_nothing(kit: Kit) -> None:
    replies = await segment_replies(kit, segment(kit, 1), segment(kit, 2), segment(kit, 4))
    assert replies == [LongReply(INCOMPLETE)] * 3


async def test_an_update_changes_only_what_waits(kit: Kit) -> None:
    await segment_replies(kit, segment(kit, 1))
    kit.long.update(segment(kit, 1, blob=b"answered"))
    kit.long.update(segment(kit, 2, blob=b"not there"))
    await kit.drain()
    (group,) = await kit.long.expired(0, NOW_MS + 60_000)
    assert group.segments == [(1, b"answered")]


async def test_what_expired_stays_until_it_is_dropped(kit: Kit) -> None:
    await segment_replies(kit, segment(kit, 1), segment(kit, 3))
    assert await kit.long.expired(0, NOW_MS + 59_999) == []
    for _ in range(2):
        (group,) = await kit.long.expired(0, NOW_MS + 60_000)
        assert (group.segments, group.complete) == ([(1, b"segment-1"), (3, b"segment-3")], False)
    await kit.long.drop(0, group.group)
    assert await kit.long.expired(0, NOW_MS + 60_000) == []
    assert await kit.keys() == []


async def test_a_complete_message_nobody_decided_on_is_found_and_decided_once(kit: Kit) -> None:
    """The gateway died between the last segment and admission."""
    await segment_replies(kit, *(segment(kit, number) for number in (1, 2, 3)))
    (group,) = await kit.long.expired(0, NOW_MS + 60_000)
    assert group.complete
    assert [blob for _, blob in group.segments] == [b"segment-1", b"segment-2", b"segment-3"]
    item = kit.item(long_group=group.group)
    assert await kit.codes(item, item) == [ACCEPTED, GONE]
    assert await kit.long.expired(0, NOW_MS + 60_000) == []


@pytest.mark.parametrize("keep", [True, False])
async def test_a_refusal_may_leave_the_segments_to_be_reported(kit: Kit, keep: bool) -> None:
    await segment_replies(kit, segment(kit, 1), segment(kit, 2), segment(kit, 3))
    (group,) = await kit.long.expired(0, NOW_MS + 60_000)
    assert await kit.codes(kit.item(n=1, queue_limit=1)) == [ACCEPTED]
    full = kit.item(n=2, long_group=group.group, queue_limit=1, keep_group=keep)
    assert await kit.codes(full) == [FULL]
    assert await kit.long.expired(0, NOW_MS + 60_000) == ([group] if keep else [])
