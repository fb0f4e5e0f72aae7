"""Segments that come slowly: early answers to a client with a window of one, late refusals, what never completes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulators.esme.answer import Answer
from simulators.esme.message import Envelope
from simulators.esme.sim import EsmeSim
from tests.e2e.gateway import WORKDAY
from tests.e2e.stage import SOURCES, Stage, open_stage, source_of, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

EARLY_S = 0.3
BODY = "好物低价，快来选购。" * 15
GOOD = f"【示例商城】{BODY}拒收请回复R"
NO_PHRASE = f"【示例商城】{BODY}"
UNSIGNED = f"{BODY}拒收请回复R"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    accounts = {"one": ("shop", {"window": 1}), "one-receipt": ("shop", {"window": 1, "reject_mode": "receipt"})}
    async with open_stage(tmp_path_factory.mktemp("site"), accounts=accounts) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _workday(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


async def one_by_one(
    stage: Stage, account: str, recipient: str, text: str, reference: int, long: str = "udh", only: int | None = None
) -> list[tuple[Answer, float]]:
    """Send each segment after the answer to the one before; the answers and how long each took."""
    esme = await stage.esme(account)
    answers = []
    for part in Envelope(source_of(account), recipient).parts(text, long, reference)[:only]:
        start_s = time.monotonic()
        answer = await esme.request(part)
        answers.append((answer, time.monotonic() - start_s))
    return answers


@pytest.mark.parametrize("long", ["udh", "udh16", "sar"])
async def test_a_window_of_one_is_answered_early_and_the_message_arrives_whole(stage: Stage, long: str) -> None:
    recipient = stage.recipient()
    answers = await one_by_one(stage, "one", recipient, GOOD, 1, long)
    assert [answer.status for answer, _ in answers] == [0, 0, 0]
    for _, took_s in answers[:-1]:
        assert took_s >= EARLY_S * 0.9
    arrived = await stage.arrives(recipient, 3)
    assert "".join(each.text for each in arrived) == GOOD
    for receipt in await stage.receipts("one", *(answer.message_id for answer, _ in answers)):
        assert state_and_err(receipt) == ("DELIVRD", 2, "000")


@pytest.mark.parametrize(
    ("text", "status"), [(NO_PHRASE, 0x405), (UNSIGNED, 0x402)], ids=["phrase missing", "signature missing"]
)
async def test_a_refusal_after_early_answers_goes_by_receipt_for_those(stage: Stage, text: str, status: int) -> None:
    recipient = stage.recipient()
    answers = [answer for answer, _ in await one_by_one(stage, "one", recipient, text, 2)]
    assert [answer.status for answer in answers] == [0] * (len(answers) - 1) + [status]
    for receipt in await stage.receipts("one", *(answer.message_id for answer in answers[:-1])):
        assert state_and_err(receipt) == ("REJECTD", 8, f"{status & 0xFFF:03X}")
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_a_cap_after_early_answers_goes_by_receipt_too(stage: Stage) -> None:
    recipient = stage.recipient()
    assert await stage.status("shop", recipient) == 0
    answers = [answer for answer, _ in await one_by_one(stage, "one", recipient, GOOD, 3)]
    assert [answer.status for answer in answers] == [0, 0, 0x430]
    for receipt in await stage.receipts("one", *(answer.message_id for answer in answers[:-1])):
        assert state_and_err(receipt) == ("REJECTD", 8, "430")
    await stage.settled()
    assert len(stage.arrived(recipient)) == 1


async def test_with_refusals_by_receipt_every_segment_gets_one(stage: Stage) -> None:
    recipient = stage.recipient()
    answers = [answer for answer, _ in await one_by_one(stage, "one-receipt", recipient, NO_PHRASE, 4)]
    assert [answer.status for answer in answers] == [0] * len(answers)
    for receipt in await stage.receipts("one-receipt", *(answer.message_id for answer in answers)):
        assert state_and_err(receipt) == ("REJECTD", 8, "405")
    await stage.settled()
    assert stage.arrived(recipient) == []


async def test_what_never_completes_expires_and_says_so(stage: Stage) -> None:
    recipient = stage.recipient()
    answers = [answer for answer, _ in await one_by_one(stage, "one", recipient, GOOD, 5, only=2)]
    assert [answer.status for answer in answers] == [0, 0]
    stage.gateway.advance(61)
    for receipt in await stage.receipts("one", *(answer.message_id for answer in answers)):
        assert state_and_err(receipt)[:2] == ("EXPIRED", 3)
    # It counted nowhere: the same text in full is the first of the day.
    answers = [answer for answer, _ in await one_by_one(stage, "one", recipient, GOOD, 5)]
    assert [answer.status for answer in answers] == [0, 0, 0]
    await stage.arrives(recipient, 3)
    await stage.settled()
    assert len(stage.arrived(recipient)) == 3


async def test_segments_survive_a_kill_between_them(stage: Stage) -> None:
    recipient = stage.recipient()
    esme = await stage.esme("shop")
    parts = Envelope(SOURCES["shop"], recipient).parts(GOOD, "udh", 6)
    first = await esme.request(parts[0])
    second = await esme.request(parts[1])
    stage.gateway.kill()
    await stage.gateway.start()
    esme = await stage.esme("shop")
    third = await esme.request(parts[2])
    assert (first.status, second.status, third.status) == (0, 0, 0)
    arrived = await stage.arrives(recipient, 3)
    assert "".join(each.text for each in arrived) == GOOD
    await stage.receipts("shop", first.message_id, second.message_id, third.message_id)


async def test_in_any_order_on_any_bind_it_leaves_in_order(stage: Stage) -> None:
    recipient = stage.recipient()
    async with EsmeSim(stage.settings("shop", binds=("trx", "tx"))) as esme:
        parts = Envelope(SOURCES["shop"], recipient).parts(GOOD, "udh", 7)
        sent = [esme.request(parts[index], bind=index % 2) for index in (2, 0, 1)]
        assert [(await answer).status for answer in sent] == [0, 0, 0]
        arrived = await stage.arrives(recipient, 3)
        assert "".join(each.text for each in arrived) == GOOD
        assert len({each.link.number for each in arrived}) == 1


async def test_a_segment_sent_twice_is_one(stage: Stage) -> None:
    recipient = stage.recipient()
    esme = await stage.esme("shop")
    parts = Envelope(SOURCES["shop"], recipient).parts(GOOD, "udh", 8)
    sent = [esme.request(parts[index]) for index in (0, 0, 1, 2)]
    assert [(await answer).status for answer in sent] == [0, 0, 0, 0]
    await stage.arrives(recipient, 3)
    await stage.settled()
    assert len(stage.arrived(recipient)) == 3
