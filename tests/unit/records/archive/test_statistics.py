"""Figures: what is counted, from records and from roll-ups alike."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgw.records.archive import raw, statistics
from smsgw.records.archive.rollups import BUCKETS_A_DECADE, quantile
from smsgw.records.history import Asked, Embedded, Figures
from smsgw.records.record import HOUR_MS, NO_CLASS, Row, Step
from tests.unit.records.archive.world import HOUR, World, life, message_id


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    return World(tmp_path / "records")


def one(world: World, asked: Asked | None = None) -> Figures:
    (found,) = Embedded(world.directory).statistics(asked or Asked())
    return found


def other(step: Step, at_ms: int = HOUR, status: int = 0, *detail: object) -> Row:
    return (at_ms, step, "", "shop", "alpha", NO_CLASS, "", "", 0, status, "optout" if status else "", "", 0, *detail)


def day(world: World) -> None:
    """Ten messages, two of which fail; a receipt that comes twice; some other steps."""
    rows = [row for number in range(8) for row in life(number, HOUR + number)]
    rows += [*life(8, HOUR + 8, err="MBBLACK"), *life(9, HOUR + 9, err="XX:1", receipt_ms=40_000)]
    rows += [rows[3], other(Step.RECEIPT, HOUR, 0, 2, "000", "nobody's")]
    rows += [other(Step.REFUSED, status=0x410), other(Step.OPTOUT), other(Step.COMPLAINED), other(Step.MO)]
    rows += [other(Step.CLICKED, HOUR, 0, template, "may", "aB3dE6gH") for template in ("sale@1", "sale@1", "")]
    world.write(sorted(rows, key=lambda row: row[0]))
    world.round()


def test_what_is_counted(world: World) -> None:
    day(world)
    found = one(world)
    expected = {"accepted": 10, "refused": 1, "sent_segments": 10, "billed_segments": 10, "taken": 10,
                "refused_by_carrier": 0, "delivered": 8,
                "delivered_within_30_s": 8, "failed": 2, "receipts_returned": 10, "expired": 0, "cancelled": 0,
                "unknown": 0, "mo": 1, "unsubscribed": 1, "complained": 1, "clicked": 3}  # fmt: skip
    assert found.counts == expected
    assert found.failed_by == {"blacklist": 1, "": 1}
    assert found.cost == pytest.approx(0.3)
    assert found.share("delivered", "accepted") == 0.8
    assert found.latencies["carrier_answer_ms"] == pytest.approx((15.5, 15.5, 15.5), rel=0.08)
    assert found.latencies["receipt_ms"] == pytest.approx((3000, 3000, 3000), rel=0.08)


def test_a_receipt_that_comes_again_hours_later_counts_once(world: World) -> None:
    """Both of them long after their message, and in rounds of their own."""
    rows = life(1, receipt_ms=3 * HOUR_MS)
    first, again = rows[3], (rows[3][0] + HOUR_MS, *rows[3][1:])
    for each in (rows[:3], [first], [again]):
        world.write(each)
        world.round()
    counts = one(world).counts
    assert (counts["accepted"], counts["delivered"]) == (1, 1)


def test_clicks_count_for_their_template_and_campaign(world: World) -> None:
    """Of what has no message nobody knows more than it says itself; the account's department is known."""
    day(world)
    found = Embedded(world.directory).statistics(Asked(("template", "campaign", "account", "department")))
    clicked = {each.group: each.counts["clicked"] for each in found if each.counts["clicked"]}
    department = next(each.group[3] for each in found if each.counts["accepted"])
    assert clicked == {("sale@1", "may", "shop", department): 2, ("", "may", "shop", department): 1}


@pytest.mark.parametrize(
    "by", [("carrier",), ("province", "template"), ("department", "account", "message_class"), ("hour",)]
)
def test_groups_add_up(by: tuple[str, ...], world: World) -> None:
    day(world)
    whole = one(world)
    found = Embedded(world.directory).statistics(Asked(by))
    for name, count in whole.counts.items():
        assert sum(each.counts[name] for each in found) == count
    assert sum(each.cost for each in found) == pytest.approx(whole.cost)


