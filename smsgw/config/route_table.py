"""From ``routes.toml`` and what surrounds it to the compiled table of a site.

Puts together and asks the checks of ``route_checks``; what comes of it is ``site_routes.SiteRoutes``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from smsgw.config.account import AccountSettings
from smsgw.config.carrier import CarrierSettings
from smsgw.config.number_plan import load_number_plan
from smsgw.config.references import Entry
from smsgw.config.route_checks import check_accounts_have_routes, check_route_names, check_routes, check_test_names
from smsgw.config.routes import RoutesFile
from smsgw.config.site_routes import PlacedTest, SiteRoutes
from smsgw.documents.problems import Problems
from smsgw.policy.calendar import Workdays
from smsgw.policy.number_plan import NETWORKS
from smsgw.policy.routing import RouteTable


def build_routes(
    routes: Entry[RoutesFile],
    accounts: Sequence[Entry[AccountSettings]],
    carriers: Sequence[Entry[CarrierSettings]],
    zone: ZoneInfo,
    workdays: Workdays,
    problems: Problems,
) -> SiteRoutes:
    """Build and check; with an empty table where the file can't be used."""
    document, settings = routes.document, routes.settings
    if document is None:
        return SiteRoutes(routes.path, RouteTable(()))
    departments = _departments(accounts)
    names = [entry.name for entry in carriers]
    check_route_names(document, departments, departments.values(), names, problems)
    if settings is None:
        return SiteRoutes(routes.path, RouteTable(()))
    known = {entry.name: entry.settings for entry in carriers if entry.settings is not None}
    policies = {name: carrier.policy() for name, carrier in known.items()}
    built = tuple(entry.route().offered(policies, (*NETWORKS, "")) for entry in settings.route)
    check_routes(built, departments, document, problems)
    readable = {entry.name: entry.settings for entry in accounts if entry.settings is not None}
    check_accounts_have_routes(built, readable, document, problems)
    by_province = any(route.provinces is not None for route in built)
    by_province |= any(carrier.breaker is not None for carrier in known.values())
    by_province |= any(test.expect.province is not None for test in settings.test)
    if not problems.count:
        check_test_names(document, departments, names, problems)
    plan = load_number_plan(routes.path.parent, by_province, problems)
    return SiteRoutes(
        routes.path,
        RouteTable(built, plan, zone, workdays),
        tuple(document.line("route", index) for index in range(len(built))),
        tuple(
            PlacedTest(test, index + 1, document.line("test", index), document.line("test", index, "expect"))
            for index, test in enumerate(settings.test)
        ),
    )


def _departments(accounts: Sequence[Entry[AccountSettings]]) -> Mapping[str, str]:
    """The department of each account; a file that is otherwise broken still counts with it."""
    found = {}
    for entry in accounts:
        given = entry.document.data.get("department", "") if entry.document is not None else ""
        found[entry.name] = given if isinstance(given, str) else ""
    return found
