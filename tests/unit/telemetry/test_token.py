"""What lets a request act: a token for one request, once, for a minute."""

from __future__ import annotations

import pytest

from smsgw.telemetry.token import LIFE_S, SCHEME, TokenGuard, token_for

KEY, PATH, BODY, NOW_S = b"k" * 32, "/act/rebind", b'{"carrier": "alpha"}', 1_800_000_000.5


def header(key: bytes = KEY, path: str = PATH, body: bytes = BODY, now_s: float = NOW_S) -> str:
    return SCHEME + token_for(key, path, body, now_s)


def test_it_does_once() -> None:
    guard = TokenGuard(KEY)
    assert guard.why_not(header(), PATH, BODY, NOW_S) == ""
    assert guard.why_not(header(), PATH, BODY, NOW_S + 1) == "the token was used already"
    assert guard.why_not(header(now_s=NOW_S + 1), PATH, BODY, NOW_S + 1) == ""


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (header(b"x" * 32), "not of this site's secrets"),
        (header(path="/act/trace"), "or of another request"),
        (header(body=b"{}"), "or of another request"),
        (header(now_s=NOW_S - LIFE_S - 1), "has expired"),
        (header(now_s=NOW_S + LIFE_S + 2), "the clocks differ"),
        ("", "needs a token"),
        ("Basic abc", "needs a token"),
        (SCHEME, "is no token"),
        (SCHEME + "1", "of another request"),
        (SCHEME + "9" * 13 + ".a", "is no token"),
        (SCHEME + "１.a", "is no token"),
        (SCHEME + "1.é", "is no token"),
    ],
)
def test_what_does_not(given: str, why: str) -> None:
    assert why in TokenGuard(KEY).why_not(given, PATH, BODY, NOW_S)


def test_what_was_used_is_not_remembered_for_ever() -> None:
    guard = TokenGuard(KEY)
    for second in range(500):
        assert guard.why_not(header(now_s=NOW_S + second), PATH, BODY, NOW_S + second) == ""
    assert len(guard._used) <= 2 * LIFE_S + 1
