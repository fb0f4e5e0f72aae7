"""Requirements about real time: rate in a sliding window, latency at a quantile, binds and reconnects; and receipts.

Every function looks at the items an expectation selected, in order of time, and yields what it found;
nothing when it was not asked.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from simulators.entry import Entry
from simulators.expect.finding import SHOWN, Finding, Scene, offending
from simulators.expect.model import Expectation, Links, WantedReceipts
from simulators.expect.receipts import asked_for_receipt
from simulators.expect.requirements import Requirement
from simulators.expect.result import Offender
from simulators.expect.whole import Item
from simulators.expect.words import conditions, count_of, counted, seconds

_LOSSES = frozenset({"lost", "refused_bind"})


def rate(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """Never above so many in any window."""
    wanted = expectation.rate
    if wanted is None:
        return
    if wanted.of == "segments":
        events = sorted(((part.real_s, part.segments, part) for item in items for part in item.arrived), key=_time)
    else:
        events = [(item.entry.real_s, 1, item.entry) for item in items]
    most, window = busiest([(at_s, weight) for at_s, weight, _ in events], wanted.within - wanted.jitter)
    expected = f"never more than {count_of(wanted.at_most, wanted.of)} in any {seconds(wanted.within)}"
    if wanted.jitter:
        expected += f" (less {seconds(wanted.jitter)})"
    ok = most <= wanted.at_most
    worst = [entry for _, _, entry in events[window[0] : window[1]]]
    offenders = () if ok else _window_offenders(worst)
    yield Finding(expected, ok, f"{most:,} in the busiest", not ok, offenders)


def busiest(events: Sequence[tuple[float, int]], within_s: float) -> tuple[int, tuple[int, int]]:
    """The greatest weight in any half-open window of ``within_s``, and the events (from, to) of the first such.

    ``events`` are (time, weight), sorted by time, and counted in nanoseconds. Two events exactly ``within_s``
    apart share no window.
    """
    most, window = 0, (0, 0)
    total = first = 0
    times = [round(at_s * 1e9) for at_s, _ in events]
    within_ns = round(within_s * 1e9)
    for number, (_, weight) in enumerate(events):
        total += weight
        while times[number] - times[first] >= within_ns:
            total -= events[first][1]
            first += 1
        if total > most:
            most, window = total, (first, number + 1)
    return most, window


def _time(event: tuple[float, int, Entry]) -> float:
    return event[0]


def _window_offenders(worst: Sequence[Entry]) -> tuple[Offender, ...]:
    began_s = worst[0].real_s
    shown = [*worst[: SHOWN - 1], worst[-1]] if len(worst) > SHOWN else worst
    return tuple(Offender(entry, f"at {seconds(entry.real_s - began_s)} of the busiest window") for entry in shown)


def receipts(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """Every accepted segment that asked has its receipts."""
    wanted = expectation.receipts
    if wanted is None:
        return
    lower = wanted.count if wanted.count is not None else wanted.at_least
    upper = wanted.count if wanted.count is not None else wanted.at_most
    if lower is None:
        lower = 0 if upper is not None else 1
    wrong: list[tuple[Item, str]] = []
    looked_at, final = 0, False
    for item in items:
        for part in item.parts:
            if part.status != 0 or not (wanted.unasked or asked_for_receipt(part)):
                continue
            looked_at += 1
            number = sum(wanted.matches(each) for each in scene.receipts.of(part))
            too_many = upper is not None and number > upper
            if number < lower or too_many:
                final = final or too_many
                wrong.append((item, _receipts_words(number, part, item)))
    found = f"{len(wrong):,} of {looked_at:,} without" if wrong else f"all {looked_at:,}"
    yield Finding(_expected_receipts(wanted), not wrong, found, final, offending(wrong))


def _receipts_words(number: int, part: Entry, item: Item) -> str:
    words = count_of(number, "receipts")
    return f"{words} for segment {part.concat[2]}" if item.total > 1 and part.concat else words


def _expected_receipts(wanted: WantedReceipts) -> str:
    number = counted(wanted) or "a"
    words = f"{number} receipt" if number == "a" else f"{number} receipts"
    return f"each with {words} {conditions(wanted)}".strip()


def latency(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """A share of the messages has its answer, or its receipt, in time."""
    wanted = expectation.latency
    if wanted is None:
        return
    measured = [(_took_s(item, wanted.to, scene), item) for item in items]
    known = [(took_s, item) for took_s, item in measured if took_s is not None]
    expected = f"{wanted.to} within {seconds(wanted.at_most)}"
    expected += "" if wanted.quantile == 1 else f" for {wanted.quantile * 100:g} % of them"
    if not known:
        yield Finding(expected, True, "none came")
        return
    known.sort(key=lambda each: each[0])
    reached_s = known[min(math.ceil(wanted.quantile * len(known)), len(known)) - 1][0]
    ok = reached_s <= wanted.at_most
    late = [(took_s, item) for took_s, item in known if took_s > wanted.at_most]
    final = not ok and wanted.quantile == 1 and any(math.isfinite(took_s) for took_s, _ in late)
    found = f"{_long(reached_s)}, the slowest {_long(known[-1][0])}"
    offenders = () if ok else offending([(item, _long(took_s)) for took_s, item in reversed(late)])
    yield Finding(expected, ok, found, final, offenders)


def _long(took_s: float) -> str:
    return seconds(took_s) if math.isfinite(took_s) else "never"


def _took_s(item: Item, to: str, scene: Scene) -> float | None:
    """From the first segment to the last answer or receipt; infinite when one is missing, None without any due."""
    began_s = item.entry.real_s
    if to == "answer":
        answered = [part.answered_s for part in item.parts]
        return _since(began_s, max((math.inf if each is None else each) for each in answered))
    due = [part for part in item.parts if part.status == 0 and asked_for_receipt(part)]
    if not due:
        return None
    came = [[each.real_s for each in scene.receipts.of(part)] for part in due]
    return _since(began_s, max(min(each, default=math.inf) for each in came))


def _since(began_s: float, at_s: float) -> float:
    """To the nanosecond, so that a bound that is just kept is kept."""
    return round(at_s - began_s, 9) if math.isfinite(at_s) else at_s


def links(expectation: Expectation, items: Sequence[Item], scene: Scene) -> Iterator[Finding]:
    """Binds at one time, and how soon an account tries again."""
    wanted = expectation.links
    if wanted is None:
        return
    accounts: dict[tuple[str, str], list[Entry]] = {}
    for item in items:
        accounts.setdefault((item.entry.where, item.entry.account), []).append(item.entry)
    if wanted.at_most is not None or wanted.at_least is not None:
        yield _bound(wanted, accounts)
    if wanted.reconnect_after is not None:
        yield _reconnects(wanted.reconnect_after, accounts)


def _bound(wanted: Links, accounts: dict[tuple[str, str], list[Entry]]) -> Finding:
    peak, offenders = 0, []
    for entries in accounts.values():
        bound: set[int] = set()
        for entry in entries:
            if entry.kind == "bind":
                bound.add(entry.bind)
                peak = max(peak, len(bound))
                if wanted.at_most is not None and len(bound) > wanted.at_most:
                    offenders.append(Offender(entry, f"bind {len(bound)} of account {entry.account!r}"))
            else:
                bound.discard(entry.bind)
    too_few = wanted.at_least is not None and peak < wanted.at_least
    bounds = [f"at least {wanted.at_least}"] if wanted.at_least is not None else []
    bounds += [f"never more than {wanted.at_most}"] if wanted.at_most is not None else []
    final = bool(offenders) or (wanted.at_most is None and not too_few)
    ok = not offenders and not too_few
    expected = f"{', '.join(bounds)} bound at one time"
    return Finding(expected, ok, f"{peak} at most", final, tuple(offenders[:SHOWN]))


def _reconnects(after_s: float, accounts: dict[tuple[str, str], list[Entry]]) -> Finding:
    """Each loss or refusal is followed by one try; the oldest that waits is the one that is tried again."""
    offenders, soonest_s = [], math.inf
    for entries in accounts.values():
        losses: deque[float] = deque()
        gone: set[int] = set()
        for entry in entries:
            if entry.kind in ("bind", "refused_bind") and losses:
                waited_s = round(entry.real_s - losses.popleft(), 9)
                soonest_s = min(soonest_s, waited_s)
                if waited_s < after_s:
                    offenders.append(Offender(entry, f"{seconds(waited_s)} after the loss"))
            if entry.kind in _LOSSES and entry.bind not in gone:
                losses.append(entry.real_s)
            if entry.kind != "bind":
                gone.add(entry.bind)
    found = f"the soonest after {seconds(soonest_s)}" if math.isfinite(soonest_s) else "no reconnects"
    expected = f"no reconnect sooner than {seconds(after_s)} after a loss"
    return Finding(expected, not offenders, found, bool(offenders), tuple(offenders[:SHOWN]))


ABOUT_TIME: Final[tuple[Requirement, ...]] = (rate, receipts, latency, links)
