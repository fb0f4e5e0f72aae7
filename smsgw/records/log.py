"""The record log: rows appended by the hot path, written in batches to one file per hour and node.

Owns: ``YYYY-MM-DDTHH.<node>.rec`` files (the hour of the rows' business time, UTC), their locking,
cutting of torn ends, rotation and fsync. Belongs to one thread, the event loop's. Never reads a row,
and never stops the gateway: whatever goes wrong is counted, told once, and tried again a second later.

What can go wrong: the disk is full or gone (rows wait up to ``max_buffer``, later ones are counted as
lost, so that the gap is one piece); a kill tears the last frame (cut off when the file is opened again);
a second process with the same node name is writing (it gets ``<node>~2``); a row that can't be packed
(dropped and counted, the others are written).
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import operator
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from smsgw.msgpacked import pack
from smsgw.records.frames import begins_like_ours, frame, sound_end
from smsgw.records.record import HOUR_MS, Row

#: Rows of one frame at most: packing them holds the loop for about 8 ms.
FRAME_ROWS = 16_384
RETRY_S = 1.0
FSYNC_EVERY_S = 1.0
_WRITERS_PER_NODE = 9
_AT_MS = operator.itemgetter(0)
_BAD_ROW = (TypeError, ValueError, OverflowError, IndexError)
_log = logging.getLogger("smsgw.records")


class Fsync(StrEnum):
    """When rows are forced to disk; nothing accepted depends on it, Redis has its own."""

    NEVER = "never"
    """When the system likes."""
    SECOND = "second"
    """Each second and at the end of a file, in a thread; a power cut costs about a second of rows."""
    ALWAYS = "always"
    """In every ``flush``, which then takes milliseconds."""


def file_path(directory: Path, hour_ms: int, node: str) -> Path:
    """The file of ``node`` for the hour that begins at ``hour_ms``; raises ValueError or OverflowError."""
    return directory / f"{datetime.fromtimestamp(hour_ms // 1000, UTC):%Y-%m-%dT%H}.{node}.rec"


class RecordLog:
    """Call ``append`` for every step, ``flush`` every 50 ms (fewer times when idle), ``close`` at the end.

    ``max_buffer`` rows are kept while nothing can be written. ``now_ms`` is business time, and only
    tells when an idle file's hour is over. Counters (``written``, ``lost``, ``errors``, ``octets``)
    are plain integers for whoever shows them; ``failing`` says why nothing is being written, or None.
    """

    __slots__ = (
        "_directory", "_executor", "_fd", "_fsync", "_hour_ms", "_is_new", "_lost_told", "_monotonic", "_node",
        "_now_ms", "_retry_at_s", "_rows", "_synced_at_s", "_syncing", "_unsynced", "append", "errors",
        "failing", "lost", "max_buffer", "octets", "path", "written",
    )  # fmt: skip

    #: Appends one row in ``Record``'s order; it is the list's own method, because each message calls it five times.
    append: Callable[[Row], None]

    def __init__(
        self,
        directory: Path | str,
        node: str,
        now_ms: Callable[[], int],
        max_buffer: int = 200_000,
        *,
        fsync: Fsync = Fsync.SECOND,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not node or "/" in node or "\0" in node:
            raise ValueError(f"node name {node!r} can't be part of a file name")
        self._directory = Path(directory)
        self._node = node
        self._now_ms = now_ms
        self.max_buffer = max_buffer
        self._fsync = fsync
        self._monotonic = monotonic
        self._rows: list[Row] = []
        self.append = self._rows.append
        self.path: Path | None = None
        self._fd = -1
        self._hour_ms = 0
        self._is_new = False
        self._retry_at_s = 0.0
        self._unsynced = False
        self._synced_at_s = 0.0
        self._executor: ThreadPoolExecutor | None = None
        self._syncing: Future[None] | None = None
        self.written = self.lost = self.errors = self.octets = 0
        self.failing: str | None = None
        self._lost_told = False

    @property
    def waiting(self) -> int:
        """Rows appended and not written yet."""
        return len(self._rows)

    def flush(self) -> None:
        """Write what was appended: one write, or two where an hour ends; never raises for a row or a disk."""
        rows = self._rows
        if not rows:
            if self._fd >= 0:
                self._idle()
            return
        if self.failing is not None and self._monotonic() < self._retry_at_s:
            self._bound()
            return
        try:
            while rows:
                count = self._write_hour(rows)
                del rows[:count]
                if count == FRAME_ROWS:
                    break
            self._force(self._fsync is Fsync.ALWAYS)
        except OSError as error:
            self._failed(error)
        else:
            if self.failing is not None:
                self._recovered()

    def close(self) -> None:
        """Write everything, force it to disk and let go of the file; what can't be written is lost."""
        self._retry_at_s = 0.0
        while self._rows:
            self.flush()
            if self.failing is not None:
                self.lost += len(self._rows)
                _tell(logging.ERROR, "records.lost", rows=len(self._rows), reason=self.failing)
                self._rows.clear()
        self._close_file()
        if self._executor is not None:
            self._executor.shutdown(wait=True)
            self._executor = None

    # --- writing

    def _write_hour(self, rows: list[Row]) -> int:
        """Write the rows at the front that belong to one hour, as one frame; returns how many are done with."""
        try:
            batch, hour_ms = self._batch(rows)
            body = pack(batch)
            if hour_ms != self._hour_ms:
                file_path(self._directory, hour_ms, self._node)  # a time that is in no file's name is a bad row
        except _BAD_ROW as error:
            self._drop_bad_rows(error)
            return 0
        if hour_ms != self._hour_ms or self._fd < 0:
            self._close_file()
            self._open(hour_ms)
        self._write(frame(body))
        self.written += len(batch)
        return len(batch)

    def _batch(self, rows: list[Row]) -> tuple[list[Row], int]:
        batch = rows if len(rows) <= FRAME_ROWS else rows[:FRAME_ROWS]
        times = list(map(_AT_MS, batch))
        hour_ms = operator.index(times[0]) // HOUR_MS * HOUR_MS
        if hour_ms <= min(times) and max(times) < hour_ms + HOUR_MS:
            return batch, hour_ms
        differs = (i for i, at_ms in enumerate(times) if at_ms // HOUR_MS * HOUR_MS != hour_ms)
        count = next(differs, len(batch))
        return batch[:count], hour_ms

    def _write(self, octets: bytes) -> None:
        view = memoryview(octets)
        try:
            while view:
                # A nearly full disk takes a part; the next call says why.
                taken = os.write(self._fd, view)
                if taken == 0:
                    raise OSError("the file takes no more octets")
                view = view[taken:]
        except OSError:
            self._take_back(len(octets) - len(view))
            raise
        self.octets += len(octets)
        self._unsynced = True

    def _take_back(self, octets: int) -> None:
        """Cut off the part of a frame that could still be written; what can't be cut now is at the next opening."""
        if octets:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - octets)

    def _drop_bad_rows(self, error: Exception) -> None:
        good = [row for row in self._rows if self._is_sound(row)]
        dropped = len(self._rows) - len(good)
        if dropped == 0:  # each alone is fine and all together are not: can't be, but must not loop
            dropped, good = len(self._rows), []
        self._rows[:] = good
        self.lost += dropped
        self.errors += 1
        _tell(logging.ERROR, "records.row.bad", rows=dropped, reason=f"{type(error).__name__}: {error}")

    def _is_sound(self, row: Row) -> bool:
        try:
            pack(row)
            file_path(self._directory, operator.index(row[0]) // HOUR_MS * HOUR_MS, self._node)
        except _BAD_ROW:
            return False
        return True

    # --- the file

    def _open(self, hour_ms: int) -> None:
        """Open and lock the hour's file, cutting off a torn end; raises OSError."""
        self._directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        for writer in range(1, _WRITERS_PER_NODE + 1):
            node = self._node if writer == 1 else f"{self._node}~{writer}"
            path = file_path(self._directory, hour_ms, node)
            descriptor = _locked(path)
            if descriptor is None:
                continue
            try:
                is_ours = self._cut_torn_end(descriptor, path)
            except OSError:
                os.close(descriptor)
                raise
            if not is_ours:
                os.close(descriptor)
                continue
            self._fd, self._hour_ms, self.path = descriptor, hour_ms, path
            self._is_new = os.fstat(descriptor).st_size == 0
            return
        raise OSError(f"{_WRITERS_PER_NODE} files of node {self._node} are in use by others in {self._directory}")

    def _cut_torn_end(self, descriptor: int, path: Path) -> bool:
        """Make the file end with a sound frame; False if it holds something else, which is left alone."""
        size = os.fstat(descriptor).st_size
        end = sound_end(descriptor)
        if end == size:
            return True
        if end == 0 and not begins_like_ours(descriptor):
            _tell(logging.ERROR, "records.file.strange", file=path.name, octets=size)
            return False
        os.ftruncate(descriptor, end)
        _tell(logging.WARNING, "records.file.cut", file=path.name, octets=size - end)
        return True

    def _close_file(self) -> None:
        if self._fd < 0:
            return
        descriptor, self._fd = self._fd, -1
        try:
            if self._unsynced and self._fsync is not Fsync.NEVER:
                _force(descriptor, self._directory if self._is_new else None)
        except OSError as error:
            self.errors += 1
            _tell(logging.ERROR, "records.fsync.failed", reason=str(error))
        finally:
            self._unsynced = False
            # A duplicate in the fsync thread would keep the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    # --- fsync

    def _idle(self) -> None:
        if self._now_ms() >= self._hour_ms + HOUR_MS:
            self._close_file()
            return
        try:
            self._force(now=False)
        except OSError as error:
            self._failed(error)

    def _force(self, now: bool) -> None:
        """Force what is written to disk: at once, or in a thread when a second is over; raises OSError."""
        if not self._unsynced or self._fsync is Fsync.NEVER:
            return
        directory = self._directory if self._is_new else None
        if now:
            _force(self._fd, directory)
        else:
            now_s = self._monotonic()
            if now_s < self._synced_at_s + FSYNC_EVERY_S or (self._syncing is not None and not self._syncing.done()):
                return
            syncing, self._syncing = self._syncing, None
            if syncing is not None:
                syncing.result()
            self._synced_at_s = now_s
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, thread_name_prefix="records-fsync")
            self._syncing = self._executor.submit(_force_duplicate, os.dup(self._fd), directory)
        self._unsynced = self._is_new = False

    # --- trouble

    def _failed(self, error: OSError) -> None:
        self.errors += 1
        self._retry_at_s = self._monotonic() + RETRY_S
        if self.failing is None:
            _tell(logging.ERROR, "records.write.failed", reason=str(error), directory=str(self._directory))
        self.failing = error.strerror or str(error)
        self._close_file()
        self._bound()

    def _bound(self) -> None:
        over = len(self._rows) - self.max_buffer
        if over <= 0:
            return
        del self._rows[self.max_buffer :]
        self.lost += over
        if not self._lost_told:
            self._lost_told = True
            _tell(logging.ERROR, "records.lost", rows=over, reason=str(self.failing))

    def _recovered(self) -> None:
        self.failing = None
        self._lost_told = False
        _tell(logging.WARNING, "records.write.recovered", waiting=len(self._rows), lost_rows=self.lost)


def _locked(path: Path) -> int | None:
    """A descriptor of ``path`` with its lock held, or None when another writer has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The archive may have removed it between the two: rows would go into a file without a name.
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _force(descriptor: int, directory: Path | None) -> None:
    """fsync a file and, when it is new, the directory that names it."""
    os.fdatasync(descriptor)
    if directory is not None:
        listing = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(listing)
        finally:
            os.close(listing)


def _force_duplicate(descriptor: int, directory: Path | None) -> None:
    try:
        _force(descriptor, directory)
    finally:
        os.close(descriptor)


def _tell(level: int, event: str, **fields: object) -> None:
    """An event as the telemetry room prints it, through stdlib logging alone."""
    _log.log(level, event, extra={"fields": fields})
