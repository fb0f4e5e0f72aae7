"""Waiting for a condition that costs something to look at, without slowing what it waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_SHORTEST_S = 0.005
_LONGEST_S = 1.0
#: Looking takes about a fifth of the time.
_SHARE = 4


async def wait_until(
    holds: Callable[[], Awaitable[bool]],
    timeout_s: float,
    closing: asyncio.Event,
    nobody_waits: Callable[[], Awaitable[bool]],
) -> bool:
    """True once ``holds()``; False after ``timeout_s`` seconds, or when ``closing`` is set or ``nobody_waits()``.

    The longer a look takes, the rarer it is.
    """
    end_s = time.monotonic() + timeout_s
    while True:
        before_s = time.monotonic()
        if await holds():
            return True
        now_s = time.monotonic()
        if now_s >= end_s or closing.is_set() or await nobody_waits():
            return False
        pause_s = min(max((now_s - before_s) * _SHARE, _SHORTEST_S), _LONGEST_S, end_s - now_s)
        try:
            async with asyncio.timeout(pause_s):
                await closing.wait()
        except TimeoutError:
            continue
