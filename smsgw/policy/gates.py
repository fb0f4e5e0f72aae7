"""When it is open: one gate by one clock, and several that must all be open.

Owns: from the windows of a class (a hard one, a soft one, a first and a last day) the spans of time that are open, and
the next one that begins. Knows nothing of messages, accounts or verdicts; ``windows`` does.
A range is open from its first minute up to, not including, its last: at 21:00:00.000 it is closed.
Times of day are the wall clock's in the gate's zone, also on days that change the clock.
Speed: the span of time that is open just now is remembered, so the usual question is two comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.localtime import DAY_MS, day_spans_ms, to_local
from smsgw.policy.profile import DAY_MINUTES, Days, TimeRange

Layer: TypeAlias = Literal["hard", "soft"]
Minutes: TypeAlias = tuple[tuple[int, int], ...]

ALWAYS: Final[Minutes] = ((0, DAY_MINUTES),)
# Longer than any holiday; a window that stays closed for longer never opens.
_LOOK_AHEAD_DAYS: Final = 400
_REMEMBERED_DAYS: Final = 64


@dataclass(frozen=True, slots=True)
class Closed:
    """Which window is closed (the hard one first), and the next instant at which both are open; None if never."""

    layer: Layer
    opens_ms: int | None


@dataclass(frozen=True, slots=True)
class Times:
    """The open minutes of the days that a window counts, from ``first`` to ``last``; it is closed on others."""

    minutes: Minutes = ALWAYS
    days: Days = "all"
    first: date | None = None
    last: date | None = None

    @property
    def is_always(self) -> bool:
        """Whether there is no window at all."""
        return self == _NO_WINDOW

    def counts(self, day: date, workdays: Workdays) -> bool:
        """Whether it is open on that day at some time."""
        if (self.first is not None and day < self.first) or (self.last is not None and day > self.last):
            return False
        return workdays.is_open(day, self.days)

    def is_open(self, local: datetime, workdays: Workdays) -> bool:
        """Whether it is open at that time of its wall clock."""
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.minutes) and self.counts(local.date(), workdays)


_NO_WINDOW: Final = Times()


class AnyGate(Protocol):
    """A gate; ``[open_from_ms, open_until_ms)`` is open for certain and may be read directly."""

    open_from_ms: int
    open_until_ms: int

    def closed(self, at_ms: int) -> Closed | None: ...  # None when both windows are open

    def can_close(self, layer: Layer) -> bool: ...  # whether there is such a window at all

    def is_closed(self, layer: Layer, at_ms: int) -> bool: ...  # one window by itself

    def opens_ms(self, at_ms: int) -> int | None: ...  # the first instant from then on at which both are open


class Gate:
    """Both windows of one class by one clock."""

    __slots__ = ("_days", "_hard", "_minutes", "_opens", "_soft", "_workdays", "_zone", "open_from_ms", "open_until_ms")

    def __init__(self, hard: Times, soft: Times, zone: ZoneInfo, workdays: Workdays) -> None:
        self._hard = hard
        self._soft = soft
        self._minutes = intersect(hard.minutes, soft.minutes)
        self._zone = zone
        self._workdays = workdays
        self.open_from_ms = self.open_until_ms = 0
        self._opens: tuple[int, int, int | None] = (0, 0, None)
        self._days: dict[date, Sequence[tuple[int, int]]] = {}

    def closed(self, at_ms: int) -> Closed | None:
        """None when both windows are open."""
        return _closed(self, at_ms)

    def can_close(self, layer: Layer) -> bool:
        """Whether there is such a window at all."""
        return not (self._hard if layer == "hard" else self._soft).is_always

    def is_closed(self, layer: Layer, at_ms: int) -> bool:
        """Whether one window by itself is closed."""
        times = self._hard if layer == "hard" else self._soft
        return not times.is_open(to_local(at_ms, self._zone), self._workdays)

    def opens_ms(self, at_ms: int) -> int | None:
        """The first instant from ``at_ms`` on at which both are open (``at_ms`` itself if they are), None if never."""
        closed_from, closed_until, opens_ms = self._opens
        if closed_from <= at_ms < closed_until:
            return opens_ms
        if not self._minutes:
            return None
        first = to_local(at_ms, self._zone).date() - timedelta(days=1)
        if self._soft.first is not None:
            first = max(first, self._soft.first)
        for ahead in range(_LOOK_AHEAD_DAYS):
            day = first + timedelta(days=ahead)
            if self._soft.last is not None and day > self._soft.last:
                break
            for start_ms, end_ms in self._spans(day):
                if end_ms <= at_ms:
                    continue
                if start_ms <= at_ms:
                    self.open_from_ms, self.open_until_ms = start_ms, end_ms
                    return at_ms
                self._opens = (at_ms, start_ms, start_ms)
                return start_ms
        self._opens = (at_ms, at_ms + DAY_MS, None)
        return None

    def _spans(self, day: date) -> Sequence[tuple[int, int]]:
        """When a day is open; remembered, for scheduled messages look at other days than today."""
        spans = self._days.get(day)
        if spans is None:
            is_open = self._soft.counts(day, self._workdays)
            spans = day_spans_ms(day, self._zone, self._minutes) if is_open else ()
            if len(self._days) >= _REMEMBERED_DAYS:
                self._days.clear()
            self._days[day] = spans
        return spans


class Gates:
    """Several clocks at once, such as the zones that a number may be in: open only while each of them is."""

    __slots__ = ("_gates", "_opens", "open_from_ms", "open_until_ms")

    def __init__(self, gates: Iterable[Gate]) -> None:
        self._gates = tuple(gates)
        self._opens: tuple[int, int, int | None] = (0, 0, None)
        self.open_from_ms = self.open_until_ms = 0

    def closed(self, at_ms: int) -> Closed | None:
        """None when both windows are open by every clock."""
        return _closed(self, at_ms)

    def can_close(self, layer: Layer) -> bool:
        """Whether there is such a window at all."""
        return any(gate.can_close(layer) for gate in self._gates)

    def is_closed(self, layer: Layer, at_ms: int) -> bool:
        """Whether one window is closed by any clock."""
        return any(gate.is_closed(layer, at_ms) for gate in self._gates)

    def opens_ms(self, at_ms: int) -> int | None:
        """The first instant from ``at_ms`` on at which all are open (``at_ms`` itself if they are), None if never."""
        closed_from, closed_until, opens_ms = self._opens
        if closed_from <= at_ms < closed_until:
            return opens_ms
        opens_ms = self._first_common(at_ms)
        if opens_ms == at_ms:
            self.open_from_ms = max(gate.open_from_ms for gate in self._gates)
            self.open_until_ms = min(gate.open_until_ms for gate in self._gates)
        else:
            self._opens = (at_ms, at_ms + DAY_MS if opens_ms is None else opens_ms, opens_ms)
        return opens_ms

    def _first_common(self, at_ms: int) -> int | None:
        # Ask each for its next opening, from the latest answer on, until one round moves nothing any more.
        reached = at_ms
        while reached - at_ms <= _LOOK_AHEAD_DAYS * DAY_MS:
            before = reached
            for gate in self._gates:
                opens_ms = gate.opens_ms(reached)
                if opens_ms is None:
                    return None
                reached = opens_ms
            if reached == before:
                return reached
        return None


def _closed(gate: AnyGate, at_ms: int) -> Closed | None:
    if gate.open_from_ms <= at_ms < gate.open_until_ms:
        return None
    opens_ms = gate.opens_ms(at_ms)
    if opens_ms == at_ms:
        return None
    return Closed("hard" if gate.is_closed("hard", at_ms) else "soft", opens_ms)


def union(ranges: Iterable[TimeRange]) -> Minutes:
    """Minutes within any of the ranges, in order and apart."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(part for time_range in ranges for part in time_range.minutes()):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def complement(minutes: Minutes) -> Minutes:
    """The rest of the day."""
    edges = [0, *(edge for part in minutes for edge in part), DAY_MINUTES]
    return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end)


def intersect(these: Minutes, those: Minutes) -> Minutes:
    """Minutes within both."""
    both = ((max(a, c), min(b, d)) for a, b in these for c, d in those)
    return tuple(sorted((start, end) for start, end in both if start < end))


def shown(minutes: Minutes) -> str:
    """For people: ``09:00-12:00, 13:00-21:00``, or ``never``."""
    return ", ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in minutes) or "never"
