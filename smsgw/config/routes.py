"""``routes.toml``: which carriers a message may take; the first entry that fits decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, TypeAlias

from pydantic import Field

from smsgw.config.account import AccountSettings
from smsgw.config.fields import Classes
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.documents.values import Listed, Name, Prefix, Settings
from smsgw.policy.model import ALL_CLASSES, CLASS_LABELS
from smsgw.policy.routing import Route

_Case: TypeAlias = tuple[str | None, int, str]
"""An account (None: one that no route names), a class, a prefix."""


class RouteEntry(Settings):
    """One ``[[route]]``. Without account, class or prefix it fits any."""

    name: Name
    account: str | None = None
    classes: Classes | None = Field(None, alias="class", min_length=1)
    prefixes: Listed[Prefix] = Field((), alias="prefix")
    carriers: Annotated[Listed[str], Field(min_length=1)]

    def route(self) -> Route:
        """The policy's value for it."""
        accounts = None if self.account is None else frozenset((self.account,))
        return Route(self.name, accounts, self.classes, self.prefixes, self.carriers)


class RoutesFile(Settings):
    """The whole of ``routes.toml``."""

    route: Annotated[Listed[RouteEntry], Field(min_length=1)]


def check_routes(routes: tuple[Route, ...], document: Document, problems: Problems) -> None:
    """Errors for names used twice; warnings for entries that can't be reached."""
    first: dict[str, int] = {}
    for index, route in enumerate(routes):
        if route.name in first:
            why = f"route[{first[route.name] + 1}] is named {route.name!r} already"
            document.error(problems, ("route", index, "name"), why)
        first.setdefault(route.name, index)
        hidden_by = _hidden_by(route, routes[:index])
        if hidden_by:
            why = f"can never be reached: every message that fits it is taken by {' and '.join(hidden_by)} before"
            document.warn(problems, ("route", index), why)


def check_accounts_have_routes(
    routes: tuple[Route, ...], accounts: Mapping[str, AccountSettings], document: Document, problems: Problems
) -> None:
    """Warnings for accounts that no route fits, and for routes that ask an account for a class it never sends."""
    for account in accounts.values():
        if not any(_fits(route, account.system_id, account.message_class) for route in routes):
            who = f"account {account.system_id!r} ({CLASS_LABELS[account.message_class]})"
            document.warn(problems, ("route",), f"no route fits {who}: all it sends is refused")
    for index, route in enumerate(routes):
        named = accounts.get(next(iter(route.accounts or ()), ""))
        if named is not None and route.classes is not None and named.message_class not in route.classes:
            why = f"account {named.system_id!r} sends {CLASS_LABELS[named.message_class]}: this route is never taken"
            document.warn(problems, ("route", index, "class"), why)


def _fits(route: Route, account: str, message_class: int) -> bool:
    return (route.accounts is None or account in route.accounts) and (
        route.classes is None or message_class in route.classes
    )


def _hidden_by(route: Route, earlier: Iterable[Route]) -> list[str]:
    """Names of the earlier routes that take everything from ``route``; empty when something is left for it."""
    names: dict[str, None] = {}
    before = tuple(earlier)
    for case in _cases(route):
        taker = next((each for each in before if _takes(each, case)), None)
        if taker is None:
            return []
        names[repr(taker.name)] = None
    return list(names)


def _cases(route: Route) -> Iterator[_Case]:
    for message_class in sorted(route.classes or ALL_CLASSES):
        for prefix in route.prefixes or ("",):
            for account in route.accounts or (None,):
                yield account, message_class, prefix


def _takes(route: Route, case: _Case) -> bool:
    account, message_class, prefix = case
    return (
        (route.accounts is None or account in route.accounts)
        and (route.classes is None or message_class in route.classes)
        and (not route.prefixes or prefix.startswith(route.prefixes))
    )
