"""Passwords in settings: shown as a mask, and a mask that comes back means the one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.carrier.settings import CarrierSettings

MASK = "********"


def masked(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as ``show_settings`` gives them, with masks for the passwords of accounts and outbinds."""
    told = dict(shown)
    accounts, outbinds = shown.get("accounts"), shown.get("outbind", ())
    if isinstance(accounts, Mapping):
        told["accounts"] = dict.fromkeys(accounts, MASK)
    if outbinds:
        told["outbind"] = [{**each, "password": MASK} if each.get("password") else each for each in outbinds]
    return told


def unmasked(changes: Mapping[str, Any], current: CarrierSettings) -> dict[str, Any]:
    """Changes with the passwords that are there in place of masks.

    Raises ValueError naming what has a mask and is new.
    """
    meant = dict(changes)
    accounts, outbinds = changes.get("accounts"), changes.get("outbind")
    if isinstance(accounts, Mapping):
        known = current.accounts or {}
        meant["accounts"] = {each: _known(word, known.get(each), f"accounts.{each}") for each, word in accounts.items()}
    if isinstance(outbinds, list):
        ports = {outbind.port: outbind.password for outbind in current.outbinds}
        meant["outbind"] = [
            {**each, "password": _known(each["password"], ports.get(each["port"]), f"outbind[{number}].password")}
            if isinstance(each, Mapping) and {"password", "port"} <= each.keys()
            else each
            for number, each in enumerate(outbinds)
        ]
    return meant


def _known(given: object, kept: str | None, where: str) -> object:
    if given != MASK:
        return given
    if kept is None:
        raise ValueError(f"{where}: {MASK} stands for the password that is kept, and there is none yet; give it")
    return kept
