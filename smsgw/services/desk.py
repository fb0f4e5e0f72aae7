"""The desk: who asks, what they may, and how a change is written down.

Owns: who may do and see what, the reason that every change needs, the audit entry beside every document, pages of
lists. A service takes a Desk as its first argument and nothing else of its surroundings. What is of one account asks
``sees`` or ``require_account``; ``require`` and ``require_reader`` refuse those who see only some of the accounts.
Never prints and never answers HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo

from smsgw.clock import from_ms
from smsgw.config.people import PersonSettings
from smsgw.config.site import Site
from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.policy.approvals import ACTIVE, OtherEyesNeeded, states_of, step_of, transition
from smsgw.policy.entries import Document, Kind
from smsgw.policy.numbers import mask
from smsgw.services.scope import ADMIN, ALL_ROLES, EVERYBODY, READERS, ROLES, accounts_seen, owner_of, readers_of
from smsgw.store.audit import AuditEntry, AuditLog
from smsgw.store.connection import Store
from smsgw.store.registers import RegisterChange, RegisterStore

PAGE_ROWS: Final = 50
MOST_PAGE_ROWS: Final = 1_000
MOST_WHY_CHARS: Final = 500
MOST_NAME_CHARS: Final = 100
_LAST_DAYS: Final = ("expires", "licence_expires", "ends")
_MOST_HINTED: Final = 10_000

__all__ = ["ALL_ROLES", "EVERYBODY", "READERS", "ROLES", "Desk", "Page", "Person", "Registered", "person_of"]

T = TypeVar("T")
Word = TypeVar("Word", bound=str)

# Mobiles of China, also of things, and of North America in their usual spellings, and anything international. What is
# hexadecimal only looks like one: digests, ids of messages. Compared with full-width signs as the plain ones they mean.
_GAP: Final = r"[\s._-]{0,3}"
_CHINESE: Final = "|".join(_GAP.join((r"1[3-9]\d" + first, *rest)) for first, *rest in (
    ("", r"\d{4}", r"\d{4}"), (r"\d", r"\d{3}", r"\d{4}"), (r"\d", r"\d{4}", r"\d{3}"), ("", r"\d{3}", r"\d{5}"),
))  # fmt: skip
_NUMBER = re.compile(
    r"(?P<hex>(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{16,}(?![0-9A-Za-z]))"
    rf"|(?<!\d)(?:(?:\+|00)?86{_GAP})?(?:{_CHINESE}|14[0-4]\d{{10}})(?!\d)"
    rf"|(?<!\d)(?:1[2-9]\d{{9}}|\+(?:{_GAP}\(?\d\)?){{8,15}})(?!\d)"
    r"|(?<!\d)(?:1[ .-]?)?\(?(?!400|800)[2-9]\d{2}(?:\) ?|[ .-])[2-9]\d{2}[ .-]\d{4}(?!\d)",
    re.ASCII,
)
_PLAIN: Final = str.maketrans("０１２３４５６７８９＋－‐‑–—．·（）\u00a0\u3000", "0123456789+-----..()  ")


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, by the name that the audit log shows, with the roles they have.

    ``os_user``: as whom the machine knows them, where that is known; the audit log says so where it is another name.
    ``accounts`` and ``departments`` bound the roles application and department.
    """

    name: str
    roles: frozenset[str] = ALL_ROLES
    os_user: str = ""
    accounts: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()


def person_of(settings: PersonSettings) -> Person:
    """Somebody as people.toml has them."""
    roles, accounts, departments = map(frozenset, (settings.roles, settings.accounts, settings.departments))
    return Person(settings.name, roles, accounts=accounts, departments=departments)


