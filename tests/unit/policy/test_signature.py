from __future__ import annotations

from collections.abc import Callable

import pytest

from smsgw.policy.model import Draft, MessageClass
from smsgw.policy.profile import CarrierPolicy, SignaturePosition, SignatureRule
from smsgw.policy.routing import Route
from smsgw.policy.signature import signature_check, signature_fault

RULE = SignatureRule()
OURS = frozenset(("示例商城", "示例Bank24", "【坏】", "x"))
CARRIERS = {
    "front": CarrierPolicy("front", "front"),
    "end": CarrierPolicy("end", "end"),
    "any": CarrierPolicy("any"),
}

MISSING, UNREGISTERED, MALFORMED = "signature.missing", "signature.unregistered", "signature.malformed"


def judge(made: Draft, position: SignaturePosition = "either") -> str | None:
    check = signature_check(SignatureRule(position=position), OURS, {}, MessageClass.NOTICE)
    refusal = check(made)
    return None if refusal is None else refusal.reason.rule_id


@pytest.mark.parametrize(
    ("text", "either", "front", "end"),
    [
        ("【示例商城】您的订单已发货", None, None, MISSING),
        ("您的订单已发货【示例商城】", None, MISSING, None),
        ("【示例Bank24】您好", None, None, MISSING),
        ("您的订单已发货", MISSING, MISSING, MISSING),
        ("", MISSING, MISSING, MISSING),
        ("您的【示例商城】订单已发货", MISSING, MISSING, MISSING),
        (" 【示例商城】您好", MISSING, MISSING, MISSING),
        ("您好【示例商城】\n", MISSING, MISSING, MISSING),
        ("[示例商城]您好", MISSING, MISSING, MISSING),
        ("【别家】您好", UNREGISTERED, UNREGISTERED, MISSING),
        ("您好【别家】", UNREGISTERED, MISSING, UNREGISTERED),
        # what the recipient reads first decides; another 【】 at the other end is text
        ("【中国银行】您好【示例商城】", UNREGISTERED, UNREGISTERED, None),
        ("【示例商城】您的验证码是【123456】", None, None, UNREGISTERED),
        ("【示例商城】", None, None, None),
        ("【】您好", MALFORMED, MALFORMED, MISSING),
        ("【商】您好", MALFORMED, MALFORMED, MISSING),
        ("【x】您好", MALFORMED, MALFORMED, MISSING),  # on the account's list, and yet too short
        ("【一二三四五六七八九十一二三四五六七八九十一】您好", MALFORMED, MALFORMED, MISSING),
        ("【示例 商城】您好", MALFORMED, MALFORMED, MISSING),
        ("【示例-商城】您好", MALFORMED, MALFORMED, MISSING),
        ("【示例商城：您好", MALFORMED, MALFORMED, MISSING),
        ("您好示例商城】", MALFORMED, MISSING, MALFORMED),
        ("【【坏】】您好", MALFORMED, MALFORMED, MISSING),
        ("【ехаmрlе】您好", MALFORMED, MALFORMED, MISSING),  # Cyrillic letters
        ("【示例商城\u200b】您好", MALFORMED, MALFORMED, MISSING),
    ],
)
def test_table(draft: Callable[..., Draft], text: str, either: str | None, front: str | None, end: str | None) -> None:
    made = draft(text)
    assert (judge(made), judge(made, "front"), judge(made, "end")) == (either, front, end)


def test_finds_the_body(draft: Callable[..., Draft]) -> None:
    check = signature_check(RULE, OURS, {}, MessageClass.NOTICE)
    front, end, none = draft("【示例商城】您好"), draft("您好【示例商城】"), draft("您好")
    for made in (front, end, none):
        check(made)
    assert (front.signature, front.text[front.body_start : front.body_end]) == ("示例商城", "您好")
    assert (end.signature, end.text[end.body_start : end.body_end]) == ("示例商城", "您好")
    assert (none.signature, none.text[none.body_start : none.body_end]) == (None, "您好")


def test_the_first_carrier_of_the_route_says_where(draft: Callable[..., Draft]) -> None:
    check = signature_check(RULE, OURS, CARRIERS, MessageClass.OTP)
    end, front = draft("您好【示例商城】"), draft("【示例商城】您好")
    outcomes = []
    for carrier in ("front", "end", "any", "unheard of"):
        end.route = front.route = Route("r", None, None, (), (carrier, "any"))
        outcomes.append((check(end) is None, check(front) is None))
    assert outcomes == [(False, True), (True, False), (True, True), (True, True)]


def test_judging_again_forgets_the_last_time(draft: Callable[..., Draft]) -> None:
    check = signature_check(RULE, OURS, CARRIERS, MessageClass.OTP)
    made = draft("您好【示例商城】")
    assert check(made) is None
    made.route = Route("r", None, None, (), ("front",))
    assert check(made) is not None
    assert (made.signature, made.body_end) == (None, len(made.text))


def test_a_class_without_the_duty_is_not_refused_but_its_signature_is_found(draft: Callable[..., Draft]) -> None:
    check = signature_check(SignatureRule(required_for=frozenset()), OURS, {}, MessageClass.NOTICE)
    signed, foreign = draft("【示例商城】您好"), draft("【别家】您好")
    assert check(signed) is None
    assert check(foreign) is None
    assert (signed.signature, foreign.signature) == ("示例商城", None)


def test_detail_quotes_no_more_than_a_name(draft: Callable[..., Draft]) -> None:
    check = signature_check(RULE, OURS, {}, MessageClass.NOTICE)
    refusal = check(draft("【" + "机密" * 100 + "】"))
    assert refusal is not None
    assert len(refusal.detail) < 150


@pytest.mark.parametrize(
    ("name", "fault"),
    [("示例", None), ("AB", None), ("12", None), ("𠮷野家", None), ("二〇二六", None), ("A", "1"), ("a b", "' '")],
)
def test_fault_of_a_name(name: str, fault: str | None) -> None:
    found = signature_fault(name, RULE)
    assert found is None if fault is None else fault in (found or "")
