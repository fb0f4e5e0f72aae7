"""Stored passwords: form, verification, memory of successes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsgw.config.passwords import PasswordChecker, check_stored_form, hash_password, verify_password

CHEAP = {"n": 2**10, "r": 1}


def test_round_trip_with_the_default_cost() -> None:
    stored = hash_password("secret12")
    assert stored.startswith("scrypt$16384$8$1$")
    assert verify_password(stored, b"secret12")
    assert not verify_password(stored, b"secret13")
    assert not verify_password(stored, b"")


def test_the_form_is_plain_scrypt() -> None:
    """RFC 7914's function, so another tool can make the entry too."""
    import base64

    _, n, r, p, salt, digest = hash_password("abc", **CHEAP).split("$")
    made = hashlib.scrypt(b"abc", salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p), dklen=32)
    assert base64.b64decode(digest) == made


def test_the_same_password_is_never_stored_alike() -> None:
    assert hash_password("abc", **CHEAP) != hash_password("abc", **CHEAP)


@pytest.mark.parametrize(
    ("password", "why"),
    [("", "empty"), ("123456789", "at most 8 characters, this password has 9"), ("пароль", "ASCII"), ("a\tb", "ASCII")],
)
def test_refuses_what_smpp_cannot_carry(password: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        hash_password(password)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "secret12",
        "scrypt$16384$8$1$c2FsdHNhbHQ=",
        "bcrypt$16384$8$1$c2FsdHNhbHQ=$c2FsdHNhbHRzYWx0c2FsdA==",
        "scrypt$x$8$1$c2FsdHNhbHQ=$c2FsdHNhbHRzYWx0c2FsdA==",
        "scrypt$16384$8$1$c2FsdHNhbHQ$!!",
        "scrypt$1000$8$1$c2FsdHNhbHQ=$c2FsdHNhbHRzYWx0c2FsdA==",
        "scrypt$1073741824$8$1$c2FsdHNhbHQ=$c2FsdHNhbHRzYWx0c2FsdA==",
        "scrypt$16384$8$1$c2FsdHNhbHQ=$c2Fs",
    ],
)
def test_a_malformed_entry_is_named_and_never_verifies(stored: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        check_stored_form(stored)
    assert not PasswordChecker().verify(stored, b"secret12")


def test_a_storm_of_binds_costs_one_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _count_scrypt(monkeypatch)
    stored = hash_password("abc", **CHEAP)
    checker = PasswordChecker()
    calls.clear()
    assert all(checker.verify(stored, b"abc") for _ in range(1000))
    assert len(calls) == 1


def test_failures_and_unknown_names_are_never_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _count_scrypt(monkeypatch)
    stored = hash_password("abc", **CHEAP)
    checker = PasswordChecker()
    calls.clear()
    assert not any(checker.verify(stored, b"abd") for _ in range(3))
    assert not any(checker.verify("", b"abc") for _ in range(3))
    assert len(calls) == 6


def test_an_unknown_name_costs_what_a_known_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _count_scrypt(monkeypatch)
    stored = hash_password("abc")
    checker = PasswordChecker()
    calls.clear()
    checker.verify(stored, b"wrong")
    checker.verify("", b"wrong")
    assert calls[0] == calls[1] == (2**14, 8, 1)


def test_a_changed_entry_forgets_the_old_password() -> None:
    checker = PasswordChecker()
    old, new = hash_password("old", **CHEAP), hash_password("new", **CHEAP)
    assert checker.verify(old, b"old")
    assert not checker.verify(new, b"old")


def test_the_memory_is_bounded() -> None:
    checker = PasswordChecker(remembered=2)
    entries = [hash_password(name, **CHEAP) for name in "abc"]
    for name, stored in zip("abc", entries, strict=True):
        assert checker.verify(stored, name.encode())
    assert len(checker._recent) == 2


def test_threads_may_share_it() -> None:
    checker = PasswordChecker(remembered=4)
    entries = [(hash_password(f"p{number}", **CHEAP), f"p{number}".encode()) for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda pair: checker.verify(*pair), entries * 20))


def _count_scrypt(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    calls: list[tuple[int, int, int]] = []
    real = hashlib.scrypt

    def counted(password: bytes, *, salt: bytes, n: int, r: int, p: int, maxmem: int, dklen: int) -> bytes:
        calls.append((n, r, p))
        return real(password, salt=salt, n=n, r=r, p=p, maxmem=maxmem, dklen=dklen)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    return calls
