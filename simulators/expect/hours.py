"""Times of day and days of the week as people write them, and whether an instant is in them.

Business time, in a zone. ``08:00-12:00,14:00-21:00``: the second time is exclusive, and before the first
one it means the next day; ``mon-fri,sun``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_S: Final = 86400
_SPAN = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?\s*-\s*(\d\d):(\d\d)(?::(\d\d))?")


def parse_hours(text: str) -> tuple[tuple[int, int], ...]:
    """Spans in seconds of the day. Raises ValueError for what is no such list."""
    spans = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise ValueError(f'expected hours such as "08:00-21:00" or "08:00-12:00,14:00-21:00", found {text!r}')
        numbers = [int(group or 0) for group in match.groups()]
        since_s, until_s = _second(numbers[:3], text), _second(numbers[3:], text)
        if since_s == until_s:
            raise ValueError(f"expected two different times in {part.strip()!r}")
        spans.append((since_s, until_s))
    return tuple(spans)


def parse_days(text: str) -> frozenset[int]:
    """Days of the week, 0 is Monday. Raises ValueError for what is no such list."""
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f'expected days such as "mon-fri" or "mon,wed,sat-sun", found {text!r}')
        since, until = DAYS.index(first), DAYS.index(last or first)
        days.update(day % 7 for day in range(since, until + 1 + (7 if until < since else 0)))
    return frozenset(days)


def in_hours(at: datetime, spans: tuple[tuple[int, int], ...]) -> bool:
    """Whether the wall clock of ``at``, in its own zone, is within one of ``spans``."""
    second = at.hour * 3600 + at.minute * 60 + at.second
    return any(
        since_s <= second < until_s if since_s < until_s else not until_s <= second < since_s
        for since_s, until_s in spans
    )


def local_time(at_ms: int, zone: ZoneInfo) -> datetime:
    """Business time in a zone."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def _second(numbers: list[int], text: str) -> int:
    hour, minute, second = numbers
    seconds = hour * 3600 + minute * 60 + second
    if seconds > _DAY_S or minute > 59 or second > 59:
        raise ValueError(f"expected times from 00:00 to 24:00, found {text!r}")
    return seconds


def _hours(value: object) -> object:
    if isinstance(value, str):
        parse_hours(value)
    return value


def _days(value: object) -> object:
    if isinstance(value, str):
        parse_days(value)
    return value


def _zone(value: object) -> object:
    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        known = False
    except KeyError:
        known = False
    else:
        known = True
    if not known:
        raise ValueError(f'expected a time zone such as "Asia/Shanghai", found {value!r}')
    return value


Hours = Annotated[str, BeforeValidator(_hours)]
Days = Annotated[str, BeforeValidator(_days)]
Zone = Annotated[str, BeforeValidator(_zone)]
