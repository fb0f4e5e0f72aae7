from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from smsgw.policy.channels import Channels, account_refusal, account_rule
from smsgw.policy.entries import ChannelEntry
from smsgw.policy.model import Draft, MessageClass
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import AccountPolicy, Profile
from smsgw.policy.registers import Registers

At = Callable[..., int]
APPROVED = ChannelEntry("account:shop", "A-1", "2026-12-31", "2026-11-20", "active")
SHOP = AccountPolicy("shop")


def registers_with(*entries: ChannelEntry) -> Registers:
    registers = Registers()
    registers.put("channel", Channels(entries))
    return registers


@pytest.mark.parametrize(
    ("entry", "when", "rule_id", "detail"),
    [
        (APPROVED, "2026-11-18 10:30", None, ""),
        (APPROVED, "2026-11-20 23:59:59.999", None, ""),
        (APPROVED, "2026-11-21 00:00", "account.unapproved", "ended with 2026-11-20"),
        (replace(APPROVED, expires=""), "2026-12-31 23:59", None, ""),
        (replace(APPROVED, expires=""), "2027-01-01 00:00", "account.expired", "licence A-1"),
        (replace(APPROVED, state="approved"), "2026-11-18 10:30", "account.unapproved", "is approved, not active"),
        (replace(APPROVED, state="suspended"), "2026-11-18 10:30", "account.unapproved", "is suspended"),
        (replace(APPROVED, channel="account:bank"), "2026-11-18 10:30", "account.unapproved", "not in the register"),
        (replace(APPROVED, channel="carrier:shop"), "2026-11-18 10:30", "account.unapproved", "not in the register"),
    ],
)
def test_channel(cn_profile: Profile, at: At, entry: ChannelEntry, when: str, rule_id: str | None, detail: str) -> None:
    refusal = Channels((entry,)).refusal("account:shop", at(when), cn_profile.zone)
    assert (None if refusal is None else refusal.reason.rule_id) == rule_id
    assert refusal is None or detail in refusal.detail
    refuse = account_refusal(SHOP, cn_profile.zone, registers_with(entry), True)
    assert refuse is not None
    assert refuse(at(when)) == refusal


def test_days_are_the_zone_s(cn_profile: Profile, at: At) -> None:
    channels = Channels((APPROVED,))
    utc_evening = at("2026-11-21 00:30")  # still the 20th in London
    assert channels.refusal("account:shop", utc_evening, cn_profile.zone) is not None
    london = type(cn_profile.zone)("Europe/London")
    assert channels.refusal("account:shop", utc_evening, london) is None


def test_approval_is_asked_for_only_where_the_site_says_so(cn_profile: Profile) -> None:
    assert account_refusal(SHOP, cn_profile.zone, Registers(), False) is None


def test_file_and_register_must_both_allow(cn_profile: Profile, at: At) -> None:
    account = replace(SHOP, licence_expires=date(2026, 11, 17))
    refuse = account_refusal(account, cn_profile.zone, registers_with(APPROVED), True)
    assert refuse is not None
    refusal = refuse(at("2026-11-18 10:30"))
    assert refusal is not None
    assert refusal.detail == "licence_expires = 2026-11-17"
    assert refuse(at("2026-11-17 10:30")) is None


def test_a_change_of_the_register_holds_at_once(cn_profile: Profile, at: At) -> None:
    registers = registers_with()
    refuse = account_refusal(SHOP, cn_profile.zone, registers, True)
    assert refuse is not None
    now = at("2026-11-18 10:30")
    assert refuse(now) is not None
    registers.put("channel", Channels((APPROVED,)))
    assert refuse(now) is None
    registers.put("channel", Channels((replace(APPROVED, state="suspended"),)))
    assert refuse(now) is not None


def test_rule(cn_profile: Profile, draft: Callable[..., Draft], parts_of: Callable[..., Parts]) -> None:
    assert account_rule(parts_of(cn_profile), MessageClass.OTP) is None
    registers = registers_with(APPROVED)
    rule = account_rule(parts_of(cn_profile, registers=registers, approval_required=True), MessageClass.OTP)
    assert rule is not None
    assert rule.check(draft()) is None
    assert rule.looked_at(draft()) == (
        "enabled = true, channel account:shop is active, approved through 2026-11-20, licence through 2026-12-31"
    )
    registers.put("channel", Channels(()))
    assert rule.check(draft()) is not None
    assert rule.looked_at(draft()).endswith("channel account:shop is not registered")
