"""Evasions are found and ordinary messages are left alone, with word lists and contacts as a company has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from smsgw.policy.classify import class_rule, classifier
from smsgw.policy.contacts import contact_rule, links_in, phones_in
from smsgw.policy.mo_words import MoWords
from smsgw.policy.model import ALL_CLASSES, CLASS_LABELS, Draft, MessageClass
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import ContactsRule, MoRule, Profile
from smsgw.policy.reasons import CONTACT, WORDS_COMPANY, WORDS_NATIONAL
from smsgw.policy.text import fold_kept
from smsgw.policy.words import words_rule
from tests.unit.policy.corpora import PROMOTIONAL, STOP_WORDS, contacts, corpus, words

EVASIONS = corpus("evasion.json")
ORDINARY = corpus("ordinary.json")


@pytest.fixture
def strict(parts_of: Callable[..., Parts], cn_profile: Profile) -> Parts:
    """Word lists and contacts are asked of every class."""
    rules = replace(cn_profile, message_class=PROMOTIONAL, contacts=ContactsRule(ALL_CLASSES, ALL_CLASSES))
    parts = parts_of(rules)
    parts.registers.put("word", words())
    parts.registers.put("contact", contacts())
    return parts


def _words_verdict(parts: Parts, draft: Draft) -> str:
    rule = words_rule(parts, MessageClass.MARKETING)
    assert rule is not None
    refusal = rule.check(draft)
    if refusal is None:
        return f"review:{draft.review}" if draft.review else "none"
    assert refusal.reason in (WORDS_NATIONAL, WORDS_COMPANY)
    return f"{'national' if refusal.reason is WORDS_NATIONAL else 'company'}:{refusal.detail.split(' (')[0]}"


def _contact_verdict(parts: Parts, draft: Draft) -> str:
    rule = contact_rule(parts, MessageClass.MARKETING)
    assert rule is not None
    refusal = rule.check(draft)
    if refusal is None:
        return "none"
    assert refusal.reason is CONTACT
    found = [*links_in(draft.text), *phones_in(draft.text)]
    assert len(found) == 1
    return found[0]


def _mo_verdict(parts: Parts, draft: Draft) -> str:
    return MoWords(MoRule(stop_words=STOP_WORDS)).classify(draft.text) or "none"


VERDICTS = {"words": _words_verdict, "contact": _contact_verdict, "mo": _mo_verdict}


def _readable(case: dict[str, Any]) -> str:
    return f"{case['way']}-{ascii(case['text'])[:40]}"


@pytest.mark.parametrize("case", EVASIONS, ids=_readable)
def test_an_evasion_has_its_verdict(strict: Parts, draft: Callable[..., Draft], case: dict[str, Any]) -> None:
    asked = draft(case["text"])
    asked.plain = fold_kept(asked.text)
    ((question, expected),) = case["expect"].items()
    assert VERDICTS[question](strict, asked) == expected


def test_the_evasions_are_many_and_of_every_kind() -> None:
    ways = Counter(case["way"] for case in EVASIONS)
    assert len({case["text"] for case in EVASIONS}) == len(EVASIONS) >= 200
    kinds = {"spaced", "zero-width", "traditional", "look-alike", "mixed", "link", "unsubscribe", "combining", "phone"}
    assert kinds <= ways.keys()
    wide = [case for case in EVASIONS if any("\uff10" <= char <= "\uff5a" for char in case["text"])]
    assert len(wide) >= 10


@pytest.mark.parametrize("case", ORDINARY, ids=lambda case: f"{case['class']}-{ascii(case['text'])[-40:]}")
def test_an_ordinary_message_has_no_hit(strict: Parts, draft: Callable[..., Draft], case: dict[str, Any]) -> None:
    declared = CLASS_LABELS.index(case["class"])
    asked = draft(case["text"], declared)
    asked.plain = fold_kept(asked.text)
    assert _words_verdict(strict, asked) == "none"
    contact = contact_rule(strict, declared)
    assert contact is not None
    assert contact.check(asked) is None
    assert classifier(strict)(asked) == declared
    content = class_rule(strict, declared)
    assert content is not None
    assert content.check(asked) is None


def test_the_ordinary_messages_are_many_and_of_every_class() -> None:
    classes = Counter(case["class"] for case in ORDINARY)
    assert len({case["text"] for case in ORDINARY}) == len(ORDINARY) >= 200
    assert min(classes[label] for label in CLASS_LABELS) >= 40
    # They name what could be taken for links, phones and words, else it would be no art to find none.
    assert sum(bool(links_in(case["text"])) for case in ORDINARY) >= 10
    assert sum(bool(phones_in(case["text"])) for case in ORDINARY) >= 20
    assert sum(bool(words().all(fold_kept(case["text"]))) for case in ORDINARY) >= 20, "words that are only counted"
