"""Sending: the keeper's pieces come to ClickHouse, each counted once, whatever is killed when.

A piece's rows go under a new batch number, and count with one line of the ledger, which retires what the piece takes
the place of. The number that is being sent is noted beside the archive first: a sending whose end nobody saw is retired
before anything else is sent, even if its line should turn up later. What counts no more is removed after that, and
again by the next process where a kill came between. ClickHouse is away: nothing is lost, for the archive stays.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from smsgw.records.archive.chain import ERASED, Link
from smsgw.records.archive.knowledge import Keys
from smsgw.records.archive.stock import Stock
from smsgw.records.clickhouse.client import ClickHouseError, Client, text
from smsgw.records.clickhouse.ledger import Batch, Ledger, day_of, new_number, stage_of
from smsgw.records.clickhouse.plan import Job, gone, is_stale, jobs
from smsgw.records.clickhouse.rows import cubes, records
from smsgw.records.clickhouse.schema import BATCHES, COLUMNS, RECIPIENTS, RECORDS, prepare

NOTE: Final = "sending.json"
"""In the archive's directory: the batch that is being sent."""
ROUND_S: Final = 30.0
"""So long a round sends at most: others want the archive, too."""
ERASE_S: Final = 600.0
_LOOK_S: Final = (0.05, 1.0)
_PERSONAL: Final = "recipient_hash = '', recipient_masked = '', content = ''"


