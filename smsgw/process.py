"""What a process has of its system: signals that end it, the limit of open files; and how it starts under them.

A second signal ends at once.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from smsgw.errors import SmsgwError
from smsgw.telemetry.logs import EventLog

#: Files that the process needs beside the connections of applications: carriers, Redis, records.
FILES_BESIDE: Final = 256
_log = EventLog("smsgw.app")


def stop_at_signals() -> asyncio.Event:
    """Set at SIGTERM or SIGINT, from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(_signalled, stop))
    return stop


def _signalled(stop: asyncio.Event) -> None:
    if stop.is_set():
        _log.warning("app.killed", why="second signal")
        os._exit(130)
    stop.set()


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work; False when ``stop`` came first and it was cancelled."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work, name="work")
        stopping = tasks.create_task(stop.wait(), name="stop")
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
    return not working.cancelled()


@contextmanager
def plainly() -> Iterator[None]:
    """What went wrong in task groups is one error again: the only one, or the first of several that a user can mend."""
    try:
        yield
    except BaseExceptionGroup as group:
        found = list(_single(group))
        if len(found) > 1 and not all(isinstance(each, SmsgwError | OSError) for each in found):
            raise
        raise found[0] from None


def _single(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _single(each)
        else:
            yield each


def allow_files(connections: int) -> int:
    """Raise the limit of open files, usually 1024, to what so many connections need; for how many it is enough.

    What the system does not allow is missing from the connections alone: with none left for Redis, carriers or
    records the gateway would do nothing for anybody.
    """
    wanted = connections + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    if possible < wanted:
        connections = min(connections, max(possible // 2, possible - FILES_BESIDE))
        _log.warning("app.too_few_files", allowed=possible, wanted=wanted, connections=connections)
    return connections
