"""Whether changed settings can be: that the field exists, may change, and holds what it should.

Shares that add up to too much, and what a number means to a recipient, is ``behaviour``'s to check.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from simulators.carrier.settings import BIND_KINDS, FIXED, LONG_FORMS, CarrierSettings
from smsgw.documents.names import with_hint
from smsgw.errors import LocalError
from smsgw.smpp.alphabet import choose_coding
from smsgw.smpp.segments import split_udh

_SHARES = frozenset({
    "never_answer", "answered_twice", "out_of_order", "drop_before", "drop_after", "half_open", "malformed", "unknown",
    "early", "duplicate", "contradict", "intermediate", "other_bind",
})  # fmt: skip
_AT_LEAST_ONE = frozenset({"receipt_window", "receipt_tries"})
#: SMPP 3.4 §5.2.1 and §5.2.2, without their NUL.
_SYSTEM_ID, _PASSWORD = 15, 8
_RATED = ("bind", "account", "address")


def changed(settings: CarrierSettings, fields: Mapping[str, object]) -> CarrierSettings:
    """The settings with these fields changed. Raises ValueError naming the field that can't be so."""
    types_of = _types()
    for name, value in fields.items():
        if name not in types_of:
            raise ValueError(with_hint(f"{name}: no such setting", name, types_of))
        if name in FIXED:
            raise ValueError(f"{name}: can't change while the carrier runs; start it anew")
        if not _fits(value, types_of[name]):
            raise ValueError(f"{name}: expected {_word_for(types_of[name])}, not {value!r}")
        _check_value(name, value)
    return dataclasses.replace(settings, **typing.cast(dict[str, Any], dict(fields)))


def check_texts(settings: CarrierSettings) -> None:
    """Raises ValueError naming the text that no PDU has room for."""
    texts = [("smsc_id", settings.smsc_id, _SYSTEM_ID)]
    for outbind in settings.outbinds:
        texts += [
            ("outbinds: system_id", outbind.system_id, _SYSTEM_ID),
            ("outbinds: password", outbind.password, _PASSWORD),
        ]
    for name, text, most in texts:
        octets = text.encode()
        if len(octets) > most or 0 in octets:
            raise ValueError(f"{name}: expected at most {most} octets without NUL, not {text!r}")
    for reply in settings.replies:
        try:
            split_udh(reply, choose_coding(reply), 0)
        except LocalError as error:
            raise ValueError(f"replies: {reply[:20]!r}… can't be sent: {error}") from None


def _check_value(name: str, value: object) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool) and name != "zone_hours":
        least = 1 if name in _AT_LEAST_ONE else 0
        if not value >= least:
            raise ValueError(f"{name}: expected at least {least}, not {value}")
        if name in _SHARES and value > 1:
            raise ValueError(f"{name}: expected a share of 0 to 1, not {value}")
    for field, valid in (("bind_kinds", BIND_KINDS), ("long_forms", LONG_FORMS)):
        if name == field:
            for each in sorted(typing.cast(frozenset[str], value) - valid):
                raise ValueError(with_hint(f"{name}: there is no {each!r}", each, valid))
    if name == "tps_per" and value not in _RATED:
        raise ValueError(with_hint(f"{name}: a rate can't be per {value!r}", value, _RATED))


@functools.cache
def _types() -> dict[str, Any]:
    return typing.get_type_hints(CarrierSettings)


def _fits(value: object, wanted: Any) -> bool:
    """Whether a value is of this type; of what is within a container only the container is looked at."""
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in typing.get_args(wanted))
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or wanted)


def _word_for(wanted: Any) -> str:
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        return " or ".join(_word_for(each) for each in typing.get_args(wanted))
    kind = typing.get_origin(wanted) or wanted
    return "nothing" if kind is type(None) else str(kind.__name__)
