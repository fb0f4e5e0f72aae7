"""What routes leave for those behind them: which can never be reached, and where the order decides by accident.

Owns: both answers, for people who write routes. A route is cut into cases, one for each combination of what it lists
(account, department, signature, template, province, prefix); of each case the rest is a box of bit masks (class, lane,
network, segments, day, minute), from which the earlier routes that take the case are cut, until something or nothing is
left. So several routes may hide one together. Texts are compared only so far: a text that contains another one's.
Sound, not complete: what is called unreachable is; a route with very many cases is taken for reachable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from math import prod
from operator import and_
from typing import Final, NamedTuple, TypeAlias

from smsgw.policy.model import MessageClass
from smsgw.policy.number_plan import NETWORKS
from smsgw.policy.numbers import CHINA
from smsgw.policy.route import Route
from smsgw.policy.route_words import conditions

MOST_CASES: Final = 2048
MOST_PIECES: Final = 256
#: Routes with texts that are looked at where they list the same; they hide another one seldom.
MOST_WORDED: Final = 200
#: Of two kinds of routes so many of each are compared with each other.
COMPARED: Final = 40

Box: TypeAlias = tuple[int, ...]
_Case: TypeAlias = tuple[str | None, ...]
_ACCOUNT, _DEPARTMENT, _PREFIX = 0, 1, 5
_NETWORKS: Final = (*NETWORKS, "")
_ALL_CLASSES: Final = (1 << len(MessageClass)) - 1
_ALL_NETWORKS: Final = (1 << len(_NETWORKS)) - 1


def _bits(numbers: Iterable[int] | None, everything: int) -> int:
    return everything if numbers is None else sum(1 << each for each in numbers)


def box_of(route: Route) -> Box:
    """What a route takes of class, lane, network, segments, day and minute."""
    reached = route.reached_networks
    networks = None if reached is None else [_NETWORKS.index(each) for each in reached]
    return (
        _bits(route.classes, _ALL_CLASSES),
        _bits(route.lanes, _ALL_CLASSES),
        _bits(networks, _ALL_NETWORKS),
        route.segments,
        route.days,
        route.minutes,
    )


def _lists(route: Route) -> tuple[tuple[str, ...], ...]:
    """What a route lists, in the order of a case; an empty one: it doesn't say."""
    listed = (route.accounts, route.departments, route.signatures, route.templates, route.provinces)
    return (*(() if each is None else tuple(sorted(each)) for each in listed), route.prefixes)


def _cases(route: Route) -> Iterator[_Case]:
    return product(*(each or (None,) for each in _lists(route)))


def _count(route: Route) -> int:
    return prod(len(each) or 1 for each in _lists(route))


def _without(box: Box, taken: Box) -> Iterator[Box]:
    """The pieces of a box that another one leaves."""
    if not all(map(and_, box, taken)):
        yield box
        return
    for place, (mine, other) in enumerate(zip(box, taken, strict=True)):
        if mine & ~other:
            yield (*box[:place], mine & ~other, *box[place + 1 :])
        box = (*box[:place], mine & other, *box[place + 1 :])


def _text_within(inner: Route, outer: Route) -> bool:
    """Whether every text that fits ``inner`` fits ``outer``, as far as can be told."""
    if outer.pattern and outer.pattern != inner.pattern:
        return False
    if not outer.texts:
        return True
    return bool(inner.texts) and all(any(part in text for part in outer.texts) for text in inner.texts)


class _Kind(NamedTuple):
    """Which places of a case a route looks at, and how many digits of the prefix."""

    places: tuple[int, ...]
    digits: int


@dataclass(frozen=True, slots=True)
class Hidden:
    """A route that can never be reached, and the earlier ones that take everything from it; places in the list."""

    route: int
    by: tuple[int, ...]


class Cover:
    """The routes so far, by what they look at. ``departments``: that of each account."""

    def __init__(self, departments: Mapping[str, str]) -> None:
        self._departments = departments
        self._kinds: dict[_Kind, dict[_Case, list[int]]] = {}
        self._routes: list[Route] = []
        self._boxes: list[Box] = []

    def hidden_by(self, route: Route) -> tuple[int, ...]:
        """The routes so far that take all of this one together; empty: something is left, as far as can be told."""
        if _count(route) > MOST_CASES:
            return ()
        takers: dict[int, None] = {}
        box = box_of(route)
        for case in _cases(route):
            found = self._takers_of(case, route, box)
            if not found:
                return ()
            takers.update(dict.fromkeys(found))
        return tuple(sorted(takers))

    def add(self, route: Route) -> None:
        """The next route of the file."""
        place = len(self._routes)
        self._routes.append(route)
        self._boxes.append(box_of(route))
        for case in islice(_cases(route), MOST_CASES):
            places = tuple(at for at in range(_PREFIX) if case[at] is not None)
            prefix = case[_PREFIX]
            kind = _Kind(places, len(prefix) if prefix is not None else 0)
            key = (*(case[at] for at in places), prefix)
            there = self._kinds.setdefault(kind, {}).setdefault(key, [])
            if not (route.texts or route.pattern) or len(there) < MOST_WORDED:
                there.append(place)

    def _takers_of(self, case: _Case, route: Route, box: Box) -> list[int]:
        """The earlier routes that together take one case of a route; empty when something of it is left."""
        account = case[_ACCOUNT]
        if account is not None and case[_DEPARTMENT] is None:
            case = (account, self._departments.get(account), *case[2:])
        fitting = [place for place in sorted(self._fitting(case)) if _text_within(route, self._routes[place])]
        for place in fitting:  # one that takes all of it says more than several that share it
            if not any(mine & ~other for mine, other in zip(box, self._boxes[place], strict=True)):
                return [place]
        left, takers = [box], []
        for place in fitting:
            taken = self._boxes[place]
            if not any(all(map(and_, piece, taken)) for piece in left):
                continue
            takers.append(place)
            left = [rest for piece in left for rest in _without(piece, taken)]
            if not left:
                return takers
            if len(left) > MOST_PIECES:
                return []
        return []

    def _fitting(self, case: _Case) -> Iterator[int]:
        """Earlier routes whose lists take all of a case."""
        prefix = case[_PREFIX] or ""
        for (places, digits), known in self._kinds.items():
            if digits > len(prefix) or any(case[at] is None for at in places):
                continue
            yield from known.get((*(case[at] for at in places), prefix[:digits] if digits else None), ())


