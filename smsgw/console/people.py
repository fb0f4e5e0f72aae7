"""Who asks: the bearer token or the session's cookie of a request, checked, and the desk of the person behind it.

A browser sends a cookie by itself, so with one every request but a look also needs the header ``X-CSRF-Token``, which
only a page of the console can know. A token costs a scrypt of tens of milliseconds in a thread when it first comes,
microseconds while it is remembered. From an address with too many failed attempts nothing but remembered tokens and
sessions is taken for a while, so guessing neither helps nor keeps the machine busy. What is refused never says whether
the name, the secret or both were wrong.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from smsgw.config.passwords import PasswordChecker
from smsgw.config.people import PEOPLE_FILE, PersonSettings, load_people, name_in, password_octets
from smsgw.config.site import Site
from smsgw.console import rights
from smsgw.console.problems import route_of
from smsgw.documents.problems import Problems
from smsgw.services.desk import Desk, person_of
from smsgw.services.oidc import NotProved, Provider
from smsgw.services.sessions import Sessions
from smsgw.store.connection import Store
from smsgw.telemetry.logs import EventLog

FAILURES: Final = 10
WITHIN_S: Final = 60.0
_ADDRESSES: Final = 10_000
_AT_ONCE: Final = 2
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="smsgw"'}
COOKIE: Final = "smsgw_session"
CSRF_HEADER: Final = "x-csrf-token"
_LOOKS: Final = frozenset({"GET", "HEAD"})
_log = EventLog("smsgw.console")

_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="A session, as POST /api/session begins it.")
_bearer = HTTPBearer(auto_error=False, description="A token as `smsgw console token NAME` makes it.")


class Attempts:
    """Failed attempts by address: ``FAILURES`` within ``WITHIN_S`` close the door until that time is over."""

    def __init__(self, monotonic_s: Callable[[], float] = monotonic) -> None:
        self._now_s = monotonic_s
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """How long the address has to wait; 0 when it may try."""
        since_s, count = self._failed.get(address, (0.0, 0))
        return max(0.0, since_s + WITHIN_S - self._now_s()) if count >= FAILURES else 0.0

    def succeeded(self, address: str) -> None:
        """What was counted as failed when it began was right."""
        since_s, count = self._failed.get(address, (0.0, 0))
        if count > 1:
            self._failed[address] = (since_s, count - 1)
        else:
            self._failed.pop(address, None)

    def failed(self, address: str) -> None:
        """Count one."""
        now_s = self._now_s()
        since_s, count = self._failed.get(address, (now_s, 0))
        self._failed[address] = (now_s, 1) if since_s + WITHIN_S <= now_s else (since_s, count + 1)
        self._failed.move_to_end(address)
        if len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)


class Staff:
    """The people of people.toml as it now is: who is taken out of it is refused from the next request on.

    A file that can't be used changes nothing, and is told.
    """

    def __init__(self, site: Site) -> None:
        self._directory = site.directory
        self._accounts = site.accounts
        self._people = site.people
        self._stamp = self._stamp_now()

    def get(self, name: str) -> PersonSettings | None:
        """One of them; costs a look at the file's time."""
        return self.all().get(name)

    def all(self) -> Mapping[str, PersonSettings]:
        """Everybody by name, also those who are not enabled."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            problems = Problems()
            found = load_people(self._directory, problems, self._accounts)
            if problems.count:
                _log.warning("console.people_unusable", why="; ".join(str(error) for error in problems.errors))
            else:
                self._people = found
                _log.event("console.people_changed", people=len(found))
        return self._people

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = (self._directory / PEOPLE_FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


class People:
    """The people of the site at their desks. ``now_ms`` gives business time; ``provider``: who else knows them."""

    def __init__(
        self,
        site: Site,
        store: Store,
        now_ms: Callable[[], int],
        sessions: Sessions,
        provider: Provider | None = None,
    ) -> None:
        self.sessions = sessions
        self.provider = provider
        self._site = site
        self._store = store
        self._now_ms = now_ms
        self._staff = Staff(site)
        self._checker = PasswordChecker()
        # Remembers nothing: how soon an answer comes must not say that the password was right and the code wrong.
        self._forgetful = PasswordChecker(remembered=0)
        self._attempts = Attempts()
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._desks: dict[str, tuple[PersonSettings, Desk]] = {}

    async def desk(self, token: str, address: str) -> Desk:
        """The desk of whose token it is. Raises HTTPException 401, or 429 after too many failed attempts."""
        person = self._enabled(name_in(token))
        stored = person.token if person is not None else ""
        if not (stored and self._checker.knows(stored, token.encode())):
            secret = token.encode(errors="replace")[:1000]

            async def is_right() -> bool:
                return await asyncio.to_thread(self._checker.verify, stored, secret)

            await self._attempt(address, is_right, "the token is not known")
        assert person is not None  # nothing is right for nobody
        return self.desk_of(person)

    async def proved(self, name: str, password: str, code: str, address: str) -> PersonSettings:
        """Who signs in with a password, and a code where one is asked for. Raises HTTPException 401 or 429."""
        person = self._enabled(name)
        stored = person.password if person is not None else ""

        async def is_right() -> bool:
            right = await asyncio.to_thread(self._forgetful.verify, stored, password_octets(password))
            return right and person is not None and await self.sessions.takes_code(person, code)

        await self._attempt(address, is_right, "name, password or code is not right")
        assert person is not None
        return person

    async def proved_by(
        self, provider: Provider, cookie: str, query: Mapping[str, str], address: str
    ) -> PersonSettings:
        """Who came back from the identity provider. Raises NotProved, HTTPException 429, StoreError.

        Others don't wait meanwhile, for the provider may be slow.
        """
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            raise _too_many(wait_s)
        self._attempts.failed(address)
        try:
            identity = await provider.finish(cookie, query)
        except NotProved as error:
            if error.word == "away":
                self._attempts.succeeded(address)
            raise
        found = [each for each in self._staff.all().values() if each.enabled and provider.is_same(identity, each.oidc)]
        if len(found) != 1:
            raise NotProved("unknown", f"nobody who is enabled in people.toml has oidc = {identity!r}")
        self._attempts.succeeded(address)
        return found[0]

    def all(self) -> Mapping[str, PersonSettings]:
        """Everybody as people.toml now has them."""
        return self._staff.all()

    def has_passwords(self) -> bool:
        """Whether anybody signs in with a password."""
        return any(each.enabled and each.password for each in self._staff.all().values())

    async def signed_in(self, cookie: str) -> tuple[Desk, str]:
        """Whose session it is, and the session's id. Raises HTTPException 401 when it is over, StoreError."""
        person = self._enabled(name_in(cookie))
        may = person is not None and (person.password or (person.oidc and self.provider is not None))
        found = await self.sessions.find(person, cookie) if person is not None and may else None
        if person is None or found is None:
            raise HTTPException(401, "the session is over; sign in again", _CHALLENGE)
        return self.desk_of(person), found.mark

    def desk_of(self, person: PersonSettings) -> Desk:
        """Kept for each person until their entry changes: a desk has its own place in the audit log."""
        known, desk = self._desks.get(person.name, (None, None))
        if desk is None or known != person:
            desk = Desk(self._site, self._store, person_of(person), self._now_ms)
            self._desks[person.name] = person, desk
        return desk

    def _enabled(self, name: str | None) -> PersonSettings | None:
        person = self._staff.get(name) if name is not None else None
        return person if person is not None and person.enabled else None

    async def _attempt(self, address: str, is_right: Callable[[], Awaitable[bool]], wrong: str) -> None:
        wait_s = self._attempts.wait_s(address)
        if not wait_s:
            async with self._turn:
                # Many may have waited here for their turn.
                wait_s = self._attempts.wait_s(address)
                if not wait_s:
                    # Counted before it is known, so that those who try at the same time don't get more attempts.
                    self._attempts.failed(address)
                    if await is_right():
                        self._attempts.succeeded(address)
                        return
        if wait_s:
            raise _too_many(wait_s)
        _log.warning("console.refused", address=address)
        raise HTTPException(401, wrong, _CHALLENGE)


