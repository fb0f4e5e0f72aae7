"""Whom an incident touched, and what followed an opt-out: against what was put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.errors import RequestError
from smsgw.records.archive import cases, raw
from smsgw.records.cases import Case
from smsgw.records.history import Embedded
from smsgw.records.record import NO_CLASS, Row, Step
from tests.unit.records.archive.world import HASH, HOUR, KEYS, NUMBER, World, life, message_id

OTHER = "Zb3dEf6hIj9kLmN0"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    return World(tmp_path / "records")


def filled(world: World, rows: list[Row]) -> Embedded:
    world.write(sorted(rows, key=lambda row: row[0]))
    world.round()
    return Embedded(world.directory)


def refused(at_ms: int, name: str = "", rule: str = "optout") -> Row:
    return (at_ms, Step.REFUSED, name, "shop", "", 2, HASH, "138****8000", 1, 0x410, rule, "", 0, "why")


def wish(step: Step, at_ms: int, scope: str = "", rhash: str = HASH) -> Row:
    return (at_ms, step, "", "shop", "alpha", NO_CLASS, rhash, "138****8000", 0, 0, "", "", 0, scope, "mo")


def test_what_an_account_s_messages_met(world: World) -> None:
    late = life(3, HOUR + 90_000, err="MBBLACK", receipt_ms=4 * 3_600_000)
    history = filled(
        world,
        [*life(1, HOUR), *life(2, HOUR + 60_000, rhash=OTHER, account="orders"), *late, *life(4, HOUR + 3_600_000),
         refused(HOUR + 5), refused(HOUR + 6), refused(HOUR + 7, message_id(9, HOUR), "frequency")],
    )  # fmt: skip
    found = history.affected(Case("account", "shop", HOUR, HOUR + 3_600_000))
    told = [(each.message_id, each.step, each.state, each.err, each.rule_id) for each in found.messages]
    assert told == [
        (message_id(1, HOUR), Step.RECEIPT, 2, "000", ""),
        ("", Step.REFUSED, 0, "", "optout"),
        ("", Step.REFUSED, 0, "", "optout"),
        (message_id(9, HOUR), Step.REFUSED, 0, "", "frequency"),
        (message_id(3, HOUR + 90_000), Step.RECEIPT, 5, "MBBLACK", ""),
    ]
    first = found.messages[0]
    assert (first.account, first.department, first.carrier, first.template) == ("shop", "retail", "alpha", "sale@1")
    assert (first.begun_ms, first.sent_ms, first.final_ms) == (HOUR, HOUR + 4, HOUR + 3000)
    assert {each.number for each in found.messages} == {""}
    assert [(each.step, each.rule_id, each.count) for each in found.happened] == [
        (Step.REFUSED, "optout", 2), (Step.REFUSED, "frequency", 1),
    ]  # fmt: skip
    assert (found.slice_ms, found.moments[0].accepted, sum(each.accepted for each in found.moments)) == (60_000, 1, 2)


@pytest.mark.parametrize(
    ("scope", "name", "count"),
    [("template", "sale", 2), ("template", "sale@1", 2), ("template", "sale@2", 0), ("campaign", "spring", 2),
     ("carrier", "alpha", 2), ("carrier", "beta", 0), ("signature", "示例", 2), ("account", "x' OR 1=1 --", 0)],
)  # fmt: skip
def test_every_scope(scope: str, name: str, count: int, world: World) -> None:
    history = filled(world, [*life(1), *life(2)])
    assert len(history.affected(Case(scope, name, HOUR, HOUR + 1000)).messages) == count


def test_numbers_come_only_with_the_keys(world: World) -> None:
    history = filled(
        world, [*life(1), *life(2, content=False), *life(3, rhash=OTHER, content=False), refused(HOUR + 9)]
    )
    found = history.affected(Case("account", "shop", HOUR, HOUR + 1000), KEYS)
    # The second message is to the same recipient; of the third nothing but its hash is kept.
    assert [(each.recipient_hash, each.number) for each in found.messages if each.step != Step.REFUSED] == [
        (HASH, NUMBER), (HASH, NUMBER), (OTHER, ""),
    ]  # fmt: skip


def test_too_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    history = filled(world, [*life(1), *life(2)])
    monkeypatch.setattr(cases, "MOST_AFFECTED", 1)
    with pytest.raises(RequestError, match="more than 1 messages are affected; ask for a shorter time"):
        history.affected(Case("account", "shop", HOUR, HOUR + 1000))


def test_a_time_of_nothing(world: World) -> None:
    history = filled(world, life(1))
    assert history.affected(Case("account", "shop", HOUR - 10**9, HOUR - 10**8)).messages == []
    assert history.after_optouts(HOUR - 10**9, HOUR - 10**8).optouts == 0


@pytest.mark.parametrize(
    ("wishes", "late"),
    [
        ([wish(Step.OPTOUT, HOUR + 100)], 1),
        ([wish(Step.OPTOUT, HOUR + 100, ":a:shop")], 1),
        ([wish(Step.OPTOUT, HOUR + 100, ":s:示例")], 1),
        ([wish(Step.OPTOUT, HOUR + 100, ":a:orders")], 0),
        ([wish(Step.OPTOUT, HOUR + 100, rhash=OTHER)], 0),
        ([wish(Step.OPTOUT, HOUR + 2000)], 0),
        ([wish(Step.OPTOUT, HOUR + 100), wish(Step.RESUBSCRIBED, HOUR + 200)], 0),
        ([wish(Step.OPTOUT, HOUR + 100), wish(Step.RESUBSCRIBED, HOUR + 200, ":a:shop")], 1),
        ([wish(Step.OPTOUT, HOUR + 100), wish(Step.RESUBSCRIBED, HOUR + 1500)], 1),
    ],
)
def test_marketing_after_an_opt_out_is_found(wishes: list[Row], late: int, world: World) -> None:
    history = filled(world, [*life(1, HOUR), *life(2, HOUR + 1000), *wishes, refused(HOUR + 3000)])
    found = history.after_optouts(HOUR, HOUR + 3_600_000)
    assert len(found.late) == late
    assert found.optouts == 1
    assert found.by_source == {"mo": 1}
    assert found.resubscribed == len(wishes) - 1
    assert found.recipients_refused == int(wishes[0][6] == HASH)
    if late:
        (only,) = found.late
        assert (only.message_id, only.optout_ms, only.accepted_ms) == (
            message_id(2, HOUR + 1000),
            HOUR + 100,
            HOUR + 1000,
        )
