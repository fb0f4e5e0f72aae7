"""TLS to applications and to carriers: with and without client certificates, and what is refused.

A certificate authority, a server's certificate and two clients' are made for the run.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import CommandId
from tests.e2e.gateway import PASSWORDS
from tests.e2e.stage import Stage, open_stage
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


class Authority:
    """Signs certificates into a directory: ``<name>.pem`` and ``<name>.key``; its own is ``ca.pem``."""

    def __init__(self, directory: Path, name: str = "test authority") -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.certificate = self._sign(self._name, self._key, True)
        self._write("ca.pem", self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, common_name: str) -> None:
        """A certificate for localhost with this common name."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._sign(_name(common_name), key, False)
        self._write(f"{name}.pem", signed.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._write(f"{name}.key", private)

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, is_authority: bool) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, octets: bytes) -> None:
        (self.directory / name).write_bytes(octets)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"))
    for name, common_name in (("server", "localhost"), ("orders", "orders.example"), ("other", "other.example")):
        made.issue(name, common_name)
    Authority(made.directory / "stranger", "somebody else").issue("orders", "orders.example")
    return made


def _listener(authority: Authority, **changes: object) -> dict[str, object]:
    directory = authority.directory
    pair = {"certificate": str(directory / "server.pem"), "key": str(directory / "server.key")}
    return {"listener": {"tls": {"port": free_port(), **pair, **changes}}}


ACCOUNTS = {"certified": ("orders", {"tls_client_cn": "orders.example"})}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def optional(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Client certificates are asked for, and may be left out."""
    site = _listener(authority, client_ca=str(authority.directory / "ca.pem"))
    async with open_stage(tmp_path_factory.mktemp("site"), overrides={"smsgw.toml": site}, accounts=ACCOUNTS) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def required(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Nobody gets in without one."""
    site = _listener(authority, client_ca=str(authority.directory / "ca.pem"), require_client_certificate=True)
    async with open_stage(tmp_path_factory.mktemp("site"), overrides={"smsgw.toml": site}, accounts=ACCOUNTS) as stage:
        yield stage


def _context(authority: Authority, client: str = "", version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.directory / "ca.pem"))
    if client:
        context.load_cert_chain(authority.directory / f"{client}.pem", authority.directory / f"{client}.key")
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def _tls_port(stage: Stage) -> int:
    for line in (stage.gateway.site / "smsgw.toml").read_text(encoding="utf-8").splitlines():
        if line.startswith('"listener"'):
            return int(line.partition('"tls" = { "port" = ')[2].partition(",")[0])
    raise AssertionError("no TLS port")


async def bind(stage: Stage, account: str, context: ssl.SSLContext | None, port: int = 0) -> Pdu:
    """Bind over TLS and unbind again; the bind's answer. Raises OSError when there is no connection or it is cut."""
    reader, writer = await asyncio.open_connection(
        "localhost", port or _tls_port(stage), ssl=context, family=2
    )  # AF_INET: the listener is on 127.0.0.1
    password = PASSWORDS["orders"].encode()
    try:
        writer.write(pdu.bind(int(CommandId.BIND_TRANSCEIVER), 1, system_id=account.encode(), password=password))
        async with asyncio.timeout(5):
            head = await reader.readexactly(4)
            answer = decode(head + await reader.readexactly(int.from_bytes(head, "big") - 4))
            if answer.command_status == 0:
                writer.write(pdu.unbind(2))
                await reader.read()
        return answer
    except asyncio.IncompleteReadError:
        raise ConnectionError("closed without an answer") from None
    finally:
        writer.close()


async def test_an_application_binds_over_tls(optional: Stage, authority: Authority) -> None:
    answer = await bind(optional, "orders", _context(authority))
    assert (answer.command_status, answer.fields["system_id"]) == (0, b"smsgw")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_of_tls(optional: Stage, authority: Authority, version: ssl.TLSVersion) -> None:
    assert (await bind(optional, "orders", _context(authority, version=version))).command_status == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_old_version_of_tls_is_refused(optional: Stage, authority: Authority) -> None:
    with pytest.raises(OSError):  # noqa: PT011  # an alert, a reset or an end, by the library
        await bind(optional, "orders", _context(authority, version=ssl.TLSVersion.TLSv1_1))


