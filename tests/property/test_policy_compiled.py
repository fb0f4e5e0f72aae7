"""The compiled loops against their twins in Python: the same for whole Unicode, lone surrogates, nothing, and very long
texts; and nothing that is handed in wrongly does more than raise."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.policy import text as text_module
from smsgw.policy.contacts import links_in, phones_in
from smsgw.policy.entries import Variable, WordEntry
from smsgw.policy.links import find_links
from smsgw.policy.native import BMP, IS_COMPILED, flags, scan
from smsgw.policy.phones import find_phones
from smsgw.policy.placeholders import KINDS, Form
from smsgw.policy.text import READ_BY_ITSELF, fold_kept, squeezed, squeezed_ways
from smsgw.policy.words import Words
from tests.compiled import as_python

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="the rules were not compiled")

_ANY = st.characters(codec="utf-16", categories=None) | st.characters(categories=("Cs",))
_USUAL = st.sampled_from(
    "您的验证码是退订客服电话热线中国公司点。，、！：【】（）“”·ＴtTd0123456789 .:/-()@abcom\n\u200b\u202e退訂囘😀𠀀"
)
_pieces = (
    st.text(_USUAL, max_size=12)
    | st.text(_ANY, max_size=4)
    | st.sampled_from(
        (
            "example.com",
            "https://t.cn/a",
            "www.a.公司",
            "1.1.1.1",
            "13812345678",
            "400-800-1234",
            "95588",
            "88886666",
            "拨打",
            "",
        )
    )
)
_texts = st.builds(
    lambda pieces, times: "".join(pieces) * times, st.lists(_pieces, max_size=8), st.sampled_from((1, 1, 1, 1, 40))
)  # fmt: skip
_words = st.lists(
    st.builds(
        WordEntry,
        st.sampled_from(("national", "company")),
        st.text(st.sampled_from("保本息验证码ab1 -。收𠀀\U00030000😀ᄀ"), min_size=1, max_size=5),
        st.just(""),
        st.sampled_from(("reject", "review", "count")),
        st.booleans(),
    ),
    max_size=40,
)
_variables = st.builds(
    Variable, st.just("v"), st.sampled_from(sorted(KINDS)), st.integers(0, 3), st.integers(3, 30)
)  # fmt: skip
_literals = st.text(st.sampled_from("您的码，。:a1点😀"), max_size=4)


def both(call: Callable[[], Any]) -> tuple[Any, Any]:
    """What it gives compiled, and as Python."""
    compiled = call()
    with as_python():
        return compiled, call()


@settings(max_examples=300)
@given(_texts)
def test_texts_links_and_phones_are_the_same(text: str) -> None:
    compiled, python = both(lambda: (fold_kept(text), links_in(text), phones_in(text)))
    assert compiled == python


@settings(max_examples=300)
@given(_texts)
def test_content_is_squeezed_the_same(text: str) -> None:
    plain = fold_kept(text).encode(errors="replace").decode()
    compiled, python = both(lambda: squeezed(plain))
    assert compiled == python


@settings(max_examples=200)
@given(_words, _texts | st.text(st.sampled_from("保本息验证码ab1 -。收𠀀\U00030000😀ᄀ"), max_size=80))
def test_words_are_the_same_in_the_same_order(rows: list[WordEntry], text: str) -> None:
    plain = fold_kept(text)
    compiled, python = both(lambda: Words(rows).all(plain))
    assert compiled == python


@settings(max_examples=300)
@given(st.data(), st.lists(_variables, max_size=4))
def test_templates_fit_the_same(data: st.DataObject, variables: list[Variable]) -> None:
    literals = data.draw(st.lists(_literals, min_size=len(variables) + 1, max_size=len(variables) + 1))
    value = (
        st.sampled_from(("", "1", "a", "1,234.50", "11月18日", "10:30", "a.com", "中文", "2026-11-18", "\ud800😀"))
        | _literals
    )
    filled = "".join(part for literal in literals for part in (literal, data.draw(value)))
    text = data.draw(st.sampled_from((filled, filled[: len(filled) - 1], filled * 2)))
    compiled, python = both(lambda: Form(literals, variables).fits(text))
    assert compiled == python


def test_very_long_texts() -> None:
    for text in ("a" * 100_000, "【例】点0。1 " * 20_000, "\ud800" * 5_000, "中" * 70_000 + "😀"):
        plain = fold_kept(text)
        sound = plain.replace("\ud800", "?")
        assert squeezed(sound) == squeezed_ways(sound)[0]
        with as_python():
            assert fold_kept(text) == plain
        assert find_links(plain) == [] == find_phones(plain)
        rows = [WordEntry("company", word) for word in ("aa", "例点", "中" * 40)]
        compiled, python = both(lambda plain=plain, rows=rows: Words(rows).all(plain))
        assert compiled == python


def test_the_table_reads_each_character_as_python_does_and_none_of_them_joins_with_its_neighbour() -> None:
    known = [code for code in range(BMP) if READ_BY_ITSELF[2 * code : 2 * code + 2] != b"\0\0"]
    assert len(known) > 20_000
    for code in known:
        assert scan.fold(chr(code), READ_BY_ITSELF) == text_module._fold(chr(code), keeps_signs=True)
    together = "".join(map(chr, known))
    assert unicodedata.is_normalized("NFC", together + together[::-1])
    assert not any(unicodedata.combining(char) for char in together)


def _failing(text: str, start: int, stop: int) -> object:
    return 1 / 0


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: scan.fold("a", b""), ValueError),
        (lambda: scan.fold(b"a", READ_BY_ITSELF), TypeError),
        (lambda: scan.fold("a"), TypeError),
        (lambda: scan.count("a", READ_BY_ITSELF), ValueError),
        (lambda: scan.phone_runs(None, flags("a")), TypeError),
        (lambda: scan.link_hint("a", "table"), ValueError),
        (lambda: scan.squeezed(b"a"), TypeError),
        (lambda: scan.Trie("words"), TypeError),
        (lambda: scan.Trie().add(("a",)), TypeError),
        (lambda: scan.Trie().add(["a", 1]), TypeError),
        (lambda: scan.Trie().find(1), TypeError),
        (lambda: scan.Form("", "", [], 0, 9, False, flags("a")), TypeError),
        (lambda: scan.Form("", "", (1,), 0, 9, False, flags("a")), TypeError),
        (lambda: scan.Form("", "", ((0, 1, 9, ""),), 0, 9, False, flags("a")), ValueError),
        (lambda: scan.Form("", "", ((-1, 1, 0, ""),), 0, 9, False, flags("a")), ValueError),
        (lambda: scan.Form("", "", ((0, 1, 0, 5),), 0, 9, False, flags("a")), TypeError),
        (lambda: scan.Form("", "", (), 0, 9, False, b""), ValueError),
        (lambda: scan.Form("", "", ((0, 9, _failing, ""),), 0, 9, False, flags("a")).fits("abc"), ZeroDivisionError),
    ],
)  # fmt: skip
def test_what_is_handed_in_wrongly_raises(call: Callable[[], Any], error: type[Exception]) -> None:
    for _ in range(3):
        with pytest.raises(error):
            call()


def test_an_empty_word_and_one_that_is_there_already() -> None:
    tree = scan.Trie()
    tree.add(["", "ab", "ab", "\0\0", "b"])
    assert tree.find("xab\0\0") == [(1, 1, 3), (4, 2, 3), (3, 3, 5)]
    assert tree.find("") == () == tree.find_squeezed(" 。")
    assert tree.find_squeezed("é") is None
