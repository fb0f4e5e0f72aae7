"""What follows from each answer of a carrier: settled, held, rerouted, throttled, reported; with fakes around it."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.carrier.settings import CarrierSettings
from smsgw.gateway.keeping import Keeping
from smsgw.gateway.lanes import Flight, Job
from smsgw.gateway.outcomes import Outcomes
from smsgw.gateway.outgoing import Shipment
from smsgw.policy.code_classes import CodeClass, CodeTable
from smsgw.policy.failover import FailoverPolicy
from smsgw.policy.id_forms import IdForms
from smsgw.policy.retry import Action, CarrierStatuses
from smsgw.policy.shaping import Throttle
from smsgw.smpp import pdu
from smsgw.smpp.canonical import canonical_id
from smsgw.smpp.constants import CommandId
from smsgw.store.envelope import HAS_TURN, REPORT_ALWAYS, Envelope
from tests.unit.gateway.healthy import HEALTHY

OTP, NOTICE = 0, 1
NOW_MS = 1_000_000


class Scene:
    """Outcomes with a queue of carrier alpha; ``did`` has what was asked of store, queue and reports, in order."""

    def __init__(self, codes: CodeTable | None = None, **given: Any) -> None:
        self.did: list[tuple[Any, ...]] = []
        actions = {int(name[1:], 16): action for name, action in given.items() if isinstance(action, Action)}
        given = {name: value for name, value in given.items() if not isinstance(value, Action)}
        codes = codes or CodeTable()
        given |= {"codes": codes, "statuses": CarrierStatuses(actions, codes)}
        settings = CarrierSettings("alpha", "h", 1, "s", "p", retry_attempts=2, failover=FailoverPolicy(**given))
        self.throttle = Throttle(100.0)
        self.queue = SimpleNamespace(
            name="alpha",
            pool=SimpleNamespace(settings=settings, throttle=self.throttle),
            send_again=lambda job, index: self.did.append(("again", index)),
        )
        counters = SimpleNamespace(
            mt_submitted=0, mt_rerouted=0, mt_retried=0, throttled=0, response_timeouts=0, answered=_Zeros(),
            switched=_Zeros(), codes=_Zeros(), uncertain=_Zeros(),
            answer_latency=SimpleNamespace(observe=lambda latency_ms: None),
        )  # fmt: skip
        self.uncertain = counters.uncertain
        self.up = {"alpha": True, "beta": True}
        context = SimpleNamespace(
            carrier_pdus=None,
            settings=SimpleNamespace(uncertain=("resend", "report", "report"), look_again_s=5.0, zone=UTC),
            clock=SimpleNamespace(now_ms=lambda: NOW_MS, after_ms=lambda seconds: NOW_MS + round(seconds * 1000)),
            store=SimpleNamespace(
                sealer=SimpleNamespace(seal=lambda blob: blob),
                partitions=2,
                recipients=SimpleNamespace(hash=lambda number: "h"),
            ),
            metrics=SimpleNamespace(carrier=lambda name: counters),
            records=SimpleNamespace(append=lambda row: None),
            rules={},
            log=lambda event, fields: event == "carrier.switched" or self.did.append(("log", event)),
            choice=SimpleNamespace(next=self._next_carrier, next_in_time=lambda *asked: None),
            health=HEALTHY,
            settlement=SimpleNamespace(
                sent=lambda context, stream, entry, carrier, cid, mapping: self.did.append(
                    ("settled", cid, mapping.mask)
                ),
                remember=lambda context, carrier, cid, mapping: self.did.append(("remembered", cid)),
                done=lambda context, stream, entry, states: self.did.append(("done", len(states))),
                move=lambda context, stream, entry, to, blob: self.did.append(("moved", to)),
                hold=lambda context, stream, entry, due_ms, held_id, blob: self.did.append(("held", due_ms - NOW_MS)),
            ),
        )
        context.carrier_ids = SimpleNamespace(of=lambda name: IdForms("text", "text", canonical_id))
        context.keeping = Keeping(cast(Any, context))
        self.outcomes = Outcomes(
            cast(Any, context),
            cast(Any, SimpleNamespace(send=self._report, end=self._end)),
            random.Random(1),
            cast(
                Any,
                SimpleNamespace(refused=lambda name, policy, envelope, codes, said: self.did.append(("learn", said))),
            ),
        )

    def _next_carrier(
        self, carriers: list[str], tried: list[str], only_up: bool, province: str, suits: Any
    ) -> str | None:
        return next((name for name in carriers if name not in tried and (self.up[name] or not only_up)), None)

    def _report(self, account: str, message_id: str, view: Any, at_ms: int, report: Any, durable: Any) -> None:
        self.did.append(("report", message_id, report.message_state))
        durable(True)

    def _end(
        self, account: str, message_id: str, view: Any, at_ms: int, report: Any, wanted: bool, durable: Any
    ) -> None:
        self.did.append(("ended", message_id, report.message_state, wanted))
        durable(True)

    def job(self, segments: int = 1, lane: int = NOTICE, registered: int = 1, flags: int = 0) -> Job:
        """A message of which everything is at the carrier."""
        pdus = [pdu.submit_sm(0, source_addr=b"1", destination_addr=b"2", short_message=b"x")] * segments
        ids = [f"id{number}" for number in range(segments)]
        envelope = Envelope(
            ids, pdus, "shop", lane, "8613800000000", "1", "", [registered] * segments, 0, 0, 0, 0, segments,
            ["alpha", "beta"], None, 0, flags,
        )  # fmt: skip
        job = Job("stream", b"1-0", (1, 0, 0), lane, envelope)
        job.fit(Shipment(tuple(pdus), (1,) * segments, segments, "each"))
        job.todo.clear()
        job.queued = False
        return job

    def answered(self, job: Job, status: int, index: int = 0, carrier_id: bytes = b"A1") -> list[tuple[Any, ...]]:
        raw = pdu.response(int(CommandId.SUBMIT_SM_RESP), status, 1, None if status else carrier_id)
        self.outcomes.answered(cast(Any, self.queue), Flight(job, index, 0.0), status, raw, 1.0)
        return self._told()

    def unknown(self, job: Job, index: int = 0) -> list[tuple[Any, ...]]:
        self.outcomes.unknown(cast(Any, self.queue), Flight(job, index, 0.0), "no answer in time")
        return self._told()

    def _told(self) -> list[tuple[Any, ...]]:
        told, self.did = self.did, []
        return told


class _Zeros(dict[int, int]):
    def __missing__(self, key: int) -> int:
        return 0


def test_accepted() -> None:
    scene = Scene()
    assert scene.answered(scene.job(), 0) == [("settled", "A1", 3)]


def test_the_last_segment_of_a_long_message_settles_it() -> None:
    scene = Scene()
    job = scene.job(3)
    assert scene.answered(job, 0, 0, b"A") == [("remembered", "A")]
    assert scene.answered(job, 0, 2, b"C") == [("remembered", "C")]
    assert scene.answered(job, 0, 1, b"B") == [("settled", "B", 3)]


def test_accepted_without_an_id() -> None:
    scene = Scene()
    assert scene.answered(scene.job(), 0, 0, b"") == [("log", "carrier.empty_message_id"), ("done", 0)]


@pytest.mark.parametrize("status", [0x58, 0x14])
def test_throttled_slows_the_link_and_goes_again(status: int) -> None:
    scene = Scene()
    assert scene.answered(scene.job(), status) == [("again", 0)]
    assert scene.throttle.is_slowed
    assert scene.throttle.take(1, 1.0) > 0


@pytest.mark.parametrize("status", [0x08, 0x64, 0x65, 0x66, 0x67])
def test_temporary_is_held_as_often_as_allowed_and_then_goes_elsewhere(status: int) -> None:
    scene = Scene()
    job = scene.job()
    for _ in range(2):
        ((what, delay_ms),) = scene.answered(job, status)
        assert what == "held"
        assert 1000 <= delay_ms <= 4000
    assert [what for what, _ in scene.answered(job, status)] == ["moved"]
    assert job.envelope.tried == ["alpha"]
    assert job.envelope.attempts == 0


def test_a_final_error_is_reported_before_the_message_ends() -> None:
    scene = Scene()
    assert scene.answered(scene.job(), 0x0B) == [("report", "id0", 5), ("done", 1)]


def test_nobody_is_told_who_did_not_ask_unless_promised() -> None:
    scene = Scene()
    assert scene.answered(scene.job(registered=0), 0x0B) == [("done", 1)]
    assert scene.answered(scene.job(registered=3), 0x0B) == [("done", 1)]  # successes only
    assert scene.answered(scene.job(registered=0, flags=REPORT_ALWAYS), 0x0B) == [("report", "id0", 5), ("done", 1)]


def test_rerouted_once_to_each_carrier_and_then_reported() -> None:
    scene = Scene(x45=Action.REROUTE)
    job = scene.job()
    ((what, _),) = scene.answered(job, 0x45)
    assert what == "moved"
    job.envelope.tried = ["alpha", "beta"]
    job.todo.clear()
    assert scene.answered(job, 0x45) == [("report", "id0", 5), ("done", 1)]


def test_after_a_reroute_the_store_is_asked_again() -> None:
    """What was looked up a moment ago was the first carrier's blacklist."""
    scene = Scene(x45=Action.REROUTE)
    job = scene.job()
    scene.answered(job, 0x45)
    assert abs(NOW_MS - Envelope.unpack(job.envelope.pack()).looked_at_ms) > 5_000