def hidden_routes(routes: Iterable[Route], departments: Mapping[str, str]) -> Iterator[Hidden]:
    """Every route that can never be reached."""
    cover = Cover(departments)
    for place, route in enumerate(routes):
        by = cover.hidden_by(route)
        if by:
            yield Hidden(place, by)
        cover.add(route)


def accidents(routes: Mapping[int, Route], departments: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) of routes for which only their order decides: one for each two kinds of routes.

    ``routes`` by their places, in order.

    Both are equally specific (as many conditions), some messages fit both, neither takes all of the other, and they
    lead to different carriers.
    """
    kinds: dict[tuple[str, ...], list[tuple[int, Route]]] = {}
    for place, route in routes.items():
        kinds.setdefault(tuple(key for key, _ in conditions(route)), []).append((place, route))
    for kind, members in kinds.items():
        for other, others in kinds.items():
            if len(kind) != len(other) or members[0][0] > others[0][0]:
                continue
            pair = _same_kind(members, departments) if kind == other else _other_kind(members, others, departments)
            if pair is not None:
                yield min(pair), max(pair)


def _same_kind(members: list[tuple[int, Route]], departments: Mapping[str, str]) -> tuple[int, int] | None:
    """Routes of one kind meet where they list the same; so only those that share a case are compared."""
    by_case: dict[_Case, list[tuple[int, Route]]] = {}
    for place, route in members:
        for case in islice(_cases(route), MOST_CASES):
            met = by_case.setdefault(case, [])
            for earlier, other in met:
                if _differ_by_order(other, route, departments):
                    return earlier, place
            if len(met) < COMPARED:
                met.append((place, route))
    return None


def _other_kind(
    members: list[tuple[int, Route]], others: list[tuple[int, Route]], departments: Mapping[str, str]
) -> tuple[int, int] | None:
    for place, route in members[:COMPARED]:
        for later, other in others[:COMPARED]:
            if _differ_by_order(route, other, departments):
                return place, later
    return None


def _differ_by_order(one: Route, other: Route, departments: Mapping[str, str]) -> bool:
    if (one.carriers, one.weights, one.prefer) == (other.carriers, other.weights, other.prefer):
        return False
    if one.name in other.overlaps or other.name in one.overlaps:
        return False
    return meets(one, other, departments) and not within(one, other) and not within(other, one)


def meets(one: Route, other: Route, departments: Mapping[str, str]) -> bool:
    """Whether some message may fit both; two texts may always stand in one message."""
    for mine, theirs in list(zip(_lists(one), _lists(other), strict=True))[:_PREFIX]:
        if mine and theirs and not set(mine) & set(theirs):
            return False
    if (mine := _beginnings(one)) and (theirs := _beginnings(other)):
        both = product(mine, theirs)
        if not any(each.startswith(another) or another.startswith(each) for each, another in both):
            return False
    if not (_departments_meet(one, other, departments) and _departments_meet(other, one, departments)):
        return False
    return all(map(and_, box_of(one), box_of(other)))


def _beginnings(route: Route) -> tuple[str, ...]:
    """How numbers that fit begin; empty: anyhow. Only Chinese ones have a province."""
    return route.prefixes or ((CHINA,) if route.provinces and "" not in route.provinces else ())


def _departments_meet(one: Route, other: Route, departments: Mapping[str, str]) -> bool:
    """Whether an account that one route lists may be of a department that the other lists."""
    if one.accounts is None or other.departments is None:
        return True
    return any(departments.get(account) in other.departments for account in one.accounts)


def within(inner: Route, outer: Route) -> bool:
    """Whether every message that fits ``inner`` fits ``outer``, as far as can be told."""
    for mine, theirs in list(zip(_lists(inner), _lists(outer), strict=True))[:_PREFIX]:
        if theirs and not (mine and set(mine) <= set(theirs)):
            return False
    if outer.prefixes and not (inner.prefixes and all(each.startswith(outer.prefixes) for each in inner.prefixes)):
        return False
    if any(mine & ~theirs for mine, theirs in zip(box_of(inner), box_of(outer), strict=True)):
        return False
    return _text_within(inner, outer)
