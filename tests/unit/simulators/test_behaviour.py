"""From settings and chance to plans: shares, and the same chance whatever happens around a message."""

from __future__ import annotations

import pytest

from simulators.carrier.behaviour import Behaviour
from simulators.carrier.plan import Connection, Parts, Plan
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.states import ReceiptState
from simulators.spread import Delay

_RECIPIENTS = [b"86138%08d" % number for number in range(4000)]
_CHANCY = CarrierSettings(
    seed=3,
    refuse=((0x08, 0.02), (0x58, 0.1)),
    never_answer=0.05,
    response=Delay.parse("20ms-80ms"),
    receipt=Delay.parse("exp:1s"),
    states=((ReceiptState.parse("UNDELIV/001"), 0.1),),
    duplicate=0.1,
    early=0.1,
    drop_before=0.01,
)


def _outline(plan: Plan) -> tuple[object, ...]:
    steps = [(step.renderer.state.stat, round(step.delay_s, 9), step.early, step.other_bind) for step in plan.receipts]
    return (plan.status, plan.answers, round(plan.delay_s, 9), plan.connection, tuple(steps))


def test_the_same_seed_gives_the_same_plans_in_any_order() -> None:
    forwards, backwards = Behaviour(_CHANCY), Behaviour(_CHANCY)
    plans = {recipient: _outline(forwards.plan_for(recipient)) for recipient in _RECIPIENTS[:500]}
    for recipient in reversed(_RECIPIENTS[:500]):
        assert _outline(backwards.plan_for(recipient)) == plans[recipient]
    assert len(set(plans.values())) > 400


def test_each_message_to_a_recipient_has_its_own_chance() -> None:
    behaviour = Behaviour(_CHANCY)
    assert len({_outline(behaviour.plan_for(b"8613800000001")) for _ in range(50)}) > 40


def test_another_seed_gives_other_plans() -> None:
    one, other = (
        Behaviour(CarrierSettings(response=Delay.parse("1s-2s"), seed=1)),
        Behaviour(CarrierSettings(response=Delay.parse("1s-2s"), seed="2")),
    )
    assert one.plan_for(b"8613800000001").delay_s != other.plan_for(b"8613800000001").delay_s


def test_shares_are_kept() -> None:
    behaviour = Behaviour(_CHANCY)
    plans = [behaviour.plan_for(recipient) for recipient in _RECIPIENTS]
    total = len(plans)

    def share(count: int) -> float:
        return count / total

    assert share(sum(plan.status == 0x08 for plan in plans)) == pytest.approx(0.02, abs=0.01)
    assert share(sum(plan.status == 0x58 for plan in plans)) == pytest.approx(0.10, abs=0.02)
    assert share(sum(plan.answers == 0 for plan in plans)) == pytest.approx(0.05, abs=0.015)
    assert share(sum(plan.connection is Connection.DROP_BEFORE for plan in plans)) == pytest.approx(0.01, abs=0.008)
    accepted = [plan for plan in plans if not plan.status]
    undelivered = sum(plan.receipts[0].renderer.state.stat == "UNDELIV" for plan in accepted)
    assert undelivered / len(accepted) == pytest.approx(0.1, abs=0.02)
    assert sum(len(plan.receipts) == 2 for plan in accepted) / len(accepted) == pytest.approx(0.1, abs=0.02)
    assert all(0.02 <= plan.delay_s < 0.08 for plan in plans)


def test_without_chance_there_is_one_plan() -> None:
    behaviour = Behaviour(CarrierSettings(response=Delay.parse("5ms"), parts=Parts.LAST))
    plans = {id(behaviour.plan_for(recipient)) for recipient in _RECIPIENTS[:100]}
    assert len(plans) == 1
    plan = behaviour.plan_for(b"1")
    assert (plan.delay_s, plan.parts, plan.plain, len(plan.receipts)) == (0.005, Parts.LAST, False, 1)


def test_certain_events_are_no_chance() -> None:
    plan = Behaviour(CarrierSettings(contradict=1.0, intermediate=1.0, receipt=Delay.parse("2s"))).plan_for(b"1")
    assert [(step.renderer.state.stat, step.delay_s) for step in plan.receipts] == [
        ("ENROUTE", 1.0), ("DELIVRD", 2.0), ("UNDELIV", 2.0),
    ]  # fmt: skip


def test_no_receipts() -> None:
    assert Behaviour(CarrierSettings(receipts=False)).plan_for(b"1").receipts == ()


def test_the_usual_plan_is_plain_and_a_refusal_too() -> None:
    behaviour = Behaviour(CarrierSettings())
    assert behaviour.plan_for(b"8613800000001").plain
    assert behaviour.refusal(0x58).plain
    assert behaviour.refusal(0x58) is behaviour.refusal(0x58)
