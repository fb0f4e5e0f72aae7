"""Signing in to the console: codes by time (RFC 6238), and the sessions of those who are in.

A session is over when it was idle for ``IDLE_MS``, after ``MOST_MS`` in any case, when it was ended, and as soon as its
person's password or secret of codes is another one. What the browser holds is ``<name>~<secret>`` as a token is; the
store has a keyed hash of it. Who may sign in, and how often they may try, is decided by whoever asks here. Every
sign-in and sign-out is audited.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from pyotp import TOTP, random_base32

from smsgw.clock import RealClock, from_ms
from smsgw.config.people import TOTP_FORM, PersonSettings, new_token
from smsgw.errors import RequestError
from smsgw.services.desk import Desk
from smsgw.services.oidc import PENDING_MS
from smsgw.store.connection import Store
from smsgw.store.seal import Sealer, SealError
from smsgw.store.sessions import Session, SessionStore

IDLE_MS: Final = 30 * 60_000
MOST_MS: Final = 12 * 3_600_000
THIS: Final = "this"
ALL: Final = "all"
_STEP_S: Final = 30
_STEPS_OFF: Final = 1
"""A telephone's clock may be so many codes before or behind ours."""
_CODE_USED_MS: Final = (2 * _STEPS_OFF + 2) * _STEP_S * 1000
_ISSUER: Final = "smsgw"
_STATES: Final = "~oidc"
"""In place of a person's name, which never begins so: states are good once, as codes are."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session; times are ISO text in the site's zone. ``here``: it is the one that asks."""

    id: str
    began: str
    idle_s: int
    ends: str
    address: str
    here: bool


@dataclass(frozen=True, slots=True)
class Enrolled:
    """``stored`` is for people.toml, ``uri`` for the telephone of its owner."""

    stored: str
    uri: str


def enrol(name: str, sealer: Sealer) -> Enrolled:
    """A fresh secret of codes for a person."""
    secret = random_base32()
    sealed = urlsafe_b64encode(sealer.seal(f"{name}\n{secret}".encode())).decode()
    return Enrolled(TOTP_FORM + sealed, TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER))


class Sessions:
    """The sessions of a site. ``now_ms`` is real time: a clock in test mode signs nobody out."""

    def __init__(self, store: Store, now_ms: Callable[[], int] | None = None) -> None:
        self._now_ms = self.now_ms = now_ms or RealClock().now_ms
        self._sealer = store.sealer
        self._key = store.recipients.key_for("sessions")
        self._store = SessionStore(store, IDLE_MS, MOST_MS)

    async def takes_code(self, person: PersonSettings, code: str) -> bool:
        """Whether it is this person's code of just now, used for the first time; always for who needs none.

        Raises StoreError; RequestError when the secret was sealed with another site's key.
        """
        if not person.totp:
            return True
        totp = TOTP(self._secret(person))
        now = self._now_ms() // 1000 // _STEP_S
        given = "".join(code.split()).encode(errors="replace")
        for number in range(now - _STEPS_OFF, now + _STEPS_OFF + 1):
            if hmac.compare_digest(totp.generate_otp(number).encode(), given):
                return await self._store.use_code(person.name, number, _CODE_USED_MS)
        return False

    async def use_state(self, state: str) -> bool:
        """Whether a browser comes back from the identity provider with this state for the first time."""
        number = int(self._hash("state", state), 16)
        return await self._store.use_code(_STATES, number, PENDING_MS)

    async def begin(self, desk: Desk, person: PersonSettings, address: str, how: str = "") -> str:
        """Let somebody in who has proved who they are; what their browser has to send from now on.

        ``how`` they did, if not with the password and code that people.toml has of them.
        """
        cookie = new_token(person.name)
        how = how or ("password and code" if person.totp else "password")
        await desk.audit("session.begin", f"session {person.name}", f"signed in with {how}", address=address)
        mark = self._hash("mark", cookie)
        await self._store.begin(Session(person.name, mark, self._now_ms(), self._credentials(person), address))
        return cookie

    async def find(self, person: PersonSettings, cookie: str) -> Session | None:
        """The session of what a browser sent, used just now; None when it is over."""
        found = await self._store.touch(person.name, self._hash("mark", cookie))
        if found is None:
            return None
        is_same = hmac.compare_digest(found.credentials, self._credentials(person))
        if is_same and self._now_ms() < found.began_ms + MOST_MS:
            return found
        await self._store.end(person.name, found.mark)
        return None

    def csrf(self, cookie: str) -> str:
        """What a page has to send beside the cookie; another site's page can't read it."""
        return self._hash("csrf", cookie)

    def row(self, desk: Desk, session: Session, here: str) -> SessionRow:
        """A session as it is shown."""
        began, ends = (
            from_ms(ms).astimezone(desk.zone).isoformat(timespec="seconds")
            for ms in (session.began_ms, session.began_ms + MOST_MS)
        )
        return SessionRow(session.mark, began, session.idle_ms // 1000, ends, session.address, session.mark == here)

    async def list_(self, desk: Desk, here: str = "") -> list[SessionRow]:
        """The sessions of the person who asks, the oldest first."""
        return await self.of(desk, desk.person.name, here)

    async def of(self, desk: Desk, name: str, here: str = "") -> list[SessionRow]:
        """The sessions of somebody, the oldest first."""
        oldest_ms = self._now_ms() - MOST_MS
        found = await self._store.all_of(name)
        return [self.row(desk, session, here) for session in found if session.began_ms > oldest_ms]

    async def end(self, desk: Desk, which: str, here: str = "") -> int:
        """Sign the person who asks out: of ``this`` session, of ``all``, or of the one with this id; how many it were.

        Raises RequestError ``missing`` when there is no such session.
        """
        return await self.end_of(desk, desk.person.name, here if which == THIS else which, "signed out")

    async def end_of(self, desk: Desk, name: str, mark: str, why: str) -> int:
        """The same of anybody: ``all``, or the one with this id."""
        ended = await self._store.end_all(name) if mark == ALL else await self._store.end(name, mark)
        if not ended and mark != ALL:
            raise RequestError("missing", f"which: there is no such session of {name}; expected this, all or an id")
        await desk.audit("session.end", f"session {name}", why, sessions=ended)
        return ended

    def _secret(self, person: PersonSettings) -> str:
        try:
            opened = self._sealer.open(urlsafe_b64decode(person.totp.removeprefix(TOTP_FORM)))
            name, _, secret = opened.decode().partition("\n")
        except (SealError, ValueError):
            name = secret = ""
        if name != person.name:
            why = f"people.toml: the totp of {person.name} was not made by `smsgw console totp {person.name}` here"
            raise RequestError("conflict", f"{why}; make it anew")
        return secret

    def _credentials(self, person: PersonSettings) -> str:
        elsewhere = f"\n{person.oidc}" if person.oidc else ""
        return self._hash("credentials", f"{person.password}\n{person.totp}{elsewhere}")

    def _hash(self, purpose: str, text: str) -> str:
        return blake2b(text.encode(), digest_size=16, key=self._key, person=purpose.encode()).hexdigest()
