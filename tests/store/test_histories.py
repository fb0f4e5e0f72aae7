"""A server that is cut off and goes on as if it were the master: what was read there is not sent, and nobody stays with
it. Two servers stand for the two histories; the second is the one that counts.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from smsgw.store import changes, keys, streams
from smsgw.store.access import Access
from smsgw.store.changes import EVERYTHING, ChangeFeed
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.entries import Entry
from smsgw.store.marks import ReadElsewhere
from smsgw.store.secrets import Secrets
from smsgw.store.server import EmbeddedServer
from smsgw.store.streams import StreamReader
from smsgw.store.topology import topology_of
from tests.store.kit import DEADLINE_S, Kit, until

STREAM = keys.mt(0, "alpha", 2)


class Histories:
    """``kit`` is on the server that is cut off, until ``move``; ``other`` on the one that counts."""

    def __init__(self, kit: Kit, other: Kit) -> None:
        self.kit = kit
        self.other = other
        #: What the reader delivered and nobody has marked, and what it was told to forget.
        self.unsent: dict[bytes, bytes] = {}
        self.forgotten: set[bytes] = set()
        self.delivered: Counter[bytes] = Counter()

    def read(self) -> StreamReader:
        reader = StreamReader(
            self.kit.store, 0, "node1", self._deliver, lambda _: 1000,
            unsent=lambda _: set(self.unsent), forget=self._forget,
        )  # fmt: skip
        reader.add(STREAM)
        self.kit.run(reader.run())
        return reader

    def _deliver(self, _stream: str, entries: list[Entry], _pending: bool) -> None:
        self.unsent.update((entry_id, fields[1]) for entry_id, fields in entries)
        self.delivered.update(entry_id for entry_id, _ in entries)

    def _forget(self, _stream: str, entries: set[bytes]) -> None:
        self.forgotten |= entries
        for entry in entries:
            del self.unsent[entry]

    async def move(self, to: Kit | None = None) -> None:
        """The others have made another server the master, and a call without replicas finds it out."""
        self.kit.store._topology = topology_of((to or self.other).url, 1.0, Access())
        await self.kit.store._lost(0)


@pytest.fixture
async def histories(
    kit: Kit, secrets: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Histories]:
    monkeypatch.setattr(streams, "BLOCK_MS", 50)
    monkeypatch.setattr(streams, "_ANEW_S", 0.05)
    monkeypatch.setattr(changes, "BLOCK_MS", 50)
    server = EmbeddedServer(tmp_path / "other")
    await server.start()
    other = Kit(server.url, secrets, StoreSettings())
    await other.start()
    yield Histories(kit, other)
    await other.stop()
    await server.stop()


async def test_what_only_the_old_master_gave_is_not_marked_and_forgotten(histories: Histories) -> None:
    """The reader leaves it by itself, though it lives and answers."""
    await histories.kit.admit(histories.kit.item(n=1))
    histories.read()
    await until(lambda: histories.unsent)
    await histories.other.admit(histories.other.item(n=2))
    await histories.move()
    marked: list[object] = []
    (old,) = histories.unsent
    histories.kit.marks.advance(STREAM, old, marked.append)
    await until(lambda: marked)
    assert isinstance(marked[0], ReadElsewhere)
    assert await histories.other.marks.load(0) == {}
    await until(lambda: list(histories.unsent.values()) == [b"body-2"])
    assert histories.forgotten == {old}
    (entry,) = histories.unsent
    histories.kit.marks.advance(STREAM, entry, marked.append)
    await until(lambda: len(marked) == 2)
    assert marked[1] is None
    assert await histories.other.marks.load(0) == {STREAM: entry}


async def test_what_both_have_stays_and_is_not_delivered_twice(histories: Histories) -> None:
    """An entry that the successor knows as read by us stays in memory; one that it never gave us comes again."""
    for kit in (histories.kit, histories.other):
        for number in (1, 2):
            await kit.command("XADD", STREAM, f"{number}-0", "m", b"body-%d" % number)
        await kit.command("XGROUP", "CREATE", STREAM, keys.GROUP, "0")
    await histories.other.command("XREADGROUP", "GROUP", keys.GROUP, "node1", "COUNT", 1, "STREAMS", STREAM, ">")
    histories.read()
    await until(lambda: len(histories.unsent) == 2)
    histories.unsent[b"1-0"] = b"kept"
    await histories.move()
    await until(lambda: histories.forgotten)
    await until(lambda: histories.unsent == {b"1-0": b"kept", b"2-0": b"body-2"})
    assert histories.forgotten == {b"2-0"}


async def test_what_was_forgotten_comes_again_wherever_it_is_pending(histories: Histories) -> None:
    """Who is master is told in two ways for a while: the reader goes to the one, to the other, and back."""
    kit, other = histories.kit, histories.other
    await kit.command("XADD", STREAM, "7-0", "m", b"old")
    for entry_id in ("5-0", "9-0"):
        await other.command("XADD", STREAM, entry_id, "m", b"new")
    histories.read()
    await until(lambda: set(histories.unsent) == {b"7-0"})
    await histories.move(other)
    await until(lambda: set(histories.unsent) == {b"5-0", b"9-0"})
    await histories.move(kit)
    await until(lambda: set(histories.unsent) == {b"7-0"})
    del histories.unsent[b"7-0"]  # nothing is held when it comes to the other one again
    await histories.move(other)
    await until(lambda: set(histories.unsent) == {b"5-0", b"9-0"})
    assert histories.delivered == {b"5-0": 2, b"7-0": 2, b"9-0": 2}


async def test_what_was_lost_on_its_way_comes_though_another_history_was_further(histories: Histories) -> None:
    """An answer of the successor went with its connection, and what the old master gave had greater ids."""
    kit, other = histories.kit, histories.other
    await kit.command("XADD", STREAM, "7-0", "m", b"old")
    await other.command("XADD", STREAM, "5-0", "m", b"new")
    await other.command("XGROUP", "CREATE", STREAM, keys.GROUP, "0")
    await other.command("XREADGROUP", "GROUP", keys.GROUP, "node1", "STREAMS", STREAM, ">")
    histories.read()
    await until(lambda: set(histories.unsent) == {b"7-0"})
    await histories.move(other)
    await until(lambda: set(histories.unsent) == {b"5-0"})


async def test_what_is_under_way_is_not_delivered_again_when_others_are_forgotten(histories: Histories) -> None:
    """Marked ones are pending until they are settled, also behind one that is forgotten."""
    kit, other = histories.kit, histories.other
    await kit.command("XADD", STREAM, "7-0", "m", b"old")
    for entry_id in ("5-0", "8-0", "9-0"):
        await other.command("XADD", STREAM, entry_id, "m", b"new")
    histories.read()
    await until(lambda: set(histories.unsent) == {b"7-0"})
    await histories.move(other)
    await until(lambda: set(histories.unsent) == {b"5-0", b"8-0", b"9-0"})
    del histories.unsent[b"8-0"]  # it was marked, and is at the carrier
    await histories.move(kit)
    await until(lambda: set(histories.unsent) == {b"7-0"})
    await histories.move(other)
    await until(lambda: set(histories.unsent) == {b"5-0", b"9-0"})
    await other.command("XADD", STREAM, "10-0", "m", b"new")
    await until(lambda: b"10-0" in histories.unsent)
    assert histories.delivered[b"8-0"] == 1


async def test_an_operator_who_deletes_a_stream_has_nothing_sent_of_it(histories: Histories) -> None:
    kit = histories.kit
    await kit.admit(kit.item(n=1))
    reader = histories.read()
    await until(lambda: histories.unsent)
    (entry,) = histories.unsent
    await kit.command("DEL", STREAM)
    marked: list[object] = []
    kit.marks.advance(STREAM, entry, marked.append)
    await until(lambda: marked)
    assert isinstance(marked[0], ReadElsewhere)
    reader.doubt()
    await until(lambda: histories.forgotten == {entry})


async def test_a_stream_that_comes_while_the_reader_looks_back_does_not_end_it(histories: Histories) -> None:
    """A change of the site brings a carrier just when the connection is opened anew."""
    kit = histories.kit
    await kit.admit(kit.item(n=1))
    reader = histories.read()
    await until(lambda: histories.unsent)
    added = keys.mt(0, "beta", 2)

    def unsent(_stream: str) -> set[bytes]:
        asyncio.get_running_loop().call_soon(reader.add, added)
        return set(histories.unsent)

    reader._unsent = unsent
    await kit.store._lost(0)
    await until(lambda: added.encode() in reader._streams)
    await kit.admit(kit.item(n=2, stream="beta:2"))
    await until(lambda: sorted(histories.unsent.values()) == [b"body-1", b"body-2"])
    assert histories.forgotten == set()


async def test_what_is_settled_while_the_reader_looks_back_is_not_told_as_lost(histories: Histories) -> None:
    kit = histories.kit
    await kit.admit(kit.item(n=1))
    reader = histories.read()
    await until(lambda: histories.unsent)
    (entry,) = histories.unsent
    looked: list[str] = []

    def unsent(stream: str) -> set[bytes]:
        looked.append(stream)
        held = set(histories.unsent)
        histories.unsent.pop(entry, None)
        return held

    reader._unsent = unsent
    await kit.command("XACK", STREAM, keys.GROUP, entry)
    await kit.store._lost(0)
    await until(lambda: looked)
    await kit.admit(kit.item(n=2))
    await until(lambda: list(histories.unsent.values()) == [b"body-2"])
    assert histories.forgotten == set()


async def test_a_script_that_two_masters_lack_runs_though_each_command_comes_to_another(
    histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, other = histories.kit, histories.other
    one, two = await kit.store._share(0), other.store._shared.get(0) or await other.store._share(0)
    for each in (kit, other):
        await each.command("SCRIPT", "FLUSH")
    command, turns = Store.command, itertools.cycle((one, two))

    async def by_turns(store: Store, partition: int, *words: Any) -> Any:
        if store is kit.store:
            store._shared[partition] = next(turns)
        return await command(store, partition, *words)

    monkeypatch.setattr(Store, "command", by_turns)
    assert await kit.codes(kit.item(n=1)) == [0]


async def test_the_feed_of_changes_leaves_the_old_master_as_well(histories: Histories) -> None:
    told: list[str] = []
    feed = ChangeFeed(histories.kit.store, lambda kind, _: told.append(kind))
    await feed.begin()
    histories.kit.run(feed.run())
    async with asyncio.timeout(DEADLINE_S):
        while b"cmd=xread" not in await histories.kit.command("CLIENT", "LIST"):
            await asyncio.sleep(0.001)
    await histories.move()
    await until(lambda: told == [EVERYTHING])
