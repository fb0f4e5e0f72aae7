"""What lets a request to the ops port act: a token that only who can read the site's secrets can make.

Owns: its form, ``<seconds since 1970>.<nonce>.<HMAC-SHA256 of what stands before it, the path and the body>``, and its
check. A token is for one request: it does for no other path or body, not a second time, and not after ``LIFE_S``. So
whoever listens on the port while the gateway is away learns nothing to use later. The nonce lets the same request be
made twice in a second; older versions send none. Never sees the secrets, only a key derived from them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading

PURPOSE = "ops port"
"""What the key is derived for, of at most 16 octets."""
LIFE_S = 60
SCHEME = "Bearer "
_NONCE_OCTETS = 8


def token_for(key: bytes, path: str, body: bytes, now_s: float) -> str:
    """The token of one request; another one at each call."""
    stamp = f"{int(now_s)}.{secrets.token_hex(_NONCE_OCTETS)}"
    return f"{stamp}.{_mac(key, stamp, path, body)}"


class TokenGuard:
    """Checks tokens, from any thread."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def why_not(self, header: str, path: str, body: bytes, now_s: float) -> str:
        """Why a request's Authorization header does not do; empty when it does."""
        if not header.startswith(SCHEME):
            return "acting needs a token, which smsgw makes from the site's secrets"
        token = header.removeprefix(SCHEME)
        stamp, _, mac = token.rpartition(".")
        time_text = stamp.partition(".")[0]
        if not (token.isascii() and time_text.isdecimal() and len(time_text) <= 12):
            return "that is no token"
        at_s = int(time_text)
        if not hmac.compare_digest(mac, _mac(self._key, stamp, path, body)):
            return "the token is not of this site's secrets, or of another request"
        if abs(now_s - at_s) > LIFE_S:
            return "the token has expired, or the clocks differ"
        with self._lock:
            self._used = {used: when for used, when in self._used.items() if now_s - when <= 2 * LIFE_S}
            if mac in self._used:
                return "the token was used already"
            self._used[mac] = at_s
        return ""


def _mac(key: bytes, stamp: str, path: str, body: bytes) -> str:
    return hmac.new(key, b"%s\n%s\n%s" % (stamp.encode(), path.encode(), body), hashlib.sha256).hexdigest()
