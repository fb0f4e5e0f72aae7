"""The ledger: which sendings of pieces count.

Owns: the table ``batches``. A piece is sent under a new number, its *batch*; it counts from the moment that a line of
the ledger names it, and that line also names the batches that count no more, so one insert of one row is the whole
change: nobody sees half a piece, or one twice. A line of batch 0 only retires. A second line of a batch says that what
is there agrees with a later state of the archive (after an erasure). Lines go with their day.

An archive is known by the beginning of its chain's first digest: a machine that has lost its disk writes another one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from smsgw.records.archive.names import Piece, hour_text
from smsgw.records.clickhouse.client import Client, text
from smsgw.records.clickhouse.schema import BATCHES, COLUMNS


@dataclass(frozen=True, slots=True)
class Batch:
    """A piece as it was sent. ``seq``: the chain's last line then. ``stage``: see ``schema``, empty for what stays."""

    number: int
    stage: str
    hour_ms: int
    first: int
    last: int
    rows: int
    seq: int

    @property
    def day(self) -> int:
        return day_of(self.hour_ms)

    @property
    def piece(self) -> Piece:
        return Piece(self.hour_ms, self.first, self.last)

    @property
    def partition(self) -> str:
        """In SQL."""
        return f"({self.day}, {text(self.stage)})"


def day_of(hour_ms: int) -> int:
    """20261118, UTC."""
    return int(f"{datetime.fromtimestamp(hour_ms // 1000, UTC):%Y%m%d}")


def stage_of(archive: str, hour_ms: int) -> str:
    """Of pieces of an hour that is not over."""
    return f"{archive}-{hour_text(hour_ms)}"


def new_number() -> int:
    """For a sending; chance alone keeps those of several machines apart."""
    return secrets.randbits(62) | 1


class Ledger:
    """Reads it and adds to it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._table = client.table(BATCHES)

    def counting(self) -> str:
        """SQL: the batches that count."""
        return f"(SELECT batch FROM {self._table} WHERE batch NOT IN {self.retired()})"

    def retired(self) -> str:
        """SQL: those that count no more."""
        return f"(SELECT arrayJoin(retires) FROM {self._table})"

    def stamp(self, archive: str = "") -> tuple[int, ...]:
        """Another one when a line was added, or taken away with its day."""
        where = f" WHERE archive = {text(archive)}" if archive else ""
        return self._client.rows(f"SELECT count(), max(at_ms), sum(batch % 1000003) FROM {self._table}{where}")[0]

    def of_archive(self, archive: str) -> list[Batch]:
        """What counts of an archive, by hour and number."""
        rows = self._client.rows(
            f"SELECT batch, any(stage), any(hour_ms), any(first), any(last), any(rows), max(seq) FROM {self._table} "
            f"WHERE archive = {text(archive)} AND batch > 0 AND batch NOT IN {self.retired()} GROUP BY batch"
        )
        return sorted((Batch(*row) for row in rows), key=lambda each: (each.hour_ms, each.first, each.last))

    def kept_but_retired(self, archive: str) -> list[tuple[int, int]]:
        """(batch, day) of those that count no more and went to a partition that stays."""
        return [
            (number, day)
            for number, day in self._client.rows(
                f"SELECT DISTINCT batch, day FROM {self._table} WHERE archive = {text(archive)} AND batch > 0 "
                f"AND stage = '' AND batch IN {self.retired()}"
            )
        ]

    def write(self, archive: str, batch: Batch, retires: Iterable[int] = ()) -> None:
        """``batch`` counts from now on, and the others don't."""
        numbers = ", ".join(map(str, retires))
        self._client.do(
            f"INSERT INTO {self._table} ({', '.join(COLUMNS[BATCHES])}) VALUES ({batch.day}, {text(batch.stage)}, "
            f"{batch.number}, {text(archive)}, {batch.hour_ms}, {batch.first}, {batch.last}, {batch.rows}, "
            f"{batch.seq}, {time.time_ns() // 1_000_000}, [{numbers}])"
        )