def test_figures_of_roll_ups_are_those_of_records(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    day(world)
    world.write(life(20, HOUR + HOUR_MS))
    world.round()
    asked = [Asked(("hour", "carrier")), Asked(("province",), where=(("account", "shop"),)), Asked((), HOUR + HOUR_MS)]
    rolled = [Embedded(world.directory).statistics(each) for each in asked]
    monkeypatch.setattr(statistics, "pieces_in", lambda path, cube: frozenset())
    assert [Embedded(world.directory).statistics(each) for each in asked] == rolled
    assert [len(each) for each in rolled] == [4, 2, 1]


def test_why_messages_were_refused_or_kept_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    day(world)
    waits = (HOUR, Step.PARKED, message_id(40, HOUR), "shop", "", 2, "", "", 1, 0, "", "", 0, "review", 'word "x"')
    paused = (HOUR, Step.PARKED, message_id(41, HOUR), "shop", "", 2, "", "", 1, 0, "", "", 0, "account:shop", "why")
    decided = (HOUR + 9, Step.REVIEWED, message_id(40, HOUR), "shop", "", 2, "", "", 1, 0, "", "", 0, "released", "li")
    world.write([waits, paused, decided])
    world.round()
    asked = Asked(("department",), latencies=False, reasons=True)
    (found,) = Embedded(world.directory).statistics(asked)
    assert (found.refused_by, found.parked_by, found.reviewed_by) == (
        {"optout": 1}, {"account:shop": 1, "review": 1}, {"released": 1},
    )  # fmt: skip
    monkeypatch.setattr(statistics, "pieces_in", lambda path, cube: frozenset())
    assert Embedded(world.directory).statistics(asked) == [found]
    elsewhere = Embedded(world.directory).statistics(Asked(where=(("carrier", "alpha"),), reasons=True))
    assert [each.refused_by for each in elsewhere] == [{}]  # a refusal has no carrier


def test_what_joined_its_hour_late_is_counted_once(world: World) -> None:
    day(world)
    world.write(life(30, HOUR + 100))
    world.round()
    assert one(world).counts["accepted"] == 11


def test_days_are_those_of_the_asker(world: World) -> None:
    world.write(life(1, HOUR))  # 11:00 UTC, 19:00 in Shanghai
    world.write(life(2, HOUR + 6 * HOUR_MS))  # 01:00 of the next day there
    world.now_ms = HOUR + 9 * HOUR_MS
    world.round()
    found = Embedded(world.directory).statistics(Asked(("day",), offset_ms=8 * HOUR_MS))
    assert [each.group[0] for each in found] == [HOUR - 19 * HOUR_MS, HOUR + 5 * HOUR_MS]


def test_a_message_held_again_is_accepted_once(world: World) -> None:
    held = (HOUR + 2, Step.HELD, message_id(1, HOUR), "shop", "", 2, "", "", 1, 0, "", "", 0, HOUR + 1000, "window")
    world.write(sorted([*life(1), held], key=lambda row: row[0]))
    world.round()
    assert one(world).counts["accepted"] == 1


def test_nothing_and_nonsense(world: World) -> None:
    world.round()
    assert Embedded(world.directory).statistics(Asked(("carrier",))) == []
    with pytest.raises(ValueError, match="'colour' is not one of account"):
        Embedded(world.directory).statistics(Asked(("colour",)))


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99]))
def test_quantiles_are_near(values: list[float], share: float) -> None:
    counts: dict[int, int] = {}
    for value in values:
        bucket = math.floor(BUCKETS_A_DECADE * math.log10(value + 1))
        counts[bucket] = counts.get(bucket, 0) + 1
    found = quantile(sorted(counts.items()), share)
    values.sort()
    exact = values[math.ceil(share * len(values)) - 1]
    assert found is not None
    assert (exact + 1) / 1.08 - 1.2 <= found <= (exact + 1) * 1.08 + 0.6
    several = [quantile(sorted(counts.items()), each) or 0 for each in (0.1, 0.5, 1)]
    assert several == sorted(several)


def test_quantile_of_nothing() -> None:
    assert quantile([], 0.5) is None
