"""Which changes of a running carrier's settings are taken."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from simulators.carrier.checks import changed
from simulators.carrier.settings import FIXED, CarrierSettings, Match, Outbind, Rule
from simulators.carrier.sim import CarrierSim
from simulators.spread import Delay

_DEFAULTS = CarrierSettings()
_FREE = sorted({field.name for field in dataclasses.fields(CarrierSettings)} - FIXED)


@pytest.mark.parametrize("name", _FREE)
def test_every_field_that_may_change_takes_its_own_default(name: str) -> None:
    assert changed(_DEFAULTS, {name: getattr(_DEFAULTS, name)}) == _DEFAULTS


@pytest.mark.parametrize("name", _FREE)
def test_no_field_takes_what_it_can_not_hold(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: expected "):
        changed(_DEFAULTS, {name: object()})


@pytest.mark.parametrize("name", sorted(FIXED))
def test_fixed_fields_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: can't change while the carrier runs"):
        changed(_DEFAULTS, {name: getattr(_DEFAULTS, name)})


def test_several_at_once() -> None:
    settings = changed(_DEFAULTS, {"tps": 5, "accounts": {"shop": "x"}, "outbinds": (Outbind(1),), "early": 0.5})
    assert (settings.tps, settings.accounts, settings.outbinds, settings.early) == (
        5,
        {"shop": "x"},
        (Outbind(1),),
        0.5,
    )
    assert changed(settings, {"accounts": None, "response": Delay()}).accounts is None
    with pytest.raises(ValueError, match="zone_hour: no such setting; did you mean 'zone_hours'"):
        changed(settings, {"zone_hour": 8.0})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"smsc_id": "x" * 16}, "smsc_id: expected at most 15 octets"),
        ({"smsc_id": "\0"}, "smsc_id: expected at most 15 octets without NUL"),
        ({"outbinds": (Outbind(1, system_id="移" * 6),)}, "outbinds: system_id: expected at most 15"),
        ({"outbinds": (Outbind(1, password="123456789"),)}, "outbinds: password: expected at most 8"),
        ({"replies": ("x" * 50_000,)}, "replies: 'xxx.*can't be sent"),
        ({"rules": (Rule(Match(), {"replies": ("x" * 50_000,)}),)}, "rules: rule 1: replies: 'xxx.*can't be sent"),
    ],
)
def test_texts_that_no_pdu_has_room_for(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        CarrierSim(dataclasses.replace(_DEFAULTS, **fields))
    sim = CarrierSim()
    with pytest.raises(ValueError, match=why):
        sim.change(**fields)
    assert sim.settings == _DEFAULTS
