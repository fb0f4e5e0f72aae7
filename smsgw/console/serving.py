"""Runs the console's application until SIGTERM or Ctrl-C. Requests that are being answered get a moment to end."""

from __future__ import annotations

import ssl

import uvicorn
from fastapi import FastAPI

from smsgw.config.node import ConsoleSettings
from smsgw.errors import ConfigError
from smsgw.serving import listening, serve_until_told
from smsgw.telemetry.logs import EventLog

_GRACE_S = 5
_CONNECTIONS = 200
_log = EventLog("smsgw.console")


async def serve(app: FastAPI, settings: ConsoleSettings) -> None:
    """Serve until a signal comes. Raises CantListen, and ConfigError for a certificate that can't be used."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=settings.certificate,
        ssl_keyfile=str(settings.key) if settings.key is not None else None,
        proxy_headers=False,
    )
    try:
        config.load()
    except ssl.SSLError as error:
        raise ConfigError(
            settings.certificate or "", 0, "certificate", f"can't be used with its key: {error}"
        ) from error
    listener = listening(settings.host, settings.port, "console")
    host, port = listener.getsockname()[:2]
    _log.event("console.started", host=host, port=port, tls=settings.certificate is not None)
    try:
        await serve_until_told(config, listener)
    finally:
        _log.event("console.stopped")
