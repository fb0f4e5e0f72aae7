"""One route: what fits it, and in which order a message tries its carriers.

Owns: the meaning of every condition (``fits``), weights, and which carriers are left for a network. Never knows whether
a carrier is up; that is failover's. Chance is the recipient: the same number gets the same carrier as long as the
weights stay, which keeps the messages to it in order and makes a message's way repeatable.
Conditions that can be counted are bit masks (segments, days, minutes), so that "all of it" and "less than" are one
operation for lookup and for the check of what can be reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias
from zlib import crc32

if TYPE_CHECKING:
    from smsgw.policy.model import Draft
    from smsgw.policy.profile import CarrierPolicy

Preference: TypeAlias = Literal["order", "cheapest"]

#: More segments than this count as this many; no carrier takes as many.
MOST_SEGMENTS: Final = 255
ANY_SEGMENTS: Final = (1 << (MOST_SEGMENTS + 1)) - 2
"""One bit for each number of segments, from 1 on."""
READ_BY_PATTERNS: Final = 500
"""Characters of a text that patterns see; with their repetitions bounded, this bounds their time."""
ANY_DAY: Final = (1 << 14) - 1
"""Two bits for each day of the week from Monday on: as a day off, and as a workday."""
ANY_MINUTE: Final = (1 << 1440) - 1
"""One bit for each minute of the day."""


def day_bit(weekday: int, is_workday: bool) -> int:
    """The bit of a day; Monday is 0."""
    return 1 << (2 * weekday + is_workday)


class Ways(NamedTuple):
    """The carriers of a route for one network: the first ``len(weights)`` share by weight, the others are backups."""

    carriers: tuple[str, ...]
    weights: tuple[int, ...] = ()

    def order(self, recipient: str) -> tuple[str, ...]:
        """One after the other drawn by weight, and behind them the backups."""
        if len(self.weights) < 2:
            return self.carriers
        chance, total = crc32(recipient.encode()), sum(self.weights)
        if len(self.weights) == 2:  # the usual share, at a third of the cost
            if chance % total < self.weights[0]:
                return self.carriers
            return (self.carriers[1], self.carriers[0], *self.carriers[2:])
        left, weights = list(self.carriers[: len(self.weights)]), list(self.weights)
        drawn: list[str] = []
        # Without any chance left each of them would be the first of those that are left.
        while chance and len(left) > 1:
            chance, point = divmod(chance, total)
            place = 0
            while point >= weights[place]:
                point -= weights[place]
                place += 1
            drawn.append(left.pop(place))
            total -= weights.pop(place)
        return (*drawn, *left, *self.carriers[len(self.weights) :])


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the routes file. None, and no prefixes or texts, mean any.

    ``prefixes`` are E.164 digits without a plus; ``networks`` and ``provinces`` as in ``number_plan``; ``texts``:
    one of them must stand in the text; ``pattern`` must be found in it. ``carriers``, never empty, in order of
    preference, those that share by ``weights`` first. ``overlaps``: routes whose order to this one is meant.
    ``by_network``: the ways of each network that its carriers leave, see ``offered``; ``reached_networks``: those.
    Raises ValueError when a message could never or nowhere go by it.
    """

    name: str
    accounts: frozenset[str] | None
    classes: frozenset[int] | None
    prefixes: tuple[str, ...]
    carriers: tuple[str, ...]
    departments: frozenset[str] | None = None
    lanes: frozenset[int] | None = None
    signatures: frozenset[str] | None = None
    templates: frozenset[str] | None = None
    networks: frozenset[str] | None = None
    provinces: frozenset[str] | None = None
    segments: int = ANY_SEGMENTS
    texts: tuple[str, ...] = ()
    pattern: str = ""
    days: int = ANY_DAY
    minutes: int = ANY_MINUTE
    weights: tuple[int, ...] = ()
    max_cost: float | None = None
    prefer: Preference = "order"
    overlaps: frozenset[str] = frozenset()
    by_network: Mapping[str, Ways] | None = None
    all_ways: Ways = field(init=False)
    reached_networks: frozenset[str] | None = field(init=False)
    regex: re.Pattern[str] | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.carriers:
            raise ValueError("a route needs at least one carrier")
        for prefix in self.prefixes:
            if not (prefix.isascii() and prefix.isdigit()):
                raise ValueError(f"prefix {prefix!r} must be digits with the country code, such as 86139")
        object.__setattr__(self, "all_ways", Ways(self.carriers, self.weights))
        reached = self.networks if self.by_network is None else frozenset(self.by_network)
        object.__setattr__(self, "reached_networks", reached)
        object.__setattr__(self, "regex", re.compile(self.pattern) if self.pattern else None)

    def order(self, recipient: str, network: str = "") -> tuple[str, ...]:
        """The carriers in the order in which a message to this number tries them."""
        ways = self.by_network.get(network, self.all_ways) if self.by_network else self.all_ways
        return ways.order(recipient) if len(ways.weights) > 1 else ways.carriers

    def offered(self, carriers: Mapping[str, CarrierPolicy], networks: Iterable[str]) -> Route:
        """The route as it is once costs and networks of its carriers are known; ``networks``: all there are, with "".

        For each network only the carriers are left that serve it and don't cost more than ``max_cost``; the cheapest
        first if it is preferred. A network for which none is left is none of this route's.
        """
        known = [carriers[name] for name in self.carriers if name in carriers]
        special = self.max_cost is not None or self.prefer == "cheapest" or any(each.networks for each in known)
        if not special:
            return self
        ways = {}
        for network in networks:
            if self.networks is None or network in self.networks:
                found = self._ways(carriers, network)
                if found.carriers:
                    ways[network] = found
        return replace(self, by_network=ways)

    def _ways(self, carriers: Mapping[str, CarrierPolicy], network: str) -> Ways:
        shares = dict(zip(self.carriers, self.weights, strict=False))
        names = [name for name in self.carriers if name not in carriers or self._takes(carriers[name], network)]
        if self.prefer == "cheapest":
            names.sort(key=lambda name: carriers[name].cost_for(network) if name in carriers else 0.0)
        return Ways(tuple(names), tuple(shares[name] for name in names if name in shares))

    def _takes(self, carrier: CarrierPolicy, network: str) -> bool:
        return (not carrier.networks or network in carrier.networks) and (
            self.max_cost is None or carrier.cost_for(network) <= self.max_cost
        )

    def is_for(self, account: str, department: str) -> bool:
        """Whether the account's messages may go this way at all."""
        return _in(account, self.accounts) and _in(department, self.departments)

    def reads_text(self, draft: Draft) -> bool:
        """Whether the draft's text is one that fits."""
        text = draft.text
        if self.texts and not any(part in text for part in self.texts):
            return False
        return self.regex is None or self.regex.search(text, 0, READ_BY_PATTERNS) is not None

    def fits(self, draft: Draft, department: str, clock: tuple[int, int]) -> bool:
        """Whether the message may go this way."""
        return next(self.unmet(draft, department, clock), None) is None

    def unmet(self, draft: Draft, department: str, clock: tuple[int, int]) -> Iterator[str]:
        """The keys whose conditions a prepared draft does not meet: what a route means, in one place.

        ``clock``: the bits of the day and the minute of ``draft.at_ms`` on the site's wall clock.
        """
        template = draft.template.id if draft.template is not None else ""
        met = {
            "account": _in(draft.account, self.accounts),
            "department": _in(department, self.departments),
            "class": self.classes is None or draft.message_class in self.classes,
            "lane": self.lanes is None or draft.lane in self.lanes,
            "prefix": not self.prefixes or draft.recipient.startswith(self.prefixes),
            "signature": _in(draft.signature or "", self.signatures),
            "template": _in(template, self.templates),
            "network": _in(draft.network, self.reached_networks),
            "province": _in(draft.province, self.provinces),
            "segments": self.segments >> min(draft.segments, MOST_SEGMENTS) & 1,
            "days": self.days & clock[0],
            "hours": self.minutes & clock[1],
            "text": self.reads_text(draft),
        }
        return (key for key, holds in met.items() if not holds)


def _in(value: str, wanted: frozenset[str] | None) -> bool:
    return wanted is None or value in wanted
