"""A store with something of every kind in it, made by chance, and what must be found again wherever it was moved.

``await Scene(kit, seed).fill()`` writes through the same classes as the gateway. The process that did it, ``node1``,
has ended: some of what it had read was settled, some may be at the carrier, some was surely not sent. ``Scene.check``
looks at everything without changing it; ``Scene.dispatch`` and what follows carry on as a gateway would, once.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from smsgw.store import keys
from smsgw.store.admission import ACCEPTED
from smsgw.store.adoption import Adoption
from smsgw.store.audit import AuditEntry, AuditLog
from smsgw.store.correlation import KIND_SUCCESS, MATCHED, Correlated, SharedMapping
from smsgw.store.entries import entry_key
from smsgw.store.envelope import Envelope
from smsgw.store.facts import FactChange, FactOp
from smsgw.store.id_forms import IdFormStore
from smsgw.store.leases import Leases
from smsgw.store.long import COMPLETE, LongItem, LongReply
from smsgw.store.parked import LOT_REVIEW, Parked, lot_of_pause
from smsgw.store.queues import Queues
from smsgw.store.quota import QuotaLeases
from smsgw.store.registers import RegisterChange, RegisterStore
from smsgw.store.sharing import Target
from smsgw.store.state import MessageStatus, state_header, state_value
from smsgw.store.tallies import Tallies
from smsgw.store.versions import VersionStore
from tests.store.kit import DAY_MS, NOW_MS, Kit, mapping, segment_replies, until

ACCOUNTS = ("shop", "orders:eu", "登录")
CARRIERS = ("alpha", "beta")
LOTS = (LOT_REVIEW, lot_of_pause("account:shop"))
MINUTE_S = NOW_MS // 60_000 * 60
NODE, TOKEN = "node1", "token1"


def number(n: int) -> str:
    return f"86138{n:08}"


class Scene:
    """What was put in: ``waiting``, ``uncertain`` and ``held`` are message ids."""

    def __init__(self, kit: Kit, seed: int, size: int = 30) -> None:
        self.kit = kit
        self.chance = random.Random(seed)
        self.size = size
        self.waiting: set[str] = set()
        self.uncertain: set[str] = set()
        self.held: dict[str, int] = {}
        self.parked: dict[str, set[str]] = {lot: set() for lot in LOTS}
        self.cids: dict[tuple[str, str], tuple[str, str]] = {}
        self.early: dict[str, str] = {}
        self.states: dict[str, MessageStatus | None] = {}
        self.facts: dict[str, list[Any]] = {}
        self.counted: dict[str, bytes] = {}
        self.segments: dict[str, list[bytes]] = {}
        self.used: dict[str, dict[str, int]] = {}
        self.tallied: dict[str, dict[int, Any]] = {}
        self.out: Counter[tuple[str, bytes]] = Counter()
        self.events: Counter[bytes] = Counter()
        self.numbers = 0

    # -- filling

    async def fill(self) -> None:
        await self._mark_life()
        await self._accept()
        await self._read_some()
        await self._hold_some()
        await self._recipients()
        await self._ids_of_carriers()
        await self._for_applications()
        await self._segments()
        await self._registered()
        await self.kit.drain()
        for number_of in range(self.size):
            rhash, partition = self._place(number(number_of))
            packed = await self.kit.command("GET", keys.cap(partition, rhash), partition=partition)
            if packed:
                self.counted[number(number_of)] = packed
        for carrier in CARRIERS:
            self.tallied[carrier] = await Tallies(self.kit.store).read(carrier)
        self.events = await self._events()
        await Leases_of(self.kit).leave([])

    async def _mark_life(self) -> None:
        await Leases_of(self.kit).join([])

    def _place(self, digits: str) -> tuple[str, int]:
        recipients = self.kit.store.recipients
        return recipients.hash(digits), recipients.partition(digits, self.kit.store.partitions)

    def envelope(self, digits: str, segments: int = 1) -> Envelope:
        _, partition = self._place(digits)
        ids = []
        for _ in range(segments):
            self.numbers += 1
            ids.append(f"{partition:02x}{1_700_000_000 + self.numbers:08x}abcd{self.numbers:06x}")
        account = self.chance.choice(ACCOUNTS)
        return Envelope(ids, [b"pdu"] * segments, account, 2, digits, "10690001", "示例", [1] * segments, NOW_MS)

    def item(self, digits: str, stream: str, segments: int = 1, **changes: Any) -> Any:
        envelope = self.envelope(digits, segments)
        caps = [[b"capA", 0, 9, {}, NOW_MS, NOW_MS + DAY_MS, DAY_MS]]
        state = state_value(state_header(1), envelope.account, "10690001")
        blob = self.kit.store.sealer.seal(envelope.pack())
        status = MessageStatus(1, 0, 0, envelope.account, "10690001")
        self.states.update((each, status) for each in envelope.message_ids)
        return self.kit.item(
            digits, message_ids=envelope.message_ids, blob=blob, stream=stream, caps=caps, state=state, **changes
        )

    def stream(self) -> str:
        return keys.mt_suffix(self.chance.choice(CARRIERS), self.chance.randrange(3))

    async def _accept(self) -> None:
        while len(self.waiting) < 5 * self.size:
            stream, chance = self.stream(), self.chance
            items = [
                self.item(number(chance.randrange(self.size)), stream, chance.choice((1, 1, 3)))
                for _ in range(chance.choice((1, 2, 39, 40, 41)))
            ]
            for partition in range(self.kit.store.partitions):
                # What goes in one batch is answered in its order.
                batch = [item for item in items if int(item.message_ids[0][:2], 16) == partition]
                for item, code in zip(batch, await self.kit.codes(*batch), strict=True):
                    if code == ACCEPTED:
                        self.waiting.add(item.message_ids[0])
                    else:
                        self._refused(item)

    def _refused(self, item: Any) -> None:
        for message_id in item.message_ids:
            del self.states[message_id]

    async def _read_some(self) -> None:
        """node1 read some of each stream, said of some that they may leave, and settled some of those."""
        kit = self.kit
        for partition in range(kit.store.partitions):
            for carrier in CARRIERS:
                stream = keys.mt(partition, carrier, self.chance.randrange(3))
                count = min(await lengths(kit, stream), self.chance.randrange(90))
                if not count:
                    continue
                read = await read_some(kit, stream, count)
                marked = read[: self.chance.randrange(len(read) + 1)]
                if marked:
                    told: list[object] = []
                    kit.marks.advance(stream, marked[-1][1][0], told.append)
                    await until(lambda told=told: told)
                for message in marked:
                    first = id_of(kit, message[1][1][1])
                    if self.chance.random() < 0.5:
                        self.numbers += 1
                        cid = f"c{self.numbers}"
                        told_of = mapping(first)._replace(due=MINUTE_S)
                        kit.settlement.sent(None, stream, message[1][0], carrier, cid, told_of)
                        self.cids[carrier, cid] = ("shop", first)
                        self.waiting.discard(first)
                    else:
                        self.uncertain.add(first)
                        self.waiting.discard(first)
                await kit.drain()

    async def _hold_some(self) -> None:
        for _ in range(self.size):
            due_ms = NOW_MS + self.chance.randrange(DAY_MS)
            lot = self.chance.choice(("", "", *LOTS))
            item = self.item(number(self.chance.randrange(self.size)), "alpha:2", due_ms=due_ms, lot=lot)
            if await self.kit.codes(item) != [ACCEPTED]:
                self._refused(item)
                continue
            first = item.message_ids[0]
            self.held[first] = due_ms
            if lot:
                self.parked[lot].add(first)

    async def _recipients(self) -> None:
        ops = (FactOp.OPT_OUT, FactOp.SUBSCRIBE, FactOp.TIER, FactOp.BLACKLIST, FactOp.DEAD, FactOp.FAILED)
        changes = [
            FactChange(None, self.chance.choice(ops), number(n), self.chance.choice(("", ":a:shop")), "web", NOW_MS,
                       threshold=3, within_ms=DAY_MS, keep_ms=DAY_MS)
            for n in range(self.size) for _ in range(2)
        ]  # fmt: skip
        await self.kit.facts.write(changes)
        for n in range(self.size):
            self.facts[number(n)] = await self.kit.facts.show(number(n))

    async def _ids_of_carriers(self) -> None:
        kit = self.kit
        kit.correlation._now_ms = lambda: NOW_MS
        for n in range(self.size):
            carrier, cid, first = self.chance.choice(CARRIERS), f"s{n}", self.envelope(number(n)).message_ids[0]
            account = self.chance.choice(ACCOUNTS)
            if n % 2:
                targets = (Target(first, KIND_SUCCESS, b"origin", 0, 2),)
                kit.settlement.remember(None, carrier, cid, SharedMapping(account, "10690001", targets, MINUTE_S))
                # The other part was delivered before.
                other = SharedMapping(account, "10690001", (Target(first, KIND_SUCCESS, b"origin", 1, 2),))
                kit.settlement.remember(None, carrier, f"{cid}-other", other)
                await kit.drain()
                kit.correlation.put(None, carrier, f"{cid}-other", b"receipt", KIND_SUCCESS, True, b"")
            else:
                kit.settlement.remember(None, carrier, cid, mapping(first, account=account)._replace(due=MINUTE_S))
            kit.settlement.remember_alias(None, carrier, f"alias{n}", cid, "12345678")
            self.cids[carrier, cid] = (account, first)
            if n % 5 == 0:
                kit.correlation.put(None, carrier, f"early{n}", b"early receipt", KIND_SUCCESS, True, b"")
                self.early[f"early{n}"] = carrier
        await kit.drain()

    async def _for_applications(self) -> None:
        for account in ACCOUNTS:
            for n in range(self.chance.randrange(100)):
                fields = (b"o", b"origin%d" % n, b"r", b"receipt", b"i", b"id")
                self.kit.outbound.append(account, fields, lambda error: None)
        await self.kit.drain()
        stream = keys.out("shop", self.kit.store.partitions)
        count = await lengths(self.kit, stream)
        for message in (await read_some(self.kit, stream, count) if count else [])[: count // 2]:
            self.kit.outbound.ack(stream, message[1][0])
        await self.kit.drain()
        self.out = await self._out()
        quotas = QuotaLeases(self.kit.store)
        self.kit.run(quotas.commit.run())
        for account in ACCOUNTS:
            buckets = [("d20261122", 1000), ("m202611", 5000)]
            await quotas.lease(account, buckets, self.chance.randrange(1, 50))
            self.used[account] = await quotas.used(account, buckets)

    async def _out(self) -> Counter[tuple[str, bytes]]:
        """What applications have not taken."""
        found: Counter[tuple[str, bytes]] = Counter()
        for account in ACCOUNTS:
            stream = keys.out(account, self.kit.store.partitions)
            for entry in await Queues(self.kit.store)._first(stream, 100_000):
                found[account, bytes(entry[1][1])] += 1
        return found

    async def _segments(self) -> None:
        for n in range(self.size // 4):
            group = self.kit.long.group("shop", "10690001", number(n), 7, 3)
            _, partition = self._place(number(n))
            blobs = [b"segment-%d-%d" % (n, index) for index in (1, 2)]
            items = [LongItem(None, partition, group, at, 3, blob, NOW_MS + 60_000) for at, blob in enumerate(blobs, 1)]
            await segment_replies(self.kit, *items)
            self.segments[number(n)] = blobs

    async def _registered(self) -> None:
        registers = RegisterStore(self.kit.store)
        words = [RegisterChange(f"word{n}", {"text": f"词{n}"}) for n in range(700)]
        await registers.write("word", words, AuditEntry(NOW_MS, "lin", "word.load", "words", "a list"))
        await AuditLog(self.kit.store).append(AuditEntry(NOW_MS, "lin", "look", "", "why not"))
        await IdFormStore(self.kit.store).save("alpha", {"form": "hex"})
        await VersionStore(self.kit.store).saw_files(NODE, "digest")

    async def _events(self) -> Counter[bytes]:
        found: Counter[bytes] = Counter()
        for partition in range(self.kit.store.partitions):
            for _, fields in await self.kit.command("XRANGE", keys.events(partition), "-", "+", partition=partition):
                named = dict(zip(fields[::2], fields[1::2], strict=True))
                assert keys.spread(named[b"who"].decode(), self.kit.store.partitions) == partition
                found[b" ".join(fields)] += 1
        return found

    # -- looking

    async def check(self) -> None:
        """Everything is there, and where it is looked for."""
        kit, store = self.kit, self.kit.store
        for digits, facts in self.facts.items():
            assert await kit.facts.show(digits) == facts
        for digits, packed in self.counted.items():
            rhash, partition = self._place(digits)
            assert await kit.command("GET", keys.cap(partition, rhash), partition=partition) == packed
            assert await kit.command("PTTL", keys.cap(partition, rhash), partition=partition) > 0
        for message_id, status in self.states.items():
            found = await kit.states.query(message_id)
            assert found == status, message_id
        for first, due_ms in self.held.items():
            held = await kit.held.get(first)
            assert held is not None, first
            assert held.due_ms == due_ms
            envelope = Envelope.unpack(store.sealer.open(held.blob))
            there = [each async for each in Queues(store).held(self._place(envelope.recipient)[1])]
            assert first in dict(there), "it lies with what is known of its recipient"
        for lot, ids in self.parked.items():
            assert {each.held_id for each in await Parked(store).list(lot, 10_000)} == ids
        for carrier, tallied in self.tallied.items():
            assert await Tallies(store).read(carrier) == tallied
        assert await self._out() == self.out
        assert await self._events() == self.events
        quotas = QuotaLeases(store)
        for account, used in self.used.items():
            assert await quotas.used(account, [(name, 0) for name in used]) == used
        assert len(await RegisterStore(store).read("word")) == 700
        assert not (await AuditLog(store).verify()).faults
        assert await IdFormStore(store).load() == {"alpha": {"form": "hex"}}
        assert await VersionStore(store).files_seen(NODE) == "digest"
        assert sorted(each.message_ids[0] for each in await waiting_of(kit)) == sorted(self.waiting | self.uncertain)

    # -- carrying on

    async def dispatch(self) -> None:
        """Another process takes over: what may be at a carrier, and only that, is told apart; all of it comes once."""
        kit = self.kit
        leases = Leases(kit.store, "node2")
        turn = await leases.join([])
        assert (NODE, TOKEN) in turn.dead
        assert await leases.seize(NODE, TOKEN)
        adoption, uncertain = Adoption(kit.store, leases.token), set()
        for partition in range(kit.store.partitions):
            streams = [keys.mt(partition, carrier, lane) for carrier in CARRIERS for lane in range(3)]
            taken = await adoption.take_over(partition, NODE, TOKEN, streams)
            for stream, messages, mark in taken.uncertain:
                for entry_id, fields in messages:
                    assert entry_key(entry_id) <= entry_key(mark)
                    uncertain.add(id_of(kit, fields[1]))
                    kit.settlement.done(None, stream, entry_id)
        assert uncertain == self.uncertain
        await kit.drain()
        seen: Counter[str] = Counter()
        for partition in range(kit.store.partitions):
            assert await adoption.end(partition, NODE, TOKEN, [keys.mt(partition, "alpha", 0)]) == 0
            for stream in [keys.mt(partition, carrier, lane) for carrier in CARRIERS for lane in range(3)]:
                count = await lengths(kit, stream)
                for _, (entry_id, fields), pending in await kit.read(stream, count, "node2") if count else ():
                    assert not pending
                    envelope = Envelope.unpack(kit.store.sealer.open(fields[1]))
                    assert self._place(envelope.recipient)[1] == partition
                    seen[envelope.message_ids[0]] += 1
                    kit.settlement.done(None, stream, entry_id)
        await leases.forget(NODE, TOKEN)
        assert seen == Counter(self.waiting)
        await kit.drain()
        assert not await waiting_of(kit)

    async def receipts(self) -> None:
        """Each receipt finds its message; the last part of one ends it; early ones are met; all are passed on.

        Nothing is missing then, on either side.
        """
        kit = self.kit
        expected = Counter(account for account, _ in (await self._out()).elements())
        expected.update(account for account, _ in self.cids.values())
        expected["shop"] += len(self.early)
        for (carrier, cid), (account, first) in self.cids.items():
            found = await correlated(kit, carrier, cid)
            assert (found.outcome, found.account, found.message_id) == (MATCHED, account, first), cid
            if found.told is not None:
                assert found.told == (first,), "the other part was delivered before"
        for cid, carrier in self.early.items():
            first = len(kit.settled)
            kit.settlement.remember(None, carrier, cid, mapping("00" + "0" * 18))
            await until(lambda first=first: len(kit.settled) > first)
            settled: Any = kit.settled[first][1]
            assert [each.blob for each in settled.early] == [b"early receipt"]
        await kit.drain()
        assert Counter(account for account, _ in (await self._out()).elements()) == expected
        for carrier in CARRIERS:
            assert await Tallies(kit.store).read(carrier) == {}

    async def held_and_long(self) -> None:
        """Found by id and cancelled, once; completed by the last segment."""
        kit = self.kit
        for first in self.held:
            value = state_value(state_header(4, 0, NOW_MS), "shop", "10690001")
            assert await kit.held.cancel(first, [(first, value)]) is not None
            assert await kit.held.cancel(first) is None
            status = await kit.states.query(first)
            assert status is not None
            assert status.message_state == 4
        for digits, blobs in self.segments.items():
            group = kit.long.group("shop", "10690001", digits, 7, 3)
            _, partition = self._place(digits)
            last = LongItem(None, partition, group, 3, 3, b"last", NOW_MS + 60_000)
            assert await segment_replies(kit, last) == [LongReply(COMPLETE, (*blobs, b"last"))]


def Leases_of(kit: Kit) -> Leases:  # noqa: N802 - stands for the class
    leases = Leases(kit.store, NODE)
    leases.token = TOKEN
    return leases


def id_of(kit: Kit, blob: bytes) -> str:
    return Envelope.unpack(kit.store.sealer.open(blob)).message_ids[0]


async def lengths(kit: Kit, stream: str) -> int:
    return int(await kit.command("HGET", keys.part(stream), "n", partition=keys.partition_of_key(stream)) or 0)


async def waiting_of(kit: Kit) -> list[Envelope]:
    """Every message of every stream that is not settled."""
    queues = Queues(kit.store)
    return [each for carrier in CARRIERS for lane in range(3) for each in await queues.first(carrier, lane, 1_000_000)]


async def read_some(kit: Kit, stream: str, count: int) -> list[Any]:
    """The first messages of a stream, read by node1 and pending; whole entries, so it may be some more."""
    partition = keys.partition_of_key(stream)
    reader, read = kit.reader(partition, NODE, lambda _: max(0, count - len(read)))
    reader.add(stream)
    await until(lambda: len(read) >= count)
    task = kit._last_reader
    task.cancel()
    await until(task.done)
    return read


async def correlated(kit: Kit, carrier: str, cid: str) -> Correlated:
    first = len(kit.correlated)
    kit.correlation.put(None, carrier, cid, b"receipt", KIND_SUCCESS, True, b"")
    await until(lambda: len(kit.correlated) > first)
    found = kit.correlated[first][1]
    assert isinstance(found, Correlated)
    return found
