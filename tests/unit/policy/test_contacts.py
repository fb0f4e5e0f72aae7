"""Rule 8: links and phone numbers are found in any spelling, and only registered ones pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from smsgw.policy.contacts import Contacts, contact_rule, links_in, phones_in
from smsgw.policy.entries import ContactEntry
from smsgw.policy.links import find_links, link_spans
from smsgw.policy.model import ALL_CLASSES, Draft, MessageClass, Refusal
from smsgw.policy.phones import find_phones
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import ContactsRule, Profile
from smsgw.policy.reasons import CONTACT
from smsgw.policy.text import fold_kept

OTP, NOTICE, MARKETING = MessageClass


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("https://Example.com/A?b=1 领取", ["example.com/a?b=1"]),
        ("https://example.com领取", ["example.com"]),
        ("https://m.example.com【示例】", ["m.example.com"]),
        ("http://localhost/x", ["localhost/x"]),
        ("https://a@evil.com/b", ["evil.com/b"]),
        ("http://示例.中国/a", ["示例.中国/a"]),
        ("http://1.2.3.4:8080/a", ["1.2.3.4/a"]),
        ("http://[2001:db8::1]/a", ["[2001:db8::1]/a"]),
        ("点击t.cn/A6abc，回T退订", ["t.cn/a6abc"]),
        ("t . cn/abc", ["t.cn/abc"]),
        ("ｅｘａｍｐｌｅ．ｃｏｍ", ["example.com"]),
        ("example点com领取", ["example.com"]),
        ("example。com", ["example.com"]),
        ("example·com", ["example.com"]),
        ("example[.]com", ["example.com"]),
        ("example(点)com", ["example.com"]),
        ("e-x.com.cn", ["e-x.com.cn"]),
        ("a.cn和b.cn/c，还有www.d.net", ["a.cn", "b.cn/c", "www.d.net"]),
        ("163.com", ["163.com"]),
        ("abc.me领取", ["abc.me"]),
        ("abc.vip", ["abc.vip"]),
        ("bit.ly/2xYz)", ["bit.ly/2xyz"]),
        ("1.2.3.4/a", ["1.2.3.4/a"]),
        ("xn--fiqs8s.xn--fiqs8s", ["xn--fiqs8s.xn--fiqs8s"]),
        ("example.com.", ["example.com"]),
        ("example.com:8080/a!", ["example.com/a"]),
        ("前" * 3000 + "evil.com" + "后" * 3000, ["evil.com"]),
        ("a" * 3000 + " evil.com", ["evil.com"]),
        ("Thanks.It is ok", []),
        ("Your code is 123456.Do not share", []),
        ("1.商城首页 2.手机充值", []),
        ("VIP。TV端可看", []),
        ("尊享·VIP", []),
        ("会员9.5折.VIP专享", []),
        ("price is 12.50元", []),
        ("版本1.2.3.4已发布", []),
        ("300.500.1.1/a", []),
        ("有效期至2026.11.30.请尽快", []),
        ("于8点com口", []),
        ("联系abc@qq.com", []),
        ("10:30-11:30", []),
        ("file.txt", []),
        ("登录example.com。123456是您的编号", ["example.com"]),
        ("example.com.领取", ["example.com"]),
        ("三点。二点", []),
        ("", []),
    ],
)
def test_links_of_a_text(text: str, links: list[str]) -> None:
    assert links_in(text) == links


@pytest.mark.parametrize("host", ["示例.中国", "请看示例.中国", "官网www.示例.com"])
def test_han_before_a_dot_may_be_the_sentence(host: str) -> None:
    (link,) = find_links(host)
    assert link.is_loose
    assert link.host == host
    ((start, end, whole),) = link_spans(host)
    assert (host[start:end], end) == (host[host.rindex(".") - 1 :], whole)


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("客服400-800-1234", ["4008001234"]),
        ("4008001234", ["4008001234"]),
        ("400 8001 234", ["4008001234"]),
        ("４００－８００－１２３４", ["4008001234"]),
        ("800-820-8820", ["8008208820"]),
        ("致电95588", ["95588"]),
        ("客服热线：95188-1", ["95188"]),
        ("客服号码95588", ["95588"]),
        ("95588客服", ["95588"]),
        ("拨打10086", ["10086"]),
        ("详询 12306", ["12306"]),
        ("验证码958123，客服电话95588", ["95588"]),
        ("010-88886666", ["01088886666"]),
        ("(021)66668888", ["02166668888"]),
        ("0755 8888 6666", ["075588886666"]),
        ("0311-8888666", ["03118888666"]),
        ("电话88886666", ["88886666"]),
        ("热线：8888-6666", ["88886666"]),
        ("13812345678", ["13812345678"]),
        ("138-1234-5678", ["13812345678"]),
        ("1 3 8 1 2 3 4 5 6 7 8", ["13812345678"]),
        ("+8613812345678", ["13812345678"]),
        ("０0８６ １３８１２３４５６７８", ["13812345678"]),
        ("2026-11-18 13812345678", ["13812345678"]),
        ("13812345678、13912345678", ["13812345678", "13912345678"]),
        ("13812345678/010-88886666", ["13812345678", "01088886666"]),
        ("电话95588，1,280元", ["95588"]),
        ("+44 20 7946 0958", ["442079460958"]),
        ("+86 10 8888 6666", ["01088886666"]),
        ("(800) 555-1234", ["8005551234"]),
        ("客服费用1,95588", []),
        ("验证码95588", []),
        ("校验码 10086，客服不会索取", []),
        ("95588为您服务", []),
        ("满10000减500", []),
        ("积分10000分", []),
        ("联系客服领10000元", []),
        ("13800000000.00元", []),
        ("¥13812345678", []),
        ("13812345678,000元", []),
        ("1,338,123,45元", []),
        ("t.cn/13812345678", []),
        ("138****5678", []),
        ("订单号13812345678", []),
        ("工单056654880657", []),
        ("单号SF1381234567890", []),
        ("2026-11-18 10:30:00", []),
        ("20261118103000", []),
        ("08:00-20:00", []),
        ("身份证110101199003071234", []),
        ("6222021234567890123", []),
        ("腾讯会议123-456-789", []),
        ("", []),
    ],
)
def test_phones_of_a_text(text: str, phones: list[str]) -> None:
    assert phones_in(text) == phones


def entry(kind: str, value: str, account: str = "shop", expires: str = "", state: str = "active") -> ContactEntry:
    return ContactEntry(account, kind, value, "", expires, state)


REGISTER = (
    entry("link", "example.com"),
    entry("link", "https://Short.cn/Shop/"),
    entry("link", "示例.中国"),
    entry("link", "bank.cn", "*"),
    entry("link", "late.cn", expires="2026-11-18"),
    entry("link", "off.cn", state="suspended"),
    entry("link", "other.cn", "bank"),
    entry("link", "twice.cn", expires="2020-01-01"),
    entry("link", "twice.cn", "*"),
    entry("phone", "400-800-1234"),
    entry("phone", "95588", "*"),
    entry("phone", "+86 138 1234 5678"),
    entry("phone", "01088886666", expires="2026-11-18"),
)


@pytest.fixture
def check(
    parts_of: Callable[..., Parts], cn_profile: Profile, draft: Callable[..., Draft]
) -> Callable[..., Refusal | None]:
    parts = parts_of(replace(cn_profile, contacts=ContactsRule(ALL_CLASSES, ALL_CLASSES)))
    parts.registers.put("contact", Contacts(REGISTER))
    rule = contact_rule(parts, MARKETING)
    assert rule is not None

    def judge(text: str, when: str = "2026-11-18 10:30") -> Refusal | None:
        asked = draft(text, when=when)
        asked.plain = fold_kept(text)
        outcome = rule.check(asked)
        assert outcome is None or (isinstance(outcome, Refusal) and outcome.reason is CONTACT)
        return outcome

    return judge


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("没有联系方式", True),
        ("example.com", True),
        ("HTTPS://M.Example.com:8080/any?x", True),
        ("a.b.example.com", True),
        ("notexample.com", False),
        ("example.com.evil.cn", False),
        ("example.com 和 evil.cn", False),
        ("short.cn/shop", True),
        ("short.cn/SHOP/1", True),
        ("short.cn/shop?x=1", True),
        ("short.cn/shopping", False),
        ("short.cn", False),
        ("short.cn/other", False),
        ("请看示例.中国", True),
        ("请看示例.中国/a", True),
        ("m.示例.中国", True),
        ("xn--fsqu00a.xn--fiqs8s", False),
        ("xn--fsq092h.xn--fiqs8s", True),
        ("bank.cn", True),
        ("off.cn", False),
        ("other.cn", False),
        ("twice.cn", True),
        ("4008001234", True),
        ("400-800-1235", False),
        ("客服95588", True),
        ("13812345678", True),
        ("13812345679", False),
        ("长" * 1000 + "evil.cn", False),
    ],
)
def test_only_registered_ones_pass(check: Callable[..., Refusal | None], text: str, passes: bool) -> None:
    assert (check(text) is None) is passes


@pytest.mark.parametrize("text", ["late.cn", "010-88886666"])
def test_an_entry_holds_through_its_last_day(check: Callable[..., Refusal | None], text: str) -> None:
    assert check(text, "2026-11-18 23:59") is None
    assert check(text, "2026-11-19 00:00") is not None


def test_a_refusal_names_the_link_and_masks_the_number(check: Callable[..., Refusal | None]) -> None:
    refusal = check("https://evil.cn/a?secret=1")
    assert refusal is not None
    assert refusal.detail == "link evil.cn is not registered for this account"
    refusal = check("13912345678")
    assert refusal is not None
    assert "13912345678" not in refusal.detail


def test_links_and_phones_are_asked_of_their_own_classes(
    parts_of: Callable[..., Parts], cn_profile: Profile, draft: Callable[..., Draft]
) -> None:
    parts = parts_of(
        replace(cn_profile, contacts=ContactsRule(frozenset((NOTICE, MARKETING)), frozenset((MARKETING,))))
    )
    assert contact_rule(parts, OTP) is None
    verdicts = {}
    for message_class in (NOTICE, MARKETING):
        rule = contact_rule(parts, message_class)
        assert rule is not None
        for text in ("evil.cn", "13912345678"):
            asked = draft(text, message_class, plain=text)
            verdicts[message_class, text] = rule.check(asked) is None
            assert "13912345678" not in rule.looked_at(asked)
    assert verdicts == {
        (NOTICE, "evil.cn"): False,
        (NOTICE, "13912345678"): True,
        (MARKETING, "evil.cn"): False,
        (MARKETING, "13912345678"): False,
    }


def test_a_register_that_is_replaced_holds_at_once(
    parts_of: Callable[..., Parts], cn_profile: Profile, draft: Callable[..., Draft]
) -> None:
    parts = parts_of(replace(cn_profile, contacts=ContactsRule(ALL_CLASSES)))
    rule = contact_rule(parts, MARKETING)
    assert rule is not None
    asked = draft("new.cn", plain="new.cn")
    assert rule.check(asked) is not None
    parts.registers.put("contact", Contacts([entry("link", "new.cn")]))
    assert rule.check(asked) is None
    assert rule.looked_at(asked) == "links: new.cn; phone numbers: none"


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "1",
            "1 ",
            "a.",
            "a-",
            "(1",
            "中.",
            "a@",
            "点",
            "a点",
            "https://",
            " . ",
            "a.com ",
            ".com/",
            "1.1.",
            "xn--",
        ),
        *("拨打10086 ", "13812345678 ", "0 0-", "+1", "http://a.", "a.b。", "中a.中", "a@a."),
    ],
)
def test_a_hostile_text_costs_time_in_proportion(unit: str) -> None:
    # 250 segments; a pattern that tried every way would take minutes, this takes some hundredths of a second.
    plain = fold_kept(unit * (17_000 // len(unit)))
    started = time.process_time()
    find_links(plain)
    find_phones(plain)
    assert time.process_time() - started < 2
