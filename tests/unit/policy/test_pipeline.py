from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from smsgw.policy.calendar import Workdays
from smsgw.policy.model import Draft, Hold, MessageClass, Outcome, Refusal
from smsgw.policy.pipeline import Rules, account_refusal, compile_rules
from smsgw.policy.profile import AccountPolicy, CarrierPolicy, Profile
from smsgw.policy.routing import Route, RouteTable

At = Callable[..., int]
OTP, NOTICE, MARKETING = MessageClass
SHOP = AccountPolicy("shop", signatures=frozenset(("示例商城",)))
ROUTES = RouteTable([Route("china", None, None, ("86",), ("alpha",))])
CARRIERS = {"alpha": CarrierPolicy("alpha", "front", ("退订回QX",))}


def rules_for(
    profile: Profile, account: AccountPolicy = SHOP, carriers: dict[str, CarrierPolicy] | None = None
) -> Rules:
    return compile_rules(profile, account, ROUTES, carriers or {}, Workdays())


def rule_id(outcome: Outcome) -> str | None:
    return None if outcome is None else outcome.reason.rule_id


@pytest.mark.parametrize(
    ("message_class", "text", "when", "expected"),
    [
        (MARKETING, "【示例商城】双十一全场五折，回T退订", "2026-11-18 10:30", None),
        (MARKETING, "双十一全场五折，回T退订【示例商城】", "2026-11-18 10:30", None),
        (OTP, "【示例商城】您的验证码是123456", "2026-11-18 03:00", None),
        (NOTICE, "【示例商城】您的订单已发货", "2026-11-22 23:00", None),
        (MARKETING, "双十一全场五折，回T退订", "2026-11-18 10:30", "signature.missing"),
        (MARKETING, "【示例商城】双十一全场五折", "2026-11-18 10:30", "unsubscribe.missing"),
        (NOTICE, "【示例商城】您的订单已发货，回T退订", "2026-11-18 10:30", "unsubscribe.forbidden"),
        (MARKETING, "【示例商城】双十一全场五折，回T退订", "2026-11-18 21:00", "window.hard"),
        (MARKETING, "【示例商城】双十一全场五折，回T退订", "2026-11-22 10:30", "window.soft"),
        # the first rule in order speaks
        (MARKETING, "双十一全场五折", "2026-11-18 21:00", "signature.missing"),
        (MARKETING, "【示例商城】双十一全场五折", "2026-11-18 21:00", "unsubscribe.missing"),
    ],
)
def test_verdicts(
    cn_profile: Profile,
    draft: Callable[..., Draft],
    message_class: MessageClass,
    text: str,
    when: str,
    expected: str | None,
) -> None:
    assert rule_id(rules_for(cn_profile)(draft(text, message_class, when))) == expected


