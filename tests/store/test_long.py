"""Segments: one of them completes the message, and nothing that was kept is forgotten."""

from __future__ import annotations

from smsgw.store.admission import ACCEPTED, GONE
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
    assert await segment_replies(kit, segment(kit, 1, blob=b"second")) == [LongReply(REPLACED, (b"first",))]
    replies = await segment_replies(kit, segment(kit, 2), segment(kit, 3))
    assert replies[1] == LongReply(COMPLETE, (b"second", b"segment-2", b"segment-3"))


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
