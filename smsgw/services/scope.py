"""Whose accounts a person sees, by their roles, and whose a document of a register is.

Two roles see no more than they are given: ``application`` its ``accounts``, ``department`` its ``departments`` where
some are named. Every other role sees all, so somebody with one of them beside does, too. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from smsgw.policy.entries import Kind

ROLES: Final = (
    "application", "department", "market", "legal", "technical", "management", "compliance", "engineer", "viewer",
    "auditor", "admin",
)  # fmt: skip
ALL_ROLES: Final = frozenset(ROLES)
ADMIN: Final = "admin"
"""May do what any role may, but for reviews: they are for those whose knowledge is asked."""
READERS: Final = tuple(role for role in ROLES if role != "application")
"""Who may look at what is not one account's."""
EVERYBODY: Final = ROLES
"""Also the application teams: what they are shown is to be filtered by ``Desk.sees``."""
REVIEW_READERS: Final = ("compliance", "auditor")
"""Who may see whole texts of messages that wait for a decision."""
_WHOSE: Final[Mapping[Kind, tuple[str, ...]]] = {
    "signature": EVERYBODY,
    "template": EVERYBODY,
    "campaign": EVERYBODY,
    "contact": EVERYBODY,
    "channel": READERS,
}
_OF_ALL: Final = ("", "*")


class Department(Protocol):
    """What is asked of an account's settings."""

    @property
    def department(self) -> str: ...


def accounts_seen(
    roles: Collection[str], named: frozenset[str], departments: frozenset[str], accounts: Mapping[str, Department]
) -> frozenset[str] | None:
    """The accounts of a site that somebody sees; None for all. ``named``: those that people.toml names."""
    bounded = {"application", "department"} if departments else {"application"}
    if not bounded.issuperset(roles):
        return None
    found = set(named) if "application" in roles else set()
    if "department" in roles:
        found.update(name for name, each in accounts.items() if each.department in departments)
    return frozenset(found)


def readers_of(kind: Kind) -> tuple[str, ...] | None:
    """Which roles may look at a register whose documents belong to accounts; None for one of the whole company's."""
    return _WHOSE.get(kind)


def owner_of(kind: Kind, document: Mapping[str, Any]) -> str | None:
    """The account that a document is for, empty for every account; None when it is no account's at all."""
    if kind == "channel":
        what, _, name = str(document.get("channel", "")).partition(":")
        return name if what == "account" else None
    if kind not in _WHOSE:
        return None
    account = str(document.get("account", ""))
    return "" if account in _OF_ALL else account
