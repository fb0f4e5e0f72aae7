"""One seeded console and one browser for all tests of the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.console_pages.harness import At, OpenPage, Scene, open_at, open_browser, open_scene
from tests.e2e.console_pages.seed import seed


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path_factory.mktemp("console")) as scene:
        await seed(scene)
        yield scene


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    async with open_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(scene: Scene, browser: Any) -> AsyncIterator[OpenPage]:
    """Pages as a test wants them; those that it leaves open are closed behind it."""
    opened: list[At] = []

    async def open_(role: str, language: str = "en", width: int = 1280, **more: Any) -> At:
        opened.append(await open_at(scene, browser, role, language, width, **more))
        return opened[-1]

    yield open_
    for at in opened:
        await at.page.context.close()
