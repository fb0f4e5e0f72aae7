from __future__ import annotations

import pytest

from smsgw.policy.mo_words import MoKind, MoWords, all_words
from smsgw.policy.profile import MoRule, Profile


@pytest.fixture(scope="module")
def words(cn_profile: Profile) -> MoWords:
    return MoWords(cn_profile.mo)


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


@pytest.mark.parametrize("text", ["投诉", "投 诉！", "「举报」", "舉報"])
def test_a_complaint(words: MoWords, text: str) -> None:
    assert words.classify(text) == "complaint"


@pytest.mark.parametrize("text", ["help", "ＨＥＬＰ?", "幫助"])
def test_help(words: MoWords, text: str) -> None:
    assert words.classify(text) == "help"


@pytest.mark.parametrize(
    ("lists", "kind"),
    [
        ({"stop_words", "start_words", "complaint_words", "help_words"}, "stop"),
        ({"start_words", "complaint_words", "help_words"}, "complaint"),
        ({"start_words", "help_words"}, "start"),
        ({"help_words"}, "help"),
    ],
)
def test_a_word_in_several_lists_means_the_strongest(lists: set[str], kind: str) -> None:
    assert MoWords(MoRule(**dict.fromkeys(lists, ("YES", "ｙｅｓ")))).classify("Yes") == kind


def test_a_word_without_anything_readable_matches_nothing() -> None:
    assert MoWords(MoRule(stop_words=("！",), start_words=("。",))).classify("?") is None


def test_words_of_an_account_s_dialogue_go_to_the_application(cn_profile: Profile) -> None:
    words = MoWords(cn_profile.mo, taken=("ｎ", "start"))
    assert words.classify("N") is None
    assert words.classify("START") is None
    assert words.classify("TD") == "stop"


def test_what_is_answered() -> None:
    words = MoWords(MoRule(stop_text="a", start_text="b", complaint_text="c", help_text="d"))
    kinds: tuple[MoKind, ...] = ("stop", "start", "complaint", "help")
    assert [words.answer(kind) for kind in kinds] == ["a", "b", "c", "d"]


def test_no_words_at_all() -> None:
    assert MoWords().classify("STOP") is None


def test_the_words_of_several_profiles_together() -> None:
    rules = [MoRule(("R",), ("START",), ("投诉",), ()), MoRule(("STOP", "R"), ("YES",), (), ("HELP",))]
    assert all_words(rules) == MoRule(("R", "STOP"), ("START", "YES"), ("投诉",), ("HELP",))


def test_the_words_of_the_united_states() -> None:
    stop = ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT")
    words = MoWords(MoRule(stop, ("START", "UNSTOP", "YES"), (), ("HELP", "INFO")))
    assert words.classify("Opt-out.") == "stop"
    assert words.classify("stop all") == "stop"
    assert words.classify("Please don't stop") is None
    assert words.classify("un-stop") == "start"
    assert words.classify("info?") == "help"
