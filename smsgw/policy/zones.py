"""In which time zones a recipient may live, told from the number; for windows by the recipient's own clock.

Owns: the look-up by longest prefix in the table of ``phonenumbers`` (E.164 prefix → zones), read when first asked for:
a site without such a profile never loads it. A mobile number tells where it was issued, not where its owner is; a
prefix that covers several zones gives all of them, and then all must be open.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NO_ZONES: Final[tuple[ZoneInfo, ...]] = ()


@cache
def _table() -> tuple[Mapping[str, tuple[str, ...]], int]:
    # Not imported above: the whole package is several megabytes, and most sites have no use for it.
    from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

    return TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX


@cache
def _zones(prefix: str) -> tuple[ZoneInfo, ...]:
    found = []
    for name in _table()[0][prefix]:
        try:
            found.append(ZoneInfo(name))
        except (ZoneInfoNotFoundError, OSError):
            return NO_ZONES  # the system doesn't know one of them: then the profile's own clock is the surer one
    return tuple(found)


def zones_of(recipient: str) -> tuple[ZoneInfo, ...]:
    """The zones of an E.164 number without a plus; empty when the number tells none. Numbers alike share one tuple."""
    table, longest = _table()
    for length in range(min(longest, len(recipient)), 0, -1):
        prefix = recipient[:length]
        if prefix in table:
            return _zones(prefix)
    return NO_ZONES