def test_a_refused_segment_ends_those_that_were_not_sent_and_not_those_that_were() -> None:
    scene = Scene()
    job = scene.job(4)
    job.todo = [3]
    assert scene.answered(job, 0x0B, 1) == [("report", "id1", 5), ("report", "id3", 5)]
    assert scene.answered(job, 0, 0, b"A") == [("remembered", "A")]
    assert scene.answered(job, 0, 2, b"C") == [("remembered", "C"), ("done", 2)]


def test_without_an_answer_a_notice_is_reported_as_unknown() -> None:
    scene = Scene()
    assert scene.unknown(scene.job()) == [("report", "id0", 7), ("done", 1)]
    assert scene.uncertain == {"reported": 1}


def test_without_an_answer_a_code_goes_again_but_not_for_ever() -> None:
    scene = Scene()
    job = scene.job(lane=OTP)
    assert [scene.unknown(job) for _ in range(3)] == [
        [("again", 0)], [("again", 0)], [("report", "id0", 7), ("done", 1)],
    ]  # fmt: skip


def test_a_message_whose_validity_is_over_is_not_sent() -> None:
    scene = Scene()
    job = scene.job()
    job.todo, job.envelope.expires_at_ms = [0], NOW_MS
    assert scene.outcomes.is_over(cast(Any, scene.queue), job)
    assert scene.did == [("report", "id0", 3), ("done", 1)]


