"""Messages that wait: for a window to open, for their schedule; and what may happen to them meanwhile.

The profile says ``action = "hold"``. Time is the test clock, moved by each test. One night lies between the two
workdays that the tests use; at night nothing of marketing may arrive, at nine everything that still may.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulators.esme.sim import EsmeSim
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId
from tests.e2e.stage import MARKETING, OTHER_SOURCE, Stage, open_stage, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

DAY, NIGHT, LATE_NIGHT, OPEN = (
    f"2026-11-{at}:00+08:00" for at in ("18T10:30", "18T21:30", "19T03:00", "19T09:00")
)  # fmt: skip
SATURDAY, MONDAY = "2026-11-21T10:30:00+08:00", "2026-11-23T09:00:00+08:00"
LONG = "【示例商城】" + "好物低价，快来选购。" * 15 + "拒收请回复R"
QUERY, CANCEL, REPLACE = CommandId.QUERY_SM, CommandId.CANCEL_SM, CommandId.REPLACE_SM
SCHEDULED_50, ENROUTE, DELIVERED, EXPIRED, DELETED = 0, 1, 2, 3, 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    accounts = {"shop-two": ("shop", {}), "shop-five": ("shop", {})}
    overrides = {"profiles/cn.toml": {"window": {"action": "hold"}}}
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides, accounts=accounts) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _night(stage: Stage) -> None:
    stage.gateway.set_clock(NIGHT)


async def held(stage: Stage, recipient: str, text: str = MARKETING, **fields: object) -> list[str]:
    """Send marketing that must wait, and be sure that it does; the ids of its segments."""
    answers = await stage.send("shop", recipient, text, **fields)
    assert [answer.status for answer in answers] == [0] * len(answers)
    await stage.settled()
    assert stage.arrived(recipient) == []
    return [answer.message_id for answer in answers]


async def state_of(stage: Stage, message_id: str, account: str = "shop") -> int:
    answer = await stage.ask(account, QUERY, message_id)
    assert answer.ok, answer
    state = answer.pdu.fields["message_state"]
    assert isinstance(state, int)
    return state


async def becomes(stage: Stage, message_id: str, state: int) -> bool:
    """A receipt of ours is durable before the state is written: ask until it is, at most five seconds."""
    async with asyncio.timeout(5):
        while await state_of(stage, message_id) != state:
            await asyncio.sleep(0.02)
    return True


async def cancel(stage: Stage, message_id: str, recipient: str, account: str = "shop") -> int:
    return (await stage.ask(account, CANCEL, message_id, destination_addr=recipient.encode())).status


async def replace(stage: Stage, message_id: str, text: str, account: str = "shop", **fields: object) -> int:
    body = {"short_message": encode_text(text, 8), "registered_delivery": 1, **fields}
    return (await stage.ask(account, REPLACE, message_id, **body)).status


@pytest.mark.parametrize("text", [MARKETING, LONG], ids=["short", "long"])
async def test_it_waits_until_the_window_opens_and_is_sent_once(stage: Stage, text: str) -> None:
    recipient = stage.recipient()
    message_ids = await held(stage, recipient, text)
    stage.gateway.set_clock(LATE_NIGHT)
    await stage.settled()
    assert stage.arrived(recipient) == []
    stage.gateway.set_clock(OPEN)
    await stage.arrives(recipient, len(message_ids))
    for receipt in await stage.receipts("shop", *message_ids):
        assert state_and_err(receipt) == ("DELIVRD", 2, "000")
    await stage.settled()
    assert len(stage.arrived(recipient)) == len(message_ids)


async def test_from_a_weekend_to_monday(stage: Stage) -> None:
    recipient = stage.recipient()
    stage.gateway.set_clock(SATURDAY)
    await held(stage, recipient)
    stage.gateway.set_clock("2026-11-22T12:00:00+08:00")
    await stage.settled()
    assert stage.arrived(recipient) == []
    stage.gateway.set_clock(MONDAY)
    assert len(await stage.arrives(recipient)) == 1


async def test_what_other_rules_refuse_is_refused_at_once(stage: Stage) -> None:
    assert await stage.status("shop", stage.recipient(), "全场五折，拒收请回复R") == 0x402
    assert await stage.status("shop", stage.recipient(), "【示例商城】全场五折") == 0x405


async def test_caps_count_for_the_day_on_which_it_will_be_sent(stage: Stage) -> None:
    recipient = stage.recipient()
    stage.gateway.set_clock(DAY)
    assert await stage.status("shop", recipient) == 0
    stage.gateway.set_clock(NIGHT)
    assert await stage.status("shop", recipient) == 0
    assert await stage.status("shop", recipient) == 0x430
    stage.gateway.set_clock(OPEN)
    await stage.arrives(recipient, 2)
    assert await stage.status("shop", recipient) == 0x430
    await stage.settled()
    assert len(stage.arrived(recipient)) == 2


@pytest.mark.parametrize("text", [MARKETING, LONG], ids=["short", "long"])
async def test_an_opt_out_meanwhile(stage: Stage, text: str) -> None:
    recipient = stage.recipient()
    message_ids = await held(stage, recipient, text)
    await stage.mo(recipient, "106900013001", "退订")
    stage.gateway.set_clock(OPEN)
    for receipt in await stage.receipts("shop", *message_ids):
        assert state_and_err(receipt) == ("REJECTD", 8, "410")
    await stage.settled()
    assert stage.arrived(recipient) == []


@pytest.mark.parametrize("text", [MARKETING, LONG], ids=["short", "long"])
async def test_cancelled_meanwhile(stage: Stage, text: str) -> None:
    recipient = stage.recipient()
    message_ids = await held(stage, recipient, text)
    assert await cancel(stage, message_ids[0], recipient, "shop-two") == 0x11  # another account's
    assert await cancel(stage, message_ids[0], recipient) == 0
    for receipt in await stage.receipts("shop", *message_ids):
        assert state_and_err(receipt)[:2] == ("DELETED", DELETED)
    for message_id in message_ids:
        assert await becomes(stage, message_id, DELETED)
    assert await cancel(stage, message_ids[0], recipient) == 0x11  # it is gone
    stage.gateway.set_clock(OPEN)
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_replaced_meanwhile(stage: Stage) -> None:
    recipient = stage.recipient()
    (message_id,) = await held(stage, recipient)
    other = "【示例会员】积分翻倍，拒收请回复R"
    assert await replace(stage, message_id, other, "shop-two") == 0x13
    assert await replace(stage, message_id, "没有签名，拒收请回复R") == 0x402
    assert await replace(stage, message_id, other) == 0
    stage.gateway.set_clock(OPEN)
    (message,) = await stage.arrives(recipient)
    assert message.text == other
    await stage.receipts("shop", message_id)
    assert await replace(stage, message_id, MARKETING) == 0x13  # it is with the carrier
    await stage.settled()
    assert len(stage.arrived(recipient)) == 1


async def test_replaced_with_an_earlier_schedule_it_still_waits_for_the_window(stage: Stage) -> None:
    recipient = stage.recipient()
    (message_id,) = await held(stage, recipient, schedule_delivery_time="261119150000032+")
    assert await replace(stage, message_id, MARKETING, schedule_delivery_time=b"261119040000032+") == 0
    stage.gateway.set_clock("2026-11-19T05:00:00+08:00")
    await stage.settled()
    assert stage.arrived(recipient) == []
    stage.gateway.set_clock(OPEN)
    assert len(await stage.arrives(recipient)) == 1


async def test_asked_for_while_held_and_after(stage: Stage) -> None:
    recipient = stage.recipient()
    (message_id,) = await held(stage, recipient)
    assert await state_of(stage, message_id) == ENROUTE  # 3.4 has no SCHEDULED
    answer = await stage.ask("shop-two", QUERY, message_id)
    assert answer.status == 0x67
    stage.gateway.set_clock(OPEN)
    await stage.receipts("shop", message_id)
    assert await becomes(stage, message_id, DELIVERED)
    answer = await stage.ask("shop", QUERY, message_id)
    final_date = answer.pdu.fields["final_date"]
    assert isinstance(final_date, bytes)
    assert final_date.startswith(b"261119010")  # 09:00 in China, told in UTC


async def test_a_client_of_version_5_is_told_that_it_is_scheduled(stage: Stage) -> None:
    recipient = stage.recipient()
    async with EsmeSim(stage.settings("shop-five", interface_version=0x50)) as esme:
        answer = await esme.submit(OTHER_SOURCE, recipient, MARKETING)
        body = {"message_id": answer.message_id.encode(), "source_addr": OTHER_SOURCE.encode()}
        found = await esme.request(lambda number: encode(Pdu(int(QUERY), 0, number, body)))
        assert found.pdu.fields["message_state"] == SCHEDULED_50


async def test_a_schedule_within_the_window(stage: Stage) -> None:
    recipient = stage.recipient()
    stage.gateway.set_clock(DAY)
    await held(stage, recipient, schedule_delivery_time="261118150000032+")  # 15:00, eight hours ahead of UTC
    stage.gateway.set_clock("2026-11-18T14:59:30+08:00")
    await stage.settled()
    assert stage.arrived(recipient) == []
    stage.gateway.set_clock("2026-11-18T15:00:00+08:00")
    (message,) = await stage.arrives(recipient)
    assert message.sm.schedule_delivery_time == b""


async def test_a_relative_schedule_into_the_night_waits_for_the_morning(stage: Stage) -> None:
    recipient = stage.recipient()
    stage.gateway.set_clock(DAY)
    await held(stage, recipient, schedule_delivery_time="000000120000000R")
    for closed in ("2026-11-18T22:31:00+08:00", LATE_NIGHT):
        stage.gateway.set_clock(closed)
        await stage.settled()
        assert stage.arrived(recipient) == []
    stage.gateway.set_clock(OPEN)
    assert len(await stage.arrives(recipient)) == 1


async def test_a_scheduled_code_ignores_the_window(stage: Stage) -> None:
    recipient = stage.recipient()
    (answer,) = await stage.send("login", recipient, schedule_delivery_time="000000010000000R")
    assert answer.ok
    await stage.settled()
    assert stage.arrived(recipient) == []
    stage.gateway.set_clock("2026-11-18T22:30:05+08:00")
    assert len(await stage.arrives(recipient)) == 1


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("schedule_delivery_time", "261332000000032+", 0x61),
        ("schedule_delivery_time", "tomorrow", 0x61),
        ("validity_period", "261118000000032+", 0x62),  # over already
        ("validity_period", "x", 0x62),
    ],
)
async def test_times_that_are_none(stage: Stage, field: str, value: str, status: int) -> None:
    recipient = stage.recipient()
    stage.gateway.set_clock(DAY)
    assert await stage.status("shop", recipient, **{field: value}) == status
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_a_validity_that_ends_before_the_window_opens_is_refused(stage: Stage) -> None:
    assert await stage.status("shop", stage.recipient(), validity_period="000000020000000R") == 0x420


@pytest.mark.parametrize("text", [MARKETING, LONG], ids=["short", "long"])
async def test_a_validity_that_is_over_when_it_could_be_sent(stage: Stage, text: str) -> None:
    recipient = stage.recipient()
    message_ids = await held(stage, recipient, text, validity_period="261119120000032+")
    stage.gateway.set_clock("2026-11-19T12:00:00+08:00")
    for receipt in await stage.receipts("shop", *message_ids):
        assert state_and_err(receipt)[:2] == ("EXPIRED", EXPIRED)
    assert await becomes(stage, message_ids[0], EXPIRED)
    await stage.settled()
    assert stage.arrived(recipient) == []


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL", "SIGKILL with Redis"])
async def test_it_survives_a_restart_and_is_sent_once(stage: Stage, end: str) -> None:
    recipient, opted_out = stage.recipient(), stage.recipient()
    (message_id,) = await held(stage, recipient)
    (refused_id,) = await held(stage, opted_out)
    await stage.mo(opted_out, "106900013001", "退订")
    stage.gateway.override({"smsgw.toml": {"clock": {"start": NIGHT}}})
    if end == "SIGTERM":
        await stage.gateway.stop()
    else:
        stage.gateway.kill(store=end.endswith("Redis"))
    await stage.gateway.start()
    await stage.settled()
    assert stage.arrived(recipient) == []
    stage.gateway.set_clock(OPEN)
    await stage.receipts("shop", message_id)
    (receipt,) = await stage.receipts("shop", refused_id)
    assert state_and_err(receipt) == ("REJECTD", 8, "410")
    await stage.settled()
    assert len(stage.arrived(recipient)) == 1
    assert stage.arrived(opted_out) == []


async def test_what_was_accepted_and_not_sent_before_the_window_closed_waits_too(stage: Stage) -> None:
    """The carrier hangs from before nine in the evening until after it."""
    recipient, blocker = stage.recipient(), stage.recipient()
    stage.gateway.set_clock("2026-11-18T20:59:00+08:00")
    stage.alpha.pause()
    try:
        for _ in range(stage.gateway.status()["carriers"]["alpha"]["binds"] * 10 + 1):
            assert await stage.status("orders", blocker) == 0
        assert await stage.status("shop", recipient) == 0
        stage.gateway.set_clock(NIGHT)
    finally:
        stage.alpha.resume()
    await stage.settled()
    assert stage.arrived(recipient) == []
    stage.gateway.set_clock(OPEN)
    assert len(await stage.arrives(recipient)) == 1
