"""What the carrier simulator does wrong on purpose, as a plain socket sees it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.faults import FAULTS, MALFORMED, UNKNOWN
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.framing import Framer
from smsgw.smpp.receipt import parse_receipt
from tests.e2e.sim_wire import RECEIVER, SOON_S, TRANSMITTER, RawSocket

pytestmark = pytest.mark.e2e

_DELIVER_SM = int(CommandId.DELIVER_SM)
_UNREADABLE = ("body_cut", "no_nul", "address_too_long", "sm_length", "tlv_overrun", "tlv_cut")


async def _fault(sim: CarrierSim, kind: str) -> bytes:
    """The octets that one bind gets, up to the end of the fault."""
    async with await RawSocket.bound(sim) as client:
        assert sim.send_malformed(kind, "shop") == 1
        assert sim.send_raw(b"<end>", bind=sim.links[0].number) == 1
        found = b""
        while not found.endswith(b"<end>"):
            found += await client.read()
    await sim.wait_for(lambda: not sim.links, SOON_S)
    return found.removesuffix(b"<end>")


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_fault_is_the_same_for_the_same_seed_and_is_what_it_says(kind: str) -> None:
    came: list[list[bytes]] = []
    for seed in (1, 1, 2):
        async with CarrierSim(CarrierSettings(seed=seed)) as sim:
            came.append([await _fault(sim, kind) for _ in range(4)])
    assert came[0] == came[1]
    assert came[0] != came[2]
    for octets in came[0]:
        framer = Framer(70_000)
        frames = framer.feed(octets)
        whole = frames == [octets] and framer.failure is None
        assert whole is not FAULTS[kind].ends_stream
        if kind in _UNREADABLE:
            with pytest.raises(RecoverableError):
                pdu.Sm(octets).tlvs.encode()
        elif kind in UNKNOWN and kind != "unknown_tlv":
            assert pdu.HEADER.unpack_from(octets)[1] not in set(CommandId)
        elif whole:
            decode(octets)  # wrong only in its place


async def test_without_a_name_the_seed_picks_the_kind() -> None:
    async with CarrierSim(CarrierSettings(seed=7)) as sim:
        lengths = {len(await _fault(sim, "")) for _ in range(30)}
        assert len(lengths) > 8
        with pytest.raises(ValueError, match="did you mean 'garbage'"):
            sim.send_malformed("garbge")


async def test_what_is_answered_to_a_fault_is_counted_as_that() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client:
        sim.send_malformed("sm_length")
        sequence_number = (await client.pdu())[2]
        await client.send(pdu.generic_nack(2, sequence_number))
        await sim.wait_for(lambda: sim.stats.faults_answered == {2: 1}, SOON_S)
        assert sim.stats.unknown_pdus == 0
        assert sim.summary()["faults_sent"] == 1


async def test_raw_octets_go_where_they_should() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as first, await RawSocket.bound(sim) as second:
        assert sim.send_raw(b"both") == 2
        assert [await client.read_all(4) for client in (first, second)] == [b"both", b"both"]
        assert sim.send_raw(b"one", bind=2) == 1
        assert await second.read_all(3) == b"one"
        assert sim.send_raw(b"nobody", "other") == 0


async def test_floods() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client:
        for kind, count in (("enquire_link", 500), ("unknown", 300), ("mo", 400), ("receipt", 200)):
            assert sim.flood(kind, count) == count
            came = [await client.frame() for _ in range(count)]
            ids = {pdu.HEADER.unpack_from(frame)[1] for frame in came}
            if kind == "enquire_link":
                assert ids == {int(CommandId.ENQUIRE_LINK)}
            elif kind == "unknown":
                assert len(ids - set(CommandId)) > 10
            else:
                assert ids == {_DELIVER_SM}
                receipts = [parse_receipt(pdu.Sm(frame)) for frame in came]
                assert all((found is not None) == (kind == "receipt") for found in receipts)
                assert len({pdu.Sm(frame).source_addr for frame in came}) == count
        assert sim.stats.mo_sent == 400
        with pytest.raises(ValueError, match="did you mean 'receipt'"):
            sim.flood("receipts", 1)
        with pytest.raises(LookupError, match="'nobody'"):
            sim.flood("mo", 1, "nobody")


async def test_a_flood_of_mo_keeps_to_the_window() -> None:
    async with CarrierSim(CarrierSettings(receipt_window=3)) as sim, await RawSocket.bound(sim) as client:
        sim.flood("mo", 10)
        numbers = [(await client.pdu())[2] for _ in range(3)]
        assert await client.silent_for(0.1)
        await client.accept(numbers[1])
        assert (await client.pdu())[0] == _DELIVER_SM
        sim.change(receipt_window=5)
        assert [(await client.pdu())[0] for _ in range(2)] == [_DELIVER_SM] * 2


@pytest.mark.parametrize("reset", [False, True])
async def test_a_drop_ends_with_fin_or_with_rst(reset: bool) -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as first, await RawSocket.bound(sim) as second:
        assert sim.drop_all(bind=2, reset=reset) == 1
        if reset:
            with pytest.raises(ConnectionResetError):
                await second.read()
        else:
            assert await second.read() == b""
        number = await first.submit()
        assert await first.answer_to(number) == 0
        told = [(entry.bind, entry.fate) for entry in sim.entries("lost")]
        assert told == [(2, "dropped by RST" if reset else "dropped")]


async def test_half_open_swallows_everything_on_one_bind() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as first, await RawSocket.bound(sim) as second:
        assert sim.half_open(bind=1) == 1
        await first.submit()
        await first.send(pdu.enquire_link(99))
        assert await second.answer_to(await second.submit()) == 0
        assert await first.silent_for(0.1)
        assert [message.link.number for message in sim.received] == [2]


async def test_the_carrier_unbinds() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client, await RawSocket.connect(sim):
        assert sim.unbind("shop") == 1, "only the bound one"
        command_id, _, sequence_number, _ = await client.pdu()
        assert command_id == CommandId.UNBIND
        assert await client.answer_to(await client.submit()) == 0x04, "no new requests after an unbind"
        await client.send(pdu.unbind_resp(sequence_number))
        assert await client.read() == b""
        (entry,) = sim.entries("unbind")
        assert (entry.account, entry.fate) == ("shop", "by the carrier")
        assert not list(sim.entries("lost"))


async def test_an_unbind_that_nobody_answers_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.carrier.desk._UNBIND_S", 0.1)
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client:
        sim.unbind()
        assert (await client.pdu())[0] == CommandId.UNBIND
        assert await client.read() == b""


async def test_fragmented_writes_arrive_as_many_segments() -> None:
    async with CarrierSim(CarrierSettings(write_octets=3)) as sim, await RawSocket.connect(sim) as client:
        assert await client.bind() == 0
        before = client.segments_received()
        assert before >= 8, "bind_resp of 33 octets"
        sim.send_mo("8613800000001", "10690001", "x" * 100)
        mo = await client.frame()
        assert pdu.Sm(mo).payload == b"x" * 100
        assert client.segments_received() - before >= len(mo) // 3
        sim.change(write_octets=0)
        before = client.segments_received()
        sim.send_mo("8613800000001", "10690001", "x" * 100)
        await client.frame()
        assert client.segments_received() - before <= 2


async def test_a_connection_closed_while_pieces_are_left_gets_them_all() -> None:
    settings = CarrierSettings(write_octets=1)
    async with CarrierSim(settings) as sim, await RawSocket.bound(sim) as client:
        await client.send(pdu.unbind(9))
        assert await client.answer_to(9) == 0
        assert await client.read() == b""


async def test_a_slow_reader_holds_the_sender_back() -> None:
    async with CarrierSim(CarrierSettings(read_octets_per_s=2000)) as sim, await RawSocket.bound(sim) as client:
        sent, octets = 0, pdu.enquire_link(1) * 1000
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while sent < 10_000_000:
                    await loop.sock_sendall(client.socket, octets)
                    sent += len(octets)
        # What the two sockets' buffers hold, and no more.
        assert sent < 6_000_000
        assert 30 <= sim.stats.enquire_links <= 120
        sim.change(read_octets_per_s=0)
        await sim.wait_for(lambda: sim.stats.enquire_links >= 2000, SOON_S)


async def test_what_was_read_slowly_is_not_taken_once_half_open() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim) as client:
        sim.change(read_octets_per_s=2000)
        for _ in range(20):
            await client.submit()
        await sim.wait_for(lambda: sim.stats.submits, SOON_S)
        sim.half_open()
        before = sim.stats.submits
        assert before < 20
        sim.change(read_octets_per_s=0)
        await asyncio.sleep(0.15)  # what is handed on, is by then
        assert sim.stats.submits == before


async def test_receipts_of_a_transmitter_come_on_the_accounts_receiver() -> None:
    async with CarrierSim() as sim, await RawSocket.bound(sim, TRANSMITTER) as sender:
        assert await sender.answer_to(await sender.submit()) == 0
        assert sim.receipts_waiting == 1, "parked, nobody can take it"
        async with await RawSocket.bound(sim, RECEIVER, "other") as stranger:
            assert await stranger.silent_for(0.05)
        async with await RawSocket.bound(sim, RECEIVER) as receiver:
            for _ in range(2):
                command_id, _, sequence_number, _ = await receiver.pdu()
                assert command_id == _DELIVER_SM
                await receiver.accept(sequence_number)
                await sim.wait_for(lambda: sim.receipts_waiting == 0, SOON_S)
                await sender.submit()
        first = sim.deliveries[0]
        assert (first.status, first.tries, first.link is not None) == (0, 1, True)
        assert first.answered_s >= first.sent_s > 0


async def test_every_kind_of_fault_has_a_name_that_says_what_it_is() -> None:
    assert MALFORMED.keys().isdisjoint(UNKNOWN)
    assert all(fault.about for fault in FAULTS.values())


@pytest.mark.parametrize(
    "test",
    [
        test_raw_octets_go_where_they_should,
        lambda: test_a_drop_ends_with_fin_or_with_rst(reset=False),
        lambda: test_a_drop_ends_with_fin_or_with_rst(reset=True),
        test_half_open_swallows_everything_on_one_bind,
        test_fragmented_writes_arrive_as_many_segments,
        test_a_connection_closed_while_pieces_are_left_gets_them_all,
        test_a_slow_reader_holds_the_sender_back,
    ],
)
def test_sockets_do_the_same_on_the_commands_own_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    uvloop.run(run())
