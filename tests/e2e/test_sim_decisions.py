"""What the carrier simulator decides for each message, as a plain socket sees it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import smpp34

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.ids import IdForm
from simulators.carrier.settings import Match, PlannedReceipt, Rule
from simulators.carrier.states import DELIVERED, UNDELIVERED, ReceiptState
from simulators.clock import SimClock
from simulators.spread import Delay
from smsgw.smpp import pdu
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, Tag
from smsgw.smpp.segments import split_udh
from smsgw.smpp.tlv import tlv
from smsgw.smpp.udh import build_concat_udh
from tests.e2e.sim_wire import RECEIVER, SOON_S, RawSocket

pytestmark = pytest.mark.e2e

_NOON = datetime(2026, 11, 18, 4, tzinfo=UTC)
_SUBMIT_SM_RESP = CommandId.SUBMIT_SM | RESPONSE_BIT
_DELIVER_SM = int(CommandId.DELIVER_SM)
_LONG = "长短信一二三四五六七八九十" * 12


def _still() -> SimClock:
    return SimClock(_NOON, 0.0)


async def _send(client: RawSocket, recipient: str = "8613800000001", text: bytes = b"x", **fields: int | bytes) -> int:
    number = client.number()
    octets = pdu.submit_sm(
        number, source_addr=b"10690001", destination_addr=recipient.encode(), short_message=text,
        **{"registered_delivery": 1, **fields},  # type: ignore[arg-type]
    )  # fmt: skip
    await client.send(octets)
    return number


async def _segments(client: RawSocket, parts: list[int], recipient: str = "8613800000001") -> list[int]:
    """Send these segments (from 1) of one long text."""
    payloads = split_udh(_LONG, 8, 7)
    return [
        await _send(client, recipient, payloads[part - 1], esm_class=0x40, data_coding=8) for part in parts
    ]  # fmt: skip


async def _stats(client: RawSocket, count: int) -> list[str]:
    """What the next receipts say."""
    found = []
    for _ in range(count):
        command_id, _, number, body = await client.pdu()
        assert command_id == _DELIVER_SM
        await client.accept(number)
        found.append(body.partition(b"stat:")[2][:7].decode())
    return found


async def test_one_is_answered_after_the_next() -> None:
    rules = (Rule(Match(first=1, recipients=("*1",)), {"out_of_order": 1.0}),)
    async with CarrierSim(CarrierSettings(rules=rules, receipts=False)) as sim, await RawSocket.bound(sim) as client:
        late, next_one = await client.submit("1"), await client.submit("2")
        assert [(await client.pdu())[2] for _ in range(2)] == [next_one, late]
        alone = await client.submit("11")
        assert (await client.pdu())[2] == alone
        assert [message.plan.fate for message in sim.received] == [
            "answered after the next",
            "",
            "answered after the next",
        ]


async def _before_response(settings: CarrierSettings, recipient: str) -> bytes:
    """The octets that come before the response to one message."""
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim) as client:
        number = await _send(client, recipient, registered_delivery=0)
        came = b""
        while not sim.received or not came.endswith(sim.received[0].message_id + b"\0"):
            came += await client.read()
        response = pdu.response(CommandId.SUBMIT_SM, 0, number, sim.received[0].message_id)
        assert sim.stats.faults_sent == 1
        return came.removesuffix(response)


@pytest.mark.parametrize(("code", "field"), [("4012", "malformed"), ("4013", "unknown")])
async def test_faults_before_the_response(code: str, field: str) -> None:
    settings = [
        CarrierSettings(seed=4, malformed=float(field == "malformed"), unknown=float(field == "unknown")),
        CarrierSettings(seed=4),
    ]
    shares = [await _before_response(settings[0], f"138001380{number:02}") for number in range(6)]
    again = [await _before_response(settings[0], f"138001380{number:02}") for number in range(6)]
    assert shares == again
    assert len(set(shares)) > 3
    magic = await _before_response(settings[1], f"1990000{code}")
    assert magic
    for octets in [*shares, magic]:
        try:
            known = smpp34.decode(octets)
        except Exception:  # whatever a foreign decoder thinks of it, it is not fine
            continue
        assert field == "unknown" or not isinstance(known, smpp34.SubmitSm)


async def test_error_responses_with_and_without_a_body() -> None:
    async with CarrierSim(CarrierSettings(window=0)) as sim, await RawSocket.bound(sim) as client:
        await client.submit("19900002011")
        assert (await client.pdu())[1:] == (0x0B, 2, b"")
        await client.submit("19900004015")
        assert (await client.pdu())[1:] == (0x08, 3, b"\0")
        sim.change(error_body=True)
        await client.submit("19900002011")
        assert (await client.pdu())[1:] == (0x0B, 4, b"\0")


async def test_limits_that_answer_with_silence() -> None:
    settings = CarrierSettings(tps=0.001, tps_burst=1, tps_status=0, tps_per="address", receipts=False)
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim) as client:
        first = await client.submit(source="1001")
        assert await client.answer_to(first) == 0
        await client.submit(source="1001")
        other = await client.submit(source="1002")
        assert (await client.pdu())[2] == other
        assert [message.plan.fate for message in sim.received] == ["", "ignored", ""]
        assert [message.to_entry("a").status for message in sim.received] == [0, None, 0]
        assert sim.links[0].unanswered == 0
        assert sim.stats.ok == 2
        assert sim.ledger().count("submit_sm_resp") == 2


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("udh8", {"text": build_concat_udh(3, 2, 1) + b"x", "esm_class": 0x40}),
        ("udh16", {"text": build_concat_udh(300, 2, 1, wide=True) + b"x", "esm_class": 0x40}),
        ("sar", {"text": b"x", "tlvs": tlv(Tag.SAR_MSG_REF_NUM, b"\0\1") + tlv(Tag.SAR_TOTAL_SEGMENTS, b"\2")
                 + tlv(Tag.SAR_SEGMENT_SEQNUM, b"\1")}),
        ("payload", {"text": b"", "tlvs": tlv(Tag.MESSAGE_PAYLOAD, b"x" * 400)}),
    ],
)  # fmt: skip
async def test_only_some_forms_of_long_messages(form: str, fields: dict[str, Any]) -> None:
    text = fields.pop("text")
    assert isinstance(text, bytes)
    settings = CarrierSettings(long_forms=frozenset({form}), receipts=False)
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim) as client:
        assert await client.answer_to(await _send(client, text=text, **fields)) == 0
        assert await client.answer_to(await _send(client)) == 0
        sim.change(long_forms=frozenset({"udh8", "udh16", "sar", "payload"} - {form}), long_status=0x43)
        assert await client.answer_to(await _send(client, text=text, **fields)) == 0x43
        assert await client.answer_to(await _send(client)) == 0


async def test_segments_wait_for_each_other() -> None:
    clock = _still()
    settings = CarrierSettings(long_expire_s=300, states=((UNDELIVERED, 0.5),), seed=2)
    async with CarrierSim(settings, clock=clock) as sim, await RawSocket.bound(sim) as client:
        total = len(split_udh(_LONG, 8, 7))
        for number in await _segments(client, list(range(2, total + 1))):
            assert await client.answer_to(number) == 0
        assert sim.stats.receipts_wanted == 0
        clock.advance(299)
        assert await client.answer_to((await _segments(client, [1]))[0]) == 0
        stats = await _stats(client, total)
        assert len(set(stats)) == 1  # what becomes of the whole becomes of each
        clock.advance(10_000)
        assert sim.stats.receipts_sent == total


async def test_a_missing_segment_loses_the_whole() -> None:
    clock = _still()
    settings = CarrierSettings(long_expire_s=300)
    async with CarrierSim(settings, clock=clock) as sim, await RawSocket.bound(sim) as client:
        for number in await _segments(client, [1, 3]):
            assert await client.answer_to(number) == 0
        clock.advance(299)
        assert sim.stats.receipts_sent == 0
        clock.advance(2)
        assert await _stats(client, 2) == ["EXPIRED"] * 2
        assert [message.state.stat for message in sim.received] == ["EXPIRED"] * 2
        number = (await _segments(client, [2]))[0]
        assert await client.answer_to(number) == 0
        clock.advance(299)
        assert sim.stats.receipts_sent == 2


async def test_receipts_wait_in_business_time_and_bear_its_dates() -> None:
    clock = _still()
    late = PlannedReceipt(DELIVERED, Delay.parse("2d"))
    soon = PlannedReceipt(ReceiptState.parse("ENROUTE"), Delay.parse("1h"))
    settings = CarrierSettings(plans=((1.0, (soon, late)),))
    async with CarrierSim(settings, clock=clock) as sim, await RawSocket.bound(sim) as client:
        assert await client.answer_to(await client.submit()) == 0
        clock.advance(3 * 86_400)
        bodies = []
        for _ in range(2):
            _, _, number, body = await client.pdu()
            await client.accept(number)
            bodies.append(body)
        assert b"submit date:2611181200 done date:2611181300 stat:ENROUTE" in bodies[0]
        assert b"submit date:2611181200 done date:2611201200 stat:DELIVRD" in bodies[1]


async def test_responses_wait_in_real_time_whatever_the_clock() -> None:
    settings = CarrierSettings(response=Delay.parse("30ms"), early=1.0, early_by=Delay.parse("20ms"))
    async with CarrierSim(settings, clock=_still()) as sim, await RawSocket.bound(sim) as client:
        await client.submit()
        kinds = [(await client.pdu())[0] for _ in range(2)]
        assert kinds == [_DELIVER_SM, _SUBMIT_SM_RESP]
        (entry,) = sim.entries("submit")
        assert entry.answered_s is not None
        assert entry.answered_s - entry.real_s >= 0.05
        assert entry.at_ms == _NOON.timestamp() * 1000


async def test_rules_by_hour_and_place() -> None:
    clock = _still()
    night = Rule(Match(between=(22 * 60, 8 * 60)), {"refuse": ((0x14, 1.0),)})
    beijing = Rule(Match(provinces=frozenset({"北京"})), {"rest_state": UNDELIVERED, "replies": ("退订",)})
    settings = CarrierSettings(rules=(night, beijing))
    async with CarrierSim(settings, clock=clock) as sim, await RawSocket.bound(sim) as client:
        assert await client.answer_to(await client.submit("8613800138000")) == 0
        assert await _stats(client, 1) == ["UNDELIV"]
        clock.advance(1)
        _, _, number, body = await client.pdu()
        await client.accept(number)
        assert "退订".encode("utf-16-be") in body
        assert await client.answer_to(await client.submit("8618916410000")) == 0
        assert await _stats(client, 1) == ["DELIVRD"]
        clock.advance(12 * 3600)
        assert await client.answer_to(await client.submit("8613800138000")) == 0x14


async def test_ids_of_every_form_on_the_wire() -> None:
    async with CarrierSim(CarrierSettings(seed=1)) as sim, await RawSocket.bound(sim) as client:
        for form, length in (("long", 64), ("odd", 0), ("dec:20", 20), ("empty", 0), ("HEX:16>8", 8)):
            sim.change(response_id=IdForm(form), receipt_id=IdForm("dec"))
            number = await client.submit(f"1380013{length:04}")
            _, status, answered, body = await client.pdu()
            assert (status, answered) == (0, number)
            assert length in (0, len(body) - 1)
            assert body == sim.received[-1].message_id + b"\0"
            _, _, number, receipt = await client.pdu()
            await client.accept(number)
            assert b"id:%d " % sim.received[-1].number in receipt


async def test_a_share_goes_half_open() -> None:
    rules = (Rule(Match(skip=1), {"half_open": 1.0}),)
    async with CarrierSim(CarrierSettings(rules=rules)) as sim, await RawSocket.bound(sim) as client:
        assert await client.answer_to(await _send(client, registered_delivery=0)) == 0
        await client.submit()
        await sim.wait_for(lambda: len(sim.received) == 2, SOON_S)
        assert await client.silent_for(0.05)
        assert sim.received[1].to_entry("a").status is None


# -- the ledger

_CHANCY = CarrierSettings(
    seed="ledger",
    refuse=((0x08, 0.1),),
    response=Delay.parse("0ms-30ms"),
    receipt=Delay.parse("exp:20ms"),
    states=((UNDELIVERED, 0.3),),
    duplicate=0.2,
    early=0.1,
    intermediate=0.1,
    out_of_order=0.2,
    replies=("退订",),
)


async def _ledger(recipients: list[list[str]], settings: CarrierSettings = _CHANCY) -> str:
    """Send each list of recipients on a bind of its own; the ledger when all is quiet."""
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim, RECEIVER) as receiver:
        clients = [await RawSocket.bound(sim, CommandId.BIND_TRANSMITTER) for _ in recipients]

        async def answer_all() -> None:
            while True:
                command_id, _, number, _ = await receiver.pdu()
                if command_id == _DELIVER_SM:
                    await receiver.accept(number)

        answering = asyncio.ensure_future(answer_all())
        for column in range(max(len(row) for row in recipients)):
            for client, row in zip(clients, recipients, strict=True):
                if column < len(row):
                    await _send(client, row[column], b"n %d" % (column % 3))
        wanted = sum(len(row) for row in recipients)
        await sim.wait_for(lambda: len(sim.received) == wanted, SOON_S)
        await sim.wait_for(lambda: not sim.receipts_waiting, SOON_S)
        answering.cancel()
        for client in clients:
            client.socket.close()
        return sim.ledger()


async def test_the_ledger_is_the_same_whatever_the_timing() -> None:
    numbers = [f"86138{number:08}" for number in range(40)]
    together = await _ledger([[number for number in numbers for _ in range(3)]])
    # Each recipient on one of four binds, in another order.
    spread = await _ledger([[number for number in reversed(numbers[part::4]) for _ in range(3)] for part in range(4)])
    assert together.splitlines()[0] == "shop 8613800000000 0"
    assert together.count("\n  < submit_sm ") == 120
    assert spread == together
    assert await _ledger([[number for number in numbers for _ in range(3)]]) == together


async def test_another_seed_has_another_ledger() -> None:
    numbers = [[f"86138{number:08}" for number in range(20)]]
    other = CarrierSettings(seed="other")
    assert await _ledger(numbers, other) != await _ledger(numbers, CarrierSettings(seed="ledger"))
    assert await _ledger(numbers, other) == await _ledger(numbers, other)


async def test_a_reset_carrier_writes_the_same_ledger_again() -> None:
    async with CarrierSim(_CHANCY) as sim, await RawSocket.bound(sim, CommandId.BIND_TRANSMITTER) as client:
        ledgers = []
        for _ in range(2):
            for recipient in ("8613800000001", "8613800000002") * 5:
                await _send(client, recipient, registered_delivery=0)
            await sim.wait_for(lambda: len(sim.received) == 10, SOON_S)
            ledgers.append([line for line in sim.ledger().splitlines() if " mo " not in line])
            sim.reset()
        assert ledgers[0] == ledgers[1]
        assert len(ledgers[0]) == 30
