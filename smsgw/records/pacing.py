"""Short turns for a child that others must not notice.

Owns: when a child runs and when it stands. Being nice is not enough on a machine of few cores: whoever wakes may wait
for a tick of the kernel's clock (4 ms where it ticks 250 times a second), and caches are shared whatever the weights
are. So while the others leave too little idle, the child runs in turns with long breaks, by SIGSTOP and SIGCONT.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

TURN_S: Final = 0.003
BREAK_S: Final = 0.03
LOOK_S: Final = 0.25
"""How often it is looked at what the others use: coarser than the kernel's accounts, which count in hundredths."""
ROOM_CORES: Final = 1.5
"""What must be idle besides the child, or without it, for it to run freely: a core of its own and half a one."""
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_STAT: Final = Path("/proc/stat")


class Spent(NamedTuple):
    """The machine's accounts at a moment, all in seconds."""

    at: float
    idle: float
    own: float


@asynccontextmanager
async def paced(pid: int) -> AsyncIterator[None]:
    """While this lasts the child ``pid`` makes way for others; then it runs. Where there is no /proc it always does."""
    if not _STAT.exists():
        yield
        return
    task = asyncio.create_task(_pace(pid))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _pace(pid: int) -> None:
    cores = os.cpu_count() or 1
    with contextlib.suppress(ProcessLookupError, OSError):  # it has ended, which whoever asked it finds out
        try:
            before = spent(pid)
            is_free = False
            while True:
                await (asyncio.sleep(LOOK_S) if is_free else _turns(pid, before.at + LOOK_S))
                now = spent(pid)
                is_free = has_room(before, now, cores)
                before = now
        finally:
            os.kill(pid, signal.SIGCONT)


async def _turns(pid: int, until: float) -> None:
    while True:
        os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(TURN_S)
        if monotonic() >= until:
            return
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(BREAK_S)


def has_room(before: Spent, now: Spent, cores: int) -> bool:
    """Whether the others left enough cores idle between two moments, so that the child disturbs nobody."""
    idle_cores = (now.idle - before.idle + now.own - before.own) / (now.at - before.at)
    return idle_cores >= min(ROOM_CORES, cores * 0.9)


def spent(pid: int) -> Spent:
    """The accounts now. Raises OSError when there is no such process."""
    # The name of a process stands in brackets and may have any character, blanks too.
    of_child = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(of_child[11]), int(of_child[12])
    of_machine = _STAT.read_text().split(maxsplit=6)
    idle, waiting_for_disk = int(of_machine[4]), int(of_machine[5])
    return Spent(monotonic(), (idle + waiting_for_disk) * _TICK_S, (user + system) * _TICK_S)