def test_after_a_crash_a_code_goes_again_and_a_notice_is_unknown() -> None:
    scene = Scene()
    assert scene.outcomes.resend_uncertain(cast(Any, scene.queue), scene.job(lane=OTP))
    job = scene.job()
    job.shipment, job.todo = None, [0]
    assert not scene.outcomes.resend_uncertain(cast(Any, scene.queue), job)
    # Nobody knows in which shape it was sent: what the carrier says of a part of it later is no news.
    assert scene.did == [("ended", "id0", 7, True), ("done", 1)]
    assert scene.uncertain == {"resent": 1, "reported": 1}


# -- codes, patience, long messages that may move as a whole

CODES = CodeTable(
    {
        "MA:0003": CodeClass.NO_ROUTE, "KEYWORD": CodeClass.CONTENT, "ID:0044": CodeClass.TIME,
        "IB:0008": CodeClass.FLOW, "0x45": CodeClass.NO_ROUTE,
    }
)  # fmt: skip


def told(scene: Scene, job: Job, status: int, said: bytes = b"", index: int = 0) -> list[tuple[Any, ...]]:
    raw = pdu.response(int(CommandId.SUBMIT_SM_RESP), status, 1, said)
    scene.outcomes.answered(cast(Any, scene.queue), Flight(job, index, 0.0), status, raw, 1.0)
    return scene._told()


def test_what_a_carrier_says_in_its_answer() -> None:
    scene = Scene(codes=CODES)
    assert told(scene, scene.job(), 0x08, b"MA:0003") == [("learn", CodeClass.NO_ROUTE), ("moved", "beta:1")]
    assert told(scene, scene.job(), 0x45) == [("learn", CodeClass.NO_ROUTE), ("moved", "beta:1")]
    content = told(scene, scene.job(), 0x08, b"keyword")
    assert [each[0] for each in content] == ["learn", "report", "done"]
    assert told(scene, scene.job(), 0x08, b"IB:0008") == [("learn", CodeClass.FLOW), ("again", 0)]
    assert scene.throttle.is_slowed
    ((_, code_class), (held, wait_ms)) = told(scene, scene.job(), 0x08, b"ID:0044")
    assert (code_class, held) == (CodeClass.TIME, "held")
    assert 0 < wait_ms <= 24 * 3_600_000


def test_a_long_message_of_which_every_segment_was_refused_moves_as_a_whole() -> None:
    scene = Scene(codes=CODES)
    job = scene.job(3)
    assert told(scene, job, 0x45, index=0) == [("learn", CodeClass.NO_ROUTE)]
    assert told(scene, job, 0x45, index=2) == [("learn", CodeClass.NO_ROUTE)]
    assert told(scene, job, 0x45, index=1) == [("learn", CodeClass.NO_ROUTE), ("moved", "beta:1")]
    assert job.is_whole


