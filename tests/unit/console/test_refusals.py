"""What is refused is said in Chinese, too: every sentence of the source has its Chinese one."""

from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path

import pytest

import smsgw
from smsgw.console.refusals import Refusals, refusals
from tests.refusals import returned_by, said_in

ROOT = Path(smsgw.__file__).parent
RAISED: dict[str, int | str] = {
    "RequestError": 1,
    "RecordsError": 0,
    "WrongCell": 1,
    "HTTPException": 1,
    "OtherEyesNeeded": 0,
    "checked_text": "empty",
}
SAYING = [
    *sorted((ROOT / "services").rglob("*.py")),
    *sorted((ROOT / "console").rglob("*.py")),
    ROOT / "records" / "worker.py",
    ROOT / "records" / "archive" / "cases.py",
]
RETURNING = {
    "policy/placeholders.py": ("template_fault", "_variable_fault", "_text_fault", "_link_fault"),
    "policy/campaigns.py": ("campaign_fault",),
    "policy/pauses.py": ("scope_fault",),
    "policy/signature.py": ("signature_fault",),
    "services/words.py": ("_word_fault",),
    "services/messages.py": ("unknown",),
}
FOR_COMMANDS_ALONE = {"backup.py", "versions.py"}
NO_WHOLE_SENTENCES = {
    "{}: {}", "slots: {}", "action: {}", "scope: {}", "text: {}", "word: {}", "{} {}: {}", "name: {}{}{} {}", "{}{}",
    "{} needs {} {}", "{}; make it anew",
    "{}/smsgw.toml has no [records.clickhouse], so records are kept in files alone",
}  # fmt: skip
"""Put together of others, which are looked at by themselves or below; the last one is a command's."""


def sentences() -> list[tuple[str, str]]:
    said = [each for path in SAYING if path.name not in FOR_COMMANDS_ALONE for each in said_in(path, RAISED)]
    said += said_in(ROOT / "policy" / "approvals.py", {"ValueError": 0, "OtherEyesNeeded": 0})
    for path, names in RETURNING.items():
        said += returned_by(ROOT / path, names)
    return sorted({(each.sentence, each.where) for each in said if each.sentence not in NO_WHOLE_SENTENCES})


def filled(sentence: str) -> tuple[str, list[str]]:
    number = count()
    text = re.sub(r"\{\}", lambda _: f"X{next(number)}", sentence)
    return text, [f"X{each}" for each in range(next(number))]


def test_the_source_is_read() -> None:
    said = {sentence for sentence, _ in sentences()}
    assert len(said) > 140
    assert "{} is paused already, by {}: {}" in said  # an f-string
    assert "the first line names no column {}{}" in said  # by a variable, in a call
    assert "has no letter or digit that could be found in a text" in said  # returned
    assert "a silence has an end, such as 2h" in said  # an argument by name


def test_every_sentence_has_a_chinese_one() -> None:
    missing = []
    for sentence, where in sentences():
        text, parts = filled(sentence)
        chinese = refusals().chinese(text)
        if not re.search(r"[\u4e00-\u9fff]", chinese) or any(part not in chinese for part in parts):
            missing.append(f"{where}: {sentence!r}: {chinese!r}")
    assert missing == []


def test_each_chinese_sentence_puts_in_what_the_english_has() -> None:
    known = json.loads((ROOT / "console" / "refusals.json").read_bytes())["sentences"]
    for english, chinese in known.items():
        places = {str(each) for each in range(english.count("{}"))}
        assert set(re.findall(r"\{(\d)\}", chinese)) <= places, english


SAID = [
    "limit: expected 1 to 1000",
    "条数：应为 1 到 1000",
    "why: every change needs a reason",
    "原因：每次更改都必须填写原因",
    "name: has 80 characters, at most 64 are allowed",
    "名称：有 80 个字符，最多允许 64 个",
    "amy needs the role compliance",
    "amy 需要“合规”角色才能这样做",
    "amy needs one of the roles market, legal",
    "amy 需要以下角色之一才能这样做：市场审核、法务",
    "tina sees only the accounts shop, bank, and this is for every account",
    "tina 只能查看账号 shop, bank，而此操作涉及全部账号",
    "there is no template 'parcle'; did you mean 'parcel'?",
    "没有模板“parcle”；是否要找“parcel”？",
    "account: there is no account 'shpo'; did you mean 'shop'? valid: bank, shop",
    "账号：没有账号“shpo”；是否要找“shop”？可用：bank, shop",
    "template parcel: amy wrote it; approve-department needs somebody else",
    "模板 parcel：此稿由 amy 编写，“部门同意”须由他人完成",
    "channel shop: it is active; only a draft can be changed; reopen it first",
    "通道申请 shop：当前状态为生效中，只有草稿可以修改，请先退回草稿",
    "text: {code} is not described among the variables",
    "正文：{code} 未在变量中说明",
    "name: 【X】 has 1 characters, 2–18 are allowed",
    "名称：【X】有 1 个字符，应为 2–18 个",
    "template parcel is there already",
    "模板 parcel 已存在",
    "word ads/买 was changed by somebody else meanwhile; look at it again",
    "敏感词 ads/买 已被他人修改，请重新查看",
    "2 lines are wrong, nothing was written: line 2: number: is missing; line 3: x",
    "2 行有误，未写入任何内容，详见下列各行",
    "the body is no JSON: Expecting value at character 7",
    "请求正文不是 JSON：第 7 个字符处有误（Expecting value）",
    "days: Input should be greater than or equal to 1",
    "天数：不能小于 1",
    "a sentence that nobody wrote",
    "",
    "x: a sentence that nobody wrote",
    "",
]


@pytest.mark.parametrize(("english", "chinese"), list(zip(SAID[::2], SAID[1::2], strict=True)))
def test_what_is_filled_in_is_said_in_chinese_where_it_has_words(english: str, chinese: str) -> None:
    assert refusals().chinese(english) == chinese


def test_the_more_exact_sentence_is_taken() -> None:
    known = Refusals({"{} is {}": "{0}是{1}", "{} is not {}": "{0}不是{1}", "is {}": "是{0}"}, {"red": "红"})
    assert known.chinese("it is not red") == "it不是红"
    assert known.chinese("it is red") == "it是红"
    assert known.chinese("at: is red") == "at：是红"


def test_what_was_sent_can_not_make_looking_it_up_long() -> None:
    known = refusals()
    assert known.chinese("requests from pages of " + "a: " * 100 + "are refused")
    assert known.chinese("requests from pages of " + "a: " * 10_000 + "are refused") == ""
