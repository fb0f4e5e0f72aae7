"""Rule 10: characters of the whole text, however many segments it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from smsgw.policy.length import length_rule
from smsgw.policy.model import Draft, MessageClass, Refusal
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import LengthRule, Profile

OTP, NOTICE, MARKETING = MessageClass


@pytest.fixture
def parts(cn_profile: Profile, parts_of: Callable[..., Parts]) -> Parts:
    return parts_of(replace(cn_profile, length=LengthRule((None, 10, 70))))


@pytest.mark.parametrize(
    ("message_class", "text", "chars"),
    [
        (MARKETING, "好" * 70, None),
        (MARKETING, "好" * 71, 71),
        (MARKETING, "", None),
        (NOTICE, "a" * 10, None),
        (NOTICE, "a" * 11, 11),
        (NOTICE, "𠮷" * 10, None),  # two units of UCS-2 each, and one character
        (NOTICE, "𠮷" * 11, 11),
        (MARKETING, "【示例商城】" + "好" * 500, 506),
    ],
)
def test_borders(parts: Parts, draft: Callable[..., Draft], message_class: int, text: str, chars: int | None) -> None:
    rule = length_rule(parts, message_class)
    assert rule is not None
    outcome = rule.check(draft(text, message_class))
    if chars is None:
        assert outcome is None
    else:
        assert isinstance(outcome, Refusal)
        assert (outcome.reason.status, outcome.reason.fallback) == (0x444, 0x01)
        assert outcome.detail == f"{chars} characters; at most {10 if message_class == NOTICE else 70} are allowed"


def test_a_class_without_a_limit_has_no_rule(parts: Parts) -> None:
    assert length_rule(parts, OTP) is None


def test_what_people_are_shown(parts: Parts, draft: Callable[..., Draft]) -> None:
    rule = length_rule(parts, MARKETING)
    assert rule is not None
    assert rule.looked_at(draft("你好")) == "2 characters; at most 70"
    assert (rule.number, rule.rule_id) == (10, "length")
