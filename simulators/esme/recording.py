"""``--capture``: what a command says and hears goes to a file, until its connections are closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from simulators.capture.tap import CaptureTap
from simulators.clock import SimClock
from simulators.tap import Tap

#: A connection that is closed is gone some turns of the loop later.
_TURNS = 100


@asynccontextmanager
async def recording(
    path: str | None, attach: Callable[[Tap], object], clock: SimClock | None = None
) -> AsyncIterator[None]:
    """Around the time in which there are connections; None records nothing. Raises CaptureError."""
    if path is None:
        yield
        return
    tap = CaptureTap(path, clock or SimClock())
    attach(tap)
    try:
        yield
        for _ in range(_TURNS):
            if not tap.connections:
                break
            await asyncio.sleep(0)
    finally:
        tap.close()
