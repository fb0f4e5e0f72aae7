from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from smsgw.policy.model import Draft, MessageClass
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import CarrierPolicy, Profile, UnsubscribeRule
from smsgw.policy.routing import Route
from smsgw.policy.signature import SignatureFinder
from smsgw.policy.unsubscribe import unsubscribe_rule

CARRIERS = {"own": CarrierPolicy("own", unsubscribe_phrases=("退订回QX",)), "plain": CarrierPolicy("plain")}


@pytest.fixture
def judge(cn_profile: Profile, parts_of: Callable[..., Parts]) -> Callable[[Draft], str | None]:
    """Signature, then phrase, as the pipeline does; the rule id of a refusal."""

    def run(made: Draft) -> str | None:
        parts = parts_of(cn_profile, carriers=CARRIERS)
        made.carrier = made.route.carriers[0] if made.route is not None else ""
        SignatureFinder(parts)(made)
        refusal = unsubscribe_rule(parts, made.message_class).check(made)
        return None if refusal is None else refusal.reason.rule_id

    return run


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("【示例商城】新品上市，拒收请回复R", True),
        ("【示例商城】新品上市 回T退订", True),
        ("【示例商城】新品上市，回TD退订。", True),
        ("新品上市，回T退订【示例商城】", True),
        ("新品上市，回T退订 【示例商城】", True),
        ("【示例商城】新品上市，回Ｔ退訂！", True),
        ("【示例商城】新品上市，拒收请回复 r", True),
        ("【示例商城】新品上市，回 T 退 订", True),
        ("【示例商城】新品上市", False),
        ("【示例商城】回T退订，新品上市", False),
        ("新品上市【示例商城】回T退订【别家】", False),
        ("【示例商城】新品上市，退订请拨打10690001", False),
        ("【示例商城】新品上市，回N退订", False),
        ("【示例商城】", False),
        ("", False),
    ],
)
def test_marketing_ends_with_a_phrase(
    draft: Callable[..., Draft], judge: Callable[[Draft], str | None], text: str, is_there: bool
) -> None:
    assert judge(draft(text)) == (None if is_there else "unsubscribe.missing")


@pytest.mark.parametrize("message_class", [MessageClass.OTP, MessageClass.NOTICE])
@pytest.mark.parametrize(
    ("text", "is_clean"),
    [
        ("【示例商城】您的验证码是123456", True),
        ("【示例商城】您已成功退订会员日报", True),
        ("【示例商城】您的验证码是123456，回T退订", False),
        ("【示例商城】验证码123456 回 Ｔ 退訂。", False),
        ("您的验证码是123456，拒收请回复R【示例商城】", False),
        ("【示例商城】回T退订，您的验证码是123456", False),
        ("【示例商城】您的验证码是123456，退订回QX", False),  # another carrier's phrase is one all the same
    ],
)
def test_other_classes_have_none(
    draft: Callable[..., Draft],
    judge: Callable[[Draft], str | None],
    message_class: MessageClass,
    text: str,
    is_clean: bool,
) -> None:
    assert judge(draft(text, message_class)) == (None if is_clean else "unsubscribe.forbidden")


@pytest.mark.parametrize(
    ("carrier", "ending", "passes"),
    [("own", "退订回QX", True), ("own", "回T退订", False), ("plain", "回T退订", True), ("plain", "退订回QX", False)],
)
def test_a_carrier_may_have_its_own(
    draft: Callable[..., Draft], judge: Callable[[Draft], str | None], carrier: str, ending: str, passes: bool
) -> None:
    made = draft(f"【示例商城】新品上市，{ending}", route=Route("r", None, None, (), (carrier,)))
    assert judge(made) == (None if passes else "unsubscribe.missing")


def _refuses(made: Draft, profile: Profile, parts_of: Callable[..., Parts]) -> bool:
    parts = parts_of(profile)
    SignatureFinder(parts)(made)
    return unsubscribe_rule(parts, made.message_class).check(made) is not None


def test_the_phrase_must_stand_outside_of_the_signature(
    draft: Callable[..., Draft], cn_profile: Profile, parts_of: Callable[..., Parts]
) -> None:
    rule = UnsubscribeRule(frozenset((MessageClass.MARKETING,)), ("商城】",))
    assert _refuses(draft("【示例商城】"), replace(cn_profile, unsubscribe=rule), parts_of)


def test_phrases_without_anything_readable_count_for_nothing(
    draft: Callable[..., Draft], cn_profile: Profile, parts_of: Callable[..., Parts]
) -> None:
    profile = replace(cn_profile, unsubscribe=UnsubscribeRule(frozenset((MessageClass.MARKETING,)), ("", "。")))
    assert _refuses(draft("您好。"), profile, parts_of)
    assert not _refuses(draft("您好。", MessageClass.NOTICE), profile, parts_of)


def test_what_it_looked_at_is_the_end_of_the_body(
    draft: Callable[..., Draft], cn_profile: Profile, parts_of: Callable[..., Parts]
) -> None:
    parts = parts_of(cn_profile)
    made = draft("新品上市，回T退订【示例商城】")
    SignatureFinder(parts)(made)
    assert unsubscribe_rule(parts, MessageClass.MARKETING).looked_at(made) == (
        "the end …新品上市，回T退订; a phrase must stand there"
    )
    assert "must not be in the text" in unsubscribe_rule(parts, MessageClass.OTP).looked_at(made)