def _too_many(wait_s: float) -> HTTPException:
    why = "too many failed attempts from this address; wait a minute"
    return HTTPException(429, why, {"retry-after": str(int(wait_s) + 1)})


def address_of(request: Request) -> str:
    """From where it is asked, as far as this process sees."""
    return request.client.host if request.client is not None else ""


async def desk_of(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    cookie: Annotated[str | None, Depends(_cookie)],
) -> Desk:
    """For ``Depends``: whose request it is. Raises HTTPException 401, 403 (a cookie without its header) or 429,
    RequestError for what the person may not."""
    people: People = request.app.state.people
    if given is not None:
        desk = await people.desk(given.credentials, address_of(request))
    elif cookie:
        desk, request.state.session = await people.signed_in(cookie)
        sent = request.headers.get(CSRF_HEADER, "").encode()
        if request.method not in _LOOKS and not hmac.compare_digest(sent, people.sessions.csrf(cookie).encode()):
            raise HTTPException(403, "send the header X-CSRF-Token with the csrf of GET /api/session")
    else:
        raise HTTPException(401, "sign in, or send the header Authorization: Bearer <token>", _CHALLENGE)
    request.state.who = desk.person.name
    rights.check(desk, request.method, route_of(request))
    await request.app.state.refresh_clock()
    return desk


def who(desk: Desk) -> dict[str, Any]:
    """What pages are told of the person who asks."""
    seen = None if desk.accounts is None else sorted(desk.accounts)
    return {"name": desk.person.name, "roles": sorted(desk.person.roles), "rights": rights.of(desk), "accounts": seen}


At = Annotated[Desk, Depends(desk_of)]
"""The desk of the person who asks."""
