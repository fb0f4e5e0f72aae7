"""Who may use the console: names, roles, what they see, their ways in and when they last came; their sessions.

Looks at people.toml and never writes it; stored forms of secrets are never told. The last sign-ins are those among the
latest entries of the audit log, which has every one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, Field

from smsgw.clock import from_ms
from smsgw.config.people import PersonSettings
from smsgw.documents.names import with_hint
from smsgw.errors import RequestError
from smsgw.services.desk import Desk, person_of
from smsgw.services.scope import accounts_seen
from smsgw.services.sessions import ALL, SessionRow, Sessions

LOOKERS: Final = ("auditor", "admin")
SIGN_IN: Final = "session.begin"
_LOOKED_THROUGH: Final = 20_000
_READ_AT_ONCE: Final = 500


class PersonRow(BaseModel):
    """Somebody of people.toml."""

    name: str
    roles: list[str]
    accounts: list[str] | None = Field(description="Those that they see; null: all. 可见账号，null 为全部。")
    departments: list[str]
    ways: list[str] = Field(description="token, password, totp, oidc. 登录方式。")
    enabled: bool
    last_sign_in: str = Field(description="Empty: none since `since`. 最近登录。")
    last_address: str = ""
    sessions: int = Field(description="How many they have now. 当前会话数。")


class PeopleShown(BaseModel):
    """Everybody. ``since``: how far back sign-ins were looked for; empty: all there ever were."""

    items: list[PersonRow]
    since: str


async def list_(desk: Desk, people: Mapping[str, PersonSettings], sessions: Sessions) -> PeopleShown:
    """Everybody by name."""
    desk.require(*LOOKERS)
    last, since = await _last_sign_ins(desk, set(people))
    items = []
    for name in sorted(people):
        at, address = last.get(name, ("", ""))
        count = len(await sessions.of(desk, name))
        items.append(_row(desk, people[name], at, address, count))
    return PeopleShown(items=items, since=since)


async def sessions_of(
    desk: Desk, people: Mapping[str, PersonSettings], sessions: Sessions, name: str, here: str = ""
) -> list[SessionRow]:
    """Somebody's sessions, the oldest first."""
    desk.require(*LOOKERS)
    _known(people, name)
    return await sessions.of(desk, name, here)


async def end_sessions(
    desk: Desk, people: Mapping[str, PersonSettings], sessions: Sessions, name: str, which: str, why: str
) -> int:
    """Sign somebody out, of ``all`` sessions or of one by its id, for a reason; how many it were."""
    desk.require("admin")
    _known(people, name)
    return await sessions.end_of(desk, name, which or ALL, desk.reason(why))


def _known(people: Mapping[str, PersonSettings], name: str) -> None:
    if name not in people:
        raise RequestError("missing", with_hint(f"people.toml has no {name[:100]!r}", name, people, list_valid=False))


def _row(desk: Desk, person: PersonSettings, at: str, address: str, sessions: int) -> PersonRow:
    known = person_of(person)
    seen = accounts_seen(known.roles, known.accounts, known.departments, desk.site.accounts)
    stored = {"token": person.token, "password": person.password, "totp": person.totp, "oidc": person.oidc}
    return PersonRow(
        name=person.name,
        roles=sorted(person.roles),
        accounts=None if seen is None else sorted(seen),
        departments=sorted(person.departments),
        ways=[way for way, value in stored.items() if value],
        enabled=person.enabled,
        last_sign_in=at,
        last_address=address,
        sessions=sessions,
    )


async def _last_sign_ins(desk: Desk, names: set[str]) -> tuple[dict[str, tuple[str, str]], str]:
    """When and from where each came last, and since when that is known."""
    found: dict[str, tuple[str, str]] = {}
    before = looked = 0
    while entries := await desk.log.read_back(before, _READ_AT_ONCE):
        for entry in entries:
            if entry.action == SIGN_IN and entry.who in names and entry.who not in found:
                found[entry.who] = (_time(desk, entry.at_ms), str(entry.detail.get("address", "")))
        looked, before = looked + len(entries), entries[-1].seq
        if before <= 1 or len(found) == len(names):
            return found, ""
        if looked >= _LOOKED_THROUGH:
            return found, _time(desk, entries[-1].at_ms)
    return found, ""


def _time(desk: Desk, at_ms: int) -> str:
    return from_ms(at_ms).astimezone(desk.zone).isoformat(timespec="seconds")
