from __future__ import annotations

import pytest

from smsgw.policy.mo_words import MoWords
from smsgw.policy.profile import Profile


@pytest.fixture(scope="module")
def words(cn_profile: Profile) -> MoWords:
    return MoWords(cn_profile.unsubscribe.stop_words, cn_profile.unsubscribe.start_words)


@pytest.mark.parametrize(
    "text",
    [
        "T",
        "td",
        "ＴＤ",
        "ｔ ｄ",
        " TD。",
        "“退订”",
        "退訂",
        "🅣🅓",
        "Т",
        "拒収",
        "0 0 0 0",
        "０００００",
        "Stop!",
        "n",
        "取 消",
    ],
)
def test_stop_however_it_is_spelt(words: MoWords, text: str) -> None:
    assert words.classify(text) == "stop"


@pytest.mark.parametrize("text", ["START", "start ", "訂閱", "【订阅】"])
def test_start(words: MoWords, text: str) -> None:
    assert words.classify(text) == "start"


@pytest.mark.parametrize(
    "text",
    ["我不想退订", "怎么退订", "不退订", "T恤多少钱", "000", "000000", "TDD", "回T退订", "", "？", "  ", "好的", "RT"],
)
def test_anything_else_is_for_the_application(words: MoWords, text: str) -> None:
    assert words.classify(text) is None


def test_a_word_in_both_lists_means_stop() -> None:
    assert MoWords(["YES"], ["yes"]).classify("Yes") == "stop"


def test_a_word_without_anything_readable_matches_nothing() -> None:
    assert MoWords(["！"], ["。"]).classify("?") is None
