"""What receipts and recipients teach: dead numbers, a carrier's blacklist, complaints, words of help; and quotas."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from smsgw.services import consent, dead_numbers
from tests.e2e.gateway import EXAMPLE, WORKDAY
from tests.e2e.staff import staff_of
from tests.e2e.stage import Stage, open_stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

OPTED_OUT, BLACKLISTED, CONSENT, DEAD, SAME, QUOTA = 0x410, 0x411, 0x412, 0x414, 0x431, 0x432
MALL, MALL_NUMBER, SHOP_NUMBER = "【示例商城】全场五折，拒收请回复R", "106900013001", "1069000130"
#: The simulator's numbers: their receipts say MBBLACK, MK:0001 (no such number), and DELIVRD.
MBBLACK, MK0001, FINE = "8619900004500", "8619900004505", "8619900000000"
NOTICE_TO = "【示例物流】您的包裹已送达"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    texts = {"stop_text": "您已退订", "start_text": "您已订阅", "complaint_text": "已记录", "help_text": "请致电客服"}
    profile = {
        "cap": [
            {"name": f"marketing-{period}", "class": "marketing", "scope": "company", "limit": 99, "period": period}
            for period in ("day", "week")
        ],
        "mo": {"help_words": ["帮助", "HELP"], **texts},
    }
    strict = tomllib.loads((EXAMPLE / "profiles" / "cn.toml").read_text(encoding="utf-8"))
    strict |= {"name": "strict", "consent": {"required_for": ["marketing"]}, "cap": profile["cap"]}
    accounts = {
        "careful": ("shop", {"profile": "strict"}),
        "small": ("shop", {"quota": {"day": 5, "month": 8}}),
        "few": ("shop", {"quota": {"month": 3}, "reject_mode": "receipt"}),
    }
    overrides = {"profiles/cn.toml": {"same_content": None, **profile}, "profiles/strict.toml": strict}
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides, accounts=accounts) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _workday(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


async def failed(stage: Stage, recipient: str, account: str = "shop", text: str = MALL) -> int:
    """Send, and wait for the receipt; the status of the answer."""
    (answer,) = await stage.send(account, recipient, text)
    if answer.ok:
        await stage.receipts(account, answer.message_id)
    return answer.status


async def becomes(stage: Stage, event: str, count: int) -> list[dict[str, object]]:
    await stage.gateway.wait_for(lambda: len(stage.gateway.events(event)) >= count, 5, event)
    return stage.gateway.events(event)


async def test_a_dead_number_is_learnt_from_three_receipts_and_forgotten(stage: Stage) -> None:
    assert [await failed(stage, MK0001) for _ in range(3)] == [0, 0, 0]
    (event,) = await becomes(stage, "dead_number.learnt", 1)
    assert (event["recipient"], event["code"]) == ("199****4505", "MK:0001")
    assert await failed(stage, MK0001) == DEAD
    assert await failed(stage, MK0001, "orders", NOTICE_TO) == DEAD
    async with staff_of(stage.gateway) as staff:
        await dead_numbers.forget(staff(), MK0001, "in use again")
    assert await failed(stage, MK0001) == 0
    stage.gateway.advance(91 * 86400)


async def test_a_carriers_blacklist_is_learnt_for_that_carrier_and_ends(stage: Stage) -> None:
    assert await failed(stage, MBBLACK) == 0
    (event,) = await becomes(stage, "blacklist.learnt", 1)
    assert (event["recipient"], event["carrier"], event["code"]) == ("199****4500", "alpha", "MBBLACK")
    (answer,) = await stage.send("shop", MBBLACK, MALL)
    assert answer.ok  # over beta, for only alpha's blacklist forbids it
    await stage.gateway.wait_for(lambda: any(each.recipient == MBBLACK for each in stage.beta.received), 5, "beta")
    stage.gateway.set_clock("2027-03-02T10:30:00+08:00")  # 90 days later, a workday
    assert await failed(stage, MBBLACK) == 0


async def test_a_complaint_blacklists_at_once_for_the_whole_company(stage: Stage) -> None:
    recipient = stage.recipient()
    assert await stage.status("shop", recipient, MALL) == 0
    await stage.mo(recipient, MALL_NUMBER, "投 诉！")
    assert await stage.status("shop", recipient, MALL) == BLACKLISTED
    assert await stage.status("orders", recipient, NOTICE_TO) == BLACKLISTED
    arrived = await stage.arrives(recipient, 2)
    assert [each.text for each in arrived] == [MALL, "已记录"]
    esme = await stage.esme("shop")
    await esme.wait_for(lambda: [mo for mo in esme.mo if mo.source == recipient], 10, "the MO at its owner")
    event = (await becomes(stage, "complaint.recorded", 1))[-1]
    assert event["account"] == "shop"
    assert recipient not in str(event)


async def test_each_word_is_confirmed_once_in_its_own_text(stage: Stage) -> None:
    recipient = stage.recipient()
    for words in ("退订", "退订", "TD", "订阅", "订阅", "HELP", "您好"):
        stage.gateway.advance(1)
        await stage.mo(recipient, SHOP_NUMBER, words)
    arrived = await stage.arrives(recipient, 3)
    await stage.settled()
    arrived = stage.arrived(recipient)
    assert sorted(each.text for each in arrived) == sorted(["您已退订", "您已订阅", "请致电客服"])
    assert {each.source for each in arrived} == {SHOP_NUMBER}
    assert await stage.status("shop", recipient, MALL) == 0


async def test_consent_is_asked_for_and_its_proof_lets_the_next_message_through(stage: Stage) -> None:
    recipient = stage.recipient()
    (answer,) = await stage.send("careful", recipient, MALL)
    assert (answer.status, answer.explanation.rule_id) == (CONSENT, "consent")
    assert await stage.status("shop", recipient, MALL) == 0  # another profile
    async with staff_of(stage.gateway) as staff:
        await consent.add(staff(), recipient, "shop 12", "v3", "a form was signed", account="careful")
    assert await stage.status("careful", recipient, MALL) == 0
    await stage.mo(recipient, "1065550000", "退订")
    assert await stage.status("careful", recipient, "【示例商城】全场四折，拒收请回复R") == OPTED_OUT


async def test_the_same_content_comes_again_after_its_time(stage: Stage) -> None:
    recipient = stage.recipient()
    await stage.mo(recipient, "1065550000", "订阅")  # as good as consent
    assert await stage.status("careful", recipient, MALL) == 0
    (answer,) = await stage.send("careful", recipient, MALL.replace("五折", "\u200b五折"))
    assert (answer.status, answer.explanation.rule_id) == (SAME, "same_content")
    assert 0 < (answer.explanation.retry_after_s or 0) <= 12 * 3600
    assert await stage.status("careful", recipient, "【示例商城】全场四折，拒收请回复R") == 0
    stage.gateway.set_clock("2026-11-19T10:30:01+08:00")
    assert await stage.status("careful", recipient, MALL) == 0


async def test_the_quota_of_a_day_and_of_a_month(stage: Stage) -> None:
    statuses = [await stage.status("small", stage.recipient(), MALL) for _ in range(7)]
    assert statuses == [0] * 5 + [QUOTA] * 2
    stage.gateway.set_clock("2026-11-19T10:30:00+08:00")
    # What another rule refuses takes none of it.
    assert await stage.status("small", stage.recipient(), "没有签名，拒收请回复R") == 0x402
    opted_out = stage.recipient()
    await stage.mo(opted_out, "1065550000", "退订")
    assert await stage.status("small", opted_out, MALL) == OPTED_OUT
    statuses = [await stage.status("small", stage.recipient(), MALL) for _ in range(5)]
    assert statuses == [0] * 3 + [QUOTA] * 2
    await stage.gateway.wait_for(lambda: stage.gateway.status()["accounts"]["small"]["quota"]["month"] == [8, 8], 10)
    assert stage.gateway.metric("smsgw_account_quota_used_messages", account="small", period="month") == 8
    stage.gateway.set_clock("2026-12-01T10:30:00+08:00")
    assert await stage.status("small", stage.recipient(), MALL) == 0


async def test_a_quota_holds_over_a_restart_and_a_batch(stage: Stage) -> None:
    esme = await stage.esme("few")
    sent = [esme.submit("10650077", stage.recipient(), MALL) for _ in range(10)]
    answers = [await each for each in sent]
    assert all(answer.ok for answer in answers)  # refusals by receipt
    receipts = await stage.receipts("few", *(answer.message_id for answer in answers))
    assert sorted(each.receipt.err for each in receipts if each.receipt is not None) == ["000"] * 3 + ["432"] * 7
    await stage.gateway.restart()
    (answer,) = await stage.send("few", stage.recipient(), MALL)
    (receipt,) = await stage.receipts("few", answer.message_id)
    assert receipt.receipt is not None
    assert receipt.receipt.err == "432"
