"""Long messages: decided once, answered once, reported before they are forgotten; a store that is away ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.errors import StoreAway, StoreRefused
from smsgw.esme.account import Account, AccountSettings
from smsgw.gateway import long_messages, refuser
from smsgw.gateway.account_rules import Way
from smsgw.gateway.local_reports import LocalReports
from smsgw.gateway.long_messages import LongMessages
from smsgw.gateway.mt import MtJourney
from smsgw.gateway.refuser import Refuser
from smsgw.gateway.reports import unpack_report
from smsgw.gateway.submission import Part, Segment
from smsgw.policy.model import Refusal
from smsgw.policy.reasons import SIGNATURE_MISSING
from smsgw.smpp.constants import CommandId, MessageState
from smsgw.smpp.pdu import submit_sm
from smsgw.smpp.udh import Concat
from smsgw.store.admission import ACCEPTED, FORBIDDEN, GONE, AdmitItem, AdmitReply
from smsgw.store.long import COMPLETE, INCOMPLETE, REPLACED, LongGroup, LongItem, LongReply
from smsgw.store.seal import SealError
from smsgw.telemetry.metrics import Metrics

NOW_MS = 1_800_000_000_000
GROUP = "shop:hash:ref"
SUBMIT = int(CommandId.SUBMIT_SM)


class Sender:
    """A session that counts what it is told."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.unanswered = 1
        self.now_s = 0.0
        self.answers = 0
        self.refusals = 0

    def answer(self, raw: bytes) -> None:
        self.answers += 1

    def refuse(self, command_id: int, sequence_number: int, refusal: Refusal) -> None:
        self.refusals += 1


