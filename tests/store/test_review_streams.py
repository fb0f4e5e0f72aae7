"""A stream removed and added again while a read of it is under way: its pending entries come again, all of them."""

from __future__ import annotations

import asyncio

from tests.store.kit import Kit, until
from tests.store.test_streams import STREAM, bodies, put


async def test_removed_and_added_while_blocked(kit: Kit) -> None:
    reader, read = kit.reader()
    reader.add(STREAM)
    await put(kit, 0, 1, 2)
    await until(lambda: len(read) == 3)
    await until(lambda: reader._blocked_on)
    read.clear()
    reader.remove(STREAM)
    reader.add(STREAM)
    await put(kit, 3)
    await until(lambda: len(read) >= 4)
    assert bodies(read) == [0, 1, 2, 3]


async def test_what_is_pending_is_read_at_once(kit: Kit) -> None:
    reader, read = kit.reader()
    reader.add(STREAM)
    await put(kit, 0)
    await until(lambda: len(read) == 1 and reader._blocked_on)
    read.clear()
    reader.remove(STREAM)
    reader.add(STREAM)
    # Nothing new comes to end the blocking read, which would take two seconds.
    async with asyncio.timeout(1.0):
        await until(lambda: read)
    assert bodies(read) == [0]
