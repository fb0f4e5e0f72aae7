"""The quick ways for links and phones as most people write them, against the careful ways: the same findings."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.policy import links, phones
from smsgw.policy.text import fold_kept, outline

_PIECES = (
    "example.com", "www.a.cn/b", "https://t.cn/Ab3", "q.me", " is", "12.5", "1.1/x", ",", ".", "。", "点", "·", " ",
    "]", "?", "://", "@", "-", "中国", "请看", "客服", "订单", "致电", "4008001234", "13812345678", "95588", "88886666",
    "2026-11-18", "+", "+86", "元", "1", "23",
)  # fmt: skip
_texts = st.lists(st.sampled_from(_PIECES), max_size=10).map("".join)


@settings(max_examples=2000)
@given(_texts)
def test_links_that_are_read_quickly_are_those_that_are_read_carefully(text: str) -> None:
    plain = fold_kept(text)
    quick = links._usual(plain)
    if quick:
        assert quick == [tuple(each) for each in links._found(plain)]


@settings(max_examples=2000)
@given(_texts)
def test_phones_that_are_read_quickly_are_those_that_are_read_carefully(text: str) -> None:
    plain = fold_kept(text)
    careful: list[str] = []
    for run in phones._find_runs(outline(plain)):
        if sum(char.isdigit() for char in plain[run.start() : run.end()]) >= 5:
            phones._add_from_run(plain, run.start(), run.end(), careful)
    assert phones.find_phones(plain) == careful


@given(_texts)
def test_an_outline_has_an_octet_for_each_character(text: str) -> None:
    assert len(outline(text)) == len(text)
