"""Routes that can never be reached."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.model import Draft
from smsgw.policy.route_cover import hidden_routes
from smsgw.policy.routing import Route, RouteTable

from .conftest import SiteCopy


def _route(
    name: str, account: str | None = None, classes: set[int] | None = None, prefixes: tuple[str, ...] = ()
) -> Route:
    return Route(
        name,
        frozenset((account,)) if account else None,
        frozenset(classes) if classes is not None else None,
        prefixes,
        ("alpha",),
    )


@pytest.mark.parametrize(
    ("earlier", "route", "by"),
    [
        ([_route("all")], _route("r", "shop"), ["'all'"]),
        ([_route("a", "shop")], _route("r"), []),
        ([_route("a", "shop")], _route("r", "shop", {2}, ("86",)), ["'a'"]),
        ([_route("a", "shop")], _route("r", "login"), []),
        ([_route("a", classes={0}), _route("b", classes={1, 2})], _route("r"), ["'a'", "'b'"]),
        ([_route("a", classes={0, 1})], _route("r"), []),
        ([_route("a", prefixes=("86",))], _route("r", prefixes=("86139", "8613")), ["'a'"]),
        ([_route("a", prefixes=("86139",))], _route("r", prefixes=("86",)), []),
        ([_route("a", prefixes=("86139",))], _route("r"), []),
    ],
)
def test_a_route_is_hidden_by_those_that_take_all_of_it(earlier: list[Route], route: Route, by: list[str]) -> None:
    assert _hidden_by(route, earlier) == by


ROUTES = st.builds(
    _route,
    st.just("r"),
    st.sampled_from([None, "a", "b"]),
    st.none() | st.sets(st.integers(0, 2), min_size=1),
    st.lists(st.sampled_from(["1", "12", "2"]), max_size=2, unique=True).map(tuple),
)


def _hidden_by(route: Route, earlier: list[Route]) -> list[str]:
    found = [each for each in hidden_routes([*earlier, route], {}) if each.route == len(earlier)]
    return [repr(earlier[place].name) for each in found for place in each.by]


def draft(account: str, message_class: int, recipient: str) -> Draft:
    return Draft(account, message_class, "", recipient, "", 1, 0)


@given(st.lists(ROUTES, max_size=4), ROUTES)
def test_a_hidden_route_is_never_found(earlier: list[Route], route: Route) -> None:
    if not _hidden_by(route, earlier):
        return
    table = RouteTable([*earlier, route])
    for account, message_class, recipient in itertools.product(["a", "b", "c"], range(3), ["1", "12", "123", "2", "3"]):
        assert table.find(draft(account, message_class, recipient)) is not route or route in earlier


def test_unreachable_routes_are_pointed_out(site: SiteCopy) -> None:
    routes = (site.directory / "routes.toml").read_text(encoding="utf-8")
    site.write("routes.toml", routes + '[[route]]\nname = "late"\nclass = "notice"\ncarriers = ["beta"]\n')
    taker = site.line_of("routes.toml", 'name = "everything-else"') - 1
    why = f"'late' can never be reached: every message that fits it is taken by 'everything-else' (line {taker})"
    line = site.line_of("routes.toml", 'name = "late"') - 1
    assert site.errors() == [f"routes.toml:{line}: route[5]: {why}; move it up, narrow those, or take it out"]


def test_a_route_for_a_class_that_its_account_never_sends(site: SiteCopy) -> None:
    site.edit("routes.toml", 'account = "shop"', 'account = "login"')
    assert site.warnings() == ["routes.toml:18: route[2].class: account 'login' sends otp: this route is never taken"]


def test_an_account_without_a_route(site: SiteCopy) -> None:
    site.edit("routes.toml", 'class = "otp"', 'class = "notice"')
    assert "no route fits account 'login' (otp): all it sends is refused" in site.warnings()[0]
