"""Receipts that don't come, and receipts that nobody waits for: how many, for each carrier.

Owns reading the store's tallies now and then, and dropping what is too old to be waited for. The tallies themselves
are kept by the scripts, so they hold over restarts and for all processes; what is dropped is counted by the one process
that drops it. Memory is bounded by the minutes in which something is missing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.store.correlation import BUCKET_S
from smsgw.store.tallies import Tallies

if TYPE_CHECKING:
    from smsgw.carrier.settings import CarrierSettings
    from smsgw.gateway.context import Context

PERIOD_S = 5.0


class Due(NamedTuple):
    """Of one carrier: messages whose last receipt is waited for, those overdue, and receipts whose message is."""

    open: int = 0
    overdue: int = 0
    parked: int = 0

    @property
    def shown(self) -> dict[str, object]:
        """For a status page."""
        return {f"receipts_{name}": count for name, count in self._asdict().items()}


class OverdueReceipts:
    """One for all carriers; ``run`` belongs in the application's task group."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tallies = Tallies(context.store)
        self._after_s: dict[str, float] = {}
        self.due: dict[str, Due] = {}

    def add(self, settings: CarrierSettings) -> None:
        """A carrier, or one whose settings have changed."""
        name = settings.name
        self._after_s[name] = settings.receipt_overdue_s
        metrics = self._context.metrics
        for what, help_text in _GAUGES.items():
            read = partial(self._read, name, what)
            metrics.gauge(f"smsgw_carrier_receipts_{what}_messages", help_text, {"carrier": name}, read)

    def of(self, carrier: str) -> Due:
        """As last read."""
        return self.due.get(carrier, Due())

    async def run(self) -> None:
        """Read them until cancelled."""
        while True:
            try:
                for name in tuple(self._after_s):
                    if name in self._context.pools:
                        await self.look(name)
                    else:
                        self.due.pop(name, None)
            except StoreError as error:
                self._context.log("store.away", {"while": "counting overdue receipts", "why": str(error)})
            await beat(PERIOD_S)

    async def look(self, name: str) -> None:
        """Read one carrier's. Raises StoreError."""
        now_s = self._context.clock.now_ms() / 1000
        settings = self._context.store.settings
        waiting = await self._tallies.read(name)
        late_s = now_s - self._after_s[name] - BUCKET_S
        before = self.due.get(name)
        self.due[name] = due = Due(
            sum(each.messages for each in waiting.values()),
            sum(each.messages for minute, each in waiting.items() if minute <= late_s),
            max(sum(each.receipts for each in waiting.values()), 0),
        )
        if due.overdue and (before is None or not before.overdue):
            self._context.log("carrier.receipts_overdue", {"carrier": name, "messages": due.overdue})
        never_s = now_s - settings.receipt_ttl_ms / 1000 - BUCKET_S
        orphan_s = now_s - settings.early_ttl_ms / 1000 - BUCKET_S
        if any(minute < orphan_s for minute in waiting):
            gone = await self._tallies.forget(name, never_s, orphan_s)
            counters = self._context.metrics.carrier(name)
            counters.receipts_never += gone.messages
            counters.receipts_orphan += max(gone.receipts, 0)
            if gone.receipts > 0:
                self._context.log("carrier.receipts_orphan", {"carrier": name, "receipts": gone.receipts})

    def _read(self, name: str, what: str) -> float:
        return float(getattr(self.of(name), what))


_GAUGES = {
    "open": "Messages that the carrier took and has not finally reported.",
    "overdue": "Those of them for longer than the carrier's receipt_overdue.",
    "parked": "Receipts kept until the answer that they overtook.",
}
