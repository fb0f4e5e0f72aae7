"""Rule 7: both lists, both passes, which hit decides, and what a person is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from smsgw.policy import words as words_module
from smsgw.policy.entries import WordAction, WordEntry
from smsgw.policy.model import Draft, MessageClass, Refusal, Rule
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import Profile, WordsRule
from smsgw.policy.reasons import WORDS_COMPANY, WORDS_NATIONAL
from smsgw.policy.text import fold_kept
from smsgw.policy.words import Words, words_rule

MARKETING, OTP = MessageClass.MARKETING, MessageClass.OTP


def entry(word: str, action: WordAction = "reject", listed: str = "company", evasion: bool = False) -> WordEntry:
    return WordEntry(listed, word, "类别", action, evasion)


def found(words: Words, text: str) -> list[str]:
    return [each.word for each in words.all(fold_kept(text))]


@pytest.mark.parametrize(
    ("word", "text", "is_found"),
    [
        ("保本", "本产品保本。", True),
        ("保本", "保 本", False),
        ("保本", "请注意环保，本周六集合", False),
        ("保本", "保\u200b本", True),
        ("保本", "保\ue000本", False),  # somebody's own sign is a sign like any other
        ("保本保息", "保本保", False),
        ("保障本金", "保障本金", True),
        ("理財", "理财", True),
        ("理财", "理財", True),
        ("sex", "Essex and Sussex", False),
        ("sex", "sex", True),
        ("sex", "要sex吗", True),
        ("sex", "SEX-shop", True),
        ("sex", "sex1", False),
        ("1元购", "1元购", True),
        ("1元购", "11元购", False),
        ("vx号", "加ｖｘ号码", True),
        ("AB", "aab abb ab", True),
        ("AB", "aab abb", False),
        ("C++", "会c++吗", True),
        ("  保本 ", "保本", True),
    ],
)
def test_the_first_pass_keeps_signs_and_knows_borders(word: str, text: str, is_found: bool) -> None:
    assert bool(found(Words([entry(word)]), text)) is is_found


@pytest.mark.parametrize(
    ("word", "text", "is_found"),
    [
        ("保本保息", "保 本，保。息", True),
        ("保本保息", "保😀本\n保-息", True),
        ("保-本", "保本", True),
        ("sex", "s.e.x", True),
        ("sex", "yes, exactly", False),
        ("sex", "Essex", False),
        ("sex", "Essex s e x", True),
        ("sex", "s e xy", False),
        ("加vx", "加 v x", True),
        ("加vx", "加 v xy", False),
        ("###", "a ### b", True),
        ("###", "ab", False),
    ],
)
def test_the_second_pass_is_for_evasion_only(word: str, text: str, is_found: bool) -> None:
    assert bool(found(Words([entry(word, evasion=True)]), text)) is is_found


@pytest.mark.parametrize("word", ["", " ", "\u200b", "\u200b \ufeff"])
@pytest.mark.parametrize("evasion", [False, True])
def test_a_word_of_nothing_is_in_no_text(word: str, evasion: bool) -> None:
    words = Words([entry(word, evasion=evasion)])
    assert len(words) == 1
    assert found(words, "任何 内容") == []


def test_overlapping_words_are_all_found() -> None:
    words = Words([entry("高收益"), entry("收益理财"), entry("高收益理财"), entry("益")])
    assert set(found(words, "高收益理财")) == {"高收益", "收益理财", "高收益理财", "益"}


STRENGTHS = [
    entry("甲", "reject", "national"),
    entry("乙", "reject", "company"),
    entry("丙", "review", "national"),
    entry("丁", "review", "company"),
    entry("戊", "count", "national"),
]


def test_the_strongest_hit_decides() -> None:
    words = Words(reversed(STRENGTHS))
    text = fold_kept("戊丁丙乙甲")
    assert [each.word for each in words.all(text)] == ["甲", "乙", "丙", "丁", "戊"]
    hit = words.find(text)
    assert hit is not None
    assert (hit.entry.word, [each.word for each in hit.others]) == ("甲", ["乙", "丙", "丁", "戊"])
    assert words.find(fold_kept("戊")) is None
    assert words.find(fold_kept("己")) is None


def test_a_word_of_both_lists_is_the_stronger_one() -> None:
    words = Words([entry("理財", "count"), entry("理财", "reject", "national"), entry("理 财", "review", evasion=True)])
    assert [(each.list, each.action) for each in words.all("理财")] == [
        ("national", "reject"), ("company", "review"), ("company", "count"),
    ]  # fmt: skip


def test_the_memory_of_the_last_text_is_of_that_text_only() -> None:
    words = Words([entry("保本")])
    hit, clean = fold_kept("保本 一"), fold_kept("没有 一")
    asked = (hit, hit, clean, hit, clean, clean)
    assert [bool(words.find(text)) for text in asked] == [True, True, False, True, False, False]


def test_a_list_of_several_pieces_is_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "PIECE_WORDS", 3)
    monkeypatch.setattr(words_module, "STEP_WORDS", 2)
    entries = [entry(chr(0x4E00 + place) + "词", evasion=place % 2 == 0) for place in range(20)]
    words = Words(entries)
    for place in range(20):
        assert len(found(words, f"有{chr(0x4E00 + place)}词")) == 1
        assert len(found(words, f"有{chr(0x4E00 + place)} 词")) == (place % 2 == 0)


def test_in_steps_it_becomes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "PIECE_WORDS", 5)
    monkeypatch.setattr(words_module, "STEP_WORDS", 2)
    entries = [entry(chr(0x4E00 + place), evasion=place % 3 == 0) for place in range(20)]
    steps = Words.in_steps(entries)
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            words = end.value
            break
        count += 1
    assert count >= 10
    text = "".join(chr(0x4E00 + place) for place in range(0, 30, 2))
    assert set(words.all(text)) == set(Words(entries).all(text))
    assert len(words) == 20


@pytest.fixture
def rule(parts_of: Callable[..., Parts], cn_profile: Profile) -> Rule:
    parts = parts_of(cn_profile)
    parts.registers.put("word", Words([*STRENGTHS, entry("保本", "reject", "national", evasion=True)]))
    made = words_rule(parts, MARKETING)
    assert made is not None
    return made


def judged(rule: Rule, draft: Draft) -> Refusal | None:
    draft.plain = fold_kept(draft.text)
    outcome = rule.check(draft)
    assert outcome is None or isinstance(outcome, Refusal)
    return outcome


@pytest.mark.parametrize(
    ("text", "reason", "review"),
    [
        ("【示例】甲", WORDS_NATIONAL, ""),
        ("乙丙", WORDS_COMPANY, ""),
        ("丙丁", None, "national:丙"),
        ("丁", None, "company:丁"),
        ("戊", None, ""),
        ("无", None, ""),
        ("长" * 2000 + "保。本", WORDS_NATIONAL, ""),
    ],
)
def test_the_rule(rule: Rule, draft: Callable[..., Draft], text: str, reason: object, review: str) -> None:
    asked = draft(text)
    asked.review = "company:of another judgement"
    refusal = judged(rule, asked)
    assert (refusal.reason if refusal else None) is reason
    assert asked.review == review


def test_a_refusal_names_list_category_and_word_as_listed(rule: Rule, draft: Callable[..., Draft]) -> None:
    asked = draft("保 本")
    refusal = judged(rule, asked)
    assert refusal is not None
    assert refusal.detail == "保本 (national list, 类别: reject)"
    assert rule.looked_at(asked) == refusal.detail
    clean = draft("无")
    judged(rule, clean)
    assert rule.looked_at(clean) == "none of 6 words"


def test_a_list_that_is_replaced_holds_at_once(
    parts_of: Callable[..., Parts], cn_profile: Profile, draft: Callable[..., Draft]
) -> None:
    parts = parts_of(cn_profile)
    rule = words_rule(parts, MARKETING)
    assert rule is not None
    asked = draft("保本")
    assert judged(rule, asked) is None
    parts.registers.put("word", Words([entry("保本")]))
    assert judged(rule, asked) is not None
    parts.registers.put("word", Words(()))
    assert judged(rule, asked) is None


def test_classes_that_are_not_checked_have_no_rule(parts_of: Callable[..., Parts], cn_profile: Profile) -> None:
    parts = parts_of(replace(cn_profile, words=WordsRule(frozenset((MARKETING,)))))
    assert words_rule(parts, OTP) is None
    assert words_rule(parts, MARKETING) is not None
