"""From settings and chance to plans: shares, and the same chance whatever happens around a message."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.carrier.behaviour import Behaviour
from simulators.carrier.ids import IdForm
from simulators.carrier.plan import Connection, Parts
from simulators.carrier.receipts import ReceiptStyle
from simulators.carrier.settings import CarrierSettings, Match, PlannedReceipt, Rule
from simulators.carrier.states import DELIVERED, ENROUTE, EXPIRED, UNDELIVERED, ReceiptState
from simulators.spread import Delay
from tests.unit.simulators.builders import RECEIVED_S, outline, plan_of, received_message, submit_sm

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


def _outline(behaviour: Behaviour, recipient: bytes) -> tuple[object, ...]:
    return outline(behaviour, submit_sm(recipient))


def test_the_same_seed_gives_the_same_plans_in_any_order() -> None:
    forwards, backwards = Behaviour(_CHANCY), Behaviour(_CHANCY)
    plans = {recipient: _outline(forwards, recipient) for recipient in _RECIPIENTS[:500]}
    for recipient in reversed(_RECIPIENTS[:500]):
        assert _outline(backwards, recipient) == plans[recipient]
    assert len(set(plans.values())) > 400


def test_each_message_to_a_recipient_has_its_own_chance() -> None:
    behaviour = Behaviour(_CHANCY)
    assert len({_outline(behaviour, b"8613800000001") for _ in range(50)}) > 40


def test_another_seed_gives_other_plans() -> None:
    one, other = (
        Behaviour(CarrierSettings(response=Delay.parse("1s-2s"), seed=1)),
        Behaviour(CarrierSettings(response=Delay.parse("1s-2s"), seed="2")),
    )
    assert _outline(one, b"8613800000001") != _outline(other, b"8613800000001")


def test_shares_are_kept() -> None:
    behaviour = Behaviour(_CHANCY)
    decisions = [behaviour.decide(submit_sm(recipient), "shop", 0.0) for recipient in _RECIPIENTS]
    plans = [plan for plan, _, _ in decisions]
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
    assert all(0.02 <= plan.wait.seconds(words) < 0.08 for plan, _, words in decisions)
    assert len({id(plan) for plan in plans}) < 100


def test_without_chance_there_is_one_plan() -> None:
    behaviour = Behaviour(CarrierSettings(response=Delay.parse("5ms"), parts=Parts.LAST))
    plans = {id(plan_of(behaviour, recipient)) for recipient in _RECIPIENTS[:100]}
    assert len(plans) == 1
    plan = plan_of(behaviour, b"1")
    assert (plan.wait.seconds(()), plan.parts, plan.prompt, len(plan.receipts)) == (0.005, Parts.LAST, False, 1)


def test_certain_events_are_no_chance() -> None:
    plan = plan_of(Behaviour(CarrierSettings(contradict=1.0, intermediate=1.0, receipt=Delay.parse("2s"))), b"1")
    assert [(step.renderer.state.stat, step.after.seconds(())) for step in plan.receipts] == [
        ("ENROUTE", 1.0), ("DELIVRD", 2.0), ("UNDELIV", 2.0),
    ]  # fmt: skip


def test_no_receipts() -> None:
    assert plan_of(Behaviour(CarrierSettings(receipts=False)), b"1").receipts == ()


def test_the_usual_plan_is_plain_and_a_refusal_too() -> None:
    behaviour = Behaviour(CarrierSettings())
    assert plan_of(behaviour, b"8613800000001").prompt
    assert behaviour.refusal(0x58).prompt
    assert behaviour.refusal(0x58) is behaviour.refusal(0x58)


def test_a_share_is_answered_twice() -> None:
    assert plan_of(Behaviour(CarrierSettings(answered_twice=1.0)), b"1").answers == 2
    behaviour = Behaviour(CarrierSettings(seed="autumn", answered_twice=0.5))
    answers = [plan_of(behaviour, b"%d" % number).answers for number in range(200)]
    assert 60 < answers.count(2) < 140
    assert answers.count(1) == 200 - answers.count(2)


# -- the seed


_FULL_OF_CHANCE = CarrierSettings(
    seed="autumn",
    refuse=((0x08, 0.1),),
    never_answer=0.1,
    out_of_order=0.1,
    half_open=0.05,
    malformed=0.1,
    unknown=0.1,
    response=Delay.parse("20ms-80ms"),
    receipt=Delay.parse("0%:1s,90%:2s,100%:60s"),
    early=0.2,
    early_by=Delay.parse("1s-2s"),
    plans=((0.2, (PlannedReceipt(EXPIRED, Delay.parse("exp:3s")), PlannedReceipt(DELIVERED, Delay.parse("1s-9s")))),),
    response_id=IdForm("hex:8"),
    rules=(
        Rule(Match(share=0.3), {"refuse": ((0x14, 1.0),)}, "busy"),
        Rule(Match(every=3, recipients=("138*",)), {"states": ((UNDELIVERED, 0.5),)}),
    ),
)


@given(data=st.data())
def test_what_a_message_meets_with_does_not_depend_on_other_recipients(data: st.DataObject) -> None:
    texts = {f"861380013{number:04d}".encode(): 3 for number in range(6)}
    in_order = Behaviour(_FULL_OF_CHANCE)
    expected = {
        recipient: [outline(in_order, submit_sm(recipient)) for _ in range(count)] for recipient, count in texts.items()
    }
    mixed = data.draw(st.permutations([recipient for recipient, count in texts.items() for _ in range(count)]))
    shuffled = Behaviour(_FULL_OF_CHANCE)
    found: dict[bytes, list[tuple[object, ...]]] = {}
    for moment, recipient in enumerate(mixed):
        found.setdefault(recipient, []).append(outline(shuffled, submit_sm(recipient), at_s=RECEIVED_S + 977 * moment))
    assert found == expected


def test_chance_has_a_word_of_its_own_for_everything() -> None:
    usual = Behaviour(_CHANCY)
    other = Behaviour(replace(_CHANCY, refuse=(), duplicate=0.9, malformed=0.5))
    for recipient in _RECIPIENTS[:50]:
        one, two = outline(usual, submit_sm(recipient)), outline(other, submit_sm(recipient))
        assert one[4] == two[4]  # the delay of the response


def test_ids_come_from_the_seed_and_are_never_given_twice() -> None:
    settings = CarrierSettings(seed=1, response_id=IdForm("dec:3"))
    one, two = Behaviour(settings), Behaviour(settings)
    first = [one.numbers.take(one.decide(submit_sm(recipient), "shop", 0.0)[2]) for recipient in _RECIPIENTS[:800]]
    assert sorted(first) == sorted(set(first))
    assert all(0 < number < 1000 for number in first)
    assert two.numbers.take(two.decide(submit_sm(_RECIPIENTS[0]), "shop", 0.0)[2]) == first[0]
    wide = Behaviour(CarrierSettings(seed=1))
    assert len(str(wide.numbers.take(wide.decide(submit_sm(), "shop", 0.0)[2]))) == 15


def test_ids_fit_a_form_that_comes_later() -> None:
    behaviour = Behaviour(CarrierSettings(seed=1))
    behaviour.use(CarrierSettings(seed=1, response_id=IdForm("dec"), receipt_id=IdForm("hex:4")))
    numbers = [behaviour.numbers.take(behaviour.decide(submit_sm(each), "", 0.0)[2]) for each in _RECIPIENTS[:200]]
    assert max(numbers) < 0x10000
    assert len(set(numbers)) == 200


def test_more_messages_than_ids_begin_again() -> None:
    behaviour = Behaviour(CarrierSettings(seed=1, response_id=IdForm("dec:1")))
    numbers = [behaviour.numbers.take(behaviour.decide(submit_sm(each), "", 0.0)[2]) for each in _RECIPIENTS[:30]]
    assert {len(set(numbers[:9])), len(set(numbers[9:18]))} == {9}


def test_accounts_that_write_to_the_same_recipient_do_not_count_for_each_other() -> None:
    orders = (["shop", "shop", "bank"], ["bank", "shop", "shop"])
    runs = []
    for order in orders:
        behaviour = Behaviour(CarrierSettings(seed=1, states=((UNDELIVERED, 0.5),)))
        decided = [(account, *behaviour.decide(submit_sm(), account, 0.0)[1:]) for account in order]
        runs.append(sorted(decided))
    assert runs[0] == runs[1]
    assert len({words for _account, _nth, words in runs[0]}) == 3


def test_without_a_seed_ids_are_counted() -> None:
    behaviour = Behaviour(CarrierSettings(id_base=7))
    assert [behaviour.numbers.take(()) for _ in range(3)] == [7, 8, 9]
    behaviour.reset()
    assert behaviour.numbers.take(()) == 10


def test_a_reset_begins_the_seed_anew() -> None:
    behaviour = Behaviour(_FULL_OF_CHANCE)
    before = [_outline(behaviour, b"8613800000001") for _ in range(5)]
    behaviour.reset()
    assert [_outline(behaviour, b"8613800000001") for _ in range(5)] == before
    assert len(set(before)) == 5


def test_other_settings_keep_the_counts() -> None:
    behaviour = Behaviour(CarrierSettings())
    assert behaviour.decide(submit_sm(), "shop", 0.0)[1] == 0
    behaviour.use(CarrierSettings(refuse=((0x08, 1.0),)))
    plan, nth, _ = behaviour.decide(submit_sm(), "shop", 0.0)
    assert (plan.status, nth) == (0x08, 1)
    with pytest.raises(ValueError, match="more than 100%"):
        behaviour.use(CarrierSettings(drop_before=0.7, drop_after=0.7))
    assert plan_of(behaviour, b"1").status == 0x08


# -- rules and written plans


def test_the_first_rule_that_fits_counts() -> None:
    behaviour = Behaviour(
        CarrierSettings(
            response_id=IdForm("dec"),
            rules=(
                Rule(Match(recipients=("138*",), first=1), {"refuse": ((0x58, 1.0),)}),
                Rule(Match(recipients=("1380*",)), {"rest_state": UNDELIVERED, "response_id": IdForm("HEX")}),
                Rule(Match(accounts=frozenset({"other"})), {"receipts": False}),
            ),
        )
    )
    recipient = b"8613800000001"
    assert [plan_of(behaviour, recipient).status for _ in range(3)] == [0x58, 0, 0]
    plan = plan_of(behaviour, recipient)
    assert plan.receipts[0].renderer.state is UNDELIVERED
    assert plan.id_form == IdForm("HEX")
    assert plan.receipts[0].renderer.message_id(received_message()) == b"BEEF"
    assert len(plan_of(behaviour, b"13912345678").receipts) == 1
    assert plan_of(behaviour, b"13912345678", account="other").receipts == ()


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Rule(Match(), {"window": 5}), "rule 1: window is no behaviour"),
        (Rule(Match(), {"refuze": ()}, "odd"), "odd: refuze is unknown"),
        (Rule(Match(text="("), {}), "no regular expression"),
        (Rule(Match(provinces=frozenset({"广东省"})), {}), "'广东省' is none"),
        (Rule(Match(every=0), {}), "every at least 1"),
        (Rule(Match(), {"states": ((DELIVERED, 1.5),)}), "rule 1: shares add up"),
    ],
)
def test_a_rule_that_can_not_be_is_explained(rule: Rule, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        Behaviour(CarrierSettings(rules=(rule,)))


def test_written_plans_stand_in_place_of_the_usual_receipts() -> None:
    written = (
        PlannedReceipt(ENROUTE, early=True, after=Delay.parse("1s")),
        PlannedReceipt(DELIVERED, Delay.parse("2d"), ReceiptStyle.parse("tlv"), other_bind=True),
    )
    plan = plan_of(Behaviour(CarrierSettings(plans=((1.0, written),), duplicate=1.0)), b"1")
    steps = [(str(step.renderer.state), step.after.seconds(()), step.early, step.other_bind) for step in plan.receipts]
    assert steps == [("ENROUTE/000", 1.0, True, False), ("DELIVRD/000", 172_800.0, False, True)]
    assert str(plan.receipts[1].renderer.style) == "tlv"
    assert plan.has_early


def test_plans_have_their_share_and_the_rest_goes_by_the_settings() -> None:
    behaviour = Behaviour(CarrierSettings(plans=((0.25, ()),), seed=5))
    without = sum(not plan_of(behaviour, recipient).receipts for recipient in _RECIPIENTS)
    assert without / len(_RECIPIENTS) == pytest.approx(0.25, abs=0.03)


def test_an_early_receipt_makes_the_response_later() -> None:
    settings = CarrierSettings(early=1.0, early_by=Delay.parse("3s"), response=Delay.parse("1s"), duplicate=1.0)
    plan = plan_of(Behaviour(settings), b"1")
    assert [(step.early, step.after.seconds(())) for step in plan.receipts] == [(True, 1.0), (False, 0.0)]
    assert plan.wait.seconds(()) == 4.0


def test_what_is_certain_is_no_chance_in_the_second_draw_either() -> None:
    plan = plan_of(Behaviour(CarrierSettings(malformed=1.0, unknown=1.0, half_open=1.0, out_of_order=1.0)), b"1")
    assert plan.malformed is not None
    assert plan.unknown is not None
    assert plan.connection is Connection.HALF_OPEN
    assert plan.fate == (
        "go half open, answered after the next, a malformed PDU before the response, "
        "an unknown PDU before the response"
    )  # fmt: skip


def test_a_limit_without_a_status_ignores() -> None:
    plan = Behaviour(CarrierSettings()).refusal(-1)
    assert (plan.ignored, plan.answers, plan.status, plan.plain) == (True, 0, 0, False)


def test_error_bodies() -> None:
    behaviour = Behaviour(CarrierSettings(error_body=True, refuse=((0x08, 1.0),)))
    assert plan_of(behaviour, b"1").error_body
    assert behaviour.refusal(0x58).error_body
    assert not plan_of(Behaviour(CarrierSettings(error_body=True)), b"1").error_body
