"""What alarms ask: minutes of delivery, whom an opt-out is counted to, hours of accounts, how late the archive is."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.records.archive import raw
from smsgw.records.archive.lately import ANSWERED_WITHIN_MS
from smsgw.records.history import Embedded
from smsgw.records.lately import Delivered, Reactions
from smsgw.records.record import HOUR_MS, NO_CLASS, Row, Step
from tests.unit.records.archive.world import HOUR, World, life

MINUTE = 60_000
AMY, BO = "amyamyamyamyamya", "bobobobobobobobo"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    return World(tmp_path / "records")


@pytest.fixture
def history(world: World) -> Embedded:
    return Embedded(world.directory)


def kept(world: World, rows: list[Row]) -> None:
    world.write(sorted(rows, key=lambda row: row[0]))
    world.round()


def back(step: Step, at_ms: int, rhash: str) -> Row:
    return (at_ms, int(step), "", "", "alpha", NO_CLASS, rhash, "138****8000", 0, 0, "", "", 0)


def test_receipts_are_counted_to_the_minute(world: World, history: Embedded) -> None:
    rows = [*life(1, HOUR), *life(2, HOUR + 10 * MINUTE), *life(3, HOUR + 20 * MINUTE, err="XX:1")]
    kept(world, rows)
    ((carrier, province, done, failed),) = history.delivered(HOUR, HOUR + HOUR_MS)
    assert (carrier, done, failed) == ("alpha", 2, 1)
    assert history.delivered(HOUR + 5 * MINUTE, HOUR + 15 * MINUTE) == [Delivered("alpha", province, 1, 0)]
    assert history.delivered(HOUR + 5 * MINUTE, HOUR + 6 * MINUTE) == []
    assert history.delivered(HOUR + 9 * HOUR_MS, HOUR + 10 * HOUR_MS) == []


def test_an_opt_out_is_counted_to_the_last_message_before_it(world: World, history: Embedded) -> None:
    rows = [
        *life(1, HOUR, rhash=AMY), *life(2, HOUR + MINUTE, rhash=AMY, account="orders"), *life(3, HOUR, rhash=BO),
        back(Step.OPTOUT, HOUR + 2 * MINUTE, AMY), back(Step.COMPLAINED, HOUR + 30_000, AMY),
        back(Step.OPTOUT, HOUR - MINUTE, BO),
    ]  # fmt: skip
    kept(world, rows)
    found = {each.account: each for each in history.reactions(HOUR - HOUR_MS, HOUR + HOUR_MS)}
    template = found["shop"].template
    assert found == {
        "orders": Reactions("orders", template, 1, 1, 0), "shop": Reactions("shop", template, 2, 0, 1)
    }  # fmt: skip


def test_a_message_of_days_ago_is_answered_today_but_not_one_of_last_week(world: World, history: Embedded) -> None:
    now = HOUR + ANSWERED_WITHIN_MS
    world.now_ms = now + 5 * HOUR_MS
    rows = [*life(1, HOUR + MINUTE, rhash=AMY), *life(2, HOUR - 2 * MINUTE, rhash=BO)]
    kept(world, [*rows, back(Step.OPTOUT, now, AMY), back(Step.OPTOUT, now, BO)])
    (found,) = history.reactions(now - HOUR_MS, now + HOUR_MS)
    assert (found.messages, found.unsubscribed) == (0, 1)


def test_codes_are_not_what_people_unsubscribe_from(world: World, history: Embedded) -> None:
    code = [(*row[:5], 0, *row[6:]) if row[1] == Step.ACCEPTED else row for row in life(2, HOUR + MINUTE, rhash=AMY)]
    kept(world, [*life(1, HOUR, rhash=AMY, account="orders"), *code, back(Step.OPTOUT, HOUR + 2 * MINUTE, AMY)])
    (found,) = history.reactions(HOUR, HOUR + HOUR_MS)
    assert (found.account, found.unsubscribed) == ("orders", 1)


def test_hours_without_anything_are_not_known(world: World, history: Embedded) -> None:
    kept(world, [*life(1, HOUR), *life(2, HOUR + 1), *life(3, HOUR + HOUR_MS, account="orders")])
    hours = history.sent_in((HOUR, HOUR + HOUR_MS, HOUR - HOUR_MS))
    assert hours.known == {HOUR, HOUR + HOUR_MS}
    assert hours.accepted == {("shop", HOUR): 2, ("orders", HOUR + HOUR_MS): 1}


def test_how_late_the_archive_is(world: World, history: Embedded) -> None:
    world.write(life(1, HOUR))
    world.archive.mkdir(parents=True)
    assert history.not_taken_since() == HOUR
    world.round()
    assert history.not_taken_since() is None
    world.write(life(2, HOUR + MINUTE))
    assert history.not_taken_since() == HOUR + MINUTE
