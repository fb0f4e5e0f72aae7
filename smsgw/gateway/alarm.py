"""One timer that is set again and again: it goes off at the earliest of the times that it was told, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: The loop's clock has milliseconds; waiting less would turn it round and round.
SHORTEST_WAIT_S = 0.001


class Alarm:
    """Calls ``call`` when a wait is over."""

    __slots__ = ("_at_s", "_call", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call = call
        # Not ``when()`` of the timer: for a wait below a millisecond uvloop gives a plain Handle, which has none.
        self._at_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def set(self, wait_s: float) -> None:
        """Go off in ``wait_s``, unless it goes off before that anyway."""
        wait_s = max(wait_s, SHORTEST_WAIT_S)
        at_s = self._loop.time() + wait_s
        if self._timer is not None:
            if self._at_s <= at_s:
                return
            self._timer.cancel()
        self._timer, self._at_s = self._loop.call_later(wait_s, self._off), at_s

    def _off(self) -> None:
        self._timer = None
        self._call()
