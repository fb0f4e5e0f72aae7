"""How the messages of late would go under other files: each is routed by both, and what differs is counted.

Judges by what records hold: account, class, signature, segments, time and the ends of the number. The text is in no
record, and the middle of a number is not either: a message whose way depends on the hidden digits (a longer prefix, a
province, a network) counts as possible, with the share of all numbers of its ends that would move as its likelihood.
Routes that look at the text or the template never fit here. Changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from smsgw.config.site import Site
from smsgw.policy.model import Draft
from smsgw.policy.number_plan import planned_network
from smsgw.policy.numbers import CHINA
from smsgw.policy.pipeline import Rules
from smsgw.policy.registers import Registers
from smsgw.policy.route import Route
from smsgw.records.record import NO_CLASS, Record, Step
from smsgw.site_rules import compiled_rules

ACCEPTED: Final = frozenset((int(Step.ACCEPTED), int(Step.HELD), int(Step.PARKED)))
_HIDDEN: Final = "****"
_FILLS: Final = tuple(f"{digits:04}" for digits in range(10_000))
_LABELS: Final = ("otp", "notice", "marketing")

NOWHERE: Final = "no route"


@dataclass(frozen=True, slots=True)
class Moved:
    """Messages of one account and class that may go another way; of ``possible`` hidden digits decide.

    ``expected``: how many probably do, if the numbers are spread evenly over what their hidden digits may be.
    """

    account: str
    message_class: str
    before: str
    after: str
    count: int
    possible: int
    expected: float
    example: str


@dataclass(frozen=True, slots=True)
class Rerouting:
    """``looked_at`` messages; ``unknown`` of them can't be judged, because their account or number is not known.

    ``sure`` ones go another way whatever their hidden digits are, ``perhaps`` others. One that may go several ways
    counts for each of them in ``moved``, which begins with the likeliest.
    """

    looked_at: int
    unknown: int
    sure: int
    perhaps: int
    moved: list[Moved]

    @property
    def count(self) -> int:
        """Messages that go, or may go, another way."""
        return self.sure + self.perhaps

    @property
    def expected(self) -> float:
        """How many of them probably do."""
        return sum(each.expected for each in self.moved)


def rerouting(before: Site, after: Site, records: Iterable[Record]) -> Rerouting:
    """Both sites' routes for each accepted message of ``records``."""
    old, new = compiled_rules(before, Registers()), compiled_rules(after, Registers())
    kinds = _Kinds(before, after)
    found: dict[tuple[str, str, str, str], Moved] = {}
    looked_at = unknown = sure = perhaps = 0
    for record in records:
        if record.step not in ACCEPTED or record.message_class == NO_CLASS:
            continue
        looked_at += 1
        ways = _ways(old.get(record.account), new.get(record.account), record, kinds)
        if ways is None:
            unknown += 1
            continue
        differing = {way: share for way, share in ways.items() if way[0] != way[1]}
        sure += len(differing) == len(ways)
        perhaps += 0 < len(differing) < len(ways)
        for way, share in differing.items():
            key = (record.account, _LABELS[record.message_class], *way)
            moved = found.get(key) or Moved(*key, 0, 0, 0.0, record.recipient_masked)
            found[key] = replace(
                moved,
                count=moved.count + 1,
                possible=moved.possible + (len(ways) > 1),
                expected=moved.expected + share,
            )
    return Rerouting(
        looked_at, unknown, sure, perhaps, sorted(found.values(), key=lambda each: each.expected, reverse=True)
    )


class _Kinds:
    """Of each beginning of a number one number for whatever its hidden digits may decide, and how likely that is."""

    def __init__(self, before: Site, after: Site) -> None:
        routes = [*before.routes.routes, *after.routes.routes]
        self._prefixes = frozenset(prefix for route in routes for prefix in route.prefixes)
        self._lengths = sorted({len(each) for each in self._prefixes})
        self._plans = (before.routes.plan, after.routes.plan)
        self.of = cache(self._of)

    def _of(self, head: str) -> dict[str, float]:
        """Four digits to put behind ``head`` → their share of all that there are."""
        lengths = [each for each in self._lengths if each > len(head)]
        counts: Counter[tuple[object, ...]] = Counter()
        one: dict[tuple[object, ...], str] = {}
        for fill in _FILLS:
            number = f"{head}{fill}0000"
            begins = tuple(number[:each] in self._prefixes and number[:each] for each in lengths)
            kind = (planned_network(number), begins, *(each.province(number) for each in self._plans))
            counts[kind] += 1
            one.setdefault(kind, fill)
        return {one[kind]: count / len(_FILLS) for kind, count in counts.items()}


def _ways(old: Rules | None, new: Rules | None, record: Record, kinds: _Kinds) -> dict[tuple[str, str], float] | None:
    """(before, after) of the numbers that it may have been, with their shares; None when nothing can be said."""
    rules = old or new
    head, hidden, tail = record.recipient_masked.partition(_HIDDEN)
    if rules is None or not hidden or not head:
        return None
    head = (CHINA if rules.profile.country == CHINA else "") + head
    ways: dict[tuple[str, str], float] = {}
    for fill, share in kinds.of(head).items():
        number = head + fill + tail
        way = (_way(old, record, number), _way(new, record, number))
        ways[way] = ways.get(way, 0.0) + share
    return ways


def _way(rules: Rules | None, record: Record, number: str) -> str:
    if rules is None:
        return "no such account"
    draft = Draft(record.account, record.message_class, "", number, "", max(1, record.segments), record.at_ms)
    draft.signature = record.signature or None
    route = rules.route(draft)
    return NOWHERE if route is None else f"{route.name}: {_leads_to(route, draft)}"


def _leads_to(route: Route, draft: Draft) -> str:
    """The carriers, those that share in the file's order: whom a number draws is no other way."""
    shares = dict(zip(route.carriers, route.weights, strict=False))
    if len(shares) < 2:
        return ", ".join(draft.carriers)
    sharing = [f"{name} {shares[name]}" for name in route.carriers if name in shares and name in draft.carriers]
    return ", ".join([" : ".join(sharing), *(name for name in draft.carriers if name not in shares)])
