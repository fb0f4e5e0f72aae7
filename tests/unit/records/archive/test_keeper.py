"""Raw files become archive files: nothing lost, nothing doubled, whenever a kill comes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smsgw.records.archive import keeper as keepers
from smsgw.records.archive import raw
from smsgw.records.archive.keeper import Busy, Keeper
from smsgw.records.archive.names import Piece, all_pieces, counting
from smsgw.records.archive.reading import Look, Reader
from smsgw.records.archive.verification import verify
from smsgw.records.log import RecordLog
from smsgw.records.query import query
from smsgw.records.record import HOUR_MS, NO_CLASS, Record, Row, Step
from tests.unit.records.archive.world import HASH, HOUR, KEYS, World, life, message_id


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    monkeypatch.setattr(keepers, "WAIT_S", 0.0)
    return World(tmp_path / "records")


def found(world: World) -> list[Record]:
    """Everything, without what the archive adds to steps that know little."""
    records = Reader(world.directory, world.archive).find()
    return sorted(bare(record) for record in records)


def bare(record: Record) -> Record:
    is_bare = record.step in (Step.RECEIPT, Step.RECEIPT_RETURNED)
    return record._replace(message_class=NO_CLASS, signature="") if is_bare else record


def test_what_was_written_is_read_back_from_the_archive(world: World) -> None:
    rows = [row for number in range(50) for row in life(number, HOUR + number * 1000)]
    world.write(rows)
    before = sorted(query(world.directory))
    done = world.round()
    assert (done.taken_rows, done.written, done.removed_raw) == (250, 1, 1)
    assert query(world.directory) == []
    assert found(world) == before
    assert world.files() == ["2026-11-18T11.000001-000001.parquet"]


def test_the_running_hour_is_taken_piece_by_piece_and_its_raw_file_stays(world: World) -> None:
    world.now_ms = HOUR + 600_000
    log = RecordLog(world.directory, "node1", lambda: HOUR)
    seen = 0
    for number in range(3):
        for row in life(number, HOUR + number):
            log.append(row)
        log.flush()
        assert world.round().taken_rows == 5
        seen += 5
        assert len(found(world)) == seen
    for row in life(9, HOUR + 9):
        log.append(row)
    log.flush()
    assert len(found(world)) == 20  # the last five are in no piece yet
    assert len(world.files()) == 3
    world.now_ms = HOUR + 2 * HOUR_MS
    assert world.round().removed_raw == 0  # somebody writes it
    log.close()
    done = world.round()
    assert (done.taken_rows, done.removed_raw) == (0, 1)
    assert world.files() == ["2026-11-18T11.000001-000004.parquet"]
    assert len(found(world)) == 20


def test_late_records_of_an_hour_join_it(world: World) -> None:
    world.write(life(1))
    world.round()
    world.write(life(2))
    world.round()
    assert world.files() == ["2026-11-18T11.000001-000002.parquet"]
    assert len(found(world)) == 10


def test_several_nodes_make_one_file(world: World) -> None:
    world.write(life(1), "node1")
    world.write(life(2), "node2")
    world.round()
    assert len(world.files()) == 1
    assert len(found(world)) == 10


def test_a_raw_file_that_comes_back_is_not_taken_twice(world: World) -> None:
    """A copy of the directory that was put back, over an archive that is further."""
    world.write(life(1))
    (path,) = world.directory.glob("*.rec")
    octets = path.read_bytes()
    world.round()
    path.write_bytes(octets)
    done = world.round()
    assert (done.taken_rows, done.removed_raw) == (0, 1)
    assert len(found(world)) == 5


def test_a_torn_end_is_taken_when_it_was_written_whole(world: World) -> None:
    world.now_ms = HOUR + 1
    world.write([*life(1), *life(2)], flush_every=5)
    (path,) = world.directory.glob("*.rec")
    octets = path.read_bytes()
    path.write_bytes(octets[:-3])
    assert world.round().taken_rows == 5
    path.write_bytes(octets)
    assert world.round().taken_rows == 5
    assert len(found(world)) == 10


def test_a_raw_file_that_was_empty_when_it_was_looked_at_is_not_taken_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway makes a file, the keeper lists it, and only then the first frame comes."""
    world.now_ms = HOUR + 1
    listed = raw.all_raw

    def before_its_first_frame(directory: Path) -> list[raw.RawFile]:
        return [each._replace(first="") for each in listed(directory)]

    world.write(life(1))
    with monkeypatch.context() as patched:
        patched.setattr(keepers, "all_raw", before_its_first_frame)
        world.round()
    world.round()
    assert len(found(world)) == 5


