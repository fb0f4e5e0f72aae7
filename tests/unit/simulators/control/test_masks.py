"""Passwords in settings are masks on the way out, and masks mean the kept password on the way in."""

from __future__ import annotations

import pytest

from simulators.carrier.settings import CarrierSettings, Outbind
from simulators.control.masks import MASK, masked, unmasked
from simulators.scenario import parse_changes, show_settings

_SETTINGS = CarrierSettings(accounts={"shop": "geheim"}, outbinds=(Outbind(2775, password="secret"), Outbind(2776)))


def test_no_password_is_shown_and_nothing_else_is_hidden() -> None:
    shown = masked(show_settings(_SETTINGS))
    assert "geheim" not in str(shown)
    assert "secret" not in str(shown)
    assert shown["accounts"] == {"shop": MASK}
    assert shown["outbind"][1]["password"] == ""
    assert masked(show_settings(CarrierSettings()))["accounts"] == "any"


def test_what_was_shown_can_be_sent_back() -> None:
    changes = unmasked(masked(show_settings(_SETTINGS)), _SETTINGS)
    assert changes["accounts"] == {"shop": "geheim"}
    assert parse_changes(changes)["outbinds"] == _SETTINGS.outbinds


def test_new_passwords_are_taken_and_masks_of_new_accounts_refused() -> None:
    assert unmasked({"accounts": {"shop": MASK, "new": "pw"}}, _SETTINGS)["accounts"] == {"shop": "geheim", "new": "pw"}
    with pytest.raises(ValueError, match=r"accounts\.new"):
        unmasked({"accounts": {"new": MASK}}, _SETTINGS)
    with pytest.raises(ValueError, match=r"outbind\[0\]\.password"):
        unmasked({"outbind": [{"port": 9, "password": MASK}]}, _SETTINGS)
