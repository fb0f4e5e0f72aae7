"""A repeated condition: told once, then summed up."""

from __future__ import annotations

from smsgw.telemetry.repeats import Repeats, Telling


def test_told_once_then_summed_up_once_a_period() -> None:
    repeats = Repeats(every_s=60)
    assert repeats.seen("down", 0.0) == Telling()
    assert all(repeats.seen("down", i / 10) is None for i in range(1, 512))
    telling = repeats.seen("down", 60.0)
    assert telling == Telling(512, 60.0)
    assert str(telling) == "again 512 times in 60 s"
    assert repeats.seen("down", 61.0) is None


def test_keys_do_not_mix() -> None:
    repeats = Repeats()
    assert repeats.seen(("down", "alpha"), 0.0) == Telling()
    assert repeats.seen(("down", "beta"), 0.0) == Telling()
    assert repeats.seen(("down", "alpha"), 1.0) is None


def test_due_tells_the_last_burst_and_forgets_what_stopped() -> None:
    repeats = Repeats(every_s=60)
    repeats.seen("a", 0.0)
    repeats.seen("a", 5.0)
    repeats.seen("b", 0.0)
    assert repeats.due(59.0) == []
    assert repeats.due(70.0) == [("a", Telling(1, 70.0))]
    assert str(Telling(1, 70.0)) == "again 1 time in 70 s"
    assert repeats.seen("b", 71.0) == Telling()
    assert repeats.due(131.0) == []
    assert repeats.seen("a", 132.0) == Telling()


def test_ended_gives_the_rest_and_begins_anew() -> None:
    repeats = Repeats()
    assert repeats.ended("a", 0.0) is None
    repeats.seen("a", 0.0)
    repeats.seen("a", 1.0)
    assert repeats.ended("a", 4.0) == Telling(1, 4.0)
    assert repeats.seen("a", 5.0) == Telling()


def test_memory_is_bounded() -> None:
    repeats = Repeats(limit=10)
    for key in range(1000):
        repeats.seen(key, 0.0)
    assert repeats.seen(999, 1.0) is None
    assert repeats.seen(0, 1.0) == Telling()
