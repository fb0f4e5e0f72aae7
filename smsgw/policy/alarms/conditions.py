"""What is read off the facts for each kind of alarm; thresholds come later.

Facts are plain values: counts of records, and looks at what gateways say. Numbers are of all messages that there were,
also where these are too few to say anything: a reading has its volume, and the rule its minimum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from statistics import median
from typing import Final, NamedTuple

from smsgw.policy.alarms.standing import Reading

NO_TEMPLATE: Final = ""


class Delivered(NamedTuple):
    """Last receipts of a carrier's messages to a province, empty where it is not known."""

    carrier: str
    province: str
    delivered: int
    failed: int


class Reactions(NamedTuple):
    """What came of messages of a template, empty for texts of none: taken from recipients' last message before."""

    account: str
    template: str
    messages: int
    unsubscribed: int
    complained: int


class Look(NamedTuple):
    """What gateways said at a time, over all that answered.

    ``answers``: carrier → upper bound in seconds → how many answers came within, since the gateways started.
    ``waiting``: (carrier, class) → messages. ``refused``: (carrier, status) → binds that it refuses for good.
    ``silent_s``: gateway → how long it has not answered, 0 for one that does.
    """

    at_ms: int
    answers: Mapping[str, Mapping[float, float]] = {}
    waiting: Mapping[tuple[str, str], int] = {}
    codes_wait_s: Mapping[str, float] = {}
    overdue: Mapping[str, int] = {}
    refused: Mapping[tuple[str, str], int] = {}
    silent_s: Mapping[str, float] = {}
    carriers_up: frozenset[str] = frozenset()


def delivery(counts: Iterable[Delivered]) -> list[Reading]:
    """The share delivered, by carrier and by carrier and province."""
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for each in counts:
        for scope in ((each.carrier,), (each.carrier, each.province)):
            if all(scope):
                sums[scope][0] += each.delivered
                sums[scope][1] += each.delivered + each.failed
    names = ("carrier", "province")
    return [
        Reading(tuple(zip(names, scope, strict=False)), done / all_, all_)
        for scope, (done, all_) in sorted(sums.items())
        if all_
    ]


def complaints(counts: Iterable[Reactions]) -> list[Reading]:
    """How many complained, by account and by its template."""
    sums: dict[tuple[str, ...], int] = defaultdict(int)
    for each in counts:
        for scope in ((each.account,), (each.account, each.template)):
            if all(scope):
                sums[scope] += each.complained
    names = ("account", "template")
    found = ((tuple(zip(names, scope, strict=False)), count) for scope, count in sorted(sums.items()) if count)
    return [Reading(labels, count, count) for labels, count in found]


def unsubscribe_rate(counts: Iterable[Reactions]) -> list[Reading]:
    """The share of a template's messages that were answered with an opt-out."""
    return [
        Reading(
            (("account", each.account), ("template", each.template)), each.unsubscribed / each.messages, each.messages
        )
        for each in counts
        if each.messages and each.template != NO_TEMPLATE
    ]


def slow(before: Look, now: Look) -> list[Reading]:
    """The time within which 95 of 100 answers came since ``before``, by carrier."""
    found = []
    for carrier, buckets in sorted(now.answers.items()):
        since = before.answers.get(carrier)
        if since is None:
            continue
        # A gateway that started anew counts from 0 again; what it had counted before is lost, and so is the difference.
        more = {bound: count - since.get(bound, 0) for bound, count in buckets.items()}
        if any(count < 0 for count in more.values()):
            more = dict(buckets)
        volume = round(max(more.values(), default=0))
        if volume:
            found.append(Reading((("carrier", carrier),), _p95(more, volume), volume))
    return found


def _p95(cumulative: Mapping[float, float], volume: int) -> float:
    """Between the bounds as if answers were spread evenly; beyond the last bound, that bound."""
    wanted, low, below = 0.95 * volume, 0.0, 0.0
    for bound, count in sorted(cumulative.items()):
        if count >= wanted:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (wanted - below) / (count - below) if count > below else bound
        low, below = bound, count
    return low


def growing(before: Look, now: Look) -> list[Reading]:
    """What waits for a carrier; it begins an alarm only where it is more than before."""
    return [
        Reading(
            (("carrier", carrier), ("class", name)), count, count, counts=count > before.waiting.get((carrier, name), 0)
        )
        for (carrier, name), count in sorted(now.waiting.items())
        if count
    ]


def of_carriers(values: Mapping[str, float]) -> list[Reading]:
    """One figure of each carrier."""
    return [Reading((("carrier", name),), value) for name, value in sorted(values.items())]


def refused(now: Look) -> list[Reading]:
    """Binds that a carrier refuses for good, by status."""
    return [
        Reading((("carrier", carrier), ("status", status)), count)
        for (carrier, status), count in sorted(now.refused.items())
    ]


class Traffic(NamedTuple):
    """What an account sent. ``running``: in the hour that goes on; ``last``: in the whole hour before.

    ``running_before`` and ``last_before``: in the same hours of earlier weeks that can be compared.
    """

    running: int
    last: int
    running_before: Sequence[int]
    last_before: Sequence[int]


def traffic_high(of: Mapping[str, Traffic]) -> list[Reading]:
    """The multiple of what is usual in the hour that goes on, or in the one before if that is more.

    An account of which nothing is known of earlier weeks has none; where nothing was sent then, one message is taken
    to be usual.
    """
    found = []
    for account, each in sorted(of.items()):
        pairs = ((each.running, each.running_before), (each.last, each.last_before))
        values = [(count / max(1.0, median(before)), count) for count, before in pairs if before]
        if values:
            value, count = max(values)
            found.append(Reading((("account", account),), value, count))
    return found


def traffic_low(of: Mapping[str, Traffic]) -> list[Reading]:
    """The share of what is usual in the last whole hour; its volume is what is usual."""
    return [
        Reading((("account", account),), each.last / usual, round(usual))
        for account, each in sorted(of.items())
        if each.last_before and (usual := median(each.last_before))
    ]


def ending(last_days: Iterable[tuple[str, str, str]], today: date) -> list[Reading]:
    """Days until an approval or a licence ends, of (what it is of, name, its last day in ISO form, empty for none)."""
    return [
        Reading((("of", of), ("name", name)), (date.fromisoformat(day) - today).days)
        for of, name, day in sorted(last_days)
        if day
    ]


def calendar(first_unknown_year: int, today: date) -> list[Reading]:
    """Days until a year begins whose holidays nobody has told."""
    labels = (("year", str(first_unknown_year)),)
    return [Reading(labels, (date(first_unknown_year, 1, 1) - today).days)]
