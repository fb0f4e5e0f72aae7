"""Statistics: how many were accepted, delivered, refused, how soon, at which cost, by what is asked for.

Owns: what an answer is made of: roll-ups where there are some, and records for what is in none yet. Latencies by a
dimension that they are not rolled up by are made of records, which takes longer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol

from smsgw.records.archive.reading import Look, Reader
from smsgw.records.archive.rollups import (
    COUNTS,
    FIGURES,
    HOUR_SQL,
    LATENCIES,
    NARROW,
    REASONS,
    Cube,
    pieces_in,
    quantile,
    rolled,
)
from smsgw.records.history import DIMENSIONS, GROUPS, Asked, Figures
from smsgw.records.record import HOUR_MS, Step

SHARES: Final = (0.5, 0.95, 0.99)
_NAMES: Final = {
    int(Step.ACCEPTED): "answer_ms", int(Step.ANSWERED): "carrier_answer_ms", int(Step.RECEIPT): "receipt_ms"
}  # fmt: skip
_REASONS: Final = {
    int(Step.REFUSED): "refused_by", int(Step.PARKED): "parked_by", int(Step.REVIEWED): "reviewed_by"
}  # fmt: skip
_TIMES: Final = ("hour", "day")


def statistics(reader: Reader, asked: Asked) -> list[Figures]:
    """The figures of each group, in the groups' order. Raises ValueError for a name that is no group."""
    require_groups(asked)
    return reader.asked(lambda look: figures_of(asked, _Answer(reader, look, asked)))


def require_groups(asked: Asked) -> None:
    """Raises ValueError for a name that is no group."""
    for name in (*asked.by, *(name for name, _ in asked.where)):
        if name not in GROUPS:
            raise ValueError(f"{name!r} is not one of {', '.join(GROUPS)}")


class Counted(Protocol):
    """What figures are made of, in the groups' order; each row begins with the values of its group."""

    def counts(self) -> Iterable[tuple[Any, ...]]:
        """Rows of group, code_class, cost, how many there were to add up, failed, and all of ``COUNTS`` as a list."""
        ...

    def latencies(self) -> Iterable[tuple[Any, ...]]:
        """Rows of group, step, bucket, how many."""
        ...

    def reasons(self) -> Iterable[tuple[Any, ...]]:
        """Rows of group, step, reason, how many."""
        ...


def figures_of(asked: Asked, counted: Counted) -> list[Figures]:
    """The answer, wherever it was counted."""
    found: dict[tuple[Any, ...], Figures] = {}
    for *group, code_class, cost, count, failed, each in counted.counts():
        if not count:  # sums over nothing at all
            continue
        figures = found.setdefault(tuple(group), Figures(tuple(group), dict.fromkeys(COUNTS, 0)))
        figures.cost += cost
        figures.counts = {name: figures.counts[name] + more for name, more in zip(COUNTS, each, strict=True)}
        if failed:
            figures.failed_by[code_class] = failed
    if asked.latencies and found:
        buckets: dict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
        for *group, step, bucket, count in counted.latencies():
            buckets[*group, step].append((bucket, count))
        for (*group, step), some in buckets.items():
            values = tuple(quantile(some, share) for share in SHARES)
            found[tuple(group)].latencies[_NAMES[step]] = values
    if asked.reasons and found:
        for *group, step, reason, count in counted.reasons():
            # Reasons have fewer dimensions, so that nothing else may have been counted in their group.
            there = found.setdefault(tuple(group), Figures(tuple(group), dict.fromkeys(COUNTS, 0)))
            getattr(there, _REASONS[step])[reason] = count
    return [found[group] for group in sorted(found)]


class _Answer:
    """One answer, of one look at the files."""

    def __init__(self, reader: Reader, look: Look, asked: Asked) -> None:
        self._reader = reader
        self._look = look
        self._asked = asked
        groups = (f"{_group(name, asked.offset_ms)} AS g{index}" for index, name in enumerate(asked.by))
        self._groups = "".join(f"{each}, " for each in groups)

    def counts(self) -> list[tuple[Any, ...]]:
        """See ``Counted``."""
        cells = ", ".join(f"sum({name})::BIGINT" for name in COUNTS)
        values = f"code_class, sum(cost), count(*), sum(failed)::BIGINT, [{cells}]"
        return self._rows(f"SELECT {self._groups}{values}", self._rolled(FIGURES))

    def reasons(self) -> list[tuple[Any, ...]]:
        """What the cube has no dimension of is empty in all that it counts."""
        empty = "".join(f", '' AS {name}" for name in DIMENSIONS if name not in REASONS.dimensions)
        source = f"SELECT *{empty} FROM ({self._rolled(REASONS)})"
        return self._rows(f"SELECT {self._groups}step, reason, sum(records)::BIGINT", source)

    def latencies(self) -> list[tuple[Any, ...]]:
        """Of roll-ups or, by what those have not, of records."""
        dimensions = {*self._asked.by, *(name for name, _ in self._asked.where)} - {*_TIMES}
        if self._asked.accounts is not None:
            dimensions.add("account")
        source = self._rolled(LATENCIES) if dimensions <= {*NARROW} else self._latencies_by(dimensions)
        return self._rows(f"SELECT {self._groups}step, bucket, sum(records)::BIGINT", source)

    def _latencies_by(self, dimensions: set[str]) -> str:
        """SQL for latencies by what they are not rolled up by, of records; by the hour only if somebody wants that."""
        by_hour = not {*_TIMES}.isdisjoint(self._asked.by)
        hour = HOUR_SQL if by_hour else f"{self._asked.since_ms or 0} AS hour_ms"
        return LATENCIES.sql_by(self._paths().values(), (hour, *sorted(dimensions)))

    def _rows(self, select: str, source: str) -> list[tuple[Any, ...]]:
        if not source:
            return []
        conditions = [f"{name} = ?" for name, _ in self._asked.where]
        for sign, at_ms in ((">=", self._asked.since_ms), ("<", self._asked.until_ms)):
            if at_ms is not None:
                conditions.append(f"hour_ms {sign} {at_ms}")
        values: list[object] = [value for _, value in self._asked.where]
        if self._asked.accounts is not None:
            conditions.append("list_contains(?, account)")
            values.append(list(self._asked.accounts))
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._reader.rows(f"{select} FROM ({source}) {where} GROUP BY ALL ORDER BY ALL", values)

    def _paths(self) -> dict[str, Path]:
        return {path.name: path for path in self._look.paths(self._asked.since_ms, self._asked.until_ms)}

    def _rolled(self, cube: Cube) -> str:
        """SQL for the cube's rows of the time asked for: ready ones, and of files that are in none; empty for none."""
        names = self._paths()
        days: list[Path] = []
        done: set[str] = set()
        for day in sorted({name[:10] for name in names}):
            path = cube.day(self._look.directory, day)
            there = pieces_in(path, cube) & names.keys()
            if there:
                days.append(path)
                done |= there
        sources = [rolled(cube, days, sorted(done))] if days else []
        fresh = [path for name, path in names.items() if name not in done]
        if fresh:
            sources.append(f"SELECT {cube.columns} FROM ({cube.sql(fresh)})")
        return " UNION ALL ".join(sources)


def _group(name: str, offset_ms: int) -> str:
    if name == "hour":
        return "hour_ms"
    if name == "day":
        return f"(hour_ms + {offset_ms}) // {24 * HOUR_MS} * {24 * HOUR_MS} - {offset_ms}"
    return name
