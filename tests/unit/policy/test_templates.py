from __future__ import annotations

from dataclasses import replace

import pytest

from smsgw.policy.entries import TemplateEntry, Variable, VariableKind
from smsgw.policy.templates import Templates, reference

TODAY = "2026-11-18"
CODE = TemplateEntry(
    "code", 1, "otp", "您的验证码是{code}，{n}分钟内有效，请勿告诉他人。",
    variables=(Variable("code", "digits", 4, 8), Variable("n", "digits", 1, 2)), state="active",
)  # fmt: skip
SHIP = TemplateEntry(
    "ship", 3, "notice", "尊敬的{name}，您的订单{no}已发货，预计{day}送达", "shop",
    variables=(Variable("name"), Variable("no", "code", 6, 20), Variable("day", "date", 4, 12)), state="active",
)  # fmt: skip
PLAIN = TemplateEntry("plain", 1, "notice", "您已成功订阅日报", state="active")
ADDRESS = TemplateEntry(
    "address", 1, "notice", "取件地址：\n{where}\n请凭身份证领取", variables=(Variable("where"),), state="active"
)


def match(entries: tuple[TemplateEntry, ...], body: str, account: str = "shop", day: str = TODAY) -> str | None:
    found = Templates(entries).match(account, body, day)
    return None if found is None else reference(found)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("您的验证码是123456，5分钟内有效，请勿告诉他人。", "code@1"),
        ("您的驗證碼是１２３４５６,5分鐘内有效，请勿告诉他人。", "code@1"),
        ("您的验证码\u200b是123456，5分钟内有效，请勿告诉他人。", "code@1"),
        ("您的验证码是12345a，5分钟内有效，请勿告诉他人。", None),
        ("您的验证码是123，5分钟内有效，请勿告诉他人。", None),
        ("您的验证码是123456，5分钟内有效，请勿告诉他人", None),
        ("您的验证码是123456，5分钟内有效，请勿告诉他人。点击", None),
        ("尊敬的张三，您的订单AB12345已发货，预计11月22日送达", "ship@3"),
        ("尊敬的张，三，您的订单AB12345已发货，预计11月22日送达", "ship@3"),
        ("尊敬的【银行】，您的订单AB12345已发货，预计11月22日送达", None),
        ("尊敬的张\n三，您的订单AB12345已发货，预计11月22日送达", None),
        ("尊敬的张\u2028三，您的订单AB12345已发货，预计11月22日送达", None),
        ("您已成功订阅日报", "plain@1"),
        ("您已成功訂閱日報", "plain@1"),
        ("您已成功订阅日报。", None),
        ("取件地址：\n一号楼\n请凭身份证领取", "address@1"),
        ("取件地址：\r\n一号楼\r\n请凭身份证领取", "address@1"),
        ("取件地址：\n一号楼\n二单元\n请凭身份证领取", None),
        ("取件地址： 一号楼 请凭身份证领取", None),
        ("", None),
    ],
)
def test_match(body: str, expected: str | None) -> None:
    assert match((CODE, SHIP, PLAIN, ADDRESS), body) == expected


@pytest.mark.parametrize(
    ("text", "kind", "value", "fits"),
    [
        ("请登录{v}查看您的账单", "text", "商城", True),
        ("请登录{v}查看您的账单", "text", "a.com", False),
        ("请登录{v}查看您的账单", "text", "ａ。ＣＯＭ", False),
        ("请登录{v}查看您的账单", "text", "http://10.0.0.1/x", False),
        ("请登录{v}查看您的账单", "text", "商城点cn", True),  # Han before a spelt dot are prose
        ("请登录{v}查看您的账单", "text", "abc点cn", False),
        ("请登录{v}查看您的账单", "text", "t.cn/abc", False),
        ("请登录a.com/{v} 查看您的账单", "code", "Ab12", True),
        ("请登录a.com/{v} 查看您的账单", "digits", "12", True),
        ("请登录a.com/{v} 查看您的账单", "text", "Ab12", False),
        ("请登录a.{v} 查看您的账单", "letters", "com", False),
        ("请登录{v}.com 查看您的账单", "code", "abc", False),
        ("请登录a。{v} 查看您的账单", "letters", "com", False),
        ("请登录a.com查看{v}的账单", "text", "张三", True),
        ("请登录a.com查看{v}的账单", "text", "b.com", False),
        ("金额{v}。请查收您的账单", "amount", "1,234.50", True),
        ("金额{v}。请查收您的账单", "text", "abc", True),
        ("日期{v}，请查收您的账单", "date", "2026.11.18", True),
    ],
)
def test_no_variable_is_a_link_or_changes_one(text: str, kind: VariableKind, value: str, fits: bool) -> None:
    entry = TemplateEntry("t", 1, "notice", text, variables=(Variable("v", kind, 1, 30),), state="active")
    assert match((entry,), text.replace("{v}", value)) == ("t@1" if fits else None)


def test_a_long_message_matches_as_a_whole() -> None:
    text = "第一条：{a}。" + "说明" * 150 + "。第二条：{b}，谢谢"
    long = replace(CODE, id="long", text=text, variables=(Variable("a"), Variable("b", "text", 1, 200)))
    body = text.replace("{a}", "甲").replace("{b}", "乙" * 200)
    assert match((CODE, long), body) == "long@1"
    assert match((CODE, long), body + "。") is None
    assert match((CODE, long), body.replace("乙", "乙乙", 1)) is None


@pytest.mark.parametrize("state", ["draft", "department_approved", "approved", "suspended", "expired", ""])
def test_only_active_ones(state: str) -> None:
    assert match((replace(PLAIN, state=state),), PLAIN.text) is None


