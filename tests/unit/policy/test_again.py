"""The second look, at a message whose text is sealed away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from smsgw.policy.calendar import Workdays
from smsgw.policy.campaigns import Campaigns
from smsgw.policy.channels import Channels
from smsgw.policy.entries import CampaignEntry, ChannelEntry, PauseEntry, SignatureEntry, TemplateEntry
from smsgw.policy.model import Hold, MessageClass, Outcome, Refusal
from smsgw.policy.pauses import Pauses
from smsgw.policy.pipeline import compile_rules
from smsgw.policy.profile import AccountPolicy, CarrierPolicy, Profile
from smsgw.policy.registers import Registers
from smsgw.policy.routing import RouteTable
from smsgw.policy.signature import Signatures
from smsgw.policy.templates import Templates

At = Callable[..., int]
OTP, NOTICE, MARKETING = MessageClass
SHOP = AccountPolicy("shop", signatures=frozenset(("示例商城",)), department="retail")
SALE = TemplateEntry("sale", 2, "marketing", "双十一全场{n}折", state="active", expires="2026-11-30")


class Look:
    """Everything in order, but for what a test changes."""

    def __init__(self, profile: Profile, at: At) -> None:
        self.profile = profile
        self.account = SHOP
        self.registers = Registers()
        self.registers.put("template", Templates((SALE,)))
        self.registers.put("campaign", Campaigns((CampaignEntry("double11", slots=("11:00-12:30",)),)))
        self.approval_required = False
        self._at = at
        self.lets_all = False

    def __call__(
        self,
        message_class: int = MARKETING,
        when: str = "2026-11-18 11:30",
        signature: str | None = "示例商城",
        template: str = "",
        campaign: str = "",
        carriers: tuple[str, ...] = ("alpha",),
    ) -> Outcome:
        rules = compile_rules(
            self.profile, self.account, RouteTable(()), {}, Workdays(),
            registers=self.registers, approval_required=self.approval_required,
        )  # fmt: skip
        at_ms = self._at(when)
        outcome = rules.judge_again(message_class, at_ms, "8613912345678", signature, template, campaign, carriers)
        self.lets_all = rules.lets_all_again(message_class, at_ms, signature or "", template, campaign)
        assert outcome is None or not self.lets_all
        return outcome


@pytest.fixture
def look(cn_profile: Profile, at: At) -> Look:
    return Look(cn_profile, at)


def refused(outcome: Outcome) -> str | None:
    return outcome.reason.rule_id if isinstance(outcome, Refusal) else None


def test_nothing_is_wrong(look: Look) -> None:
    assert look() is None
    assert look.lets_all
    assert look(template="sale@2", campaign="double11") is None
    assert look(signature="", template="sale@2") is None
    assert look.lets_all
    assert look(OTP, "2026-11-18 22:00") is None
    assert look.lets_all


def test_windows(look: Look, at: At) -> None:
    assert refused(look(when="2026-11-18 22:00")) == "window.hard"
    assert refused(look(when="2026-11-22 11:30")) == "window.soft"
    look.profile = replace(look.profile, window=replace(look.profile.window, action="hold"))
    held = look(when="2026-11-18 22:00")
    assert isinstance(held, Hold)
    assert held.until_ms == at("2026-11-19 09:00")


def test_campaign(look: Look) -> None:
    assert refused(look(campaign="double11", when="2026-11-18 10:59")) == "window.soft"
    assert refused(look(campaign="unheard")) == "window.soft"
    look.registers.put("campaign", Campaigns((CampaignEntry("double11", state="ended"),)))
    assert refused(look(campaign="double11")) == "window.soft"


def test_account_and_channel(look: Look) -> None:
    look.approval_required = True
    assert refused(look()) == "account.unapproved"
    look.registers.put("channel", Channels((ChannelEntry("account:shop", state="active"),)))
    assert look() is None
    look.account = replace(SHOP, licence_expires=date(2026, 11, 17))
    assert refused(look(OTP)) == "account.expired"


@pytest.mark.parametrize(
    "scope",
    ["global", "department:retail", "account:shop", "signature:示例商城", "template:sale", "campaign:double11"],
)
def test_pauses(look: Look, scope: str) -> None:
    look.registers.put("pause", Pauses((PauseEntry(scope, "complaints", "ops", 0),)))
    assert refused(look(template="sale@2", campaign="double11")) == "paused"


def test_other_pauses_stop_nothing(look: Look) -> None:
    others = ("department:hr", "account:bank", "signature:示例", "template:sal", "campaign:double12", "carrier:beta")
    look.registers.put("pause", Pauses(PauseEntry(scope, "x", "ops", 0) for scope in others))
    assert look(template="sale@2", campaign="double11") is None


def test_a_pause_of_carriers_stops_what_has_no_other(look: Look) -> None:
    look.registers.put("pause", Pauses((PauseEntry("carrier:alpha", "x", "ops", 0),)))
    assert refused(look()) == "paused"
    assert look(carriers=("alpha", "beta")) is None


@pytest.mark.parametrize("state", ["suspended", "expired"])
def test_signature_is_not_in_force_any_more(look: Look, state: str) -> None:
    look.registers.put("signature", Signatures((SignatureEntry("shop", "示例商城", state=state),)))
    assert refused(look(OTP)) == "signature.unregistered"
    assert look(OTP, signature="") is None


def test_template_is_not_in_force_any_more(look: Look) -> None:
    assert look(OTP, "2026-11-30 23:59", template="sale@2") is None
    assert refused(look(OTP, "2026-12-01 00:00", template="sale@2")) == "template"
    assert refused(look(OTP, template="sale@1")) == "template"
    look.registers.put("template", Templates((replace(SALE, state="suspended"),)))
    assert refused(look(OTP, template="sale@2")) == "template"


def test_a_refusal_comes_before_a_hold(look: Look) -> None:
    look.profile = replace(look.profile, window=replace(look.profile.window, action="hold"))
    assert refused(look(when="2026-11-18 22:00", template="gone@1")) == "template"
    assert isinstance(look(when="2026-11-18 22:00", template="sale@2"), Hold)


def test_a_recipient_s_own_clock(look: Look, at: At) -> None:
    look.profile = replace(look.profile, window=replace(look.profile.window, zone="recipient"))
    rules = compile_rules(look.profile, SHOP, RouteTable(()), {}, Workdays(), registers=look.registers)
    evening = at("2026-11-18 20:30")
    assert not rules.lets_all_again(MARKETING, evening, "", "", "")
    assert rules.judge_again(MARKETING, evening, "8613912345678", None, "", "", ()) is None
    assert refused(rules.judge_again(MARKETING, evening, "12125550123", None, "", "", ())) == "window.hard"


# -- another carrier


@pytest.fixture
def suits(cn_profile: Profile, at: At) -> Callable[..., bool]:
    """Whether a text that carrier ``by`` takes suits carrier ``other``; "plain" has no habits of its own."""
    carriers = {
        "plain": CarrierPolicy("plain"),
        "front": CarrierPolicy("front", "front"),
        "end": CarrierPolicy("end", "end"),
        "phrase": CarrierPolicy("phrase", None, ("回TD退订",)),
    }
    rules = compile_rules(cn_profile, SHOP, RouteTable(()), carriers, Workdays())

    def ask(text: str, by: str, other: str, message_class: int = NOTICE, signature: str = "示例商城") -> bool:
        return rules.other_carrier.suits(message_class, at("2026-11-18 11:30"), signature, lambda: text, by, other)

    return ask


@pytest.mark.parametrize(
    ("text", "by", "other", "message_class", "takes"),
    [
        ("【示例商城】您好", "front", "plain", NOTICE, True),
        ("【示例商城】您好", "front", "end", NOTICE, False),
        ("您好【示例商城】", "end", "front", NOTICE, False),
        ("您好【示例商城】", "plain", "end", NOTICE, True),
        ("【示例商城】您好【示例会员】", "plain", "end", NOTICE, False),  # another signature is read there
        ("【示例商城】五折，拒收请回复R", "plain", "phrase", MARKETING, False),
        ("【示例商城】五折，回TD退订", "phrase", "plain", MARKETING, True),
        ("【示例商城】您好", "plain", "phrase", NOTICE, True),
        ("【示例商城】您好", "plain", "gone", NOTICE, True),
    ],
)
def test_what_another_carrier_takes(
    suits: Callable[..., bool], text: str, by: str, other: str, message_class: int, takes: bool
) -> None:
    assert suits(text, by, other, message_class) is takes


def test_a_text_is_not_opened_where_whatever_suits_one_suits_the_other(cn_profile: Profile, at: At) -> None:
    same = {name: CarrierPolicy(name, "front") for name in ("a", "b")}
    asked = compile_rules(cn_profile, SHOP, RouteTable(()), same, Workdays()).other_carrier

    def text() -> str:
        raise AssertionError("nobody should look")

    assert asked.suits(NOTICE, at("2026-11-18 11:30"), "示例商城", text, "a", "b")
    assert not compile_rules(cn_profile, SHOP, RouteTable(()), {}, Workdays()).other_carrier.any_differ
