"""The archive's keeper as a child of the console, so that figures come without a service of their own.

Owns: the child's life. It yields to everything else, stands by while another keeper of these records is at work, is
started again a while after it died, and ends with the console, however that ends: it reads the end of its pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from smsgw.config.site import Site
from smsgw.telemetry.logs import EventLog

AGAIN_S: Final = 30.0
_GRACE_S: Final = 5.0
_log = EventLog("smsgw.console")


@asynccontextmanager
async def keeping(site: Site) -> AsyncIterator[None]:
    """A keeper runs as long as this lasts; none where the site says so."""
    if not site.console.keep_archive:
        yield
        return
    task = asyncio.create_task(_keep(site))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep(site: Site) -> None:
    while True:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "smsgw", "archive", "keep", "--leashed", "--site", str(site.directory),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C is for the console
        )  # fmt: skip
        try:
            status = await child.wait()
        finally:
            await asyncio.shield(_end(child))
        _log.warning("console.keeper_ended", status=status, again_s=AGAIN_S)
        await asyncio.sleep(AGAIN_S)


async def _end(child: asyncio.subprocess.Process) -> None:
    assert child.stdin is not None
    child.stdin.close()
    try:
        async with asyncio.timeout(_GRACE_S):
            await child.wait()
    except TimeoutError:
        # In the middle of a long round, which a kill does not harm.
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
