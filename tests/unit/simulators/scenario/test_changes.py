"""Settings of a running carrier as the tables of a file, both ways."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from simulators.carrier.settings import (
    BEHAVIOUR,
    FIXED,
    CarrierSettings,
    Match,
    Rule,
)
from simulators.scenario import parse_changes, show_settings
from simulators.scenario.behaviour_tables import tables_of
from simulators.scenario.kinds import parse_status
from simulators.scenario.tables import CarrierTable, ChangesTable
from simulators.spread import Delay
from smsgw.documents.problems import ConfigErrors
from tests.unit.simulators.scenario.strategies import behaviours, carriers


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(carriers())
def test_what_is_shown_is_what_is_read(made: CarrierSettings) -> None:
    again = parse_changes(show_settings(made))
    assert CarrierSettings(**again) == made


@settings(max_examples=40)
@given(behaviours())
def test_behaviour_of_rules_is_shown_and_read(changes: dict[str, Any]) -> None:
    made = CarrierSettings(rules=(Rule(Match(recipients=("138*",), every=2), changes, "named"),))
    assert parse_changes(show_settings(made))["rules"] == made.rules


def _fields_of(model: type[ChangesTable]) -> set[str]:
    found = set(model.model_fields)
    for _, table in tables_of(model):
        found |= set(table.model_fields)
    return found


def test_every_setting_has_a_key() -> None:
    known = _fields_of(CarrierTable) | {"rest_state", "rest_style", "rules", "outbinds", "tls", "seed"}
    assert {field.name for field in fields(CarrierSettings)} - known == set()


def test_what_can_not_change_has_none() -> None:
    assert FIXED & _fields_of(ChangesTable) == set()


def test_a_part_says_only_what_it_says() -> None:
    assert parse_changes({"answers": {"delay": "20ms"}, "receipts": {"early": 0.5}}) == {
        "response": Delay.parse("20ms"),
        "early": 0.5,
    }
    assert parse_changes({"accounts": "any"}) == {"accounts": None}
    assert parse_changes({"ids": {"receipt": "same"}}) == {"receipt_id": None}
    assert parse_changes({"answers": {"refuse": {}}}) == {"refuse": ()}


def test_errors_have_key_and_hint() -> None:
    with pytest.raises(ConfigErrors) as raised:
        parse_changes({"answrs": {}, "limits": {"window": -1}, "port": 5})
    told = {error.key: error.why for error in raised.value.errors}
    assert told.keys() == {"answrs", "limits.window", "port"}
    assert "did you mean 'answers'?" in told["answrs"]


def test_a_status_is_a_number_or_a_name() -> None:
    assert [parse_status(each) for each in (88, "0x58", "88", "ESME_RTHROTTLED")] == [88] * 4
    for wrong in (-1, "ESME_", True, None, 1 << 32):
        with pytest.raises(ValueError, match="status"):
            parse_status(wrong)


def test_the_strategies_reach_every_behaviour() -> None:
    from tests.unit.simulators.scenario.strategies import BEHAVIOUR_VALUES

    assert BEHAVIOUR_VALUES.keys() == BEHAVIOUR


def test_a_rest_for_which_nothing_is_left_is_not_shown() -> None:
    halves = CarrierSettings(**parse_changes({"receipts": {"states": "DELIVRD:50%,UNDELIV/012:50%"}}))
    assert show_settings(halves)["receipts"]["states"] == "DELIVRD:50%, UNDELIV/012:50%"
    less = CarrierSettings(**parse_changes({"receipts": {"states": "UNDELIV/012:50%"}}))
    assert show_settings(less)["receipts"]["states"] == "UNDELIV/012:50%, DELIVRD"
