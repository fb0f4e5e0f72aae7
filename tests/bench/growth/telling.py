"""What was measured, as a table and as JSON; only single measurements are kept, all else is reckoned from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench.growth.turns import MOST_CHANGE, is_marked
from tests.bench.suite.errors import BenchError
from tests.bench.suite.figures import Spread, ratio

KIND: Final = "growth"
MARK: Final = " ✗"
_HEAD: Final = (
    "messages/s", "to the first", "gateway CPU", "Redis CPU", "CPU to the first", "answer p50 / p99", "gateway memory",
    "Redis memory",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement of a point: CPU in microseconds a message, memory resident, answers in milliseconds."""

    per_s: float
    gateway_us: float
    redis_us: float
    gateway_mib: float
    redis_mib: float
    answer_p50_ms: float
    answer_p99_ms: float
    #: Of ``per_s`` those that waited before the load began.
    drained_per_s: float = 0.0
    #: Share of all cores' time that other users of the machine took, and what the calibrated loop cost.
    stolen: float = 0.0
    loop_us: float = 0.0

    @property
    def cpu_us(self) -> float:
        """Gateway and Redis together."""
        return self.gateway_us + self.redis_us


@dataclass(slots=True)
class PointRuns:
    """A point of a curve and what was measured there, a run each pass."""

    label: str
    runs: list[Run] = field(default_factory=list)

    def spread(self, name: str) -> Spread:
        """One of the figures over all passes. Raises BenchError when nothing was measured."""
        if not self.runs:
            raise BenchError(f"point {self.label!r} was never measured")
        return Spread(name, "", "", tuple(float(getattr(run, name)) for run in self.runs))

    def to_first(self, first: PointRuns, name: str) -> tuple[float, float, float]:
        """Ratio to another point, pass by pass: median, least, most. Raises BenchError where it can't be told."""
        ours, others = self.spread(name), first.spread(name)
        found = ratio(ours, others) if len(ours.values) == len(others.values) else None
        if found is None:
            raise BenchError(f"point {self.label!r} can't be compared with {first.label!r}: measured in other passes")
        return found


@dataclass(slots=True)
class SeriesRuns:
    """A line of a curve."""

    name: str
    points: list[PointRuns]


@dataclass(slots=True)
class CurveRuns:
    """A curve: what grows along its axis, and one line or several."""

    name: str
    title: str
    axis: str
    series: list[SeriesRuns]
    #: Why it may not be flat.
    expected: str = ""
    #: Where, when and with what it was measured.
    machine: Mapping[str, str] = field(default_factory=dict)


def dump(curves: Sequence[CurveRuns]) -> str:
    """As JSON."""
    return json.dumps({"kind": KIND, "curves": [asdict(each) for each in curves]}, ensure_ascii=False, indent=1) + "\n"


def load(path: Path) -> list[CurveRuns]:
    """Read what ``dump`` wrote. Raises BenchError, which names the file, for anything else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: {error}") from None
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise BenchError(f"{path}: expected what `bin/bench --growth … --json FILE` wrote")
    try:
        return [_curve(each) for each in found["curves"]]
    except (KeyError, TypeError) as error:
        raise BenchError(f"{path}: malformed: {error}; measure again with this version") from None


def _curve(found: Mapping[str, Any]) -> CurveRuns:
    series = [
        SeriesRuns(each["name"], [PointRuns(at["label"], [Run(**run) for run in at["runs"]]) for at in each["points"]])
        for each in found["series"]
    ]
    return CurveRuns(found["name"], found["title"], found["axis"], series, found["expected"], found["machine"])


# -- tables, in Markdown: they are read on terminals and kept in docs/performance


def table(curve: CurveRuns) -> str:
    """A curve with a table for each line: medians and, in brackets, ranges over the passes."""
    parts = [f"## {curve.title}\n"]
    marked = False
    for series in curve.series:
        rows = list(_rows(series))
        marked = marked or any(MARK in cell for row in rows for cell in row)
        parts.append((f"{series.name}:\n\n" if series.name else "") + _aligned([[curve.axis, *_HEAD], *rows]))
    if marked:
        parts.append(f"{MARK.strip()}: differs from the first point by more than {MOST_CHANGE:.0%}.\n")
    if curve.expected:
        parts.append(f"{curve.expected}\n")
    conditions = _conditions([run for series in curve.series for point in series.points for run in point.runs])
    if conditions:
        parts.append(conditions)
    if curve.machine:
        parts.append(", ".join(f"{name} {value}" for name, value in curve.machine.items()) + "\n")
    return "\n".join(parts)


def _conditions(runs: Sequence[Run]) -> str:
    """What the machine was like meanwhile, where that is known."""
    stolen, loops = [run.stolen * 100 for run in runs], [run.loop_us for run in runs]
    if not any(loops):
        return ""
    loop = f"the calibrated loop cost {min(loops):.1f} to {max(loops):.1f} µs"
    return f"Meanwhile {min(stolen):.1f} to {max(stolen):.1f} % of the machine was stolen, and {loop}.\n"


def _rows(series: SeriesRuns) -> Iterator[list[str]]:
    first = series.points[0]
    for point in series.points:
        memory = [f"{point.spread(name).median:,.0f} MiB" for name in ("gateway_mib", "redis_mib")]
        answers = " / ".join(f"{point.spread(name).median:,.1f}" for name in ("answer_p50_ms", "answer_p99_ms"))
        yield [
            " ".join(point.label.split()),
            _text(point.spread("per_s")) + _drained(point),
            _ratio(point, first, "per_s"),
            f"{_text(point.spread('gateway_us'))} µs",
            f"{_text(point.spread('redis_us'))} µs",
            _ratio(point, first, "cpu_us"),
            f"{answers} ms",
            *memory,
        ]


def _drained(point: PointRuns) -> str:
    drained = point.spread("drained_per_s").median
    return f", of them {drained:,.0f} that waited" if drained else ""


def _ratio(point: PointRuns, first: PointRuns, name: str) -> str:
    if point is first:
        return "1"
    median, least, most = point.to_first(first, name)
    return f"{median:.2f} ({least:.2f}–{most:.2f}){MARK if is_marked(median) else ''}"


def _text(found: Spread) -> str:
    """Such as ``8,109 (7,473–8,551)``."""
    return f"{found.median:,.0f} ({found.low:,.0f}–{found.high:,.0f})"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    filled = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    lines = [f"| {' | '.join(row)} |" for row in filled]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"
