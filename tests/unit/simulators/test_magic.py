"""The table of magic recipients: every code, and that the printed table names them all."""

from __future__ import annotations

import pytest

from simulators.carrier.behaviour import Behaviour
from simulators.carrier.magic import ANSWERS, FAMILIES, FORMATS, NETWORK_CODES, RECEIPTS, REPLIES, table_text
from simulators.carrier.plan import Connection, Parts, Plan
from simulators.carrier.settings import CarrierSettings
from simulators.spread import Delay
from tests.unit.simulators.builders import plan_of


def _plan(code: int, prefix: str = "1990000", settings: CarrierSettings | None = None) -> Plan:
    return plan_of(Behaviour(settings or CarrierSettings()), f"{prefix}{code:04d}".encode())


def _stats(plan: Plan) -> list[str]:
    return [step.renderer.state.stat for step in plan.receipts]


@pytest.mark.parametrize("prefix", ["1990000", "861990000", "+861990000", "00861990000"])
def test_the_country_code_may_stand_in_front(prefix: str) -> None:
    assert _plan(2088, prefix).status == 0x58


@pytest.mark.parametrize("recipient", [b"8519900002088", b"119900002088", b"1990001 088", b"199000020", b"1990000208x"])
def test_other_numbers_are_not_magic(recipient: bytes) -> None:
    assert plan_of(Behaviour(CarrierSettings()), recipient).status == 0


def test_delivered_and_undelivered() -> None:
    assert _stats(_plan(0)) == ["DELIVRD"]
    undelivered = _plan(1069).receipts[0].renderer.state
    assert (undelivered.stat, undelivered.err) == ("UNDELIV", "069")


@pytest.mark.parametrize(("code", "status"), [(2008, 0x08), (2020, 0x14), (2088, 0x58), (2011, 0x0B), (2069, 0x45)])
def test_refused_by_status(code: int, status: int) -> None:
    plan = _plan(code)
    assert (plan.status, plan.receipts) == (status, ())


def test_accepted_with_an_empty_id() -> None:
    plan = _plan(2000)
    assert plan.status == 0
    assert plan.id_form is not None
    assert plan.id_form.octets(5) == b""


def test_refused_at_first() -> None:
    behaviour = Behaviour(CarrierSettings())
    assert [plan_of(behaviour, b"8619900003882").status for _ in range(4)] == [0x58, 0x58, 0, 0]


def test_mishaps_of_the_response() -> None:
    assert (_plan(4000).answers, _stats(_plan(4000))) == (0, [])
    assert (_plan(4001).answers, _stats(_plan(4001))) == (0, ["DELIVRD"])
    assert [_plan(code).wait.seconds(()) for code in (4002, 4003, 4004)] == [1, 5, 30]
    assert (_plan(4005).connection, _stats(_plan(4005))) == (Connection.DROP_BEFORE, [])
    assert (_plan(4006).connection, _stats(_plan(4006))) == (Connection.DROP_BEFORE, ["DELIVRD"])
    assert _plan(4007).connection is Connection.DROP_AFTER
    assert _plan(4008).connection is Connection.HALF_OPEN
    assert (_plan(4010).nack, _plan(4010).status) == (True, 0x08)
    assert _plan(4011).answers == 2
    behaviour = Behaviour(CarrierSettings())
    twice = [plan_of(behaviour, b"19900004009").connection for _ in range(2)]
    assert twice == [Connection.DROP_BEFORE, Connection.KEEP]


def test_when_and_how_often_the_receipt_comes() -> None:
    early = _plan(4100)
    assert early.receipts[0].early
    assert early.wait.seconds(()) >= 0.2
    assert not early.plain
    assert [_stats(_plan(code)) for code in range(4101, 4107)] == [
        ["DELIVRD", "DELIVRD"],
        ["DELIVRD", "UNDELIV"],
        ["UNDELIV", "DELIVRD"],
        ["ENROUTE", "DELIVRD"],
        ["DELIVRD", "ENROUTE"],
        [],
    ]
    assert _plan(4107).receipts[0].after.seconds(()) == 3
    assert _plan(4109).receipts[0].other_bind
    assert (_plan(4110).parts, _plan(4111).parts) == (Parts.FIRST, Parts.LAST)


def test_formats_states_replies_and_network_codes() -> None:
    assert _plan(4200).receipts[0].renderer.style.id_form is not None
    assert not _plan(4204).receipts[0].renderer.style.tlvs
    assert _plan(4206).receipts[0].renderer.style.quoted
    assert _stats(_plan(4303)) == ["EXPIRED"]
    assert [_plan(4400 + number).replies for number in (0, 1, 2)] == [("ＴＤ",), ("退订",), ("STOP",)]
    assert _stats(_plan(4502)) == ["DB:0144"]


def test_usual_delays_are_taken_over() -> None:
    settings = CarrierSettings(response=Delay.parse("10ms"), receipt=Delay.parse("70ms"))
    plan = _plan(4303, settings=settings)
    assert (plan.wait.seconds(()), plan.receipts[0].after.seconds(())) == (0.01, 0.07)


@pytest.mark.parametrize("code", [5000, 9999, 4099, 4299, 4300, 4309, 4499, 4599, 4600])
def test_codes_without_a_meaning_are_ordinary(code: int) -> None:
    plan = _plan(code, settings=CarrierSettings(refuse=((0x0A, 1.0),)))
    assert plan.status == 0x0A


def test_compiled_receipts_do_not_pile_up() -> None:
    behaviour = Behaviour(CarrierSettings())
    first = plan_of(behaviour, b"19900001013").receipts[0].renderer
    assert all(plan_of(behaviour, b"19900001013").receipts[0].renderer is first for _ in range(3))


def test_another_prefix_and_none() -> None:
    assert plan_of(Behaviour(CarrierSettings(magic_prefix="1780000")), b"17800002088").status == 0x58
    assert plan_of(Behaviour(CarrierSettings(magic_prefix="")), b"19900002088").status == 0
    with pytest.raises(ValueError, match="digits"):
        Behaviour(CarrierSettings(magic_prefix="19x"))


def test_the_printed_table_names_every_code() -> None:
    text = table_text("1990000")
    for base, table in ((4000, ANSWERS), (4100, RECEIPTS), (4200, FORMATS), (4400, REPLIES), (4500, NETWORK_CODES)):
        for key in table:
            assert f"      {base + key}  " in text
    assert all(summary in text for _, _, summary, _ in FAMILIES)