class World:
    """The journey with a store that does nothing by itself. ``verdict``: what the rules say."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.verdict: Refusal | None = None
        self.put: list[LongItem] = []
        self.admits: list[AdmitItem] = []
        self.receipts: list[tuple[str, tuple[Any, ...], Callable[[Any], None]]] = []
        self.dropped: list[str] = []
        self.aside: list[str] = []
        self.away = False
        self.account = Account(AccountSettings("shop", "", 2))
        route = SimpleNamespace(carriers=("alpha",), name="all")
        rules = SimpleNamespace(
            name="shop",
            rules=Rules(self, route),
            has_quota=False,
            test_numbers=(),
            way=lambda draft, carrier, streams: Way(streams[carrier][draft.lane]),
        )
        store = SimpleNamespace(
            partitions=1,
            recipients=SimpleNamespace(hash=str, partition_of_hash=lambda rhash, partitions: 0),
            sealer=SimpleNamespace(seal=bytes, open=self.open),
        )
        self.context: Any = SimpleNamespace(
            carrier_pdus=None,
            records=SimpleNamespace(append=lambda row: None),
            clock=SimpleNamespace(now_ms=lambda: NOW_MS, after_ms=lambda seconds: NOW_MS + round(seconds * 1000)),
            settings=SimpleNamespace(early_answer_s=0.3, long_expire_s=60.0, max_validity_s=3600.0, queue_limit=10),
            metrics=Metrics("0", str),
            store=store,
            store_up=True,
            closing=False,
            accounts={"shop": self.account},
            rules={"shop": rules},
            choice=SimpleNamespace(first=lambda carriers, province="", suits=None: carriers[0]),
            stream_names={"alpha": ("alpha:0", "alpha:1", "alpha:2")},
            log=lambda event, fields: None,
            spawn=lambda work: self.spawn(tasks, work),
            outbound=SimpleNamespace(append=lambda *each: self.receipts.append(each)),
            admission=SimpleNamespace(submit=self.admits.append),
            long=SimpleNamespace(
                group=lambda *parts: GROUP, put=self.put.append, drop=self.drop, put_aside=self.put_aside
            ),
        )
        reports = LocalReports(self.context)
        refuser = Refuser(self.context, reports)
        self.mt = MtJourney(self.context, refuser, SimpleNamespace(takes=lambda *_: False))  # type: ignore[arg-type]
        self.long = self.mt.long_messages = refuser.long_messages = LongMessages(self.context, self.mt, reports)

    @staticmethod
    def spawn(tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> None:
        tasks.create_task(work)

    @staticmethod
    def open(sealed: bytes) -> bytes:
        if sealed == b"?":
            raise SealError("sealed with unknown key 7")
        return sealed

    async def drop(self, partition: int, group: str) -> None:
        if self.away:
            raise StoreAway("no answer")
        self.dropped.append(group)

    async def put_aside(self, partition: int, group: str) -> None:
        self.aside.append(group)

    def segment(self, index: int, text: bytes = b"x") -> Sender:
        """An application sends one of two segments."""
        sender = Sender(self.account)
        pdu = submit_sm(0, source_addr=b"1069", destination_addr=b"8613800000001", short_message=text)
        part = Part(sender, SUBMIT, index, f"00{len(self.put):018x}", 0, pdu)
        segment = Segment("1069", "8613800000001", NOW_MS, 0, 0, "")
        self.long.take(part, Concat(1, 2, index), self.account, 0, segment)
        return sender

    def complete(self) -> tuple[Sender, Sender]:
        """Both segments are there; the first was answered early."""
        first, second = self.segment(1), self.segment(2)
        self.long.stored([self.put[0]], [LongReply(INCOMPLETE)])
        self.long.tick(1.0)
        assert first.answers == 1
        self.long.stored([self.put[1]], [LongReply(COMPLETE, tuple(item.blob for item in self.put))])
        return first, second

    def group(self, complete: bool) -> LongGroup:
        return LongGroup(GROUP, [(n, item.blob) for n, item in enumerate(self.put, 1)], complete)

    def states(self) -> list[int]:
        return [unpack_report(fields[3]).message_state for _, fields, _ in self.receipts]


class Rules:
    """Compiled rules with one verdict for everything."""

    def __init__(self, world: World, route: Any) -> None:
        self._world = world
        self._route = route
        self.other_carrier = SimpleNamespace(any_differ=False)

    def __call__(self, draft: Any) -> Refusal | None:
        draft.route, draft.carriers = self._route, self._route.carriers
        return self._world.verdict


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with asyncio.TaskGroup() as tasks:
        yield World(tasks)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_message_decided_before_gets_no_second_verdict(world: World) -> None:
    first, second = world.complete()
    world.mt.admitted(world.admits, [AdmitReply(GONE)])
    assert world.receipts == []
    assert (first.answers, second.answers, second.refusals) == (1, 1, 0)


async def test_the_sweep_leaves_alone_what_is_being_decided(world: World) -> None:
    world.complete()
    await world.long._over(0, world.group(complete=True))
    assert len(world.admits) == 1
    world.mt.admitted(world.admits, [AdmitReply(ACCEPTED)])
    await world.long._over(0, world.group(complete=True))
    assert len(world.admits) == 2


async def test_a_refusal_while_the_store_goes_away_ends_no_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_messages, "EXPIRE_PERIOD_S", 0.0)
    world.verdict = Refusal(SIGNATURE_MISSING, "", None)
    world.away = True
    world.complete()
    assert world.states() == [MessageState.REJECTED]
    await turns()
    assert world.dropped == []
    world.receipts[0][2](None)
    await turns()
    world.away = False
    await turns()
    assert world.dropped == [GROUP]


async def test_an_incomplete_message_is_forgotten_after_its_receipts(world: World) -> None:
    world.segment(1)
    await world.long._over(0, world.group(complete=False))
    assert (world.aside, world.receipts) == ([GROUP], [])
    aside = world.group(complete=False)._replace(group=f"{GROUP}~1")
    await world.long._over(0, aside)
    await world.long._over(0, aside)
    await turns()
    assert world.states() == [MessageState.EXPIRED]
    assert world.dropped == []
    world.receipts[0][2](None)
    await turns()
    assert world.dropped == [aside.group]


@pytest.mark.parametrize("blob", [b"?", b"\xc1", b"\x93\x01\x02\x03", b"\x94\x01\x02\x03\x04"])
async def test_unreadable_segments_end_nothing(world: World, blob: bytes) -> None:
    world.segment(1)
    world.long.stored([world.put[0]], [LongReply(COMPLETE, (blob,))])
    await world.long._over(0, LongGroup("shop:other:ref", [(1, blob)], True))
    assert world.admits == []


async def test_at_shutdown_a_complete_message_stays_for_the_next_life(world: World) -> None:
    world.context.closing = True
    first, second = world.complete()
    assert (first.answers, second.answers, second.refusals) == (1, 1, 0)
    assert world.receipts == []


async def test_a_refused_message_is_kept_until_what_was_promised_is_reported(world: World) -> None:
    """Its first segment was answered ESME_ROK: whoever dies before the receipt leaves it to others to decide."""
    first, second = world.complete()
    assert world.admits[0].keep_group
    world.mt.admitted(world.admits, [AdmitReply(FORBIDDEN, "o")])
    assert (first.refusals, second.refusals, world.dropped) == (0, 1, [])
    assert world.states() == [MessageState.REJECTED]
    world.receipts[0][2](None)
    await asyncio.sleep(0)
    assert world.dropped == [GROUP]


async def test_what_was_promised_stays_until_the_store_takes_its_receipt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refuser, "REPORT_RETRY_S", 0.0)
    world.complete()
    world.mt.admitted(world.admits, [AdmitReply(FORBIDDEN, "o")])
    world.receipts[0][2](StoreRefused("NOPERM"))
    async with asyncio.timeout(5):
        while len(world.receipts) < 2:
            await asyncio.sleep(0)
    assert world.dropped == []
    world.receipts[1][2](None)
    await asyncio.sleep(0)
    assert (world.states(), world.dropped) == ([MessageState.REJECTED] * 2, [GROUP])


async def test_of_a_message_that_was_not_promised_nothing_is_kept(world: World) -> None:
    senders = world.segment(1), world.segment(2)
    world.long.stored([world.put[1]], [LongReply(COMPLETE, tuple(item.blob for item in world.put))])
    assert not world.admits[0].keep_group
    world.mt.admitted(world.admits, [AdmitReply(FORBIDDEN, "o")])
    assert [sender.refusals for sender in senders] == [1, 1]
    assert (world.receipts, world.dropped) == ([], [])  # the store's script has deleted it


async def test_a_group_whose_receipt_was_refused_is_found_again(world: World) -> None:
    world.segment(1)
    world.context.accounts.clear()
    aside = world.group(complete=False)._replace(group=f"{GROUP}~1")
    for refused in (StoreRefused("WRONGTYPE"), None):
        await world.long._over(0, aside)
        world.receipts[-1][2](refused)
        await asyncio.sleep(0)
    assert (len(world.receipts), world.dropped) == (2, [aside.group])


async def test_the_segment_of_another_message_does_not_vanish(world: World) -> None:
    first, again, other = world.segment(1, b"one"), world.segment(1, b"one"), world.segment(1, b"two")
    world.long.stored([world.put[1]], [LongReply(REPLACED, (world.put[0].blob,), "shop:x~1")])
    assert (first.answers, world.receipts) == (1, [])
    world.long.stored([world.put[2]], [LongReply(REPLACED, (world.put[1].blob,), "shop:x~2")])
    assert again.answers == 1
    assert world.states() == [MessageState.EXPIRED]
    assert other.answers == 0
