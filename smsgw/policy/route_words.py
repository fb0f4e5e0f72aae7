"""A route in words: what fits it and where it goes, for lists, explanations and differences.

Owns: one wording, close to the keys of the file, so that what is read can be written. Never decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.number_plan import OTHER
from smsgw.policy.route import ANY_DAY, ANY_MINUTE, ANY_SEGMENTS, MOST_SEGMENTS, Route, day_bit

DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKDAYS: Final = sum(day_bit(day, True) for day in range(7))
HOLIDAYS: Final = sum(day_bit(day, False) for day in range(7))


def conditions(route: Route) -> Iterator[tuple[str, str]]:
    """Each condition as its key in the file and its values; nothing for a route that takes everything."""
    listed = {
        "account": route.accounts,
        "department": route.departments,
        "class": _labels(route.classes),
        "lane": _labels(route.lanes),
        "signature": route.signatures,
        "template": route.templates,
        "prefix": route.prefixes or None,
        "network": None if route.networks is None else [each or OTHER for each in route.networks],
        "province": None if route.provinces is None else [each or OTHER for each in route.provinces],
    }
    for key, values in listed.items():
        if values is not None:
            ordered = values if key in ("class", "lane") else sorted(values)
            yield key, ", ".join(each or "(none)" for each in ordered)
    if route.segments != ANY_SEGMENTS:
        yield "segments", ", ".join(_segments(route.segments))
    if route.texts:
        yield "text", ", ".join(route.texts)
    if route.pattern:
        yield "text_pattern", route.pattern
    if route.days != ANY_DAY:
        yield "days", ", ".join(_days(route.days))
    if route.minutes != ANY_MINUTE:
        yield "hours", ", ".join(_hours(route.minutes))
    if route.max_cost is not None:
        yield "max_cost", f"{route.max_cost:g}"


def describe(route: Route) -> str:
    """All conditions in one line."""
    return "; ".join(f"{key} {values}" for key, values in conditions(route)) or "everything"


def carriers_of(route: Route) -> str:
    """Where it goes: ``alpha 70 %, beta 30 %, then gamma`` or ``alpha, then beta``."""
    total = sum(route.weights)
    shares = [
        f"{name} {100 * weight / total:.3g} %" for name, weight in zip(route.carriers, route.weights, strict=False)
    ]
    if route.prefer == "cheapest":
        return "the cheapest of " + ", ".join(route.carriers)
    shown = ", ".join(shares) if shares else route.carriers[0]
    backups = route.carriers[max(len(shares), 1) :]
    return shown + "".join(f", then {name}" for name in backups)


def _labels(numbers: Iterable[int] | None) -> list[str] | None:
    return None if numbers is None else [CLASS_LABELS[each] for each in sorted(numbers)]


def _runs(mask: int, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The runs of bits that are set, as first and last."""
    start = None
    for place in range(first, last + 2):
        if place <= last and mask >> place & 1:
            start = place if start is None else start
        elif start is not None:
            yield start, place - 1
            start = None


def _segments(mask: int) -> Iterator[str]:
    for first, last in _runs(mask, 1, MOST_SEGMENTS):
        if last == MOST_SEGMENTS:
            yield f">={first}"
        else:
            yield str(first) if first == last else f"{first}-{last}"


def _days(mask: int) -> Iterator[str]:
    if mask in (WORKDAYS, HOLIDAYS):
        yield "workdays" if mask == WORKDAYS else "holidays"
        return
    for day, name in enumerate(DAY_NAMES):
        workday, off = mask & day_bit(day, True), mask & day_bit(day, False)
        if workday and off:
            yield name
        elif workday or off:
            yield f"{name} ({'workday' if workday else 'day off'})"


def _hours(mask: int) -> Iterator[str]:
    for first, last in _runs(mask, 0, 1439):
        yield f"{first // 60:02}:{first % 60:02}-{(last + 1) // 60:02}:{(last + 1) % 60:02}"
