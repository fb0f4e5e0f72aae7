"""Codes in receipts: what each class leads to, counted at the carriers."""

from __future__ import annotations

import pytest

from smsgw.smpp.constants import CommandId
from tests.e2e.failover import at, events, outcome, sent
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("code", "stat", "alpha", "beta"),
    [
        ("4505", "UNDELIV", 1, 0),  # MK:0001, the number does not exist
        ("4507", "UNDELIV", 1, 0),  # MK:0005, out of service
        ("4511", "DELIVRD", 1, 1),  # IB:0008, flow
        ("4513", "UNDELIV", 1, 0),  # KEYWORD, content
        ("4518", "DELIVRD", 1, 1),  # NP:1243, ported
        ("4519", "DELIVRD", 1, 1),  # NOROUTER
    ],
)
async def test_what_a_code_in_a_receipt_leads_to(failover: Stage, code: str, stat: str, alpha: int, beta: int) -> None:
    assert await outcome(failover, f"861990000{code}") == (stat, alpha, beta)


async def test_content_is_told_and_every_code_is_counted(failover: Stage) -> None:
    await failover.gateway.wait_for(lambda: events(failover, "carrier.content_refused") == 1, 5, "the alert")
    counted = {"content", "flow", "invalid_number", "no_route", "ported", "suspended"}
    found = {
        each: failover.gateway.metric("smsgw_carrier_codes_total", carrier="alpha", **{"class": each})
        for each in counted
    }
    assert all(found.values()), found
    assert failover.gateway.metric("smsgw_carrier_mt_switched_total", carrier="alpha", cause="receipt") == 3
    assert events(failover, "carrier.switched", carrier="alpha", to="beta", cause="receipt") >= 1


async def test_a_carriers_blacklist_is_remembered_and_the_next_message_takes_another(failover: Stage) -> None:
    recipient = "8619900004500"
    assert await outcome(failover, recipient) == ("UNDELIV", 1, 0)
    await failover.gateway.wait_for(lambda: events(failover, "blacklist.learnt") == 1, 5, "the entry")
    assert await outcome(failover, recipient) == ("DELIVRD", 1, 1)


async def test_a_carriers_cap_stops_the_recipient_until_its_day_is_over(failover: Stage) -> None:
    recipient = "8619900004509"
    assert await outcome(failover, recipient) == ("UNDELIV", 1, 0)
    await failover.gateway.wait_for(lambda: events(failover, "carrier.cap_learnt") == 1, 5, "the entry")
    assert await failover.status("orders", recipient) == 0x430
    failover.gateway.set_clock("2026-11-19T10:30:00+08:00")
    assert await failover.status("orders", recipient) == 0


async def test_a_message_outside_the_carriers_hours_waits_for_them(failover: Stage) -> None:
    recipient = "8619900004517"
    message_id = await sent(failover, recipient)
    steps = lambda: [step["step"] for step in failover.gateway.steps(message_id)]  # noqa: E731
    await failover.gateway.wait_for(lambda: "held" in steps(), 5, "the message to be held")
    found = await failover.ask("orders", CommandId.QUERY_SM, message_id)
    assert found.pdu.fields["message_state"] == 1
    failover.gateway.set_clock("2026-11-18T11:00:01+08:00")
    await failover.arrives(recipient, 2)
    assert (at(failover.alpha, recipient), at(failover.beta, recipient)) == (2, 0)


async def test_a_carrier_that_wants_the_signature_elsewhere_is_passed_over(failover: Stage) -> None:
    recipient = "8619900004520"  # MA:0003, no route
    assert await outcome(failover, recipient) == ("DELIVRD", 1, 1)
    assert at(failover.carriers["gamma"], recipient) == 0


async def test_a_signature_that_a_carrier_refuses_is_paused(failover: Stage) -> None:
    for _ in range(2):
        assert (await outcome(failover, "8619900004515", "login"))[0] == "UNDELIV"  # SC:0018
        failover.gateway.advance(90)
    await failover.gateway.wait_for(lambda: events(failover, "signature.paused") == 1, 5, "the pause")
    await failover.gateway.wait_for(lambda: failover.gateway.metric("smsgw_pauses_in_force") == 1, 5, "it holds")
    assert await failover.status("login", failover.recipient()) == 0x450
    assert await failover.status("orders", failover.recipient()) == 0
    failover.gateway.advance(3600)
    assert await failover.status("login", failover.recipient()) == 0
