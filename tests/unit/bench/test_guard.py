"""What the guard of bin/bench decides; its times are not judged here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bench.suite.guard import FILE, TOLERANCE, best_of, judge, ratios, read, variant, verdicts, write
from tests.bench.suite.guard_work import MESSAGES, Work, works


def test_what_costs_more_than_its_tolerance_fails() -> None:
    expected = {"reading": 1.0, "building": 1.0}
    lines, is_well = judge(verdicts({"reading": 1.0 + TOLERANCE / 2, "building": 1.0 + TOLERANCE * 1.1}, expected))
    assert not is_well
    assert "SLOWER" in lines[1]
    assert "SLOWER" not in lines[0]


def test_what_costs_less_passes_and_asks_for_its_figure() -> None:
    lines, is_well = judge(verdicts({"reading": 0.5}, {"reading": 1.0}))
    assert is_well
    assert "--update" in lines[0]


def test_a_part_that_nobody_has_written_down_fails() -> None:
    lines, is_well = judge(verdicts({"new": 1.0}, {}))
    assert not is_well
    assert "--update" in lines[0]


def test_what_looks_slower_is_measured_again_before_it_is_believed() -> None:
    found = iter(({"a": 2.0, "b": 1.0}, {"a": 1.9, "b": 1.1}, {"a": 1.05, "b": 1.2}, {"a": 0.9, "b": 0.9}))
    assert best_of(lambda: next(found), {"a": 1.0, "b": 1.0}) == {"a": 1.05, "b": 1.0}
    assert next(found) == {"a": 0.9, "b": 0.9}


def test_what_stays_slower_is_believed_in_the_end() -> None:
    assert best_of(lambda: {"a": 2.0}, {"a": 1.0}, tries=3) == {"a": 2.0}


def test_figures_of_other_variants_stay(tmp_path: Path) -> None:
    path = tmp_path / "guard.json"
    write({"reading": 1.23456}, "CPython 3.11, compiled", path)
    write({"reading": 2.0}, "CPython 3.13, pure", path)
    assert read(path) == {"CPython 3.11, compiled": {"reading": 1.2346}, "CPython 3.13, pure": {"reading": 2.0}}


def test_nothing_is_written_down_in_a_new_place(tmp_path: Path) -> None:
    assert read(tmp_path / "guard.json") == {}


def test_a_part_that_does_twice_the_work_costs_twice_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """By counted time: a tick for each call of the loop, two for each of the part's."""
    ticks = 0

    def loop() -> None:
        nonlocal ticks
        ticks += 1_000_000

    def part() -> None:
        loop()
        loop()

    monkeypatch.setattr("tests.bench.suite.guard.calibrated", loop)
    monkeypatch.setattr("tests.bench.suite.guard.time.thread_time_ns", lambda: ticks)
    found = ratios([Work("part", "", part)], turns=2)
    assert found == {"part": pytest.approx(2 / MESSAGES)}


def test_every_part_works_and_is_written_down() -> None:
    async def run() -> list[str]:
        parts = works()
        for part in parts:
            part.call()
            part.call()
        return [part.name for part in parts]

    names = asyncio.run(run())
    known = read(FILE)
    assert known
    for of, expected in known.items():
        assert list(expected) == sorted(names), of
    assert variant().startswith(("CPython", "PyPy"))
