"""A connection to Redis that the network takes away, on the loop that the gateway runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import uvloop

from smsgw.errors import StoreAway, StoreNotRun, StoreRefused
from smsgw.store.channel import Channel, target_of
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
        channel = Channel(target_of(f"redis://127.0.0.1:{proxy.port}/0", DEADLINE_S), DEADLINE_S)
        assert await ping(channel) == b"PONG"
        wire = channel._wire
        assert wire is not None
        proxy.cut()
        # The loop must have heard of it and closed the socket before the next call.
        async with asyncio.timeout(DEADLINE_S):
            while wire.lost is None:
                await asyncio.sleep(0)
        with pytest.raises(StoreNotRun):
            await ping(channel)
        assert await ping(channel) == b"PONG"
        await channel.close()

    uvloop.run(run())


async def test_callers_share_a_connection_and_each_has_its_own_reply(running_server: RunningServer) -> None:
    """Also beside one that is cancelled, one that blocks and one that is refused."""
    channel = Channel(target_of(running_server.server.url, DEADLINE_S), DEADLINE_S)
    blocked = asyncio.create_task(channel.call("BLPOP", "nothing", "0.05"))
    cancelled = asyncio.create_task(channel.call("ECHO", "cancelled"))
    refused = asyncio.create_task(channel.call("NONSENSE"))
    echoes = [asyncio.create_task(channel.call("ECHO", str(number))) for number in range(50)]
    several = asyncio.create_task(channel.calls([["ECHO", "a"], ["NONSENSE"], ["ECHO", "b"]]))
    await asyncio.sleep(0)
    wire_before = channel._wire
    cancelled.cancel()
    assert await asyncio.gather(*echoes) == [b"%d" % number for number in range(50)]
    assert await blocked is None
    with pytest.raises(StoreRefused):
        await refused
    first, second, third = await several
    assert (first, third, type(second)) == (b"a", b"b", StoreRefused)
    assert await channel.call("PING") == b"PONG"
    assert channel._wire is (wire_before or channel._wire)
    await channel.close()


async def test_an_overdue_answer_ends_the_connection_for_all_and_the_next_call_opens_another(
    running_server: RunningServer,
) -> None:
    channel = Channel(target_of(running_server.server.url, DEADLINE_S), 0.1)
    assert await channel.call("PING") == b"PONG"
    asked = [asyncio.create_task(channel.call(*command)) for command in (("BLPOP", "nothing", "0"), ("PING",))]
    for error in await asyncio.gather(*asked, return_exceptions=True):
        assert type(error) is StoreAway
        assert str(error) == "no answer to BLPOP within 0.1 s"
    assert await channel.call("PING") == b"PONG"
    await channel.close()


async def test_what_is_asked_when_a_connection_is_closed_may_have_run(running_server: RunningServer) -> None:
    channel = Channel(target_of(running_server.server.url, DEADLINE_S), DEADLINE_S)
    assert await channel.call("PING") == b"PONG"
    asked = asyncio.create_task(channel.call("BLPOP", "nothing", "0"))
    await asyncio.sleep(0)
    await channel.close()
    with pytest.raises(StoreAway) as raised:
        await asked
    assert not isinstance(raised.value, StoreNotRun)
    await channel.close()


async def test_what_answers_and_is_not_redis_is_told() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        channel = Channel(target_of(f"redis://127.0.0.1:{port}/0", DEADLINE_S), DEADLINE_S)
        with pytest.raises(StoreAway, match="what answers is not Redis"):
            await channel.call("PING")
        await channel.close()


@pytest.mark.parametrize("url", ["redis://127.0.0.1/0?health_check_interval=3", "redis://127.0.0.1/0?nonsense=1"])
def test_what_a_url_says_and_nobody_does_is_refused(url: str) -> None:
    with pytest.raises(StoreRefused, match="is not known here"):
        target_of(url, DEADLINE_S)
