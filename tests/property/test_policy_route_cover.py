"""What is called unreachable is never reached, and what is called within another fits that one."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from smsgw.policy.model import Draft
from smsgw.policy.route import ANY_SEGMENTS
from smsgw.policy.route_cover import hidden_routes, meets, within
from smsgw.policy.routing import Route, RouteTable

DEPARTMENTS = {"a": "x", "b": "y"}
some = st.sets(st.integers(0, 2), min_size=1).map(frozenset)
routes = st.builds(
    Route,
    name=st.just("r"),
    accounts=st.none() | st.frozensets(st.sampled_from(["a", "b"]), min_size=1),
    classes=st.none() | some,
    prefixes=st.lists(st.sampled_from(["1", "12", "2"]), max_size=2, unique=True).map(tuple),
    carriers=st.just(("c",)),
    departments=st.none() | st.just(frozenset("x")),
    lanes=st.none() | some,
    networks=st.none() | st.frozensets(st.sampled_from(["mobile", "unicom", ""]), min_size=1),
    segments=st.sampled_from([ANY_SEGMENTS, 0b10, ANY_SEGMENTS & ~0b10]),
    texts=st.sampled_from([(), (), ("p",), ("pq",), ("q", "pq")]),
    minutes=st.sampled_from([(1 << 1440) - 1, (1 << 720) - 1, ((1 << 720) - 1) << 720]),
)
CASES = list(itertools.product("ab", range(3), ["1", "12", "2", "3"], ["mobile", "", "telecom"], [1, 2], ["", "pq"]))


def drafts() -> list[Draft]:
    made = []
    for account, message_class, recipient, network, segments, text in CASES:
        for at_ms in (0, 43_200_000):
            draft = Draft(account, message_class, "", recipient, text, segments, at_ms)
            draft.network = network
            made.append(draft)
    return made


DRAFTS = drafts()


@given(st.lists(routes, min_size=2, max_size=4))
def test_a_hidden_route_is_never_found(made: list[Route]) -> None:
    table = RouteTable(made)
    hidden = {id(made[each.route]): each for each in hidden_routes(made, DEPARTMENTS)}
    for draft in DRAFTS if hidden else ():
        found = table.find(draft, DEPARTMENTS[draft.account])
        assert id(found) not in hidden or made.index(found) != hidden[id(found)].route  # type: ignore[arg-type]


@given(routes, routes)
def test_within_and_meets_are_true_of_every_message(one: Route, other: Route) -> None:
    clock = RouteTable(()).clock
    fits = [
        tuple(each.fits(draft, DEPARTMENTS[draft.account], clock(draft.at_ms)) for each in (one, other))
        for draft in DRAFTS
    ]
    if within(one, other):
        assert (True, False) not in fits
    if not meets(one, other, DEPARTMENTS):
        assert (True, True) not in fits


def test_only_chinese_numbers_have_a_province() -> None:
    guangdong = Route("guangdong", None, None, (), ("c",), provinces=frozenset({"广东"}))
    for prefixes, expected in (((), True), (("1",), False), (("8", "1"), True), (("86138",), True)):
        other = Route("other", None, None, prefixes, ("d",))
        assert meets(guangdong, other, DEPARTMENTS) is meets(other, guangdong, DEPARTMENTS) is expected
    elsewhere = Route("elsewhere", None, None, (), ("c",), provinces=frozenset({""}))
    assert meets(elsewhere, Route("us", None, None, ("1",), ("d",)), DEPARTMENTS)
