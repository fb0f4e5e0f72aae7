"""Pauses: what waits anywhere stops at once, is parked, goes on in order at a limited rate, and is looked at again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from smsgw.services import pauses
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.constants import CommandId
from tests.e2e.gateway import WORKDAY
from tests.e2e.staff import Staff, staff_of
from tests.e2e.stage import MARKETING, Stage, open_stage, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PAUSED = 0x450
RESUME_PER_S = 20
QUERY, CANCEL, REPLACE = CommandId.QUERY_SM, CommandId.CANCEL_SM, CommandId.REPLACE_SM
ENROUTE, DELETED = 1, 4
WHY = "complaints are gathering"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    overrides = {
        "smsgw.toml": {"pause": {"resume_rate": f"{RESUME_PER_S}/s"}},
        # What goes over two binds may arrive in another order than it was sent.
        "carriers/alpha.toml": {"binds": [{"type": "transceiver", "count": 1}]},
    }
    accounts = {"other": ("shop", {"department": "wholesale"})}
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides, accounts=accounts) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staff(stage: Stage) -> AsyncIterator[Staff]:
    async with staff_of(stage.gateway) as staff:
        yield staff


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _nothing_paused(stage: Stage) -> AsyncIterator[None]:
    stage.gateway.set_clock(WORKDAY)
    yield
    async with staff_of(stage.gateway) as staff:
        for each in (await pauses.list_(staff(), ended=True)).items:
            await resume(stage, staff, each.scope)
    await stage.gateway.wait_for(lambda: not parked(stage), 10, "empty lots")


async def pause(stage: Stage, staff: Staff, scope: str, expires: str = "") -> None:
    """Pause, and wait until the gateway says so."""
    await pauses.pause(staff(), scope, why=WHY, expires=expires)
    await stage.gateway.wait_for(lambda: scope in scopes(stage), 1, "the pause within a second")


async def resume(stage: Stage, staff: Staff, scope: str) -> None:
    await pauses.resume(staff(), scope, why="it is over")
    await stage.gateway.wait_for(lambda: scope not in scopes(stage), 1, "its end within a second")


def scopes(stage: Stage) -> list[str]:
    return [each["scope"] for each in stage.gateway.status()["pauses"]]


def parked(stage: Stage) -> int:
    return int(sum(stage.gateway.status()["parked"].values()))


async def stopped(stage: Stage, staff: Staff, scope: str, count: int) -> list[tuple[str, str]]:
    """``count`` accepted marketing messages that wait at alpha when the pause comes; (recipient, message id)."""
    stage.alpha.pause()
    try:
        window = stage.gateway.status()["carriers"]["alpha"]["binds"] * 10
        blocker = stage.recipient()
        for _ in range(window):
            assert await stage.status("orders", blocker) == 0
        sent = []
        for _ in range(count):
            recipient = stage.recipient()
            (answer,) = await stage.send("shop", recipient)
            assert answer.ok
            sent.append((recipient, answer.message_id))
        await pause(stage, staff, scope)
    finally:
        stage.alpha.resume()
    await stage.gateway.wait_for(lambda: parked(stage) == count, 10, "all of them parked")
    return sent


@pytest.mark.parametrize(
    ("scope", "stops"),
    [
        ("global", {"shop", "other", "orders"}), ("department:retail", {"shop"}), ("account:other", {"other"}),
        ("signature:示例商城", {"shop", "other"}), ("account:orders", {"orders"}), ("carrier:beta", set()),
    ],
)  # fmt: skip
async def test_what_a_scope_refuses(stage: Stage, staff: Staff, scope: str, stops: set[str]) -> None:
    await pause(stage, staff, scope)
    for account in ("shop", "other", "orders"):
        (answer,) = await stage.send(account, stage.recipient())
        assert answer.status == (PAUSED if account in stops else 0), account
        if account in stops and account != "orders":
            assert answer.explanation.rule_id == "paused"
            assert WHY in (answer.explanation.reason or "")


async def test_what_waits_for_its_carrier_stops_at_once_and_goes_on_in_order(stage: Stage, staff: Staff) -> None:
    sent = await stopped(stage, staff, "account:shop", 30)
    await stage.settled()
    assert not any(stage.arrived(recipient) for recipient, _ in sent)
    assert stage.gateway.metric("smsgw_parked_messages", lot="pause") == 30
    before = len(stage.alpha.received)
    start_s = time.monotonic()
    await resume(stage, staff, "account:shop")
    for recipient, _ in sent:
        await stage.arrives(recipient)
    took_s = time.monotonic() - start_s
    assert took_s >= 0.7 * 30 / RESUME_PER_S
    arrived = [each.recipient[-11:] for each in stage.alpha.received[before:]]
    assert arrived == [recipient[-11:] for recipient, _ in sent]
    for receipt in await stage.receipts("shop", *(message_id for _, message_id in sent)):
        assert state_and_err(receipt)[0] == "DELIVRD"
    await stage.gateway.wait_for(lambda: len(stage.gateway.steps(sent[0][1])) >= 4, 5, "its steps")
    steps = [each["step"] for each in stage.gateway.steps(sent[0][1])]
    assert steps[:4] == ["accepted", "parked", "released", "sent"]


async def test_caps_are_not_counted_again_and_opt_outs_are_looked_at_again(stage: Stage, staff: Staff) -> None:
    (first, first_id), (second, second_id) = await stopped(stage, staff, "account:shop", 2)
    await stage.mo(first, "106900013001", "退订")
    await resume(stage, staff, "account:shop")
    (receipt,) = await stage.receipts("shop", first_id)
    assert state_and_err(receipt) == ("REJECTD", 8, "410")
    await stage.receipts("shop", second_id)
    assert await stage.status("shop", second) == 0x430  # one a day, and that was it
    await stage.settled()
    assert (len(stage.arrived(first)), len(stage.arrived(second))) == (0, 1)


async def test_asked_for_taken_back_and_replaced_while_parked(stage: Stage, staff: Staff) -> None:
    (_, asked), (gone, cancelled), (changed, replaced) = await stopped(stage, staff, "account:shop", 3)
    answer = await stage.ask("shop", QUERY, asked)
    assert answer.pdu.fields["message_state"] == ENROUTE
    fields = {"destination_addr": gone.encode()}
    assert (await stage.ask("shop", CANCEL, cancelled, **fields)).status == 0
    body = {"short_message": encode_text("【示例商城】今日不同，拒收请回复R", 8), "registered_delivery": 1}
    assert (await stage.ask("shop", REPLACE, replaced, **body)).status == 0
    bad = {"short_message": encode_text("没有签名，拒收请回复R", 8), "registered_delivery": 1}
    assert (await stage.ask("shop", REPLACE, replaced, **bad)).status == 0x402
    await stage.gateway.wait_for(lambda: parked(stage) == 2, 5, "one of them gone")
    (receipt,) = await stage.receipts("shop", cancelled)
    assert state_and_err(receipt)[:2] == ("DELETED", DELETED)
    await resume(stage, staff, "account:shop")
    (message,) = await stage.arrives(changed)
    assert message.text == "【示例商城】今日不同，拒收请回复R"
    await stage.receipts("shop", asked)
    assert stage.arrived(gone) == []


async def test_it_expires_while_parked(stage: Stage, staff: Staff) -> None:
    ((recipient, message_id),) = await stopped(stage, staff, "account:shop", 1)
    stage.gateway.advance(73 * 3600)
    (receipt,) = await stage.receipts("shop", message_id)
    assert state_and_err(receipt)[:2] == ("EXPIRED", 3)
    await stage.gateway.wait_for(lambda: not parked(stage), 5, "an empty lot")
    assert stage.arrived(recipient) == []


async def test_a_pause_ends_by_itself(stage: Stage, staff: Staff) -> None:
    await pause(stage, staff, "account:shop", expires="2h")
    (answer,) = await stage.send("shop", stage.recipient())
    assert answer.status == PAUSED
    assert 7000 < (answer.explanation.retry_after_s or 0) <= 7200
    stage.gateway.advance(7200)
    assert await stage.status("shop", stage.recipient()) == 0
    assert scopes(stage) == []


async def test_a_paused_carriers_messages_go_over_the_next(stage: Stage, staff: Staff) -> None:
    recipient, blocker = stage.recipient(), stage.recipient()
    stage.alpha.pause()
    try:
        window = stage.gateway.status()["carriers"]["alpha"]["binds"] * 10
        for _ in range(window):
            assert await stage.status("orders", blocker) == 0
        assert await stage.status("shop", recipient) == 0
        await pause(stage, staff, "carrier:alpha")
    finally:
        stage.alpha.resume()
    await stage.arrives(recipient)
    again = stage.recipient()
    assert await stage.status("shop", again) == 0
    await stage.arrives(again)
    tails = [each.recipient[-11:] for each in stage.beta.received]
    assert recipient[-11:] in tails
    assert again[-11:] in tails
    await pauses.pause(staff(), "carrier:beta", why=WHY)
    meanwhile = []
    async with asyncio.timeout(1):
        while await stage.status("shop", late := stage.recipient()) != PAUSED:
            meanwhile.append(late)
            await asyncio.sleep(0.01)
    await resume(stage, staff, "carrier:alpha")
    await resume(stage, staff, "carrier:beta")
    for each in meanwhile:
        await stage.arrives(each)


async def test_marketing_is_paused_in_the_middle_of_a_batch(stage: Stage, staff: Staff) -> None:
    """What was accepted is either at the carrier or parked, and arrives once in the end."""
    await stage.settled()
    await stage.gateway.wait_for(lambda: parked(stage) == 0, 5, "what a pause before this one stopped")
    recipients = [stage.recipient() for _ in range(50)]
    esme = await stage.esme("shop")
    sent = [esme.submit("106900013001", each, MARKETING) for each in recipients]
    await pauses.pause(staff(), "account:shop", why=WHY)
    answers = [await each for each in sent]
    assert {answer.status for answer in answers} <= {0, PAUSED}
    accepted = [each for each, answer in zip(recipients, answers, strict=True) if answer.ok]
    await stage.settled()

    def accounted_for() -> bool:
        return parked(stage) + sum(len(stage.arrived(each)) for each in accepted) == len(accepted)

    await stage.gateway.wait_for(accounted_for, 10, "each at the carrier or parked")
    await resume(stage, staff, "account:shop")
    for each in accepted:
        await stage.arrives(each, deadline_s=20)
    await stage.settled()
    assert [len(stage.arrived(each)) for each in accepted] == [1] * len(accepted)


async def test_it_holds_over_a_restart(stage: Stage, staff: Staff) -> None:
    ((recipient, message_id),) = await stopped(stage, staff, "account:shop", 1)
    await stage.gateway.restart()
    assert await stage.status("shop", stage.recipient()) == PAUSED
    await stage.settled()
    assert stage.arrived(recipient) == []
    # The embedded server has gone and come back with the gateway.
    async with staff_of(stage.gateway) as again:
        await resume(stage, again, "account:shop")
    await stage.receipts("shop", message_id)
