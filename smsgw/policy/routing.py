"""Which way a message may take: the first route of the file that fits.

Owns: the compiled route table. Never knows whether a carrier is up; that is failover's.
Invariant: a finder gives the same answer as a scan of the routes in file order (``Route.fits``), at a cost that does
not grow with their number. Routes are put by account, department, class and lane into cells; within a cell into
groups that look at the same things (signature, template, network, province, so many digits); a group is one dict.
A message asks the groups of its cells, those that begin earliest in the file first, and stops when the others begin
behind what it has found. What can't be a key (segments, text, time) is asked of the few routes in the bucket.
What can go wrong: many routes that differ in their texts alone lie in one bucket and are asked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from operator import itemgetter
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.localtime import to_local
from smsgw.policy.model import Draft, MessageClass
from smsgw.policy.number_plan import NumberPlan
from smsgw.policy.route import ANY_DAY, ANY_MINUTE, ANY_SEGMENTS, MOST_SEGMENTS, Route, Ways, day_bit

__all__ = ["Route", "RouteClock", "RouteFinder", "RouteTable", "Ways"]

#: Keys that one route may have in a group; with more, the longest of its lists is looked through instead.
KEYS_OF_A_ROUTE: Final = 1024
_MINUTE_MS: Final = 60_000
_UTC: Final = ZoneInfo("UTC")

# Where a finder puts what a message is known by; behind them come the first digits of its number.
_SIGNATURE, _TEMPLATE, _NETWORK, _PROVINCE, _NOTHING, _DIGITS = range(6)

Rest: TypeAlias = Callable[[Draft], bool]
_Placed: TypeAlias = tuple[int, Route, Rest | None]
_Kind: TypeAlias = tuple[tuple[int, ...], int]
"""The places that a group looks at, and how many digits; 0: none."""
_CellKey: TypeAlias = tuple[str | None, str | None, int, int | None]
"""Account, department, class, lane; None: routes that don't say."""


class RouteClock:
    """The bits of a day and a minute on the site's wall clock; call it with business time. Remembers the minute."""

    __slots__ = ("_known", "_workdays", "_zone")

    def __init__(self, zone: ZoneInfo, workdays: Workdays | None = None) -> None:
        self._zone = zone
        self._workdays = workdays if workdays is not None else Workdays()
        self._known = (-1, (0, 0))

    def __call__(self, at_ms: int) -> tuple[int, int]:
        minute, bits = self._known
        now = at_ms // _MINUTE_MS
        if now != minute:
            local = to_local(at_ms, self._zone)
            day = day_bit(local.weekday(), self._workdays.is_workday(local.date()))
            bits = (day, 1 << (local.hour * 60 + local.minute))
            self._known = (now, bits)
        return bits


@dataclass(slots=True)
class _Group:
    """Routes of one cell that look at the same things. ``first``: the place in the file of the first of them."""

    first: int
    kind: _Kind
    reads_content: bool = False
    buckets: dict[object, list[_Placed]] = field(default_factory=dict)


class RouteFinder:
    """Finds the route of a prepared draft, for one account and class; call it."""

    __slots__ = ("_beginnings", "_lengths", "_probes", "reads_content")

    def __init__(self, groups: Iterable[_Group]) -> None:
        ordered = sorted(groups, key=lambda group: group.first)
        self._lengths = tuple(sorted({group.kind[1] for group in ordered if group.kind[1]}))
        # Two at least, for of one it would give no tuple; nobody looks at more than there are lengths.
        self._beginnings = itemgetter(*map(slice, (*self._lengths, 0, 0)))
        self._probes = tuple((group.first, self._getter(group.kind), group.buckets) for group in ordered)
        #: Whether the signature or the template matters, which are known only when the text has been looked at.
        self.reads_content = any(group.reads_content for group in ordered)

    def _getter(self, kind: _Kind) -> itemgetter[object]:
        places, digits = kind
        if digits:
            places = (*places, _DIGITS + self._lengths.index(digits))
        return itemgetter(*(places or (_NOTHING,)))

    def __call__(self, draft: Draft) -> Route | None:
        """The first route in file order that fits, or None."""
        recipient, template = draft.recipient, draft.template
        known = (
            draft.signature or "",
            template.id if template is not None else "",
            draft.network,
            draft.province,
            "",
        )
        if self._lengths:
            known += self._beginnings(recipient)
        found: Route | None = None
        best = 1 << 60
        for first, getter, buckets in self._probes:
            if first > best:
                break
            bucket = buckets.get(getter(known))
            if bucket is not None:
                for order, route, rest in bucket:
                    if order > best:
                        break
                    if rest is None or rest(draft):
                        best, found = order, route
                        break
        return found


