"""Certificates for tests: an authority of the run's own, and what it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates into a directory: ``<name>.pem`` and ``<name>.key``; its own is ``ca.pem``."""

    def __init__(self, directory: Path, now: dt.datetime | None = None) -> None:
        """``now``: from when days are counted, for tests with a day of their own."""
        self.directory = directory
        self._now = now or dt.datetime.now(dt.UTC)
        directory.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test authority")
        certificate = self._sign(self._name, self._key, dt.timedelta(days=365), (), is_authority=True)
        self.ca = directory / "ca.pem"
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *hosts: str, days: float = 365) -> tuple[Path, Path]:
        """A certificate for these host names, and its key; ``days`` below 0: it has ended."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._sign(_name(name), key, dt.timedelta(days=days), hosts, is_authority=False)
        certificate, private = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, private

    def server_context(self, certificate: Path, key: Path, *, ask_clients: bool = False) -> ssl.SSLContext:
        """For a server; with ``ask_clients`` clients need a certificate of this authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        context.load_cert_chain(certificate, key)
        context.verify_mode = ssl.CERT_REQUIRED if ask_clients else ssl.CERT_NONE
        return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: dt.timedelta, hosts: tuple[str, ...],
        *, is_authority: bool,
    ) -> x509.Certificate:  # fmt: skip
        ends = self._now + lasts
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(ends - dt.timedelta(days=400))
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(each) for each in hosts]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