def test_its_unsent_segments_are_not_sent_after_a_refusal_and_move_with_it() -> None:
    scene = Scene(codes=CODES)
    job = scene.job(3)
    job.todo = [1, 2]
    assert told(scene, job, 0x45, index=0) == [("learn", CodeClass.NO_ROUTE), ("moved", "beta:1")]


@pytest.mark.parametrize("taken_first", [True, False])
def test_once_a_segment_was_taken_the_refused_ones_are_reported(taken_first: bool) -> None:
    scene = Scene(codes=CODES)
    job = scene.job(2)
    did = []
    for index in (1, 0) if taken_first else (0, 1):
        did += told(scene, job, 0x45, index=0) if index == 0 else scene.answered(job, 0, 1, b"B")
    names = [each[0] for each in did if each[0] != "learn"]
    assert sorted(names) == ["done", "remembered", "report"]
    assert ("report", "id0", 5) in did


def test_after_a_timeout_a_code_goes_to_another_carrier_that_is_up() -> None:
    scene = Scene(on_timeout=True)
    assert scene.unknown(scene.job(lane=OTP)) == [("moved", "beta:0")]
    scene.up["beta"] = False
    assert scene.unknown(scene.job(lane=OTP)) == [("again", 0)]
    assert scene.unknown(scene.job(lane=NOTICE))[0][0] == "report"


async def test_the_patience_of_a_class_is_shorter_and_a_late_answer_is_only_remembered() -> None:
    scene = Scene(on_timeout=True, response_s=(0.01, 0.0, 0.0))
    job = scene.job(lane=OTP)
    flight = Flight(job, 0, 0.0)
    scene.outcomes.sent(cast(Any, scene.queue), cast(Any, SimpleNamespace(number=0)), flight)
    async with asyncio.timeout(2):
        while not scene.did:
            await asyncio.sleep(0)
    assert scene._told() == [("moved", "beta:0")]
    raw = pdu.response(int(CommandId.SUBMIT_SM_RESP), 0, 1, b"L1")
    scene.outcomes.answered(cast(Any, scene.queue), flight, 0, raw, 1.0)
    assert scene._told() == [("remembered", "L1")]
    scene.outcomes.unknown(cast(Any, scene.queue), flight, "the link went")
    assert scene._told() == []


async def test_patience_moves_nothing_when_no_other_carrier_is_up_or_the_answer_came() -> None:
    scene = Scene(on_timeout=True, response_s=(0.01, 0.0, 0.0))
    scene.up["beta"] = False
    for answered in (False, True):
        flight = Flight(scene.job(lane=OTP), 0, 0.0)
        flight.is_over = answered
        scene.outcomes._overdue(cast(Any, scene.queue), flight, 0.01)
        assert flight.is_over is answered
    assert scene._told() == []


@given(data=st.data(), segments=st.integers(1, 5), sent=st.integers(1, 5), up=st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_segment_ends_once_or_all_of_them_move_together(
    data: st.DataObject, segments: int, sent: int, up: bool
) -> None:
    """Answers in any order and of any kind, while the rest is sent one by one."""
    scene = Scene(codes=CODES)
    job = scene.job(segments)
    if not up:
        job.envelope.tried = ["beta"]
    job.todo = list(range(min(sent, segments), segments))
    flying = [index for index in range(segments) if index not in job.todo]
    did: list[tuple[Any, ...]] = []
    while flying:
        index = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
        answer = data.draw(st.sampled_from((0, 0x45, 0x45, 0x0B, None)))
        if answer is None:
            did += scene.unknown(job, index)
        else:
            did += scene.answered(job, answer, index, b"C%d" % index)
        moved = any(each[0] == "moved" for each in did)
        if job.todo and not moved:
            flying.append(job.todo.pop(0))
    names = [each[0] for each in did if each[0] != "learn"]
    if "moved" in names:
        assert names == ["moved"]
        assert up
        return
    taken = {int(str(each[1])[1:]) for each in did if each[0] in ("remembered", "settled")}
    reported = [int(str(each[1])[2:]) for each in did if each[0] == "report"]
    assert sorted([*taken, *reported]) == list(range(segments))
    assert names.count("done") + names.count("settled") == 1


async def test_who_waits_for_its_accounts_turn_comes_back_when_it_is_due_or_expires() -> None:
    scene = Scene()
    job = scene.job()
    scene.outcomes.put_off(job, 60.0)
    job.envelope.expires_at_ms = NOW_MS + 5000
    scene.outcomes.put_off(job, 60.0)
    assert scene.did == [("held", 60_000), ("held", 5000)]
    assert job.envelope.flags & HAS_TURN
