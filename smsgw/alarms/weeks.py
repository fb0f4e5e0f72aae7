"""Which hours of earlier weeks today's traffic is compared with. Pure.

A workday is compared with workdays and a day off with days off, by the site's calendar: the week before a holiday says
nothing of it. Of an hour of which nothing at all is known nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from smsgw.clock import from_ms
from smsgw.policy.alarms.conditions import Traffic
from smsgw.policy.calendar import Workdays
from smsgw.records.lately import Hours
from smsgw.records.record import HOUR_MS

WEEKS: Final = 4
_WEEK_MS: Final = 7 * 24 * HOUR_MS


def hours_of(now_ms: int) -> tuple[int, int]:
    """The hour that goes on, and the last whole one."""
    running = now_ms // HOUR_MS * HOUR_MS
    return running, running - HOUR_MS


def earlier(hour_ms: int, workdays: Workdays, zone: ZoneInfo) -> list[int]:
    """The same hour of the weeks before, as far as those days are like this one."""
    day = from_ms(hour_ms).astimezone(zone).date()
    alike = workdays.is_workday(day)
    return [
        hour_ms - number * _WEEK_MS
        for number in range(1, WEEKS + 1)
        if workdays.is_workday(day - timedelta(weeks=number)) == alike
    ]


def wanted(now_ms: int, workdays: Workdays, zone: ZoneInfo) -> list[int]:
    """Every hour that has to be known."""
    hours = hours_of(now_ms)
    return [*hours, *(each for hour in hours for each in earlier(hour, workdays, zone))]


def traffic(
    accounts: Iterable[str], now_ms: int, hours: Hours, workdays: Workdays, zone: ZoneInfo
) -> dict[str, Traffic]:
    """What each account sent, beside what it sent in earlier weeks."""
    running, last = hours_of(now_ms)
    before = {hour: [each for each in earlier(hour, workdays, zone) if each in hours.known] for hour in (running, last)}
    sent = hours.accepted
    return {
        name: Traffic(
            sent.get((name, running), 0),
            sent.get((name, last), 0),
            tuple(sent.get((name, each), 0) for each in before[running]),
            tuple(sent.get((name, each), 0) for each in before[last]),
        )
        for name in accounts
    }