def test_no_route(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    outcome = rules_for(cn_profile)(draft(recipient="85291234567"))
    assert rule_id(outcome) == "route.none"
    assert isinstance(outcome, Refusal)
    assert outcome.retry_after_s is None


def test_a_message_without_a_route_is_refused_now_and_not_after_a_night(
    cn_profile: Profile, draft: Callable[..., Draft]
) -> None:
    rules = rules_for(replace(cn_profile, window=replace(cn_profile.window, action="hold")))
    assert isinstance(rules(draft(when="2026-11-18 22:00")), Hold)
    assert rule_id(rules(draft(when="2026-11-18 22:00", recipient="85291234567"))) == "route.none"


def test_a_hold_names_the_hard_window_and_waits_for_both(
    cn_profile: Profile, draft: Callable[..., Draft], at: At
) -> None:
    rules = rules_for(replace(cn_profile, window=replace(cn_profile.window, action="hold")))
    held = rules(draft(when="2026-11-20 21:00"))
    assert isinstance(held, Hold)
    assert (held.reason.rule_id, held.until_ms) == ("window.hard", at("2026-11-23 09:00"))
    assert rules(draft(when="2026-11-23 09:00")) is None


def test_the_route_is_found_first_and_its_carrier_asked(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    rules = rules_for(cn_profile, carriers=CARRIERS)
    assert rules(draft("【示例商城】新品上市，退订回QX")) is None
    assert rule_id(rules(draft("新品上市，退订回QX【示例商城】"))) == "signature.missing"
    assert rule_id(rules(draft("【示例商城】新品上市，回T退订"))) == "unsubscribe.missing"
    made = draft()
    rules(made)
    assert made.route is ROUTES.routes[0]


def test_a_route_that_was_chosen_is_kept(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    mine = Route("mine", None, None, (), ("beta",))
    made = draft(route=mine, recipient="85291234567")
    assert rules_for(cn_profile)(made) is None
    assert made.route is mine


@pytest.mark.parametrize(
    ("account", "when", "expected"),
    [
        (replace(SHOP, enabled=False), "2026-11-18 10:30", "account.disabled"),
        (replace(SHOP, licence_expires=date(2026, 11, 18)), "2026-11-18 20:59", None),
        (replace(SHOP, licence_expires=date(2026, 11, 17)), "2026-11-18 10:00", "account.expired"),
    ],
)
def test_account(
    cn_profile: Profile, draft: Callable[..., Draft], account: AccountPolicy, when: str, expected: str | None
) -> None:
    assert rule_id(rules_for(cn_profile, account)(draft(when=when))) == expected


def test_account_at_a_bind(cn_profile: Profile, at: At) -> None:
    assert account_refusal(SHOP, cn_profile.zone) is None
    refuse = account_refusal(replace(SHOP, licence_expires=date(2026, 11, 18)), cn_profile.zone)
    assert refuse is not None
    assert refuse(at("2026-11-18 23:59:59.999")) is None
    assert rule_id(refuse(at("2026-11-19 00:00"))) == "account.expired"


def test_time_alone_for_a_message_whose_text_is_out_of_reach(cn_profile: Profile, at: At) -> None:
    rules = rules_for(replace(cn_profile, window=replace(cn_profile.window, action="hold")))
    assert rules.judge_time(MARKETING, at("2026-11-18 10:30")) is None
    held = rules.judge_time(MARKETING, at("2026-11-18 22:00"))
    assert isinstance(held, Hold)
    assert held.until_ms == at("2026-11-19 09:00")
    assert rules.judge_time(OTP, at("2026-11-18 22:00")) is None
    closed = rules_for(cn_profile, replace(SHOP, licence_expires=date(2026, 11, 17)))
    assert rule_id(closed.judge_time(OTP, at("2026-11-18 10:30"))) == "account.expired"


def test_the_route_of_a_message_of_our_own(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    made = draft("您已退订")
    assert rules_for(cn_profile).route(made) is made.route is ROUTES.routes[0]


def test_explain_asks_every_rule(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    rules = rules_for(cn_profile, replace(SHOP, enabled=False))
    told = rules.explain(draft("双十一全场五折", when="2026-11-18 22:00", recipient="85291234567"))
    assert [(name, rule_id(outcome)) for name, outcome in told] == [
        ("account", "account.disabled"),
        ("signature", "signature.missing"),
        ("unsubscribe", "unsubscribe.missing"),
        ("window.hard", "window.hard"),
        ("window.soft", "window.soft"),
        ("route", "route.none"),
    ]
    told = rules_for(cn_profile).explain(draft())
    assert [outcome for _, outcome in told] == [None] * 5


def test_cap_rows_by_the_signature_that_was_found(cn_profile: Profile, draft: Callable[..., Draft], at: At) -> None:
    rules = rules_for(cn_profile)
    code = draft("【示例商城】您的验证码是123456", OTP)
    assert rules(code) is None
    rows = rules.cap_rows(code)
    assert rows is not None
    assert rows.script_rows(code.at_ms)[0][0] == "otp_minute:示例商城"
    assert rules.cap_rows(draft(recipient="8613800138000")) is None  # a test number


def test_optouts_are_not_asked_for_codes(cn_profile: Profile) -> None:
    rules = rules_for(cn_profile)
    assert [rules.is_optout_checked(message_class) for message_class in MessageClass] == [False, True, True]


def test_a_draft_shows_neither_number_nor_text(draft: Callable[..., Draft]) -> None:
    shown = repr(draft())
    assert "139" not in shown
    assert "示例" not in shown