class Shipper:
    """Sends an archive. For whoever has its lock; ``close`` it at the end."""

    def __init__(self, client: Client, directory: Path, keys: Keys, connection: Any) -> None:
        self._client = client
        self._directory = directory
        self._keys = keys
        self._connection = connection
        self._ledger = Ledger(client)
        self._stamp: tuple[int, ...] = ()
        self._batches: list[Batch] = []
        self._is_ready = self._is_tidy = False

    def send(self, stock: Stock) -> tuple[int, int]:
        """Send what is missing, the newest first; gives how many pieces went and how many wait for the next round.

        Raises ClickHouseError, and OSError.
        """
        archive = stock.archive
        if not archive:
            return 0, 0
        self._begin(archive)
        self._is_tidy = False  # an error on the way, or an answer that is lost, leaves something to remove
        until_s = time.monotonic() + ROUND_S
        sent = waiting = 0
        for job in list(jobs(stock, self._batches)):
            if sent and time.monotonic() > until_s:
                waiting += 1
                continue
            self._send(archive, job, stock.seq)
            sent += 1
        self._purge(archive, stock)
        self._is_tidy = True
        return sent, waiting

    def erase(self, stock: Stock, recipient_hash: str) -> None:
        """Take a recipient out of the records of every machine; what is left agrees with the archive as it is now.

        Raises ClickHouseError, also when it takes longer than ten minutes: it goes on then, and may be asked again.
        """
        archive = stock.archive
        self._begin(archive)
        whose = f"WHERE recipient_hash = {text(recipient_hash)}"
        self._client.do(f"ALTER TABLE {self._client.table(RECORDS)} UPDATE {_PERSONAL} {whose}")
        self._client.do(f"ALTER TABLE {self._client.table(RECIPIENTS)} DELETE {whose}")
        self._wait()
        erasures = _erasures(stock)
        for batch in [each for each in self._batches if is_stale(each, erasures)]:
            agreeing = replace(batch, seq=stock.seq)
            self._ledger.write(archive, agreeing)
            self._now(archive, agreeing, ())

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    # --- steps

    def _begin(self, archive: str) -> None:
        """Know what counts, and end what a kill interrupted."""
        if not self._is_ready:
            prepare(self._client)
            self._is_ready = True
        stamp = self._ledger.stamp(archive)
        if stamp != self._stamp:
            self._batches, self._stamp = self._ledger.of_archive(archive), stamp
        self._end_interrupted(archive)
        if not self._is_tidy:
            self._tidy(archive)
            self._is_tidy = True

    def _end_interrupted(self, archive: str) -> None:
        path = self._directory / NOTE
        try:
            number, hour_ms = json.loads(path.read_bytes())
        except FileNotFoundError:
            return
        except (ValueError, TypeError):  # cut by the end of power: it was not begun
            path.unlink()
            return
        if not any(each.number == number for each in self._batches):
            self._ledger.write(archive, Batch(0, "", hour_ms, 0, 0, 0, 0), [number])
            self._delete_all([(number, day_of(hour_ms))])
            self._stamp = self._ledger.stamp(archive)
        path.unlink()

    def _send(self, archive: str, job: Job, seq: int) -> None:
        piece = job.piece
        stage = "" if job.settled else stage_of(archive, piece.hour_ms)
        path = piece.path(self._directory)
        batch = Batch(new_number(), stage, piece.hour_ms, piece.first, piece.last, job.rows, seq)
        note = self._directory / NOTE
        note.write_text(json.dumps([batch.number, batch.hour_ms]), encoding="ascii")
        self._insert_records(path, batch)
        for name, block in cubes(path, batch, self._connection):
            self._client.insert(name, COLUMNS[name], [block])
        retires = [each.number for each in job.retires]
        self._ledger.write(archive, batch, retires)
        self._now(archive, batch, retires)
        note.unlink()
        self._remove(job.retires)

    def _insert_records(self, path: Path, batch: Batch) -> None:
        """Each run is one request to each table, so memory holds no more than that. All of them must have come."""
        found: dict[str, list[bytes]] = {RECORDS: [], RECIPIENTS: []}
        for name, block in records(path, batch, self._keys, self._connection):
            if name == RECORDS and found[RECIPIENTS]:
                self._insert(found)
            found[name].append(block)
        self._insert(found)
        sql = f"SELECT count() FROM {self._client.table(RECORDS)} WHERE day = {batch.day} AND batch = {batch.number}"
        count = self._client.rows(sql)[0][0]
        if count != batch.rows:
            raise ClickHouseError(
                f"ClickHouse at {self._client.server.url}: has {count} records of {path.name}, which has {batch.rows}"
            )

    def _insert(self, found: dict[str, list[bytes]]) -> None:
        for name, each in found.items():
            if each:
                self._client.insert(name, COLUMNS[name], each)
                each.clear()

    def _now(self, archive: str, batch: Batch, retires: Iterable[int]) -> None:
        """What counts now, as this process wrote it."""
        without = {batch.number, *retires}
        kept = [each for each in self._batches if each.number not in without]
        if batch.number:
            kept.append(batch)
        self._batches = sorted(kept, key=lambda each: (each.hour_ms, each.first, each.last))
        self._stamp = self._ledger.stamp(archive)

    # --- removing

    def _remove(self, batches: Iterable[Batch]) -> None:
        """The rows of what counts no more: stages as a whole, when nothing in them counts."""
        found = list(batches)
        counting = {each.partition for each in self._batches}
        for partition in sorted({each.partition for each in found if each.stage} - counting):
            self._drop(partition)
        left = [each for each in found if not each.stage or each.partition in counting]
        if left:
            self._delete_all([(each.number, each.day) for each in left])

    def _drop(self, partition: str) -> None:
        # The ledger last: what it tells of has gone then.
        for name in sorted(COLUMNS, key=lambda each: each == BATCHES):
            self._client.do(f"ALTER TABLE {self._client.table(name)} DROP PARTITION {partition}")

    def _delete_all(self, batches: list[tuple[int, int]]) -> None:
        # Records last: by them ``_tidy`` knows what is still to be removed.
        for name in reversed(COLUMNS):
            if name != BATCHES:
                self._delete(name, batches)

    def _delete(self, table: str, batches: list[tuple[int, int]]) -> None:
        numbers = ", ".join(str(number) for number, _ in batches)
        days = ", ".join(str(day) for day in sorted({day for _, day in batches}))
        where = f"day IN ({days}) AND batch IN ({numbers})"
        self._client.do(f"ALTER TABLE {self._client.table(table)} DELETE WHERE {where}")

    def _tidy(self, archive: str) -> None:
        """Remove what an earlier process could not: its hours are over, or other batches took the place of it."""
        counting = {each.partition for each in self._batches}
        for partition in self._partitions():
            if f"'{archive}-" in partition and partition not in counting:
                self._drop(partition)
        batches = self._ledger.kept_but_retired(archive)
        if batches:
            numbers = ", ".join(str(number) for number, _ in batches)
            table = self._client.table(RECORDS)
            left = self._client.rows(f"SELECT DISTINCT batch, day FROM {table} WHERE batch IN ({numbers})")
            if left:
                self._delete_all([(number, day) for number, day in left])

    def _partitions(self) -> Iterator[str]:
        """Of all tables, as SQL writes them."""
        there = f"database = '{self._client.server.database}' AND active"
        for (partition,) in self._client.rows(f"SELECT DISTINCT partition FROM system.parts WHERE {there}"):
            if partition.startswith("("):
                yield partition.replace(",", ", ", 1)

    def _purge(self, archive: str, stock: Stock) -> None:
        """What is older than records are kept counts no more; days go as a whole, whoever's they are."""
        old = gone(stock, self._batches)
        for batch in old:
            retired = Batch(0, "", batch.hour_ms, batch.first, batch.last, 0, stock.seq)
            self._ledger.write(archive, retired, [batch.number])
            self._now(archive, retired, [batch.number])
        if old:
            first_kept = day_of(stock.purged_ms)
            for partition in list(self._partitions()):
                if int(partition[1 : partition.index(",")]) < first_kept:
                    self._drop(partition)

    def _wait(self) -> None:
        """Until no mutation is at work."""
        until_s = time.monotonic() + ERASE_S
        pause_s = _LOOK_S[0]
        database = self._client.server.database
        sql = f"SELECT count() FROM system.mutations WHERE database = '{database}' AND is_done = 0"
        while self._client.rows(sql)[0][0]:
            if time.monotonic() > until_s:
                raise ClickHouseError(
                    f"ClickHouse at {self._client.server.url}: has been at it for {ERASE_S / 60:.0f} minutes and goes "
                    "on; ask again later, which shows whether it is done"
                )
            time.sleep(pause_s)
            pause_s = min(_LOOK_S[1], pause_s * 1.5)


def _erasures(stock: Stock) -> list[Link]:
    return [link for link in stock.chain.links if link.act == ERASED]
