"""Caps: how many messages a recipient gets; by clock and rolling, by tier, several at once, over restarts.

Counted at the carrier in the end. The caps are those of the example site: codes one in a minute, five an hour and
ten a day for each signature; marketing one a day and three a week over the company, loyal recipients two and five.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from smsgw.smpp.tlv import tlv
from tests.e2e.gateway import ROOT, WORKDAY
from tests.e2e.stage import MARKETING, Stage, open_stage, source_of, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CAPPED = 0x430
LOYAL = tlv(0x1410, b"loyal")
LONG = "【示例商城】" + "好物低价，快来选购。" * 15 + "拒收请回复R"
MONDAY = datetime.fromisoformat("2026-11-16T10:30:00+08:00")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    accounts = {
        "shop-two": ("shop", {}),
        "shop-plain": ("shop", {"explain": False, "vendor_codes": False}),
        "shop-receipt": ("shop", {"reject_mode": "receipt"}),
    }
    async with open_stage(tmp_path_factory.mktemp("site"), accounts=accounts) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _workday(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


async def accepted(stage: Stage, account: str, recipient: str, text: str | None = None, **fields: object) -> bool:
    """Whether a message was accepted; anything but a cap is an error."""
    status = await stage.status(account, recipient, text, **fields)
    assert status in (0, CAPPED)
    return status == 0


async def at_the_carrier(stage: Stage, recipient: str) -> int:
    """How many segments a recipient was sent, once all that will be is."""
    await stage.settled()
    return len(stage.arrived(recipient))


def clock(stage: Stage, at: datetime) -> None:
    stage.gateway.set_clock(at.isoformat())


async def test_a_day_by_the_clock_ends_at_midnight(stage: Stage) -> None:
    recipient = stage.recipient()
    stage.gateway.set_clock("2026-11-18T20:59:00+08:00")
    assert await accepted(stage, "shop", recipient)
    (answer,) = await stage.send("shop", recipient)
    assert (answer.status, answer.explanation.rule_id) == (CAPPED, "frequency")
    assert "marketing-day" in (answer.explanation.reason or "")
    # Three hours and a minute to midnight, less what this test took.
    assert answer.explanation.retry_after_s is not None
    assert 3 * 3600 + 60 - 30 <= answer.explanation.retry_after_s <= 3 * 3600 + 60
    stage.gateway.set_clock("2026-11-19T09:00:00+08:00")
    assert await accepted(stage, "shop", recipient)
    assert not await accepted(stage, "shop", recipient)
    assert await at_the_carrier(stage, recipient) == 2


async def test_a_rolling_minute_is_sixty_seconds(stage: Stage) -> None:
    recipient = stage.recipient()
    start = datetime.fromisoformat(WORKDAY).replace(second=50)
    clock(stage, start)
    assert await accepted(stage, "login", recipient)
    clock(stage, start + timedelta(seconds=20))  # another minute of the clock, but not a minute later
    (answer,) = await stage.send("login", recipient)
    assert answer.status == CAPPED
    assert answer.explanation.retry_after_s in range(30, 42)
    clock(stage, start + timedelta(seconds=61))
    assert await accepted(stage, "login", recipient)
    assert await at_the_carrier(stage, recipient) == 2


async def test_several_caps_hold_at_once_and_a_refused_message_counts_in_none(stage: Stage) -> None:
    recipient = stage.recipient()
    start = datetime.fromisoformat(WORKDAY)
    results = []
    for number in range(7):
        clock(stage, start + timedelta(seconds=61 * number))
        results.append(await accepted(stage, "login", recipient))
        # Three more within the minute: if they counted, the hour's five would be used up at once.
        for _ in range(3):
            assert not await accepted(stage, "login", recipient)
    assert results == [True] * 5 + [False] * 2
    assert await at_the_carrier(stage, recipient) == 5
    clock(stage, start + timedelta(seconds=3601))
    assert await accepted(stage, "login", recipient)


async def test_a_week_is_full_although_the_day_is_not(stage: Stage) -> None:
    recipient = stage.recipient()
    for day in range(3):
        clock(stage, MONDAY + timedelta(days=day))
        assert await accepted(stage, "shop", recipient)
        # What still waits when the clock jumps would be judged at the new time.
        assert await at_the_carrier(stage, recipient) == day + 1
    for day in (3, 4):
        clock(stage, MONDAY + timedelta(days=day))
        (answer,) = await stage.send("shop", recipient)
        assert answer.status == CAPPED
        assert "marketing-week" in (answer.explanation.reason or "")
    clock(stage, MONDAY + timedelta(days=7))
    assert await accepted(stage, "shop", recipient)
    assert await at_the_carrier(stage, recipient) == 4


async def test_the_company_counts_over_all_accounts_and_spellings_of_the_number(stage: Stage) -> None:
    recipient = stage.recipient()
    assert await accepted(stage, "shop", recipient)
    for account in ("shop", "shop-two"):
        for written in (recipient, recipient[2:], f"+{recipient}", f"00{recipient}"):
            assert not await accepted(stage, account, written)
    assert await at_the_carrier(stage, recipient) == 1


async def test_a_signature_has_its_own_count(stage: Stage) -> None:
    recipient = stage.recipient()
    assert await accepted(stage, "login", recipient)
    assert not await accepted(stage, "login", recipient)
    assert await accepted(stage, "orders", recipient)
    assert await accepted(stage, "orders", recipient)
    assert await at_the_carrier(stage, recipient) == 3


async def test_a_tier_given_with_the_message(stage: Stage) -> None:
    recipient = stage.recipient()
    assert await accepted(stage, "shop", recipient, tlvs=LOYAL)
    assert not await accepted(stage, "shop", recipient)
    assert await accepted(stage, "shop", recipient, tlvs=LOYAL)
    assert not await accepted(stage, "shop", recipient, tlvs=LOYAL)
    assert await at_the_carrier(stage, recipient) == 2


async def test_a_tier_nobody_knows_is_an_ordinary_recipients(stage: Stage) -> None:
    recipient = stage.recipient()
    assert await accepted(stage, "shop", recipient, tlvs=tlv(0x1410, b"platinum"))
    assert not await accepted(stage, "shop", recipient, tlvs=tlv(0x1410, b"platinum"))
    assert await at_the_carrier(stage, recipient) == 1


async def test_a_stored_tier(stage: Stage) -> None:
    recipient = stage.recipient()
    await smsgw(stage, "tier", "set", recipient, "loyal", "--why", "a regular customer")
    assert [await accepted(stage, "shop", recipient) for _ in range(3)] == [True, True, False]
    await smsgw(stage, "tier", "remove", recipient, "--why", "no longer")
    assert not await accepted(stage, "shop", recipient)
    assert await at_the_carrier(stage, recipient) == 2


async def test_a_long_message_counts_once(stage: Stage) -> None:
    recipient = stage.recipient()
    assert await accepted(stage, "shop", recipient, LONG, tlvs=LOYAL)
    assert await accepted(stage, "shop", recipient, MARKETING, tlvs=LOYAL)
    answers = await stage.send("shop", recipient, LONG, tlvs=LOYAL)
    assert len(answers) == 3
    assert {(answer.status, answer.explanation.rule_id) for answer in answers} == {(CAPPED, "frequency")}
    assert await at_the_carrier(stage, recipient) == 3 + 1


async def test_a_message_that_its_carrier_throttles_twice_counts_once(stage: Stage) -> None:
    recipient = "8619900003882"  # twice 0x58, then fine
    assert await accepted(stage, "shop", recipient, tlvs=LOYAL)
    await stage.arrives(recipient, 3)
    assert await accepted(stage, "shop", recipient, tlvs=LOYAL)
    assert not await accepted(stage, "shop", recipient, tlvs=LOYAL)
    assert await at_the_carrier(stage, recipient) == 4
    assert len([each for each in stage.arrived(recipient) if each.status == 0]) == 2


@pytest.mark.parametrize("text", [MARKETING, LONG], ids=["short", "long"])
async def test_the_same_recipient_many_times_in_one_batch(stage: Stage, text: str) -> None:
    recipient = stage.recipient()
    esme, other = await stage.esme("shop"), await stage.esme("shop-two")
    sent = [
        each.submit_long(source_of(each.settings.system_id), recipient, text, reference=reference)
        for reference in range(100, 110)
        for each in (esme, other)
    ]
    statuses = [{(await answer).status for answer in message} for message in sent]
    assert sorted(statuses, key=sum) == [{0}] + [{CAPPED}] * 19
    assert await at_the_carrier(stage, recipient) == len(sent[0])


async def test_each_kind_of_account_is_told_in_its_way(stage: Stage) -> None:
    recipient = stage.recipient()
    assert await accepted(stage, "shop", recipient)
    for text in (MARKETING, LONG):
        for answer in await stage.send("shop-plain", recipient, text):
            assert (answer.status, len(answer.tlvs)) == (0x45, 0)
        answers = await stage.send("shop-receipt", recipient, text, registered_delivery=0)
        assert all(answer.ok for answer in answers)
        for receipt in await stage.receipts("shop-receipt", *(answer.message_id for answer in answers)):
            assert state_and_err(receipt) == ("REJECTD", 8, "430")
    assert await at_the_carrier(stage, recipient) == 1


async def test_counts_hold_over_reconnects_and_restarts(stage: Stage) -> None:
    recipients = [stage.recipient() for _ in range(3)]
    for recipient in recipients:
        assert await accepted(stage, "shop", recipient)
    esme = await stage.esme("shop")
    esme.drop()
    await esme.connect()
    for end in ("reconnect", "SIGTERM", "SIGKILL", "SIGKILL with Redis"):
        if end == "SIGTERM":
            await stage.gateway.restart()
        elif end != "reconnect":
            stage.gateway.kill(store=end.endswith("Redis"))
            await stage.gateway.start()
        for recipient in recipients:
            for account in ("shop", "shop-two"):
                assert not await accepted(stage, account, recipient), end
    for recipient in recipients:
        assert await at_the_carrier(stage, recipient) == 1


async def smsgw(stage: Stage, *arguments: str) -> None:
    """Run a command of ``smsgw`` on the stage's site."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "smsgw", *arguments, "--site", str(stage.gateway.site), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
