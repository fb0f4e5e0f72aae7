"""A carrier that calls, by outbind: the simulator connects, and the binds of a pool answer on its connections."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from simulators.carrier.settings import CarrierSettings as Carrier
from simulators.carrier.settings import Outbind as Call
from simulators.carrier.sim import CarrierSim
from smsgw.carrier.pool import Pool
from smsgw.carrier.settings import CarrierSettings, Outbind
from smsgw.link.ticker import Ticker
from smsgw.policy.retry import Backoff
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.pdu import response
from tests.ports import free_port

SOON_S = 5.0
NAME, PASSWORD = "carrier", "callme12"


OUTBIND = encode(Pdu(int(CommandId.OUTBIND), 0, 1, {"system_id": NAME.encode(), "password": PASSWORD.encode()}))


async def call(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)


async def read(reader: asyncio.StreamReader) -> Pdu:
    async with asyncio.timeout(SOON_S):
        length = await reader.readexactly(4)
        return decode(length + await reader.readexactly(int.from_bytes(length) - 4))


class Heard:
    """What the pool hands over."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []
        self.inbound_on: list[Any] = []
        self._changed = asyncio.Event()

    def told(self, event: str, fields: dict[str, object]) -> None:
        self.events.append((event, fields))
        self._changed.set()

    def changed(self, *_: object) -> None:
        self._changed.set()

    def inbound(self, pool: Pool, bind: Any, command_id: int, raw: bytes, sequence_number: int) -> None:
        self.inbound_on.append(bind.kind)
        bind.respond(response(int(CommandId.DELIVER_SM_RESP), 0, sequence_number, b""), bind.link)
        self._changed.set()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(SOON_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


@asynccontextmanager
async def pool_of(heard: Heard, port: int, *binds: str, calls_at: int) -> AsyncIterator[Pool]:
    outbind = Outbind("127.0.0.1", calls_at, NAME, PASSWORD)
    settings = CarrierSettings(
        "alpha", "127.0.0.1", port, "smsgw", "secret", binds, outbind=outbind, bind_timeout_s=0.3
    )
    async with running(heard, settings) as pool:
        yield pool


@asynccontextmanager
async def running(heard: Heard, settings: CarrierSettings) -> AsyncIterator[Pool]:
    pool = Pool(settings, cast(Any, heard), Ticker(), lambda of: Backoff(0.05, 0.1, random.Random(1)))
    task = asyncio.get_running_loop().create_task(pool.run())
    try:
        yield pool
    finally:
        pool.stop()
        async with asyncio.timeout(SOON_S):
            await task


async def test_what_sends_connects_and_what_receives_is_called() -> None:
    heard, calls_at = Heard(), free_port()
    carrier = Carrier(accounts={"smsgw": "secret"}, max_binds=2)
    async with (
        CarrierSim(carrier) as sim,
        pool_of(heard, sim.port, "transmitter", "receiver", calls_at=calls_at) as pool,
    ):
        await heard.until(lambda: pool.binds[0].up)
        assert not pool.binds[1].up
        sim.change(outbinds=(Call(calls_at, system_id=NAME, password=PASSWORD),))
        await heard.until(lambda: pool.binds[1].up)
        sim.send_mo("8613800000001", "10690001", "TD")
        await heard.until(lambda: heard.inbound_on == ["receiver"])
        # It is called again after the connection has gone.
        sim.drop_all()
        await heard.until(lambda: heard.names().count("carrier.bound") == 4)
        assert all(bind.up for bind in pool.binds)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (encode(Pdu(int(CommandId.OUTBIND), 0, 1, {"system_id": b"other", "password": b"callme12"})), "wrong"),
        (encode(Pdu(int(CommandId.OUTBIND), 0, 1, {"system_id": b"carrier", "password": b"callme1"})), "wrong"),
        (encode(Pdu(int(CommandId.ENQUIRE_LINK), 0, 1)), "no outbind"),
        (b"GET / HTTP/1.1\r\n\r\n", "no outbind"),
        (b"\0\0\0\x11\0\0\0\x0b\0\0\0\0\0\0\0\1\0", "no outbind"),
        (b"", "nothing"),
    ],
)
async def test_who_says_something_else_is_hung_up_on_and_the_bind_goes_on_waiting(octets: bytes, why: str) -> None:
    heard, calls_at = Heard(), free_port()
    async with pool_of(heard, 1, "transceiver", calls_at=calls_at):
        reader, writer = await call(calls_at)
        writer.write(octets)
        assert await reader.read() == b""
        ((event, fields),) = heard.events
        assert (event, str(fields["reason"]).startswith(why)) == ("carrier.outbind_refused", True)
        writer.close()
        # In two pieces, and with a request right behind it.
        reader, writer = await call(calls_at)
        writer.write(OUTBIND[:20])
        await asyncio.sleep(0)
        writer.write(OUTBIND[20:] + encode(Pdu(int(CommandId.ENQUIRE_LINK), 0, 2)))
        heard_back = {(await read(reader)).command_id for _ in range(2)}
        assert heard_back == {CommandId.BIND_TRANSCEIVER, CommandId.ENQUIRE_LINK_RESP}
        writer.close()


async def test_a_second_call_while_nobody_waits_and_a_port_of_somebody_else() -> None:
    heard, calls_at = Heard(), free_port()
    async with pool_of(heard, 1, "transceiver", calls_at=calls_at) as pool:
        reader, writer = await call(calls_at)
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as other:
            taken = other.sockets[0].getsockname()[1]
            async with pool_of(heard, 1, "transceiver", calls_at=taken):
                await heard.until(lambda: "carrier.connect_failed" in heard.names())
        writer.write(OUTBIND)
        bind = await read(reader)
        assert bind.command_id == CommandId.BIND_TRANSCEIVER
        with pytest.raises(ConnectionRefusedError):  # nobody waits, so nobody listens
            await asyncio.open_connection("127.0.0.1", calls_at)
        writer.write(response(int(CommandId.BIND_TRANSCEIVER_RESP), 0, bind.sequence_number, b"carrier"))
        await heard.until(lambda: pool.up)
        pool.stop()
        assert (await read(reader)).command_id == CommandId.UNBIND
        writer.close()
