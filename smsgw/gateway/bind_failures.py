"""Why binds to carriers are not up: what became of the last attempt of each, for people who look.

Owns: the words, made of the events that binds tell. An entry goes when its bind is up. Never decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping

_REFUSED, _FAILED, _UNBOUND = "carrier.bind_refused", "carrier.connect_failed", "carrier.unbound"


class BindFailures:
    """Hand it every event; ``why`` says what came of the last attempt of a bind, empty for one that never failed."""

    __slots__ = ("_last", "_refused")

    def __init__(self) -> None:
        self._last: dict[tuple[object, object], str] = {}
        self._refused: dict[tuple[object, object], str] = {}

    def told(self, event: str, fields: Mapping[str, object]) -> None:
        """An event of a bind, as it is logged; all others are nobody's business here."""
        bind = (fields.get("carrier"), fields.get("bind"))
        if event == "carrier.bound":
            self._last.pop(bind, None)
            self._refused.pop(bind, None)
        elif event == _REFUSED:
            again = ", next try within 5m" if fields["permanent"] else ""
            if fields["permanent"]:
                self._refused[bind] = str(fields["status"])
            else:
                self._refused.pop(bind, None)
            self._last[bind] = f"refused with {fields['status']}{again}"
        elif event in (_FAILED, _UNBOUND):
            self._last[bind] = str(fields["reason"])

    def why(self, carrier: str, kind: str, number: int) -> str:
        """Of one bind."""
        return self._last.get((carrier, f"{kind}#{number}"), "")

    def refused_for_good(self, carrier: str, kind: str, number: int) -> str:
        """The status with which the carrier refuses a bind, where trying again does not mend that; else empty."""
        return self._refused.get((carrier, f"{kind}#{number}"), "")
