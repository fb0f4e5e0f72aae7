"""The record log: batches, hours, torn ends, full disks."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsgw.records.log import FRAME_ROWS, Fsync, RecordLog, file_path
from smsgw.records.query import iter_site, read_records
from smsgw.records.record import HOUR_MS, Row, Step

#: 2026-11-18T02:00Z
HOUR = 1_794_967_200_000


class Clocks:
    """Business and monotonic time, set by the test."""

    def __init__(self) -> None:
        self.business_ms = HOUR
        self.monotonic_s = 1000.0


class Disk:
    """Stands before ``os.write``: takes what it is told to and then says that it is full."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.calls = 0
        self._write = os.write

    def write(self, descriptor: int, octets: bytes) -> int:
        self.calls += 1
        if self.room is None:
            return self._write(descriptor, octets)
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self._write(descriptor, octets[: self.room])
        self.room -= taken
        return taken


Make = Callable[..., RecordLog]


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "write", disk.write)
    return disk


@pytest.fixture
def make(tmp_path: Path, clocks: Clocks) -> Make:
    def make_log(**settings: Any) -> RecordLog:
        given = {"fsync": Fsync.NEVER, "monotonic": lambda: clocks.monotonic_s, **settings}
        return RecordLog(tmp_path / "records", "n1", lambda: clocks.business_ms, **given)

    return make_log


def row(at_ms: int, message_id: str = "m", *detail: object) -> Row:
    return (at_ms, Step.SENT, message_id, "shop", "alpha", 2, "hash", "139****5678", 1, 0, "", "示例商城", 0, *detail)


def ids(path: Path | None) -> list[str]:
    assert path is not None
    return [record.message_id for record in read_records(path)]


def test_rows_come_back_as_they_were(make: Make, disk: Disk) -> None:
    log = make()
    log.append(row(HOUR + 5, "a", "bind 1", 7))
    log.append(row(HOUR + 6, "b"))
    assert log.waiting == 2
    log.flush()
    assert (log.waiting, log.written, disk.calls) == (0, 2, 1)
    assert log.path is not None
    assert log.path.name == "2026-11-18T02.n1.rec"
    assert log.path.stat().st_mode & 0o777 == 0o640
    first, second = read_records(log.path)
    assert first[:13] == row(HOUR + 5, "a")
    assert (first.detail, second.detail) == (("bind 1", 7), ())
    log.close()


def test_an_empty_flush_touches_nothing(make: Make, tmp_path: Path) -> None:
    log = make()
    log.flush()
    log.close()
    assert not (tmp_path / "records").exists()


