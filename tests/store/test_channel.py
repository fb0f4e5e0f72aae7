"""A connection to Redis that the network takes away, on the loop that the gateway runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import uvloop

from smsgw.errors import StoreAway
from smsgw.store.channel import Channel, connection_maker
from tests.chaos.proxy import Proxy
from tests.store.conftest import RunningServer

DEADLINE_S = 10.0


@pytest.fixture
def proxy(running_server: RunningServer) -> Iterator[Proxy]:
    with Proxy(0, running_server.server.socket) as made:
        yield made


@pytest.mark.parametrize("several", [False, True])
def test_a_connection_reset_while_nobody_used_it_is_away_and_then_opened_again(proxy: Proxy, several: bool) -> None:
    async def ping(channel: Channel) -> object:
        return (await channel.calls([["PING"]]))[0] if several else await channel.call("PING")

    async def run() -> None:
        channel = Channel(connection_maker(f"redis://127.0.0.1:{proxy.port}/0", DEADLINE_S), DEADLINE_S)
        assert await ping(channel) == b"PONG"
        proxy.cut()
        # The loop must have heard of it and closed the socket before the next call; uvloop tells that here only.
        async with asyncio.timeout(DEADLINE_S):
            while "closed=True" not in repr(channel._connection._writer.transport):
                await asyncio.sleep(0)
        with pytest.raises(StoreAway):
            await ping(channel)
        assert not channel.opened
        assert await ping(channel) == b"PONG"
        await channel.close()

    uvloop.run(run())