class RouteTable:
    """All routes of a site, with its number plan. Made once per configuration; accounts share what they can.

    ``zone`` and ``workdays`` say what days and hours of routes mean.
    """

    __slots__ = ("_cells", "_compiled", "_finders", "clock", "plan", "routes")

    def __init__(
        self,
        routes: Iterable[Route],
        plan: NumberPlan | None = None,
        zone: ZoneInfo = _UTC,
        workdays: Workdays | None = None,
    ) -> None:
        self.routes = tuple(routes)
        self.plan = plan if plan is not None else NumberPlan()
        self.clock = RouteClock(zone, workdays)
        self._cells: dict[_CellKey, list[tuple[int, Route]]] = {}
        for order, route in enumerate(self.routes):
            for key in _cells_of(route):
                self._cells.setdefault(key, []).append((order, route))
        self._compiled: dict[_CellKey, tuple[_Group, ...]] = {}
        self._finders: dict[tuple[_CellKey, ...], RouteFinder] = {}

    def finders(self, account: str, department: str = "", lane: int = 0) -> tuple[RouteFinder, ...]:
        """One finder per message class, indexed by it. ``lane``: the account's own, which may lower that of a class."""
        return tuple(
            self._finder(account, department, each, max(each, lane))  # each class has a finder of its own
            for each in MessageClass
        )

    def find(self, draft: Draft, department: str = "", lane: int = 0) -> Route | None:
        """The first route in file order that fits a prepared draft, or None; ``finders`` for those who ask often."""
        return self.finders(draft.account, department, lane)[draft.message_class](draft)

    def _finder(self, account: str, department: str, message_class: int, lane: int) -> RouteFinder:
        keys = tuple(
            key
            for key in product((account, None), (department, None), (message_class,), (lane, None))
            if key in self._cells
        )
        found = self._finders.get(keys)
        if found is None:
            found = self._finders[keys] = RouteFinder(group for key in keys for group in self._groups(key))
        return found

    def _groups(self, key: _CellKey) -> tuple[_Group, ...]:
        groups = self._compiled.get(key)
        if groups is None:
            groups = self._compiled[key] = _grouped(self._cells[key], self.clock)
        return groups


def _cells_of(route: Route) -> Iterator[_CellKey]:
    return product(
        sorted(route.accounts) if route.accounts is not None else (None,),
        sorted(route.departments) if route.departments is not None else (None,),
        sorted(route.classes) if route.classes is not None else MessageClass,
        sorted(route.lanes) if route.lanes is not None else (None,),
    )


def _grouped(routes: Iterable[tuple[int, Route]], clock: RouteClock) -> tuple[_Group, ...]:
    groups: dict[_Kind, _Group] = {}
    for order, route in routes:
        keyed, rest = _split(route, clock)
        for kind, key in _keys(route, keyed):
            group = groups.setdefault(kind, _Group(order, kind))
            group.reads_content |= route.signatures is not None or route.templates is not None
            bucket = group.buckets.setdefault(key, [])
            if not bucket or bucket[-1][2] is not None:  # else nothing gets past the last one
                bucket.append((order, route, rest))
    return tuple(groups.values())


def _sets(route: Route) -> dict[int, tuple[str, ...]]:
    """What a route lists of each thing that can be a key, by its place."""
    listed = {
        _SIGNATURE: route.signatures,
        _TEMPLATE: route.templates,
        _NETWORK: route.reached_networks,
        _PROVINCE: route.provinces,
        _DIGITS: route.prefixes or None,
    }
    return {place: tuple(sorted(values)) for place, values in listed.items() if values is not None}


def _split(route: Route, clock: RouteClock) -> tuple[Mapping[int, tuple[str, ...]], Rest | None]:
    """What becomes the key of a route, and what must be asked besides; None: nothing."""
    keyed = _sets(route)
    asked: list[Rest] = []
    while prod(map(len, keyed.values())) > KEYS_OF_A_ROUTE:
        place = max(keyed, key=lambda each: len(keyed[each]))
        asked.append(_listed(route, place, keyed.pop(place)))
    if route.segments != ANY_SEGMENTS:
        asked.append(lambda draft: bool(route.segments >> min(draft.segments, MOST_SEGMENTS) & 1))
    if route.days != ANY_DAY or route.minutes != ANY_MINUTE:
        asked.append(lambda draft: _is_open(route, clock(draft.at_ms)))
    if route.texts or route.pattern:
        asked.append(_text(route))
    if not asked:
        return keyed, None
    if len(asked) == 1:
        return keyed, asked[0]
    return keyed, lambda draft: all(ask(draft) for ask in asked)


def _text(route: Route) -> Rest:
    if len(route.texts) != 1 or route.pattern:
        return route.reads_text
    part = route.texts[0]  # the usual one, without a loop: many such routes may lie in one bucket
    return lambda draft: part in draft.text


def _is_open(route: Route, clock: tuple[int, int]) -> bool:
    return bool(route.days & clock[0] and route.minutes & clock[1])


def _listed(route: Route, place: int, values: tuple[str, ...]) -> Rest:
    wanted = frozenset(values)
    if place == _SIGNATURE:
        return lambda draft: (draft.signature or "") in wanted
    if place == _TEMPLATE:
        return lambda draft: (draft.template.id if draft.template is not None else "") in wanted
    if place == _NETWORK:
        return lambda draft: draft.network in wanted
    if place == _PROVINCE:
        return lambda draft: draft.province in wanted
    return lambda draft: draft.recipient.startswith(values)


def _keys(route: Route, keyed: Mapping[int, tuple[str, ...]]) -> Iterator[tuple[_Kind, object]]:
    """Every key of a route with the group that it belongs to."""
    places = tuple(place for place in sorted(keyed) if place != _DIGITS)
    prefixes = keyed.get(_DIGITS, ("",))
    for values in product(*(keyed[place] for place in places)):
        for prefix in prefixes:
            whole = (*values, prefix) if prefix else values
            yield (places, len(prefix)), whole[0] if len(whole) == 1 else whole or ""