class Killed(BaseException):
    """At the moment that a test has chosen."""


class Clock:
    """Kills at the ``at``-th of the steps that change something on disk."""

    def __init__(self, at: int) -> None:
        self.left = at

    def tick(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


def breaking(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these may be the last thing that a keeper does: it dies before it."""
    for owner, name in ((Path, "rename"), (Path, "unlink"), (os, "fsync"), (os, "ftruncate")):
        real = getattr(owner, name)

        def doing(*arguments: Any, _real: Any = real, **named: Any) -> Any:
            clock.tick()
            return _real(*arguments, **named)

        monkeypatch.setattr(owner, name, doing)


def scenes() -> Iterator[tuple[list[Row], list[Row]]]:
    """What was in the archive already, and what the keeper that is killed finds."""
    first = [row for number in range(8) for row in life(number, HOUR + number)]
    yield [], first
    yield first, [row for number in range(8, 12) for row in life(number, HOUR + number)]


@pytest.mark.parametrize("scene", range(2))
def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(scene: int, world: World, monkeypatch: Any) -> None:
    before, after = list(scenes())[scene]
    if before:  # roll-ups are written alike in both
        monkeypatch.setattr(Keeper, "_count", lambda keeper: None)
    first = World(world.directory / "first")
    if before:
        first.write(before)
        first.round()
    first.write(after)
    for at in range(100):
        here = World(world.directory / str(at))
        shutil.copytree(first.directory, here.directory)
        with monkeypatch.context() as patched:
            breaking(clock := Clock(at), patched)
            with contextlib.suppress(Killed):
                here.round()
        assert sorted(map(bare, Reader(here.directory, here.archive).find())) == expected(before + after), at
        here.round()
        assert found(here) == expected(before + after), at
        assert len(list(counting(all_pieces(here.archive)))) == len(all_pieces(here.archive)) == 1
        assert list(here.archive.rglob("*.new")) == []
        assert verify(here.archive, KEYS).faults == ()
        if clock.left >= 0:
            break
    else:
        pytest.fail("it has no end")
    assert at > 5  # there were steps to be killed at


def expected(rows: list[Row]) -> list[Record]:
    return sorted(bare(Record._make((*row[:13], tuple(each for each in row[13:] if type(each) is not bytes))))
                  for row in rows)  # fmt: skip


def test_what_is_older_than_its_days_goes(world: World) -> None:
    world.write(life(1))
    world.write(life(2, HOUR + 30 * HOUR_MS))
    world.now_ms = HOUR + 31 * HOUR_MS
    world.days = 1
    assert world.round().purged == 1
    assert {record.message_id for record in found(world)} == {message_id(2, HOUR + 30 * HOUR_MS)}
    assert not (world.archive / "2026-11-18").exists()
    assert verify(world.archive, KEYS).faults == ()
    assert not (world.archive / "rollups" / "counts" / "2026-11-18.parquet").exists()


def test_a_kill_before_a_purged_file_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(life(1))
    world.round()
    world.now_ms, world.days = HOUR + 100 * HOUR_MS, 1
    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "_unlink", lambda keeper, piece: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            world.round()
    world.round()
    assert (found(world), world.files()) == ([], [])


def test_one_at_a_time(world: World) -> None:
    keeper = world.keeper()
    with keeper.at_work(), pytest.raises(Busy, match="another process"):
        world.round()
    world.round()


def test_a_row_of_no_record_is_kept_as_it_is(world: World) -> None:
    odd: Any = (HOUR + 5, Step.SENT, "m", 7, "alpha", 0, "", "", 1, 0, "", "", 0, "why")
    world.write([*life(1), odd])
    world.round()
    (record,) = [record for record in found(world) if record.step == 0]
    assert record.at_ms == HOUR + 5
    assert record.detail[3] == 7
    assert len(found(world)) == 6


def test_a_fault_of_ours_takes_nothing(world: World) -> None:
    world.knowledge = world.knowledge.__class__({}, price=None, code_class=None, enclosed=None)  # type: ignore[arg-type]
    world.write(life(1))
    with pytest.raises(TypeError):
        world.round()
    assert len(query(world.directory)) == 5


def test_what_does_not_know_its_message_gets_it_from_its_acceptance(world: World) -> None:
    at_ms = HOUR + HOUR_MS - 5000
    rows = life(1, at_ms, receipt_ms=4000), life(2, at_ms, receipt_ms=9000, err="MBBLACK")
    world.write([row for row in (*rows[0], *rows[1]) if row[0] < HOUR + HOUR_MS])
    world.round()
    world.write([row for row in rows[1] if row[0] >= HOUR + HOUR_MS])
    world.round()
    reader = Reader(world.directory, world.archive)
    (late,) = reader.find(step=int(Step.RECEIPT), since=None, message_id=message_id(2, at_ms))
    assert (late.message_class, late.signature) == (2, "示例")
    columns = "template, province, network, department, age_ms, code_class, counts"
    look = reader.look()
    paths = [str(path) for path in look.paths()]
    (row,) = reader.rows(f"SELECT {columns} FROM read_parquet({paths}) WHERE step = 9 AND err = 'MBBLACK'")
    assert row == ("sale@1", "广东", "mobile", "retail", 9000, "blacklist", 1)


def test_a_file_of_no_records_stays(world: World) -> None:
    world.directory.mkdir(parents=True)
    path = world.directory / "2026-11-18T11.node1.rec"
    path.write_bytes(b"what is this? It is longer than a header.")
    assert world.round().removed_raw == 0
    assert path.exists()


def test_names() -> None:
    wide, late = Piece(HOUR, 1, 3), Piece(HOUR, 4, 4)
    old = [Piece(HOUR, 1, 1), Piece(HOUR, 2, 2), Piece(HOUR, 3, 3)]
    assert list(counting([*old, late, wide])) == [wide, late]
    assert wide.name == "2026-11-18T11.000001-000003.parquet"


def test_a_number_is_found_by_its_hash(world: World) -> None:
    world.write([*life(1), *life(2, rhash="another")])
    world.round()
    reader = Reader(world.directory, world.archive)
    assert {record.message_id for record in reader.find(recipient_hash=HASH)} == {message_id(1, HOUR)}
    assert [record.step for record in reader.find(last=2)] == [Step.RECEIPT_RETURNED, Step.RECEIPT_RETURNED]
    assert reader.find(account="nobody") == []


def test_commands_load_none_of_it() -> None:
    """A gateway is started by one of them."""
    code = "import smsgw.app, smsgw.cli.main, sys; print({'duckdb', 'pyarrow'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_question_is_asked_again_when_files_move_under_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hour is joined, and its raw file goes, between the look and the reading."""
    world.now_ms = HOUR + 600_000
    world.write(life(1))
    world.round()
    world.write(life(2))
    reader = Reader(world.directory, world.archive)
    real, looks = reader.look, 0

    def look() -> Look:
        nonlocal looks
        found = real()
        looks += 1
        if looks == 1:
            world.now_ms = HOUR + 2 * HOUR_MS
            world.round()
        return found

    monkeypatch.setattr(reader, "look", look)
    assert len(reader.find()) == 10
    assert looks == 2


def test_a_gateway_that_had_just_opened_a_file_does_not_write_to_what_was_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 60.0)
    world.write(life(1))
    (path,) = world.directory.glob("*.rec")
    descriptor = os.open(path, os.O_RDWR)
    keeper = world.keeper()
    assert keeper.round().removed_raw == 1
    with pytest.raises(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
    world.write(life(2))
    world.round()
    assert len(found(world)) == 10
