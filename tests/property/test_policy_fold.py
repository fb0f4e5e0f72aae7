"""Folding that keeps signs: the quick way equals the slow one, and removing the signs gives the other form."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from smsgw.policy import text as text_module
from smsgw.policy.text import fold_kept, normalise, squeezed

# Whole Unicode, and what people really mix: usual texts with a few oddities.
_ODD = (
    "退訂订回收収TtＴТ🅣Dd🅓0０⓿ \n\u200b\ufeff\u3000。，！【】《》…—·😀\u0336\u0301\u1100\u1161\u11a8ｶﾞかか゛ǅßİ≠=\u0338"
)
_USUAL = "您的验证码是有效期五分钟点击领取ABCxyz0189,.:/-，。！？【】“”（）、 "
mixed = st.text() | st.text(st.sampled_from(_ODD)) | st.text(st.sampled_from(_USUAL))


def slow_fold(text: str, keeps_signs: bool) -> str:
    """Character by character, composed before and after; what the quick ways must equal."""
    composed = unicodedata.normalize("NFC", text)
    folded = "".join(text_module._fold(char, keeps_signs) for char in composed)
    return unicodedata.normalize("NFC", folded)


@given(mixed)
@example("【保本】，回Ｔ")
@example("Ꭰꭰ")
def test_the_quick_way_is_the_slow_way(text: str) -> None:
    assert fold_kept(text) == slow_fold(text, keeps_signs=True)
    assert normalise(text) == slow_fold(text, keeps_signs=False)


@given(mixed)
def test_idempotent(text: str) -> None:
    once = fold_kept(text)
    assert fold_kept(once) == once


@given(mixed)
def test_without_its_signs_it_is_what_normalise_gives(text: str) -> None:
    assert squeezed(fold_kept(text)).decode() == slow_fold(text, keeps_signs=False)


@given(mixed)
def test_invisible_characters_change_nothing(text: str) -> None:
    # Composed forms are kept apart by them, so they are put between characters that never compose.
    plain = "".join(char for char in text if char.isascii() or "\u4e00" <= char <= "\u9fff")
    assert fold_kept("\u200b\ufeff".join(plain)) == fold_kept(plain)


@given(mixed)
def test_nothing_is_left_that_reads_as_something_else(text: str) -> None:
    folded = fold_kept(text)
    assert not any(char.isupper() and char.isascii() for char in folded)
    assert not any(unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc", "Zl", "Zp", "Cs") for char in folded)
