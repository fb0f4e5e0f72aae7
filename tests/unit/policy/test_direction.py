from __future__ import annotations

import pytest

from smsgw.policy.direction import as_shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("快来赌博", "快来赌博"),
        ("快来\u202e博赌", "快来赌博"),
        ("快来\u202e博赌\u202c网站", "快来赌博\u202c网站"),
        ("快来\u202e博\n赌", "快来博\n赌"),
        ("\u202emoc.live\u202c 和 \u202e4321", "evil.com\u202c 和 1234"),
        ("\u202e\u202e博赌", "赌博"),
        ("\u202b博赌\u202c", "\u202b博赌\u202c"),
        ("\u202e", ""),
    ],
)
def test_what_is_turned_round_is_turned_back(text: str, shown: str) -> None:
    assert as_shown(text) == shown


def test_a_text_without_it_is_not_touched() -> None:
    text = "【示例商城】您好"
    assert as_shown(text) is text
