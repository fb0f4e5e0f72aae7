"""What is wrong with routes when they are looked at together, with accounts and with carriers.

Names that must exist, routes that nothing can reach, routes for which only their order decides, and accounts that no
route fits. ``names`` look at the bare values, so that a file that is otherwise wrong still gets its hints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from smsgw.config.account import AccountSettings
from smsgw.documents.document import Document
from smsgw.documents.locate import KeyPath
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.route import Route
from smsgw.policy.route_cover import accidents, hidden_routes
from smsgw.policy.route_words import conditions

#: Overlaps that are told; one for each two kinds of routes.
SHOWN_OVERLAPS: Final = 20
#: Routes that are named as those that hide one.
_SHOWN_TAKERS: Final = 4


def check_route_names(
    document: Document, accounts: Iterable[str], departments: Iterable[str], carriers: Iterable[str], problems: Problems
) -> None:
    """Routes name accounts, departments, carriers and other routes that exist."""
    tables = _tables(document.data.get("route"))
    checks = (
        ("account", accounts, _named(tables, "route", "account")),
        ("department", departments, _named(tables, "route", "department")),
        ("carrier", carriers, _named(tables, "route", "carriers", "backups", "weights")),
        ("route", _route_names(document), _named(tables, "route", "overlaps")),
    )
    _check_names(document, checks, problems)


def check_test_names(document: Document, accounts: Iterable[str], carriers: Iterable[str], problems: Problems) -> None:
    """Tests name accounts, carriers and routes that exist. Asked last: a name that is wrong elsewhere is told there."""
    tests = _tables(document.data.get("test"))
    expected = [_table(test.get("expect")) for test in tests]
    checks = (
        ("account", accounts, _named(tests, "test", "account")),
        ("carrier", carriers, _named(expected, "test", "carrier", "carriers", under=("expect",))),
        ("route", _route_names(document), _named(expected, "test", "route", under=("expect",))),
    )
    _check_names(document, checks, problems)


def _route_names(document: Document) -> Iterable[str]:
    return (str(route["name"]) for route in _tables(document.data.get("route")) if "name" in route)


def _check_names(
    document: Document,
    checks: Iterable[tuple[str, Iterable[str], Iterable[tuple[KeyPath, str]]]],
    problems: Problems,
) -> None:
    for what, valid, named in checks:
        names = set(valid)
        for key, name in named:
            if name not in names:
                document.error(problems, key, with_hint(f"no {what} is named {name!r}", name, names))


def _named(
    tables: list[dict[str, object]], table: str, *keys: str, under: tuple[str, ...] = ()
) -> Iterator[tuple[KeyPath, str]]:
    """Each name under one of the keys, with its place."""
    for index, each in enumerate(tables):
        for key in keys:
            value = each.get(key)
            at: KeyPath = (table, index, *under, key)
            if isinstance(value, str):
                yield at, value
            elif isinstance(value, dict):
                yield from (((*at, name), name) for name in value)
            elif isinstance(value, list):
                yield from (((*at, place), name) for place, name in enumerate(value) if isinstance(name, str))


def _tables(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def check_routes(
    routes: tuple[Route, ...], departments: Mapping[str, str], document: Document, problems: Problems
) -> None:
    """Errors for names used twice and for routes that can never be reached; warnings for accidental orders.

    ``routes`` as they are once their carriers are known (``Route.offered``); ``departments``: that of each account.
    """
    first: dict[str, int] = {}
    for index, route in enumerate(routes):
        if route.name in first:
            why = f"route[{first[route.name] + 1}] is named {route.name!r} already"
            document.error(problems, ("route", index, "name"), why)
        first.setdefault(route.name, index)
        _check_carriers(route, index, document, problems)
        _check_department(route, index, departments, document, problems)
        if route.lanes and route.classes and max(route.lanes) < min(route.classes):
            why = f"{route.name!r} can never be reached: the lane of a message is never better than its class"
            document.error(problems, ("route", index, "lane"), why)
    reached = dict(enumerate(routes))
    for hidden in hidden_routes(routes, departments):
        del reached[hidden.route]
        takers = [f"{routes[each].name!r} (line {document.line('route', each)})" for each in hidden.by]
        shown = " and ".join(takers[:_SHOWN_TAKERS]) + (" and others" if len(takers) > _SHOWN_TAKERS else "")
        why = f"{routes[hidden.route].name!r} can never be reached: every message that fits it is taken by {shown}"
        document.error(problems, ("route", hidden.route), f"{why}; move it up, narrow those, or take it out")
    for earlier, later in islice(accidents(reached, departments), SHOWN_OVERLAPS):
        one, other = routes[earlier], routes[later]
        why = f"some messages fit both {other.name!r} and {one.name!r} (line {document.line('route', earlier)})"
        also = f'if that is meant, write overlaps = ["{one.name}"] here'
        document.warn(
            problems, ("route", later), f"{why}, and only their order decides: {_kind(one)} or {_kind(other)}; {also}"
        )


def _kind(route: Route) -> str:
    return "by " + " and ".join(key for key, _ in conditions(route))


def _check_carriers(route: Route, index: int, document: Document, problems: Problems) -> None:
    """A route all of whose carriers are too dear, or serve other networks."""
    if route.reached_networks is not None and not route.reached_networks:
        what = "costs at most max_cost and " if route.max_cost is not None else ""
        why = f"{route.name!r} leads nowhere: none of its carriers {what}serves a network that fits"
        document.error(problems, ("route", index), why)


def _check_department(
    route: Route, index: int, departments: Mapping[str, str], document: Document, problems: Problems
) -> None:
    if route.accounts is None or route.departments is None:
        return
    known = [account for account in sorted(route.accounts) if account in departments]
    if known and not any(departments[account] in route.departments for account in known):
        why = f"account {known[0]!r} is of department {departments[known[0]]!r}: this route is never taken"
        document.error(problems, ("route", index, "department"), why)


def check_accounts_have_routes(
    routes: tuple[Route, ...], accounts: Mapping[str, AccountSettings], document: Document, problems: Problems
) -> None:
    """Warnings for accounts that no route fits, and for routes that ask an account for a class it never sends."""
    for account in accounts.values():
        if not any(_fits(route, account) for route in routes):
            who = f"account {account.system_id!r} ({CLASS_LABELS[account.message_class]})"
            document.warn(problems, ("route",), f"no route fits {who}: all it sends is refused")
    for index, route in enumerate(routes):
        named = [accounts[each] for each in sorted(route.accounts or ()) if each in accounts]
        classes = {account.message_class for account in named}
        if named and route.classes is not None and not classes & route.classes:
            what = ", ".join(CLASS_LABELS[each] for each in sorted(classes))
            why = f"account {named[0].system_id!r} sends {what}: this route is never taken"
            document.warn(problems, ("route", index, "class"), why)


def _fits(route: Route, account: AccountSettings) -> bool:
    return route.is_for(account.system_id, account.department) and (
        route.classes is None or account.message_class in route.classes
    )