@dataclass(frozen=True, slots=True)
class Registered:
    """A document of a register, with the revision to name when it is changed.

    ``ended``: it is active by its state, but its last day is over, so it is not in force.
    """

    id: str
    revision: int
    document: dict[str, Any]
    ended: bool = False

    def as_json(self) -> dict[str, Any]:
        """One object for programs; a template's ``id`` is its own, beside its ``version``."""
        return {"id": self.id, "revision": self.revision, "ended": self.ended, **self.document}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list: those from ``offset`` of ``total`` that fit what was asked for."""

    items: list[T]
    total: int
    offset: int = 0


class Desk:
    """One person at work on one site. ``now_ms`` gives business time; ``accounts`` are those they see, None for all."""

    def __init__(self, site: Site, store: Store, person: Person, now_ms: Callable[[], int]) -> None:
        self.site = site
        self.store = store
        self.person = replace(person, name=checked_text("who", person.name, MOST_NAME_CHARS))
        self.accounts = accounts_seen(person.roles, person.accounts, person.departments, site.accounts)
        self.now_ms = now_ms
        self.log = AuditLog(store)
        self.registers = RegisterStore(store, self.log)

    @property
    def zone(self) -> ZoneInfo:
        """The zone that days and times are written in: the profiles'; of several the first one's."""
        return next(iter(self.site.profiles.values())).zone

    def today(self) -> date:
        """The business day."""
        return from_ms(self.now_ms()).astimezone(self.zone).date()

    def require(self, *roles: str) -> None:
        """Raises RequestError ``forbidden`` unless the person has one of these roles, and sees every account."""
        self.require_role(*roles)
        if self.accounts is not None:
            raise RequestError("forbidden", f"{self._bounds()}, and this is about more than them")

    def require_reader(self) -> None:
        """Everybody may look at what is registered but those who see only some accounts."""
        self.require(*READERS)

    def require_role(self, *roles: str) -> None:
        """``require`` for what is filtered by ``sees`` or asks ``require_account``. An admin has every role here."""
        if ADMIN not in self.person.roles:
            self.require_own(*roles)

    def require_own(self, *roles: str) -> None:
        """The same for a review, which an admin does only with the role that it is for."""
        if not self.person.roles.intersection(roles):
            needed = "the role" if len(roles) == 1 else "one of the roles"
            raise RequestError("forbidden", f"{self.person.name} needs {needed} {', '.join(roles)}")

    def sees(self, account: str) -> bool:
        """Whether what this account sends may be shown to the person."""
        return self.accounts is None or account in self.accounts

    def require_account(self, account: str) -> None:
        """Raises RequestError ``forbidden`` unless the person sees this account; empty: what is for every account."""
        if not self.sees(account):
            raise RequestError("forbidden", f"{self._bounds()}{'' if account else ', and this is for every account'}")

    def _bounds(self) -> str:
        return f"{self.person.name} sees only the accounts {', '.join(sorted(self.accounts or ())) or 'of nobody'}"

    def shows(self, kind: Kind, document: Document) -> bool:
        """Whether a document may be shown: of the person's accounts, or for all accounts."""
        owner = owner_of(kind, document)
        return self.accounts is None or owner == "" or (owner is not None and owner in self.accounts)

    def _require_register(self, kind: Kind) -> None:
        readers = readers_of(kind)
        if readers is None:
            self.require_reader()
        else:
            self.require_role(*readers)

    def require_document(self, kind: Kind, document: Document) -> None:
        """Before a document is written: somebody who sees only some accounts changes nothing that is of others."""
        if self.accounts is not None:
            self.require_account(owner_of(kind, document) or "")

    def future_day(self, field: str, value: str) -> str:
        """A day that is not over yet, or empty for none. Raises RequestError that names the field."""
        day = checked_day(field, value)
        if day and day < self.today().isoformat():
            raise RequestError("invalid", f"{field}: {day} is over; it is the last day on which it holds")
        return day

    def reason(self, why: str) -> str:
        """The reason of a change, phone numbers masked. Raises RequestError when there is none."""
        return str(masked(checked_text("why", why, MOST_WHY_CHARS, "every change needs a reason")))

    def entry(self, action: str, subject: str, why: str, **detail: Any) -> AuditEntry:
        """The audit entry of a change, phone numbers masked. Raises RequestError when the reason is missing."""
        why = self.reason(why)
        if self.person.os_user not in ("", self.person.name):
            detail["os_user"] = self.person.os_user
        return AuditEntry(self.now_ms(), self.person.name, action, masked(subject), why, masked(detail))

    async def audit(self, action: str, subject: str, why: str, **detail: Any) -> None:
        """Write down a change that is no document of a register."""
        await self.log.append(self.entry(action, subject, why, **detail))

    async def ids(self, kind: Kind) -> set[str]:
        """The ids of a register."""
        return await self.registers.ids(kind)

    async def look(self, kind: Kind, name: str) -> Registered:
        """``find`` for whoever only wants to see it."""
        self._require_register(kind)
        return await self.find(kind, name)

    async def find(self, kind: Kind, name: str) -> Registered:
        """A document. Raises RequestError ``missing``, with the nearest id that there is.

        What is of others' accounts is not there for those who see only some.
        """
        found = await self.find_any(kind, name)
        if found is None or not self.shows(kind, found.document):
            why = f"there is no {kind} {name[:MOST_NAME_CHARS]!r}"
            there = await self.ids(kind) if self.accounts is None else ()
            if len(there) <= _MOST_HINTED:  # nobody waits for the nearest of a hundred thousand words
                why = with_hint(why, name, there, list_valid=False)
            raise RequestError("missing", masked(why))
        return found

    async def find_any(self, kind: Kind, name: str) -> Registered | None:
        """A document, or None when there is none."""
        _storable(kind, name)
        stored = await self.registers.get(kind, name)
        return None if stored is None else self.registered(name, stored.revision, stored.body)

    def registered(self, name: str, revision: int, document: Document) -> Registered:
        """A document as it is shown today."""
        days = [document[field] for field in _LAST_DAYS if document.get(field)]
        ended = document.get("state") == ACTIVE and bool(days) and min(days) < self.today().isoformat()
        return Registered(name, revision, dict(document), ended)

    async def put(
        self, kind: Kind, name: str, document: Document, action: str, why: str, before: Registered | None = None
    ) -> Registered:
        """Write one document that is new, or that was ``before`` and was not changed since; audited with both."""
        for each in (document, before.document if before is not None else document):
            self.require_document(kind, each)
        old = before.document if before is not None else {}
        entry = self.entry(action, f"{kind} {name}", why, **difference(old, document))
        change = RegisterChange(name, document, before.revision if before is not None else 0)
        revisions = await self.registers.write(kind, [change], entry)
        return self.registered(name, revisions[0], document)

    async def remove(self, kind: Kind, before: Registered, action: str, why: str) -> None:
        """Delete a document that was not changed since."""
        self.require_document(kind, before.document)
        entry = self.entry(action, f"{kind} {before.id}", why, **difference(before.document, {}))
        await self.registers.write(kind, [RegisterChange(before.id, None, before.revision)], entry)

    async def move(self, kind: Kind, name: str, action: str, why: str, revision: int = 0) -> Registered:
        """Take a document a step further, see ``policy.approvals``, as far as the person may."""
        found = await self.find(kind, name)
        document = self.moved(kind, found, action, why, revision)
        return await self.put(kind, name, document, f"{kind}.{action}", why, found)

    def moved(self, kind: Kind, found: Registered, action: str, why: str, revision: int = 0) -> dict[str, Any]:
        """The document after a step, not yet written. ``revision``: the one that the person looked at, 0 for any."""
        try:
            step = step_of(kind, action)
        except ValueError as error:
            raise RequestError("invalid", f"action: {error}") from error
        (self.require_own if step.review else self.require_role)(*step.roles)
        self.require_document(kind, found.document)
        if revision and revision != found.revision:
            why = f"{kind} {found.id} has revision {found.revision}, not {revision}: it was changed; look at it again"
            raise RequestError("conflict", why)
        try:
            return transition(kind, found.document, action, self.person.name, self.now_ms(), self.reason(why))
        except OtherEyesNeeded as error:
            raise RequestError("forbidden", f"{kind} {found.id}: {error}") from error
        except ValueError as error:
            raise RequestError("conflict", f"{kind} {found.id}: {error}") from error

    async def rows(
        self, kind: Kind, wanted: Callable[[Document], bool], offset: int, limit: int, state: str = ""
    ) -> Page[Registered]:
        """The documents that are wanted, in a state if one is given, sorted by id."""
        self._require_register(kind)
        if state:
            one_of("state", state, states_of(kind))
        found = [
            self.registered(name, stored.revision, stored.body)
            async for chunk in self.registers.read_chunks(kind)
            for name, stored in chunk.items()
            if (not state or stored.body.get("state") == state)
            and self.shows(kind, stored.body)
            and wanted(stored.body)
        ]
        unique = {each.id: each for each in found}
        return page([unique[name] for name in sorted(unique)], offset, limit)


