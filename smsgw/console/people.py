"""Who asks: the bearer token of a request, checked, and the desk of the person behind it.

A token costs a scrypt of tens of milliseconds in a thread when it first comes, microseconds while it is remembered.
From an address with too many failed attempts nothing but remembered tokens is taken for a while, so guessing
neither helps nor keeps the machine busy. What is refused never says whether the name, the secret or both were wrong.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from smsgw.config.passwords import PasswordChecker
from smsgw.config.people import PEOPLE_FILE, PersonSettings, load_people, name_in
from smsgw.config.site import Site
from smsgw.documents.problems import Problems
from smsgw.services.desk import Desk, Person
from smsgw.store.connection import Store
from smsgw.telemetry.logs import EventLog

FAILURES: Final = 10
WITHIN_S: Final = 60.0
_ADDRESSES: Final = 10_000
_AT_ONCE: Final = 2
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="smsgw"'}
_log = EventLog("smsgw.console")

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
        self._people = site.people
        self._stamp = self._stamp_now()

    def get(self, name: str) -> PersonSettings | None:
        """One of them; costs a look at the file's time."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            problems = Problems()
            found = load_people(self._directory, problems)
            if problems.count:
                _log.warning("console.people_unusable", why="; ".join(str(error) for error in problems.errors))
            else:
                self._people = found
                _log.event("console.people_changed", people=len(found))
        return self._people.get(name)

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = (self._directory / PEOPLE_FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


class People:
    """The people of the site at their desks. ``now_ms`` gives business time."""

    def __init__(self, site: Site, store: Store, now_ms: Callable[[], int]) -> None:
        self._site = site
        self._store = store
        self._now_ms = now_ms
        self._staff = Staff(site)
        self._checker = PasswordChecker()
        self._attempts = Attempts()
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._desks: dict[str, tuple[PersonSettings, Desk]] = {}

    async def desk(self, token: str, address: str) -> Desk:
        """The desk of whose token it is. Raises HTTPException 401, or 429 after too many failed attempts."""
        name = name_in(token)
        person = self._staff.get(name) if name is not None else None
        if person is not None and not person.enabled:
            person = None
        stored = person.token if person is not None else ""
        if not (stored and self._checker.knows(stored, token.encode())):
            await self._verify(stored, token, address)
        assert person is not None  # nothing is right for nobody
        return self._desk_of(person)

    def _desk_of(self, person: PersonSettings) -> Desk:
        """Kept for each person until their entry changes: a desk has its own place in the audit log."""
        known, desk = self._desks.get(person.name, (None, None))
        if desk is None or known != person:
            desk = Desk(self._site, self._store, Person(person.name, frozenset(person.roles)), self._now_ms)
            self._desks[person.name] = person, desk
        return desk

    async def _verify(self, stored: str, token: str, address: str) -> None:
        wait_s = self._attempts.wait_s(address)
        if not wait_s:
            async with self._turn:
                # Many may have waited here for their turn.
                wait_s = self._attempts.wait_s(address)
                if not wait_s:
                    # Counted before it is known, so that those who try at the same time don't get more attempts.
                    self._attempts.failed(address)
                    secret = token.encode(errors="replace")[:1000]
                    if await asyncio.to_thread(self._checker.verify, stored, secret):
                        self._attempts.succeeded(address)
                        return
        if wait_s:
            why = "too many failed attempts from this address; wait a minute"
            raise HTTPException(429, why, {"retry-after": str(int(wait_s) + 1)})
        _log.warning("console.refused", address=address)
        raise HTTPException(401, "the token is not known", _CHALLENGE)


async def desk_of(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Desk:
    """For ``Depends``: whose request it is. Raises HTTPException 401 or 429."""
    if given is None:
        raise HTTPException(401, "send the header Authorization: Bearer <token>", _CHALLENGE)
    people: People = request.app.state.people
    address = request.client.host if request.client is not None else ""
    desk = await people.desk(given.credentials, address)
    request.state.who = desk.person.name
    await request.app.state.refresh_clock()
    return desk


At = Annotated[Desk, Depends(desk_of)]
"""The desk of the person who asks."""
