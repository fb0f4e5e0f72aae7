"""Every rule's refusal, in each way an account may want it told; and nothing of it ever reaches a carrier.

The table is the one of rules.md: status, fallback with ``vendor_codes = false``, TLVs with ``explain = true``,
and a receipt with ``reject_mode = "receipt"``. Every row is tried with a short text and with one of three segments.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import NamedTuple

import pytest
import pytest_asyncio

from simulators.esme.answer import Answer
from tests.e2e.gateway import WORKDAY
from tests.e2e.stage import Stage, open_stage, routes, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SATURDAY = "2026-11-21T10:30:00+08:00"
NIGHT = "2026-11-18T21:00:00+08:00"
LAST_SECOND_OPEN = "2026-11-18T20:59:50+08:00"
BEFORE_OFFICE_HOURS = "2026-11-18T08:30:00+08:00"
NATIONAL_DAY = "2026-10-01T10:30:00+08:00"
MAKE_UP_SUNDAY = "2026-09-20T10:30:00+08:00"
SATURDAY_DECLARED_WORKDAY = "2027-02-20T10:30:00+08:00"
WEDNESDAY_DECLARED_HOLIDAY = "2027-03-10T10:30:00+08:00"
AFTER_LICENCE = "2027-01-04T10:30:00+08:00"
GERMAN = "+4915112345678"

REFUSE = "拒收请回复R"
PROMOTION = "【示例商城】全场五折，{pad}" + REFUSE


class Case(NamedTuple):
    """One refusal: who sends what, when, to whom, and what the three kinds of account get."""

    name: str
    base: str
    text: str
    status: int
    fallback: int
    rule_id: str
    clock: str = WORKDAY
    recipient: str = ""
    has_retry_after: bool = False


CASES = (
    Case("signature missing", "shop", "全场五折，{pad}" + REFUSE, 0x402, 0x45, "signature.missing"),
    Case("signature at the wrong end for this carrier", "shop", "全场五折，{pad}" + REFUSE + "【示例商城】",
         0x402, 0x45, "signature.missing"),
    Case("signature of somebody else", "shop", "【别家商城】全场五折，{pad}" + REFUSE, 0x403, 0x45,
         "signature.unregistered"),
    Case("signature of one letter", "shop", "【示】全场五折，{pad}" + REFUSE, 0x404, 0x45, "signature.malformed"),
    Case("signature with a space", "shop", "【示例 商城】全场五折，{pad}" + REFUSE, 0x404, 0x45, "signature.malformed"),
    Case("signature never closed", "shop", "【示例商城全场五折，{pad}" + REFUSE, 0x404, 0x45, "signature.malformed"),
    Case("unsubscribe phrase missing", "shop", "【示例商城】全场五折{pad}", 0x405, 0x45, "unsubscribe.missing"),
    Case("unsubscribe phrase in the middle", "shop", "【示例商城】" + REFUSE + "，全场五折{pad}",
         0x405, 0x45, "unsubscribe.missing"),
    Case("unsubscribe phrase in a notice", "orders", "【示例物流】您的包裹已送达{pad}，回T退订",
         0x406, 0x45, "unsubscribe.forbidden"),
    Case("unsubscribe phrase in a notice, in look-alikes", "orders", "【示例物流】您的包裹已送达{pad}，回Ｔ退訂。",
         0x406, 0x45, "unsubscribe.forbidden"),
    Case("unsubscribe phrase in a code", "login", "【示例科技】验证码123456{pad}，" + REFUSE,
         0x406, 0x45, "unsubscribe.forbidden"),
    Case("at nine in the evening", "shop", PROMOTION, 0x420, 0x61, "window.hard", NIGHT,
         has_retry_after=True),
    Case("before nine on a workday", "shop", PROMOTION, 0x421, 0x61, "window.soft",
         BEFORE_OFFICE_HOURS, has_retry_after=True),
    Case("on a Saturday", "shop", PROMOTION, 0x421, 0x61, "window.soft", SATURDAY,
         has_retry_after=True),
    Case("on National Day", "shop", PROMOTION, 0x421, 0x61, "window.soft", NATIONAL_DAY,
         has_retry_after=True),
    Case("on a day that the override file makes a holiday", "shop", PROMOTION,
         0x421, 0x61, "window.soft", WEDNESDAY_DECLARED_HOLIDAY, has_retry_after=True),
    Case("no route abroad", "shop", PROMOTION, 0x452, 0x45, "route.none", recipient=GERMAN),
)  # fmt: skip

ACCEPTED = (
    Case("ten seconds before nine in the evening", "shop", PROMOTION, 0, 0, "",
         LAST_SECOND_OPEN),
    Case("on a make-up Sunday", "shop", PROMOTION, 0, 0, "", MAKE_UP_SUNDAY),
    Case("on a Saturday that the override file makes a workday", "shop", PROMOTION, 0, 0, "",
         SATURDAY_DECLARED_WORKDAY),
    Case("notice at night", "orders", "【示例物流】您的包裹已送达{pad}", 0, 0, "", NIGHT),
    Case("code on a Saturday night", "login", "【示例科技】验证码123456{pad}", 0, 0, "", "2026-11-21T23:30:00+08:00"),
    Case("signature at the end where the carrier takes both", "shop", "全场五折，{pad}" + REFUSE + "【示例会员】",
         0, 0, "", recipient="8613300000001"),
    Case("unsubscribe phrase in another spelling", "shop", "【示例商城】全场五折，{pad}回Ｔ退訂。", 0, 0, ""),
)  # fmt: skip

#: Enough for three segments of 67 characters; the phrase then stands in the last.
PAD = "满减不停，好物低价，快来选购。" * 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    accounts: dict[str, tuple[str, dict[str, object]]] = {}
    for base in ("shop", "orders", "login"):
        accounts[f"{base}-plain"] = (base, {"explain": False, "vendor_codes": False})
        accounts[f"{base}-receipt"] = (base, {"explain": False, "reject_mode": "receipt"})
    accounts["licensed"] = ("shop", {"licence_expires": date(2026, 12, 31)})
    overrides = {
        "routes.toml": {"route": routes({"everything-else": {"prefix": ["86"]}})},
        "calendar/2027.toml": {"days": {"2027-02-20": "workday", "2027-03-10": "holiday"}},
    }
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides, accounts=accounts) as stage:
        yield stage


def _texts(case: Case) -> list[str]:
    return [case.text.format(pad=""), case.text.format(pad=PAD)]


async def _answers(stage: Stage, account: str, case: Case, text: str, recipient: str) -> list[Answer]:
    stage.gateway.set_clock(case.clock)
    return await stage.send(account, recipient, text, registered_delivery=0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_refusal_is_told_as_the_account_wants_it_and_nothing_reaches_a_carrier(
    stage: Stage, case: Case
) -> None:
    for text in _texts(case):
        recipient = case.recipient or stage.recipient()
        for answer in await _answers(stage, case.base, case, text, recipient):
            assert answer.status == case.status
            assert answer.explanation.rule_id == case.rule_id
            assert answer.explanation.reason
            assert (answer.explanation.retry_after_s is not None) == case.has_retry_after
        for answer in await _answers(stage, f"{case.base}-plain", case, text, recipient):
            assert answer.status == case.fallback
            assert len(answer.tlvs) == 0
        answers = await _answers(stage, f"{case.base}-receipt", case, text, recipient)
        assert all(answer.ok for answer in answers)
        for receipt in await stage.receipts(f"{case.base}-receipt", *(answer.message_id for answer in answers)):
            assert state_and_err(receipt) == ("REJECTD", 8, f"{case.status & 0xFFF:03X}")
        await stage.settled()
        assert stage.arrived(recipient) == []


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
async def test_what_the_rules_allow_arrives_once(stage: Stage, case: Case) -> None:
    for number, text in enumerate(_texts(case)):
        recipient = case.recipient[:-1] + str(number) if case.recipient else stage.recipient()
        answers = await _answers(stage, case.base, case, text, recipient)
        assert [answer.status for answer in answers] == [0] * len(answers)
        await stage.arrives(recipient, len(answers))
        await stage.settled()
        assert len(stage.arrived(recipient)) == len(answers)


async def test_the_hours_until_the_window_opens_are_told(stage: Stage) -> None:
    stage.gateway.set_clock(NIGHT)
    (answer,) = await stage.send("shop", stage.recipient())
    # From 21:00 to 09:00 of the next workday; the clock runs while the answer is on its way.
    assert answer.explanation.retry_after_s is not None
    assert 12 * 3600 - 30 <= answer.explanation.retry_after_s <= 12 * 3600


@pytest.mark.parametrize("number", ["12345", "10690001", "861380013", "abc", "86138001380001"])
async def test_a_number_that_is_none(stage: Stage, number: str) -> None:
    stage.gateway.set_clock(WORKDAY)
    (answer,) = await stage.send("shop", number)
    assert (answer.status, answer.explanation.rule_id) == (0x0B, "number.invalid")
    (answer,) = await stage.send("shop-plain", number)
    assert (answer.status, len(answer.tlvs)) == (0x0B, 0)
    await stage.settled()
    assert not [each for each in stage.alpha.received if each.recipient == number]


async def test_a_licence_that_ends_while_bound(stage: Stage) -> None:
    stage.gateway.set_clock("2026-12-31T20:30:00+08:00")
    recipient = stage.recipient()
    assert await stage.status("licensed", recipient) == 0
    await stage.arrives(recipient)
    stage.gateway.set_clock(AFTER_LICENCE)
    recipient = stage.recipient()
    (answer,) = await stage.send("licensed", recipient)
    assert (answer.status, answer.explanation.rule_id) == (0x401, "account.expired")
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_rules_see_the_whole_text_of_a_long_message(stage: Stage) -> None:
    """The phrase straddles the border of two segments; the signature in a later segment is none."""
    stage.gateway.set_clock(WORKDAY)
    head = "【示例商城】"
    straddling = head + "好" * (67 - len(head) - 3) + REFUSE
    assert len(straddling) == 67 + 3
    for long_form in ("udh", "udh16", "sar", "payload"):
        recipient = stage.recipient()
        answers = await stage.send("shop", recipient, straddling, long=long_form)
        assert {answer.status for answer in answers} == {0}, long_form
        await stage.arrives(recipient, len(answers))
    recipient = stage.recipient()
    assert await stage.status("shop", recipient, "好" * 67 + head + REFUSE) == 0x402
    await stage.settled()
    assert stage.arrived(recipient) == []
