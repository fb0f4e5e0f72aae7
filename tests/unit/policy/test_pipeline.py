from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from smsgw.policy.calendar import Workdays
from smsgw.policy.campaigns import Campaigns
from smsgw.policy.entries import CampaignEntry, PauseEntry, TemplateEntry, Variable, WordEntry
from smsgw.policy.model import Draft, Hold, MessageClass, Outcome, Refusal
from smsgw.policy.pauses import Pauses
from smsgw.policy.pipeline import Facts, Rules, account_refusal, compile_rules
from smsgw.policy.profile import (
    AccountPolicy,
    Cap,
    CarrierPolicy,
    ClassRule,
    ConsentRule,
    ContactsRule,
    ListRule,
    Profile,
    SameContentRule,
    TemplateRule,
    WordsRule,
)
from smsgw.policy.reasons import WORDS_NATIONAL
from smsgw.policy.registers import Registers
from smsgw.policy.routing import Route, RouteTable
from smsgw.policy.templates import Templates
from smsgw.policy.words import Words

At = Callable[..., int]
OTP, NOTICE, MARKETING = MessageClass
SHOP = AccountPolicy("shop", signatures=frozenset(("示例商城",)))
ROUTES = RouteTable([Route("china", None, None, ("86",), ("alpha",))])
CODE = TemplateEntry(
    "code", 1, "otp", "您的验证码是{code}", variables=(Variable("code", "digits", 4, 8),), state="active"
)
SALE = TemplateEntry(
    "sale", 2, "marketing", "双十一全场{n}折，回T退订", "shop", "double11", (Variable("n", "digits"),), state="active"
)
CARRIERS = {"alpha": CarrierPolicy("alpha", "front", ("退订回QX",))}


def rules_for(
    profile: Profile,
    account: AccountPolicy = SHOP,
    carriers: dict[str, CarrierPolicy] | None = None,
    registers: Registers | None = None,
) -> Rules:
    return compile_rules(profile, account, ROUTES, carriers or {}, Workdays(), registers=registers)


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


