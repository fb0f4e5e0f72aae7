"""Two started carriers, the control port's application over them without a socket, and a bound application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import CarrierSettings
from simulators.control.app import make_app
from simulators.esme import EsmeSettings, EsmeSim

SOON_S = 10.0
ALPHA = CarrierSettings(name="alpha", seed=7)
BETA = CarrierSettings(name="beta", accounts={"shop": "secret"})


@dataclass
class Live:
    """What a test looks at."""

    group: CarrierGroup
    app: FastAPI
    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """Status and JSON."""
        answer = await self.http.request(method, path, json=body, params=query)
        return answer.status_code, answer.json()

    @asynccontextmanager
    async def esme(self, carrier: str = "alpha", **settings: Any) -> AsyncIterator[EsmeSim]:
        """A bound application."""
        port = self.group.carriers[carrier].port
        async with EsmeSim(EsmeSettings(port, **{"system_id": "shop", **settings})) as esme:
            yield esme


@asynccontextmanager
async def live(
    directory: Path, *settings: CarrierSettings, scenario: Any = None, driver: Any = None, play: Any = None
) -> AsyncIterator[Live]:
    """Started, and stopped again."""
    async with CarrierGroup(settings or (ALPHA, BETA)) as group:
        app = make_app(group, play, scenario, driver, directory)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            yield Live(group, app, http)
        app.state.control.close()
