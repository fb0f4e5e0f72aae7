"""What lets a request act: a token for one request, once, for a minute."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from smsgw.telemetry.token import LIFE_S, SCHEME, TokenGuard, token_for

KEY, PATH, BODY, NOW_S = b"k" * 32, "/act/rebind", b'{"carrier": "alpha"}', 1_800_000_000.5


def header(key: bytes = KEY, path: str = PATH, body: bytes = BODY, now_s: float = NOW_S) -> str:
    return SCHEME + token_for(key, path, body, now_s)


def test_it_does_once() -> None:
    guard = TokenGuard(KEY)
    given = header()
    assert guard.why_not(given, PATH, BODY, NOW_S) == ""
    assert guard.why_not(given, PATH, BODY, NOW_S + 1) == "the token was used already"


def test_the_same_request_twice_in_a_second_has_two_tokens() -> None:
    guard = TokenGuard(KEY)
    tokens = {header() for _ in range(20)}
    assert len(tokens) == 20
    assert [guard.why_not(each, PATH, BODY, NOW_S) for each in tokens] == [""] * 20
    given = header()
    time_text, nonce, mac = given.removeprefix(SCHEME).split(".")
    other = "0" * len(nonce) if nonce[0] != "0" else "1" * len(nonce)
    assert "of another request" in guard.why_not(f"{SCHEME}{time_text}.{other}.{mac}", PATH, BODY, NOW_S)


def test_a_token_of_an_older_version_has_no_nonce() -> None:
    mac = hmac.new(KEY, b"%d\n%s\n%s" % (int(NOW_S), PATH.encode(), BODY), hashlib.sha256).hexdigest()
    assert TokenGuard(KEY).why_not(f"{SCHEME}{int(NOW_S)}.{mac}", PATH, BODY, NOW_S) == ""


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"key": b"x" * 32}, "not of this site's secrets"),
        ({"path": "/act/trace"}, "or of another request"),
        ({"body": b"{}"}, "or of another request"),
        ({"now_s": NOW_S - LIFE_S - 1}, "has expired"),
        ({"now_s": NOW_S + LIFE_S + 2}, "the clocks differ"),
    ],
)
def test_what_does_not(made: dict[str, Any], why: str) -> None:
    assert why in TokenGuard(KEY).why_not(header(**made), PATH, BODY, NOW_S)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "needs a token"),
        ("Basic abc", "needs a token"),
        (SCHEME, "is no token"),
        (SCHEME + "1", "is no token"),
        (SCHEME + "1.", "of another request"),
        (SCHEME + "1.nonce.", "of another request"),
        (SCHEME + "9" * 13 + ".a", "is no token"),
        (SCHEME + "１.a", "is no token"),
        (SCHEME + "1.é", "is no token"),
    ],
)
def test_what_is_none(given: str, why: str) -> None:
    assert why in TokenGuard(KEY).why_not(given, PATH, BODY, NOW_S)


def test_what_was_used_is_not_remembered_for_ever() -> None:
    guard = TokenGuard(KEY)
    for second in range(500):
        assert guard.why_not(header(now_s=NOW_S + second), PATH, BODY, NOW_S + second) == ""
    assert len(guard._used) <= 2 * LIFE_S + 1
