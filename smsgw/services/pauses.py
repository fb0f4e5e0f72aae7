"""Pauses: stop everything, or what a department, account, signature, template, campaign or carrier sends, at once.

Owns: register ``pause``, id its scope; in force on every process when a call has returned, within milliseconds. A
pause has a reason, the one who ordered it, and an end if one was given. Ending it is audited as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from smsgw.clock import MAX_MS, to_ms
from smsgw.documents.units import parse_duration
from smsgw.errors import RequestError
from smsgw.policy.pauses import GLOBAL, scope_fault
from smsgw.services.desk import EVERYBODY, MOST_NAME_CHARS, Desk, Page, Registered, masked, named, page

KIND: Final = "pause"
_WRITERS: Final = ("engineer", "compliance", "management")


@dataclass(frozen=True, slots=True)
class Pause:
    """``expires_ms`` 0: until it is resumed. ``in_force`` False: its end has come."""

    scope: str
    reason: str
    who: str
    at_ms: int
    expires_ms: int
    in_force: bool
    revision: int


async def list_(desk: Desk, *, scope: str = "", ended: bool = False, offset: int = 0, limit: int = 50) -> Page[Pause]:
    """Pauses in force; with ``ended`` also those whose end has come. ``scope``: its beginning, such as ``account:``."""
    desk.require_role(*EVERYBODY)
    rows = [
        _pause(desk, desk.registered(name, stored.revision, stored.body))
        for name, stored in (await desk.registers.read(KIND)).items()
        if name.startswith(scope) and _concerns(desk, name)
    ]
    return page(sorted((each for each in rows if ended or each.in_force), key=lambda each: each.scope), offset, limit)


def _concerns(desk: Desk, scope: str) -> bool:
    """Whether a pause may be shown: to those who see only some accounts what stops all, or one of them by its name."""
    if desk.accounts is None or scope == GLOBAL:
        return True
    what, _, name = scope.partition(":")
    departments = {desk.site.accounts[each].department for each in desk.accounts if each in desk.site.accounts}
    return (what == "account" and name in desk.accounts) or (what == "department" and name in departments)


async def get(desk: Desk, scope: str) -> Pause:
    """One pause, also an ended one."""
    desk.require_reader()
    return _pause(desk, await _standing(desk, scope))


async def pause(desk: Desk, scope: str, *, why: str, expires: str = "") -> Pause:
    """Stop what a scope sends: ``global`` or ``<what>:<name>``, for a reason.

    ``expires``: a duration such as ``2h``, or a time such as ``2027-06-30T18:00`` (in the site's zone unless it says);
    empty for no end. A scope that is paused already is a ``conflict``; resume it first, or ``change`` the pause.
    """
    desk.require(*_WRITERS)
    await _check_scope(desk, scope)
    before = await desk.find_any(KIND, scope)
    if before is not None and (there := _pause(desk, before)).in_force:
        raise RequestError("conflict", f"{scope} is paused already, by {there.who}: {there.reason}")
    return await _put(desk, scope, why, expires, "pause.add", before)


async def change(desk: Desk, scope: str, *, why: str, expires: str = "") -> Pause:
    """Give a pause another end and reason, without a moment in between that it is not in force."""
    desk.require(*_WRITERS)
    return await _put(desk, scope, why, expires, "pause.change", await _standing(desk, scope))


async def resume(desk: Desk, scope: str, *, why: str) -> Pause:
    """End a pause; what waited goes out in order, at the site's rate. Gives the pause as it was."""
    desk.require(*_WRITERS)
    found = await _standing(desk, scope)
    await desk.remove(KIND, found, "pause.resume", why)
    return _pause(desk, found)


async def _standing(desk: Desk, scope: str) -> Registered:
    """The pause of exactly that scope. Names no other one: nobody may end the wrong pause by following a hint."""
    found = await desk.find_any(KIND, scope)
    if found is None:
        raise RequestError("missing", masked(f"{scope[:MOST_NAME_CHARS]} is not paused"))
    return found


async def _put(desk: Desk, scope: str, why: str, expires: str, action: str, before: Registered | None) -> Pause:
    now_ms = desk.now_ms()
    document: Mapping[str, Any] = {
        "scope": scope,
        "reason": desk.reason(why),
        "who": desk.person.name,
        "at_ms": now_ms,
        "expires_ms": ends_at_ms(desk, expires, now_ms),
    }
    return _pause(desk, await desk.put(KIND, scope, document, action, why, before))


def _pause(desk: Desk, found: Registered) -> Pause:
    body = found.document
    expires_ms = int(body["expires_ms"])
    in_force = not expires_ms or desk.now_ms() < expires_ms
    return Pause(body["scope"], body["reason"], body["who"], int(body["at_ms"]), expires_ms, in_force, found.revision)


def ends_at_ms(desk: Desk, text: str, now_ms: int) -> int:
    """When something ends that ends by itself, as people write it; 0 for never."""
    text = text.strip()
    if not text:
        return 0
    try:
        at_ms = now_ms + int(parse_duration(text) * 1000)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            why = f"expires: {text!r} is neither a duration such as 2h nor a time such as 2027-06-30T18:00"
            raise RequestError("invalid", why) from None
        at_ms = to_ms(at if at.tzinfo is not None else at.replace(tzinfo=desk.zone))
    if not now_ms < at_ms <= MAX_MS:
        raise RequestError("invalid", f"expires: {text} is not in the future")
    return at_ms


async def _check_scope(desk: Desk, scope: str) -> None:
    """The scope's name must exist: a pause with a typing error would stop nothing, and nobody would see it."""
    fault = scope_fault(scope)
    if fault is not None:
        raise RequestError("invalid", f"scope: {fault}")
    if scope == GLOBAL:
        return
    what, _, name = scope.partition(":")
    accounts = desk.site.accounts
    there: dict[str, set[str]] = {
        "department": {each.department for each in accounts.values() if each.department},
        "account": set(accounts),
        "carrier": set(desk.site.carriers),
        "signature": {name for each in accounts.values() for name in each.signatures},
    }
    if what == "signature":
        there[what] |= {each.partition("/")[2] for each in await desk.ids("signature")}
    elif what in ("template", "campaign"):
        there[what] = {
            each.partition("@")[0] for each in await desk.ids("template" if what == "template" else "campaign")
        }
    named("scope", name, there[what], what)
