"""The kinds of alarms: what each measures, of what, which way is bad, and when it rings unless a site says otherwise.

Owns: names, labels and defaults. Thresholds are shares (0.8 is 80 %), seconds, days, counts or multiples, as ``unit``
says. A kind may be of several things at once: delivery of a carrier, and of a carrier in a province.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Unit: TypeAlias = Literal["share", "seconds", "messages", "days", "times", "binds"]
Severity: TypeAlias = Literal["page", "ticket"]
Action: TypeAlias = Literal["", "pause template", "suspend carrier"]
PAUSE_TEMPLATE: Final = "pause template"
SUSPEND_CARRIER: Final = "suspend carrier"
#: What an action is about.
LABEL_OF: Final[Mapping[str, str]] = {PAUSE_TEMPLATE: "template", SUSPEND_CARRIER: "carrier"}
SEVERITIES: Final = ("ticket", "page")
"""The lower first."""

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Kind:
    """``below``: it rings below the threshold, else above. ``scopes``: the labels that its alarms may have.

    ``clear``: where it is over; between the two it stays as it is. ``minimum``: of so many messages, fewer say nothing.
    ``window_s`` 0: it is about now. ``for_s`` and ``clear_for_s``: so long it must be bad, or good, without a break.
    """

    name: str
    unit: Unit
    scopes: tuple[tuple[str, ...], ...]
    threshold: float
    clear: float
    below: bool = False
    minimum: int = 0
    window_s: float = 0.0
    for_s: float = 0.0
    clear_for_s: float = _MINUTE
    severity: Severity = "ticket"
    repeat_s: float = 4 * _HOUR

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that one of its alarms may have."""
        return tuple(dict.fromkeys(label for scope in self.scopes for label in scope))

    def can(self, action: str, only: Mapping[str, str]) -> bool:
        """Whether an action fits all alarms that have these labels: what is so in one province is no carrier's end."""
        label = LABEL_OF[action]
        scopes = [scope for scope in self.scopes if set(only) <= set(scope)]
        return any(label in scope for scope in scopes) and "province" not in only


_ALL: Final = (
    Kind("delivery_low", "share", (("carrier",), ("carrier", "province")), 0.8, 0.85, True, 100, 15 * _MINUTE,
         5 * _MINUTE, 5 * _MINUTE, "page", _HOUR),
    Kind("sending_slow", "seconds", (("carrier",),), 2.0, 1.5, False, 20, 5 * _MINUTE, 5 * _MINUTE, 5 * _MINUTE),
    Kind("codes_late", "seconds", (("carrier",),), 10.0, 5.0, for_s=_MINUTE, severity="page", repeat_s=_HOUR),
    Kind("queue_growing", "messages", (("carrier", "class"),), 1000.0, 500.0, False, 0, 10 * _MINUTE, 5 * _MINUTE),
    Kind("receipts_overdue", "messages", (("carrier",),), 50.0, 25.0, for_s=5 * _MINUTE, clear_for_s=5 * _MINUTE),
    Kind("complaints", "messages", (("account",), ("account", "template")), 5.0, 3.0, window_s=_DAY,
         severity="page", repeat_s=_DAY),
    Kind("unsubscribe_rate", "share", (("account", "template"),), 0.03, 0.02, False, 200, _DAY, repeat_s=_DAY),
    Kind("traffic_high", "times", (("account",),), 3.0, 2.0, False, 1000, _HOUR, 10 * _MINUTE, 10 * _MINUTE),
    Kind("traffic_low", "times", (("account",),), 0.2, 0.4, True, 1000, _HOUR, 10 * _MINUTE, 10 * _MINUTE),
    Kind("carrier_refused", "binds", (("carrier", "status"),), 0.0, 0.0, severity="page", repeat_s=_HOUR),
    Kind("licence_ending", "days", (("of", "name"),), 30.0, 31.0, True, clear_for_s=0.0, repeat_s=7 * _DAY),
    Kind("calendar_ending", "days", (("year",),), 92.0, 93.0, True, clear_for_s=0.0, repeat_s=7 * _DAY),
    Kind("store_memory", "share", ((),), 0.8, 0.75, for_s=5 * _MINUTE, severity="page", repeat_s=_HOUR),
    Kind("gateway_silent", "seconds", (("gateway",),), 60.0, 30.0, clear_for_s=0.0, severity="page", repeat_s=_HOUR),
    Kind("records_late", "seconds", ((),), 900.0, 300.0, repeat_s=_DAY),
    Kind("channel_failing", "seconds", (("channel",),), 600.0, 60.0, clear_for_s=0.0, repeat_s=_DAY),
)  # fmt: skip
KINDS: Final[Mapping[str, Kind]] = {each.name: each for each in _ALL}
#: Kinds made of records; all others of what gateways and the store say now.
OF_RECORDS: Final = frozenset(("delivery_low", "complaints", "unsubscribe_rate", "traffic_high", "traffic_low"))
