"""The keeper: raw files become archive files, archive files of an hour one file, and what is too old goes.

Owns: the order of things, so that a kill at any moment loses nothing and doubles nothing. A file is made under another
name, forced to disk and read back; then the chain says that it is there; then it gets its name. Which octets of a raw
file are in the archive is told by the archive's own files, and the raw file goes when that is all of it. ``recover``
ends what a kill interrupted. One process at a time is at work, by a lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa

from smsgw.errors import SmsgwError
from smsgw.records.archive import chain as chains
from smsgw.records.archive.chain import Chain
from smsgw.records.archive.duck import SPILL, connection
from smsgw.records.archive.files import (
    RUN_ROWS,
    Covers,
    Damaged,
    read_footer,
    read_runs,
    sorted_run,
    verify_file,
    write_file,
)
from smsgw.records.archive.intake import table_of
from smsgw.records.archive.knowledge import Keys, Knowledge
from smsgw.records.archive.names import Piece, all_pieces, counting
from smsgw.records.archive.origins import Origins
from smsgw.records.archive.raw import RawFile, Remover, all_raw, read_frames
from smsgw.records.archive.rollups import count_days
from smsgw.records.archive.stock import Stock
from smsgw.records.history import ARCHIVE
from smsgw.records.record import HOUR_MS, Row

GRACE_MS: Final = 120_000
"""So long after its end an hour is taken to be over: rows of it may still be on their way."""
TAKEN_ROWS: Final = 100_000
"""Rows of a raw file that become one piece at most; as tuples of Python they take 80 MB."""
WAIT_S: Final = 60.0
"""How long one process waits until another has done its round."""
_LOOK_S: Final = 0.05
_NEW: Final = ".new"


_log = logging.getLogger("smsgw.records")


class Sender(Protocol):
    """Brings the archive to another place as well; see ``records.clickhouse``."""

    def send(self, stock: Stock) -> tuple[int, int]:
        """Send what is missing there; gives how many pieces went, and how many wait. Raises OSError."""
        ...

    def erase(self, stock: Stock, recipient_hash: str) -> None:
        """Take a recipient out there, too, when the archive has been written anew. Raises OSError."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Busy(OSError):
    """Another process is at work on this archive, and goes on."""


@dataclass(slots=True)
class Done:
    """What a round came to, in files and rows. ``sent``: pieces to ClickHouse, ``waiting``: those left for the next
    round.
    """

    taken_rows: int = 0
    written: int = 0
    removed_raw: int = 0
    purged: int = 0
    sent: int = 0
    waiting: int = 0


