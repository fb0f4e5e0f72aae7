"""A group of segments whose time is over: what comes afterwards is another message, and nothing of either is lost."""

from __future__ import annotations

from smsgw.store.long import COMPLETE, INCOMPLETE, LongItem, LongReply
from tests.store.kit import NOW_MS, Kit, until

GROUP = "shop:hash:ref"
EXPIRES_MS = NOW_MS + 60_000


async def put(kit: Kit, segment: int, blob: bytes) -> LongReply:
    count = len(kit.long_replies)
    kit.long.put(LongItem(None, 0, GROUP, segment, 2, blob, EXPIRES_MS))
    await until(lambda: len(kit.long_replies) > count)
    reply = kit.long_replies[-1]
    assert isinstance(reply, LongReply)
    return reply


async def test_segments_after_the_end_begin_another_message(kit: Kit) -> None:
    await put(kit, 1, b"old")
    await kit.long.put_aside(0, GROUP)
    assert (await put(kit, 2, b"new 2")).code == INCOMPLETE
    (aside,) = await kit.long.expired(0, EXPIRES_MS - 1)
    assert aside.is_aside
    assert aside.segments == [(1, b"old")]
    await kit.long.drop(0, aside.group)
    assert await put(kit, 1, b"new 1") == LongReply(COMPLETE, (b"new 1", b"new 2"))
    (left,) = await kit.long.expired(0, EXPIRES_MS)
    assert (left.group, left.complete, left.is_aside) == (GROUP, True, False)


async def test_a_message_completed_at_the_last_moment_is_left_alone(kit: Kit) -> None:
    await put(kit, 1, b"1")
    await put(kit, 2, b"2")
    await kit.long.put_aside(0, GROUP)
    (left,) = await kit.long.expired(0, EXPIRES_MS)
    assert (left.group, left.complete) == (GROUP, True)


async def test_a_group_that_is_gone(kit: Kit) -> None:
    await kit.long.put_aside(0, GROUP)
    assert await kit.long.expired(0, EXPIRES_MS) == []
