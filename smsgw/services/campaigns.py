"""Campaigns: between which days, and at which times of them, their messages may be sent.

Owns: register ``campaign``, id its name. The class's windows hold beside its slots; ``policy.windows`` joins them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from smsgw.errors import RequestError
from smsgw.policy.approvals import noted
from smsgw.policy.profile import TimeRange
from smsgw.services.desk import Desk, Page, Registered, checked_day, named

KIND: Final = "campaign"
MOST_SLOTS: Final = 24
_WRITERS: Final = ("department", "market", "engineer")
_NAME = re.compile(r"\w[\w.-]{0,63}")


async def list_(
    desk: Desk, *, account: str = "", state: str = "", search: str = "", offset: int = 0, limit: int = 50
) -> Page[Registered]:
    """Campaigns; ``account`` also gives those of any account."""

    def wanted(document: Mapping[str, Any]) -> bool:
        return (not account or document.get("account") in ("", account)) and search in str(document.get("name", ""))

    return await desk.rows(KIND, wanted, offset, limit, state)


async def get(desk: Desk, name: str) -> Registered:
    """One campaign with its history."""
    return await desk.look(KIND, name)


async def add(
    desk: Desk,
    name: str,
    *,
    account: str = "",
    slots: Sequence[str] = (),
    starts: str = "",
    ends: str = "",
    why: str,
) -> Registered:
    """Register a campaign; it is active at once. ``slots`` such as ``11:00-12:30``, none for all day."""
    desk.require_role(*_WRITERS)
    if not _NAME.fullmatch(name):
        raise RequestError("invalid", f"name: {name!r}: expected up to 64 letters, digits, dots, _ and -")
    content = _content(desk, account, slots, starts, ends)
    document = noted(
        {"name": name, **content, "state": "active"}, "add", desk.person.name, desk.now_ms(), desk.reason(why)
    )
    return await desk.put(KIND, name, document, "campaign.add", why)


async def change(
    desk: Desk,
    name: str,
    *,
    account: str | None = None,
    slots: Sequence[str] | None = None,
    starts: str | None = None,
    ends: str | None = None,
    why: str,
) -> Registered:
    """Change a campaign, in force for what is sent or held from now on; None leaves a field as it is."""
    desk.require_role(*_WRITERS)
    found = await desk.find(KIND, name)
    old = found.document
    content = _content(
        desk,
        old["account"] if account is None else account,
        old["slots"] if slots is None else slots,
        old["starts"] if starts is None else starts,
        old["ends"] if ends is None else ends,
    )
    document = noted({**old, **content}, "change", desk.person.name, desk.now_ms(), desk.reason(why))
    return await desk.put(KIND, name, document, "campaign.change", why, found)


async def step(desk: Desk, name: str, action: str, *, why: str) -> Registered:
    """``suspend``, ``resume`` or ``expire`` a campaign."""
    return await desk.move(KIND, name, action, why)


def _content(desk: Desk, account: str, slots: Sequence[str], starts: str, ends: str) -> dict[str, Any]:
    desk.require_account(account)
    if account:
        named("account", account, desk.site.accounts, "account")
    if len(slots) > MOST_SLOTS:
        raise RequestError("invalid", f"slots: there are {len(slots)}, at most {MOST_SLOTS} are allowed")
    for slot in slots:
        try:
            TimeRange.parse(slot)
        except ValueError as error:
            raise RequestError("invalid", f"slots: {error}") from error
    first, last = checked_day("starts", starts), checked_day("ends", ends)
    if first and last and last < first:
        raise RequestError("invalid", f"ends: {last} is before it starts, {first}")
    return {"account": account, "slots": [slot.strip() for slot in slots], "starts": first, "ends": last}
