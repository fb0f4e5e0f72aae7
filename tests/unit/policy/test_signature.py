from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from smsgw.policy.entries import SignatureEntry
from smsgw.policy.model import Draft, MessageClass, Outcome, Refusal
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import AccountPolicy, CarrierPolicy, Profile, SignaturePosition, SignatureRule
from smsgw.policy.registers import Registers
from smsgw.policy.signature import SignatureFinder, Signatures, signature_fault, signature_rule

RULE = SignatureRule()
OURS = frozenset(("示例商城", "示例Bank24", "【坏】", "x"))
CARRIERS = {
    "front": CarrierPolicy("front", "front"),
    "end": CarrierPolicy("end", "end"),
    "any": CarrierPolicy("any"),
}

MISSING, UNREGISTERED, MALFORMED = "signature.missing", "signature.unregistered", "signature.malformed"


Checker = Callable[..., Callable[[Draft], Outcome]]


@pytest.fixture
def checker(cn_profile: Profile, parts_of: Callable[..., Parts]) -> Checker:
    """The finder and then the rule, as the pipeline asks them."""

    def make(
        rule: SignatureRule = RULE,
        carriers: Mapping[str, CarrierPolicy] | None = None,
        message_class: int = MessageClass.NOTICE,
        registers: Registers | None = None,
    ) -> Callable[[Draft], Outcome]:
        account = AccountPolicy("shop", signatures=OURS)
        parts = parts_of(replace(cn_profile, signature=rule), account, carriers, registers)
        finder, compiled = SignatureFinder(parts), signature_rule(parts, message_class)

        def check(made: Draft) -> Outcome:
            finder(made)
            return None if compiled is None else compiled.check(made)

        return check

    return make


def rule_id(outcome: Outcome) -> str | None:
    return None if outcome is None else outcome.reason.rule_id


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
        ("\u200b【中国银行】您好【示例商城】", MALFORMED, MISSING, None),
        ("  ~【中国银行】您好【示例商城】", MALFORMED, MISSING, None),
        ("〖中国银行〗您好【示例商城】", MALFORMED, MISSING, None),
        ("您的【订单】已发货【示例商城】", None, MISSING, None),
        ("[通知]您的订单已发货【示例商城】", None, MISSING, None),
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
def test_table(
    draft: Callable[..., Draft], checker: Checker, text: str, either: str | None, front: str | None, end: str | None
) -> None:
    made = draft(text)
    positions: tuple[SignaturePosition, ...] = ("either", "front", "end")
    said = [rule_id(checker(SignatureRule(position=position))(made)) for position in positions]
    assert said == [either, front, end]


def test_finds_the_body(draft: Callable[..., Draft], checker: Checker) -> None:
    check = checker()
    front, end, none = draft("【示例商城】您好"), draft("您好【示例商城】"), draft("您好")
    for made in (front, end, none):
        check(made)
    assert (front.signature, front.text[front.body_start : front.body_end]) == ("示例商城", "您好")
    assert (end.signature, end.text[end.body_start : end.body_end]) == ("示例商城", "您好")
    assert (none.signature, none.text[none.body_start : none.body_end]) == (None, "您好")


def test_the_carrier_says_where(draft: Callable[..., Draft], checker: Checker) -> None:
    check = checker(carriers=CARRIERS, message_class=MessageClass.OTP)
    end, front = draft("您好【示例商城】"), draft("【示例商城】您好")
    outcomes = []
    for carrier in ("front", "end", "any", "unheard of"):
        end.carrier = front.carrier = carrier
        outcomes.append((check(end) is None, check(front) is None))
    assert outcomes == [(False, True), (True, False), (True, True), (True, True)]


def test_judging_again_forgets_the_last_time(draft: Callable[..., Draft], checker: Checker) -> None:
    check = checker(carriers=CARRIERS, message_class=MessageClass.OTP)
    made = draft("您好【示例商城】")
    assert check(made) is None
    made.carrier = "front"
    assert check(made) is not None
    assert (made.signature, made.body_end) == (None, len(made.text))


