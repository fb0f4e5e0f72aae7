"""Fixtures of tests that run the whole gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.failover import open_failover
from tests.e2e.gateway import WORKDAY
from tests.e2e.gateway import start_gateway as start_gateway
from tests.e2e.stage import Stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def failover_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The carriers of ``tests.e2e.failover`` and their gateway, one for a file."""
    async with open_failover(tmp_path_factory.mktemp("site")) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def failover(failover_stage: Stage) -> Stage:
    """The same, on the morning of a workday."""
    failover_stage.gateway.set_clock(WORKDAY)
    return failover_stage
