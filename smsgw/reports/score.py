"""How good a department's month was: a score of 0 to 100 from rates, by weights that the site gives.

Owns: the arithmetic. A part has a rate for full marks and one for none; between them points are proportional, whichever
of the two is the greater. What could not be measured (no codes were sent, so none was late) takes no part, and the
others count for all. Every part's points stand beside its rate, so that the score can be recalculated by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A rate that counts with ``weight``: ``full`` is full marks, ``zero`` none."""

    name: str
    weight: float
    full: float
    zero: float


@dataclass(frozen=True, slots=True)
class Points:
    """What a part came to. ``rate`` None: nothing to measure, and so no ``points``, which are 0 to ``weight``."""

    name: str
    rate: float | None
    weight: float
    full: float
    zero: float
    points: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """``score``: 0 to 100, to one digit; None when nothing could be measured."""

    score: float | None
    parts: tuple[Points, ...]


def scored(parts: Sequence[Part], rates: Mapping[str, float | None]) -> Score:
    """The score of these rates."""
    found = tuple(_points(part, rates.get(part.name)) for part in parts)
    measured = [each for each in found if each.points is not None]
    weight = sum(each.weight for each in measured)
    if not weight:
        return Score(None, found)
    return Score(round(100 * sum(each.points or 0.0 for each in measured) / weight, 1), found)


def _points(part: Part, rate: float | None) -> Points:
    points = None
    if rate is not None:
        share = (rate - part.zero) / (part.full - part.zero)
        points = round(part.weight * min(1.0, max(0.0, share)), 2)
    return Points(part.name, rate, part.weight, part.full, part.zero, points)
