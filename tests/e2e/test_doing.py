"""What engineers do to a running gateway: carriers, accounts, binds and queues ordered about, live PDUs, timelines."""

from __future__ import annotations

import asyncio
import itertools
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from smsgw.cli.ops_port import act, watch
from smsgw.errors import BindRejected, ConnectFailed
from smsgw.services import messages, orders, queues
from tests.e2e.staff import Staff, staff_of
from tests.e2e.stage import Stage, open_stage, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SUSPENDED = 0x401
WHY = "maintenance"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    alone = {"binds": [{"type": "transceiver", "count": 1}]}
    overrides = {"carriers/alpha.toml": alone, "carriers/beta.toml": alone}
    async with open_stage(tmp_path_factory.mktemp("site"), overrides=overrides) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staff(stage: Stage) -> AsyncIterator[Staff]:
    async with staff_of(stage.gateway) as staff:
        yield staff


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _nothing_ordered(stage: Stage, staff: Staff) -> AsyncIterator[None]:
    yield
    for each in (await orders.list_(staff())).items:
        await orders.end(staff(), each.scope, why="the test is over")
    await _until(stage, lambda status: not status["orders"] and all(of["binds_up"] for of in _carriers(status)))


def _carriers(status: Any) -> Any:
    return status["carriers"].values()


async def _until(stage: Stage, holds: Callable[[Any], object]) -> None:
    await stage.gateway.wait_for(lambda: holds(stage.gateway.status()), 10, "the gateway to do it")


async def _order(stage: Stage, staff: Staff, scope: str, action: str, expires: str = "") -> None:
    await orders.give(staff(), scope, action, why=WHY, expires=expires)
    await _until(stage, lambda status: (expires == "" and action == "close") or scope in _scopes(status))


def _scopes(status: Any) -> list[str]:
    return [each["scope"] for each in status["orders"]]


async def _waiting(stage: Stage, staff: Staff, count: int) -> list[tuple[str, str]]:
    """So many messages that wait, for staff suspended both carriers; (recipient, id)."""
    for name in ("alpha", "beta"):
        await _order(stage, staff, f"carrier:{name}", "suspend")
    found = []
    for _ in range(count):
        recipient = stage.recipient()
        (answer,) = await stage.send("orders", recipient)
        assert answer.ok
        found.append((recipient, answer.message_id))
    stage.gateway.advance(1)  # an order about a queue is about what was accepted before, and the desk knows seconds
    return found


async def test_over_a_suspended_carrier_goes_nothing_new_and_receipts_come_still(stage: Stage, staff: Staff) -> None:
    before = len(stage.alpha.received)
    stage.alpha.pause()
    try:
        first = stage.recipient()
        await stage.send("orders", first)
        await _order(stage, staff, "carrier:alpha", "suspend", "2h")
        second = stage.recipient()
        await stage.send("orders", second)
        await stage.arrives(second)
        assert any(each.recipient.endswith(second[-11:]) for each in stage.beta.received)
        status = stage.gateway.status()["carriers"]["alpha"]
        assert (status["binds_up"], status["why_not"]) == (1, f"staff ordered suspend: {WHY}")
    finally:
        stage.alpha.resume()
    # What had been written before is answered, and its receipt comes over the suspended carrier.
    await stage.arrives(first)
    await _until(stage, lambda status: sum(status["carriers"]["alpha"]["receipts"].values()) > before)
    await orders.end(staff(), "carrier:alpha", why="mended")
    await _until(stage, lambda status: not status["orders"])
    third = stage.recipient()
    await stage.send("orders", third)
    assert len(await stage.arrives(third)) == 1
    assert any(each.recipient.endswith(third[-11:]) for each in stage.alpha.received)


