"""Signatures: 【name】 belongs to an account, with an owner and a proof, from the day it is activated until it ends.

Owns: register ``signature``, id ``<account>/<name>``. A name's form is the profile's, states are ``policy.approvals``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from smsgw.errors import RequestError
from smsgw.policy.approvals import drafted, noted
from smsgw.policy.signature import CLOSE, OPEN, signature_fault
from smsgw.services.desk import EVERYBODY, Desk, Page, Registered, checked_text, named

KIND: Final = "signature"
_WRITERS: Final = ("department", "market", "compliance")


def key(account: str, name: str) -> str:
    """The id of a signature."""
    return f"{account}/{bare(name)}"


def bare(name: str) -> str:
    """The name without the marks that it stands between."""
    return name.strip().removeprefix(OPEN).removesuffix(CLOSE).strip()


async def list_(
    desk: Desk, *, account: str = "", state: str = "", search: str = "", offset: int = 0, limit: int = 50
) -> Page[Registered]:
    """Registered signatures; ``search`` is part of the name or its owner."""

    def wanted(document: Mapping[str, Any]) -> bool:
        return (
            not account or document.get("account") == account
        ) and search in f"{document.get('name', '')} {document.get('owner', '')}"

    return await desk.rows(KIND, wanted, offset, limit, state)


async def get(desk: Desk, account: str, name: str) -> Registered:
    """One signature with its history."""
    desk.require_role(*EVERYBODY)
    desk.require_account(account)
    return await desk.look(KIND, key(account, name))


async def add(
    desk: Desk, account: str, name: str, *, owner: str, proof: str, expires: str = "", why: str
) -> Registered:
    """Register a signature as a draft. ``proof`` says what proves the right to it; ``expires`` is its last day."""
    desk.require_role(*_WRITERS)
    desk.require_account(account)
    named("account", account, desk.site.accounts, "account")
    name = bare(checked_text("name", name))
    fault = signature_fault(name, desk.site.profile_of(desk.site.accounts[account]).signature)
    if fault is not None:
        raise RequestError("invalid", f"name: {OPEN}{name}{CLOSE} {fault}")
    content = {"account": account, "name": name, **_papers(desk, owner, proof, expires)}
    document = drafted(content, desk.person.name, desk.now_ms(), desk.reason(why))
    return await desk.put(KIND, key(account, name), document, "signature.add", why)


async def change(
    desk: Desk,
    account: str,
    name: str,
    *,
    owner: str | None = None,
    proof: str | None = None,
    expires: str | None = None,
    why: str,
) -> Registered:
    """Change a signature's papers; None leaves a field as it is.

    Its state stays; one that has ended, by a step or with its last day, becomes a draft: it is activated anew.
    """
    desk.require_role(*_WRITERS)
    found = await desk.find(KIND, key(account, name))
    old = found.document
    papers = _papers(
        desk,
        old["owner"] if owner is None else owner,
        old["proof"] if proof is None else proof,
        old["expires"] if expires is None else expires,
    )
    document = noted({**old, **papers}, "change", desk.person.name, desk.now_ms(), desk.reason(why))
    if document["state"] == "expired" or found.ended:
        document["state"] = "draft"
    return await desk.put(KIND, found.id, document, "signature.change", why, found)


async def step(desk: Desk, account: str, name: str, action: str, *, revision: int = 0, why: str) -> Registered:
    """``activate``, ``suspend``, ``resume`` or ``expire`` a signature. ``revision``: what was looked at, 0 for any."""
    return await desk.move(KIND, key(account, name), action, why, revision)


def _papers(desk: Desk, owner: str, proof: str, expires: str) -> dict[str, str]:
    return {
        "owner": checked_text("owner", owner),
        "proof": checked_text("proof", proof, empty="must say what proves the right to the signature"),
        "expires": desk.future_day("expires", expires),
    }
