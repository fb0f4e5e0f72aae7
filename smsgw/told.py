"""Events of any room of a running gateway: into the log and the counters.

Owns: which events are rare enough to be told each time; of the others the same one again within a minute is counted.
A bind that we ended ourselves, or that went to another process, is none that was lost.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smsgw.telemetry.logs import EventLog
from smsgw.telemetry.repeats import Repeats

if TYPE_CHECKING:
    from smsgw.app import App

_log = EventLog("smsgw.app")


class Teller:
    """One per process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._repeats = Repeats()

    def told(self, event: str, fields: dict[str, object]) -> None:
        """An event of any room; the same one again within a minute is only counted."""
        account = fields.get("account")
        # Names that strangers make up are one name: else each would have a line of its own.
        known = account if account in self._app.site.accounts else ""
        key = (event, fields.get("carrier"), known, fields.get("bind"), fields.get("while"))
        self._count(event, fields)
        if event in _ALWAYS_TOLD or fields.get("by_us"):
            _log.event(event, **fields)
        else:
            _log.repeated(self._repeats, key, time.monotonic(), event, **fields)

    def _count(self, event: str, fields: dict[str, object]) -> None:
        if event == "esme.bound":
            self._app.metrics.account(str(fields["account"])).binds_accepted += 1
        elif event == "esme.bind_refused" and fields["account"] in self._app.site.accounts:
            self._app.metrics.account(str(fields["account"])).binds_refused[int(str(fields["status"]), 16)] += 1
        elif event == "carrier.bound":
            self._app.metrics.carrier(str(fields["carrier"])).binds_opened += 1
        elif event == "carrier.bind_refused":
            self._app.metrics.carrier(str(fields["carrier"])).binds_refused[int(str(fields["code"]))] += 1
        elif event == "carrier.unbound" and not fields.get("by_us"):
            self._app.metrics.carrier(str(fields["carrier"])).binds_lost += 1


#: Rare and each of its own interest.
_ALWAYS_TOLD = frozenset(
    (
        # Rare by nature: breakers don't flap, and who moves messages sums up what moved.
        "carrier.breaker_open", "carrier.breaker_half_open", "carrier.breaker_closed", "carrier.switched",
        "signature.paused",
        "carrier.ordered", "carrier.resumed", "carrier.drained", "queue.ordered", "carrier.handed_over",
        "esme.bound", "esme.unbound", "carrier.bound", "carrier.approved", "carrier.not_approved", "optout.recorded",
        "optout.withdrawn", "complaint.recorded", "dead_number.learnt", "blacklist.learnt", "register.in_force",
        "node.others", "node.taken_over",
    )
)  # fmt: skip
