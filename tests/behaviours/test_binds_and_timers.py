"""Binds and timers: what carriers do to connections, on the wire."""

from __future__ import annotations

import asyncio
import io
import ssl
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
import smpp34
import smpplib.client
import smpplib.exceptions
from smpp.pdu.operations import Outbind
from smpp.pdu.pdu_encoding import PDUEncoder

from simulators.scenario import load_scenario
from simulators.scenario.library import shipped
from simulators.spread import Delay
from tests.behaviours.wire import SOON_S, Peer, Stage, playing


def _bind_with_smpplib(port: int) -> int:
    """The status that smpplib's own client tells."""
    client = smpplib.client.Client("127.0.0.1", port, timeout=SOON_S, allow_unknown_opt_params=True)
    try:
        client.connect()
        client.bind_transceiver(system_id="shop", password="secret")
    except smpplib.exceptions.PDUError as error:
        return int(error.args[1])
    finally:
        client._socket.close()  # its disconnect() leaves one open that never connected
    return 0


@pytest.mark.parametrize(("name", "most", "status"), [("extra-bind", 2, 0x05), ("extra-bind-0x0d", 1, 0x0D)])
async def test_one_bind_too_many(name: str, most: int, status: int) -> None:
    async with playing(name) as stage:
        peers = [await Peer.bound(stage) for _ in range(most)]
        assert await asyncio.to_thread(_bind_with_smpplib, stage.sim.port) == status
        assert all([await peer.alive() for peer in peers])
        assert stage.report().ok


@pytest.mark.parametrize("most", [1, 2, 4])
async def test_as_many_binds_as_an_account_may_have(most: int) -> None:
    async with playing("extra-bind", max_binds=most) as stage:
        peers = [await Peer.connect(stage) for _ in range(most + 1)]
        assert [await peer.bind() for peer in peers] == [0] * most + [0x05]


async def test_a_dropped_session_is_held() -> None:
    async with playing("held-session", ghost_s=0.4) as stage:
        assert load_scenario(shipped()["held-session"]).carriers[0].ghost_s == 60
        peers = [await Peer.bound(stage) for _ in range(2)]
        for n in range(10):
            peers[0].submit(f"861380000000{n}")
        assert all([await peer.ended() for peer in peers])
        dropped_s = time.monotonic()
        assert await Peer.tried(stage) == 0x05
        back_off_s = 0.1
        while await Peer.tried(stage) == 0x05:
            await asyncio.sleep(back_off_s)  # as an application should
            back_off_s *= 2
        assert 0.35 <= time.monotonic() - dropped_s < 3
        assert stage.report().ok


async def test_who_hammers_is_told() -> None:
    async with playing("held-session") as stage:
        peers = [await Peer.bound(stage) for _ in range(2)]
        for n in range(10):
            peers[0].submit(f"861380000000{n}")
        assert await peers[0].ended()
        assert {await Peer.tried(stage) for _ in range(12)} == {0x05}
        assert not stage.report().ok


@pytest.mark.parametrize(
    ("name", "status"), [("wrong-password", 0x0E), ("wrong-system-id", 0x0F), ("wrong-bind-state", 0x04)]
)
async def test_permanent_refusals(name: str, status: int) -> None:
    async with playing(name) as stage:
        assert await asyncio.to_thread(_bind_with_smpplib, stage.sim.port) == status
        async with await Peer.connect(stage) as peer:
            assert [await peer.bind() for _ in range(2)] == [status] * 2
        assert stage.report().ok
        for _ in range(3):
            await Peer.tried(stage)
        assert stage.report().ok is (name != "wrong-password")  # the sixth within a moment


@pytest.mark.parametrize("after_s", [0.3, 0.6])
async def test_idle_connections_are_dropped(after_s: float) -> None:
    async with playing("idle-drop", idle_drop_s=after_s) as stage, await Peer.bound(stage) as busy:
        assert load_scenario(shipped()["idle-drop"]).carriers[0].idle_drop_s == 30
        begun_s = time.monotonic()
        async with await Peer.bound(stage) as idle:
            ending = asyncio.create_task(idle.ended())
            while not ending.done():
                assert await busy.alive()
                await asyncio.wait([ending], timeout=0.1)
            assert ending.result()
            assert time.monotonic() - begun_s >= after_s
        assert await busy.alive()


async def test_answers_to_enquire_link_are_late() -> None:
    slow = {"enquire_response": Delay.parse("200ms"), "enquire_s": 0.3}
    async with playing("slow-enquire", **slow) as stage, await Peer.bound(stage) as peer:
        told = load_scenario(shipped()["slow-enquire"]).carriers[0]
        assert (told.enquire_response.low_s, told.enquire_response.high_s) == (2, 5)
        begun_s = time.monotonic()
        assert await peer.alive()
        assert time.monotonic() - begun_s >= 0.2
        asked = await peer.take(lambda came: came.command == "enquire_link")  # the carrier asks, too
        peer.reply(asked)


async def test_enquire_link_is_never_answered() -> None:
    async with playing("unanswered-enquire") as stage, await Peer.bound(stage) as peer:
        peer.send("enquire_link")
        assert (await peer.ask()).status == 0
        await peer.delivery()
        assert await peer.silent()


async def test_binds_are_answered_late() -> None:
    async with playing("slow-bind", bind_response=Delay.parse("150ms-200ms")) as stage:
        told = load_scenario(shipped()["slow-bind"]).carriers[0]
        assert (told.bind_response.low_s, told.bind_response.high_s) == (2, 5)
        begun_s = time.monotonic()
        assert await asyncio.to_thread(_bind_with_smpplib, stage.sim.port) == 0
        assert time.monotonic() - begun_s >= 0.15


