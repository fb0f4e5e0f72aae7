"""Binds, limits, timers, refused connections, outbind and many binds at the carrier simulator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.settings import Outbind, PlannedReceipt
from simulators.carrier.states import DELIVERED, UNDELIVERED
from simulators.spread import Delay
from simulators.tap import Connection
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.receipt import parse_receipt
from tests.e2e.sim_wire import RECEIVER, SOON_S, TRANSCEIVER, TRANSMITTER, RawSocket

pytestmark = pytest.mark.e2e

_MANY = 2000


async def test_kinds_of_binds_that_are_not_offered() -> None:
    settings = CarrierSettings(bind_kinds=frozenset({"transmitter", "receiver"}))
    async with CarrierSim(settings) as sim:
        statuses = []
        for kind in (TRANSMITTER, RECEIVER, TRANSCEIVER):
            async with await RawSocket.connect(sim) as client:
                statuses.append(await client.bind(kind))
        assert statuses == [0, 0, 0x0D]
        told = [(entry.kind, entry.account, entry.status) for entry in sim.entries("bind", "refused_bind")]
        assert told == [("bind", "shop", 0), ("bind", "shop", 0), ("refused_bind", "shop", 0x0D)]


async def test_a_dropped_session_haunts_the_account() -> None:
    settings = CarrierSettings(max_binds=1, max_binds_status=0x05, ghost_s=0.3)
    async with CarrierSim(settings) as sim:
        async with await RawSocket.bound(sim):
            pass
        await sim.wait_for(lambda: not sim.bound, SOON_S)
        gone_s = time.monotonic()
        async with await RawSocket.connect(sim) as client:
            assert await client.bind() == 0x05
            while await client.bind() == 0x05:
                await sim.wait_for(lambda: time.monotonic() > gone_s + 0.3, SOON_S)
            assert time.monotonic() - gone_s >= 0.25
            await client.send(pdu.unbind(9))
            assert await client.answer_to(9) == 0
        async with await RawSocket.connect(sim) as client:
            assert await client.bind() == 0, "who unbinds leaves no ghost"


async def test_late_bind_responses_and_none() -> None:
    async with CarrierSim(CarrierSettings(bind_response=Delay.parse("150ms"))) as sim:
        async with await RawSocket.connect(sim) as client:
            start_s = time.monotonic()
            await client.send(pdu.bind(TRANSCEIVER, 1, system_id=b"shop", password=b""))
            number = await client.submit()
            assert (await client.pdu())[:3] == (CommandId.SUBMIT_SM_RESP, 0x04, number), "not bound yet"
            assert (await client.pdu())[0] == CommandId.BIND_TRANSCEIVER_RESP
            assert time.monotonic() - start_s >= 0.15
            sim.change(answer_binds=False)
        async with await RawSocket.connect(sim) as client:
            await client.send(pdu.bind(TRANSCEIVER, 1, system_id=b"shop", password=b""))
            assert await client.silent_for(0.3)
            assert sim.bound == 0


async def test_refused_connections_are_refused_by_the_network_and_come_back() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as early:
        sim.change(refuse_connections=True)
        with pytest.raises(ConnectionRefusedError):
            await _connect_until(sim, refused=True)
        assert await early.answer_to(await early.submit()) == 0, "who is there stays"
        sim.change(refuse_connections=False)
        async with await _connect_until(sim, refused=False) as client:
            assert await client.bind() == 0
        for refused in (True, False, True, False):
            sim.change(refuse_connections=refused)
        async with await _connect_until(sim, refused=False) as client:
            assert await client.bind() == 0
    async with CarrierSim(CarrierSettings(refuse_connections=True)) as sim:
        with pytest.raises(ConnectionRefusedError):
            await RawSocket.connect(sim)


async def _connect_until(sim: CarrierSim, *, refused: bool) -> RawSocket:
    """Connect until it fails, or succeeds; a listening socket is opened and closed in a later turn of the loop."""
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                client = await RawSocket.connect(sim)
            except ConnectionRefusedError:
                if refused:
                    raise
                await asyncio.sleep(0)
            except ConnectionResetError:  # it waited to be accepted when listening ended
                await asyncio.sleep(0)
            else:
                if not refused:
                    return client
                client.socket.close()


async def test_too_much_may_be_answered_with_silence() -> None:
    settings = CarrierSettings(window=2, window_status=0, response=Delay.parse("100ms"), receipts=False)
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim) as client:
        numbers = [await client.submit() for _ in range(3)]
        assert [(await client.pdu())[2] for _ in range(2)] == numbers[:2]
        assert await client.silent_for(0.2)
        sim.change(window=0, tps=0.001, tps_burst=1, tps_status=0, response=Delay())
        assert await client.answer_to(await client.submit()) == 0
        await client.submit()
        assert await client.silent_for(0.1)


async def test_a_rate_may_belong_to_the_source_address() -> None:
    settings = CarrierSettings(tps=0.001, tps_burst=2, tps_per="address", receipts=False)
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim) as one, await RawSocket.bound(sim) as two:
        statuses = [
            await client.answer_to(await client.submit(source=source))
            for source in ("10690001", "10690002")
            for client in (one, two, one)
        ]
        assert statuses == [0, 0, 0x58, 0, 0, 0x58]
        with pytest.raises(ValueError, match="did you mean 'account'"):
            sim.change(tps_per="acount")


async def test_enquire_link_may_be_answered_late_or_never() -> None:
    settings = CarrierSettings(enquire_response=Delay.parse("100ms"))
    async with CarrierSim(settings) as sim, await RawSocket.connect(sim) as client:
        start_s = time.monotonic()
        await client.send(pdu.enquire_link(5))
        assert await client.answer_to(5) == 0
        assert time.monotonic() - start_s >= 0.1
        sim.change(answer_enquires=False)
        await client.send(pdu.enquire_link(6))
        assert await client.silent_for(0.2)
        assert sim.stats.enquire_links == 2


async def test_one_bind_may_be_paused() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as one, await RawSocket.bound(sim) as two:
        assert sim.pause(bind=1) == 1
        await one.submit()
        assert await two.answer_to(await two.submit()) == 0
        await two.pdu()
        assert await one.silent_for(0.1)
        sim.send_mo("8613800000001", "10690001", "x")
        assert (await two.pdu())[0] == CommandId.DELIVER_SM
        assert sim.resume(bind=1) == 1
        assert (await one.pdu())[0] == CommandId.SUBMIT_SM_RESP


async def test_an_application_is_called_by_outbind_again_and_again() -> None:
    connections: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await connections.put((reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    settings = CarrierSettings(outbinds=(Outbind(port, system_id="carrier", password="knock"),))
    async with CarrierSim(settings) as sim, asyncio.timeout(SOON_S):
        for round_ in range(2):
            reader, writer = await connections.get()
            outbind = decode(await reader.readexactly(16 + len(b"carrier\0knock\0")))
            assert outbind.command_id == CommandId.OUTBIND
            assert (outbind.fields["system_id"], outbind.fields["password"]) == (b"carrier", b"knock")
            writer.write(pdu.bind(RECEIVER, 1, system_id=b"shop", password=b""))
            await sim.wait_for(lambda: sim.bound == 1, SOON_S)
            sim.send_mo("8613800000001", "10690001", f"round {round_}")
            answers = await reader.readuntil(b"round %d" % round_)
            assert pdu.HEADER.unpack_from(answers)[1:3] == (CommandId.BIND_RECEIVER_RESP, 0)
            writer.close()
            await sim.wait_for(lambda: not sim.bound, SOON_S)
        sim.change(outbinds=())
    server.close()


async def test_receipts_by_hand() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client:
        number = await client.submit()
        message_id = pdu.response(CommandId.SUBMIT_SM, 0, number, b"")  # its shape; the id is read below
        assert len(message_id) == 17
        _, _, _, body = await client.pdu()
        message = sim.find(body.rstrip(b"\0").decode())
        assert message is not None
        assert sim.find("nothing") is None
        sim.send_receipt(message, PlannedReceipt(UNDELIVERED))
        stats = []
        for _ in range(2):
            receipt = parse_receipt(pdu.Sm(await client.frame()))
            assert receipt is not None
            stats.append(receipt.stat)
        assert stats == [DELIVERED.stat, UNDELIVERED.stat]
        told = [(entry.stat, entry.message_id == message.message_id.decode()) for entry in sim.entries("receipt")]
        assert told == [(DELIVERED.stat, True), (UNDELIVERED.stat, True)]


async def test_what_happened_in_the_order_of_time() -> None:
    async with CarrierSim(CarrierSettings(name="alpha", accounts={"shop": "secret"})) as sim:
        async with await RawSocket.connect(sim) as client:
            await client.bind(password="wrong")
            await client.bind()
            await client.answer_to(await client.submit())
            await client.accept((await client.pdu())[2])
            sim.send_mo("8613800000001", "10690001", "退订")
            await client.pdu()
        await sim.wait_for(lambda: not sim.links, SOON_S)
        entries = list(sim.entries())
        kinds = ["refused_bind", "bind", "submit", "receipt", "mo", "lost"]
        assert [entry.kind for entry in entries] == kinds
        assert {entry.where for entry in entries} == {"alpha"}
        assert [entry.status for entry in entries] == [0x0E, 0, 0, 0, None, None]
        assert (entries[3].stat, entries[3].tlvs[0][0], entries[3].source) == ("DELIVRD", 0x1E, "8613800000001")
        assert (entries[4].text, entries[4].data_coding, entries[4].bind) == ("退订", 8, 1)
        assert [entry.kind for entry in sim.entries("mo", "lost")] == ["mo", "lost"]
        sim.reset()
        assert not list(sim.entries())
        assert sim.summary()["submits"] == 0


async def test_settings_change_while_messages_flow_and_wrong_ones_change_nothing() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client:
        sim.change(refuse=((0x08, 1.0),))
        assert await client.answer_to(await client.submit()) == 0x08
        before = sim.settings
        for fields, told in (
            ({"respone": Delay()}, "respone: no such setting; did you mean 'response'"),
            ({"port": 1}, "port: can't change"),
            ({"response": "20ms"}, "response: expected Delay, not '20ms'"),
            ({"window": -1}, "window: expected at least 0"),
            ({"early": 2}, "early: expected a share"),
            ({"receipt_window": 0}, "receipt_window: expected at least 1"),
            ({"bind_kinds": frozenset({"both"})}, "bind_kinds: there is no 'both'"),
            ({"tps": True}, "tps: expected float"),
            ({"refuse": ((8, 0.7), (0x58, 0.7))}, "140"),
        ):
            with pytest.raises(ValueError, match=told):
                sim.change(**{"window": 7, **fields})
        assert sim.settings == before
        sim.change(refuse=(), accounts={"other": "secret"})
        assert await client.answer_to(await client.submit()) == 0
        async with await RawSocket.connect(sim) as late:
            assert await late.bind() == 0x0F


class _Recorder:
    """A tap that keeps everything."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, str, bytes]] = []

    def opened(self, connection: Connection) -> None:
        assert connection.local[1]
        assert connection.remote[1]
        self.heard.append(("opened", connection.number, connection.where, b""))

    def received(self, connection: Connection, octets: bytes) -> None:
        self.heard.append(("received", connection.number, connection.system_id, octets))

    def sent(self, connection: Connection, octets: bytes) -> None:
        self.heard.append(("sent", connection.number, connection.system_id, octets))

    def closed(self, connection: Connection) -> None:
        self.heard.append(("closed", connection.number, connection.system_id, b""))


