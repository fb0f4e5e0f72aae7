"""Comparison text: stable, blind to spelling, and never fooled into calling a sentence a word."""

from __future__ import annotations

import unicodedata
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.calendar import Workdays
from smsgw.policy.mo_words import MoWords
from smsgw.policy.model import Draft, MessageClass, Outcome
from smsgw.policy.numbers import mask, to_e164
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import AccountPolicy, MoRule, Profile, SignatureRule, UnsubscribeRule, WindowSettings
from smsgw.policy.registers import Registers
from smsgw.policy.signature import SignatureFinder, signature_rule
from smsgw.policy.text import last_folded, normalise
from smsgw.policy.unsubscribe import unsubscribe_rule
from smsgw.policy.windows import Windows

# Whole Unicode, and what people really mix: Han, compatibility forms, jamo, marks, blanks.
mixed = st.text() | st.text(
    st.sampled_from("退訂订回收収TtＴТ🅣Dd🅓0０⓿ \u200b\ufeff\u3000。，！【】\u0336\u0301\u1100\u1161\u11a8ｶﾞかか゛ǅßİ")
)
PHRASES = ("拒收请回复R", "回T退订", "回TD退订")
MARKETING = MessageClass.MARKETING
ZONE = ZoneInfo("Asia/Shanghai")


def _parts(*signatures: str) -> Parts:
    """The rules of signatures and phrases alone."""
    unsubscribe = UnsubscribeRule(frozenset((MARKETING,)), PHRASES)
    profile = Profile("p", ZONE, "86", SignatureRule(), unsubscribe)
    windows = Windows(WindowSettings(), ZONE, Workdays())
    return Parts(profile, AccountPolicy("shop", signatures=frozenset(signatures)), {}, windows, Registers())


def _signature(parts: Parts, draft: Draft) -> Outcome:
    """What rule 4 says after the signature was looked for."""
    SignatureFinder(parts)(draft)
    rule = signature_rule(parts, MARKETING)
    assert rule is not None
    return rule.check(draft)


@given(mixed)
def test_idempotent(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(mixed)
def test_case_and_width_do_not_matter(text: str) -> None:
    # ASCII only: other scripts have capitals that no width form goes back to.
    plain = "".join(char for char in text if char.isascii())
    wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in plain)
    assert normalise(wide) == normalise(plain.upper()) == normalise(plain.lower()) == normalise(plain)


@given(mixed)
def test_the_form_of_composition_does_not_matter(text: str) -> None:
    assert normalise(unicodedata.normalize("NFD", text)) == normalise(unicodedata.normalize("NFC", text))


@given(mixed)
def test_last_folded_agrees(text: str) -> None:
    last = last_folded(text, len(text))
    assert bool(last) == bool(normalise(text))


@given(mixed, st.sampled_from(["TD", "退订", "0000"]))
def test_only_the_whole_text_is_a_word(around: str, word: str) -> None:
    words = MoWords(MoRule(stop_words=("TD", "退订", "0000")))
    expected = "stop" if normalise(around + word) in ("td", "退订", "0000") else None
    assert words.classify(around + word) == expected


@given(mixed, st.sampled_from(PHRASES), st.text(st.sampled_from(" 。!\u200b\u3000"), max_size=3), st.booleans())
def test_a_phrase_at_the_end_passes_wherever_the_signature_is(body: str, phrase: str, tail: str, at_end: bool) -> None:
    body = body.replace("【", "")
    text = f"{body}{phrase}{tail}【示例商城】" if at_end else f"【示例商城】{body}{phrase}{tail}"
    draft = Draft("shop", MARKETING, "1069", "8613800138000", text, 1, 0)
    parts = _parts("示例商城")
    assert _signature(parts, draft) is None
    assert draft.signature == "示例商城"
    assert unsubscribe_rule(parts, MARKETING).check(draft) is None
    assert unsubscribe_rule(parts, MessageClass.NOTICE).check(draft) is not None


@given(mixed)
def test_a_signature_is_only_ever_a_registered_one_at_an_end(text: str) -> None:
    draft = Draft("shop", MARKETING, "1069", "8613800138000", text, 1, 0)
    refusal = _signature(_parts("退订", "TD"), draft)
    framed = text.startswith(("【退订】", "【TD】")) or (
        not text.startswith("【") and text.endswith(("【退订】", "【TD】"))
    )
    assert (refusal is None) == framed == (draft.signature is not None)


@given(
    st.text(st.sampled_from("+0123456789"), max_size=16) | st.from_regex(r"(\+|00)?(86)?1[3-9][0-9]{9}", fullmatch=True)
)
def test_numbers_are_stable_and_masked(written: str) -> None:
    number = to_e164(written)
    if number is not None:
        assert number.isdigit()
        assert 7 <= len(number) <= 15
        assert to_e164("+" + number) == to_e164("00" + number) == number
        assert number not in mask(number)
    assert len(mask(written).replace("*", "")) <= 7
