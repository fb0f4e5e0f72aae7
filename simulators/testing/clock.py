"""The simulation's business time as tests move it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from simulators.clock import SimClock
from simulators.testing.loop import LoopThread
from smsgw.documents.units import parse_duration


class ClockHandle:
    """Receipts' delays, time lines and hours follow it; timeouts, rates and answers' delays don't."""

    def __init__(self, loop: LoopThread, clock: SimClock, push: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._loop = loop
        self._clock = clock
        #: Tells the gateways that follow it.
        self._push = push

    @property
    def now(self) -> datetime:
        """An aware datetime in UTC."""
        return self._clock.now()

    def set(self, at: datetime | str) -> None:
        """Make it ``at`` (a datetime with a zone, or ISO 8601). Raises ValueError without a zone."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        self._loop.run(self._move(lambda: self._clock.set(moment)))

    def advance(self, by: float | str | timedelta) -> None:
        """Jump ahead by seconds, by a timedelta, or by text such as "2h"; what is due on the way is done."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else parse_duration(by) if isinstance(by, str) else by
        self._loop.run(self._move(lambda: self._clock.advance(seconds)))

    def run_at(self, rate: float) -> None:
        """Go on at so many seconds a second; 0 stands still."""
        self._loop.run(self._move(lambda: self._clock.run_at(rate)))

    async def _move(self, move: Callable[[], None]) -> None:
        move()
        await self._push()
