"""Channels: whether an account or a carrier may be used at all, applied for, reviewed by three, approved by management.

Owns: register ``channel``, id ``account:<name>`` or ``carrier:<name>``, with the licence it rests on. The steps and who
may take them are ``policy.approvals``; what an inactive channel may not do is ``policy.channels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from smsgw.errors import RequestError
from smsgw.policy.approvals import changed, drafted, missing_reviews, next_actions
from smsgw.services.desk import MOST_NAME_CHARS, Desk, Page, Registered, checked_text, named

KIND: Final = "channel"
_WRITERS: Final = ("department", "market", "engineer")
_NEEDS_PAPERS: Final = ("approve", "activate", "resume")


async def list_(desk: Desk, *, state: str = "", search: str = "", offset: int = 0, limit: int = 50) -> Page[Registered]:
    """Channels; ``search`` is part of the name or the licence."""

    def wanted(document: Mapping[str, Any]) -> bool:
        return search in (f"{document.get('channel', '')} {document.get('licence', '')}")

    return await desk.rows(KIND, wanted, offset, limit, state)


async def get(desk: Desk, channel: str) -> Registered:
    """One channel with its history."""
    return await desk.look(KIND, channel)


def waits_for(found: Registered) -> list[str]:
    """The steps that may follow; of a draft the reviews that are missing."""
    return missing_reviews(KIND, found.document) or next_actions(KIND, found.document)


async def add(
    desk: Desk, channel: str, *, licence: str, licence_expires: str, expires: str = "", why: str
) -> Registered:
    """Apply for a channel of the site. ``expires``: the last day that the approval is asked for, empty for no end."""
    desk.require_role(*_WRITERS)
    what, colon, name = channel.partition(":")
    if not colon or what not in ("account", "carrier"):
        why = f"channel: expected account:<name> or carrier:<name>, found {channel[:MOST_NAME_CHARS]!r}"
        raise RequestError("invalid", why)
    desk.require_account(name if what == "account" else "")
    named("channel", name, desk.site.accounts if what == "account" else desk.site.carriers, what)
    papers = _papers(desk, licence, licence_expires, expires)
    document = drafted({"channel": channel, **papers}, desk.person.name, desk.now_ms(), desk.reason(why))
    return await desk.put(KIND, channel, document, "channel.add", why)


async def change(
    desk: Desk,
    channel: str,
    *,
    licence: str | None = None,
    licence_expires: str | None = None,
    expires: str | None = None,
    why: str,
) -> Registered:
    """Change the papers of a draft, which undoes its reviews; None leaves a field as it is."""
    desk.require_role(*_WRITERS)
    found = await desk.find(KIND, channel)
    old = found.document
    papers = _papers(
        desk,
        old["licence"] if licence is None else licence,
        old["licence_expires"] if licence_expires is None else licence_expires,
        old["expires"] if expires is None else expires,
    )
    try:
        document = changed({**old, **papers}, desk.person.name, desk.now_ms(), desk.reason(why))
    except ValueError as error:
        raise RequestError("conflict", f"channel {channel}: {error}; reopen it first") from error
    return await desk.put(KIND, channel, document, "channel.change", why, found)


async def step(desk: Desk, channel: str, action: str, *, revision: int = 0, why: str) -> Registered:
    """Take a channel a step further: ``review-market``, ``review-legal``, ``review-technical``, ``approve``,
    ``reject``, ``activate``, ``suspend``, ``resume``, ``expire`` or ``reopen``. ``revision``: what was looked at, or 0.
    """
    found = await desk.find(KIND, channel)
    document = desk.moved(KIND, found, action, why, revision)
    if action in _NEEDS_PAPERS:
        today = desk.today().isoformat()
        for field, what in (("licence_expires", "its licence"), ("expires", "the approval")):
            if found.document[field] and found.document[field] < today:
                raise RequestError("conflict", f"channel {channel}: {what} ended with {found.document[field]}")
    return await desk.put(KIND, channel, document, f"channel.{action}", why, found)


def _papers(desk: Desk, licence: str, licence_expires: str, expires: str) -> dict[str, str]:
    if not licence_expires:
        raise RequestError("invalid", "licence_expires: must not be empty")
    return {
        "licence": checked_text("licence", licence, empty="the number of the qualification must not be empty"),
        "licence_expires": desk.future_day("licence_expires", licence_expires),
        "expires": desk.future_day("expires", expires),
    }
