"""Passwords in settings: shown as a mask, and a mask that comes back means the one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.carrier.settings import CarrierSettings

MASK = "********"


def masked(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as ``show_settings`` gives them, with masks for the passwords of ``accounts``."""
    accounts = shown.get("accounts")
    if not isinstance(accounts, Mapping):
        return dict(shown)
    return {**shown, "accounts": dict.fromkeys(accounts, MASK)}


def unmasked(changes: Mapping[str, Any], current: CarrierSettings) -> dict[str, Any]:
    """Changes with the passwords that are there in place of masks.

    Raises ValueError naming an account that has a mask and is new.
    """
    accounts = changes.get("accounts")
    if not isinstance(accounts, Mapping):
        return dict(changes)
    known = current.accounts or {}
    for system_id, password in accounts.items():
        if password == MASK and system_id not in known:
            raise ValueError(
                f"accounts.{system_id}: {MASK} stands for the password that is kept, and there is none yet"
            )
    return {**changes, "accounts": {each: known[each] if word == MASK else word for each, word in accounts.items()}}
