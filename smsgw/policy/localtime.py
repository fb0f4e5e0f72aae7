"""Business time (ms since 1970 UTC) and the wall clock of a zone, right also on days that change the clock.

Owns: offsets, the first instant of a local date, and the instants at which the wall clock shows a given time.
Never reads the time. Zones come from ``zoneinfo``.
A zone changes its offset at most once within the two and a half days around a date; bisection finds that
instant to the second. Times that the clock skips don't exist, times that it repeats count twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_WIDEST_OFFSET_MS: Final = 15 * 3_600_000
QUARTER_MS: Final = 15 * MINUTE_MS
"""Every zone's days and changes of the clock begin with one."""


def to_local(at_ms: int, zone: ZoneInfo) -> datetime:
    """The instant on the zone's wall clock, exact to the millisecond."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)


def offset_ms(at_ms: int, zone: ZoneInfo) -> int:
    """How far the zone's wall clock is ahead of UTC at that instant."""
    offset = to_local(at_ms, zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one
    return offset // timedelta(milliseconds=1)


def _offsets_around(day: date, zone: ZoneInfo) -> list[tuple[int, int, int]]:
    """(from_ms, until_ms, offset_ms) that together cover a local date in any offset there is."""
    midnight_utc = (day.toordinal() - _EPOCH_ORDINAL) * DAY_MS
    first = midnight_utc - _WIDEST_OFFSET_MS
    last = midnight_utc + DAY_MS + _WIDEST_OFFSET_MS
    before, after = offset_ms(first, zone), offset_ms(last, zone)
    if before == after:
        return [(first, last, before)]
    low, high = first // 1000, last // 1000
    while high - low > 1:
        middle = (low + high) // 2
        if offset_ms(middle * 1000, zone) == before:
            low = middle
        else:
            high = middle
    return [(first, high * 1000, before), (high * 1000, last, after)]


def day_start_ms(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local date (or of what follows, if the zone skipped that date)."""
    midnight_utc = (day.toordinal() - _EPOCH_ORDINAL) * DAY_MS
    parts = _offsets_around(day, zone)
    for from_ms, until_ms, offset in parts:
        start_ms = max(midnight_utc - offset, from_ms)
        if start_ms < until_ms:
            return start_ms
    return parts[-1][0]


def day_spans_ms(day: date, zone: ZoneInfo, minutes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The instants ``[from, until)`` at which the wall clock shows that date and one of the times of day, in order.

    ``minutes`` are pairs ``(from, until)`` of minutes since midnight, in order and apart.
    """
    midnight_utc = (day.toordinal() - _EPOCH_ORDINAL) * DAY_MS
    spans: list[tuple[int, int]] = []
    for from_ms, until_ms, offset in _offsets_around(day, zone):
        midnight = midnight_utc - offset
        for start_min, end_min in minutes:
            start = max(midnight + start_min * MINUTE_MS, from_ms)
            end = min(midnight + end_min * MINUTE_MS, until_ms)
            if start < end:
                spans.append((start, end))
    return spans


class LocalDay:
    """Today's date on a zone's wall clock as ISO text, which compares like the dates; remembered until it ends.

    Call it with business time. ``of`` gives one for each zone, so that all rules of a profile share what it remembers.
    """

    __slots__ = ("_known", "_zone")
    _made: ClassVar[dict[str, LocalDay]] = {}

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._known = (0, 0, "")  # one value, for several threads may ask

    @classmethod
    def of(cls, zone: ZoneInfo) -> LocalDay:
        """The shared one of a zone."""
        return cls._made.setdefault(str(zone), cls(zone))

    def __call__(self, at_ms: int) -> str:
        from_ms, until_ms, day = self._known
        if not from_ms <= at_ms < until_ms:
            day = to_local(at_ms, self._zone).date().isoformat()
            from_ms = at_ms - at_ms % QUARTER_MS
            self._known = (from_ms, from_ms + QUARTER_MS, day)
        return day
