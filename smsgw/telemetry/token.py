"""What lets a request to the ops port act: a token that only who can read the site's secrets can make.

Owns: its form, ``<seconds since 1970>.<HMAC-SHA256 of that time, the path and the body>``, and its check. A token is
for one request: it does for no other path or body, not a second time, and not after ``LIFE_S``. So whoever listens on
the port while the gateway is away learns nothing to use later. Never sees the secrets, only a key derived from them.
"""

from __future__ import annotations

import hashlib
import hmac
import threading

PURPOSE = "ops port"
"""What the key is derived for, of at most 16 octets."""
LIFE_S = 60
SCHEME = "Bearer "


def token_for(key: bytes, path: str, body: bytes, now_s: float) -> str:
    """The token of one request."""
    at_s = int(now_s)
    return f"{at_s}.{_mac(key, at_s, path, body)}"


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
        time_text, _, mac = header.removeprefix(SCHEME).partition(".")
        if not (time_text.isascii() and time_text.isdecimal() and len(time_text) <= 12 and mac.isascii()):
            return "that is no token"
        at_s = int(time_text)
        if not hmac.compare_digest(mac, _mac(self._key, at_s, path, body)):
            return "the token is not of this site's secrets, or of another request"
        if abs(now_s - at_s) > LIFE_S:
            return "the token has expired, or the clocks differ"
        with self._lock:
            self._used = {used: when for used, when in self._used.items() if now_s - when <= 2 * LIFE_S}
            if mac in self._used:
                return "the token was used already"
            self._used[mac] = at_s
        return ""


def _mac(key: bytes, at_s: int, path: str, body: bytes) -> str:
    return hmac.new(key, b"%d\n%s\n%s" % (at_s, path.encode(), body), hashlib.sha256).hexdigest()
