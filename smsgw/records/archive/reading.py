"""Asking the archive and what is not in it yet, as if both were one.

Owns: SQL over archive files. Every question looks at one ``Look``: the raw files are listed first and the archive's
after them, so nothing falls between the two; when a file of it has gone meanwhile, because its hour was joined or it
was taken into the archive, the question is asked again. Never writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb

from smsgw.records.archive.duck import MEMORY, SPILL, THREADS, connection, files
from smsgw.records.archive.files import Covers, read_footer
from smsgw.records.archive.intake import detail_of
from smsgw.records.archive.names import Piece, all_pieces, counting
from smsgw.records.archive.raw import all_raw
from smsgw.records.query import RawPart, query
from smsgw.records.record import Record, Step, to_ms

_ATTEMPTS: Final = 5
_FIXED: Final = ("at_ms", "step", "message_id", "account", "carrier", "message_class", "recipient_hash",
                 "recipient_masked", "segments", "status", "rule_id", "signature", "latency_ms")  # fmt: skip
_DETAIL: Final = ("state", "err", "carrier_message_id", "detail", "template", "campaign")
RECORD_COLUMNS: Final = ", ".join((*_FIXED, *_DETAIL))
"""What ``record_of`` makes a record of."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """What there is at one moment: archive files that count, and the parts of raw files that are not in them."""

    directory: Path
    pieces: tuple[Piece, ...]
    raw: tuple[RawPart, ...]

    def paths(self, since_ms: int | None = None, until_ms: int | None = None) -> list[Path]:
        """The archive files that may have records of a time."""
        return [
            piece.path(self.directory)
            for piece in self.pieces
            if (until_ms is None or piece.hour_ms < until_ms)
            and (since_ms is None or piece.hour_ms + 3_600_000 > since_ms)
        ]


def _help(error: duckdb.Error) -> str:
    if not isinstance(error, duckdb.InvalidInputException):
        return ""
    return (
        "; `smsgw archive verify` says what is damaged: bring the file back from a copy, or move it away and do "
        "without its records"
    )


class Reader:
    """Asks the archive of a directory of records. Belongs to one thread at a time; keeps what it learnt of files."""

    def __init__(self, records: Path, archive: Path, threads: int = THREADS, memory: str = MEMORY) -> None:
        self._records = records
        self._archive = archive
        self._connection = connection(archive / SPILL, threads, memory)
        self._covers: dict[Piece, Covers] = {}

    def asked(self, question: Callable[[Look], T]) -> T:
        """What ``question`` finds; asked again where files have moved under it. Raises OSError."""
        for attempt in range(_ATTEMPTS):
            try:
                return question(self.look())
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
            except duckdb.Error as error:
                if attempt == _ATTEMPTS - 1 or not isinstance(error, duckdb.IOException):
                    raise OSError(f"{self._archive}: {str(error).splitlines()[0]}{_help(error)}") from error
        raise AssertionError("unreachable")

    def look(self) -> Look:
        """What there is now."""
        raw = all_raw(self._records)
        pieces = tuple(counting(all_pieces(self._archive)))
        hours = {file.hour_ms for file in raw}
        ends: dict[tuple[str, str], int] = {}
        for piece in pieces:
            if piece.hour_ms in hours:
                for name, (first, end) in self._covers_of(piece).items():
                    ends[name, first] = max(end, ends.get((name, first), 0))
        parts = (RawPart(file.hour_ms, file.path, ends.get((file.name, file.first), 0)) for file in raw)
        return Look(self._archive, pieces, tuple(parts))

    def _covers_of(self, piece: Piece) -> Covers:
        if piece not in self._covers:
            self._covers[piece] = read_footer(piece.path(self._archive)).covers
        return self._covers[piece]

    def rows_of(self, piece: Piece) -> int:
        """How many records a file has. Raises OSError."""
        return read_footer(piece.path(self._archive)).rows

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        found: list[tuple[Any, ...]] = self._connection.execute(sql, list(values)).fetchall()
        return found

    def find(
        self,
        message_id: str | None = None,
        since: datetime | None = None,
        account: str | None = None,
        step: int | None = None,
        *,
        until: datetime | None = None,
        carrier: str | None = None,
        recipient_hash: str | None = None,
        last: int | None = None,
    ) -> list[Record]:
        """As ``records.query.query``: the records that fit every condition given, oldest first."""

        def question(look: Look) -> list[Record]:
            return self.find_in(
                look, message_id, since, account, step,
                until=until, carrier=carrier, recipient_hash=recipient_hash, last=last,
            )  # fmt: skip

        return self.asked(question)

    def find_in(
        self,
        look: Look,
        message_id: str | None = None,
        since: datetime | None = None,
        account: str | None = None,
        step: int | None = None,
        *,
        until: datetime | None = None,
        carrier: str | None = None,
        recipient_hash: str | None = None,
        last: int | None = None,
    ) -> list[Record]:
        """As ``find``, of what a look has."""
        fresh = query(
            self._records, message_id, since, account, step,
            until=until, carrier=carrier, recipient_hash=recipient_hash, last=last, among=look.raw,
        )  # fmt: skip
        wanted = {"message_id": message_id, "account": account, "step": step, "carrier": carrier,
                  "recipient_hash": recipient_hash}  # fmt: skip
        found = self._archived(look, {name: each for name, each in wanted.items() if each is not None},
                               since, until, last)  # fmt: skip
        both = sorted(found + fresh, key=lambda each: each.at_ms)
        return both if last is None else both[-last:]

    def _archived(
        self, look: Look, wanted: dict[str, str | int], since: datetime | None, until: datetime | None, last: int | None
    ) -> list[Record]:
        since_ms = None if since is None else to_ms(since)
        until_ms = None if until is None else to_ms(until)
        paths = look.paths(since_ms, until_ms)
        if not paths:
            return []
        conditions = [f"{name} = ?" for name in wanted]
        if "step" not in wanted:
            conditions.append(f"step <> {int(Step.CARRIER_PDU)}")
        values: list[object] = list(wanted.values())
        for sign, at_ms in ((">=", since_ms), ("<", until_ms)):
            if at_ms is not None:
                conditions.append(f"at_ms {sign} ?")
                values.append(at_ms)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        bound = f" ORDER BY at_ms DESC LIMIT {last}" if last is not None else ""
        rows = self.rows(f"SELECT {RECORD_COLUMNS} FROM {files(paths)}{where}{bound}", values)
        # Within a file the rows of a message stand as they were appended, so a stable sort keeps what happened at once.
        return sorted(map(record_of, rows if last is None else reversed(rows)), key=lambda each: each.at_ms)


def record_of(row: tuple[Any, ...]) -> Record:
    """A record from the values of ``RECORD_COLUMNS``."""
    fixed, extra = row[: len(_FIXED)], dict(zip(_DETAIL, row[len(_FIXED) :], strict=True))
    return Record._make((*fixed, detail_of(fixed[1], extra)))
