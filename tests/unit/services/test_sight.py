"""What gateways say, look after look: rates, minutes, and gateways that come, go and begin anew."""

from __future__ import annotations

from typing import Any

from smsgw.services.sight import LOOKS_KEPT, MINUTE_MS, Sight, rate

AT_MS = 1_800_000_000_000 // MINUTE_MS * MINUTE_MS


def page(
    accepted: int = 0, *, submitted: int = 0, refused: dict[str, int] | None = None,
    receipts: dict[str, int] | None = None, node: str = "n1",
) -> dict[str, Any]:  # fmt: skip
    account = {"accepted": accepted, "refused": refused or {}, "receipts_delivered": 0, "mo_delivered": 0}
    carrier = {"submitted": submitted, "answered": {"0x00000000": 5, "0x00000058": 1}, "receipts": receipts or {}}
    return {
        "node": node,
        "accounts": {"shop": {**account, "links": [{"id": "shop/1"}]}},
        "carriers": {"alpha": {**carrier, "links": []}},
    }


def everything(_: str) -> bool:
    return True


def test_rates_are_what_came_between_looks() -> None:
    sight = Sight()
    sight.add(AT_MS, 10.0, {"a": page(100)})
    assert (rate(sight.now, "in", everything), list(sight.looks)) == (0.0, [])
    sight.add(AT_MS + 2000, 12.0, {"a": page(120, refused={"quota": 4})})
    sight.add(AT_MS + 4000, 14.0, {"a": page(160, refused={"quota": 6})})
    sight.add(AT_MS + 6000, 16.0, {"a": page(180, refused={"quota": 6})})
    assert rate(sight.now, "in", everything) == 15.0  # of the last four seconds
    assert rate(sight.now, "refused", everything) == 0.5
    assert rate(sight.now, "in", "orders".__eq__) == 0.0
    assert [rate(each, "in", everything) for each in sight.looks] == [10.0, 20.0, 10.0]


def test_each_gateway_is_counted_for_itself() -> None:
    sight = Sight()
    sight.add(AT_MS, 0.0, {"a": page(100), "b": page(1000, node="n2")})
    sight.add(AT_MS + 4000, 4.0, {"a": page(8), "b": "does not answer"})  # a began anew
    assert sight.now.total("in", everything) == 8
    assert sight.whole["accounts"]["shop"]["accepted"] == 8
    sight.add(AT_MS + 8000, 8.0, {"a": page(8), "b": page(1010, node="n2")})
    assert sight.now.total("in", everything) == 10
    assert sight.whole["accounts"]["shop"]["links"] == [
        {"id": "shop/1", "node": "n1"}, {"id": "shop/1", "node": "n2"},
    ]  # fmt: skip
    sight.add(AT_MS + 12_000, 12.0, {"a": "gone", "b": "gone"})
    assert sight.whole == {}


def test_looks_become_minutes_and_old_ones_go() -> None:
    sight = Sight()
    for number in range(LOOKS_KEPT + 21):
        sight.add(AT_MS + number * 2000, number * 2.0, {"a": page(number * 6)})
    assert len(sight.looks) == LOOKS_KEPT
    assert [each.took_s for each in sight.minutes][:3] == [58.0, 60.0, 60.0]
    assert {rate(each, "in", everything) for each in sight.minutes} == {3.0}
    assert sight.since(AT_MS + MINUTE_MS).total("in", everything) == sum(
        each.total("in", everything) for each in list(sight.minutes)[1:]
    )


def test_only_final_receipts_are_results() -> None:
    sight = Sight()
    sight.add(AT_MS, 0.0, {"a": page()})
    told = {"DELIVRD": 8, "UNDELIV": 2, "ENROUTE": 5, "ACCEPTD": 3, "77": 1}
    sight.add(AT_MS + 1000, 1.0, {"a": page(receipts=told)})
    assert (sight.now.total("results", everything), sight.now.total("delivered", everything)) == (10, 8)


def test_a_gateway_of_another_version_spoils_nothing() -> None:
    sight = Sight()
    for at_s in (0.0, 4.0):
        sight.add(AT_MS, at_s, {"a": {"accounts": {"shop": {}}, "carriers": {"alpha": {}}}})
    assert rate(sight.now, "in", everything) == 0.0
