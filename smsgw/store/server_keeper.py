"""Keeps the embedded server running: whoever started it starts it again when it dies, for nobody else would.

Its AOF has all that was accepted. What can go wrong: it does not start again (a full disk); that is told, and tried
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from smsgw.errors import StoreError
from smsgw.store.server import EmbeddedServer

#: A dead embedded server is back before ``store.timeout`` is over, so that nobody is refused for it: it is looked at so
#: often where the kernel does not tell.
CHECK_S: Final = 0.1
RETRY_S: Final = 1.0


async def keep_running(server: EmbeddedServer, told: Callable[[str, dict[str, object]], None]) -> None:
    """Until cancelled."""
    while True:
        try:
            if server.is_running:
                await server.ended(CHECK_S)
                continue
            told("store.server_died", {"directory": str(server.directory)})
            await server.restart()
        except (StoreError, OSError) as error:
            told("store.server_not_started", {"why": str(error)})
            await asyncio.sleep(RETRY_S)
