"""What became of the carrier's connections: binds taken and refused, unbinds, and connections that went without."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from simulators.clock import SimClock
from simulators.entry import Entry

if TYPE_CHECKING:
    from simulators.carrier.link import CarrierLink


class History:
    """Keeps the last ``record`` of them; 0 keeps all."""

    def __init__(self, where: str, record: int, clock: SimClock) -> None:
        self._where = where
        self._record = record
        self._clock = clock
        self.entries: list[Entry] = []
        #: How many were not kept.
        self.forgotten = 0

    def keep(self, record: int) -> None:
        """Keep so many from now on."""
        self._record = record

    def reset(self) -> None:
        """Forget all, for good."""
        self.entries.clear()
        self.forgotten = 0

    def note(self, kind: str, link: CarrierLink, account: str, status: int | None = None, fate: str = "") -> None:
        """One of them happened now."""
        entry = Entry(
            kind,
            self._where,
            self._clock.now_ms(),
            time.monotonic(),
            account=account,
            bind=link.number,
            status=status,
            fate=fate,
        )
        self.entries.append(entry)
        if self._record and len(self.entries) >= 2 * self._record:
            self.forgotten += len(self.entries) - self._record
            del self.entries[: -self._record]