def page(rows: Sequence[T], offset: int, limit: int) -> Page[T]:
    """A page of a list. Raises RequestError for numbers that can't be."""
    if offset < 0:
        raise RequestError("invalid", "offset: expected 0 or more")
    if not 1 <= limit <= MOST_PAGE_ROWS:
        raise RequestError("invalid", f"limit: expected 1 to {MOST_PAGE_ROWS}")
    return Page(list(rows[offset : offset + limit]), len(rows), offset)


def masked(value: Any) -> Any:
    """The same with the phone numbers of people in its texts masked, however deep they lie."""
    if isinstance(value, str):
        return _masked_text(value)
    if isinstance(value, Mapping):
        return {name: masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    return value


def _masked_text(text: str) -> str:
    pieces: list[str] = []
    end = 0
    for match in _NUMBER.finditer(text.translate(_PLAIN)):
        if match["hex"] is None:
            pieces += text[end : match.start()], mask("".join(filter(str.isdecimal, match[0])))
            end = match.end()
    return "".join((*pieces, text[end:]))


def difference(before: Document, after: Document) -> dict[str, Any]:
    """What changed, for the audit log: only the fields that did. History is the document's own and is left out."""
    names = [name for name in {**before, **after} if name != "history" and before.get(name) != after.get(name)]
    return {
        "before": {name: before[name] for name in names if name in before},
        "after": {name: after[name] for name in names if name in after},
    }


def checked_text(field: str, value: object, most: int = MOST_NAME_CHARS, empty: str = "") -> str:
    """Text of one line. ``empty`` says why there must be some; raises RequestError that names the field."""
    if not isinstance(value, str):
        raise RequestError("invalid", f"{field}: expected text, found {value!r}")
    text = value.strip()
    if not text:
        raise RequestError("invalid", f"{field}: {empty or 'must not be empty'}")
    return optional_text(field, text, most)


def optional_text(field: str, value: object, most: int = MOST_NAME_CHARS) -> str:
    """The same, but it may be empty."""
    if not isinstance(value, str):
        raise RequestError("invalid", f"{field}: expected text, found {value!r}")
    text = value.strip()
    if len(text) > most:
        raise RequestError("invalid", f"{field}: has {len(text)} characters, at most {most} are allowed")
    if not text.isprintable():
        raise RequestError("invalid", f"{field}: has a character that can't be printed")
    return text


def _storable(field: str, text: str) -> None:
    """The store takes no halves of characters; they come in JSON's escapes and in arguments that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError("invalid", f"{field}: {text!r} is no text in UTF-8") from None


def checked_day(field: str, value: str) -> str:
    """A day such as ``2027-06-30``, or empty for none."""
    if not value:
        return ""
    try:
        return date.fromisoformat(value).isoformat()
    except (ValueError, TypeError):
        raise RequestError("invalid", f"{field}: {value!r} is not a day such as 2027-06-30") from None


def one_of(field: str, value: object, valid: Iterable[Word]) -> Word:
    """A word of a list."""
    words = list(valid)
    for word in words:
        if word == value:
            return word
    raise RequestError("invalid", with_hint(f"{field}: {value!r} is not known", value, words))


def named(field: str, value: object, there: Mapping[str, object] | Iterable[str], what: str) -> str:
    """A name that the site or a register has. Raises RequestError ``invalid`` with the nearest one."""
    names = list(there)
    if not isinstance(value, str) or value not in names:
        raise RequestError("invalid", with_hint(f"{field}: there is no {what} {value!r}", value, names))
    return value
