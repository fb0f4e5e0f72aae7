"""The review queue: a word holds a message back until a person has looked; release, reject, and nobody coming."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from smsgw.services import pauses, review, words
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.constants import CommandId
from tests.e2e.gateway import WORKDAY
from tests.e2e.staff import Staff, staff_of
from tests.e2e.stage import Stage, open_stage, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SHORT = "【示例商城】年终理财讲座，拒收请回复R"
LONG = "【示例商城】" + "好物低价，快来选购。" * 8 + "理财讲座" + "好物低价，快来选购。" * 7 + "拒收请回复R"
CLEAN = "【示例商城】年终讲座，拒收请回复R"
WHY = "read it"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("site")) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staff(stage: Stage) -> AsyncIterator[Staff]:
    async with staff_of(stage.gateway) as staff:
        await words.put(staff(), "company", "理财讲座", action="review", category="finance", why="finance is looked at")
        await words.put(staff(), "company", "周年", action="count", category="anniversary", why="how many are there")
        await stage.gateway.wait_for(lambda: stage.gateway.status()["registers"]["word"] == 2, 1, "words in force")
        yield staff


@pytest.fixture(autouse=True)
def _workday(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


async def waiting(stage: Stage, staff: Staff, text: str = SHORT, **fields: object) -> tuple[str, list[str]]:
    """A message that is accepted and waits; its recipient and the ids of its segments."""
    recipient = stage.recipient()
    answers = await stage.send("shop", recipient, text, **fields)
    assert {answer.status for answer in answers} == {0}
    ids = [answer.message_id for answer in answers]
    found = await review.get(staff(), ids[0])
    assert (found.text, found.account, found.reason) == (text, "shop", "company:理财讲座")
    await stage.settled()
    assert stage.arrived(recipient) == []
    return recipient, ids


@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "long"])
async def test_released(stage: Stage, staff: Staff, text: str) -> None:
    recipient, ids = await waiting(stage, staff, text)
    await stage.gateway.wait_for(lambda: stage.gateway.metric("smsgw_parked_messages", lot="review") == 1, 5)
    await review.release(staff("bo"), ids[0], WHY)
    arrived = await stage.arrives(recipient, len(ids))
    assert "".join(each.text for each in arrived) == text
    for receipt in await stage.receipts("shop", *ids):
        assert state_and_err(receipt)[0] == "DELIVRD"
    await stage.gateway.wait_for(lambda: len(stage.gateway.steps(ids[0])) >= 4, 5, "its steps")
    steps = stage.gateway.steps(ids[0])
    assert [each["step"] for each in steps][:4] == ["parked", "reviewed", "released", "sent"]
    assert steps[1]["verdict"] == "released"
    assert await stage.status("shop", recipient, CLEAN) == 0x430  # counted when it was accepted


@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "long"])
async def test_rejected(stage: Stage, staff: Staff, text: str) -> None:
    recipient, ids = await waiting(stage, staff, text)
    await review.reject(staff("bo"), ids[0], "no licence for it")
    for receipt in await stage.receipts("shop", *ids):
        assert state_and_err(receipt) == ("REJECTD", 8, "441")
    await stage.settled()
    assert stage.arrived(recipient) == []
    await stage.gateway.wait_for(lambda: len(stage.gateway.steps(ids[0])) >= 3, 5, "its steps")
    assert [each["step"] for each in stage.gateway.steps(ids[0])][:3] == ["parked", "reviewed", "refused"]


async def test_nobody_comes(stage: Stage, staff: Staff) -> None:
    recipient, ids = await waiting(stage, staff)
    stage.gateway.advance(73 * 3600)
    (receipt,) = await stage.receipts("shop", *ids)
    assert state_and_err(receipt)[:2] == ("EXPIRED", 3)
    assert stage.arrived(recipient) == []


async def test_released_when_it_may_no_longer_go(stage: Stage, staff: Staff) -> None:
    (gone, gone_ids), (late, late_ids) = await waiting(stage, staff), await waiting(stage, staff)
    await stage.mo(gone, "106900013001", "退订")
    await review.release(staff("bo"), gone_ids[0], WHY)
    (receipt,) = await stage.receipts("shop", *gone_ids)
    assert state_and_err(receipt) == ("REJECTD", 8, "410")
    stage.gateway.set_clock("2026-11-18T21:30:00+08:00")
    await review.release(staff("bo"), late_ids[0], WHY)
    (receipt,) = await stage.receipts("shop", *late_ids)
    assert state_and_err(receipt) == ("REJECTD", 8, "420")
    assert stage.arrived(gone) + stage.arrived(late) == []


async def test_released_into_a_pause(stage: Stage, staff: Staff) -> None:
    recipient, ids = await waiting(stage, staff)
    await pauses.pause(staff(), "account:shop", why=WHY)
    await review.release(staff("bo"), ids[0], WHY)
    await stage.gateway.wait_for(lambda: stage.gateway.status()["parked"].get("pause:account:shop") == 1, 5)
    assert stage.arrived(recipient) == []
    await pauses.resume(staff(), "account:shop", why=WHY)
    await stage.arrives(recipient)


async def test_replaced_by_a_text_without_the_word(stage: Stage, staff: Staff) -> None:
    recipient, ids = await waiting(stage, staff)
    body = {"short_message": encode_text(CLEAN, 8), "registered_delivery": 1}
    assert (await stage.ask("shop", CommandId.REPLACE_SM, ids[0], **body)).status == 0
    (message,) = await stage.arrives(recipient)
    assert message.text == CLEAN


async def test_a_scheduled_message_is_replaced_by_one_that_must_be_looked_at(stage: Stage, staff: Staff) -> None:
    recipient = stage.recipient()
    (answer,) = await stage.send("shop", recipient, CLEAN, schedule_delivery_time="000000010000000R")
    body = {"short_message": encode_text(SHORT, 8), "registered_delivery": 1}
    assert (await stage.ask("shop", CommandId.REPLACE_SM, answer.message_id, **body)).status == 0
    stage.gateway.advance(2 * 3600)
    await stage.settled()
    assert stage.arrived(recipient) == []
    await review.release(staff("bo"), answer.message_id, WHY)
    await stage.arrives(recipient)


async def test_released_before_its_schedule(stage: Stage, staff: Staff) -> None:
    recipient = stage.recipient()
    (answer,) = await stage.send("shop", recipient, SHORT, schedule_delivery_time="000000020000000R")
    await review.release(staff("bo"), answer.message_id, WHY)
    await stage.gateway.wait_for(lambda: len(stage.gateway.steps(answer.message_id)) == 3, 5, "its steps")
    assert [each["step"] for each in stage.gateway.steps(answer.message_id)] == ["parked", "reviewed", "held"]
    stage.gateway.advance(3600)
    await stage.settled()
    assert stage.arrived(recipient) == []
    stage.gateway.advance(2 * 3600)
    await stage.arrives(recipient)


async def test_a_word_that_was_listed_while_messages_were_held(stage: Stage, staff: Staff) -> None:
    refused, looked_at = stage.recipient(), stage.recipient()
    ids = []
    for recipient, word in ((refused, "夜市"), (looked_at, "晨市")):
        text = f"【示例商城】{word}开张，拒收请回复R"
        (answer,) = await stage.send("shop", recipient, text, schedule_delivery_time="000000020000000R")
        ids.append(answer.message_id)
    known = stage.gateway.status()["registers"]["word"]
    await words.put(staff(), "company", "夜市", action="reject", why=WHY)
    await words.put(staff(), "company", "晨市", action="review", why=WHY)
    await stage.gateway.wait_for(lambda: stage.gateway.status()["registers"]["word"] == known + 2, 1, "words in force")
    stage.gateway.advance(3 * 3600)
    (receipt,) = await stage.receipts("shop", ids[0])
    assert state_and_err(receipt) == ("REJECTD", 8, "441")
    await stage.settled()
    assert stage.arrived(refused) + stage.arrived(looked_at) == []
    await review.release(staff("bo"), ids[1], WHY)
    await stage.arrives(looked_at)


async def test_words_that_are_only_counted(stage: Stage, staff: Staff) -> None:
    before = stage.gateway.metric("smsgw_words_counted_total", category="anniversary")
    assert await stage.status("shop", stage.recipient(), "【示例商城】周年庆，拒收请回复R") == 0
    assert stage.gateway.metric("smsgw_words_counted_total", category="anniversary") == before + 1
