"""A full disk under Redis is told as such, and nothing is started on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgw.errors import StoreAway
from smsgw.store import disk
from smsgw.store.server import EmbeddedServer
from smsgw.store.wire import StoreBusy
from tests.store.conftest import MakeKit


async def test_no_server_is_started_where_its_file_can_not_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedServer(tmp_path)
    monkeypatch.setattr(disk, "LEAST_FREE_OCTETS", 1 << 60)
    with pytest.raises(StoreAway, match=r"no room on the disk of .*redis: \d+ octets free.*make room"):
        await server.start()
    assert not server.is_running
    monkeypatch.undo()
    await server.start()
    assert server.is_running
    await server.stop()


async def test_a_redis_that_can_not_write_its_file_is_not_well(
    make_kit: MakeKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = await make_kit()
    await disk.refuse_unwritten(kit.store)
    ask = kit.store.command

    async def failing(partition: int, *command: str) -> bytes:
        reply: bytes = await ask(partition, *command)
        return reply.replace(b"aof_last_write_status:ok", b"aof_last_write_status:err")

    monkeypatch.setattr(kit.store, "command", failing)
    with pytest.raises(StoreBusy, match="can't write its append-only file"):
        await disk.refuse_unwritten(kit.store)
