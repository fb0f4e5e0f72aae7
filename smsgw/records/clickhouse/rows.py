"""A piece's rows as ClickHouse gets them: records with their messages sealed one by one, and the cubes of it.

Figures are counted here, by the very SQL of the archive, so that they are the same whoever is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from smsgw.records.archive.files import read_runs
from smsgw.records.archive.knowledge import Keys
from smsgw.records.archive.rollups import CUBES, LATENCIES
from smsgw.records.clickhouse.ledger import Batch
from smsgw.records.clickhouse.native import blocks
from smsgw.records.clickhouse.schema import COLUMNS, RECIPIENTS, RECORDS

_PLACE_BITS: Final = 40


def records(path: Path, batch: Batch, keys: Keys, connection: Any) -> Iterator[tuple[str, bytes]]:
    """(table, block) of all records of a piece and of whom they lead to."""
    place = batch.first << _PLACE_BITS
    for run in read_runs(path, keys):
        known = _begun(_with_buckets(run, connection), batch)
        places = pa.array(range(place, place + run.num_rows), pa.uint64())
        sealed = [keys.seal(each) if each else b"" for each in run.column("content").to_pylist()]
        known = known.append_column("place", places)
        known = known.set_column(known.schema.get_field_index("content"), "content", pa.array(sealed, pa.binary()))
        place += run.num_rows
        for block in blocks(known, COLUMNS[RECORDS]):
            yield RECORDS, block
        whose = known.filter(pc.not_equal(known.column("recipient_hash"), ""))
        pairs = whose.select(["recipient_hash", "message_id"]).group_by(["recipient_hash", "message_id"]).aggregate([])
        for block in blocks(_begun(pairs, batch), COLUMNS[RECIPIENTS]):
            yield RECIPIENTS, block


def cubes(path: Path, batch: Batch, connection: Any) -> Iterator[tuple[str, bytes]]:
    """(table, block) of a piece's figures."""
    for cube in CUBES:
        found = connection.sql(cube.sql([path])).to_arrow_table()
        for block in blocks(_begun(found, batch), COLUMNS[cube.name]):
            yield cube.name, block


def _with_buckets(run: pa.Table, connection: Any) -> pa.Table:
    """With the bucket of each row's latency, -1 where it has none."""
    numbers = pa.array(range(run.num_rows), pa.int64())
    connection.register("run", run.drop_columns(["content"]).append_column("number", numbers))
    try:
        found = connection.sql(
            f"SELECT number, {LATENCIES.cells['bucket']} AS bucket FROM run {LATENCIES.condition}"
        ).to_arrow_table()
    finally:
        connection.unregister("run")
    where = pc.index_in(numbers, value_set=found.column("number").combine_chunks())
    return run.append_column("bucket", pc.fill_null(found.column("bucket").combine_chunks().take(where), -1))


def _begun(table: pa.Table, batch: Batch) -> pa.Table:
    """With the columns that every table begins with."""
    for name, value in (("day", batch.day), ("stage", batch.stage), ("batch", batch.number)):
        table = table.append_column(name, pa.repeat(pa.scalar(value), table.num_rows))
    return table
