from __future__ import annotations

from typing import cast

import pytest

from smsgw.policy.entries import Variable, VariableKind
from smsgw.policy.placeholders import KINDS, Form, Link, apart, parse, template_fault


def form(text: str, *variables: Variable) -> Form:
    return Form(*parse(text, variables))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ("张三", "a b", "，。", "x" * 20), ("x" * 21,)),
        ("digits", ("0", "123456"), ("", "12a", "１２", "-1", "1.5")),
        ("letters", ("a", "Zed"), ("a1", "张", "é")),
        ("code", ("A1b2", "123"), ("A-1", "A 1", "甲1")),
        ("amount", ("0", "99.5", "1,234.50", "1234567.89", "12,345,678"), ("1,23", "1.234", ".5", "-3", "5元")),
        (
            "date",
            ("2026-11-18", "2026/1/8", "2026.11.18", "11-18", "11月18日", "2026年11月18日", "2026年11月", "1月8号"),
            ("2026-11/18", "昨天", "2026", "31月18日", "2026年"),
        ),
        ("time", ("9:30", "09:30:00", "10时", "10点30分", "10点半", "10点整"), ("9", "9:3", "39:30", "09:60", "早上")),
    ],
)  # fmt: skip
def test_kinds(kind: VariableKind, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    made = form("前{v}后", Variable("v", kind))
    assert [value for value in good if not made.fits(f"前{value}后")] == []
    assert [value for value in bad if made.fits(f"前{value}后")] == []


def test_every_kind_is_tested() -> None:
    mark = test_kinds.pytestmark[0]
    assert {row[0] for row in mark.args[1]} == KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_bounds(kind: VariableKind) -> None:
    made = form("前{v}后", Variable("v", kind, 30, 40))
    assert not made.fits("前1后")
    assert not made.fits("前" + "1" * 41 + "后")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("尊敬的张三，您的订单，请查收", True),
        ("尊敬的张，三，您的订单，请查收", True),  # the literal stands in the value too
        ("尊敬的，您的订单，请查收", False),
        ("尊敬的张三，您的订单，请查收。", False),
        ("亲爱的张三，您的订单，请查收", False),
        ("尊敬的张三，您的，请查收，请查收", True),
        ("尊敬的" + "长" * 20 + "，您的订单，请查收", True),
        ("尊敬的" + "长" * 21 + "，您的订单，请查收", False),
        ("尊敬的，您的", False),
        ("", False),
    ],
)
def test_where_literals_stand(text: str, fits: bool) -> None:
    assert form("尊敬的{a}，您的{b}，请查收", Variable("a"), Variable("b")).fits(text) == fits


def test_the_shortest_way_is_not_the_only_one() -> None:
    made = form("{a}1{b}1{c}", Variable("a", "digits", 3, 3), Variable("b", "digits", 2, 9), Variable("c", "letters"))
    assert made.fits("111" + "1" + "2121" + "1" + "x")
    assert made.fits("9991" + "11111" + "1" + "x")
    assert not made.fits("9991" + "1" + "1" + "x")
    dated = form("{a}月{b}日", Variable("a", "date"), Variable("b", "digits"))
    assert not dated.fits("2026年11月1日")
    assert dated.fits("11月1日月1日")


def test_no_variables_at_all() -> None:
    assert form("您好").fits("您好")
    assert not form("您好").fits("您好。")


def test_bounds_may_be_zero() -> None:
    made = form("您好{a}，请查收", Variable("a", "text", 0, 2))
    assert [made.fits(f"您好{value}，请查收") for value in ("", "张", "张三", "张三丰")] == [1, 1, 1, 0]


def test_nothing_takes_for_ever() -> None:
    """Each text can be cut in so many ways that trying them all would never end."""
    names = [f"v{n}" for n in range(20)]
    fitting = {"a" * 2000 + "b": {"text", "code", "letters"}, "1a" * 1000 + "b": {"text", "code"}}
    never = ("a" * 2000, "1" * 2000 + "ab", "11月" * 600 + "ab")
    for kind in sorted(KINDS):
        made = form("a".join(f"{{{name}}}" for name in names) + "b", *(Variable(name, kind, 0, 500) for name in names))
        for text in (*fitting, *never):
            does = bool(made.fits(text))
            assert does == (kind in fitting.get(text, ())), (kind, text[:9])


