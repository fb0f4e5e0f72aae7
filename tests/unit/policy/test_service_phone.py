"""Rule 6: the account's phone stands in the text, however it is set out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from smsgw.policy.model import Draft, MessageClass, Refusal
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import AccountPolicy, Profile, ServicePhoneRule
from smsgw.policy.service_phone import service_phone_rule

OTP, NOTICE, MARKETING = MessageClass


@pytest.fixture
def profile(cn_profile: Profile) -> Profile:
    return replace(cn_profile, service_phone=ServicePhoneRule(frozenset((MARKETING,))))


@pytest.mark.parametrize(
    ("phone", "text"),
    [
        ("400-800-1234", "客服400-800-1234，回T退订"),
        ("400-800-1234", "客服4008001234"),
        ("4008001234", "客服 400 800 1234。"),
        ("4008001234", "客服：（400）800-1234"),
        ("4008001234", "客服４００－８００－１２３４"),
        ("4008001234", "400–800–1234"),
        ("4008001234", "4008001234"),
        ("95588", "详询95588"),
        ("1-800-555-0100", "Call 1 (800) 555-0100"),
        ("+1 800 555 0100", "Call 18005550100 now"),
        ("4008001234", "好" * 300 + "4008001234" + "好" * 100),
    ],
)
def test_found(
    profile: Profile, parts_of: Callable[..., Parts], draft: Callable[..., Draft], phone: str, text: str
) -> None:
    rule = service_phone_rule(parts_of(profile, AccountPolicy("shop", service_phone=phone)), MARKETING)
    assert rule is not None
    assert rule.check(draft(text)) is None
    assert rule.looked_at(draft(text)) == f"service phone of the account: {phone}"


@pytest.mark.parametrize(
    "text",
    ["客服400-800-1235", "14008001234", "40080012345", "400800123", "400-800……1234 ", "400 客服 8001234", "", "４００"],
)
def test_not_found(profile: Profile, parts_of: Callable[..., Parts], draft: Callable[..., Draft], text: str) -> None:
    rule = service_phone_rule(parts_of(profile, AccountPolicy("shop", service_phone="400-800-1234")), MARKETING)
    assert rule is not None
    outcome = rule.check(draft(text))
    assert isinstance(outcome, Refusal)
    assert (outcome.reason.status, outcome.detail) == (0x407, "the text must name 400-800-1234")


def test_an_account_without_a_phone_is_refused(
    profile: Profile, parts_of: Callable[..., Parts], draft: Callable[..., Draft]
) -> None:
    rule = service_phone_rule(parts_of(profile), MARKETING)
    assert rule is not None
    outcome = rule.check(draft("客服4008001234"))
    assert isinstance(outcome, Refusal)
    assert outcome.detail == "the account has no service_phone"
    assert rule.looked_at(draft()) == "service phone of the account: (none)"


def test_only_the_classes_of_the_profile(profile: Profile, parts_of: Callable[..., Parts]) -> None:
    assert service_phone_rule(parts_of(profile), NOTICE) is None
    assert service_phone_rule(parts_of(replace(profile, service_phone=ServicePhoneRule())), MARKETING) is None
