"""One turn of the event loop: everything written in it leaves in one write for each connection.

``Turn`` also is where waiting happens: ``wait_for`` looks at its condition at the end of each
turn in which something happened, so nothing polls and nothing sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Flushable(Protocol):
    """Something with buffered output."""

    def flush(self) -> None:
        """Hand over what is buffered."""


class Turn:
    """Collects who has something to write; belongs to one event loop, at the latest after ``bind``."""

    __slots__ = ("_armed", "_dirty", "_loop", "_waiters", "at_end")

    _loop: asyncio.AbstractEventLoop

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if loop is not None:
            self._loop = loop
        self._dirty: list[Flushable] = []
        self._armed = False
        self._waiters: list[asyncio.Future[None]] = []
        #: Called at the end of each turn, after the connections were flushed.
        self.at_end: list[Callable[[], None]] = []

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say which loop it is, for one made before there was any."""
        self._loop = loop

    def dirty(self, output: Flushable) -> None:
        """Flush ``output`` at the end of this turn; call it once for each turn."""
        self._dirty.append(output)
        if not self._armed:
            self._armed = True
            self._loop.call_soon(self._end)

    def touch(self) -> None:
        """Something happened that a waiter may look for."""
        if not self._armed and (self._waiters or self.at_end):
            self._armed = True
            self._loop.call_soon(self._end)

    async def wait_for(self, condition: Callable[[], object], deadline_s: float, what: str = "") -> None:
        """Return once ``condition()`` is true; raises TimeoutError after ``deadline_s`` seconds."""
        end_s = self._loop.time() + deadline_s
        while not condition():
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            try:
                async with asyncio.timeout_at(end_s):
                    await waiter
            except TimeoutError:
                if condition():
                    return
                raise TimeoutError(f"{what or 'the condition'} did not come true in {deadline_s:g} s") from None

    def _end(self) -> None:
        self._armed = False
        dirty, self._dirty = self._dirty, []
        for output in dirty:
            output.flush()
        for hook in list(self.at_end):
            hook()
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
