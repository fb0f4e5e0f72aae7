"""Whether ClickHouse has what the archive of this machine has: every piece, counted record by record against the chain.

Only reads, beside a keeper at work. That records are unchanged is proved in the archive; here they are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from smsgw.records.archive.chain import PURGED, read_chain
from smsgw.records.archive.knowledge import Keys
from smsgw.records.archive.names import Piece, piece_of
from smsgw.records.archive.rollups import FIGURES
from smsgw.records.archive.stock import archive_of
from smsgw.records.clickhouse.client import Client, text
from smsgw.records.clickhouse.ledger import Batch, Ledger
from smsgw.records.clickhouse.schema import BATCHES, RECORDS, prepare


@dataclass(frozen=True, slots=True)
class Count:
    """``pieces`` and ``records`` that count there; ``waiting``: pieces of the archive that are still to be sent."""

    pieces: int
    records: int
    waiting: int
    faults: tuple[str, ...]


def compare(client: Client, directory: Path, keys: Keys) -> Count:
    """Count what is there of the archive ``directory``. Raises ClickHouseError, and OSError."""
    prepare(client)
    links = read_chain(directory, keys.chain)
    archive = archive_of(links.links[0].hash if links.links else "")
    batches = Ledger(client).of_archive(archive)
    found = {name: _counted(client, name, archive) for name in (RECORDS, FIGURES.name)}
    faults = []
    for batch in batches:
        count = found[RECORDS].get(batch.number, 0)
        if count != batch.rows:
            faults.append(f"ClickHouse: {batch.piece.name}: has {count} records, {batch.rows} were sent")
        elif not found[FIGURES.name].get(batch.number):
            faults.append(f"ClickHouse: {batch.piece.name}: its figures are missing")
    waiting = 0
    there = {hour_ms: list(each) for hour_ms, each in groupby(batches, key=lambda each: each.hour_ms)}
    known: set[int] = set()
    for name, link in sorted(links.present().items()):
        near = _near(piece_of(name), there)
        known.update(each.number for each in near)
        if link.rows and not near:
            waiting += 1
        elif len(near) == 1 and near[0].piece.name == name and near[0].rows != link.rows:
            faults.append(f"ClickHouse: {name}: has {near[0].rows} records, the archive {link.rows}")
        elif sum(each.rows for each in near) != link.rows:
            waiting += 1  # joined with what was not sent yet
    for link in links.links:
        if link.act == PURGED:  # the next round retires it
            known.update(each.number for each in _near(piece_of(link.file), there))
    faults += [
        f"ClickHouse: {each.piece.name}: the chain of the archive does not know it"
        for each in batches
        if each.number not in known
    ]
    return Count(len(batches), sum(each.rows for each in batches), waiting, tuple(faults))


def _counted(client: Client, table: str, archive: str) -> dict[int, int]:
    """How many rows there are of each batch of an archive."""
    numbers = f"SELECT batch FROM {client.table(BATCHES)} WHERE archive = {text(archive)}"
    rows = client.rows(f"SELECT batch, count() FROM {client.table(table)} WHERE batch IN ({numbers}) GROUP BY batch")
    return dict(rows)


def _near(piece: Piece | None, there: dict[int, list[Batch]]) -> list[Batch]:
    return [] if piece is None else [each for each in there.get(piece.hour_ms, ()) if piece.overlaps(each.piece)]
