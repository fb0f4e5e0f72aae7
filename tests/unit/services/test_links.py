"""Short links for people: addresses without what is somebody's, and rows that add up."""

from __future__ import annotations

import pytest

from smsgw.services.links import shown_target


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://shop.example.com/spring", "shop.example.com/spring"),
        ("https://shop.example.com/", "shop.example.com"),
        ("https://shop.example.com/a?phone=13800138000", "shop.example.com/a…"),
        ("https://shop.example.com/u/13800138000/x", "shop.example.com/u/…/x"),
        ("https://shop.example.com:8443/a#13800138000", "shop.example.com/a"),
        ("https://shop.example.com/" + "a" * 100, "shop.example.com/" + "a" * 63 + "…"),
    ],
)
def test_an_address_is_shown_without_what_may_be_somebodys(url: str, shown: str) -> None:
    assert shown_target(url) == shown
