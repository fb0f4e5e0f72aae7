"""Short links: which links are replaced, by which token, and that all else of a text stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.contacts import Contacts
from smsgw.policy.entries import ContactEntry
from smsgw.policy.length import length_rule
from smsgw.policy.model import Draft, MessageClass, Refusal
from smsgw.policy.pipeline import Parts
from smsgw.policy.profile import AccountPolicy, LengthRule, Profile
from smsgw.policy.registers import Registers
from smsgw.policy.short_links import (
    DIGITS,
    Identity,
    Place,
    ShortLinks,
    find_places,
    identities,
    is_target,
    rewritten,
    short_link_rule,
    target,
    with_shorts,
)

OTP, NOTICE, MARKETING = MessageClass
SHAPE = ShortLinks("https://s.example.cn/", 8, frozenset((MARKETING,)))
ACCOUNT = AccountPolicy("shop", signatures=frozenset(("示例商城",)), short_links=SHAPE)


@pytest.fixture
def parts(cn_profile: Profile, parts_of: Callable[..., Parts]) -> Parts:
    registers = Registers()
    registers.put(
        "contact",
        Contacts(
            (
                ContactEntry("shop", "link", "example.com"),
                ContactEntry("*", "link", "example.cn/sale"),
                ContactEntry("other", "link", "other.com"),
                ContactEntry("shop", "link", "old.com", expires="2026-01-01"),
                ContactEntry("shop", "link", "off.com", state="disabled"),
                ContactEntry("shop", "link", "s.example.cn"),
                ContactEntry("shop", "link", "xn--fiqs8s.com"),
            )
        ),
    )
    return parts_of(replace(cn_profile, length=LengthRule((None, None, 40))), ACCOUNT, registers=registers)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("没有链接", []),
        ("https://Example.com/A?b=1#c 领取", ["https://Example.com/A?b=1#c"]),
        ("example.com领取，回T退订", ["example.com"]),
        ("看https://m.example.com/a，回T退订", ["https://m.example.com/a"]),
        ("(HTTP://example.com:8080/x).", ["HTTP://example.com:8080/x"]),
        ("example.cn/sale/1和example.cn/other", ["example.cn/sale/1"]),
        ("a example.com b example.com/c", ["example.com", "example.com/c"]),
        ("链接：xn--fiqs8s.com/a", ["xn--fiqs8s.com/a"]),
        ("other.com old.com off.com unknown.com", []),
        ("已经短了 https://s.example.cn/abcdefgh", []),
        ("me@example.com", []),
        ("https://me@example.com/a", []),
        ("https://example.com:1@evil.com/a", []),
        ("ftp://example.com/a", []),
        ("notexample.com example.com.evil.net", []),
        ("example.com_x example.com-x", []),
        ("ｅxample点com", []),
    ],
)
def test_which_links_are_replaced(
    parts: Parts, draft: Callable[..., Draft], text: str, links: list[str]
) -> None:  # fmt: skip
    rule = short_link_rule(parts, MARKETING)
    assert rule is not None
    found = draft(text)
    assert rule.check(found) is None
    assert found.links is not None
    assert [text[place.start : place.end] for place in found.links] == links
    assert all(link in rule.looked_at(found) for link in links)


def test_only_classes_and_accounts_that_have_them(parts: Parts, parts_of: Callable[..., Parts]) -> None:
    assert short_link_rule(parts, NOTICE) is None
    assert short_link_rule(parts_of(parts.profile), MARKETING) is None


def test_links_that_must_stay_are_not_looked_for(parts: Parts, draft: Callable[..., Draft]) -> None:
    rule = short_link_rule(parts, MARKETING)
    assert rule is not None
    staying = draft("example.com", links=None)
    rule.check(staying)
    assert staying.links is None


@pytest.mark.parametrize(("path_chars", "is_refused"), [(200, False), (0, False)])
def test_the_length_is_that_of_the_short_link(
    parts: Parts, draft: Callable[..., Draft], path_chars: int, is_refused: bool
) -> None:
    finds, counts = short_link_rule(parts, MARKETING), length_rule(parts, MARKETING)
    assert finds is not None
    assert counts is not None
    judged = draft("中" * 11 + "example.com/" + "a" * path_chars)
    finds.check(judged)
    assert (counts.check(judged) is not None) is is_refused  # 11 + 29 characters, 40 are allowed
    assert counts.looked_at(judged).startswith("40 characters")
    longer = draft("中" * 12 + "example.com/")
    finds.check(longer)
    refused = counts.check(longer)
    assert isinstance(refused, Refusal)
    assert refused.detail == "41 characters; at most 40 are allowed"
    staying = draft("中" * 12 + "example.com/", links=None)
    finds.check(staying)
    assert counts.check(staying) is None


def test_a_token_is_of_who_sends_what_and_of_no_recipient(draft: Callable[..., Draft]) -> None:
    text = "https://example.com/a"
    one = draft(text, links=(Place(0, len(text)),), campaign="may")
    (identity,) = identities(one, "sale@1", SHAPE)
    assert identity == Identity("shop", MARKETING, "", "sale@1", "may", "https://example.com/a")
    key = b"k" * 32
    token = identity.token(key, 8)
    assert len(token) == 8
    assert set(token) <= set(DIGITS)
    assert identities(draft(text, links=one.links, campaign="may", recipient="8613800138001"), "sale@1", SHAPE) == [
        identity
    ]
    others = [
        identity._replace(**{name: value}).token(key, 8)
        for name, value in (
            ("account", "a"), ("message_class", 1), ("signature", "s"), ("template", "sale@2"), ("campaign", "june"),
            ("url", "https://example.com/b"),
        )
    ]  # fmt: skip
    again = [identity.token(key, 8, number) for number in (1, 2)]
    assert len({token, identity.token(b"l" * 32, 8), *others, *again}) == 10
    assert len(identity.mark) == 16
    assert identity.token(key, 16)[:8] == token


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("example.com/a", "https://example.com/a"),
        ("HTTP://Example.com/A?b=%20", "http://Example.com/A?b=%20"),
        ("example.com/{id}|x^`\\", "https://example.com/%7Bid%7D%7Cx%5E%60%5C"),
    ],
)
def test_where_a_link_leads(written: str, url: str) -> None:
    assert target(written, "https") == url
    assert is_target(url)


@pytest.mark.parametrize(
    "url", ["ftp://a.com", "//a.com", "javascript:alert(1)", "https://", "https://a@b.com", "http://[", ""]
)
def test_where_nobody_is_sent(url: str) -> None:
    assert not is_target(url)


_words = st.text("abcXYZ019.:/?#=&%@-_~,;!()'\"<>中点文，。【】 ", max_size=60)


@given(_words)
def test_a_text_without_wanted_links_stays(text: str) -> None:
    assert rewritten(text, find_places(text, lambda link: False)) == text


@given(_words, st.sampled_from(["example.com", "https://example.com/a?b=c", "http://m.example.com/x"]), _words)
def test_all_but_the_links_stays_and_every_place_is_a_link(before: str, link: str, after: str) -> None:
    text = f"{before}，{link}，{after}"
    places = find_places(text, lambda found: found.host.endswith("example.com"))
    assert (len(before) + 1, len(before) + 1 + len(link)) in [place[:2] for place in places]
    kept, at = "", 0
    for place in places:
        assert place.start >= at
        kept, at = kept + text[at : place.start], place.end
        assert is_target(target(text[place.start : place.end], "https"))
    kept += text[at:]
    shorts = [f"https://s.cn/{number:08}" for number in range(len(places))]
    made = rewritten(text, with_shorts(places, shorts))
    for short in shorts:
        assert made.count(short) == 1
        made = made.replace(short, "")
    assert made == kept
