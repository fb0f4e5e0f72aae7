"""One recipient in the archive: what it holds of them, and taking that away.

Erasing writes each file anew in which the recipient is, with hash, masked number and content of those records empty;
what happened, and when, stays, of nobody. The chain says of each file that it was erased from and what its digest is
now, so ``verify`` finds the archive whole before and after. Raw files of the running hour go within it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from smsgw.records.archive import chain as chains
from smsgw.records.archive.columns import BLOCK_ROWS, EMPTY, PERSONAL, SCHEMA
from smsgw.records.archive.duck import files
from smsgw.records.archive.files import opened_contents, read_footer, read_runs
from smsgw.records.archive.intake import unpacked_content
from smsgw.records.archive.keeper import Keeper
from smsgw.records.archive.knowledge import Keys
from smsgw.records.archive.names import all_pieces, counting, piece_of
from smsgw.records.archive.reading import RECORD_COLUMNS, Look, Reader, record_of
from smsgw.records.record import Record

_HASH: Final = "recipient_hash"


@dataclass(frozen=True, slots=True)
class Kept:
    """See ``records.history.Kept``."""

    record: Record
    number: str = ""
    pdus: tuple[bytes, ...] = ()


def of_recipient(reader: Reader, recipient_hash: str, keys: Keys) -> list[Kept]:
    """Every archived record of a recipient, oldest first. Raises OSError, and what ``keys.open`` raises."""
    return reader.asked(lambda look: of_recipient_in(reader, look, recipient_hash, keys))


def of_recipient_in(reader: Reader, look: Look, recipient_hash: str, keys: Keys) -> list[Kept]:
    """As ``of_recipient``, of what a look has."""
    paths = look.paths()
    if not paths:
        return []
    source = files(paths)[:-1] + ", filename = true, file_row_number = true)"
    rows = reader.rows(
        f"SELECT filename, file_row_number, {RECORD_COLUMNS} FROM {source} WHERE {_HASH} = ? ORDER BY ALL",
        [recipient_hash],
    )
    found = []
    for name, each in groupby(rows, key=lambda row: row[0]):
        there = {row[1]: record_of(row[2:]) for row in each}
        contents = contents_of(Path(str(name)), there, keys)
        for number, record in there.items():
            kept = unpacked_content(contents[number]) if number in contents else None
            found.append(Kept(record) if kept is None else Kept(record, kept[0], kept[2]))
    return sorted(found, key=lambda kept: kept.record.at_ms)


def contents_of(path: Path, rows: Iterable[int], keys: Keys) -> dict[int, bytes]:
    """The contents of some rows of a file, by number from 0; those without one are left out."""
    found: dict[int, bytes] = {}
    runs = read_footer(path).runs
    begins = [0, *accumulate(runs)]
    heads: dict[int, list[int]] = {}
    for row in rows:
        begin = max(each for each in begins if each <= row)
        heads.setdefault(begin + (row - begin) // BLOCK_ROWS * BLOCK_ROWS, []).append(row)
    with pq.ParquetFile(path) as file:
        first = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            wanted = [head for head in heads if first <= head < first + count]
            column: Any = file.read_row_group(group, columns=["content"]).column(0) if wanted else ()
            for head in wanted:
                contents = opened_contents(column[head - first].as_py(), keys)
                found |= {row: contents[row - head] for row in heads[head] if row - head in contents}
            first += count
    return found


def erase(keeper: Keeper, recipient_hash: str, keys: Keys) -> tuple[int, int]:
    """Take a recipient out of every file; gives (files, records). May be repeated after a kill. Raises OSError."""
    changed = erased = 0
    with keeper.at_work():
        keeper.work()
        paths = [piece.path(keeper.directory) for piece in counting(all_pieces(keeper.directory))]
        for name, rows in _where(keeper.directory, paths, recipient_hash):
            piece = piece_of(name)
            assert piece is not None
            path = piece.path(keeper.directory)
            runs = (_without(run, recipient_hash) for run in read_runs(path, keys))
            keeper.write(
                piece, runs, read_footer(path).covers, act=chains.ERASED, note=f"one recipient, {rows} records"
            )
            changed, erased = changed + 1, erased + rows
        keeper.forget(recipient_hash)
    return changed, erased


def _where(directory: Path, paths: list[Path], recipient_hash: str) -> Iterator[tuple[str, int]]:
    """Names of the files that the recipient is in, and how many records."""
    if not paths:
        return
    reader = Reader(directory.parent, directory)
    source = files(paths)[:-1] + ", filename = true)"
    sql = f"SELECT parse_filename(filename), count(*) FROM {source} WHERE {_HASH} = ? GROUP BY 1"
    yield from ((str(name), int(count)) for name, count in sorted(reader.rows(sql, [recipient_hash])))


def _without(run: pa.Table, recipient_hash: str) -> pa.Table:
    is_theirs: Any = pc.equal(run.column(_HASH), recipient_hash)
    for name in PERSONAL:
        index = SCHEMA.get_field_index(name)
        emptied = pc.if_else(is_theirs, pa.scalar(EMPTY[name], SCHEMA.field(index).type), run.column(name))
        run = run.set_column(index, SCHEMA.field(index), emptied)
    return run