async def test_a_bind_that_is_never_answered() -> None:
    async with playing("unanswered-bind") as stage, await Peer.connect(stage) as peer:
        peer.send("bind_transceiver", system_id="shop", password="secret")
        assert await peer.silent()
        assert not peer.reader.at_eof()


async def test_half_open() -> None:
    async with playing("half-open") as stage, await Peer.bound(stage) as peer:
        for n in range(10):
            peer.submit(f"861380000000{n}")
        await stage.group.wait_for(lambda: stage.sim.stats.submits == 10, SOON_S)
        while not await peer.silent():
            pass
        peer.send("enquire_link")
        peer.submit()
        assert await peer.silent()
        assert not peer.reader.at_eof()  # nothing says so
        async with await Peer.bound(stage) as other:
            assert await other.alive()


def _context(stage: Stage, version: ssl.TLSVersion) -> ssl.SSLContext:
    assert stage.sim.settings.tls is not None
    context = ssl.create_default_context(cafile=stage.sim.settings.tls.certificate)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def test_tls_by_host_name(version: ssl.TLSVersion) -> None:
    async with playing("tls") as stage:
        async with await Peer.connect(stage, context=_context(stage, version)) as peer:
            assert peer.writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
            assert await peer.bind() == 0
            assert (await peer.ask()).status == 0
        context = _context(stage, version)
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await asyncio.open_connection("127.0.0.1", stage.sim.port, ssl=context, server_hostname="smsc.example")


async def test_tls_with_a_foreign_client(monkeypatch: pytest.MonkeyPatch) -> None:
    async with playing("tls") as stage:
        assert stage.sim.settings.tls is not None
        monkeypatch.setenv("SSL_CERT_FILE", str(stage.sim.settings.tls.certificate))
        client = smpp34.Client("127.0.0.1", stage.sim.port, "shop", "secret", bind_type="trx", tls=True)
        smsc = await client.connect()
        assert (await smsc.submit_sm("8613800000001", b"x")).command_status == 0
        await smsc.unbind()
        await client.stop()


async def test_the_second_address_works() -> None:
    async with playing("two-addresses") as stage:
        with pytest.raises(smpplib.exceptions.ConnectionError):
            await asyncio.to_thread(_bind_with_smpplib, stage.group.carriers["first"].port)
        assert await asyncio.to_thread(_bind_with_smpplib, stage.group.carriers["second"].port) == 0


async def test_outbind() -> None:
    came: asyncio.Queue[Peer] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.put_nowait(Peer(reader, writer))

    (outbind,) = load_scenario(shipped()["outbind"]).carriers[0].outbinds
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        changes: dict[str, Any] = {"outbinds": (replace(outbind, port=port),)}
        async with playing("outbind", **changes) as stage, asyncio.timeout(SOON_S), await came.get() as peer:
            read = PDUEncoder().decode(io.BytesIO((await peer.read()).raw))
            assert isinstance(read, Outbind)
            assert read.params == {"system_id": b"carrier-sim", "password": b"outbind1"}
            assert await peer.bind("receiver") == 0
            stage.sim.send_mo("8613800000001", "10690001", "TD")
            assert (await peer.delivery()).text == b"TD"


async def test_separate_binds() -> None:
    async with playing("separate-binds") as stage:
        assert await Peer.tried(stage) == 0x0D
        async with await Peer.bound(stage, "transmitter") as sends, await Peer.bound(stage, "receiver") as receives:
            message_id = (await sends.ask()).message_id
            assert (await receives.delivery()).receipted == message_id
            assert (await receives.ask()).status == 0x04
            assert await sends.alive()
            assert not sends.kept


async def test_receipts_on_another_bind() -> None:
    """There and back, with a foreign client on the other bind."""
    async with playing("receipts-on-another-bind") as stage, await Peer.bound(stage) as peer:
        client = smpp34.Client("127.0.0.1", stage.sim.port, "shop", "secret", bind_type="trx")
        smsc = await client.connect()
        message_id = (await peer.ask()).message_id
        async with asyncio.timeout(SOON_S):
            event = await smsc.next()
        assert event.short_message.startswith(b"id:" + message_id)
        answer = await smsc.submit_sm("8613800000002", b"x", registered_delivery=1)
        assert (await peer.delivery()).receipted == answer.message_id.encode()
        await smsc.unbind()
        await client.stop()


#: smpplib's own client in a process of its own: bound, it prints the first receipt that comes.
_ANOTHER_PROCESS = """
import sys, smpplib.client
client = smpplib.client.Client("127.0.0.1", int(sys.argv[1]), allow_unknown_opt_params=True)
client.connect()
client.bind_receiver(system_id="shop", password="secret")
print("bound", flush=True)
client.set_message_received_handler(lambda pdu: print(pdu.receipted_message_id.decode(), flush=True))
client.read_once()
"""


async def test_receipts_on_the_bind_of_another_process() -> None:
    async with playing("receipts-on-another-bind") as stage, await Peer.bound(stage) as peer:
        command = (sys.executable, "-c", _ANOTHER_PROCESS, str(stage.sim.port))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        async with asyncio.timeout(4 * SOON_S):
            assert await process.stdout.readline() == b"bound\n"
            message_id = (await peer.ask()).message_id
            assert await process.stdout.readline() == message_id + b"\n"
            assert await process.wait() == 0
        assert not peer.kept
