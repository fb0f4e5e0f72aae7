"""Failover: each cause, what each class of codes does, one province off one carrier, and no flapping.

Alpha is the first carrier and has codes, a breaker and patience; beta delivers everything; gamma wants the signature at
the end. Numbers beginning 1990000 steer alpha (``simulators.carrier.magic``). Counts are taken at the carriers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulators.carrier.settings import CarrierSettings, Match, Rule
from simulators.carrier.sim import CarrierSim
from simulators.carrier.states import ReceiptState
from simulators.spread import Delay
from smsgw.smpp.constants import CommandId
from tests.e2e.gateway import WORKDAY, free_port
from tests.e2e.stage import Stage, open_stage, routes, state_and_err

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

GUANGDONG, BEIJING, SICHUAN = "861371{:07}", "861381{:07}", "861398{:07}"
LONG_NOTICE = "【示例物流】" + "您的包裹已送达。" * 17
_BAD_GUANGDONG = Rule(
    Match(provinces=frozenset({"广东"})),
    {"states": ((ReceiptState.parse("UNDELIV/012"), 0.4),), "rest_state": ReceiptState.parse("DELIVRD")},
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    carriers = {
        "alpha": CarrierSettings(port=free_port(), seed=5),
        "beta": CarrierSettings(magic_prefix=""),
        "gamma": CarrierSettings(magic_prefix=""),
    }
    overrides = {
        "carriers/alpha.toml": {
            "failover_after": "300ms",
            "binds": [{"type": "transceiver"}],
            "response": "3s",
            "statuses": {"0x45": "reroute"},
            "codes": {
                "base": "cn", "ported": ["NP:1243"], "ported_to": {"NP:1243": "unicom"}, "opens": "11:00",
                "signature_after": 2,
            },
            "failover": {
                "on_timeout": True, "on_receipt": True, "latency": "400ms", "response": {"otp": "300ms"},
            },
            "breaker": {"sample": 40, "probe": 0.2, "probe_sample": 10, "open": "1m"},
        },
        "accounts/orders.toml": {"rate": "1000/s", "window": 200},
        "routes.toml": {
            "route": [
                {"name": "front-or-end", "prefix": ["8619900004520"], "carriers": ["alpha", "gamma", "beta"]},
                {"name": "balanced", "prefix": ["8613955"], "weights": {"alpha": 50, "beta": 50}},
                *routes({"everything-else": {"carriers": ["alpha", "beta"]}}),
            ]
        },
    }  # fmt: skip
    more = {"gamma": {"signature_position": "end", "lanes": None}}
    directory = tmp_path_factory.mktemp("site")
    async with open_stage(directory, carriers, overrides, more_carriers=more) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _ready(stage: Stage) -> None:
    stage.gateway.set_clock(WORKDAY)


def at(sim: CarrierSim, recipient: str) -> int:
    """How many PDUs for a recipient a carrier has had."""
    return sum(each.recipient.endswith(recipient[-11:]) for each in sim.received)


async def sent(stage: Stage, recipient: str, account: str = "orders") -> str:
    (answer,) = await stage.send(account, recipient)
    assert answer.ok, answer
    return answer.message_id


async def all_sent(stage: Stage, recipients: list[str]) -> list[str]:
    return await asyncio.gather(*(sent(stage, recipient) for recipient in recipients))


async def outcome(stage: Stage, recipient: str, account: str = "orders") -> tuple[str | None, int, int]:
    """The one receipt of a message to a recipient, and how often alpha and beta had it."""
    (receipt,) = await stage.receipts(account, await sent(stage, recipient, account))
    return state_and_err(receipt)[0], at(stage.alpha, recipient), at(stage.beta, recipient)


def events(stage: Stage, name: str, **fields: object) -> int:
    return sum(all(each.get(key) == value for key, value in fields.items()) for each in stage.gateway.events(name))


# -- codes of receipts


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
async def test_what_a_code_in_a_receipt_leads_to(stage: Stage, code: str, stat: str, alpha: int, beta: int) -> None:
    assert await outcome(stage, f"861990000{code}") == (stat, alpha, beta)


async def test_content_is_told_and_every_code_is_counted(stage: Stage) -> None:
    await stage.gateway.wait_for(lambda: events(stage, "carrier.content_refused") == 1, 5, "the alert")
    counted = {"content", "flow", "invalid_number", "no_route", "ported", "suspended"}
    found = {
        each: stage.gateway.metric("smsgw_carrier_codes_total", carrier="alpha", **{"class": each}) for each in counted
    }
    assert all(found.values()), found
    assert stage.gateway.metric("smsgw_carrier_mt_switched_total", carrier="alpha", cause="receipt") == 3
    assert events(stage, "carrier.switched", carrier="alpha", to="beta", cause="receipt") >= 1


async def test_a_carriers_blacklist_is_remembered_and_the_next_message_takes_another(stage: Stage) -> None:
    recipient = "8619900004500"
    assert await outcome(stage, recipient) == ("UNDELIV", 1, 0)
    await stage.gateway.wait_for(lambda: events(stage, "blacklist.learnt") == 1, 5, "the entry")
    assert await outcome(stage, recipient) == ("DELIVRD", 1, 1)


async def test_a_carriers_cap_stops_the_recipient_until_its_day_is_over(stage: Stage) -> None:
    recipient = "8619900004509"
    assert await outcome(stage, recipient) == ("UNDELIV", 1, 0)
    await stage.gateway.wait_for(lambda: events(stage, "carrier.cap_learnt") == 1, 5, "the entry")
    assert await stage.status("orders", recipient) == 0x430
    stage.gateway.set_clock("2026-11-19T10:30:00+08:00")
    assert await stage.status("orders", recipient) == 0


async def test_a_message_outside_the_carriers_hours_waits_for_them(stage: Stage) -> None:
    recipient = "8619900004517"
    message_id = await sent(stage, recipient)
    steps = lambda: [step["step"] for step in stage.gateway.steps(message_id)]  # noqa: E731
    await stage.gateway.wait_for(lambda: "held" in steps(), 5, "the message to be held")
    found = await stage.ask("orders", CommandId.QUERY_SM, message_id)
    assert found.pdu.fields["message_state"] == 1
    stage.gateway.set_clock("2026-11-18T11:00:01+08:00")
    await stage.arrives(recipient, 2)
    assert (at(stage.alpha, recipient), at(stage.beta, recipient)) == (2, 0)


async def test_a_carrier_that_wants_the_signature_elsewhere_is_passed_over(stage: Stage) -> None:
    recipient = "8619900004520"  # MA:0003, no route
    assert await outcome(stage, recipient) == ("DELIVRD", 1, 1)
    assert at(stage.carriers["gamma"], recipient) == 0


# -- answers


async def test_a_long_message_that_is_refused_moves_as_a_whole(stage: Stage) -> None:
    recipient = "8619900002069"  # 0x45
    answers = await stage.send("orders", recipient, LONG_NOTICE)
    for receipt in await stage.receipts("orders", *(answer.message_id for answer in answers)):
        assert state_and_err(receipt)[0] == "DELIVRD"
    assert at(stage.beta, recipient) == len(answers)


async def test_a_code_that_is_not_answered_in_its_time_takes_the_next_carrier(stage: Stage) -> None:
    assert await outcome(stage, "8619900004000", "login") == ("DELIVRD", 1, 1)
    # Answered after a second, and delivered: the late answer and its receipt are known, and not told again.
    recipient = "8619900004002"
    assert await outcome(stage, recipient, "login") == ("DELIVRD", 1, 1)
    await stage.gateway.wait_for(lambda: stage.alpha.stats.receipts_acked >= 1 and not stage.alpha.receipts_waiting, 5)
    esme = await stage.esme("login")
    assert len(esme.receipts) == 2


async def test_a_signature_that_a_carrier_refuses_is_paused(stage: Stage) -> None:
    for _ in range(2):
        assert (await outcome(stage, "8619900004515", "login"))[0] == "UNDELIV"  # SC:0018
        stage.gateway.advance(90)
    await stage.gateway.wait_for(lambda: events(stage, "signature.paused") == 1, 5, "the pause")
    assert await stage.status("login", stage.recipient()) == 0x450
    assert await stage.status("orders", stage.recipient()) == 0
    stage.gateway.advance(3600)
    assert await stage.status("login", stage.recipient()) == 0


# -- provinces


async def test_guangdong_drops_to_60_per_cent_and_leaves_the_others_alone(stage: Stage) -> None:
    """All of it in a stretch of business time that is far below a minute, but for the waits for probes."""
    numbers = iter(range(1, 10_000))

    async def run(count: int) -> tuple[list[str], list[str]]:
        to_guangdong = [GUANGDONG.format(next(numbers)) for _ in range(count)]
        to_beijing = [BEIJING.format(next(numbers)) for _ in range(count // 4)]
        ids = await all_sent(stage, [*to_guangdong, *to_beijing])
        await stage.receipts("orders", *ids, deadline_s=20)
        return to_guangdong, to_beijing

    before, _ = await run(80)
    assert sum(at(stage.alpha, each) for each in before) == 80
    stage.gateway.advance(400)  # what is usual is known once it has left the window
    await run(8)
    began_s = time.monotonic()
    stage.alpha.change(rules=(_BAD_GUANGDONG,))
    beijing = []
    while not events(stage, "carrier.breaker_open", province="广东"):
        beijing += (await run(40))[1]
        assert time.monotonic() - began_s < 60
    switched, more = await run(40)
    assert [at(stage.beta, each) for each in switched] == [1] * 40
    assert all(at(stage.alpha, each) == 1 for each in (*beijing, *more))
    assert events(stage, "carrier.breaker_open") == 1
    # Probes, while it is bad: a share goes there and it stays off.
    stage.gateway.advance(61)
    probing, _ = await run(40)
    assert 0 < sum(at(stage.alpha, each) for each in probing) < 20
    stage.alpha.change(rules=())
    for _ in range(6):
        if events(stage, "carrier.breaker_closed"):
            break
        stage.gateway.advance(125)
        await run(60)
    after, _ = await run(8)
    assert [at(stage.alpha, each) for each in after] == [1] * 8


async def test_a_carrier_that_is_good_and_bad_in_turn_is_left_and_taken_back_a_few_times_only(stage: Stage) -> None:
    """Fourteen times seventy seconds, half of them bad: without a memory each would switch there and back."""
    bad = Rule(Match(provinces=frozenset({"四川"})), {"rest_state": ReceiptState.parse("UNDELIV/012")})
    numbers = iter(range(1, 10_000))
    for phase in range(14):
        stage.alpha.change(rules=(bad,) if phase % 2 else ())
        ids = await all_sent(stage, [SICHUAN.format(next(numbers)) for _ in range(45)])
        await stage.receipts("orders", *ids, deadline_s=20)
        stage.gateway.advance(70)
    stage.alpha.change(rules=())
    opened = events(stage, "carrier.breaker_open", province="四川")
    assert 1 <= opened <= 5
    assert events(stage, "carrier.breaker_closed", province="四川") <= opened
    ours = [each for sim in (stage.alpha, stage.beta) for each in sim.received if each.recipient.startswith("861398")]
    assert len(ours) == 14 * 45


# -- lost binds, balancing, latency; the last ones, for they leave their marks


async def test_weighted_carriers_share_and_take_over_from_each_other(stage: Stage) -> None:
    recipients = [f"8613955{number:06}" for number in range(40)]
    await stage.receipts("orders", *await all_sent(stage, recipients[:20]))
    shares = [sum(at(sim, each) for each in recipients) for sim in (stage.alpha, stage.beta)]
    assert sum(shares) == 20
    assert min(shares) >= 3
    stage.alpha.refuse_binds(0x0D)
    stage.alpha.drop_all()
    ids = await all_sent(stage, recipients[20:])
    await stage.receipts("orders", *ids)
    assert sum(at(stage.beta, each) for each in recipients[20:]) == 20
    stage.alpha.refuse_binds(0)
    await stage.gateway.wait_for(lambda: stage.gateway.status()["carriers"]["alpha"]["binds_up"] == 1, 10, "alpha")


async def test_a_carrier_that_answers_ever_later_gets_nothing_new(stage: Stage) -> None:
    stage.alpha.change(response=Delay.parse("600ms"))
    ids = await all_sent(stage, [stage.recipient() for _ in range(45)])
    await stage.receipts("orders", *ids, deadline_s=20)
    assert events(stage, "carrier.breaker_open", watched="latency") == 1
    for _ in range(3):
        assert await outcome(stage, stage.recipient()) == ("DELIVRD", 0, 1)
    assert stage.gateway.metric("smsgw_carrier_breaker_opened_total", carrier="alpha", province="latency") == 1
