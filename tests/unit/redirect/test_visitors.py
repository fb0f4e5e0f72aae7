"""Who is a person, where a request came from, and who comes too often."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from smsgw.redirect import visitors
from smsgw.redirect.visitors import Rate, is_machine, visitor

PROXIES = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1",
        "Mozilla/5.0 (Linux; Android 13; V2218A) AppleWebKit/537.36 MicroMessenger/8.0.50.2701 WeChat/arm64",
        "Mozilla/5.0 (Linux; U; Android 12; zh-cn; MI 11) MQQBrowser/15.0 Mobile Safari/537.36 QQ/9.0.60",
        "Mozilla/5.0 (Linux; Android 14; HarmonyOS) HuaweiBrowser/15.0 Mobile",
        "Mozilla/5.0 (Linux; Android 13; CUBOT X30) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36",
    ],
)
def test_browsers_are_people(user_agent: str) -> None:
    assert not is_machine(user_agent, "")
    assert is_machine(user_agent, "prefetch;prerender")


@pytest.mark.parametrize(
    "user_agent",
    [
        "", "curl/8.5.0", "python-requests/2.32", "facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "WhatsApp/2.23.20.0", "TelegramBot (like TwitterBot)", "Slackbot-LinkExpanding 1.0", "LinkedInBot/1.0",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "Go-http-client/2.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (Bytespider)",
        "Mozilla/5.0 SkypeUriPreview Preview/0.5", "Mozilla/5.0 HeadlessChrome/120.0",
    ],
)  # fmt: skip
def test_machines_that_look_before_people_do_are_not(user_agent: str) -> None:
    assert is_machine(user_agent, "")


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.9", "198.51.100.1"),
        ("127.0.0.1", "", ""),
        ("127.0.0.1", "nobody", ""),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        ("", "", ""),
    ],
)
def test_only_proxies_that_are_believed_say_who_came(peer: str, forwarded: str, found: str) -> None:
    assert visitor(peer, forwarded, PROXIES) == found


def test_who_comes_too_often_waits_for_the_next_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = Rate(2)
    assert [rate.lets("a", 100.0 + n) for n in range(3)] == [True, True, False]
    assert rate.lets("b", 103.0)
    assert rate.lets("a", 160.0)
    monkeypatch.setattr(visitors, "MOST_ADDRESSES", 1)
    assert [rate.lets("c", 161.0) for _ in range(3)] == [True, True, True]
    assert [rate.lets("a", 161.0) for _ in range(2)] == [True, False]
