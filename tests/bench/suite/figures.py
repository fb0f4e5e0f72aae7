"""What a section measures, several times over: median, spread, and one version beside another."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.suite.machine import Conditions


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. ``target``: what it should be, "≤ 33" or "≥ 20000"; empty for none."""

    name: str
    unit: str
    value: float
    target: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over all runs."""

    name: str
    unit: str
    target: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one; of an even number the mean of the two in the middle."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The lowest."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The highest."""
        return max(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None without one."""
        if not self.target:
            return None
        sign, _, wanted = self.target.partition(" ")
        return self.median <= float(wanted) if sign == "≤" else self.median >= float(wanted)


@dataclass(slots=True)
class Run:
    """One run of one section with one version."""

    figures: list[Figure] = field(default_factory=list)
    #: The machine during each of its loads.
    conditions: list[Conditions] = field(default_factory=list)
    #: What could not be measured, and why.
    notes: list[str] = field(default_factory=list)


def spreads(runs: Sequence[Run]) -> list[Spread]:
    """Figures of several runs by name, in the order in which they first appear."""
    found: dict[str, list[Figure]] = {}
    for run in runs:
        for figure in run.figures:
            found.setdefault(figure.name, []).append(figure)
    return [
        Spread(name, each[0].unit, each[0].target, tuple(figure.value for figure in each))
        for name, each in found.items()
    ]


def ratio(ours: Spread, other: Spread) -> tuple[float, float, float] | None:
    """Median, lowest and highest of ours ÷ the other's, run by run: runs of one turn saw the same machine."""
    pairs = [a / b for a, b in zip(ours.values, other.values, strict=False) if b]
    return (statistics.median(pairs), min(pairs), max(pairs)) if pairs else None


def order(count: int, turn: int) -> list[int]:
    """In which order so many versions take their turn: A B, B A, A B …, so that no one always comes first."""
    return list(range(count)) if turn % 2 == 0 else list(range(count - 1, -1, -1))
