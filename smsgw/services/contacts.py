"""Contacts: the links and phone numbers that messages may name.

Owns: register ``contact``, id ``<account>/<kind>/<value>``, account ``*`` for the whole company. How they are found in
a text is ``policy.contacts``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from smsgw.errors import RequestError
from smsgw.policy.approvals import noted
from smsgw.services.desk import Desk, Page, Registered, checked_text, masked, named, one_of, optional_text

KIND: Final = "contact"
ANY_ACCOUNT: Final = "*"
KINDS: Final = ("link", "phone")
_WRITERS: Final = ("market", "compliance")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_LINK = re.compile(r"((?:[a-z0-9\u3400-\u9fff](?:[a-z0-9\u3400-\u9fff-]{0,61}[a-z0-9\u3400-\u9fff])?\.)+"
                   r"[a-z\u3400-\u9fff][a-z0-9\u3400-\u9fff-]{1,62})(/[^\s?#]*)?")  # fmt: skip
_SUFFIX = re.compile(r"(?:com|net|org|gov|edu|ac|co|mil)\.[a-z]{2}")
"""Everybody's domains are below these."""
_PHONE = re.compile(r"[0-9]{3,20}")


def key(account: str, kind: str, value: str) -> str:
    """The id of a contact, its value in the form that it is kept in. Raises RequestError."""
    one_of("kind", kind, KINDS)
    return f"{account}/{kind}/{_link(value) if kind == 'link' else _phone(value)}"


async def list_(
    desk: Desk,
    *,
    account: str = "",
    kind: str = "",
    state: str = "",
    search: str = "",
    offset: int = 0,
    limit: int = 50,
) -> Page[Registered]:
    """Contacts; ``account`` also gives those of the whole company."""

    def wanted(document: Mapping[str, Any]) -> bool:
        return (
            (not account or document.get("account") in (ANY_ACCOUNT, account))
            and (not kind or document.get("kind") == kind)
            and search in f"{document.get('value', '')} {document.get('owner', '')}"
        )

    return await desk.rows(KIND, wanted, offset, limit, state)


async def get(desk: Desk, account: str, kind: str, value: str) -> Registered:
    """One contact with its history."""
    return await desk.look(KIND, key(account, kind, value))


async def add(
    desk: Desk, account: str, kind: str, value: str, *, owner: str = "", expires: str = "", why: str
) -> Registered:
    """Register a link (a host with all below it, or with the beginning of a path) or a phone number; active at once."""
    desk.require_role(*_WRITERS)
    named("account", account, (ANY_ACCOUNT, *desk.site.accounts), "account")
    name = key(account, kind, value)
    content = {
        "account": account,
        "kind": kind,
        "value": name.split("/", 2)[2],
        "owner": optional_text("owner", owner),
        "expires": desk.future_day("expires", expires),
        "state": "active",
    }
    document = noted(content, "add", desk.person.name, desk.now_ms(), desk.reason(why))
    return await desk.put(KIND, name, document, "contact.add", why)


async def change(
    desk: Desk, account: str, kind: str, value: str, *, owner: str | None = None, expires: str | None = None, why: str
) -> Registered:
    """Change whose a contact is or how long it holds; None leaves a field as it is. An expired one is active again."""
    desk.require_role(*_WRITERS)
    found = await desk.find(KIND, key(account, kind, value))
    content = dict(found.document)
    if owner is not None:
        content["owner"] = optional_text("owner", owner)
    if expires is not None:
        content["expires"] = desk.future_day("expires", expires)
        content["state"] = "active" if content["state"] == "expired" else content["state"]
    document = noted(content, "change", desk.person.name, desk.now_ms(), desk.reason(why))
    return await desk.put(KIND, found.id, document, "contact.change", why, found)


async def step(desk: Desk, account: str, kind: str, value: str, action: str, *, why: str) -> Registered:
    """``suspend``, ``resume`` or ``expire`` a contact."""
    return await desk.move(KIND, key(account, kind, value), action, why)


async def remove(desk: Desk, account: str, kind: str, value: str, *, why: str) -> None:
    """Take a contact off the list."""
    desk.require_role(*_WRITERS)
    await desk.remove(KIND, await desk.find(KIND, key(account, kind, value)), "contact.remove", why)


def _link(value: str) -> str:
    text = _SCHEME.sub("", checked_text("value", value, 200), count=1)
    host, slash, path = text.partition("/")
    text = host.lower().removesuffix(".") + (slash + path).rstrip("/")
    if not _LINK.fullmatch(text):
        raise RequestError("invalid", masked(f"value: {value!r} is not a host such as example.com, or one with a path"))
    if _SUFFIX.fullmatch(text.partition("/")[0]):
        raise RequestError("invalid", f"value: {text} is no domain of one owner; everything below it would be allowed")
    return text


def _phone(value: str) -> str:
    digits = re.sub(r"[ ()\-]", "", checked_text("value", value)).removeprefix("+")
    if not _PHONE.fullmatch(digits):
        raise RequestError("invalid", "value: expected a phone number of 3 to 20 digits, such as 400-800-1234")
    return digits