async def test_a_drained_carrier_sends_what_it_has_and_unbinds(stage: Stage, staff: Staff) -> None:
    stage.alpha.pause()
    try:
        recipients = [stage.recipient() for _ in range(15)]  # more than its window
        for recipient in recipients:
            await stage.send("orders", recipient)
        stage.gateway.advance(1)
        await _order(stage, staff, "carrier:alpha", "drain")
        late = stage.recipient()
        await stage.send("orders", late)
        await stage.arrives(late)
        assert any(each.recipient.endswith(late[-11:]) for each in stage.beta.received)
        assert stage.gateway.status()["carriers"]["alpha"]["binds_up"] == 1
    finally:
        stage.alpha.resume()
    await _until(stage, lambda status: status["carriers"]["alpha"]["drained"])
    await _until(stage, lambda status: not status["carriers"]["alpha"]["binds_up"])
    tails = {each.recipient[-11:] for each in stage.alpha.received}
    assert {recipient[-11:] for recipient in recipients} <= tails
    assert len([each for each in stage.gateway.events("carrier.drained") if each["who"] == "amy"]) == 1


async def test_a_suspended_account_is_refused_and_a_closed_one_sent_away(stage: Stage, staff: Staff) -> None:
    await _order(stage, staff, "account:orders", "suspend", "30m")
    (answer,) = await stage.send("orders", stage.recipient())
    assert (answer.status, answer.explanation.rule_id) == (SUSPENDED, "account.suspended")
    await orders.end(staff(), "account:orders", why="settled")
    await _until(stage, lambda status: not status["orders"])
    esme = await stage.esme("orders")
    await _order(stage, staff, "sessions:orders", "close", "30m")
    await esme.wait_for(lambda: not esme.bound, 5, "being sent away")
    with pytest.raises(BindRejected) as rejected:
        await esme.connect()
    assert rejected.value.command_status == SUSPENDED
    await orders.end(staff(), "sessions:orders", why="settled")
    await _until(stage, lambda status: not status["orders"])
    # Without an end it is done once.
    stage.gateway.advance(1)
    esme = await stage.esme("orders")
    await _order(stage, staff, "sessions:orders", "close")
    await esme.wait_for(lambda: not esme.bound, 5, "being sent away")
    assert await stage.status("orders", stage.recipient()) == 0


async def test_binds_are_closed_opened_and_bound_again(stage: Stage, staff: Staff) -> None:
    await _order(stage, staff, "bind:beta#0", "close", "10m")
    await _until(stage, lambda status: status["carriers"]["beta"]["links"][0]["why_down"] == "closed by order")
    await orders.end(staff(), "bind:beta#0", why="mended")
    await _until(stage, lambda status: status["carriers"]["beta"]["binds_up"] == 1)
    bound = len(stage.gateway.events("carrier.bound"))
    site = staff().site
    assert await asyncio.to_thread(act, site, "rebind", carrier="alpha", bind=None) == {"rebound": ["alpha#0"]}
    await stage.gateway.wait_for(lambda: len(stage.gateway.events("carrier.bound")) > bound, 5, "a new bind")
    esme = await stage.esme("orders")
    (session,) = [each["id"] for each in stage.gateway.status()["accounts"]["orders"]["links"]]
    assert await asyncio.to_thread(act, site, "close", session=session) == {"closed": [session]}
    await esme.wait_for(lambda: not esme.bound, 5, "being sent away")
    with pytest.raises(ConnectFailed, match="refuses: no session 'orders/99' is bound here"):
        await asyncio.to_thread(act, site, "close", session="orders/99")


async def test_nobody_acts_without_the_sites_secrets(stage: Stage) -> None:
    url = f"http://127.0.0.1:{stage.gateway.ops_port}/act/rebind"
    for headers in ({}, {"Authorization": "Bearer 1.abc"}):
        request = urllib.request.Request(url, b'{"carrier": "alpha"}', headers)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            await asyncio.to_thread(urllib.request.urlopen, request)


async def test_live_pdus_of_a_recipient_on_both_legs(stage: Stage, staff: Staff) -> None:
    recipient, found = stage.recipient(), list[dict[str, Any]]()
    seen = watch(staff().site, "trace", recipient=recipient, seconds=8)
    loop = asyncio.get_running_loop()
    looking = loop.run_in_executor(None, lambda: found.extend(itertools.islice(seen, 8)))
    await stage.gateway.wait_for(lambda: stage.gateway.metric("smsgw_traces") == 1, 5, "somebody looking on")
    await stage.send("orders", stage.recipient())
    await stage.send("orders", recipient)
    await looking
    seen.close()
    legs = {(("account" if "account" in each else "carrier"), each["to"], each["pdu"]) for each in found}
    assert legs == {
        ("account", "us", "submit_sm"), ("account", "them", "submit_sm_resp"), ("carrier", "them", "submit_sm"),
        ("carrier", "us", "submit_sm_resp"), ("carrier", "us", "deliver_sm"), ("carrier", "them", "deliver_sm_resp"),
        ("account", "them", "deliver_sm"), ("account", "us", "deliver_sm_resp"),
    }  # fmt: skip
    told = json.dumps(found, ensure_ascii=False)
    assert recipient[-11:] not in told
    assert "包裹" not in told
    await stage.gateway.wait_for(lambda: stage.gateway.metric("smsgw_traces") == 0, 5, "nobody looking on")