def test_the_route_of_a_message_of_our_own(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    made = draft("您已退订")
    assert rules_for(cn_profile).route(made) is made.route is ROUTES.routes[0]


ROOM = [
    (1, "account"),
    (1, "suspended"),
    (2, "paused"),
    (3, "class"),
    (4, "signature"),
    (5, "unsubscribe"),
    (6, "service_phone"),
    (7, "words"),
    (8, "contact"),
    (9, "template"),
    (10, "length"),
    (11, "window.hard"),
    (12, "window.soft"),
    (13, "route"),
]


def test_explain_asks_every_rule(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    rules = rules_for(cn_profile, replace(SHOP, enabled=False))
    told = rules.explain(draft("双十一全场五折", when="2026-11-18 22:00", recipient="85291234567"))
    assert [(finding.number, finding.rule_id) for finding in told] == ROOM
    assert [(finding.rule_id, rule_id(finding.outcome)) for finding in told if finding.outcome is not None] == [
        ("account", "account.disabled"),
        ("signature", "signature.missing"),
        ("unsubscribe", "unsubscribe.missing"),
        ("window.hard", "window.hard"),
        ("window.soft", "window.soft"),
        ("route", "route.none"),
    ]
    assert all(finding.looked_at for finding in told)


def test_explain_says_which_rules_do_not_apply(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    told = {finding.rule_id: finding for finding in rules_for(cn_profile).explain(draft())}
    assert [finding.outcome for finding in told.values()] == [None] * 14
    assert [name for name, finding in told.items() if finding.applies] == [
        "suspended", "paused", "signature", "unsubscribe", "words", "window.hard", "window.soft", "route",
    ]  # fmt: skip
    assert told["template"].looked_at == "not asked of marketing"
    assert told["route"].looked_at == "route china: alpha"


def test_cap_rows_by_the_signature_that_was_found(cn_profile: Profile, draft: Callable[..., Draft], at: At) -> None:
    rules = rules_for(cn_profile)
    code = draft("【示例商城】您的验证码是123456", OTP)
    assert rules(code) is None
    rows = rules.cap_rows(code)
    assert rows is rules.caps.compiled("shop", OTP, "示例商城")
    assert rows is not rules.caps.compiled("shop", OTP, None)
    assert rules.cap_rows(draft(recipient="8613800138000")) is None  # a test number


def test_cap_rows_by_template_and_audience(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    caps = (
        Cap("by_template", frozenset((OTP,)), "template", 1, "day"),
        Cap("by_audience", frozenset((OTP,)), "segment", 1, "day"),
    )
    registers = Registers()
    registers.put("template", Templates((CODE,)))
    rules = rules_for(replace(cn_profile, caps=caps), registers=registers)
    code = draft("【示例商城】您的验证码是123456", OTP, audience="vip")
    assert rules(code) is None
    assert rules.cap_rows(code) is rules.caps.compiled("shop", OTP, "示例商城", "code", "vip")


def test_what_the_store_is_asked_about_a_recipient(cn_profile: Profile) -> None:
    marketing = frozenset((MARKETING,))
    rules = rules_for(
        replace(
            cn_profile,
            blacklist=ListRule(frozenset(MessageClass)),
            dead_number=ListRule(marketing),
            consent=ConsentRule(marketing),
        )
    )
    assert [rules.facts(each) for each in MessageClass] == [
        Facts(optout=False, blacklist=True, dead_number=False, consent=False),
        Facts(optout=True, blacklist=True, dead_number=False, consent=False),
        Facts(optout=True, blacklist=True, dead_number=True, consent=True),
    ]


def test_a_template_gives_its_class_and_campaign(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    registers = Registers()
    registers.put("template", Templates((CODE, replace(SALE, state="suspended"))))
    registers.put("campaign", Campaigns((CampaignEntry("double11"),)))
    rules = rules_for(cn_profile, registers=registers)
    code = draft("【示例商城】您的验证码是123456", NOTICE)
    assert rules(code) is None
    assert (code.template, code.message_class, code.declared_class) == (CODE, OTP, NOTICE)
    sale = draft("【示例商城】双十一全场5折，回T退订")
    assert rules(sale) is None
    assert (sale.template, sale.campaign) == (None, "")
    registers.put("template", Templates((CODE, SALE)))
    assert rules(sale) is None
    assert (sale.template, sale.campaign) == (SALE, "double11")
    named = draft("【示例商城】双十一全场5折，回T退订", campaign="mine")
    rules(named)
    assert named.campaign == "double11"  # no other name takes it out of its campaign's slots and pause
    free = replace(SALE, campaign="")
    registers.put("template", Templates((CODE, free)))
    named = draft("【示例商城】双十一全场5折，回T退订", campaign="mine")
    rules(named)
    assert (named.template, named.campaign) == (free, "mine")


def test_words_are_found_in_the_order_in_which_they_are_shown(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    registers = Registers()
    registers.put("word", Words((WordEntry("national", "赌博"),)))
    rules = rules_for(cn_profile, registers=registers)
    outcome = rules(draft("【示例商城】快来\u202e博赌\u202c网站", NOTICE))
    assert isinstance(outcome, Refusal)
    assert outcome.reason is WORDS_NATIONAL


def test_a_held_text_is_looked_at_by_todays_lists(cn_profile: Profile) -> None:
    registers = Registers()
    rules = rules_for(cn_profile, registers=registers)
    text = "【示例商城】高 收益理财，回T退订"
    assert rules.text_again(MessageClass.MARKETING, 0, text) == (None, "")
    entry = WordEntry("company", "高收益理财", action="review", evasion=True)
    registers.put("word", Words((entry,)))
    assert rules.text_again(MessageClass.MARKETING, 0, text) == (None, "company:高收益理财")
    registers.put("word", Words((entry, replace(entry, list="national", action="reject"))))
    refusal, review = rules.text_again(MessageClass.MARKETING, 0, text)
    assert refusal is not None
    assert (refusal.reason, review) == (WORDS_NATIONAL, "")


def test_a_template_is_looked_for_beside_the_signature_in_any_spelling(
    cn_profile: Profile, draft: Callable[..., Draft]
) -> None:
    registers = Registers()
    registers.put("template", Templates((CODE, SALE)))
    rules = rules_for(cn_profile, registers=registers)
    for text in (
        "【示例商城】您的验证码是123456",
        "您的验证码是123456【示例商城】",
        "【示例商城】您的驗證碼是１２３４５６",
        "您的验证码是123456",
    ):
        made = draft(text, OTP)
        rules.prepare(made)
        assert made.template is CODE, text
    made = draft("【别家】您的验证码是123456", OTP)
    rules.prepare(made)
    assert made.template is None


def test_templates_are_required_of_some_classes(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    registers = Registers()
    registers.put("template", Templates((CODE,)))
    rules = rules_for(replace(cn_profile, template=TemplateRule(frozenset((OTP,)))), registers=registers)
    assert rules(draft("【示例商城】您的验证码是123456", OTP)) is None
    other = draft("【示例商城】您的动态码是123456", OTP)
    assert rule_id(rules(other)) == "template"
    finding = next(each for each in rules.explain(other) if each.rule_id == "template")
    assert finding.looked_at == "no template fits; the nearest is code@1: it begins with “您的验证码是”"
    registers.put("template", Templates(()))
    finding = next(each for each in rules.explain(other) if each.rule_id == "template")
    assert finding.looked_at == "the account has no template"
    assert rules(draft("【示例商城】您的订单已发货", NOTICE)) is None


def test_the_route_is_that_of_the_class_that_holds(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    routes = RouteTable(
        [
            Route("codes", None, frozenset((OTP,)), (), ("ends",)),
            Route("rest", None, None, (), ("fronts",)),
        ]
    )
    carriers = {"ends": CarrierPolicy("ends", "end"), "fronts": CarrierPolicy("fronts", "front")}
    registers = Registers()
    registers.put("template", Templates((CODE,)))
    rules = compile_rules(cn_profile, SHOP, routes, carriers, Workdays(), registers=registers)
    # Found at the front, where the declared class's carrier wants it; the template's class goes by another carrier.
    made = draft("【示例商城】您的验证码是123456", NOTICE)
    assert rule_id(rules(made)) == "signature.missing"
    assert (made.route, made.carrier, made.message_class) == (routes.routes[0], "ends", OTP)
    codes = draft("您的验证码是123456【示例商城】", OTP)
    assert rules(codes) is None


def test_routes_ask_for_what_is_found_in_the_text(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    routes = RouteTable(
        [
            Route("signed", None, None, (), ("beta",), signatures=frozenset(("示例商城",))),
            Route("by-template", None, None, (), ("beta", "alpha"), templates=frozenset(("code",))),
            Route("mobile", None, None, (), ("alpha",), networks=frozenset(("mobile",))),
            Route("rest", None, None, (), ("alpha", "beta")),
        ]
    )
    registers = Registers()
    registers.put("template", Templates((CODE,)))
    rules = compile_rules(cn_profile, SHOP, routes, CARRIERS, Workdays(), registers=registers)

    def way(text: str, recipient: str = "8613912345678") -> tuple[str, tuple[str, ...], str]:
        made = draft(text, NOTICE, recipient=recipient)
        rules.prepare(made)
        assert made.route is not None
        return made.route.name, made.carriers, made.carrier

    assert way("【示例商城】您的订单已发货") == ("signed", ("beta",), "beta")
    assert way("您的验证码是123456") == ("by-template", ("beta", "alpha"), "beta")
    assert way("您的订单已发货") == ("mobile", ("alpha",), "alpha")
    assert way("您的订单已发货", "8613012345678")[0] == "rest"
    registers.ported["8613012345678"] = "mobile"
    assert way("您的订单已发货", "8613012345678")[0] == "mobile"


def test_an_account_may_lower_its_lane_and_routes_see_it(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    routes = RouteTable(
        [
            Route("bulk", None, None, (), ("beta",), lanes=frozenset((MARKETING,))),
            Route("rest", None, None, (), ("alpha",)),
        ]
    )
    for own, lane, name in ((OTP, NOTICE, "rest"), (NOTICE, NOTICE, "rest"), (MARKETING, MARKETING, "bulk")):
        account = replace(SHOP, lane=own)
        rules = compile_rules(cn_profile, account, routes, CARRIERS, Workdays())
        made = draft("【示例商城】您的订单已发货", NOTICE)
        rules.prepare(made)
        assert made.route is not None
        assert (made.lane, made.route.name) == (lane, name)


def test_a_paused_carrier_is_passed_over(cn_profile: Profile, draft: Callable[..., Draft], at: At) -> None:
    routes = RouteTable([Route("two", None, None, (), ("alpha", "ends"))])
    carriers = CARRIERS | {"ends": CarrierPolicy("ends", "end")}
    registers = Registers()
    rules = compile_rules(cn_profile, SHOP, routes, carriers, Workdays(), registers=registers)
    front, end = draft("【示例商城】新品上市，退订回QX"), draft("新品上市，回T退订【示例商城】")
    assert (rule_id(rules(front)), rule_id(rules(end))) == (None, "signature.missing")
    registers.put("pause", Pauses((PauseEntry("carrier:alpha", "maintenance", "ops", 0, at("2026-11-18 12:00")),)))
    assert (rule_id(rules(front)), rule_id(rules(end))) == ("signature.missing", None)
    late = draft("【示例商城】新品上市，退订回QX", when="2026-11-18 12:00")
    assert rules(late) is None
    both = (PauseEntry("carrier:alpha", "x", "ops", 0), PauseEntry("carrier:ends", "y", "ops", 0))
    registers.put("pause", Pauses(both))
    assert rule_id(rules(front)) == "paused"


def test_plain_text_is_made_only_where_it_is_needed(cn_profile: Profile, draft: Callable[..., Draft]) -> None:
    nothing = replace(cn_profile, words=WordsRule(frozenset()))
    rules = rules_for(nothing)
    made = draft()
    assert rules(made) is None
    assert made.plain == ""
    for profile in (
        replace(nothing, words=WordsRule(frozenset((MARKETING,)))),
        replace(nothing, contacts=ContactsRule(links_for=frozenset((MARKETING,)))),
        replace(nothing, same_content=SameContentRule(frozenset((MARKETING,)), 86_400_000)),
        replace(nothing, message_class=ClassRule(("验证码",))),
    ):
        made = draft()
        rules_for(profile).prepare(made)
        assert made.plain == "[示例商城]新品上市,回t退订"
    made = draft(message_class=OTP)
    rules_for(replace(nothing, words=WordsRule(frozenset((MARKETING,))))).prepare(made)
    assert made.plain == ""


def test_a_draft_shows_neither_number_nor_text(draft: Callable[..., Draft]) -> None:
    shown = repr(draft())
    assert "139" not in shown
    assert "示例" not in shown
