"""In which order points are measured, and from when on one is called another than the first.

A machine that others use too is fast now and slow in a minute, so points take turns, each pass in the other direction
(A B C, C B A, …), and a point is compared with the first one of the same pass: what slows a whole pass is no growth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from tests.bench.suite.figures import order

T = TypeVar("T")

MOST_CHANGE = 0.15
"""A point that is further from the first one than this share of it is marked."""


def turns(points: Sequence[T], passes: int) -> Iterator[tuple[int, T]]:
    """Number of the pass and point, every second pass from behind."""
    for number in range(passes):
        for place in order(len(points), number):
            yield number, points[place]


def is_marked(ratio: float) -> bool:
    """Whether a point differs from the first one by more than is called flat."""
    return abs(ratio - 1.0) > MOST_CHANGE
