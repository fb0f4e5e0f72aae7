"""Rule 3, numbers: each keeps its account and its class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from smsgw.policy.model import ALL_CLASSES, Draft, MessageClass, Refusal
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import AccountPolicy, Profile, SourceRule
from smsgw.policy.source import registered, source_rule

OTP, NOTICE, MARKETING = MessageClass
NUMBERS = {"1069000130": frozenset((MARKETING,)), "106900013001": frozenset((NOTICE,)), "95588": ALL_CLASSES}
OWNERS = {**dict.fromkeys(NUMBERS, "shop"), "1069000110": "login", "106900013077": "login"}


@pytest.fixture
def ask(cn_profile: Profile, parts_of: Callable[..., Parts], draft: Callable[..., Draft]) -> Callable[..., str | None]:
    def make(
        source: str,
        message_class: int = MARKETING,
        registered_only: bool = False,
        numbers: Mapping[str, frozenset[int]] = NUMBERS,
    ) -> str | None:
        profile = replace(cn_profile, source=SourceRule(registered_only, OWNERS))
        rule = source_rule(parts_of(profile, AccountPolicy("shop", numbers=numbers)), message_class)
        assert rule is not None
        assert (rule.number, rule.rule_id) == (3, "class")
        outcome = rule.check(draft(message_class=message_class, source_addr=source))
        if outcome is None:
            return None
        assert isinstance(outcome, Refusal)
        assert (outcome.reason.rule_id, outcome.reason.status) == ("class.source", 0x451)
        return outcome.detail

    return make


@pytest.mark.parametrize(
    ("source", "message_class", "why"),
    [
        ("1069000130", MARKETING, None),
        ("+1069000130", MARKETING, None),
        ("1069000130", NOTICE, "1069000130 is not registered for notice"),
        ("1069000130", OTP, "1069000130 is not registered for otp"),
        ("10690001305", MARKETING, None),  # extends its own number
        ("10690001305", NOTICE, "1069000130 is not registered for notice"),
        ("106900013001", NOTICE, None),
        ("106900013001", MARKETING, "106900013001 is not registered for marketing"),
        ("10690001300199", MARKETING, "106900013001 is not registered for marketing"),
        ("1069000110", MARKETING, "1069000110 is registered for another account"),
        ("10690001109", MARKETING, "1069000110 is registered for another account"),
        ("106900013077", MARKETING, "106900013077 is registered for another account"),
        ("95588", OTP, None),
        ("106900013", MARKETING, None),  # shorter than any
        ("10086", MARKETING, None),
        ("SHOP", MARKETING, None),
        ("", MARKETING, None),
    ],
)
def test_table(ask: Callable[..., str | None], source: str, message_class: int, why: str | None) -> None:
    assert ask(source, message_class) == why


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("10086", "10086 is not registered for account shop"),
        ("SHOP", "SHOP is not registered for account shop"),
        ("1069000130", None),
        ("10690001301", None),
        ("1069000110", "1069000110 is registered for another account"),
        ("", None),
    ],
)
def test_registered_numbers_only(ask: Callable[..., str | None], source: str, why: str | None) -> None:
    assert ask(source, registered_only=True) == why


def test_numbers_of_others_are_theirs_also_for_an_account_without_any(ask: Callable[..., str | None]) -> None:
    assert ask("1069000110", numbers={}) == "1069000110 is registered for another account"
    assert ask("10086", numbers={}) is None


def test_where_nobody_has_a_number_there_is_no_rule(cn_profile: Profile, parts_of: Callable[..., Parts]) -> None:
    assert source_rule(parts_of(cn_profile), MARKETING) is None


def test_the_longest_number_counts() -> None:
    assert registered("106900013001", OWNERS) == "106900013001"
    assert registered("1069000130012", OWNERS) == "106900013001"
    assert registered("106900013", OWNERS) is None
    assert registered("", OWNERS) is None


def test_what_people_are_shown(
    cn_profile: Profile, parts_of: Callable[..., Parts], draft: Callable[..., Draft]
) -> None:
    rule = source_rule(parts_of(cn_profile, AccountPolicy("shop", numbers=NUMBERS)), MARKETING)
    assert rule is not None
    assert rule.looked_at(draft(source_addr="10086")) == (
        "source 10086; registered for this account and marketing: 1069000130, 95588"
    )
    assert rule.looked_at(draft(source_addr="")).startswith("source (none); ")