async def test_taps_hear_everything_from_when_they_are_attached() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim):
        early, late = _Recorder(), _Recorder()
        sim.attach(early)
        async with await RawSocket.bound(sim) as client:
            sim.attach(late)
            request = pdu.enquire_link(7)
            await client.send(request)
            await client.answer_to(7)
        await sim.wait_for(lambda: len(sim.links) == 1, SOON_S)
        assert [(what, number) for what, number, _, _ in early.heard] == [
            ("opened", 1), ("opened", 2), ("received", 2), ("sent", 2), ("received", 2), ("sent", 2), ("closed", 2),
        ]  # fmt: skip
        assert [what for what, number, _, _ in late.heard if number == 2] == ["opened", "received", "sent", "closed"]
        assert ("received", 2, "shop", request) in late.heard
        sim.detach(early)
        sim.detach(late)
        sim.send_raw(b"unheard")
        assert len(late.heard) == 5


async def test_two_thousand_binds() -> None:
    async with CarrierSim() as sim:
        start_s = time.monotonic()
        clients: list[RawSocket] = []
        for _ in range(_MANY // 100):
            clients += await asyncio.gather(*[RawSocket.bound(sim) for _ in range(100)])
        assert sim.bound == _MANY
        numbers = [await client.submit() for client in clients]
        for client, number in zip(clients, numbers, strict=True):
            assert await client.answer_to(number) == 0
        bound_s = time.monotonic()
        await sim.stop()
        stopped_s = time.monotonic()
        for client in clients:
            client.socket.close()
        assert bound_s - start_s < 10
        assert stopped_s - bound_s < 2
        assert not sim.links


async def test_too_many_connections_for_the_process_are_closed_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.carrier.listener._allow_files", lambda: 40)
    async with CarrierSim() as sim:
        clients = [await RawSocket.connect(sim) for _ in range(20)]
        assert await clients[-1].read() == b""
        await sim.wait_for(lambda: sim.trouble, SOON_S)
        assert "40 files" in sim.summary()["trouble"]
        for client in clients:
            client.socket.close()


@pytest.mark.parametrize(
    "test",
    [
        test_refused_connections_are_refused_by_the_network_and_come_back,
        test_an_application_is_called_by_outbind_again_and_again,
        test_one_bind_may_be_paused,
        test_taps_hear_everything_from_when_they_are_attached,
        test_two_thousand_binds,
    ],
)
def test_sockets_do_the_same_on_the_commands_own_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    uvloop.run(run())
