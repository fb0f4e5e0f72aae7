"""Commands from a pipe: one after the other, each to its end; then what is still due."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from contextlib import suppress

from simulators.esme.prompt.session import Failed, Session, run_safely


async def run_script(session: Session) -> int:
    """Carry out the lines of stdin; 1 when any failed or a receipt is missing at the end."""
    lines = _Lines(asyncio.get_running_loop())
    failed = 0
    while not session.is_over:
        line = await lines.next()
        if line is None:
            break
        failed += not await run_safely(session, line)
    if not session.is_over:
        try:
            await session.drain()
        except Failed as error:
            session.tell(str(error), "error")
            failed += 1
    return 1 if failed else 0


class _Lines:
    """Lines of stdin, read by a thread: it may be a file, a pipe or a terminal, and only a thread reads all of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = loop
        # Daemon, because nothing can end a read of stdin when the run is over before it is.
        threading.Thread(target=self._read, daemon=True).start()

    async def next(self) -> str | None:
        """None at the end."""
        return await self._queue.get()

    def _read(self) -> None:
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")  # a line in another coding is wrong, not the end
        for line in sys.stdin:
            self._put(line)
        self._put(None)

    def _put(self, line: str | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: the run ended before its input
            self._loop.call_soon_threadsafe(self._queue.put_nowait, line)
