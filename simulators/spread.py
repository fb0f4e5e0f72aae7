"""What an operator writes for chance: durations, shares, delays and weighted choices.

All parsers raise ValueError with the text that was wrong and what was expected, so that a
command line can print it as it is. A drawn ``word`` comes from ``simulators.draws``.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Generic, TypeVar

from simulators.draws import WORD_RANGE

T = TypeVar("T")

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)?")
_LONGEST_S = 10 * 366 * 86400.0
_BELL = NormalDist()
_BELLS = ("normal", "lognormal")
_DEVIATIONS_99 = _BELL.inv_cdf(0.99)
_UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Return seconds of ``200ms``, ``3s``, ``1.5`` (seconds), ``5m``, ``1h``, ``2d``."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write it like 200ms, 3s or 5m")
    seconds = float(match[1]) * _UNIT_S[match[2]]
    if seconds > _LONGEST_S:
        raise ValueError(f"{text[:40]!r} is more than ten years")
    return seconds


def parse_share(text: str) -> float:
    """Return 0..1 of ``2%`` or ``0.02``."""
    stripped = text.strip()
    try:
        value = float(stripped[:-1]) / 100 if stripped.endswith("%") else float(stripped)
    except ValueError:
        raise ValueError(f"{text!r} is not a share; write it like 2% or 0.02") from None
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not between 0% and 100%")
    return value


@dataclass(frozen=True, slots=True)
class Delay:
    """A distribution of seconds: ``low_s`` fixed, uniform up to ``high_s``, exponential by mean ``low_s``, normal
    by mean ``low_s`` and deviation ``high_s`` (never below 0), lognormal by median ``low_s`` and 99th percentile
    ``high_s``, or "points": (share of all, seconds) in rising order, straight lines between them. As text what
    ``parse`` reads.
    """

    kind: str = "fixed"
    low_s: float = 0.0
    high_s: float = 0.0
    points: tuple[tuple[float, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Delay:
        """Read ``50ms`` (fixed), ``20ms-80ms`` (uniform), ``exp:50ms`` (exponential, by its mean),
        ``normal:50ms/10ms`` (mean and deviation), ``lognormal:50ms/1s`` (median, and what 99 % stay below) or
        any distribution by its quantiles, ``0%:5ms,50%:20ms,99%:1s,100%:8s``.
        """
        if text.startswith("exp:"):
            return cls("exponential", parse_duration(text[4:]))
        name, colon, both = text.partition(":")
        if colon and name in _BELLS:
            return cls(name, *_parse_two(text, both))
        if "%" in text:
            return cls("points", points=_parse_points(text))
        low, dash, high = text.partition("-")
        if not dash:
            return cls("fixed", parse_duration(low))
        low_s, high_s = parse_duration(low), parse_duration(high)
        if high_s < low_s:
            raise ValueError(f"{text!r}: the second duration is below the first")
        return cls("uniform", low_s, high_s)

    @property
    def constant_s(self) -> float | None:
        """The one value of this delay, or None when it varies."""
        if self.kind == "points":
            return self.points[0][1] if self.points[0][1] == self.points[-1][1] else None
        if self.kind == "normal":
            return None if self.high_s else self.low_s
        one = self.kind in ("uniform", "lognormal") and self.low_s == self.high_s
        return self.low_s if self.kind == "fixed" or one else None

    def at(self, word: int) -> float:
        """Seconds for one drawn word."""
        if self.kind == "fixed":
            return self.low_s
        if self.kind == "uniform":
            return self.low_s + (self.high_s - self.low_s) * word / WORD_RANGE
        if self.kind == "exponential":
            return -self.low_s * math.log((word + 1) / WORD_RANGE)
        if self.kind in _BELLS:
            deviations = _BELL.inv_cdf((word + 0.5) / WORD_RANGE)
            if self.kind == "normal":
                return max(0.0, self.low_s + self.high_s * deviations)
            return self.low_s * math.pow(self.high_s / self.low_s, deviations / _DEVIATIONS_99)
        share = word / WORD_RANGE
        points = self.points
        right = bisect.bisect_right(points, share, key=_share_of)
        (low, low_s), (high, high_s) = points[right - 1], points[right]
        return low_s + (high_s - low_s) * (share - low) / (high - low)

    def drawing(self) -> Callable[[int], float]:
        """``at``, for those who ask very often."""
        if self.kind == "uniform":
            low_s, per_word = self.low_s, (self.high_s - self.low_s) / WORD_RANGE
            return lambda word: low_s + per_word * word
        return self.at

    def times(self, factor: float) -> Delay:
        """The same distribution with all seconds multiplied."""
        points = tuple((share, seconds * factor) for share, seconds in self.points)
        return Delay(self.kind, self.low_s * factor, self.high_s * factor, points)

    def __str__(self) -> str:
        if self.kind == "points":
            return ",".join(f"{_plain(share * 100)}%:{_plain(seconds)}s" for share, seconds in self.points)
        if self.kind == "uniform":
            return f"{_plain(self.low_s)}s-{_plain(self.high_s)}s"
        if self.kind in _BELLS:
            return f"{self.kind}:{_plain(self.low_s)}s/{_plain(self.high_s)}s"
        return f"exp:{_plain(self.low_s)}s" if self.kind == "exponential" else f"{_plain(self.low_s)}s"


def _parse_two(text: str, both: str) -> tuple[float, float]:
    first, slash, second = both.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is not a delay; write it like normal:50ms/10ms or lognormal:50ms/1s")
    low_s, high_s = parse_duration(first), parse_duration(second)
    if text.startswith("log") and not 0 < low_s <= high_s:
        raise ValueError(f"{text!r}: the median is above 0, and 99% stay below something that is no less")
    return low_s, high_s


def _share_of(point: tuple[float, float]) -> float:
    return point[0]


def _plain(number: float) -> str:
    """Without an exponent, which the parsers don't read."""
    return f"{number:.12f}".rstrip("0").rstrip(".")