def test_a_class_without_the_duty_is_not_refused_but_its_signature_is_found(
    draft: Callable[..., Draft], checker: Checker
) -> None:
    check = checker(SignatureRule(required_for=frozenset()))
    signed, foreign = draft("【示例商城】您好"), draft("【别家】您好")
    assert check(signed) is None
    assert check(foreign) is None
    assert (signed.signature, foreign.signature) == ("示例商城", None)


def test_detail_quotes_no_more_than_a_name(draft: Callable[..., Draft], checker: Checker) -> None:
    refusal = checker()(draft("【" + "机密" * 100 + "】"))
    assert isinstance(refusal, Refusal)
    assert len(refusal.detail) < 150


@pytest.mark.parametrize(
    ("name", "fault"),
    [("示例", None), ("AB", None), ("12", None), ("𠮷野家", None), ("二〇二六", None), ("A", "1"), ("a b", "' '")],
)
def test_fault_of_a_name(name: str, fault: str | None) -> None:
    found = signature_fault(name, RULE)
    assert found is None if fault is None else fault in (found or "")


def _entry(name: str, state: str = "active", expires: str = "", account: str = "shop") -> SignatureEntry:
    return SignatureEntry(account, name, "Example", "licence 1", expires, state)


@pytest.mark.parametrize(
    ("entry", "expected", "detail"),
    [
        (_entry("示例会员"), None, ""),
        (_entry("示例会员", expires="2026-11-18"), None, ""),  # through its last day
        (_entry("示例会员", expires="2026-11-17"), UNREGISTERED, "expired on 2026-11-17"),
        (_entry("示例会员", "draft"), UNREGISTERED, "registered for this account and draft"),
        (_entry("示例会员", "suspended"), UNREGISTERED, "registered for this account and suspended"),
        (_entry("示例会员", account="bank"), UNREGISTERED, "not registered for this account"),
        (_entry("示例-会员"), UNREGISTERED, "not registered"),  # in force, and yet malformed: names nothing
    ],
)
def test_the_register_adds_names(
    draft: Callable[..., Draft], checker: Checker, entry: SignatureEntry, expected: str | None, detail: str
) -> None:
    registers = Registers()
    registers.put("signature", Signatures((entry,)))
    made = draft("【示例会员】您好")
    outcome = checker(registers=registers)(made)
    assert rule_id(outcome) == expected
    assert isinstance(outcome, Refusal) == bool(detail)
    assert detail in (outcome.detail if isinstance(outcome, Refusal) else "")
    assert made.signature == (None if expected else "示例会员")


def test_the_register_decides_over_the_file_and_at_once(draft: Callable[..., Draft], checker: Checker) -> None:
    registers = Registers()
    check = checker(registers=registers)
    made = draft("【示例商城】您好")
    assert check(made) is None
    registers.put("signature", Signatures((_entry("示例商城", "suspended"),)))
    assert rule_id(check(made)) == UNREGISTERED
    registers.put("signature", Signatures((_entry("示例商城", expires="2026-11-18"),)))
    assert check(made) is None
    assert check(draft("【示例商城】您好", when="2026-11-18 23:59:59.999")) is None
    assert rule_id(check(draft("【示例商城】您好", when="2026-11-19 00:00"))) == UNREGISTERED
    registers.put("signature", Signatures(()))
    assert check(draft("【示例商城】您好", when="2026-11-19 00:00")) is None


def test_what_it_looked_at(draft: Callable[..., Draft], cn_profile: Profile, parts_of: Callable[..., Parts]) -> None:
    account = AccountPolicy("shop", signatures=frozenset(f"示例{n}" for n in range(7)))
    parts = parts_of(cn_profile, account)
    rule = signature_rule(parts, MessageClass.OTP)
    assert rule is not None
    made = draft("【示例1】您好")
    SignatureFinder(parts)(made)
    seen, may_stand, registered = rule.looked_at(made).split("; ")
    assert (seen, may_stand) == ("【示例1】 at the front", "may stand: the front or the end")
    assert registered == "registered: 示例0, 示例1, 示例2, 示例3, 示例4 and 2 more"