def test_each_row_goes_to_the_file_of_its_hour(make: Make, tmp_path: Path) -> None:
    log = make()
    for at_ms in (HOUR, HOUR + HOUR_MS, HOUR + HOUR_MS - 1, HOUR + 2 * HOUR_MS, HOUR):
        log.append(row(at_ms, str(at_ms)))
    log.flush()
    log.close()
    for hour in range(3):
        path = file_path(tmp_path / "records", HOUR + hour * HOUR_MS, "n1")
        assert all(record.at_ms // HOUR_MS == HOUR // HOUR_MS + hour for record in read_records(path))
    assert log.written == len(list(iter_site(tmp_path / "records"))) == 5


def test_an_idle_file_is_let_go_when_its_hour_is_over(make: Make, clocks: Clocks) -> None:
    log = make()
    log.append(row(HOUR))
    log.flush()
    log.flush()
    assert log._fd >= 0
    clocks.business_ms += HOUR_MS
    log.flush()
    assert log._fd < 0
    log.append(row(HOUR + HOUR_MS))
    log.flush()
    assert log.path is not None
    assert log.path.name.startswith("2026-11-18T03")
    log.close()


def test_reopening_appends(make: Make) -> None:
    for name in ("a", "b"):
        log = make()
        log.append(row(HOUR, name))
        log.close()
    assert ids(log.path) == ["a", "b"]


CHILD = """
import sys
from smsgw.records.log import Fsync, RecordLog
log = RecordLog(sys.argv[1], "n1", lambda: 0, fsync=Fsync.NEVER)
flushed = 0
while True:
    for i in range(flushed, flushed + 500):
        log.append((int(sys.argv[2]), 5, str(i), "shop", "alpha", 2, "hash", "139****5678", 1, 0, "", "", 0))
    log.flush()
    flushed += 500
    print(flushed, flush=True)
"""


def test_kill_9_loses_nothing_that_was_flushed(make: Make, tmp_path: Path) -> None:
    directory = tmp_path / "records"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(directory), str(HOUR)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for _ in range(20):
            child.stdout.readline()
        child.kill()
        flushed = [int(line) for line in child.stdout.read().split("\n")[:-1] if line]
    path = file_path(directory, HOUR, "n1")
    before = ids(path)
    assert len(before) >= max(flushed, default=20 * 500)
    log = make()
    log.append(row(HOUR, "after"))
    log.close()
    assert ids(path) == [*before, "after"]
    assert before == [str(i) for i in range(len(before))]


@pytest.mark.parametrize("torn", [1, 3, 15, 40])
def test_a_torn_end_is_skipped_by_readers_and_cut_at_reopening(make: Make, torn: int) -> None:
    log = make()
    log.append(row(HOUR, "a"))
    log.flush()
    path = log.path
    assert path is not None
    sound = path.stat().st_size
    log.append(row(HOUR, "b"))
    log.close()
    os.truncate(path, sound + torn)
    assert ids(path) == ["a"]
    log = make()
    log.append(row(HOUR, "c"))
    log.close()
    assert ids(path) == ["a", "c"]
    assert path.stat().st_size == 2 * sound


def test_a_file_torn_in_its_first_frame_begins_anew(make: Make, tmp_path: Path) -> None:
    path = file_path(tmp_path / "records", HOUR, "n1")
    path.parent.mkdir()
    path.write_bytes(b"\xa5S")
    log = make()
    log.append(row(HOUR, "a"))
    log.close()
    assert ids(path) == ["a"]


def test_a_strange_file_is_left_alone(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = file_path(tmp_path / "records", HOUR, "n1")
    path.parent.mkdir()
    path.write_bytes(b"somebody's notes")
    log = make()
    log.append(row(HOUR, "a"))
    log.close()
    assert path.read_bytes() == b"somebody's notes"
    assert log.path == file_path(tmp_path / "records", HOUR, "n1~2")
    assert ids(log.path) == ["a"]
    assert [record.getMessage() for record in caplog.records] == ["records.file.strange"]


def test_two_writers_of_one_name_do_not_meet(make: Make, tmp_path: Path) -> None:
    old, new = make(), make()
    for log, name in ((old, "a"), (new, "b"), (old, "c")):
        log.append(row(HOUR, name))
        log.flush()
    old.close()
    new.close()
    assert ids(old.path) == ["a", "c"]
    assert ids(new.path) == ["b"]
    assert {record.message_id for record in iter_site(tmp_path / "records")} == {"a", "b", "c"}


def test_a_file_that_is_removed_while_it_is_locked_is_made_anew(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive removes an hour's file under its lock; a writer may have opened it just before."""
    log = make()
    removed: list[Path] = []
    lock = fcntl.flock

    def locks(descriptor: int, how: int) -> None:
        if not removed:
            removed.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
            removed[0].unlink()
        lock(descriptor, how)

    monkeypatch.setattr("smsgw.records.log.fcntl.flock", locks)
    log.append(row(HOUR, "kept"))
    log.flush()
    assert log.path == removed[0]
    assert ids(log.path) == ["kept"]


def test_full_disk_is_told_once_and_nothing_kept_is_lost(
    make: Make, disk: Disk, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    log = make(max_buffer=10)
    log.append(row(HOUR, "before"))
    log.flush()
    disk.room = 20
    for i in range(5):
        log.append(row(HOUR, f"m{i}"))
        log.flush()
        clocks.monotonic_s += 1
    assert (log.errors, log.waiting, log.lost) == (5, 5, 0)
    assert log.failing == "No space left on device"
    assert ids(log.path) == ["before"]
    disk.room = None
    log.flush()
    assert (log.waiting, log.written) == (0, 6)
    assert not log.failing
    assert ids(log.path) == ["before", "m0", "m1", "m2", "m3", "m4"]
    assert [record.getMessage() for record in caplog.records] == ["records.write.failed", "records.write.recovered"]
    log.close()


def test_what_is_more_than_the_buffer_is_counted_as_lost(
    make: Make, disk: Disk, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    log = make(max_buffer=3)
    disk.room = 0
    for i in range(10):
        log.append(row(HOUR, f"m{i}"))
        log.flush()
    assert (log.waiting, log.lost, log.errors) == (3, 7, 1)
    assert disk.calls == 1  # it tries once a second, not at each flush
    disk.room = None
    clocks.monotonic_s += 1
    log.flush()
    log.close()
    assert ids(log.path) == ["m0", "m1", "m2"]
    assert [record.getMessage() for record in caplog.records].count("records.lost") == 1


def test_close_on_a_full_disk_counts_what_is_lost(make: Make, disk: Disk) -> None:
    log = make()
    disk.room = 0
    log.append(row(HOUR))
    log.close()
    assert (log.waiting, log.lost) == (0, 1)


def test_no_directory_is_no_reason_to_stop(make: Make, tmp_path: Path, clocks: Clocks) -> None:
    (tmp_path / "records").write_text("in the way")
    log = make()
    log.append(row(HOUR, "a"))
    log.flush()
    assert log.failing is not None
    (tmp_path / "records").unlink()
    clocks.monotonic_s += 1
    log.flush()
    assert not log.failing
    assert ids(log.path) == ["a"]
    log.close()


@pytest.mark.parametrize(
    "bad",
    [(), (HOUR, object()), ("x",), (None,), (HOUR, 1, "\ud800"), (HOUR, 1 << 70), (1 << 62,), (1.5,), (float("nan"),)],
)
def test_a_bad_row_is_dropped_and_the_others_written(make: Make, bad: Any) -> None:
    log = make()
    log.append(row(HOUR, "a"))
    log.append(bad)
    log.append(row(HOUR, "b"))
    log.flush()
    log.append(bad)
    log.flush()
    log.append(row(HOUR, "c"))
    log.close()
    assert ids(log.path) == ["a", "b", "c"]
    assert (log.waiting, log.failing) == (0, None)


def test_a_long_backlog_is_written_in_pieces(make: Make, disk: Disk) -> None:
    log = make()
    for i in range(FRAME_ROWS + 10):
        log.append(row(HOUR, str(i)))
    log.flush()
    assert (log.waiting, disk.calls) == (10, 1)
    log.flush()
    assert (log.waiting, disk.calls) == (0, 2)
    assert len(ids(log.path)) == FRAME_ROWS + 10
    log.close()


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each fdatasync."""
    calls: list[int] = []
    force = os.fdatasync

    def count(descriptor: int) -> None:
        calls.append(descriptor)
        force(descriptor)

    monkeypatch.setattr(os, "fdatasync", count)
    return calls


@pytest.mark.parametrize(("fsync", "expected"), [(Fsync.NEVER, 0), (Fsync.ALWAYS, 3)])
def test_fsync_never_and_always(make: Make, forced: list[int], fsync: Fsync, expected: int) -> None:
    log = make(fsync=fsync)
    for i in range(3):
        log.append(row(HOUR + i))
        log.flush()
    log.close()
    assert len(forced) == expected


def test_fsync_each_second_also_when_idle(make: Make, clocks: Clocks, forced: list[int]) -> None:
    log = make(fsync=Fsync.SECOND)
    for _ in range(5):
        log.append(row(HOUR))
        log.flush()
    assert log._syncing is not None
    log._syncing.result(timeout=10)
    assert len(forced) == 1
    clocks.monotonic_s += 1
    log.flush()
    log._syncing.result(timeout=10)
    assert len(forced) == 2
    clocks.monotonic_s += 1
    log.flush()
    log.append(row(HOUR))
    log.close()
    assert len(forced) == 3
    assert len(ids(log.path)) == 6


def test_a_failed_fsync_is_counted_and_told(
    make: Make, clocks: Clocks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    log = make(fsync=Fsync.ALWAYS)
    log.append(row(HOUR, "a"))
    log.flush()
    assert log.failing == "Input/output error"
    assert log.errors >= 1
    assert caplog.records
    monkeypatch.undo()
    clocks.monotonic_s += 1
    log.append(row(HOUR, "b"))
    log.close()
    assert ids(log.path) == ["a", "b"]


@pytest.mark.parametrize("node", ["", "a/b", "a\0b"])
def test_a_node_name_must_fit_a_file_name(tmp_path: Path, node: str) -> None:
    with pytest.raises(ValueError, match="node name"):
        RecordLog(tmp_path, node, lambda: 0)