def _parse_points(text: str) -> tuple[tuple[float, float], ...]:
    points = []
    for part in text.split(","):
        share, colon, seconds = part.partition(":")
        if not colon or not share.strip().endswith("%"):
            raise ValueError(f"{text!r} is not a distribution; write it like 0%:5ms,50%:20ms,100%:2s")
        points.append((parse_share(share), parse_duration(seconds)))
    shares = [share for share, _ in points]
    rising = all(low < high and low_s <= high_s for (low, low_s), (high, high_s) in pairwise(points))
    if not rising or len(points) < 2 or (shares[0], shares[-1]) != (0.0, 1.0):
        raise ValueError(f"{text!r} is not a distribution; shares rise from 0% to 100%, and durations with them")
    return tuple(points)


NO_DELAY = Delay()


class Choice(Generic[T]):
    """One of several values, each with its share; what the shares leave over goes to ``rest``."""

    __slots__ = ("_values", "bounds", "only")

    def __init__(self, shares: Sequence[tuple[T, float]], rest: T) -> None:
        total = 0.0
        bounds: list[int] = []
        values: list[T] = []
        for value, share in shares:
            total += share
            if share > 0:
                bounds.append(round(total * WORD_RANGE))
                values.append(value)
        if total > 1.0 + 1e-9:
            raise ValueError(f"shares add up to {total:.1%}, more than 100%")
        if not bounds or bounds[-1] < WORD_RANGE:
            values.append(rest)
        #: Words below the first bound pick the first value, and so on.
        self.bounds = bounds
        self._values = values
        #: The value when there is no choice at all, else None.
        self.only: T | None = values[0] if len(values) == 1 else None

    def at(self, word: int) -> T:
        """The value for one drawn word."""
        return self._values[bisect.bisect_right(self.bounds, word)]


def chance(share: float) -> int:
    """The threshold of a share: an event happens when its drawn word is below it."""
    return round(share * WORD_RANGE)


def parse_weighted(text: str) -> list[tuple[str, float | None]]:
    """Split ``NAME:90%,OTHER`` into names and shares; a name without a share has None.

    Only a last part of the form ``N%`` is a share, so names may hold colons themselves.
    """
    parts: list[tuple[str, float | None]] = []
    for part in text.split(","):
        name, colon, share = part.strip().rpartition(":")
        if colon and share.endswith("%"):
            parts.append((name, parse_share(share)))
        elif part.strip():
            parts.append((part.strip(), None))
    if not parts:
        raise ValueError("nothing is named")
    return parts
