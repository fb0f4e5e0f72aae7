"""The time format of SMPP: ``YYMMDDhhmmsstnnp``, absolute or relative (SMPP 3.4 §7.1.1).

Owns: reading and writing that text. Never reads a clock: a relative time is counted from the ``now`` it is given.
Years are 2000–2099: what is scheduled or expires lies ahead, so 5.0's rule that 38–99 mean 1938–1999 is not kept.
What can go wrong: a peer's text that is no such time: RecoverableError with the status for its field.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final

from smsgw.errors import LocalError, RecoverableError

# Six pairs (years to seconds), tenths of a second, quarter hours between local time and UTC, direction.
_FORMAT: Final = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([-+R])")
_QUARTER: Final = timedelta(minutes=15)
_MAX_QUARTERS: Final = 48
_CENTURY: Final = 2000


def parse_time(value: bytes, now: datetime, command_status: int) -> datetime | None:
    """The moment that a time field names, in UTC; None when the field is empty.

    ``now`` (aware) is where relative times count from. A year or month more keeps the day of the month, or
    takes the month's last. Raises RecoverableError with ``command_status`` (ESME_RINVSCHED or
    ESME_RINVEXPIRY) when it is malformed or no date; LocalError for a naive ``now``.
    """
    if not value:
        return None
    if now.tzinfo is None:
        raise LocalError("now must be an aware datetime")
    match = _FORMAT.fullmatch(value)
    if match is None:
        raise RecoverableError(command_status, f"{value!r} is not a time of 16 octets, YYMMDDhhmmsstnnp")
    years, months, days, hours, minutes, seconds, tenths, quarters = (int(part) for part in match.groups()[:8])
    try:
        if match[9] == b"R":
            # SMPP 3.4 §7.1.1.2: tenths and quarters are unused and should be 0.
            start = _add_months(now.astimezone(UTC), 12 * years + months)
            return start + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if quarters > _MAX_QUARTERS:
            raise ValueError(f"{quarters} quarter hours from UTC")
        # "+": local time is ahead of UTC (SMPP 3.4 §7.1.1.1).
        offset = quarters * _QUARTER if match[9] == b"+" else -quarters * _QUARTER
        local = datetime(_CENTURY + years, months, days, hours, minutes, seconds, tenths * 100_000)
        return (local - offset).replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise RecoverableError(command_status, f"{value!r} is not a time: {error}") from None


def format_absolute(moment: datetime) -> bytes:
    """16 octets that name ``moment`` in its own offset from UTC, in UTC when that is not whole quarters of an hour.

    Tenths of a second are kept, what is finer is cut. Raises LocalError for a naive datetime or a year outside
    2000–2099.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise LocalError("moment must be an aware datetime")
    if offset % _QUARTER or abs(offset) > _MAX_QUARTERS * _QUARTER:
        moment, offset = moment.astimezone(UTC), timedelta()
    if not _CENTURY <= moment.year < _CENTURY + 100:
        raise LocalError(f"year {moment.year} has no place in a time of SMPP")
    direction = "-" if offset < timedelta() else "+"
    quarters = abs(offset) // _QUARTER
    return f"{moment:%y%m%d%H%M%S}{moment.microsecond // 100_000}{quarters:02d}{direction}".encode("ascii")


def _add_months(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
