"""Passwords of accounts: stored as scrypt, checked at each bind.

Stored form: ``scrypt$n$r$p$salt$hash`` (salt and hash base64), so that the cost can be raised later without
touching old entries. What was right lately is remembered as a mark under a key, so a thousand binds that come
back after a drop cost one scrypt per account, not a thousand; with a key that the site's processes share, marks that
are kept elsewhere (``remember``) spare a restart of two thousand accounts its minute of scrypt.
Checking costs tens of milliseconds and 16 MiB on purpose: call it in a thread. SMPP carries a password as
plain text of at most 8 octets (SMPP 3.4 §5.2.2), so the hash protects the file, not the wire; use TLS.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final

MAX_PASSWORD_OCTETS: Final = 8
_HASH_OCTETS: Final = 32
_SALT_OCTETS: Final = 16
MOST_REMEMBERED: Final = 32_768


@dataclass(frozen=True, slots=True)
class _Stored:
    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes


def hash_password(password: str, *, n: int = 2**14, r: int = 8, p: int = 1) -> str:
    """The stored form of a password, with a fresh salt.

    ``n`` (a power of 2), ``r``, ``p``: scrypt's costs. Raises ValueError for a password that SMPP can't
    carry: empty, longer than 8 octets, or with anything but printable ASCII.
    """
    return hash_octets(password_octets(password), n=n, r=r, p=p)


def hash_octets(octets: bytes, *, n: int = 2**14, r: int = 8, p: int = 1) -> str:
    """The stored form of any secret, such as a token of the console, with a fresh salt."""
    salt = secrets.token_bytes(_SALT_OCTETS)
    digest = _derive(octets, _Stored(n, r, p, salt, bytes(_HASH_OCTETS)))
    return "$".join(("scrypt", str(n), str(r), str(p), _text(salt), _text(digest)))


def password_octets(password: str) -> bytes:
    """The password as it goes over the wire; ValueError when SMPP can't carry it."""
    if not password:
        raise ValueError("a password must not be empty")
    if not password.isascii() or not password.isprintable():
        raise ValueError("a password must be printable ASCII: applications encode anything else differently")
    if len(password) > MAX_PASSWORD_OCTETS:
        raise ValueError(f"SMPP carries at most {MAX_PASSWORD_OCTETS} characters, this password has {len(password)}")
    return password.encode("ascii")


def check_stored_form(stored: str) -> None:
    """Raises ValueError, saying what is wrong, unless ``stored`` can be verified against."""
    _parse(stored)


class PasswordChecker:
    """Verifies passwords and remembers what was right lately. Safe to call from several threads.

    ``key``: 32 octets for the marks; left out, one that exists only in this process.
    """

    def __init__(self, remembered: int = MOST_REMEMBERED, key: bytes = b"") -> None:
        self._limit = remembered
        self._key = key or secrets.token_bytes(32)
        self._recent: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()
        # What an unknown name is checked against, so that it takes as long as a wrong password.
        self._nobody = _Stored(2**14, 8, 1, secrets.token_bytes(_SALT_OCTETS), secrets.token_bytes(_HASH_OCTETS))

    def knows(self, stored: str, password: bytes) -> bool:
        """Whether this was right lately; costs microseconds. False says nothing: ask ``verify``."""
        mark = self.mark(stored, password)
        with self._lock:
            if mark not in self._recent:
                return False
            self._recent.move_to_end(mark)
            return True

    def verify(self, stored: str, password: bytes) -> bool:
        """Whether ``password`` is the one behind ``stored``; never raises.

        An empty or malformed ``stored`` is always False, at the price of a wrong password.
        """
        if self.knows(stored, password):
            return True
        try:
            parsed = _parse(stored)
        except ValueError:
            parsed = None
        derived = _derive(password, parsed or self._nobody)
        right = hmac.compare_digest(derived, (parsed or self._nobody).digest) and parsed is not None
        if right:
            self.remember((self.mark(stored, password),))
        return right

    def remember(self, marks: Iterable[bytes]) -> None:
        """Marks of what was right, here or at somebody with the same key, the latest last."""
        with self._lock:
            for mark in marks:
                self._recent[mark] = None
                self._recent.move_to_end(mark)
                if len(self._recent) > self._limit:
                    self._recent.popitem(last=False)

    def mark(self, stored: str, password: bytes) -> bytes:
        """What stands for "this is the password behind that stored form"; another stored form has another."""
        return hashlib.blake2b(stored.encode() + b"\0" + password, key=self._key, digest_size=16).digest()


_checker = PasswordChecker()


def verify_password(stored: str, password: bytes) -> bool:
    """Whether ``password`` (as received in the bind) belongs to ``stored``; see ``PasswordChecker.verify``."""
    return _checker.verify(stored, password)


def _derive(password: bytes, stored: _Stored) -> bytes:
    # OpenSSL's own bound of 32 MiB would refuse costs above the default.
    memory = 128 * stored.r * (stored.n + stored.p + 2) + 2**20
    return hashlib.scrypt(
        password, salt=stored.salt, n=stored.n, r=stored.r, p=stored.p, dklen=len(stored.digest), maxmem=memory
    )


def _parse(stored: str) -> _Stored:
    parts = stored.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        raise ValueError("expected the form scrypt$n$r$p$salt$hash as printed by `smsgw password`")
    try:
        n, r, p = (int(part) for part in parts[1:4])
        salt, digest = (base64.b64decode(part, validate=True) for part in parts[4:])
    except (ValueError, binascii.Error):
        raise ValueError("expected numbers and base64 in scrypt$n$r$p$salt$hash; is a part missing?") from None
    if not 2**10 <= n <= 2**20 or n & (n - 1) or not 1 <= r <= 32 or not 1 <= p <= 16:
        raise ValueError("expected scrypt costs n a power of 2 from 1024 to 1048576, r 1 to 32, p 1 to 16")
    if len(salt) < 8 or len(digest) < 16:
        raise ValueError("expected at least 8 octets of salt and 16 of hash: the end seems to be cut off")
    return _Stored(n, r, p, salt, digest)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
