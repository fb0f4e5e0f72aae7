"""A carrier's queue: what is read, marked, sent, throttled, kept together and moved away; with fakes all around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from smsgw.carrier.settings import CarrierSettings
from smsgw.errors import StoreAway
from smsgw.gateway import queue_memory
from smsgw.gateway.dispatch import CarrierQueue
from smsgw.gateway.lanes import SEGMENTS_LOST_S, Flight, Job
from smsgw.gateway.queue_memory import MIN_BUFFER
from smsgw.policy.references import ReferenceShare
from smsgw.policy.shaping import Throttle, TokenBucket
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from smsgw.store.envelope import HAS_TURN, Envelope
from smsgw.store.marks import ReadElsewhere

STREAMS = ("otp", "notice", "marketing")
NEVER = (0, 0, 0)


class Bind:
    """A bind of the carrier; ``sent`` are (text, flight) in order."""

    def __init__(self, pool: FakePool, free: int) -> None:
        self.pool, self.free, self.up = pool, free, True
        self.leased = True
        self.window = free
        self.bucket = None if pool.bind_rate is None else TokenBucket(pool.bind_rate)
        self.sequence = 0

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def submit(self, raw: bytes, sequence_number: int, flight: Flight) -> None:
        assert self.free > 0
        assert pdu.HEADER.unpack_from(raw)[1:] == (CommandId.SUBMIT_SM, 0, sequence_number)
        self.free -= 1
        self.pool.sent.append((self, pdu.Sm(raw), flight))


class FakePool:
    """Two binds with room for ``free`` each, and a rate."""

    def __init__(self, free: int, rate: float, binds: int, **settings: Any) -> None:
        self.name = "alpha"
        self.settings = CarrierSettings(
            "alpha", "h", 1, "s", "p", binds=("transceiver",) * binds, window=free, **settings
        )
        self.throttle = Throttle(rate, rate)
        self.sent: list[tuple[Bind, pdu.Sm, Flight]] = []
        self.bind_rate = self.settings.bind_rate_per_s
        self.binds = [Bind(self, free) for _ in range(binds)]
        self.window_total = free * binds
        self.filled = 0
        self.share = 1.0
        self.up = True
        self.elsewhere = False
        self.down_since_s: float | None = None

    def pick(self, now_s: float) -> Bind | None:
        free = [
            bind for bind in self.binds if bind.free and bind.up and not (bind.bucket and bind.bucket.wait_s(1, now_s))
        ]
        return max(free, key=lambda bind: bind.free) if free else None

    def bind_wait_s(self, now_s: float) -> float:
        waits = [bind.bucket.wait_s(1, now_s) for bind in self.binds if bind.bucket and bind.free]
        return min(waits, default=0.0)

    def window_full(self) -> None:
        self.filled += 1

    def texts(self) -> list[str]:
        return [sm.short_message.decode() for _, sm, _ in self.sent]


class Scene:
    """The queue with its surroundings. Marks are durable at once unless ``hold_marks``."""

    def __init__(self, free: int = 10, rate: float = 1000.0, binds: int = 1, **settings: Any) -> None:
        self.pool = FakePool(free, rate, binds, **settings)
        self.marks: list[tuple[str, bytes, Callable[[Any], None]]] = []
        self.hold_marks = False
        self.sent_events: list[tuple[str, int]] = []
        self.moved: list[str] = []
        self.uncertain: list[str] = []
        self.requeued: list[str] = []
        self.ended: list[str] = []
        self.resend = True
        self.put_off: list[tuple[str, float]] = []
        self.context = SimpleNamespace(
            carrier_pdus=None,
            store=SimpleNamespace(sealer=SimpleNamespace(open=lambda blob: blob)),
            clock=SimpleNamespace(now_ms=lambda: 0),
            marks=SimpleNamespace(advance=self._advance),
            wake_readers=lambda: None,
            wall_s=lambda: 0.0,
            settings=SimpleNamespace(otp_limit_s=0.0),
            closing=False,
            health=SimpleNamespace(troubled=False),
            reference_share=ReferenceShare(),
            log=lambda event, fields: None,
        )
        outcomes = SimpleNamespace(
            is_over=lambda queue, job: False,
            sent=lambda queue, bind, flight: None,
            resend_uncertain=self._resend_uncertain,
            reroute=self._reroute,
            requeue=lambda queue, job: self.requeued.append(job.envelope.message_ids[0]),
            carrier_gone=lambda queue, job, why: self.ended.append(job.envelope.message_ids[0]),
            put_off=lambda job, delay_s: self.put_off.append((job.envelope.message_ids[0], delay_s)),
        )
        self.leaving: set[str] = set()
        last_look = SimpleNamespace(
            stops=lambda queue, job, turn: False,
            leaves=lambda queue, job: job.envelope.message_ids[0] in self.leaving,
        )
        self.queue = CarrierQueue(
            cast(Any, self.context), cast(Any, self.pool), cast(Any, outcomes), cast(Any, last_look)
        )
        for lane, stream in enumerate(STREAMS):
            self.queue.add_stream(stream, lane)
        self._entries = 0

    def _advance(self, stream: str, target: bytes, durable: Callable[[Any], None]) -> None:
        if self.hold_marks:
            self.marks.append((stream, target, durable))
        else:
            durable(None)

    def _resend_uncertain(self, queue: CarrierQueue, job: Job) -> bool:
        self.uncertain.append(job.envelope.message_ids[0])
        return self.resend

    def _reroute(self, queue: CarrierQueue, job: Job, why: str, only_up: bool = False, cause: str = "") -> bool:
        self.moved.append(job.envelope.message_ids[0])
        return True

    async def arrives(self, lane: int, *texts: str, pending: bool = False, mark: tuple[int, int, int] = NEVER) -> None:
        """Messages read from a stream, one segment for each character after the first ``+``: ``a`` or ``a+3``."""
        entries = []
        for text in texts:
            self._entries += 1
            name, _, parts = text.partition("+")
            names = [name] if not parts else [f"{name}{index}" for index in range(1, int(parts) + 1)]
            entries.append((b"%d-0" % self._entries, [b"m", envelope(names, lane).pack()]))
        self.queue.arrived(STREAMS[lane], lane, entries, pending, mark)
        await turns()


def envelope(texts: list[str], lane: int) -> Envelope:
    pdus = [
        pdu.submit_sm(0, source_addr=b"1", destination_addr=b"8613800000000", short_message=text.encode())
        for text in texts
    ]
    count = len(pdus)
    return Envelope(
        texts,
        pdus,
        "shop",
        lane,
        "8613800000000",
        "1",
        "",
        [1] * count,
        0,
        0,
        0,
        0,
        count,
        ["alpha", "beta"],
        None,
        0,
        0,
    )


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_nothing_is_sent_before_the_mark_is_durable() -> None:
    scene = Scene(free=2)
    scene.hold_marks = True
    await scene.arrives(1, "a", "b", "c")
    assert scene.pool.sent == []
    ((stream, target, durable),) = scene.marks
    assert (stream, target) == ("notice", b"2-0")  # a window's worth
    durable(None)
    await turns()
    assert scene.pool.texts() == ["a", "b"]


async def test_a_mark_that_the_store_refused_is_asked_for_again() -> None:
    scene = Scene()
    scene.hold_marks = True
    await scene.arrives(1, "a")
    scene.marks.pop()[2](StoreAway("gone"))
    await turns()
    assert scene.pool.sent == []
    scene.hold_marks = False
    scene.queue.pump_soon()
    await turns()
    assert scene.pool.texts() == ["a"]


async def test_what_a_master_gave_that_was_cut_off_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(free=1)
    doubts: list[bool] = []
    scene.context.mt_readers = [SimpleNamespace(doubt=lambda: doubts.append(True))]
    monkeypatch.setattr(queue_memory, "partition_of_key", lambda _stream: 0)
    scene.hold_marks = True
    await scene.arrives(1, "a", "b", "c")
    scene.marks.pop()[2](None)
    await turns()
    scene.marks.pop()[2](ReadElsewhere("not pending here"))
    await turns()
    assert doubts == [True]
    assert scene.queue.unmarked("notice") == {b"2-0", b"3-0"}
    scene.queue.forget("notice", {b"2-0"})
    scene.hold_marks = False
    scene.pool.binds[0].free = 5
    scene.queue.pump_soon()
    await turns()
    assert scene.pool.texts() == ["a", "c"]


async def test_a_mark_that_comes_after_the_end_of_its_message_costs_the_others_no_second() -> None:
    """What it should reach was taken out of the queue and settled while it was on its way."""
    scene = Scene(free=2)
    doubts: list[bool] = []
    scene.context.mt_readers = [SimpleNamespace(doubt=lambda: doubts.append(True))]
    scene.hold_marks = True
    await scene.arrives(1, "a", "b", "c")
    ((_, target, durable),) = scene.marks
    assert target == b"2-0"
    scene.queue.order(False, lambda _queue, job: job.envelope.message_ids == ["b"])
    await turns()
    scene.hold_marks = False
    durable(ReadElsewhere("not pending here"))
    await turns()
    assert scene.pool.texts() == ["a", "c"]
    assert doubts == []


async def test_codes_go_before_notices_before_marketing() -> None:
    scene = Scene(free=4)
    scene.pool.binds[0].free = 0
    await scene.arrives(2, "m1", "m2")
    await scene.arrives(1, "n1", "n2")
    await scene.arrives(0, "o1", "o2")
    scene.pool.binds[0].free = 5
    scene.queue.pump_soon()
    await turns()
    assert scene.pool.texts() == ["o1", "o2", "n1", "n2", "m1"]


async def test_what_comes_back_goes_before_anything_newer() -> None:
    scene = Scene(free=3)
    await scene.arrives(1, "a", "b", "c", "d", "e")
    assert scene.pool.texts() == ["a", "b", "c"]
    for _, _, flight in (scene.pool.sent[2], scene.pool.sent[0]):  # refused in another order
        scene.queue.send_again(flight.job, flight.index)
    scene.pool.binds[0].free = 4
    await turns()
    assert scene.pool.texts() == ["a", "b", "c", "a", "c", "d", "e"]


async def test_the_rate_stops_the_queue_until_it_allows_the_next(monkeypatch: Any) -> None:
    scene = Scene(free=10, rate=2.0)
    waits: list[float] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_later", lambda delay, call, *args: waits.append(delay), raising=False)
    await scene.arrives(1, "a", "b", "c", "d")
    assert scene.pool.texts() == ["a", "b"]
    (wait_s,) = waits
    assert 0 < wait_s <= 0.5


async def test_the_segments_of_a_message_stay_on_one_bind_in_order() -> None:
    scene = Scene(free=2, binds=2)
    await scene.arrives(1, "x+5", "y")
    first = scene.pool.sent[0][0]
    assert scene.pool.texts() == ["x1", "x2", "y"]
    assert scene.pool.sent[2][0] is not first
    first.free = 2
    scene.queue.pump_soon()
    await turns()
    first.free = 2
    scene.queue.pump_soon()
    await turns()
    assert scene.pool.texts() == ["x1", "x2", "y", "x3", "x4", "x5"]
    assert {bind for bind, sm, _ in scene.pool.sent if sm.short_message.startswith(b"x")} == {first}


async def test_a_segment_that_comes_back_goes_over_the_bind_of_the_others_while_that_has_room() -> None:
    scene = Scene(free=4, binds=2)
    await scene.arrives(1, "x+3")
    first = scene.pool.sent[0][0]
    assert [bind for bind, _, _ in scene.pool.sent] == [first] * 3
    second = next(bind for bind in scene.pool.binds if bind is not first)
    job = scene.pool.sent[1][2].job
    first.free += 1  # answered: too fast
    assert first.free < second.free
    scene.queue.send_again(job, 1)
    await turns()
    assert (scene.pool.sent[3][0], scene.pool.texts()[3]) == (first, "x2")
    first.free = 0  # full: better over the other one than not at all
    scene.queue.send_again(job, 1)
    await turns()
    assert (scene.pool.sent[4][0], scene.pool.texts()[4]) == (second, "x2")


async def test_the_rest_of_a_message_whose_bind_went_takes_another() -> None:
    scene = Scene(free=2, binds=2)
    scene.pool.binds[1].free = 0
    await scene.arrives(1, "x+3")
    first, second = scene.pool.binds
    first.up, first.free, second.free = False, 0, 2
    scene.queue.bind_lost(cast(Any, first))
    scene.queue.pump_soon()
    await turns()
    assert scene.pool.texts() == ["x1", "x2", "x3"]
    assert scene.pool.sent[2][0] is second


async def test_the_company_number_of_a_carrier_replaces_the_applications() -> None:
    scene = Scene(source_number="10690000")
    await scene.arrives(1, "a")
    assert scene.pool.sent[0][1].source_addr == b"10690000"


async def test_after_a_crash_only_what_the_mark_had_passed_is_uncertain() -> None:
    scene = Scene()
    await scene.arrives(0, "a", "b", "c", pending=True, mark=(2, 0, 0))
    assert scene.uncertain == ["a", "b"]
    assert scene.pool.texts() == ["a", "b", "c"]


async def test_what_is_uncertain_and_not_resent_ends_there() -> None:
    scene = Scene()
    scene.resend = False
    await scene.arrives(1, "a", "b", "c", pending=True, mark=(2, 0, 0))
    assert scene.pool.texts() == ["c"]


async def test_what_waits_leaves_a_troubled_carrier_though_its_window_is_full() -> None:
    scene = Scene(free=0)
    await scene.arrives(1, "a", "b")
    scene.leaving = {"a", "c"}
    scene.queue.tick()
    assert scene.queue.waiting == [0, 2, 0]
    scene.context.health.troubled = True
    await scene.arrives(1, "c", "d")
    assert scene.queue.waiting == [0, 3, 0]
    scene.queue.tick()
    assert scene.queue.waiting == [0, 2, 0]


async def test_while_the_carrier_is_down_nothing_is_read_until_it_is_time_to_fail_over() -> None:
    scene = Scene(failover_after_s=5.0)
    now_s = asyncio.get_running_loop().time()
    assert scene.queue.room("notice") == MIN_BUFFER
    scene.pool.up, scene.pool.down_since_s = False, now_s
    assert scene.queue.room("notice") == 0
    await scene.arrives(1, "a", "b")
    scene.queue.tick()
    await turns()
    assert (scene.moved, scene.pool.sent) == ([], [])
    scene.pool.down_since_s = now_s - 6
    assert scene.queue.room("notice") > 0
    scene.queue.tick()
    await turns()
    assert (scene.moved, scene.pool.sent) == (["a", "b"], [])


async def test_a_message_that_is_partly_sent_does_not_move() -> None:
    scene = Scene(free=1, failover_after_s=5.0)
    await scene.arrives(1, "x+2", "y")
    (bind,) = scene.pool.binds
    bind.up, bind.free = False, 0
    scene.queue.bind_lost(cast(Any, bind))
    scene.pool.up, scene.pool.down_since_s = False, asyncio.get_running_loop().time() - 6
    scene.queue.tick()
    await turns()
    assert scene.moved == ["y"]
    assert scene.ended == []


async def test_the_rest_of_a_message_ends_when_its_carrier_has_dropped_what_it_had() -> None:
    scene = Scene(free=1, failover_after_s=5.0)
    await scene.arrives(1, "x+2")
    (bind,) = scene.pool.binds
    bind.up, bind.free = False, 0
    scene.queue.bind_lost(cast(Any, bind))
    scene.pool.up, scene.pool.down_since_s = False, asyncio.get_running_loop().time() - SEGMENTS_LOST_S - 1
    (job,) = (job for lane in scene.queue._memory.lanes for job in [lane.pop()] if job is not None)
    job.begun_s -= SEGMENTS_LOST_S + 1
    scene.queue.put_back(job)
    scene.queue.tick()
    await turns()
    assert scene.ended == ["x1"]


async def test_each_bind_keeps_to_its_own_rate_and_the_others_go_on() -> None:
    scene = Scene(free=10, binds=2, bind_rate_per_s=2.0)
    await scene.arrives(1, *"abcdefgh")
    assert scene.pool.texts() == ["a", "b", "c", "d"]
    assert sorted(bind.free for bind in scene.pool.binds) == [8, 8]
    assert scene.pool.filled == 0


async def test_a_payload_larger_than_what_a_bind_may_send_waits_whole() -> None:
    scene = Scene(free=10, bind_rate_per_s=4.0)
    message = envelope(["a"], 1)
    message.segments = 3
    entries = [(b"1-0", [b"m", message.pack()]), (b"2-0", [b"m", message.pack()])]
    scene.queue.arrived(STREAMS[1], 1, entries, False, NEVER)
    await turns()
    assert scene.pool.texts() == ["a"]
    assert scene.queue.plan.take(1, 997, asyncio.get_running_loop().time()) == 0.0  # what did not go was given back


async def test_an_account_over_its_rate_holds_up_nobody_else_and_is_put_off_in_order() -> None:
    scene = Scene(free=50, account_rates={"shop": 2.0})
    for name in "abcdefghij":
        await scene.arrives(2, name)
    other = envelope(["other"], 2)
    other.account = "orders"
    scene.queue.arrived(STREAMS[2], 2, [(b"90-0", [b"m", other.pack()])], False, NEVER)
    await turns()
    # Two at once, four in the line, the rest put off, each half a second behind the one before.
    assert scene.pool.texts() == ["a", "b", "other"]
    assert [name for name, _ in scene.put_off] == ["g", "h", "i", "j"]
    delays = [delay_s for _, delay_s in scene.put_off]
    assert delays == sorted(delays)
    assert 2.0 < delays[0] < 3.0
    assert 1.4 < delays[3] - delays[0] < 1.6


async def test_a_process_with_half_of_the_binds_has_half_of_an_accounts_rate() -> None:
    scene = Scene(free=50, account_rates={"shop": 4.0})
    scene.pool.share = 0.5
    scene.queue.tick()
    await scene.arrives(2, *"abcdef")
    assert scene.pool.texts() == ["a", "b"]


async def test_who_comes_back_for_its_turn_is_not_put_off_again() -> None:
    scene = Scene(free=50, account_rates={"shop": 2.0})
    await scene.arrives(2, *"abcdefgh")
    assert [name for name, _ in scene.put_off] == ["g", "h"]
    back = envelope(["g"], 2)
    back.flags |= HAS_TURN
    scene.queue.arrived(STREAMS[2], 2, [(b"8-1", [b"m", back.pack()])], False, NEVER)
    await scene.arrives(2, "i")
    assert [name for name, _ in scene.put_off] == ["g", "h", "i"]


async def test_lines_of_accounts_are_given_back_with_the_rest() -> None:
    scene = Scene(free=50, account_rates={"shop": 1.0})
    await scene.arrives(2, *"abc")
    requeued: list[str] = []
    cast(Any, scene.queue)._outcomes.requeue = lambda queue, job: requeued.append(job.envelope.message_ids[0])
    scene.queue.give_back()
    assert requeued == ["b", "c"]


async def test_requests_of_the_window_stay_free_for_codes() -> None:
    scene = Scene(free=10, reserved=(0.3, 0.0, 0.0))
    await scene.arrives(0, "code1")
    await scene.arrives(2, *"abcdefghijkl")
    assert scene.pool.texts() == ["code1", *"abcdef"]
    assert scene.pool.filled > 0
    await scene.arrives(0, "code2", "code3")
    assert scene.pool.texts()[7:] == ["code2", "code3"]


async def test_a_lane_whose_oldest_message_waits_too_long_is_served_a_little() -> None:
    scene = Scene(free=1)
    scene.pool.binds[0].free = 0
    await scene.arrives(2, "old")
    scene.context.wall_s = lambda: 100.0
    scene.queue.tick()
    await scene.arrives(0, *(f"code{number}" for number in range(60)))
    assert scene.queue.plan.aged == [False, False, True]
    for _ in range(30):
        scene.pool.binds[0].free = 1
        scene.queue.pump_soon()
        await turns()
    assert scene.pool.texts().index("old") in range(15, 25)


async def test_what_a_dead_process_may_have_written_is_resent_or_reported_and_the_rest_goes_back() -> None:
    scene = Scene()
    scene.resend = False
    blobs = [[b"m", envelope([text], 1).pack()] for text in ("a", "b", "c")]
    entries = [(b"5-0:%d" % number, blob) for number, blob in enumerate(blobs)]
    scene.queue.taken_over("notice", 1, entries, (5, 0, 1))
    await turns()
    assert (scene.uncertain, scene.requeued, scene.pool.sent) == (["a", "b"], ["c"], [])
    scene.resend = True
    scene.queue.taken_over("notice", 1, entries[:1], (5, 0, 1))
    assert scene.requeued == ["c", "a"]


async def test_without_a_bind_of_its_own_everything_goes_back_for_those_who_have_one() -> None:
    scene = Scene(free=2)
    await scene.arrives(1, "a", "b", "c", "d")
    assert scene.pool.texts() == ["a", "b"]
    scene.pool.up = False
    scene.queue.hand_over()
    assert scene.requeued == ["c", "d"]
    assert scene.queue.waiting == [0, 0, 0]


async def test_the_rest_of_a_message_ends_once_other_processes_have_all_binds() -> None:
    scene = Scene(free=1)
    await scene.arrives(1, "x+2", "y")
    (bind,) = scene.pool.binds
    bind.up, bind.free = False, 0
    scene.queue.bind_lost(cast(Any, bind))
    scene.pool.up, scene.pool.elsewhere = False, True
    scene.queue.hand_over()
    assert (scene.requeued, scene.ended, scene.queue.is_halfway) == (["y"], [], True)
    bind.leased = False
    scene.queue.hand_over()
    assert (scene.ended, scene.queue.is_halfway) == (["x1"], False)


async def test_while_shutting_down_nothing_whole_is_sent_whatever_becomes_ready() -> None:
    scene = Scene()
    scene.hold_marks = True
    await scene.arrives(1, "a", "b")
    ((_, _, durable),) = scene.marks
    scene.context.closing = True
    durable(None)
    await turns()
    assert (scene.requeued, scene.pool.sent) == (["a", "b"], [])


async def test_partitions_take_turns_in_a_lane() -> None:
    scene = Scene(free=1)
    scene.queue.add_stream("marketing in another partition", 2)
    scene.pool.binds[0].free = 0
    await scene.arrives(2, "a", "b")
    entries = [(b"%d-0" % number, [b"m", envelope([name], 2).pack()]) for number, name in enumerate("xy", 1)]
    scene.queue.arrived("marketing in another partition", 2, entries, False, NEVER)
    for _ in range(6):
        scene.pool.binds[0].free = 1
        scene.queue.pump_soon()
        await turns()
    assert sorted(scene.pool.texts()[:2]) == ["a", "x"]
    assert sorted(scene.pool.texts()) == ["a", "b", "x", "y"]
