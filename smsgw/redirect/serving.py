"""Runs the redirect server until SIGTERM or Ctrl-C, and what it has to do beside answering."""

from __future__ import annotations

import asyncio
from typing import Final

import uvicorn

from smsgw.errors import StoreError
from smsgw.records.log import RecordLog
from smsgw.redirect.app import Redirects
from smsgw.serving import listening, serve_until_told
from smsgw.store.links import Links
from smsgw.telemetry.logs import EventLog

_GRACE_S: Final = 5
_CONNECTIONS: Final = 1_000
_IDLE_S: Final = 5
_TICK_S: Final = 1.0
_TICKS_TO_FORGET: Final = 3_600
_log = EventLog("smsgw.links")


async def serve(app: Redirects, links: Links, log: RecordLog, host: str, port: int) -> None:
    """Serve until a signal comes. Raises CantListen."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False, proxy_headers=False,
        limit_concurrency=_CONNECTIONS, timeout_keep_alive=_IDLE_S, timeout_graceful_shutdown=_GRACE_S,
    )  # fmt: skip
    listener = listening(host, port, "links")
    bound_host, bound_port = listener.getsockname()[:2]
    _log.event("links.started", host=bound_host, port=bound_port)
    upkeep = asyncio.create_task(_upkeep(links, log), name="upkeep")
    try:
        await serve_until_told(config, listener)
    finally:
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)
        log.close()
        _log.event("links.stopped", clicks_count=app.clicks, machines_count=app.machines, lost_rows=log.lost)


async def _upkeep(links: Links, log: RecordLog) -> None:
    """Once a second what waits is written and forced to disk; once an hour links whose time is over are forgotten."""
    ticks = 0
    while True:
        log.flush()
        if ticks % _TICKS_TO_FORGET == 0:
            try:
                gone = await links.forget_old()
            except StoreError as error:
                _log.warning("store.away", why=str(error))
            else:
                if gone:
                    _log.event("links.forgotten", links_count=gone)
        ticks += 1
        await asyncio.sleep(_TICK_S)
