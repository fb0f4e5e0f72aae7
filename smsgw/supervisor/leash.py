"""The worker's end of the pipes to its supervisor: what to do comes first, the end of the pipe means to stop.

``stop``: drain and end; ``look``: another worker has left its binds, so look at the leases now.

Owns: standard input, on which the errand and later commands come, and standard output, on which the worker tells what
the supervisor must know. Whatever else writes to standard output is sent to standard error instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from typing import Final

from smsgw.supervisor.errand import Errand
from smsgw.telemetry.logs import EventLog

STOP: Final = "stop"
LOOK: Final = "look"
_MOST_OCTETS: Final = 65_536
_log = EventLog("smsgw.worker")


class Leash:
    """One per worker. Make it before anything is printed."""

    def __init__(self, stdin: int = 0, stdout: int = 1) -> None:
        self._from = os.dup(stdin)
        self._to = os.dup(stdout)
        os.dup2(2, stdout)

    def errand(self) -> Errand:
        """The first line. Raises RequestError when there is none."""
        line = b""
        while not line.endswith(b"\n") and len(line) < _MOST_OCTETS:
            octet = os.read(self._from, 1)
            if not octet:
                break
            line += octet
        return Errand.from_line(line)

    def tell(self, **said: object) -> None:
        """A line for the supervisor; one that has gone is noticed by ``hold``."""
        with contextlib.suppress(OSError):
            os.write(self._to, json.dumps(said).encode() + b"\n")

    async def hold(self, stop: asyncio.Event, look: Callable[[], None] = lambda: None) -> None:
        """Set ``stop`` when the supervisor says so, or has gone; call ``look`` when it says that."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        # uvloop closes both the file and what is under it: the second time the number may be another thread's.
        pipe = os.fdopen(self._from, "rb", buffering=0, closefd=False)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
        try:
            while line := await reader.readline():
                what = _said(line)
                if what == STOP:
                    break
                if what == LOOK:
                    look()
            else:
                _log.warning("worker.supervisor_gone", then="it stops in order")
        finally:
            transport.close()
        stop.set()


def _said(line: bytes) -> object:
    """A newer supervisor may say what this worker does not know: that is passed over."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said.get("do") if isinstance(said, dict) else None
