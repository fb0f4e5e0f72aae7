"""The beat of a process: what it does by the clock is done at common moments, so that it wakes once for all of it.

Owns the moments: multiples of a period on the loop's time, shifted by what each process draws, for the processes of a
machine shall not all wake at once. Never owns what is done then, nor any timeout. Waking costs more than most of what
is done by the clock, so what an idle process costs is how often it wakes.
"""

from __future__ import annotations

import asyncio
from random import random
from typing import Final

_SHIFT_S: Final = random()


def beat_in_s(period_s: float) -> float:
    """Seconds until the next moment of this period that is at least half a period away; below one and a half."""
    wait_s = period_s - (asyncio.get_running_loop().time() - _SHIFT_S) % period_s
    # Timers have milliseconds: one that goes off a little early shall not do so again at once.
    return wait_s if wait_s >= period_s / 2 else wait_s + period_s


async def beat(period_s: float) -> None:
    """Sleep until then."""
    await asyncio.sleep(beat_in_s(period_s))
