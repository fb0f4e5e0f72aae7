"""Dispatch: what must not be sent any more ends, what can't be read holds up nobody, and data_sm is no submit_sm."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.gateway import queue_memory
from smsgw.gateway.lanes import Job
from smsgw.gateway.last_look import Turn
from smsgw.gateway.views import from_number
from smsgw.policy.model import Hold
from smsgw.policy.reasons import WINDOW_HARD
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import CommandId, MessageState, Tag
from smsgw.smpp.pdu import Sm
from smsgw.smpp.tlv import Tlvs
from smsgw.smpp.views import DataSm
from smsgw.store.envelope import Envelope
from smsgw.store.seal import SealError
from tests.unit.gateway.test_dispatch import NEVER, STREAMS, Scene, turns
from tests.unit.gateway.test_dispatch import envelope as scene_envelope
from tests.unit.gateway.test_review_release import NOW_MS, PDU, World
from tests.unit.gateway.test_review_release import envelope as one


def data_sm() -> bytes:
    fields: dict[str, object] = {"source_addr": b"app", "destination_addr": b"8613800000001"}
    return encode(Pdu(int(CommandId.DATA_SM), 0, 1, fields, Tlvs([(int(Tag.MESSAGE_PAYLOAD), b"text")])))


def test_the_carriers_number_in_a_data_sm() -> None:
    changed = from_number(data_sm(), b"10690001")
    assert DataSm(changed).source_addr == b"10690001"
    assert DataSm(changed).payload == b"text"
    assert decode(changed).command_id == CommandId.DATA_SM
    assert Sm(from_number(PDU, b"10690001")).source_addr == b"10690001"


async def test_a_message_payload_costs_its_segments() -> None:
    scene = Scene(rate=10.0)
    message = scene_envelope(["a"], 1)
    message.segments = 10
    entries = [(b"1-0", [b"m", message.pack()]), (b"2-0", [b"m", scene_envelope(["b"], 1).pack()])]
    scene.queue.arrived(STREAMS[1], 1, entries, False, NEVER)
    await turns()
    assert scene.pool.texts() == ["a"]


async def test_an_unreadable_entry_holds_up_nobody() -> None:
    scene = Scene()

    def open_sealed(blob: bytes) -> bytes:
        if blob == b"?":
            raise SealError("sealed with unknown key 7")
        return blob

    scene.context.store.sealer.open = open_sealed
    entries = [(b"1-0", [b"m", b"?"]), (b"2-0", [b"m", scene_envelope(["b"], 1).pack()])]
    scene.queue.arrived(STREAMS[1], 1, entries, False, NEVER)
    await turns()
    assert scene.pool.texts() == ["b"]


async def test_a_refused_mark_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_memory, "MARK_RETRY_S", 0.001)
    scene = Scene()
    scene.hold_marks = True
    await scene.arrives(1, "a")
    scene.hold_marks = False
    scene.marks[0][2](SealError("refused"))
    async with asyncio.timeout(1):
        while not scene.pool.texts():
            await asyncio.sleep(0.001)
    assert scene.pool.texts() == ["a"]


def halfway(world: World, **changes: Any) -> Job:
    """A message of three segments, the first of which is at the carrier."""
    whole = one()
    message = Envelope(
        ["00" + "0" * 17 + str(n) for n in range(3)], [PDU] * 3, whole.account, 2, whole.recipient, "1069", "",
        [1] * 3, NOW_MS, carriers=["alpha"],
    )  # fmt: skip
    for name, value in changes.items():
        setattr(message, name, value)
    job = Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, message)
    job.todo.pop(0)
    return job


QUEUE: Any = SimpleNamespace(name="alpha")


def test_the_rest_of_a_message_is_not_sent_in_a_closed_window() -> None:
    world = World(carriers=("alpha",))
    job = halfway(world)
    assert not world.last_look.stops(QUEUE, job, Turn(world.context.clock.now_ms()))
    world.context.rules["shop"].rules.judge_again = lambda *message: Hold(NOW_MS + 1, WINDOW_HARD)
    assert world.last_look.stops(QUEUE, job, Turn(world.context.clock.now_ms()))
    assert (job.todo, job.queued, len(world.receipts)) == ([], False, 2)


def test_the_rest_of_a_message_expires() -> None:
    world = World(carriers=("alpha",))
    assert world.outcomes.is_over(QUEUE, halfway(world, expires_at_ms=NOW_MS))
    assert len(world.receipts) == 2


def test_a_clock_set_back_does_not_put_off_the_look_at_opt_outs() -> None:
    world = World(carriers=("alpha",))
    looks: list[object] = []
    world.context.looks = SimpleNamespace(put=lambda context, rhash, facts, at_ms: looks.append(facts))
    message = one()
    message.looked_at_ms = NOW_MS + 3_600_000
    assert world.last_look.stops(QUEUE, Job("{p00}:mt:alpha:2", b"1-1", (1, 1, 0), 2, message), Turn(NOW_MS))
    assert looks == [("o",)]


async def test_messages_of_a_carrier_that_stays_down_expire() -> None:
    world = World(carriers=("alpha",))
    scene = Scene()
    scene.queue._outcomes = world.outcomes
    scene.pool.up, scene.pool.down_since_s = False, -1000.0
    message = one()
    message.expires_at_ms = NOW_MS
    scene.queue.arrived(STREAMS[2], 2, [(b"1-0", [b"m", message.pack()])], False, NEVER)
    await turns()
    assert world.reported() == (MessageState.EXPIRED, "000")
    assert scene.queue.waiting == [0, 0, 0]