def test_expiry_is_its_last_day() -> None:
    entry = replace(PLAIN, expires="2026-11-18")
    assert match((entry,), PLAIN.text) == "plain@1"
    assert match((entry,), PLAIN.text, day="2026-11-19") is None
    templates = Templates((entry,))
    assert templates.in_force("plain@1", "2026-11-18")
    assert not templates.in_force("plain@1", "2026-11-19")
    assert not templates.in_force("plain@2", "2026-11-18")


def test_a_newer_version_takes_nothing_back() -> None:
    superseded = replace(PLAIN, state="superseded")
    assert match((superseded,), PLAIN.text) is None
    assert Templates((superseded,)).in_force("plain@1", "2026-11-18")
    assert not Templates((replace(PLAIN, state="suspended"),)).in_force("plain@1", "2026-11-18")


def test_accounts() -> None:
    assert match((SHIP,), "尊敬的张三，您的订单AB12345已发货，预计11月22日送达", "bank") is None
    assert match((CODE,), "您的验证码是123456，5分钟内有效，请勿告诉他人。", "bank") == "code@1"
    templates = Templates((SHIP,))
    assert (templates.any_for("shop"), templates.any_for("bank")) == (True, False)
    assert Templates((CODE,)).any_for("bank")
    assert not Templates((replace(SHIP, state="draft"),)).any_for("shop")


def test_which_of_several() -> None:
    shared = replace(PLAIN, id="a")
    own = replace(PLAIN, id="b", account="shop")
    assert match((shared, own), PLAIN.text) == "b@1"
    assert match((shared, own), PLAIN.text, "bank") == "a@1"
    assert match((PLAIN, replace(PLAIN, version=2)), PLAIN.text) == "plain@2"
    assert match((PLAIN, replace(PLAIN, version=2, state="draft")), PLAIN.text) == "plain@1"
    wide = replace(CODE, id="wide", text="您的验证码是{x}。", variables=(Variable("x", "text", 1, 40),))
    assert match((wide, CODE), "您的验证码是123456，5分钟内有效，请勿告诉他人。") == "code@1"
    assert match((replace(wide, id="a"), CODE), "您的验证码是123456，5分钟内有效，请勿告诉他人。") == "a@1"


def test_thousands_with_the_same_edges_are_told_apart() -> None:
    entries = tuple(
        TemplateEntry(
            f"t{n}", 1, "notice", f"尊敬的客户，您的第{n}号订单{{no}}已到{{where}}，请查收", "shop",
            variables=(Variable("no", "code"), Variable("where")), state="active",
        )
        for n in range(2000)
    )  # fmt: skip
    templates = Templates(entries)
    for n in (0, 7, 70, 700, 1999):
        found = templates.match("shop", f"尊敬的客户，您的第{n}号订单A{n}已到杭州，请查收", TODAY)
        assert found is entries[n]
    assert templates.match("shop", "尊敬的客户，您的第2000号订单A1已到杭州，请查收", TODAY) is None


def test_placeholders_that_nobody_described_are_short_text() -> None:
    entry = replace(PLAIN, text="您已成功订阅{x}，谢谢")
    assert match((entry,), "您已成功订阅日报，谢谢") == "plain@1"
    assert match((entry,), f"您已成功订阅{'日' * 21}，谢谢") is None


@pytest.mark.parametrize(
    ("body", "expected", "why"),
    [
        ("您的验证码是123456，5分钟内有效，请勿告诉他人。", "code@1", "it fits"),
        ("您的验证码是12345a，5分钟内有效，请勿告诉他人。", "code@1", "{code} is not digits"),
        ("您的驗證碼是12345a，5分钟内有效，请勿告诉他人。", "code@1", "{code} is not digits"),
        ("您的验证码是123，5分钟内有效，请勿告诉他人。", "code@1", "{code} has 3 characters, 4–8 are allowed"),
        ("您的验证码是123456，5分钟有效，请勿告诉他人。", "code@1", "behind {n} stands “分钟内有效，请勿告诉他人。”"),
        ("你的验证码是123456，5分钟内有效，请勿告诉他人。", "code@1", "it begins with “您的验证码是”"),
        ("尊敬的张\n三，您的订单AB12345已发货，预计11月22日送达", "ship@3", "{name} has a line end or 【】"),
        ("尊敬的张三，您的订单AB12345已发货，预计明天送达", "ship@3", "{day} has 2 characters, 4–12 are allowed"),
        ("尊敬的张三，您的订单AB12345已发货，预计明天早上送达", "ship@3", "{day} is not a date"),
        ("您已成功订阅周报", "plain@1", "it begins with “您已成功订阅日报”"),
        ("您已成功订阅日报，谢谢", "plain@1", "the text ends with “您已成功订阅日报”"),
        ("限时优惠进行中", "old@1", "it is suspended, not active"),
        ("限时优惠结束了", "old@1", "it is suspended, not active; and it begins with “限时优惠进行中”"),
        ("新年快乐", "past@1", "it expired on 2026-11-17"),
    ],
)
def test_nearest(body: str, expected: str, why: str) -> None:
    old = replace(PLAIN, id="old", text="限时优惠进行中", state="suspended")
    past = replace(PLAIN, id="past", text="新年快乐", expires="2026-11-17")
    foreign = replace(PLAIN, id="foreign", text=body, account="bank")
    nearest = Templates((CODE, SHIP, PLAIN, old, past, foreign)).nearest("shop", body, TODAY)
    assert nearest is not None
    assert reference(nearest[0]) == expected
    assert nearest[1].startswith(why)


def test_nearest_of_none() -> None:
    assert Templates((SHIP,)).nearest("bank", "您好", TODAY) is None