class Keeper:
    """Call ``round`` again and again, ``close`` at the end.

    ``directory``: of records. ``now_ms``: business time. ``retention_ms``: so long records are kept, 0 for ever.
    """

    def __init__(
        self, directory: Path, knowledge: Knowledge, keys: Keys, now_ms: Callable[[], int], retention_ms: int = 0
    ) -> None:
        self.raw_directory = directory
        self.directory = directory / ARCHIVE
        self._knowledge = knowledge
        self._keys = keys
        self._now_ms = now_ms
        self._retention_ms = retention_ms
        self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._remover = Remover()
        self._sender: Sender | None = None
        self.away = ""
        """Why the last round could not send what it should; empty where it could, or sends nothing."""
        self._connection = connection(self.directory / SPILL)
        self._origins = Origins(self.directory, self._connection, knowledge.tells_time)
        self._covers: dict[Piece, Covers] = {}
        with _locked(self.directory):
            self.chain = Chain(self.directory, keys.chain)

    def sends_with(self, make: Callable[[Any], Sender]) -> None:
        """Send what is written from now on, and all that is there already; ``make`` gets a DuckDB connection."""
        self._sender = make(self._connection)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Alone with the archive, and what a kill interrupted is ended. Raises ``Busy`` after some seconds of
        waiting.
        """
        with _locked(self.directory):
            self.chain.refresh()
            self.recover()
            yield

    def round(self) -> Done:
        """Take what is new, join the hours that are over, remove what is too old. Raises OSError."""
        with self.at_work():
            return self.work()

    def work(self) -> Done:
        """A round, for whoever is ``at_work``."""
        done = Done()
        self._remover.settle()
        raw = all_raw(self.raw_directory)
        for hour_ms, files in groupby(raw, key=lambda each: each.hour_ms):
            self._take(hour_ms, list(files), done)
        left = self._remove_raw(raw, done)
        for hour_ms, pieces in groupby(counting(all_pieces(self.directory)), key=lambda each: each.hour_ms):
            found = list(pieces)
            if len(found) > 1 and self._is_over(hour_ms) and hour_ms not in left:
                self.join(found, done)
        self._purge(done)
        self._count()
        self._send(left, done)
        return done

    def close(self) -> None:
        """Let go of the raw files that were removed, see ``raw``: after a second."""
        if self._sender is not None:
            self._sender.close()
        self._remover.close()

    # --- sending

    def _send(self, running: set[int], done: Done) -> None:
        """What can't be sent waits in the archive, and whoever is away is told of once."""
        if self._sender is None:
            return
        try:
            done.sent, done.waiting = self._sender.send(self._stock(running))
        except (OSError, SmsgwError) as error:
            if str(error) != self.away:
                _log.error("records.clickhouse.failed", extra={"fields": {"reason": str(error)}})
            self.away = str(error)
        else:
            if self.away:
                _log.warning("records.clickhouse.recovered")
            self.away = ""

    def forget(self, recipient_hash: str) -> None:
        """Where the archive was sent to, too, for whoever is ``at_work`` and has erased them here. Raises OSError."""
        if self._sender is not None:
            self._sender.erase(self._stock(set()), recipient_hash)

    def _stock(self, running: set[int]) -> Stock:
        pieces = list(counting(all_pieces(self.directory)))
        kept_ms = self._now_ms() - self._retention_ms if self._retention_ms else 0
        return Stock(
            self.chain.read, pieces, lambda hour_ms: hour_ms not in running and self._is_over(hour_ms),
            kept_ms // HOUR_MS * HOUR_MS,
        )  # fmt: skip

    def recover(self) -> None:
        """End what a kill interrupted."""
        present = self.chain.read.present()
        for path in self.directory.glob(f"*/*{_NEW}"):
            link = present.get(path.name.removesuffix(_NEW))
            if link is not None and _digest(path) == link.digest:
                path.rename(path.with_name(link.file))
            else:
                path.unlink()
        purged = {link.file for link in self.chain.read.links if link.act == chains.PURGED} - present.keys()
        pieces = all_pieces(self.directory)
        counted = set(counting(pieces))
        for piece in pieces:
            if piece not in counted or piece.name in purged:
                self._unlink(piece)

    # --- taking

    def _take(self, hour_ms: int, files: list[RawFile], done: Done) -> None:
        """Write what is new in an hour's raw files, in pieces."""
        rows: list[Row] = []
        covers: dict[str, tuple[str, int]] = {}
        for file in files:
            # Its first frame tells it from others of its name: what came since it was looked at is the next round's.
            if not file.first:
                continue
            with contextlib.suppress(FileNotFoundError):
                for end, found in read_frames(file.path, self._taken(file)):
                    rows += found
                    covers[file.name] = (file.first, end)
                    if len(rows) >= TAKEN_ROWS:
                        self._write_rows(hour_ms, rows, covers, done)
                        rows, covers = [], {}
        if covers:
            self._write_rows(hour_ms, rows, covers, done)

    def _write_rows(self, hour_ms: int, rows: list[Row], covers: Covers, done: Done) -> None:
        table = table_of(rows, self._knowledge, self._origins.of)
        last = max((each.last for each in self._of_hour(hour_ms)), default=0)
        self.write(Piece(hour_ms, last + 1, last + 1), [table] if table.num_rows else [], covers)
        done.taken_rows += len(rows)
        done.written += 1

    def _of_hour(self, hour_ms: int) -> list[Piece]:
        return all_pieces(self.directory, hour_ms, hour_ms + HOUR_MS)

    def _taken(self, file: RawFile) -> int:
        """Up to which offset a raw file is in the archive."""
        known = (self._covers_of(piece).get(file.name) for piece in self._of_hour(file.hour_ms))
        return max((end for first, end in filter(None, known) if first == file.first), default=0)

    def _covers_of(self, piece: Piece) -> Covers:
        if piece not in self._covers:
            self._covers[piece] = read_footer(piece.path(self.directory)).covers
        return self._covers[piece]

    def _remove_raw(self, raw: Iterable[RawFile], done: Done) -> set[int]:
        """Remove what is in the archive altogether; gives the hours that have raw files left."""
        left = set()
        for file in raw:
            taken = self._taken(file)
            try:
                is_empty = file.path.stat().st_size == 0
                gone = (taken > 0 or is_empty) and self._is_over(file.hour_ms) and self._remover.remove(file, taken)
            except FileNotFoundError:
                continue
            if gone:
                done.removed_raw += 1
            else:
                left.add(file.hour_ms)
        return left

    def _is_over(self, hour_ms: int) -> bool:
        return not self._knowledge.tells_time or hour_ms + HOUR_MS + GRACE_MS <= self._now_ms()

    # --- writing

    def write(
        self, piece: Piece, runs: Iterable[pa.Table], covers: Covers, replaces: Iterable[Piece] = (),
        act: str = chains.WRITTEN, note: str = "",
    ) -> None:  # fmt: skip
        """Write a file, or write it anew; everybody sees the old or the new one, and none of both."""
        path = piece.path(self.directory)
        new = path.with_name(path.name + _NEW)
        footer = write_file(new, runs, covers, self._keys)
        if verify_file(new, self._keys).digest != footer.digest:
            raise Damaged(f"{new.name}: is not what was written")
        names = [each.name for each in replaces]
        self.chain.append(_wall_clock(), act, piece.name, footer.digest, footer.rows, names, note)
        new.rename(path)
        _force_directory(path.parent)
        self._covers[piece] = covers

    def join(self, pieces: list[Piece], done: Done) -> None:
        """Make one file of the pieces of an hour, in the order of their numbers."""
        covers: dict[str, tuple[str, int]] = {}
        for piece in pieces:
            for name, (first, end) in self._covers_of(piece).items():
                known = covers.get(name)
                covers[name] = (first, max(end, known[1])) if known is not None and known[0] == first else (first, end)
        joined = Piece(pieces[0].hour_ms, pieces[0].first, pieces[-1].last)
        self.write(joined, self._runs(pieces), covers, pieces)
        done.written += 1
        for piece in pieces:
            self._unlink(piece)

    def _runs(self, pieces: list[Piece]) -> Iterable[pa.Table]:
        waiting: list[pa.Table] = []
        for piece in pieces:
            for run in read_runs(piece.path(self.directory), self._keys):
                if waiting and sum(each.num_rows for each in waiting) + run.num_rows > RUN_ROWS:
                    yield sorted_run(pa.concat_tables(waiting))
                    waiting = []
                waiting.append(run)
        if waiting:
            yield sorted_run(pa.concat_tables(waiting))

    def _count(self) -> None:
        """Roll-ups of the hours that are over."""
        pieces = [piece for piece in counting(all_pieces(self.directory)) if self._is_over(piece.hour_ms)]
        count_days(self._connection, self.directory, pieces)

    # --- removing

    def _purge(self, done: Done) -> None:
        if not self._retention_ms:
            return
        before_ms = self._now_ms() - self._retention_ms
        for piece in counting(all_pieces(self.directory, until_ms=before_ms)):
            if piece.hour_ms + HOUR_MS <= before_ms:
                self.chain.append(
                    _wall_clock(), chains.PURGED, piece.name, note=f"older than {self._retention_ms // 86_400_000} days"
                )
                self._unlink(piece)
                done.purged += 1

    def _unlink(self, piece: Piece) -> None:
        path = piece.path(self.directory)
        path.unlink(missing_ok=True)
        self._covers.pop(piece, None)
        with contextlib.suppress(OSError):  # others are in it
            path.parent.rmdir()


def _digest(path: Path) -> str:
    try:
        return read_footer(path).digest
    except (Damaged, OSError):
        return ""


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        until_s = time.monotonic() + WAIT_S
        while not _lock(descriptor):
            if time.monotonic() >= until_s:
                raise Busy(f"{directory}: another process has been at work on this archive for {WAIT_S:.0f} s")
            time.sleep(_LOOK_S)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _force_directory(path: Path) -> None:
    listing = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(listing)
    finally:
        os.close(listing)


def _wall_clock() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
