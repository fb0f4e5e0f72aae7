"""Lanes, rates and times at carriers: codes overtake what waits, go where there is time, expire where nobody has any.

An account over its rate keeps its order and holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.message import Message
from simulators.carrier.settings import CarrierSettings
from tests.e2e.stage import MARKETING, OTHER_SOURCE, OTP, SOURCES, Stage, open_stage, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

RATE = 200
SLOW = {"rate": "2/s", "burst": 1, "lanes": {}}
#: Codes by account: with a way out, and without.
ROUTES = [
    {"name": "out", "account": "twoways", "carriers": ["slow", "beta"]},
    {"name": "none", "account": "oneway", "carriers": ["lone"]},
    {"name": "all", "carriers": ["alpha"]},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    limited = CarrierSettings(tps=RATE * 1.05, tps_burst=RATE * 0.5, tps_per="account")
    sims = {"alpha": limited, "beta": CarrierSettings(), "slow": CarrierSettings(), "lone": CarrierSettings()}
    overrides: dict[str, dict[str, Any]] = {
        "smsgw.toml": {"lanes": {"otp_limit": "4s"}},
        "routes.toml": {"route": ROUTES, "test": None},
        "accounts/shop.toml": {"window": 500},
        "carriers/alpha.toml": {"rate": f"{RATE}/s", "burst": 20, "account_rates": {"meter": "2/s"}},
    }
    accounts: dict[str, tuple[str, dict[str, Any]]] = {
        "twoways": ("login", {}), "oneway": ("login", {}), "meter": ("shop", {}),
    }  # fmt: skip
    directory = tmp_path_factory.mktemp("site")
    async with open_stage(directory, sims, overrides, accounts, {"slow": SLOW, "lone": SLOW}) as made:
        yield made


def texts_of(messages: list[Message], start: str) -> list[Message]:
    return [message for message in messages if message.text.startswith(start)]


async def test_codes_overtake_marketing_that_saturates_the_carrier(stage: Stage) -> None:
    shop, login = await stage.esme("shop"), await stage.esme("login")
    alpha = stage.alpha
    waiting = [shop.submit(SOURCES["shop"], stage.recipient(), MARKETING) for _ in range(200)]
    await alpha.wait_for(lambda: len(alpha.received) >= 30, 10, "the carrier to be busy")
    for answer in waiting:
        assert (await answer).ok
    behind = [stage.recipient() for _ in range(20)]
    for recipient in behind:
        login.submit(SOURCES["login"], recipient, OTP)
    await alpha.wait_for(lambda: len(alpha.received) == 220, 10, "everything")
    order = [message.recipient in behind or f"86{message.recipient}" in behind for message in alpha.received]
    assert sum(order) == 20
    last = len(order) - 1 - order[::-1].index(True)
    # Before them went what was on its way, and not the hundred and more that waited.
    assert len(order) - last >= 40
    assert {message.status for message in alpha.received} == {0}  # and never faster than the rate
    window = stage.gateway.status()["carriers"]["alpha"]
    assert (window["slowed"], window["waiting"]) == (False, {"otp": 0, "notice": 0, "marketing": 0})


async def test_codes_go_where_there_is_time_and_expire_where_nobody_has_any(stage: Stage) -> None:
    ways = {account: [stage.recipient() for _ in range(30)] for account in ("twoways", "oneway")}
    ids: dict[str, list[str]] = {account: [] for account in ways}
    for account, recipients in ways.items():
        esme = await stage.esme(account)
        sent = [esme.submit(OTHER_SOURCE, recipient, OTP, registered_delivery=1) for recipient in recipients]
        ids[account] = [(await answer).message_id for answer in sent]
    slow, beta, lone = (stage.carriers[name] for name in ("slow", "beta", "lone"))
    receipts = await stage.receipts("twoways", *ids["twoways"])
    assert {state_and_err(each)[0] for each in receipts} == {"DELIVRD"}
    assert len(slow.received) + len(beta.received) == 30
    assert len(beta.received) >= 15  # at two a second the slow one has time for a few
    assert stage.gateway.metric("smsgw_carrier_mt_rerouted_total", carrier="slow") == len(beta.received)
    stage.gateway.advance(6)
    ends = [state_and_err(each)[0] for each in await stage.receipts("oneway", *ids["oneway"])]
    assert ends.count("DELIVRD") == len(lone.received)
    assert ends.count("EXPIRED") == 30 - len(lone.received) >= 10


async def test_an_account_over_its_rate_waits_in_order_and_alone(stage: Stage) -> None:
    recipients = [stage.recipient() for _ in range(7)]
    esme = await stage.esme("meter")
    sent = [esme.submit(OTHER_SOURCE, recipient, MARKETING) for recipient in recipients]
    for answer in sent:
        assert (await answer).ok
    other = stage.recipient()
    await stage.send("shop", other)
    await stage.arrives(other)
    assert sum(len(stage.arrived(recipient)) for recipient in recipients) <= 4
    held = stage.gateway.metric("smsgw_carrier_mt_submitted_total", carrier="alpha")
    async with asyncio.timeout(10):
        while sum(len(stage.arrived(recipient)) for recipient in recipients) < len(recipients):
            await asyncio.sleep(0.05)
    came = [message.recipient[-11:] for message in stage.alpha.received if message.recipient[-11:] in
            {recipient[-11:] for recipient in recipients}]  # fmt: skip
    assert came == [recipient[-11:] for recipient in recipients]
    assert stage.gateway.metric("smsgw_carrier_mt_submitted_total", carrier="alpha") > held
