"""The reader: everything once, in order, no more than there is room for, whatever happens to its connection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smsgw.errors import StoreAway
from smsgw.store.channel import Channel
from smsgw.store.entries import entry_key
from smsgw.store.streams import StreamReader
from tests.store.kit import Kit, until

STREAM = "{p00}:mt:alpha:2"
OTHER = "{p00}:mt:beta:2"


async def put(kit: Kit, *numbers: int, stream: str = "alpha:2") -> None:
    """Messages in one batch, that is in one entry when there are several."""
    await kit.admit(*(kit.item(n=number, stream=stream) for number in numbers))


def bodies(read: list[Any]) -> list[int]:
    return [int(message[1][1][1].removeprefix(b"body-")) for message in read]


async def test_what_is_there_and_what_comes(kit: Kit) -> None:
    await put(kit, 0, 1, 2)
    reader, read = kit.reader()
    reader.add(STREAM)
    await until(lambda: len(read) == 3)
    await put(kit, 3)
    await put(kit, *range(4, 60))
    await until(lambda: len(read) == 60)
    assert bodies(read) == list(range(60))
    order = [entry_key(message[1][0]) for message in read]
    assert order == sorted(set(order))
    assert not any(pending for _, _, pending in read)


async def test_a_stream_added_while_the_reader_is_blocked(kit: Kit) -> None:
    reader, read = kit.reader()
    reader.add(STREAM)
    await until(lambda: reader._blocked_on)
    await put(kit, 1, stream="beta:2")
    reader.add(OTHER)
    await until(lambda: bodies(read) == [1])
    reader.remove(STREAM)
    await put(kit, 2)
    await put(kit, 3, stream="beta:2")
    await until(lambda: len(read) == 2)
    assert bodies(read) == [1, 3]


async def test_no_more_than_there_is_room_for(kit: Kit) -> None:
    room = 0
    reader, read = kit.reader(room=lambda _: room)
    reader.add(STREAM)
    await put(kit, *range(100))
    for taken in (7, 7, 1, 50, 35):
        room, before = taken, len(read)
        # a consumer's room shrinks by what it is given
        original = reader._deliver

        def deliver(stream: str, messages: list[Any], pending: bool, original: Any = original) -> None:
            nonlocal room
            room -= len(messages)
            original(stream, messages, pending)

        reader._deliver = deliver
        reader.wake()
        await until(lambda before=before, taken=taken: len(read) == before + taken)
        reader._deliver = original
    assert bodies(read) == list(range(100))


async def test_room_comes_back_while_the_reader_is_blocked_on_another_stream(kit: Kit) -> None:
    rooms = {STREAM: 0, OTHER: 10}
    reader, read = kit.reader(room=lambda stream: rooms[stream])
    reader.add(STREAM)
    reader.add(OTHER)
    await until(lambda: reader._blocked_on)
    await put(kit, 1)
    assert bodies(read) == []
    rooms[STREAM] = 10
    reader.wake()
    await until(lambda: bodies(read) == [1])


async def test_pending_messages_come_first_and_say_so(kit: Kit) -> None:
    await put(kit, *range(90))
    await put(kit, 90)
    read = await kit.read(STREAM, 91)
    for _, (entry_id, _), _ in [*read[3:50], read[90]]:
        kit.settlement.done(None, STREAM, entry_id)
    await kit.drain()
    await put(kit, 91, 92)
    again = await kit.read(STREAM, 91 - 48 + 2)
    assert bodies(again) == [0, 1, 2, *range(50, 90), 91, 92]
    assert [pending for _, _, pending in again] == [True] * 43 + [False] * 2


async def test_more_pending_than_there_is_room_for(kit: Kit) -> None:
    await put(kit, *range(30))
    await kit.read(STREAM, 30)
    room = 4

    def deliver_room(_: str) -> int:
        return room

    reader, read = kit.reader(room=deliver_room)
    original = reader._deliver

    def deliver(stream: str, messages: list[Any], pending: bool) -> None:
        nonlocal room
        room -= len(messages)
        original(stream, messages, pending)

    reader._deliver = deliver
    reader.add(STREAM)
    await until(lambda: len(read) == 4)
    room = 100
    reader.wake()
    await until(lambda: len(read) == 30)
    assert bodies(read) == list(range(30))
    assert all(pending for _, _, pending in read)


async def test_other_consumers_leave_each_other_alone(kit: Kit) -> None:
    await put(kit, 1)
    await kit.read(STREAM, 1, consumer="node1")
    await put(kit, 2)
    assert bodies(await kit.read(STREAM, 1, consumer="node2")) == [2]


async def test_a_connection_cut_while_blocked(kit: Kit) -> None:
    reader, read = kit.reader()
    reader.add(STREAM)
    for number in range(5):
        await until(lambda: reader._blocked_on)
        await kit.command("CLIENT", "KILL", "ID", reader._client_id)
        await put(kit, number)
    await until(lambda: len(read) == 5)
    assert bodies(read) == list(range(5))
    assert not any(pending for _, _, pending in read)


async def test_a_reply_lost_on_its_way_is_read_again(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = 0

    async def losing(self: Channel, *command: Any, wait_s: float = 0.0) -> Any:
        nonlocal lost
        reply = await call(self, *command, wait_s=wait_s)
        if command[0] == "XREADGROUP" and command[-1] == b">" and reply and lost < 3:
            lost += 1
            await self.close()
            raise StoreAway("lost")
        return reply

    call = Channel.call
    monkeypatch.setattr(Channel, "call", losing)
    reader, read = kit.reader()
    reader.add(STREAM)
    for number in range(6):
        await until(lambda: reader._blocked_on)
        await put(kit, 2 * number, 2 * number + 1)
        await until(lambda number=number: len(read) == 2 * number + 2)
    assert lost == 3
    assert bodies(read) == list(range(12))


async def test_a_former_connection_is_ended_before_pending_messages_are_read(kit: Kit) -> None:
    """Redis may not know yet that a connection is lost, and give it messages that nobody will see."""
    reader, read = kit.reader()
    reader.add(STREAM)
    await until(lambda: reader._blocked_on)
    former = await kit.store.dedicated(0)
    await former.call("CLIENT", "SETNAME", reader._name)
    blocked = asyncio.ensure_future(
        former.call("XREADGROUP", "GROUP", "edge", "node1", "BLOCK", 0, "STREAMS", STREAM, ">", wait_s=30)
    )
    await kit.command("CLIENT", "KILL", "ID", reader._client_id)
    with pytest.raises(StoreAway):
        await blocked
    await put(kit, 1)
    await until(lambda: bodies(read) == [1])


async def test_a_deleted_stream_is_made_again(kit: Kit) -> None:
    reader, read = kit.reader()
    reader.add(STREAM)
    reader.add(OTHER)
    await put(kit, 1)
    await until(lambda: len(read) == 1 and reader._blocked_on)
    await kit.command("DEL", STREAM)
    await put(kit, 2, 3)
    await put(kit, 4, stream="beta:2")
    await until(lambda: len(read) == 4)
    assert sorted(bodies(read)) == [1, 2, 3, 4]


async def test_entries_deleted_while_pending_are_forgotten(kit: Kit) -> None:
    await put(kit, 1)
    await put(kit, 2)
    read = await kit.read(STREAM, 2)
    await kit.command("XDEL", STREAM, read[0][1][0])
    assert bodies(await kit.read(STREAM, 1)) == [2]
    assert (await kit.command("XPENDING", STREAM, "edge"))[0] == 1


async def test_errors_are_told(kit: Kit) -> None:
    told: list[str] = []
    await kit.command("SET", STREAM, "no stream")
    reader = StreamReader(
        kit.store, 0, "node1", lambda *_: None, lambda _: 1, on_error=lambda error: told.append(str(error))
    )
    kit.run(reader.run())
    reader.add(STREAM)
    await until(lambda: told)
    assert "WRONGTYPE" in told[0]


async def test_marks_never_go_back_and_outlive_the_process(kit: Kit) -> None:
    done: list[object] = []
    for stream, entries in ((STREAM, (b"5-0", b"5-1")), (OTHER, (b"9-0",))):
        for entry in entries:
            await kit.command("XADD", stream, entry, "m", b"body")
        await kit.read(stream, len(entries))
    for entry in (b"5-0", b"5-1:3", b"5-1:20", b"5-1:7"):
        kit.marks.advance(STREAM, entry, done.append)
    kit.marks.advance(OTHER, b"9-0", done.append)
    await until(lambda: len(done) == 5)
    assert done == [None] * 5
    assert await kit.marks.load(0) == {STREAM: b"5-1:20", OTHER: b"9-0"}


async def test_one_that_reads_no_more_delivers_what_there_was_no_room_for(kit: Kit) -> None:
    reader, read = kit.reader(room=lambda _: 0 if read else 1)
    reader.add(STREAM)
    await put(kit, *range(5))
    await until(lambda: bodies(read) == [0])
    kit._last_reader.cancel()
    reader.deliver_all()
    assert bodies(read) == list(range(5))
    assert not reader.keeps(STREAM)
