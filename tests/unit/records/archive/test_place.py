"""The keeper's place: one has it, the next one gets it when the first is gone, however it went."""

from __future__ import annotations

from pathlib import Path

from smsgw.records.archive.place import Place


def test_one_has_it_and_the_next_one_takes_it_over(tmp_path: Path) -> None:
    first, second = Place(tmp_path / "archive"), Place(tmp_path / "archive")
    assert first.take()
    assert first.take()
    assert not second.take()
    first.leave()
    assert second.take()
    assert not first.take()
    second.leave()
    second.leave()
