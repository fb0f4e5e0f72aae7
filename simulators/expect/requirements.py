"""Requirements about the messages that came: how many, each, in which order, no doubles, in one piece, at which hours.

Every function looks at the items an expectation selected, in order of time, and yields what it found;
nothing when it was not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from simulators.entry import Entry
from simulators.expect.finding import Finding, Scene, day_and_time, field_value, offending, zone_of
from simulators.expect.hours import in_hours, local_time, parse_days, parse_hours
from simulators.expect.model import Expectation
from simulators.expect.patterns import compile_regex
from simulators.expect.selection import Selection
from simulators.expect.whole import Item
from simulators.expect.words import conditions, count_of, counted, seconds, what_is_wrong

Requirement: TypeAlias = Callable[[Expectation, Sequence[Item], Scene], Iterator[Finding]]


def lower_bound(expectation: Expectation) -> int | None:
    """How many there must be at least; None when nothing was said, and something else was required."""
    if expectation.count is not None:
        return expectation.count or None
    if expectation.at_least is not None:
        return expectation.at_least
    if expectation.within is not None and expectation.at_most is None:
        return 1
    return None if requires_something(expectation) else 1


def requires_something(expectation: Expectation) -> bool:
    """Whether anything but mere existence is required."""
    return expectation.at_most is not None or any(
        getattr(expectation, name)
        for name in ("order", "sorted_by", "distinct", "in_one_piece", "hours", "days")
    ) or any(
        getattr(expectation, name) is not None
        for name in ("each", "rate", "receipts", "latency", "links", "count", "at_least")
    )  # fmt: skip


def counts(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """count, at_least, at_most and within."""
    lower = lower_bound(expectation)
    upper = expectation.count if expectation.count is not None else expectation.at_most
    if lower is None and upper is None:
        return
    complete = [item for item in items if item.complete]
    found = f"{len(complete):,}"
    if len(items) > len(complete):
        found += f" and {len(items) - len(complete)} incomplete"
    expected = counted(expectation) or "at least 1"
    if upper is not None and len(items) > upper:
        yield Finding(expected, False, found, True, offending([(item, "too many") for item in items[upper:]]))
        return
    enough = lower is None or len(complete) >= lower
    met = enough and upper is None
    if expectation.within is None or lower is None:
        yield Finding(expected, enough, found, met)
        return
    yield _in_time(expectation.within, expected, found, sorted(complete, key=_completion)[:lower], enough, scene, met)


def _completion(item: Item) -> int:
    return item.last


def _in_time(
    within_s: float, expected: str, found: str, needed: Sequence[Item], enough: bool, scene: Scene, met: bool
) -> Finding:
    expected += f" within {seconds(within_s)}"
    origin_s = scene.origin_s
    if origin_s is None:
        return Finding(expected, False, f"{found}; what it counts from has not happened")
    if enough:
        took_s = round((needed[-1].end_s if needed else origin_s) - origin_s, 9)
        late = took_s > within_s
        offenders = offending([(needed[-1], f"after {seconds(took_s)}")]) if late and needed else ()
        return Finding(expected, not late, f"{found} after {seconds(max(took_s, 0.0))}", met or late, offenders)
    over = scene.now_s is not None and scene.now_s - origin_s > within_s
    return Finding(expected, False, found, over)


def each(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """Conditions that hold for every entry."""
    if expectation.each is None:
        return
    wanted = expectation.each
    wrong = [item for item in items if not wanted.matches(item.entry)]
    expected = f"each {conditions(wanted) or 'as it is'}"
    final = any(not item.in_motion and not _may_change(wanted, item.entry) for item in wrong)
    offenders = offending([(item, what_is_wrong(wanted, item.entry)) for item in wrong])
    yield Finding(expected, not wrong, _share(wrong, items), final, offenders)


def _may_change(wanted: Selection, entry: Entry) -> bool:
    """An answer may still come, and nothing else is wrong."""
    return entry.status is None and wanted.mismatch(entry) in ("status", "answered", "message_id")


def order(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """Steps in their order. An entry that fits several steps may be either, so every possible step is kept."""
    steps = expectation.order
    if not steps:
        return
    wrong: list[tuple[Item, str]] = []
    reached = {-1}
    for item in items:
        fits = {number for number, step in enumerate(steps) if step.matches(item.entry)}
        if not fits:
            continue
        following = {number for number in fits if number in reached or number - 1 in reached}
        if following:
            reached = following
        else:
            done = max(reached) + 1
            wrong.append((item, f"step {min(fits) + 1}, when step {done} was reached" if done else "before step 1"))
    last = max(reached)
    expected = "in order: " + ", then ".join(conditions(step) or "any" for step in steps)
    complete = last == len(steps) - 1
    found = f"{len(wrong)} out of order" if wrong else f"{last + 1} of {len(steps)} steps"
    yield Finding(expected, complete and not wrong, found, _is_final(wrong, items), offending(wrong))


def in_sequence(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """Sorted by a field, or by a number in the text."""
    if expectation.sorted_by is None:
        return
    value_of = _sort_key(expectation, scene)
    wrong: list[tuple[Item, str]] = []
    highest: tuple[int, int, str] | None = None
    shown = ""
    for item in items:
        found = value_of(item.entry)
        if found is None:
            wrong.append((item, "no number found"))
            continue
        key = (0, int(found), "") if found.isdecimal() else (1, 0, found)
        if highest is not None and key < highest:
            wrong.append((item, f"{found} after {shown}"))
        else:
            highest, shown = key, found
    final = _is_final(wrong, items)
    yield Finding(f"sorted by {expectation.sorted_by}", not wrong, _share(wrong, items), final, offending(wrong))


def _sort_key(expectation: Expectation, scene: Scene) -> Callable[[Entry], str | None]:
    name = expectation.sorted_by or ""
    if not name.startswith("/"):
        zone = zone_of(expectation, scene)
        return lambda entry: str(field_value(entry, name, zone))
    pattern = compile_regex(name)

    def number(entry: Entry) -> str | None:
        match = pattern.search(entry.text)
        return match[1] if match is not None else None

    return number


def distinct(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """No doubles."""
    if not expectation.distinct:
        return
    zone = zone_of(expectation, scene)
    seen: dict[tuple[object, ...], Item] = {}
    wrong = []
    for item in items:
        key = tuple(field_value(item.entry, name, zone) for name in expectation.distinct)
        before = seen.setdefault(key, item)
        if before is not item:
            wrong.append((item, f"as {seconds(item.entry.real_s - before.entry.real_s)} before"))
    expected = f"no two with the same {' and '.join(expectation.distinct)}"
    found = count_of(len(wrong), "doubles") if wrong else "no doubles"
    yield Finding(expected, not wrong, found, _is_final(wrong, items), offending(wrong))


def in_one_piece(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """Long messages complete, over one bind, in order."""
    if not expectation.in_one_piece:
        return
    wrong = [(item, why) for item in items if (why := _broken(item))]
    final = any(not item.in_motion for item, _ in wrong)
    yield Finding(
        "each with all its segments taken, over one bind, in order",
        not wrong, _share(wrong, items), final, offending(wrong),
    )  # fmt: skip


def _broken(item: Item) -> str:
    if not item.complete:
        return f"{len(item.parts)} of {item.total} segments came"
    if item.total == 1:
        return ""
    if item.mixed:
        return "another message of the same reference began before it was complete"
    binds = dict.fromkeys(part.bind for part in item.parts)
    if len(binds) > 1:
        return f"over binds {', '.join(map(str, binds))}"
    places = {id(entry): place for place, entry in enumerate(item.arrived)}
    arrival = [places[id(part)] for part in item.parts]
    if arrival != sorted(arrival):
        indexes = [part.concat[2] for part in item.arrived if part.concat]
        return f"in the order {', '.join(map(str, indexes))}"
    if item.entry.status is None:
        return "not all answered"
    return "a segment was refused" if item.entry.status else ""


def hours(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """Only at certain hours and on certain days, of business time; every segment counts."""
    if expectation.hours is None and expectation.days is None:
        return
    zone = zone_of(expectation, scene)
    spans = parse_hours(expectation.hours) if expectation.hours is not None else ()
    days = parse_days(expectation.days) if expectation.days is not None else frozenset(range(7))

    def is_outside(entry: Entry) -> bool:
        at = local_time(entry.at_ms, zone)
        return at.weekday() not in days or (bool(spans) and not in_hours(at, spans))

    wrong = []
    for item in items:
        outside = next((part for part in item.arrived if is_outside(part)), None)
        if outside is not None:
            wrong.append((item, day_and_time(outside.at_ms, zone)))
    words = " ".join(filter(None, (expectation.days, expectation.hours)))
    expected = f"only {words} ({zone.key})"
    yield Finding(expected, not wrong, _share(wrong, items, "outside"), bool(wrong), offending(wrong))


def _is_final(wrong: Sequence[tuple[Item, str]], items: Sequence[Item]) -> bool:
    """What is wrong stays so, unless a long message up to there is still coming together."""
    moving = next((item.first for item in items if item.in_motion), None)
    return bool(wrong) and (moving is None or wrong[0][0].first < moving)


def _share(wrong: Sequence[object], items: Iterable[Item], word: str = "wrong") -> str:
    number = sum(1 for _ in items)
    if not number:
        return "none came"
    return f"{len(wrong):,} of {number:,} {word}" if wrong else f"all {number:,}"


ABOUT_MESSAGES: Final[tuple[Requirement, ...]] = (counts, each, order, in_sequence, distinct, in_one_piece, hours)