@pytest.mark.parametrize(("client", "status"), [("orders", 0), ("other", 0x0D), ("", 0x0D)])
async def test_an_account_may_demand_its_own_certificate(
    optional: Stage, authority: Authority, client: str, status: int
) -> None:
    assert (await bind(optional, "certified", _context(authority, client))).command_status == status


async def test_the_plain_port_does_not_help_such_an_account(optional: Stage) -> None:
    assert (await bind(optional, "certified", None, optional.gateway.port)).command_status == 0x0D
    assert (await bind(optional, "orders", None, optional.gateway.port)).command_status == 0


async def test_a_certificate_of_somebody_else_is_refused(optional: Stage, authority: Authority) -> None:
    with pytest.raises(OSError):  # noqa: PT011
        await bind(optional, "certified", _context(authority, "stranger/orders"))


async def test_where_it_is_required_nobody_gets_in_without_one(required: Stage, authority: Authority) -> None:
    with pytest.raises(OSError):  # noqa: PT011
        await bind(required, "orders", _context(authority))
    assert (await bind(required, "orders", _context(authority, "other"))).command_status == 0
    assert (await bind(required, "certified", _context(authority, "orders"))).command_status == 0


async def test_plain_octets_on_the_tls_port_do_no_harm(optional: Stage, authority: Authority) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", _tls_port(optional))
    writer.write(pdu.bind(int(CommandId.BIND_TRANSCEIVER), 1, system_id=b"orders", password=b"orders12"))
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
    assert (await bind(optional, "orders", _context(authority))).command_status == 0


# -- to a carrier


class TlsCarrier:
    """Takes TLS connections, answers binds, and keeps what the peer's certificate says."""

    def __init__(self) -> None:
        self.port = 0
        self.clients: list[str] = []
        self._server: asyncio.Server | None = None

    async def start(self, context: ssl.SSLContext) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = dict(part[0] for part in writer.get_extra_info("peercert").get("subject", ()))
        while head := await reader.read(4):
            request = head + await reader.readexactly(int.from_bytes(head, "big") - 4)
            _, command_id, _, sequence_number = pdu.HEADER.unpack_from(request)
            if command_id == CommandId.BIND_TRANSCEIVER:
                self.clients.append(found.get("commonName", ""))
            writer.write(pdu.response(command_id | 0x80000000, 0, sequence_number, b"tls"))
        writer.close()


@pytest.mark.parametrize(
    ("tls", "binds"),
    [
        ({"server_name": "localhost"}, True),
        ({}, True),  # by the address, which is in the certificate
        ({"server_name": "carrier.example"}, False),
        ({"ca": ""}, False),  # the system's authorities do not know ours
    ],
    ids=["by name", "by address", "another name", "unknown authority"],
)
async def test_a_carrier_over_tls(authority: Authority, tmp_path: Path, tls: dict[str, str], binds: bool) -> None:
    directory = authority.directory
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    context.load_verify_locations(directory / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    carrier = TlsCarrier()
    await carrier.start(context)
    pair = {"certificate": str(directory / "orders.pem"), "key": str(directory / "orders.key")}
    settings = {key: value for key, value in {"ca": str(directory / "ca.pem"), **pair, **tls}.items() if value}
    overrides = {"carriers/alpha.toml": {"tls": settings, "port": carrier.port, "binds": [{"type": "transceiver"}]}}
    async with open_stage(tmp_path, overrides=overrides) as stage:
        if binds:
            await stage.gateway.wait_for(lambda: stage.gateway.status()["carriers"]["alpha"]["binds_up"] == 1)
            assert carrier.clients == ["orders.example"]
        else:
            await stage.gateway.wait_for(lambda: stage.gateway.events("carrier.connect_failed"), 10, "a failure told")
            assert carrier.clients == []
    await carrier.stop()
