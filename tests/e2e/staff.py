"""Staff at work on a running gateway: the services that commands and console use, in the test's own loop.

    async with staff_of(stage.gateway) as staff:
        await pauses.pause(staff(), "account:shop", why="complaints")     # in force on every process within a second
        await templates.step(staff("bo"), "t1", "approve-market", why="read it")

``staff(name)`` is the desk of a person with every role; different names are different people.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from smsgw.cli.site_store import open_store
from smsgw.clock import to_ms
from smsgw.config.load import load_site
from smsgw.services.desk import Desk, Person
from tests.e2e.gateway import GatewayProcess

Staff = Callable[..., Desk]


@asynccontextmanager
async def staff_of(gateway: GatewayProcess) -> AsyncIterator[Staff]:
    """The desks of a site whose gateway runs; its clock is theirs."""
    site = load_site(gateway.site)

    def now_ms() -> int:
        return to_ms(datetime.fromisoformat(gateway.status()["business_time"]))

    async with open_store(site) as store:
        yield lambda name="amy": Desk(site, store, Person(name), now_ms)
