"""The carrier simulator over TLS: what a client must bring, and faults within it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from simulators.carrier import CarrierSettings, CarrierSim
from simulators.carrier.settings import Outbind, Tls
from smsgw.smpp import pdu
from smsgw.smpp.constants import CommandId
from tests.e2e.sim_wire import SOON_S
from tests.e2e.test_tls import Authority

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of a server, of a client, and of a stranger."""
    directory = tmp_path_factory.mktemp("pki")
    authority = Authority(directory)
    authority.issue("server", "localhost")
    authority.issue("client", "shop")
    Authority(directory / "strange").issue("stranger", "shop")
    return directory


def _settings(pki: Path, **more: int) -> CarrierSettings:
    return CarrierSettings(tls=Tls(pki / "server.pem", pki / "server.key", pki / "ca.pem"), **more)  # type: ignore[arg-type]


def _client(pki: Path, name: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    if name:
        context.load_cert_chain(pki / f"{name}.pem", pki / f"{name}.key")
    return context


async def _bound(sim: CarrierSim, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(SOON_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", sim.port, ssl=context)
        writer.write(pdu.bind(CommandId.BIND_TRANSCEIVER, 1, system_id=b"shop", password=b""))
        answer = await reader.readexactly(16)
    assert pdu.HEADER.unpack(answer)[1:3] == (CommandId.BIND_TRANSCEIVER_RESP, 0)
    return reader, writer


async def test_an_application_is_called_by_outbind_over_tls(pki: Path) -> None:
    called: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set_result(await reader.readexactly(16))
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server.key")
    async with await asyncio.start_server(taken, "127.0.0.1", 0, ssl=context) as server:
        outbind = Outbind(server.sockets[0].getsockname()[1], tls=True)
        async with CarrierSim(CarrierSettings(outbinds=(outbind,))), asyncio.timeout(SOON_S):
            assert pdu.HEADER.unpack(await called)[1] == CommandId.OUTBIND


async def _check_talk(pki: Path, write_octets: int, read_octets_per_s: int) -> None:
    settings = _settings(pki, write_octets=write_octets, read_octets_per_s=read_octets_per_s)
    async with CarrierSim(settings) as sim:
        reader, writer = await _bound(sim, _client(pki, "client"))
        used = writer.get_extra_info("ssl_object")
        assert used.version() in ("TLSv1.2", "TLSv1.3")
        sim.send_mo("8613800000001", "10690001", "hello over TLS")
        async with asyncio.timeout(SOON_S):
            await reader.readuntil(b"hello over TLS")
        assert sim.drop_all(reset=True) == 1
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


@pytest.mark.parametrize(("write_octets", "read_octets_per_s"), [(0, 0), (7, 0), (0, 500)])
async def test_a_client_with_its_certificate_binds(pki: Path, write_octets: int, read_octets_per_s: int) -> None:
    await _check_talk(pki, write_octets, read_octets_per_s)


@pytest.mark.parametrize("name", ["", "strange/stranger"])
async def test_a_client_without_the_right_certificate_does_not(pki: Path, name: str) -> None:
    async with CarrierSim(_settings(pki)) as sim:
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await _bound(sim, _client(pki, name))
        assert not sim.stats.binds


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tls_below_1_2_and_none_at_all_are_refused(pki: Path) -> None:
    async with CarrierSim(_settings(pki)) as sim:
        old = _client(pki, "client")
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")  # so that it is the simulator that refuses
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await _bound(sim, old)
        reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
        writer.write(pdu.bind(CommandId.BIND_TRANSCEIVER, 1, system_id=b"shop", password=b""))
        async with asyncio.timeout(SOON_S):
            assert b"shop" not in await reader.read()
        writer.close()
        assert not sim.stats.binds


@pytest.mark.parametrize(
    ("broken", "told"), [("key", "expected a certificate and its key"), ("ca", "certificates in PEM")]
)
async def test_files_that_are_no_certificates_are_named(pki: Path, broken: str, told: str) -> None:
    junk = pki / "junk.pem"
    junk.write_text("this is no PEM")
    tls = Tls(pki / "server.pem", junk if broken == "key" else pki / "server.key", junk if broken == "ca" else None)
    sim = CarrierSim(CarrierSettings(tls=tls))
    with pytest.raises(OSError, match=told) as failed:
        await sim.start()
    assert "junk.pem" in str(failed.value)


def test_the_same_on_the_commands_own_loop(pki: Path) -> None:
    tests: list[Callable[[], Awaitable[None]]] = [
        lambda: _check_talk(pki, 0, 0),
        lambda: _check_talk(pki, 7, 500),
        lambda: test_a_client_without_the_right_certificate_does_not(pki, ""),
    ]

    async def run() -> None:
        for test in tests:
            await test()

    uvloop.run(run())
