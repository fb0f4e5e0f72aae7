"""What receipts teach: which codes, of whom, and what is told of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smsgw.gateway.learning import Learning, Lesson
from smsgw.gateway.reports import Report, pack_origin
from smsgw.policy.profile import ListRule
from smsgw.records.record import Step
from smsgw.smpp.pdu import submit_sm
from smsgw.store.facts import FactChange, FactOp, FactResult
from smsgw.store.seal import SealError

NOW_MS = 1_800_000_000_000
NUMBER = "8613800000001"
ORIGIN = pack_origin(submit_sm(1, source_addr=b"1069", destination_addr=NUMBER.encode(), short_message=b"x"), 0)
DEAD = ListRule(frozenset(), frozenset({"MK:0001"}), 3, 60.0, 3600.0)
BLACK = ListRule(frozenset(), frozenset({"MBBLACK"}), 1, 60.0, 7200.0)


class World:
    def __init__(self, partitions: int = 2, **rules: Any) -> None:
        self.put: list[FactChange] = []
        self.rows: list[Any] = []
        self.events: list[tuple[str, dict[str, object]]] = []
        known = SimpleNamespace(
            dead_codes=frozenset({"mk:0001"}),
            blacklist_codes=frozenset({"mbblack"}),
            rules=SimpleNamespace(profile=SimpleNamespace(dead_number=DEAD, blacklist=BLACK)),
        )
        vars(known).update(rules)
        context: Any = SimpleNamespace(
            rules={"shop": known},
            pools={},
            number_of=lambda address, account: address.decode() if address.isdigit() else None,
            clock=SimpleNamespace(now_ms=lambda: NOW_MS),
            store=SimpleNamespace(
                partitions=partitions, sealer=SimpleNamespace(open=self.open), recipients=SimpleNamespace(hash=str)
            ),
            records=SimpleNamespace(append=self.rows.append),
            facts=SimpleNamespace(put=self.put.append),
            log=lambda event, fields: self.events.append((event, fields)),
        )
        self.learning = Learning(context)

    @staticmethod
    def open(sealed: bytes) -> bytes:
        if sealed == b"?":
            raise SealError("sealed with unknown key 7")
        return sealed

    def failed(self, err: str, stat: str = "", origin: bytes = ORIGIN, account: str = "shop") -> None:
        self.learning.failed(account, "id", "alpha", origin, Report(5, err, NOW_MS, b"", stat))


@pytest.mark.parametrize(
    ("err", "stat", "op", "scope"),
    [
        ("MK:0001", "", FactOp.FAILED, ""),
        ("mk:0001", "", FactOp.FAILED, ""),
        ("000", "MK:0001", FactOp.FAILED, ""),
        ("000", "MBBLACK", FactOp.REFUSED, ":c:alpha"),
        ("MBBLACK", "", FactOp.REFUSED, ":c:alpha"),
    ],
)
def test_codes_of_the_profile(err: str, stat: str, op: FactOp, scope: str) -> None:
    world = World()
    world.failed(err, stat)
    (change,) = world.put
    rule = DEAD if op is FactOp.FAILED else BLACK
    assert (change.op, change.number, change.scope, change.source) == (op, NUMBER, scope, stat or err)
    assert (change.threshold, change.within_ms, change.keep_ms) == (
        rule.threshold, round(rule.within_s * 1000), round(rule.keep_s * 1000),
    )  # fmt: skip


def test_other_codes_and_accounts_teach_nothing() -> None:
    world = World()
    world.failed("001")
    world.failed("MK:0001", account="gone")
    assert world.put == []


def test_an_origin_that_cannot_be_read_is_told() -> None:
    world = World()
    world.failed("MK:0001", origin=b"?")
    assert world.put == []
    assert [event for event, _ in world.events] == ["receipt.origin_unreadable"]


def test_a_delivery_clears_only_where_something_is_learnt() -> None:
    world = World()
    world.learning.delivered("alpha", "shop", "id", NUMBER.encode())
    world.learning.delivered("alpha", "shop", "id", b"alpha-sender")
    assert [(each.op, each.number) for each in world.put] == [(FactOp.DELIVERED, NUMBER)]
    nothing = World(dead_codes=frozenset())
    nothing.learning.delivered("alpha", "shop", "id", NUMBER.encode())
    assert nothing.put == []
    one = World(partitions=1)
    one.learning.delivered("alpha", "shop", "id", NUMBER.encode())
    assert one.put == [], "the script that found the message has done it"


@pytest.mark.parametrize(
    ("op", "step", "event"),
    [(FactOp.FAILED, Step.DEAD, "dead_number.learnt"), (FactOp.REFUSED, Step.BLACKLISTED, "blacklist.learnt")],
)
def test_an_entry_that_was_learnt_is_recorded_and_told_without_the_number(op: FactOp, step: Step, event: str) -> None:
    world = World()
    lesson = Lesson("shop", "id", "alpha")
    change = FactChange(lesson, op, NUMBER, ":c:alpha", "MK:0001", NOW_MS, keep_ms=1000)
    world.learning.learnt(change, FactResult.CHANGED)
    assert world.rows == []
    world.learning.learnt(change, FactResult.LEARNT)
    assert world.rows[0][1] == step
    assert world.events[0][0] == event
    assert NUMBER[2:] not in str(world.events)
