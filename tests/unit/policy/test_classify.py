"""Rule 3, content: promotional text is marketing whatever was declared, and a code looks like one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from smsgw.policy.classify import class_rule, classifier
from smsgw.policy.entries import TemplateEntry
from smsgw.policy.model import Draft, MessageClass, Refusal
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import ClassRule, Profile
from smsgw.policy.reasons import CLASS_CONTENT
from smsgw.policy.text import fold_kept

OTP, NOTICE, MARKETING = MessageClass
RULE = ClassRule(("验证码", "校验码"), ("优惠", "红包", "秒杀", "% off"), 2)


@pytest.fixture
def parts(parts_of: Callable[..., Parts], cn_profile: Profile) -> Parts:
    return parts_of(replace(cn_profile, message_class=RULE))


def folded(draft: Draft) -> Draft:
    draft.plain = fold_kept(draft.text)
    return draft


@pytest.mark.parametrize(
    ("text", "declared", "effective"),
    [
        ("您的验证码是1234", OTP, OTP),
        ("验证码1234，领红包抢优惠", OTP, MARKETING),
        ("领红包抢优惠", NOTICE, MARKETING),
        ("领紅 包搶優-惠", NOTICE, MARKETING),
        ("红包，红包，红包", NOTICE, NOTICE),
        ("优惠已到账", NOTICE, NOTICE),
        ("账单已出", MARKETING, MARKETING),
        ("红包 20% off", NOTICE, MARKETING),
        ("红包 office", NOTICE, NOTICE),
        ("红" * 500 + "包" + "长" * 500 + "秒杀", NOTICE, MARKETING),
    ],
)
def test_the_class_that_holds(
    parts: Parts, draft: Callable[..., Draft], text: str, declared: int, effective: int
) -> None:
    assert classifier(parts)(folded(draft(text, declared))) == effective


@pytest.mark.parametrize("hits", [1, 2, 3])
def test_enough_different_words_and_no_fewer(
    parts_of: Callable[..., Parts], cn_profile: Profile, draft: Callable[..., Draft], hits: int
) -> None:
    classify = classifier(parts_of(replace(cn_profile, message_class=replace(RULE, promotional_hits=hits))))
    for count, text in enumerate(("账单", "优惠", "优惠红包", "优惠红包秒杀")):
        assert classify(folded(draft(text, NOTICE))) == (MARKETING if count >= hits else NOTICE)


def test_a_template_says_the_class_and_content_may_overrule_it(
    parts: Parts, parts_of: Callable[..., Parts], cn_profile: Profile, draft: Callable[..., Draft]
) -> None:
    asked = folded(draft("账单", MARKETING))
    asked.template = TemplateEntry("t", 1, "notice", "账单")
    assert classifier(parts)(asked) == NOTICE
    assert classifier(parts_of(cn_profile))(asked) == NOTICE
    asked = folded(draft("优惠红包", OTP))
    asked.template = TemplateEntry("t", 1, "notice", "优惠红包")
    assert classifier(parts)(asked) == MARKETING


def test_without_the_table_the_declared_class_holds(
    parts_of: Callable[..., Parts], cn_profile: Profile, draft: Callable[..., Draft]
) -> None:
    parts = parts_of(cn_profile)
    assert classifier(parts)(folded(draft("优惠红包秒杀", OTP))) == OTP
    assert all(class_rule(parts, each) is None for each in MessageClass)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("您的验证码是1234", None),
        ("您的驗證碼是1234", None),
        ("您的验 证 码是1234", None),
        ("校验码1234", None),
        ("您的密码是1234", "none of: 验证码, 校验码"),
        ("", "none of: 验证码, 校验码"),
        ("验证码1234，登录example.com", "a link to example.com"),
        ("验证码1234，登录ｅｘａｍｐｌｅ。ｃｏｍ", "a link to example.com"),
        ("验证码1234。" + "长" * 1000 + "https://example.com/a", "a link to example.com"),
    ],
)
def test_a_code_has_a_code_word_and_no_link(
    parts: Parts, draft: Callable[..., Draft], text: str, detail: str | None
) -> None:
    rule = class_rule(parts, OTP)
    assert rule is not None
    outcome = rule.check(folded(draft(text, OTP)))
    if detail is None:
        assert outcome is None
    else:
        assert isinstance(outcome, Refusal)
        assert outcome.reason is CLASS_CONTENT
        assert detail in outcome.detail


def test_without_code_words_only_links_are_refused(
    parts_of: Callable[..., Parts], cn_profile: Profile, draft: Callable[..., Draft]
) -> None:
    rule = class_rule(parts_of(replace(cn_profile, message_class=ClassRule())), OTP)
    assert rule is not None
    assert rule.check(folded(draft("密码1234", OTP))) is None
    assert rule.check(folded(draft("密码1234 t.cn/a", OTP))) is not None


def test_people_are_told_how_the_class_was_found(parts: Parts, draft: Callable[..., Draft]) -> None:
    asked = folded(draft("优惠红包", NOTICE))
    asked.message_class = classifier(parts)(asked)
    rule = class_rule(parts, MARKETING)
    assert rule is not None
    assert rule.check(asked) is None
    assert rule.looked_at(asked) == (
        "declared notice, is marketing; promotional words: 优惠, 红包 (2 different ones make it marketing)"
    )
    code = class_rule(parts, OTP)
    assert code is not None
    asked = folded(draft("验证码1 t.cn/a", OTP))
    assert code.looked_at(asked) == "declared otp; code words: 验证码; links: t.cn/a"
