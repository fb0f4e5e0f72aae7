"""Desks of several people at the example site, on a real store that is empty at first; business time is set."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from smsgw.clock import to_ms
from smsgw.config.load import load_site
from smsgw.config.site import Site
from smsgw.errors import RequestError
from smsgw.services.desk import Desk, Person
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.secrets import new_secrets
from tests.store.conftest import BINARIES, RunningServer

EXAMPLE = Path(__file__).parents[3] / "config" / "example"
TODAY = date(2026, 11, 18)
NOW_MS = to_ms(datetime.fromisoformat("2026-11-18T10:30:00+08:00"))


class Time:
    """Business time."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def pass_by(self, *, hours: float = 0, days: float = 0) -> None:
        self.now_ms += int((days * 24 + hours) * 3_600_000)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A copy of the example: changes about recipients leave records in its state directory."""
    directory = tmp_path_factory.mktemp("site") / "example"
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("state"))
    return load_site(directory, today=TODAY)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    if not BINARIES:
        pytest.skip("no server is installed")
    running = RunningServer(tmp_path_factory.mktemp("services"), next(iter(BINARIES.values())))
    yield running
    running.close()


@pytest.fixture
async def store(server: RunningServer) -> AsyncIterator[Store]:
    secrets = new_secrets()
    settings = StoreSettings(partitions=2)
    store = Store(server.server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
    await store.command(0, "FLUSHALL")
    await store.ready()
    yield store
    await store.close()


@pytest.fixture
def time() -> Time:
    return Time()


MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk_of(site: Site, store: Store, time: Time) -> MakeDesk:
    """``desk_of("li.na", "market")``: a person with these roles."""

    def make(name: str, *roles: str) -> Desk:
        return Desk(site, store, Person(name, frozenset(roles)), lambda: time.now_ms)

    return make


@pytest.fixture
def desk(site: Site, store: Store, time: Time) -> Desk:
    """Somebody who may do everything, as whoever is at the command line."""
    return Desk(site, store, Person("root"), lambda: time.now_ms)


def fault(caught: pytest.ExceptionInfo[RequestError]) -> tuple[str, str]:
    """Kind and text of what was refused."""
    return caught.value.kind, str(caught.value)
