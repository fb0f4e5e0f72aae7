"""Opt-outs by MO: the words, the scope by the dialled number, re-subscribing, and that they stay."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.gateway import WORKDAY
from tests.e2e.stage import Stage, open_stage, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

MALL, CLUB = "【示例商城】全场五折，拒收请回复R", "【示例会员】积分翻倍，拒收请回复R"
MALL_NUMBER, SHOP_NUMBER, NOBODYS_NUMBER = "106900013001", "1069000130", "1065550000"
OPTED_OUT = 0x410


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    accounts = {
        "shop-plain": ("shop", {"explain": False, "vendor_codes": False}),
        "shop-receipt": ("shop", {"reject_mode": "receipt"}),
    }
    # No caps here: the same recipient is tried again and again.
    overrides = {"profiles/cn.toml": {"cap": GENEROUS}}
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides, accounts=accounts) as stage:
        yield stage


GENEROUS = [
    {"name": f"marketing-{period}", "class": "marketing", "scope": "company", "limit": 1000, "period": period}
    for period in ("day", "week")
]


@pytest.fixture(autouse=True)
def _workday(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


async def refused(stage: Stage, account: str, recipient: str, text: str) -> bool:
    """Whether the account may not write to the recipient; anything but an opt-out is an error."""
    status = await stage.status(account, recipient, text)
    assert status in (0, OPTED_OUT)
    return status == OPTED_OUT


@pytest.mark.parametrize(
    "words", ["ＴＤ", "退订", "td", "Ｔ Ｄ。", "退訂！", "STOP", "stop", "0000", "R", "退 订", "🅣🅓", "拒収"]
)
async def test_an_answer_that_is_a_word_of_refusal(stage: Stage, words: str) -> None:
    recipient = stage.recipient()
    assert not await refused(stage, "shop", recipient, MALL)
    await stage.arrives(recipient)
    await stage.mo(recipient, MALL_NUMBER, words)
    assert await refused(stage, "shop", recipient, MALL)
    await stage.settled()
    assert len(stage.arrived(recipient)) == 1


@pytest.mark.parametrize("words", ["退订怎么办理", "我要TD", "你好", "请问几点开门？", "TDD", "00", "not STOP"])
async def test_an_answer_that_only_holds_such_a_word_is_none(stage: Stage, words: str) -> None:
    recipient = stage.recipient()
    await stage.mo(recipient, MALL_NUMBER, words)
    assert not await refused(stage, "shop", recipient, MALL)


async def test_the_scope_is_that_of_the_dialled_number(stage: Stage) -> None:
    signature, account, company = stage.recipient(), stage.recipient(), stage.recipient()
    await stage.mo(signature, MALL_NUMBER, "TD")
    await stage.mo(account, SHOP_NUMBER, "退订")
    await stage.mo(company, NOBODYS_NUMBER, "T")
    notice, otp = "【示例物流】您的包裹已送达", "【示例科技】您的验证码是123456"
    expected = {
        signature: (True, False, False, False),
        account: (True, True, False, False),
        company: (True, True, True, False),
    }
    for recipient, (mall, club, orders, login) in expected.items():
        assert await refused(stage, "shop", recipient, MALL) == mall
        assert await refused(stage, "shop", recipient, CLUB) == club
        assert await refused(stage, "orders", recipient, notice) == orders
        # Verification codes are exempt: optout_checked_for.
        assert await refused(stage, "login", recipient, otp) == login
    await stage.settled()
    assert [len(stage.arrived(each)) for each in expected] == [3, 2, 1]


async def test_a_longer_dialled_number_belongs_to_the_longest_that_it_begins_with(stage: Stage) -> None:
    recipient = stage.recipient()
    await stage.mo(recipient, MALL_NUMBER + "77", "TD")
    assert await refused(stage, "shop", recipient, MALL)
    assert not await refused(stage, "shop", recipient, CLUB)


@pytest.mark.parametrize("number", [MALL_NUMBER, SHOP_NUMBER, NOBODYS_NUMBER])
async def test_subscribing_again_by_the_same_number_takes_it_back(stage: Stage, number: str) -> None:
    recipient = stage.recipient()
    for _ in range(2):
        await stage.mo(recipient, number, "退订")
        assert await refused(stage, "shop", recipient, MALL)
        await stage.mo(recipient, number, "订阅")
        assert not await refused(stage, "shop", recipient, MALL)
    await stage.settled()
    assert len(stage.arrived(recipient)) == 2


async def test_subscribing_to_one_signature_does_not_undo_the_refusal_of_the_whole_account(stage: Stage) -> None:
    recipient = stage.recipient()
    await stage.mo(recipient, SHOP_NUMBER, "退订")
    await stage.mo(recipient, MALL_NUMBER, "订阅")
    assert await refused(stage, "shop", recipient, CLUB)


async def test_the_owner_gets_the_answer_too(stage: Stage) -> None:
    esme = await stage.esme("shop")
    recipient = stage.recipient()
    await stage.mo(recipient, MALL_NUMBER, "退订")
    await esme.wait_for(lambda: [mo for mo in esme.mo if mo.source == recipient], 10, "the MO at its owner")
    (mo,) = [mo for mo in esme.mo if mo.source == recipient]
    assert (mo.text, mo.destination) == ("退订", MALL_NUMBER)
    orders = await stage.esme("orders")
    assert not orders.mo


async def test_however_the_number_is_written(stage: Stage) -> None:
    recipient = stage.recipient()
    await stage.mo(recipient.removeprefix("86"), MALL_NUMBER, "退订")
    for written in (recipient, recipient.removeprefix("86"), f"+{recipient}", f"00{recipient}"):
        assert await refused(stage, "shop", written, MALL)
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_each_kind_of_account_is_told_in_its_way_for_a_long_message_too(stage: Stage) -> None:
    recipient = stage.recipient()
    await stage.mo(recipient, NOBODYS_NUMBER, "退订")
    for text in (MALL, "【示例商城】" + "好物低价，快来选购。" * 15 + "拒收请回复R"):
        for answer in await stage.send("shop", recipient, text):
            assert (answer.status, answer.explanation.rule_id) == (0x410, "optout")
            assert "company" in (answer.explanation.reason or "")
        for answer in await stage.send("shop-plain", recipient, text):
            assert (answer.status, len(answer.tlvs)) == (0x0B, 0)
        answers = await stage.send("shop-receipt", recipient, text)
        assert all(answer.ok for answer in answers)
        for receipt in await stage.receipts("shop-receipt", *(answer.message_id for answer in answers)):
            assert state_and_err(receipt) == ("REJECTD", 8, "410")
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_an_opt_out_while_the_message_waits_for_its_carrier(stage: Stage) -> None:
    """Accepted, then the carrier hangs; when it goes on the recipient has refused, and is not written to."""
    recipient, blocker = stage.recipient(), stage.recipient()
    stage.gateway.set_clock(WORKDAY)
    stage.alpha.pause()
    try:
        # alpha's windows fill up with others' messages, so that ours waits in the gateway.
        window = stage.gateway.status()["carriers"]["alpha"]["binds"] * 10
        for _ in range(window + 1):
            assert await stage.status("orders", blocker) == 0
        (answer,) = await stage.send("shop", recipient, MALL)
        assert answer.ok
        await stage.mo(recipient, MALL_NUMBER, "退订", carrier="beta")
        stage.gateway.advance(60)
    finally:
        stage.alpha.resume()
    (receipt,) = await stage.receipts("shop", answer.message_id)
    assert state_and_err(receipt) == ("REJECTD", 8, "410")
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_it_holds_over_reconnects_and_restarts(stage: Stage) -> None:
    recipient = stage.recipient()
    await stage.mo(recipient, MALL_NUMBER, "ＴＤ")
    esme = await stage.esme("shop")
    esme.drop()
    await esme.connect()
    assert await refused(stage, "shop", recipient, MALL)
    await stage.gateway.restart()
    assert await refused(stage, "shop", recipient, MALL)
    stage.gateway.kill()
    await stage.gateway.start()
    assert await refused(stage, "shop", recipient, MALL)
    stage.gateway.kill(store=True)
    await stage.gateway.start()
    assert await refused(stage, "shop", recipient, MALL)
    assert not await refused(stage, "shop", recipient, CLUB)
    await stage.settled()
    assert len(stage.arrived(recipient)) == 1
