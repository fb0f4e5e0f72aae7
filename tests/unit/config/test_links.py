"""[links] and ``short_links``: off unless somebody says what stands before a token, and errors with their lines."""

from __future__ import annotations

import pytest

from smsgw.policy.model import MessageClass
from smsgw.policy.registers import Registers
from smsgw.policy.short_links import ShortLinks
from smsgw.site_rules import compiled_rules

from .conftest import SiteCopy

LINKS = '[links]\nbase_url = "https://s.example.cn/x"\nclasses = ["marketing"]\ntoken_chars = 7\nkeep_days = 2\n'


def with_links(site: SiteCopy, more: str = "", links: str = LINKS) -> SiteCopy:
    return site.edit("smsgw.toml", "[ops]", f"{links}{more}\n[ops]")


def test_nobody_has_short_links_by_default(site: SiteCopy) -> None:
    loaded = site.load()
    assert not loaded.links.is_on
    assert all(rules.account.short_links is None for rules in compiled_rules(loaded, Registers()).values())


def test_only_accounts_that_say_so_have_them(site: SiteCopy) -> None:
    with_links(site).edit("accounts/shop.toml", "explain = true", "explain = true\nshort_links = true")
    rules = compiled_rules(site.load(), Registers())
    assert rules["shop"].account.short_links == ShortLinks(
        "https://s.example.cn/x/", 7, frozenset((MessageClass.MARKETING,)), "https", 2 * 86_400_000
    )
    assert rules["orders"].account.short_links is None


def test_an_account_needs_a_site_that_has_them(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", "explain = true", "short_links = true")
    assert site.errors() == [
        f"accounts/shop.toml:{site.edited_line}: short_links: there are none while [links] of smsgw.toml has no "
        'base_url; write base_url = "https://s.example.cn" there'
    ]


@pytest.mark.parametrize("url", ["s.cn", "http://s.cn/", "https://s.example.cn:8443/a/b-c", "http://127.0.0.1:8778"])
def test_what_may_stand_before_a_token(site: SiteCopy, url: str) -> None:
    links = with_links(site, links=f'[links]\nbase_url = "{url}"\n').load().links
    assert links.short_links().base == url.rstrip("/") + "/"


@pytest.mark.parametrize(
    "url",
    [
        "example",
        "ftp://s.cn",
        "https://s.cn/a?b=",
        "https://me@s.cn",
        "https://s.cn/ a",
        "短.cn",
        "s." + "a" * 64 + ".cn",
    ],
)
def test_what_may_not(site: SiteCopy, url: str) -> None:
    (error,) = with_links(site, links=f'[links]\nbase_url = "{url}"\n').errors()
    assert error.startswith(f"smsgw.toml:{site.edited_line + 1}: links.base_url: expected what stands before a token")


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("port = 8775\n", "links.port: 8775 is in use by this site's own listeners already"),
        ("proxies = [1]\n", "links.proxies"),
        ("requests_per_minute = 0\n", "links.requests_per_minute"),
        ('scheme = "gopher"\n', "links.scheme"),
    ],
)
def test_values_that_can_not_be(site: SiteCopy, more: str, key: str) -> None:
    (error,) = with_links(site, more).errors()
    assert error.startswith(f"smsgw.toml:{site.edited_line + 5}: {key}")
