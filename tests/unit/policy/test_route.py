"""Shares by weight, costs and networks of carriers, routes in words."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from smsgw.policy.number_plan import NETWORKS
from smsgw.policy.profile import CarrierPolicy
from smsgw.policy.route import Route
from smsgw.policy.route_words import WORKDAYS, carriers_of, describe

ALL = (*NETWORKS, "")


def route(*carriers: str, **others: Any) -> Route:
    return Route("r", None, None, (), carriers, **others)


def test_carriers_share_by_weight_and_backups_stay_behind() -> None:
    shared = route("a", "b", "c", "spare", weights=(60, 30, 10))
    orders = [shared.order(f"86139{n:08}") for n in range(10_000)]
    firsts = Counter(order[0] for order in orders)
    assert firsts["a"] == pytest.approx(6000, abs=150)
    assert firsts["b"] == pytest.approx(3000, abs=150)
    # Where the first is down, the others share what it had as they share the rest.
    seconds = Counter(order[1] for order in orders if order[0] == "a")
    assert seconds["b"] / seconds["c"] == pytest.approx(3, rel=0.1)
    assert {order[3] for order in orders} == {"spare"}
    assert all(sorted(order) == ["a", "b", "c", "spare"] for order in orders)


def test_a_number_keeps_its_carrier() -> None:
    shared = route("a", "b", weights=(1, 1))
    assert len({shared.order("8613912345678") for _ in range(5)}) == 1
    assert route("a", "b").order("8613912345678") == ("a", "b")


def test_a_network_gets_the_carriers_that_serve_it() -> None:
    carriers = {"a": CarrierPolicy("a", networks=frozenset(("mobile",))), "b": CarrierPolicy("b")}
    offered = route("a", "b").offered(carriers, ALL)
    assert offered.order("1", "mobile") == ("a", "b")
    assert offered.order("1", "unicom") == ("b",)
    only = route("a").offered(carriers, ALL)
    assert only.reached_networks == frozenset(("mobile",))
    plain = route("b")
    assert plain.offered(carriers, ALL) is plain


def test_costs() -> None:
    carriers = {"a": CarrierPolicy("a", cost=0.05, costs={"telecom": 0.02}), "b": CarrierPolicy("b", cost=0.04)}
    cheapest = route("a", "b", prefer="cheapest").offered(carriers, ALL)
    assert cheapest.order("1", "mobile") == ("b", "a")
    assert cheapest.order("1", "telecom") == ("a", "b")
    bounded = route("a", "b", max_cost=0.04).offered(carriers, ALL)
    assert bounded.order("1", "mobile") == ("b",)
    assert bounded.order("1", "telecom") == ("a", "b")
    assert route("a", max_cost=0.01).offered(carriers, ALL).reached_networks == frozenset()


def test_shares_of_what_is_left() -> None:
    carriers = {"a": CarrierPolicy("a", networks=frozenset(("mobile",))), "b": CarrierPolicy("b")}
    offered = route("a", "b", "c", weights=(90, 10)).offered(carriers, ALL)
    assert offered.order("1", "unicom") == ("b", "c")


def test_in_words() -> None:
    full = Route(
        "r", frozenset(("shop",)), frozenset((2, 1)), ("86139", "86138"), ("a", "b", "c"),
        networks=frozenset(("", "mobile")), segments=0b1110 | (~0xF & ((1 << 256) - 1)), texts=("退款",),
        days=WORKDAYS, minutes=((1 << 60) - 1) << 480, weights=(3, 1),
    )  # fmt: skip
    assert describe(full) == (
        "account shop; class notice, marketing; prefix 86138, 86139; network mobile, other; text 退款; days workdays; "
        "hours 08:00-09:00"
    )
    assert describe(route("a")) == "everything"
    assert describe(route("a", segments=0b11100)) == "segments 2-4"
    assert carriers_of(full) == "a 75 %, b 25 %, then c"
    assert carriers_of(route("a", "b")) == "a, then b"
