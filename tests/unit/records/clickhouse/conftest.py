"""Both kinds of servers, a database for each test, and a directory of records that is sent there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from smsgw.records.archive import raw
from smsgw.records.archive.keeper import Keeper
from smsgw.records.clickhouse import shipping
from smsgw.records.clickhouse.client import Client, Server
from smsgw.records.clickhouse.history import ClickHouse
from smsgw.records.clickhouse.shipping import Shipper
from smsgw.records.clickhouse.verification import Count, compare
from tests.clickhouse_servers import KINDS, PASSWORD, running
from tests.unit.records.archive.world import KEYS, World

_numbers = count()


@pytest.fixture(scope="session", params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(request.param, tmp_path_factory.mktemp("clickhouse")) as found:
        yield found


@pytest.fixture
def server(url: str) -> Server:
    return Server(url, f"records_{next(_numbers)}", "sms", PASSWORD, 20.0)


@dataclass(slots=True)
class Sending(World):
    """Its keepers send to ``server``."""

    server: Server = field(default=Server(""), kw_only=True)
    asking: ClickHouse | None = field(default=None, kw_only=True)

    def keeper(self) -> Keeper:
        keeper = World.keeper(self)
        keeper.sends_with(lambda connection: self.shipper(keeper.directory, connection))
        return keeper

    def shipper(self, archive: Path, connection: Any) -> Shipper:
        return Shipper(Client(self.server), archive, KEYS, connection)

    def there(self) -> ClickHouse:
        if self.asking is None:
            self.asking = ClickHouse(self.server, self.directory)
        return self.asking

    def count(self) -> Count:
        return compare(Client(self.server), self.archive, KEYS)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """``{name}`` stands for a table."""
        client = Client(self.server)
        names = ("records", "recipients", "batches", "counts", "latencies", "reasons")
        return client.rows(sql.format(**{name: client.table(name) for name in names}))


@pytest.fixture
def world(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Sending:
    monkeypatch.setattr(raw, "LOCK_KEPT_S", 0.0)
    monkeypatch.setattr(shipping, "ERASE_S", 30.0)
    return Sending(tmp_path / "records", server=server)
