"""Records of an hour, counted: what statistics over months are made of, in place of the records themselves.

Owns: three cubes, a file a day each, ``rollups/<cube>/<day>.parquet``. ``counts`` has every dimension and a column for
each figure; ``latencies`` the dimensions that few values have, and how many were in each bucket of time; ``reasons``
why messages were refused or kept back. A row names the archive file that it was counted from, so what belongs to one
that was joined into another no longer counts.
Nothing here is evidence: it can be made again from the archive, and is when it is missing.

A latency is kept as a bucket of 32 a decade, so quantiles are right to within 8 %.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from smsgw.records.archive.duck import files, text
from smsgw.records.archive.intake import BEGINNINGS, DELIVERED, PENDING
from smsgw.records.archive.names import Piece, hour_text
from smsgw.records.history import DIMENSIONS
from smsgw.records.record import HOUR_MS, Step

DIRECTORY: Final = "rollups"
NARROW: Final = ("account", "department", "carrier", "message_class")
"""Dimensions that latencies are kept by."""
BUCKETS_A_DECADE: Final = 32
QUICK_MS: Final = 30_000
"""A verification code should be there within this."""
HOUR_SQL: Final = f"at_ms // {HOUR_MS} * {HOUR_MS} AS hour_ms"
_META: Final = b"smsgw"
_ANSWERED, _RECEIPT = int(Step.ANSWERED), int(Step.RECEIPT)
_FAILED: Final = f"step = {_RECEIPT} AND state NOT IN {(DELIVERED, *PENDING)}"
_CAME: Final = f"step = {_RECEIPT} AND state = {DELIVERED}"
COUNTS: Final = {
    "accepted": f"sum(counts) FILTER (WHERE step IN {BEGINNINGS})",
    "refused": f"count(*) FILTER (WHERE step = {int(Step.REFUSED)})",
    "sent_segments": f"sum(segments) FILTER (WHERE step = {int(Step.SENT)})",
    "billed_segments": f"sum(segments) FILTER (WHERE step = {_ANSWERED} AND status = 0)",
    "taken": f"count(*) FILTER (WHERE step = {_ANSWERED} AND status = 0)",
    "refused_by_carrier": f"count(*) FILTER (WHERE step = {_ANSWERED} AND status <> 0)",
    "delivered": f"sum(counts) FILTER (WHERE {_CAME})",
    "delivered_within_30_s": f"sum(counts) FILTER (WHERE {_CAME} AND age_ms BETWEEN 0 AND {QUICK_MS})",
    "failed": f"sum(counts) FILTER (WHERE {_FAILED})",
    "receipts_returned": f"count(*) FILTER (WHERE step = {int(Step.RECEIPT_RETURNED)})",
    "expired": f"count(*) FILTER (WHERE step = {int(Step.EXPIRED)})",
    "cancelled": f"count(*) FILTER (WHERE step = {int(Step.CANCELLED)})",
    "unknown": f"count(*) FILTER (WHERE step = {int(Step.UNKNOWN)})",
    "mo": f"count(*) FILTER (WHERE step = {int(Step.MO)})",
    "unsubscribed": f"count(*) FILTER (WHERE step = {int(Step.OPTOUT)})",
    "complained": f"count(*) FILTER (WHERE step = {int(Step.COMPLAINED)})",
    "clicked": f"count(*) FILTER (WHERE step = {int(Step.CLICKED)})",
}
_LATENCY: Final = f"""CASE WHEN step = {_RECEIPT} THEN if(state = {DELIVERED} AND counts = 1, age_ms, -1)
    ELSE latency_ms END"""


@dataclass(frozen=True, slots=True)
class Cube:
    """``dimensions``: of the rows; ``cells``: SQL by column; ``condition``: which records are in it at all."""

    name: str
    dimensions: tuple[str, ...]
    cells: dict[str, str]
    condition: str = ""

    @property
    def columns(self) -> str:
        """In the order that all SQL of it has."""
        return ", ".join(("piece", "hour_ms", *self.dimensions, *self.cells))

    def sql(self, paths: Iterable[Path]) -> str:
        """Its rows, from records."""
        keys = ", ".join(("parse_filename(filename) AS piece", HOUR_SQL, *self.dimensions))
        return f"SELECT {keys}, {self._cells} FROM {files(paths)[:-1]}, filename = true) {self.condition} GROUP BY ALL"

    def sql_by(self, paths: Iterable[Path], keys: Iterable[str]) -> str:
        """Its cells by these keys alone, from records."""
        return f"SELECT {', '.join((*keys, self._cells))} FROM {files(paths)} {self.condition} GROUP BY ALL"

    @property
    def _cells(self) -> str:
        return ", ".join(f"{cell} AS {name}" for name, cell in self.cells.items())

    def day(self, archive: Path, day: str) -> Path:
        """The file of a day such as ``2026-11-22``, UTC."""
        return archive / DIRECTORY / self.name / f"{day}.parquet"


FIGURES: Final = Cube(
    "counts",
    (*DIMENSIONS, "code_class"),
    {**{name: f"coalesce({cell}, 0)::BIGINT" for name, cell in COUNTS.items()}, "cost": "sum(cost)"},
)
LATENCIES: Final = Cube(
    "latencies",
    NARROW,
    {
        "step": f"(CASE WHEN step IN {BEGINNINGS} THEN {int(Step.ACCEPTED)} ELSE step END)::SMALLINT",
        "bucket": f"floor({BUCKETS_A_DECADE} * log10(({_LATENCY}) + 1))::SMALLINT",
        "records": "count(*)",
    },
    f"WHERE step IN {(*BEGINNINGS, _ANSWERED, _RECEIPT)} AND ({_LATENCY}) >= 0",
)
_REFUSED, _PARKED, _REVIEWED = int(Step.REFUSED), int(Step.PARKED), int(Step.REVIEWED)
REASONS: Final = Cube(
    "reasons",
    ("account", "department", "message_class"),
    {
        "step": "step::SMALLINT",
        # The rule of a refusal; the lot of what was parked and a reviewer's verdict are the first of their details.
        "reason": f"CASE WHEN step = {_REFUSED} THEN rule_id ELSE split_part(detail, '\"', 2) END",
        "records": "count(*)",
    },
    f"WHERE step IN {(_REFUSED, _PARKED, _REVIEWED)}",
)
"""Of what was refused nobody knows carrier, province or template, so it has no such dimensions."""
CUBES: Final = (FIGURES, LATENCIES, REASONS)


def quantile(buckets: Sequence[tuple[int, int]], share: float) -> float | None:
    """The latency in ms that ``share`` of all are below, from (bucket, how many) in order; None of none."""
    wanted = share * sum(count for _, count in buckets)
    for bucket, count in buckets:
        if wanted <= count:
            return _latency_ms(bucket + wanted / count)
        wanted -= count
    return _latency_ms(buckets[-1][0] + 1) if buckets else None


def _latency_ms(bucket: float) -> float:
    found = 10 ** (bucket / BUCKETS_A_DECADE) - 1
    return float(round(found, 1 if found < 100 else None))


def pieces_in(path: Path, cube: Cube) -> frozenset[str]:
    """The names of the files that are counted in a roll-up; none where there is none that can be read, or one of a
    version that counted less.
    """
    try:
        found = pq.read_metadata(path)
        if ", ".join(found.schema.names) != cube.columns:
            return frozenset()
        return frozenset(json.loads((found.metadata or {})[_META]))
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return frozenset()


def count_days(connection: Any, archive: Path, pieces: Iterable[Piece]) -> int:
    """Bring the roll-ups up to date; gives how many were written. ``pieces``: all that count, of hours that are over,
    by hour. The roll-ups of days that have none go.
    """
    written = 0
    days = {day: list(found) for day, found in groupby(pieces, key=lambda each: hour_text(each.hour_ms)[:10])}
    for path in (archive / DIRECTORY).glob("*/*.parquet"):
        if path.stem not in days:
            path.unlink()
    for day, found in days.items():
        names = {piece.name for piece in found}
        for cube in CUBES:
            path = cube.day(archive, day)
            there = pieces_in(path, cube)
            if there != names:
                missing = [piece.path(archive) for piece in found if piece.name not in there]
                _write(connection, cube, path, sorted(names & there), missing)
                written += 1
    return written


def _write(connection: Any, cube: Cube, path: Path, kept: list[str], missing: list[Path]) -> None:
    sources = []
    if kept:
        sources.append(rolled(cube, [path], kept))
    if missing:
        sources.append(cube.sql(missing))
    table = connection.sql(" UNION ALL ".join(sources) + " ORDER BY ALL").to_arrow_table()
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    names = [*kept, *(each.name for each in missing)]
    pq.write_table(table.replace_schema_metadata({_META: json.dumps(names).encode()}), new, compression="zstd")
    new.rename(path)


def rolled(cube: Cube, paths: Iterable[Path], pieces: Iterable[str]) -> str:
    """The rows of roll-ups that belong to these files."""
    listed, names = ", ".join(text(str(path)) for path in paths), ", ".join(map(text, pieces))
    return f"SELECT {cube.columns} FROM read_parquet([{listed}]) WHERE piece IN ({names})"
