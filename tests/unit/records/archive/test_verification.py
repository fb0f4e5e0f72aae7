"""Whatever is changed in an archive behind its back is found, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from smsgw.records.archive import raw, verification
from smsgw.records.archive.chain import NAME, BrokenChain
from smsgw.records.archive.columns import BLOCK_ROWS
from smsgw.records.archive.files import read_footer, read_runs, write_file
from smsgw.records.archive.knowledge import Keys
from smsgw.records.archive.names import Piece
from smsgw.records.archive.verification import verify
from tests.unit.records.archive.world import HOUR, KEYS, World, life

HOUR_MS = 3_600_000


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two hours, the first with more than a block."""
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    monkeypatch.setattr(verification, "MOMENT_S", 0.0)
    found = World(tmp_path / "records")
    found.write([row for number in range(300) for row in life(number, HOUR + number)])
    found.write(life(301, HOUR + HOUR_MS))
    found.round()
    return found


def first(world: World) -> Path:
    return min(world.archive.glob("2*/*.parquet"))


def faults(world: World, kept: str = "") -> tuple[str, ...]:
    return verify(world.archive, KEYS, kept).faults


def test_a_whole_archive(world: World) -> None:
    found = verify(world.archive, KEYS)
    assert (found.files, found.records, found.faults) == (2, 1505, ())
    assert verify(world.archive, KEYS, found.head).faults == ()


def test_a_row_that_was_changed_is_named_by_its_block(world: World) -> None:
    """By somebody who can write such files but has not got the secrets."""
    path, other = first(world), Keys(b"x" * 32, KEYS.seal, KEYS.open)
    footer = read_footer(path)
    runs = list(read_runs(path, KEYS))
    at = BLOCK_ROWS + 10
    changed = runs[0].to_pylist()
    changed[at]["status"] = 1
    forged = path.with_name("forged")
    write_file(forged, [runs[0].from_pylist(changed, schema=runs[0].schema)], footer.covers, other)
    forged.rename(path)
    (fault,) = faults(world)
    assert fault == f"{path.name}: rows 1–{BLOCK_ROWS} were changed"  # all of it is keyed otherwise


def test_octets_that_were_changed(world: World) -> None:
    path = first(world)
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 3] ^= 1
    path.write_bytes(octets)
    (fault,) = faults(world)
    assert fault.startswith(f"{path.name}: ")


def remove_file(world: World) -> None:
    first(world).unlink()


def copy_file(world: World) -> None:
    path = first(world)
    path.with_name(path.name.replace("000001-000001", "000009-000009")).write_bytes(path.read_bytes())


def swap_files(world: World) -> None:
    one, two = sorted(world.archive.glob("2*/*.parquet"))
    octets = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(octets)


def cut_file(world: World) -> None:
    path = first(world)
    path.write_bytes(path.read_bytes()[:-20])


def change_line(world: World) -> None:
    path = world.archive / NAME
    lines = path.read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "rows": 1})
    path.write_text("\n".join(lines) + "\n")


def drop_line(world: World) -> None:
    path = world.archive / NAME
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (remove_file, "2026-11-18T11.000001-000001.parquet: is missing, with 1500 records"),
        (copy_file, "2026-11-18T11.000009-000009.parquet: the chain does not know it"),
        (swap_files, "2026-11-18T11.000001-000001.parquet: is not the file of this name"),
        (cut_file, "2026-11-18T11.000001-000001.parquet: is no Parquet file, or was cut"),
        (change_line, "line 1 of chain.jsonl was changed"),
        (drop_line, "line 1 of chain.jsonl does not follow the one before"),
    ],
)
def test_what_was_done_is_said(act: Callable[[World], None], said: str, world: World) -> None:
    act(world)
    assert faults(world)[0].startswith(said)


def test_files_that_went_with_the_end_of_the_chain_are_missed_by_a_head_that_was_kept(world: World) -> None:
    head = verify(world.archive, KEYS).head
    path = world.archive / NAME
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    max(world.archive.glob("2*/*.parquet")).unlink()
    assert faults(world) == ()
    assert faults(world, head) == (f"the chain has no line {head}: its end was cut off, or it is another one",)


def test_nothing_is_added_to_a_chain_that_was_changed(world: World) -> None:
    change_line(world)
    with pytest.raises(BrokenChain, match="line 1 of"):
        world.keeper()


def test_a_torn_last_line_is_cut_off(world: World) -> None:
    with open(world.archive / NAME, "a") as file:
        file.write('{"seq":3,"at"')
    assert faults(world) == ()
    world.write(life(400, HOUR + 2 * HOUR_MS))
    world.round()
    assert faults(world) == ()
    assert verify(world.archive, KEYS).files == 3


def test_what_a_keeper_does_meanwhile_is_no_fault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour is joined with what came late, and the other one purged, after the first look."""
    world.write(life(500, HOUR))
    real, looks = verification.all_pieces, []

    def all_pieces(directory: Path) -> list[Piece]:
        found = real(directory)
        looks.append(len(found))
        if len(looks) == 1:
            world.now_ms, world.days = HOUR + 25 * HOUR_MS, 1
            world.round()
        return found

    monkeypatch.setattr(verification, "all_pieces", all_pieces)
    found = verify(world.archive, KEYS)
    assert (found.files, found.records, found.faults) == (1, 5, ())
    assert len(looks) == 2
