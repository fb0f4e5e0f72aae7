"""All binds of one carrier: which one to use next, and whether the carrier is there at all.

Owns: the binds, the carrier's rate and its whole-link back-off. A message is picked for a bind by
the gateway; the pool only says whether there is room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from smsgw.carrier.bind import Bind
from smsgw.carrier.settings import CarrierSettings
from smsgw.policy.shaping import Throttle

if TYPE_CHECKING:
    from smsgw.link.ticker import Ticker
    from smsgw.policy.retry import Backoff


class Dispatch(Protocol):
    """What a pool hands to the gateway."""

    def answered(self, pool: Pool, bind: Bind, flight: object, command_status: int, raw: bytes) -> None:
        """A request of ours was answered."""

    def unknown(self, pool: Pool, bind: Bind, flights: list[object], why: str) -> None:
        """Requests of ours have no answer and won't get one."""

    def inbound(self, pool: Pool, bind: Bind, command_id: int, raw: bytes, sequence_number: int) -> None:
        """deliver_sm or data_sm of the carrier."""

    def changed(self, pool: Pool, bind: Bind) -> None:
        """A bind came up, went down or can be written to again."""

    def told(self, event: str, fields: dict[str, object]) -> None:
        """Something for the log."""


class Pool:
    """The binds of one carrier; ``run`` keeps them up."""

    def __init__(
        self,
        settings: CarrierSettings,
        dispatch: Dispatch,
        ticker: Ticker,
        make_backoff: Callable[[CarrierSettings], Backoff],
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self._dispatch = dispatch
        self.throttle = Throttle(settings.rate_per_s, settings.burst)
        self.binds = [
            Bind(settings, kind, number, self, ticker, make_backoff(settings))
            for number, kind in enumerate(settings.binds)
        ]
        #: Loop time since which no bind transmits; None while one does. Set at start, so that a carrier
        #: that never came up counts as down from the start.
        self.down_since_s: float | None = 0.0

    async def run(self) -> None:
        """Keep every bind up until ``stop``."""
        self.down_since_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for bind in self.binds:
                group.create_task(bind.run(), name=f"bind {self.name}#{bind.number}")

    def stop(self) -> None:
        """Unbind everything."""
        for bind in self.binds:
            bind.stop()

    @property
    def up(self) -> bool:
        """True while at least one bind can transmit."""
        return self.down_since_s is None

    def pick(self) -> Bind | None:
        """The transmitting bind with most room in its window, None when none has any."""
        best: Bind | None = None
        most = 0
        for bind in self.binds:
            if bind.transmits:
                free = bind.free
                if free > most:
                    best, most = bind, free
        return best

    @property
    def in_flight(self) -> int:
        """Requests of ours that are unanswered, over all binds."""
        return sum(bind.in_flight for bind in self.binds)

    # -- Handler of the binds

    def answered(self, bind: Bind, flight: object, command_status: int, raw: bytes) -> None:
        self._dispatch.answered(self, bind, flight, command_status, raw)

    def unknown(self, bind: Bind, flights: list[object], why: str) -> None:
        self._dispatch.unknown(self, bind, flights, why)

    def inbound(self, bind: Bind, command_id: int, raw: bytes, sequence_number: int) -> None:
        self._dispatch.inbound(self, bind, command_id, raw, sequence_number)

    def changed(self, bind: Bind) -> None:
        transmits = any(each.up and each.transmits for each in self.binds)
        if transmits:
            self.down_since_s = None
        elif self.down_since_s is None:
            self.down_since_s = asyncio.get_running_loop().time()
        self._dispatch.changed(self, bind)

    def told(self, event: str, fields: dict[str, object]) -> None:
        self._dispatch.told(event, fields)