async def test_what_waits_is_shown_moved_and_thrown_away(stage: Stage, staff: Staff) -> None:
    sent = await _waiting(stage, staff, 6)
    found = await queues.overview(staff())
    assert {(each.carrier, each.lane): each.waiting for each in found.lanes if each.waiting} == {("alpha", "notice"): 6}
    shown = await queues.show(staff(), "alpha", account="orders")
    assert [each.message_id for each in shown] == [message_id for _, message_id in sent]
    assert (await messages.timeline(staff(), sent[0][1])).now == "waits for carrier alpha"
    await orders.end(staff(), "carrier:beta", why="mended")
    # They went there by themselves: alpha is suspended and beta is not any more.
    await stage.arrives(sent[5][0])
    await orders.end(staff(), "carrier:alpha", why="mended")

    sent = await _waiting(stage, staff, 6)
    await orders.tidy(staff(), "purge", why=WHY, account="orders")
    for receipt in await stage.receipts("orders", *(message_id for _, message_id in sent)):
        assert state_and_err(receipt)[0] == "DELETED"
    assert await queues.left(staff(), "all", "", "orders", staff().now_ms()) == 0
    await stage.gateway.wait_for(lambda: len(stage.gateway.steps(sent[0][1])) >= 2, 5, "its records")
    timeline = await messages.timeline(staff(), sent[0][1])
    assert timeline.now.startswith("DELETED")
    assert [each.step for each in timeline.events][:2] == ["accepted", "cancelled"]
    assert timeline.events[1].detail == {"reason": f"purged by amy: {WHY}"}


async def test_a_queue_is_moved_to_another_carrier_of_the_route(stage: Stage, staff: Staff) -> None:
    stage.alpha.pause()
    try:
        recipients = [stage.recipient() for _ in range(15)]
        for recipient in recipients:
            await stage.send("orders", recipient)
        await _until(stage, lambda status: status["carriers"]["alpha"]["in_flight"] == 10)
        stage.gateway.advance(1)
        await orders.tidy(staff(), "move", why=WHY, carrier="alpha", lane="notice", target="beta")
        # Those that alpha has been given stay with it.
        for recipient in recipients[10:]:
            await stage.arrives(recipient)
    finally:
        stage.alpha.resume()
    tails = {each.recipient[-11:] for each in stage.beta.received}
    assert [recipient[-11:] in tails for recipient in recipients] == [False] * 10 + [True] * 5
    await _until(stage, lambda status: not status["carriers"]["alpha"]["in_flight"])


async def test_what_is_held_can_be_thrown_away(stage: Stage, staff: Staff) -> None:
    recipient = stage.recipient()
    (answer,) = await stage.send("orders", recipient, schedule_delivery_time="000000020000000R")
    assert answer.ok, answer
    stage.gateway.advance(1)
    assert (await queues.show(staff(), "held"))[0].why == "window or schedule"
    assert (await messages.timeline(staff(), answer.message_id)).now.startswith("held until")
    await orders.tidy(staff(), "purge", why=WHY, carrier="held")
    (receipt,) = await stage.receipts("orders", answer.message_id)
    assert state_and_err(receipt)[0] == "DELETED"
    await stage.gateway.wait_for(lambda: len(stage.gateway.steps(answer.message_id)) >= 2, 5, "its records")
    briefs = await messages.of_number(staff(), recipient)
    assert [(each.message_id, each.account) for each in briefs] == [(answer.message_id, "orders")]
    assert not stage.arrived(recipient)
