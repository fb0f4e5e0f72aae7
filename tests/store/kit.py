"""A store with everything that the gateway would make of it, and what each class reported."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.admission import Admission, AdmitItem, AdmitReply
from smsgw.store.commit import GroupCommit
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.correlation import KIND_FAILURE, KIND_SUCCESS, Correlated, Correlation, Mapping
from smsgw.store.entries import Entry
from smsgw.store.held import Held, ReleaseReply
from smsgw.store.long import Long, LongItem, LongReply
from smsgw.store.marks import Marks
from smsgw.store.outbound import Outbound
from smsgw.store.recipients import RecipientFacts
from smsgw.store.secrets import Secrets
from smsgw.store.settlement import Settled, Settlement
from smsgw.store.state import ENROUTE_HEADER, States, state_header, state_value
from smsgw.store.streams import StreamReader

NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
NUMBER = "8613800000001"
DEADLINE_S = 10.0


async def until(condition: Callable[[], Any]) -> None:
    """Give the loop turns until ``condition`` holds; fails after DEADLINE_S."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.001)


class Kit:
    """Everything on one store. ``now_ms`` is business time; each list has what was reported, in order."""

    def __init__(self, url: str, secrets: Secrets, settings: StoreSettings) -> None:
        self.url = url
        self.secrets = secrets
        self.settings = settings
        self.store = Store(url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
        self.now_ms = NOW_MS
        self.admitted: list[AdmitReply | StoreError] = []
        self.settled: list[tuple[object, Settled | StoreError]] = []
        self.correlated: list[tuple[object, Correlated | StoreError]] = []
        self.released: list[tuple[object, ReleaseReply | StoreError]] = []
        self.long_replies: list[LongReply | StoreError] = []
        self.admission = Admission(self.store, _each(self.admitted), lambda: self.now_ms)
        self.outbound = Outbound(self.store)
        self.states = States(self.store)
        self.correlation = Correlation(
            self.store, self.outbound, self.states, _pairs(self.correlated), lambda: self.now_ms
        )
        self.settlement = Settlement(self.store, self.correlation, _pairs(self.settled))
        self.held = Held(self.store, _pairs(self.released))
        self.long = Long(self.store, _each(self.long_replies))
        self.marks = Marks(self.store, "node1", "token1")
        self.facts = RecipientFacts(self.store)
        self._tasks: list[asyncio.Task[None]] = []
        self._last_reader: asyncio.Task[None]

    @property
    def commits(self) -> list[GroupCommit[Any, Any]]:
        return [
            self.admission.commit, self.outbound.appends, self.outbound.acks, self.states.commit,
            self.correlation.commit, self.correlation.sharing.commit, self.settlement.commit, self.held.commit,
            self.long.commit, self.marks.commit,
        ]  # fmt: skip

    async def start(self) -> None:
        await self.store.ready()
        for partition in range(self.store.partitions):
            await self.marks.claim(partition)
        for commit in self.commits:
            self.run(commit.run())

    def run(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """A task that ends with the kit."""
        task = asyncio.ensure_future(work)
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.close()
        failures = [each for each in ended if isinstance(each, Exception)]
        assert not failures, failures

    async def drain(self) -> None:
        """Until nothing is under way, whatever one class has given another."""
        async with asyncio.timeout(DEADLINE_S):
            while any(commit.waiting for commit in self.commits):
                for commit in self.commits:
                    await commit.drain()

    # -- admission

    def item(self, number: str = NUMBER, n: int = 0, **changes: Any) -> AdmitItem:
        """A message to ``number``; ``n`` makes its id and body."""
        partition = self.store.recipients.partition(number, self.store.partitions)
        item = AdmitItem(
            context=n,
            rhash=self.store.recipients.hash(number),
            message_ids=[f"{partition:02x}{n:016x}"],
            blob=b"body-%d" % n,
            stream="alpha:2",
            at_ms=self.now_ms,
            state=state_value(ENROUTE_HEADER, "shop", "10690001"),
        )
        return item._replace(**changes)

    async def admit(self, *items: AdmitItem) -> list[AdmitReply | StoreError]:
        """Replies for these items, which go in one batch."""
        first = len(self.admitted)
        for item in items:
            self.admission.submit(item)
        await until(lambda: len(self.admitted) == first + len(items))
        return self.admitted[first:]

    async def codes(self, *items: AdmitItem) -> list[int]:
        return [reply.code for reply in await self.admit(*items) if isinstance(reply, AdmitReply)]

    # -- streams

    def reader(
        self, partition: int = 0, consumer: str = "node1", room: Callable[[str], int] = lambda _: 1000
    ) -> tuple[StreamReader, list[tuple[str, Entry, bool]]]:
        """A running reader and the list that it delivers into."""
        read: list[tuple[str, Entry, bool]] = []

        def deliver(stream: str, messages: list[Entry], pending: bool) -> None:
            read.extend((stream, message, pending) for message in messages)

        reader = StreamReader(self.store, partition, consumer, deliver, room)
        self._last_reader = self.run(reader.run())
        return reader, read

    async def read(self, stream: str, count: int, consumer: str = "node1") -> list[tuple[str, Entry, bool]]:
        """All messages of a stream, which must be ``count``; the consumer is gone afterwards."""
        reader, read = self.reader(keys.partition_of_key(stream), consumer)
        reader.add(stream)
        await until(lambda: len(read) >= count)
        assert len(read) == count
        self._last_reader.cancel()
        await asyncio.wait([self._last_reader])
        # Until Redis knows, it would give this consumer what comes next.
        async with asyncio.timeout(DEADLINE_S):
            while reader._name.encode() in await self.command("CLIENT", "LIST", partition=reader._partition):
                await asyncio.sleep(0.001)
        return read

    async def command(self, *command: str | bytes | int, partition: int = 0) -> Any:
        return await self.store.command(partition, *command)

    async def keys(self) -> list[str]:
        """All keys but those that every process has: the records for replay, the schema, the claim of its marks."""
        found = [key.decode() for key in await self.command("KEYS", "*")]
        return sorted(key for key in found if not any(part in key for part in (":done:", ":meta", ":hwm:")))

    # -- carriers

    def sent(self, message: tuple[str, Entry, bool], cid: str, message_id: str, context: object = None) -> None:
        stream, (entry_id, _), _ = message
        self.settlement.sent(context, stream, entry_id, "alpha", cid, mapping(message_id))

    async def receipt(self, cid: str, *, delivered: bool = True, final: bool = True) -> Correlated | StoreError:
        """Correlate a receipt and give what was reported."""
        first = len(self.correlated)
        kind = KIND_SUCCESS if delivered else KIND_FAILURE
        header = state_header(2 if delivered else 5, 0, self.now_ms) if final else b""
        self.correlation.put(cid, "alpha", cid, b"receipt-" + cid.encode(), kind, final, header)
        await until(lambda: len(self.correlated) > first)
        return self.correlated[first][1]


def mapping(message_id: str, mask: int = KIND_SUCCESS | KIND_FAILURE, account: str = "shop") -> Mapping:
    return Mapping(account, message_id, mask, b"origin-" + message_id.encode(), "10690001")


def _each(into: list[Any]) -> Callable[[list[Any], Any], None]:
    def done(items: list[Any], replies: Any) -> None:
        into.extend([replies] * len(items) if isinstance(replies, StoreError) else replies)

    return done


def _pairs(into: list[Any]) -> Callable[[list[object], Any], None]:
    def done(contexts: list[object], replies: Any) -> None:
        results = [replies] * len(contexts) if isinstance(replies, StoreError) else replies
        into.extend(zip(contexts, results, strict=True))

    return done


async def segment_replies(kit: Kit, *items: LongItem) -> list[LongReply | StoreError]:
    """Replies for segments that go in one batch."""
    first = len(kit.long_replies)
    for item in items:
        kit.long.put(item)
    await until(lambda: len(kit.long_replies) == first + len(items))
    return kit.long_replies[first:]
