"""How the messages of late would go under other files: each is routed by both, and what differs is counted.

Judges by what records hold: account, class, signature, segments, time and the ends of the number. The text is in no
record, and the middle of a number is not either: a message whose way depends on the hidden digits (a longer prefix, a
province) counts as possible, and routes that look at the text or the template never fit here. Changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from smsgw.config.site import Site
from smsgw.policy.model import Draft
from smsgw.policy.numbers import CHINA
from smsgw.policy.pipeline import Rules
from smsgw.policy.registers import Registers
from smsgw.records.record import NO_CLASS, Record, Step
from smsgw.site_rules import compiled_rules

ACCEPTED: Final = frozenset((int(Step.ACCEPTED), int(Step.HELD), int(Step.PARKED)))
#: What is put in for the hidden digits: some of everywhere.
_FILLS: Final = tuple(f"{digit}{9 - digit}{digit}{digit}" for digit in range(10))
_HIDDEN: Final = "****"
_LABELS: Final = ("otp", "notice", "marketing")

NOWHERE: Final = "no route"


@dataclass(frozen=True, slots=True)
class Moved:
    """Messages of one account and class that go another way; ``possible`` of ``count`` depend on hidden digits."""

    account: str
    message_class: str
    before: str
    after: str
    count: int
    possible: int
    example: str


@dataclass(frozen=True, slots=True)
class Rerouting:
    """``looked_at`` messages; ``unknown`` of them can't be judged, because their account or number is not known."""

    looked_at: int
    unknown: int
    moved: list[Moved]

    @property
    def count(self) -> int:
        """Messages that go, or may go, another way."""
        return sum(each.count for each in self.moved)


def rerouting(before: Site, after: Site, records: Iterable[Record]) -> Rerouting:
    """Both sites' routes for each accepted message of ``records``."""
    old, new = compiled_rules(before, Registers()), compiled_rules(after, Registers())
    counts: Counter[tuple[str, str, str, str]] = Counter()
    possible: Counter[tuple[str, str, str, str]] = Counter()
    examples: dict[tuple[str, str, str, str], str] = {}
    looked_at = unknown = 0
    for record in records:
        if record.step not in ACCEPTED or record.message_class == NO_CLASS:
            continue
        looked_at += 1
        ways = _ways(old.get(record.account), new.get(record.account), record)
        if ways is None:
            unknown += 1
            continue
        differing = [way for way in ways if way[0] != way[1]]
        if differing:
            key = (record.account, _LABELS[record.message_class], *differing[0])
            counts[key] += 1
            possible[key] += len(differing) < len(ways)
            examples.setdefault(key, record.recipient_masked)
    moved = [Moved(*key, count, possible[key], examples[key]) for key, count in counts.most_common()]
    return Rerouting(looked_at, unknown, moved)


def _ways(old: Rules | None, new: Rules | None, record: Record) -> list[tuple[str, str]] | None:
    """(before, after) for each number that it may have been; None when nothing can be said."""
    rules = old or new
    if rules is None or _HIDDEN not in record.recipient_masked or record.recipient_masked.startswith(_HIDDEN):
        return None
    country = CHINA if rules.profile.country == CHINA else ""
    numbers = [country + record.recipient_masked.replace(_HIDDEN, fill) for fill in _FILLS]
    return [(_way(old, record, number), _way(new, record, number)) for number in numbers]


def _way(rules: Rules | None, record: Record, number: str) -> str:
    if rules is None:
        return "no such account"
    draft = Draft(record.account, record.message_class, "", number, "", max(1, record.segments), record.at_ms)
    draft.signature = record.signature or None
    route = rules.route(draft)
    return NOWHERE if route is None else f"{route.name}: {', '.join(draft.carriers)}"
