"""Durations, rates and periods as people write them: ``30s``, ``300ms``, ``100/s``, ``24h``.

Every function raises ValueError with a sentence that says what was expected and what was found;
``document`` puts file, line and key in front of it. Numbers without a unit are refused: nobody knows
later whether ``timeout = 30`` meant seconds.
"""

from __future__ import annotations

import re
from typing import Final

_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_S: Final = 10 * 366 * 86400.0
FASTEST_PER_S: Final = 1_000_000
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)")
_OCTETS_OF: Final = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
_OCTETS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(MB|GB|MiB|GiB)")
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|min|m|h|d)")


def parse_duration(value: object) -> float:
    """Seconds of ``300ms``, ``30s``, ``5m``, ``72h`` or ``7d``; from ``0s`` to ten years."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'expected a duration with its unit, such as "300ms", "30s", "5m" or "72h", found {value!r}')
    number, unit = match.groups()
    seconds = float(number) * _UNIT_S[unit]
    if seconds > LONGEST_S:
        raise ValueError(f"expected at most ten years, found {value!r:.60}")
    return seconds


def parse_rate(value: object) -> float:
    """Events per second of ``100/s``, ``600/m`` (or ``600/min``) or ``5000/h``; above 0, up to a million a second."""
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'expected a rate such as "100/s" or "600/m", found {value!r}')
    number, unit = match.groups()
    rate_per_s = float(number) / _UNIT_S[unit]
    if not 0 < rate_per_s <= FASTEST_PER_S:
        raise ValueError(f"expected a rate above 0 and up to {FASTEST_PER_S:,}/s, found {value!r:.60}")
    return rate_per_s


def parse_octets(value: object) -> int:
    """Octets of ``512MiB``, ``2GiB``, ``500MB`` or ``1.5GB``; at least one million."""
    match = _OCTETS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'expected an amount of memory with its unit, such as "512MiB" or "2GiB", found {value!r}')
    number, unit = match.groups()
    octets = int(float(number) * _OCTETS_OF[unit])
    if octets < 10**6:
        raise ValueError(f"expected at least 1MB, found {value!r:.60}")
    return octets
