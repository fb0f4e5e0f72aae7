"""Stages of memory: what is refused at which share, and that a stage does not flutter."""

from __future__ import annotations

from smsgw.store.memory import MemoryStages, stage_of

AT = (0.90, 0.95, 0.98)


def test_marketing_first_codes_last() -> None:
    shares = (0.0, 0.899, 0.90, 0.949, 0.95, 0.979, 0.98, 1.2)
    assert [stage_of(share, AT) for share in shares] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_stage_ends_well_below_where_it_begins() -> None:
    stages = MemoryStages(AT)
    seen = [(share, stages.see(share), stages.stage) for share in (0.91, 0.89, 0.881, 0.879, 0.91, 0.99, 0.97, 0.10)]
    assert seen == [
        (0.91, True, 1), (0.89, False, 1), (0.881, False, 1), (0.879, True, 0),
        (0.91, True, 1), (0.99, True, 3), (0.97, False, 3), (0.10, True, 0),
    ]  # fmt: skip
    assert stages.refused == ""


def test_a_stage_says_what_it_refuses() -> None:
    stages = MemoryStages(AT)
    stages.see(0.96)
    assert stages.refused == "marketing and notices"


def test_one_share_for_all_refuses_everything_at_once() -> None:
    assert [stage_of(share, (0.9, 0.9, 0.9)) for share in (0.8, 0.95)] == [0, 3]