@pytest.mark.parametrize(
    ("template", "kind", "fits"),
    [
        ("访问 https://a.com/{v}，谢谢", "code", True),
        ("访问 https://a.com/{v}，谢谢", "text", False),
        ("访问 https://{v}/abc，谢谢", "text", False),
        ("访问 https://a.{v}/abc，谢谢", "letters", False),
        ("访问 {v}，谢谢", "text", False),
        ("{v} https://a.com/abc，谢谢", "text", True),
        ("访问 https://a.com/abc{v}谢谢", "text", True),
        ("{v}，谢谢", "text", False),
    ],
)
def test_links(template: str, kind: VariableKind, fits: bool) -> None:
    text = "访问 https://a.com/abc，谢谢"
    links = [Link(3, 16, 20)]
    assert text[3:16] == "https://a.com"
    assert text[3:20] == "https://a.com/abc"
    made = form(template, Variable("v", kind, 1, 40))
    assert made.fits(text)
    assert made.fits_beside(text, links) is fits


@pytest.mark.parametrize(
    ("text", "count"), [("您好", 0), ("a\nb", 1), ("【a】\n", 3), ("a\u3000b", 0), ("\u200b", 0), ("\u2028\x85", 2)]
)
def test_apart(text: str, count: int) -> None:
    assert apart(text) == count


V = Variable


@pytest.mark.parametrize(
    ("text", "variables", "fault"),
    [
        ("您的验证码是{code}，请勿告诉他人", (V("code", "digits", 4, 8),), None),
        ("您的订单已发货", (), None),
        ("您的验证码是【{code}】", (V("code"),), None),
        ("", (), "the text is empty"),
        ("  \n", (), "the text is empty"),
        ("您的验证码是{code}", (), "{code} is not described"),
        ("您的验证码是1234", (V("code"),), "variable code does not stand in the text"),
        ("{a}您好{a}，请查收", (V("a"),), "{a} is there twice"),
        ("{a}您好，请查收", (V("a"), V("a")), "{a} is there twice"),
        ("{a}{b}您好，请查收", (V("a"), V("b")), "side by side"),
        ("{a}您好", (V("a"),), "fewer than 4 characters are fixed"),
        ("{a}，。！？、；", (V("a"),), "fewer than 4 characters are fixed"),
        ("您的验证码是{code", (), "a brace stands alone"),
        ("您的验证码是}", (), "a brace stands alone"),
        ("您的验证码是{}", (V(""),), "is not a name"),
        ("您的验证码是{a b}", (V("a b"),), "is not a name"),
        ("您的验证码是{a}", (V("a", cast(VariableKind, "number")),), "kind 'number' is not one of"),
        ("您的验证码是{a}", (V("a", "text", 5, 4),), "max_chars"),
        ("您的验证码是{a}", (V("a", "text", -1, 4),), "max_chars"),
        ("您的验证码是{a}", (V("a", "text", 0, 0),), "max_chars"),
        ("您的验证码是{a}", (V("a", "text", 1, 501),), "max_chars"),
        ("【示例商城】您的验证码是{a}", (V("a"),), "without its signature"),
        ("请登录a.com/{a} 查看账单", (V("a", "code"),), None),
        ("请登录a.com/{a} 查看账单", (V("a"),), "{a} stands in a link"),
        ("请登录{a}.com 查看账单", (V("a", "code"),), "{a} stands in a link"),
        ("请登录shop.{a} 查看账单", (V("a", "letters"),), "{a} stands in a link"),
        ("请登录HTTPS://{a}/x 查看账单", (V("a", "letters"),), "{a} stands in a link"),
        ("请登录a.com查看{a}的账单", (V("a"),), None),
    ],
)
def test_fault(text: str, variables: tuple[Variable, ...], fault: str | None) -> None:
    found = template_fault(text, variables)
    assert found is None if fault is None else fault in (found or "")
