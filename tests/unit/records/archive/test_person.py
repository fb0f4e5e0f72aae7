"""One recipient's part of the archive: found with its texts, and erased so that the archive stays whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgpack  # type: ignore[import-untyped, unused-ignore]
import pytest

from smsgw.records.archive import raw
from smsgw.records.archive.files import read_runs
from smsgw.records.archive.person import erase
from smsgw.records.archive.verification import verify
from smsgw.records.history import Asked, Embedded
from smsgw.records.record import HOUR_MS, Step
from tests.unit.records.archive.world import HASH, HOUR, KEYS, NUMBER, World, enclosed, life, message_id


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three hours of somebody's messages among many of others; all over several blocks, of others in between."""
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    found = World(tmp_path / "records")
    for hour in range(2):
        begin = HOUR + hour * HOUR_MS
        found.write([row for number in range(300) for row in life(
            number, begin + number * 10, rhash=HASH if number in (3, 250) else f"hash{number:012d}"
        )])  # fmt: skip
    found.write(life(1, HOUR + 2 * HOUR_MS, rhash="another"))
    found.round()
    return found


def test_a_file_that_is_damaged_is_named_with_what_helps(world: World) -> None:
    path = next(world.archive.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OSError, match=rf"{path.name}.*; `smsgw archive verify` says what is damaged: bring the file"):
        Embedded(world.directory).of_recipient(HASH, KEYS)


def test_what_was_sent_to_somebody(world: World) -> None:
    found = Embedded(world.directory).of_recipient(HASH, KEYS)
    assert [each.record.step for each in found] == [Step.ACCEPTED, Step.SENT, Step.ANSWERED] * 4
    texts = [each.pdus[0].decode() for each in found if each.pdus]
    assert texts == ["【示例】第3条", "【示例】第250条"] * 2
    assert {each.number for each in found if each.pdus} == {NUMBER}


def test_content_is_nowhere_in_the_clear(world: World) -> None:
    octets = b"".join(path.read_bytes() for path in world.archive.rglob("*") if path.is_file())
    assert NUMBER.encode() not in octets
    assert "第250条".encode() not in octets


def test_an_erasure_leaves_what_happened_and_nobody_to_whom(world: World) -> None:
    figures = Embedded(world.directory).statistics(Asked())
    keeper = world.keeper()
    assert erase(keeper, HASH, KEYS) == (2, 12)
    history = Embedded(world.directory)
    assert history.of_recipient(HASH, KEYS) == []
    assert [record.step for record in history.find(message_id(3, HOUR + 30))] == [
        Step.ACCEPTED, Step.SENT, Step.ANSWERED, Step.RECEIPT, Step.RECEIPT_RETURNED
    ]  # fmt: skip
    assert {(each.recipient_hash, each.recipient_masked) for each in history.find(message_id(3, HOUR + 30))} == {
        ("", "")
    }
    (kept,) = [each for each in history.of_recipient("hash000000000004", KEYS) if each.pdus][:1]
    assert kept.pdus[0].decode() == "【示例】第4条"
    assert history.statistics(Asked()) == figures
    found = verify(world.archive, KEYS)
    assert (found.files, found.records, found.faults) == (3, 3005, ())
    assert [link.act for link in keeper.chain.read.links].count("erased") == 2
    assert erase(keeper, HASH, KEYS) == (0, 0)


def test_what_can_not_be_opened_is_kept_sealed(world: World) -> None:
    """The keeper has not got the key that the gateway sealed with."""
    world.knowledge = replace(world.knowledge, enclosed=lambda blob: None)
    world.write(life(77, HOUR + 3 * HOUR_MS, rhash="locked"))
    world.round()
    (kept, *_) = Embedded(world.directory).of_recipient("locked", KEYS)
    assert (kept.number, kept.pdus) == ("", ())
    (path,) = world.archive.glob("*/2026-11-18T14*.parquet")
    (run,) = read_runs(path, KEYS)
    (content,) = filter(None, run.column("content").to_pylist())
    assert enclosed(msgpack.unpackb(content)[3]).number == NUMBER
