"""Rules 11 and 12: the hours and days at which a class may be sent, and when the next one begins.

Owns: the hard window (closed hours nobody overrides), the soft window (days and hours, narrowed by an account's
slots) and what a closed one answers: a refusal with retry-after, or a hold until both are open.
A range is open from its first minute up to, not including, its last: at 21:00:00.000 it is closed.
Times of day are the wall clock's in the profile's zone, also on days that change the clock.
Speed: the span of time that is open just now is remembered, so the usual check is two comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from smsgw.policy.calendar import Workdays
from smsgw.policy.localtime import DAY_MS, day_spans_ms, to_local
from smsgw.policy.model import Draft, Hold, MessageClass, Outcome, Reason, Refusal
from smsgw.policy.profile import DAY_MINUTES, Days, HardWindow, SoftWindow, TimeRange, WindowAction, WindowSettings
from smsgw.policy.reasons import WINDOW_HARD, WINDOW_SOFT

Layer: TypeAlias = Literal["hard", "soft"]
Minutes: TypeAlias = tuple[tuple[int, int], ...]

_ALWAYS: Final[Minutes] = ((0, DAY_MINUTES),)
# Longer than any holiday; a window that stays closed for longer never opens.
_LOOK_AHEAD_DAYS: Final = 400
_REMEMBERED_DAYS: Final = 64


@dataclass(frozen=True, slots=True)
class Closed:
    """Which window is closed (the hard one first), and the next instant at which both are open; None if never."""

    layer: Layer
    opens_ms: int | None


class _Times:
    """The open minutes of the days that a window counts; it is closed on others."""

    __slots__ = ("days", "minutes")

    def __init__(self, minutes: Minutes, days: Days = "all") -> None:
        self.minutes = minutes
        self.days = days

    def is_open(self, local: datetime, workdays: Workdays) -> bool:
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.minutes) and workdays.is_open(local.date(), self.days)


class Gate:
    """Both windows of one class; ``[open_from_ms, open_until_ms)`` is open for certain and may be read directly."""

    __slots__ = ("_days", "_hard", "_opens", "_soft", "_workdays", "_zone", "open_from_ms", "open_until_ms")

    def __init__(self, hard: _Times, soft: _Times, zone: ZoneInfo, workdays: Workdays) -> None:
        self._hard = hard
        self._soft = soft
        self._zone = zone
        self._workdays = workdays
        self.open_from_ms = self.open_until_ms = 0
        self._opens: tuple[int, int, int | None] = (0, 0, None)
        self._days: dict[date, Sequence[tuple[int, int]]] = {}

    def closed(self, at_ms: int) -> Closed | None:
        """None when both windows are open."""
        if self.open_from_ms <= at_ms < self.open_until_ms:
            return None
        opens_ms = self.opens_ms(at_ms)
        if opens_ms == at_ms:
            return None
        return Closed("hard" if self.is_closed("hard", at_ms) else "soft", opens_ms)

    def can_close(self, layer: Layer) -> bool:
        """Whether there is such a window at all."""
        times = self._hard if layer == "hard" else self._soft
        return times.minutes != _ALWAYS or times.days != "all"

    def is_closed(self, layer: Layer, at_ms: int) -> bool:
        """Whether one window by itself is closed."""
        times = self._hard if layer == "hard" else self._soft
        return not times.is_open(to_local(at_ms, self._zone), self._workdays)

    def opens_ms(self, at_ms: int) -> int | None:
        """The first instant from ``at_ms`` on at which both are open (``at_ms`` itself if they are), None if never."""
        closed_from, closed_until, opens_ms = self._opens
        if closed_from <= at_ms < closed_until:
            return opens_ms
        minutes = _intersect(self._hard.minutes, self._soft.minutes)
        if not minutes:
            return None
        first = to_local(at_ms, self._zone).date() - timedelta(days=1)
        for ahead in range(_LOOK_AHEAD_DAYS):
            for start_ms, end_ms in self._spans(first + timedelta(days=ahead), minutes):
                if end_ms <= at_ms:
                    continue
                if start_ms <= at_ms:
                    self.open_from_ms, self.open_until_ms = start_ms, end_ms
                    return at_ms
                self._opens = (at_ms, start_ms, start_ms)
                return start_ms
        self._opens = (at_ms, at_ms + DAY_MS, None)
        return None

    def _spans(self, day: date, minutes: Minutes) -> Sequence[tuple[int, int]]:
        """When a day is open; remembered, for scheduled messages look at other days than today."""
        spans = self._days.get(day)
        if spans is None:
            is_open = self._workdays.is_open(day, self._soft.days)
            spans = day_spans_ms(day, self._zone, minutes) if is_open else ()
            if len(self._days) >= _REMEMBERED_DAYS:
                self._days.clear()
            self._days[day] = spans
        return spans


class Windows:
    """The windows of one account: a gate for each class that has any. Accounts with the same slots may share one."""

    __slots__ = ("_zone", "action", "gates")

    def __init__(
        self, settings: WindowSettings, zone: ZoneInfo, workdays: Workdays, slots: Iterable[TimeRange] = ()
    ) -> None:
        self.action: WindowAction = settings.action
        self._zone = zone
        slot_minutes = _union(slots)
        self.gates: tuple[Gate | None, ...] = tuple(
            _gate(message_class, settings.hard, settings.soft, slot_minutes, zone, workdays)
            for message_class in MessageClass
        )

    def check(self, message_class: int, at_ms: int) -> Closed | None:
        """None when a message of the class may be sent at that time."""
        gate = self.gates[message_class]
        return None if gate is None else gate.closed(at_ms)

    def rule(self, layer: Layer, message_class: int) -> Callable[[Draft], Outcome] | None:
        """The compiled rule of one window and class; None where it can never close."""
        gate = self.gates[message_class]
        if gate is None or not gate.can_close(layer):
            return None
        reason = WINDOW_HARD if layer == "hard" else WINDOW_SOFT

        def check(draft: Draft) -> Outcome:
            at_ms = draft.at_ms
            if gate.open_from_ms <= at_ms < gate.open_until_ms:
                return None
            opens_ms = gate.opens_ms(at_ms)
            if opens_ms == at_ms or not gate.is_closed(layer, at_ms):
                return None
            return self._outcome(reason, at_ms, opens_ms)

        return check

    def _outcome(self, reason: Reason, at_ms: int, opens_ms: int | None) -> Refusal | Hold:
        if opens_ms is None:
            return Refusal(reason, "never opens under these settings")
        if self.action == "hold":
            return Hold(opens_ms, reason)
        opens = to_local(opens_ms, self._zone).isoformat(" ", "minutes")
        return Refusal(reason, f"opens {opens}", -((at_ms - opens_ms) // 1000))


def _gate(
    message_class: int,
    hard: HardWindow | None,
    soft: SoftWindow | None,
    slots: Minutes,
    zone: ZoneInfo,
    workdays: Workdays,
) -> Gate | None:
    """The gate of a class, or None when it is always open.

    Slots narrow the soft window of the classes that have one, and bind marketing also where it has none; a
    verification code does not wait for a campaign's slot.
    """
    hard_times = _Times(_complement(_union(hard.closed)) if hard and message_class in hard.classes else _ALWAYS)
    soft_times = _Times(_ALWAYS)
    has_soft = soft is not None and message_class in soft.classes
    if soft is not None and has_soft:
        soft_times = _Times(_union(soft.open), soft.days)
    if slots and (has_soft or message_class == MessageClass.MARKETING):
        soft_times = _Times(_intersect(soft_times.minutes, slots), soft_times.days)
    gate = Gate(hard_times, soft_times, zone, workdays)
    return gate if gate.can_close("hard") or gate.can_close("soft") else None


def _union(ranges: Iterable[TimeRange]) -> Minutes:
    """Minutes within any of the ranges, in order and apart."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(part for time_range in ranges for part in time_range.minutes()):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def _complement(minutes: Minutes) -> Minutes:
    """The rest of the day."""
    edges = [0, *(edge for part in minutes for edge in part), DAY_MINUTES]
    return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end)


def _intersect(these: Minutes, those: Minutes) -> Minutes:
    """Minutes within both."""
    both = ((max(a, c), min(b, d)) for a, b in these for c, d in those)
    return tuple(sorted((start, end) for start, end in both if start < end))
