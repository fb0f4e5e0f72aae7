from __future__ import annotations

import pytest

from smsgw.policy import text as text_module
from smsgw.policy.simplified import SIMPLIFIED
from smsgw.policy.text import fold_kept, last_folded, normalise, squeezed


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("TD", "td"),
        ("ＴＤ", "td"),
        ("ｔ ｄ", "td"),
        ("T\u200bD\ufeff", "td"),  # zero-width
        ("ТD", "td"),  # Cyrillic Т
        ("ΤD", "td"),  # Greek Τ
        ("🅣🅓", "td"),
        ("🆃🅳", "td"),
        ("🅃🄳", "td"),
        ("Ⓣⓓ", "td"),
        ("🇹🇩", "td"),
        ("ᴛᴅ", "td"),
        ("T̶D̶", "td"),  # struck out with combining marks
        ("Ťď", "td"),
        ("“TD”。！", "td"),
        ("T+D", "td"),
        ("退訂", "退订"),
        ("退 订 ！", "退订"),
        ("拒収", "拒收"),
        ("囘Ｔ退訂。", "回t退订"),
        ("００００", "0000"),
        ("٠٠٠٠", "0000"),
        ("⓿❶", "01"),
        ("1️⃣", "1"),
        ("㈱", "株"),
        ("Straße", "strasse"),
        ("がぎ", "がぎ"),  # kana keep what makes them another letter
        ("？！…", ""),
        ("", ""),
        ("我不想退订", "我不想退订"),
    ],
)
def test_what_reads_the_same_becomes_the_same(written: str, read: str) -> None:
    assert normalise(written) == read


def test_every_character_of_unicode_folds_to_something_stable() -> None:
    # Every plane that has characters; folding each by itself covers the table and the rules behind it.
    for code in (*range(0x3400), *range(0xA000, 0x11000), *range(0x1D000, 0x1FB00), *SIMPLIFIED):
        once = normalise(chr(code))
        assert normalise(once) == once, hex(code)
        kept = fold_kept(chr(code))
        assert fold_kept(kept) == kept, hex(code)
        assert squeezed(kept).decode() == once, hex(code)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("【示例】您好，回Ｔ退訂！", "[示例]您好,回t退订!"),
        ("保 本\u3000保息", "保 本 保息"),
        ("保\u200b本\u00ad保\u2060息", "保本保息"),
        ("一行\r\n二行\t三", "一行  二行 三"),
        ("ｅｘａｍｐｌｅ．ｃｏｍ／ａ", "example.com/a"),
        ("完。Top", "完。top"),
        ("完｡", "完。"),
        ("“引”《书》", '"引"<书>'),
        ("12：30—13：00", "12:30-13:00"),
        ("……", "......"),
        ("H̶i̶", "hi"),
        ("ⅷ和①", "viii和1"),
        ("👍", "👍"),
        ("", ""),
    ],
)
def test_signs_are_kept_in_their_plain_form(written: str, read: str) -> None:
    assert fold_kept(written) == read


def test_no_simplified_character_is_traditional_too() -> None:
    assert not {ord(here) for here in SIMPLIFIED.values()} & set(SIMPLIFIED)
    assert len(SIMPLIFIED) > 4000


def test_a_flood_of_rare_characters_does_not_keep_the_table_from_learning() -> None:
    for code in range(0x20000, 0x20000 + text_module._MEMO_LIMIT + 10):
        normalise(chr(code))
    normalise("訂😀")
    for table, learnt in ((text_module._KEEPING, "訂"), (text_module._FOLDING, "😀")):
        assert len(table) <= text_module._MEMO_LIMIT
        assert ord(learnt) in table


@pytest.mark.parametrize(
    ("written", "last"), [("回T退订。 ", "订"), ("请回复R！", "r"), ("㈱", "株"), ("。。", ""), ("", "")]
)
def test_last_folded_is_the_end_of_the_whole(written: str, last: str) -> None:
    assert last_folded(written, len(written)) == last == normalise(written)[-1:]
