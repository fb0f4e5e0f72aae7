"""``[store]`` of smsgw.toml: which Redis, how to get into it, and what is promised of it.

Owns the table's keys and what must fit each other among them. Certificates are read here, so that ``smsgw check``
tells what a start would meet. The files that it names belong to the machine, like the whole table.
"""

from __future__ import annotations

import ssl
from datetime import UTC, date
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from cryptography import x509
from pydantic import BeforeValidator, Field

from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.documents.units import parse_octets
from smsgw.documents.values import (
    ExistingFile,
    PerSecond,
    PositiveSeconds,
    SecretFile,
    Settings,
    Text,
    text_like,
)

_REDIS_SCHEMES: Final = ("redis", "rediss", "unix", "sentinel", "cluster")
_RENEW_DAYS: Final = 30


def _redis_url(value: object) -> str:
    # The value is not shown: it may hold a password.
    if not isinstance(value, str) or (value and value.partition("://")[0] not in _REDIS_SCHEMES):
        raise ValueError(f'expected "" for the embedded server, or a URL of {", ".join(_REDIS_SCHEMES)}')
    return value


Share = Annotated[float, Field(gt=0, le=1)]
Octets = Annotated[
    int, BeforeValidator(parse_octets, json_schema_input_type=text_like(r"^\s*[0-9]+(\.[0-9]+)?\s*(MB|GB|MiB|GiB)\s*$"))
]


class StoreTlsSettings(Settings):
    """``[store.tls]``: without ``ca`` the system's authorities are trusted; ``server_name`` defaults to the host."""

    ca: ExistingFile | None = None
    certificate: ExistingFile | None = None
    key: ExistingFile | None = None
    server_name: str = ""


class SentinelSettings(Settings):
    """``[store.sentinel]``: how the sentinels themselves are asked. ``tls`` left out: as the servers."""

    user: str = ""
    password_file: SecretFile = Field("", repr=False)
    tls: bool | None = None


class StoreSettings(Settings):
    """``[store]``: Redis. An empty ``url`` means the embedded server in ``state_dir``; paths: see ``Site``."""

    url: Annotated[str, BeforeValidator(_redis_url)] = Field("", repr=False)
    user: str = ""
    password_file: SecretFile = Field("", repr=False)
    tls: StoreTlsSettings | None = None
    sentinel: SentinelSettings | None = None
    replicas: Annotated[int, Field(ge=0, le=16)] = 0
    replicas_timeout_s: PositiveSeconds = Field(1.0, alias="replicas_timeout", le=60)
    state_dir: Text = "state"
    partitions: Annotated[int, Field(ge=1, le=256)] = 1
    fsync: Literal["always", "everysec", "no"] = "always"
    memory_octets: Octets | None = Field(None, alias="memory")
    refuse_marketing: Share = 0.90
    refuse_notices: Share = 0.95
    refuse_codes: Share = 0.98
    server: str = ""
    secrets: str = ""
    timeout_s: PositiveSeconds = Field(2.0, alias="timeout")
    queue_limit: Annotated[int, Field(ge=1)] = 100_000
    away_otp_rate_per_s: PerSecond | None = Field(None, alias="away_otp_rate")
    receipt_ttl_s: PositiveSeconds = Field(72 * 3600.0, alias="receipt_ttl")
    state_ttl_s: PositiveSeconds = Field(24 * 3600.0, alias="state_ttl")
    early_receipt_ttl_s: PositiveSeconds = Field(600.0, alias="early_receipt_ttl")

    @property
    def memory_stages(self) -> tuple[float, float, float]:
        """Used shares of Redis' memory at which marketing, then notices, then codes are refused."""
        return self.refuse_marketing, self.refuse_notices, self.refuse_codes


def check_store(store: StoreSettings, document: Document, problems: Problems, today: date) -> None:
    """Keys of ``[store]`` that don't go together, and certificates that can't be used or end soon."""

    def wrong(key: str, why: str) -> None:
        document.error(problems, ("store", *key.split(".")), why)

    parts = urlsplit(store.url)
    if parts.scheme in ("", "unix"):
        for key, value in (("user", store.user), ("password_file", store.password_file), ("tls", store.tls)):
            if value and not (parts.scheme and key != "tls"):
                whose = "a server on a unix socket of this machine" if parts.scheme else "the embedded server"
                wrong(key, f"has no use here: {whose} needs none; leave it out")
        if store.replicas:
            why = "the embedded server has no replicas" if not store.url else "a unix socket leads to one server only"
            wrong("replicas", f"{why}; write 0, or the url of a Redis with replicas")
    if store.url and store.memory_octets is not None:
        wrong("memory", "is the embedded server's; with a url write maxmemory into that Redis' own configuration")
    if store.user and not store.password_file and parts.scheme:
        wrong("user", "needs password_file, a file with the user's password")
    if store.password_file and "@" in parts.netloc:
        wrong("password_file", "the url has a login too; take it out of the url")
    if store.sentinel is not None and parts.scheme != "sentinel":
        wrong("sentinel", "is for a url of sentinel://host:port,…/service")
    if store.sentinel is not None and store.sentinel.user and not store.sentinel.password_file:
        wrong("sentinel.user", "needs password_file, a file with the user's password")
    if list(store.memory_stages) != sorted(store.memory_stages):
        why = "marketing is refused first, then notices, then codes: expected refuse_marketing ≤ refuse_notices ≤"
        wrong("refuse_codes" if store.refuse_codes < store.refuse_notices else "refuse_notices", f"{why} refuse_codes")
    if store.tls is not None:
        _check_tls(store.tls, document, problems, today)


def _check_tls(tls: StoreTlsSettings, document: Document, problems: Problems, today: date) -> None:
    place = ("store", "tls")
    if (tls.certificate is None) != (tls.key is None):
        given = "certificate" if tls.key is None else "key"
        document.error(problems, (*place, given), "certificate and key go together: give both, or none")
        return
    if tls.ca is not None:
        try:
            ssl.create_default_context(cafile=tls.ca)
        except (OSError, ssl.SSLError) as error:
            document.error(problems, (*place, "ca"), f"no authorities' certificates can be read from {tls.ca}: {error}")
        else:
            _check_dates(tls.ca, (*place, "ca"), document, problems, today)
    if tls.certificate is not None and tls.key is not None:
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            ssl.create_default_context().load_cert_chain(tls.certificate, tls.key, password="")
        except (OSError, ssl.SSLError, ValueError) as error:
            document.error(problems, (*place, "certificate"), f"can't be used with {tls.key}: {error}")
        else:
            _check_dates(tls.certificate, (*place, "certificate"), document, problems, today)


def _check_dates(file: Path, key: tuple[str, ...], document: Document, problems: Problems, today: date) -> None:
    """The first certificate of a file: is it valid today, and for how long yet?"""
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError, IndexError) as error:
        document.error(problems, key, f"no certificate can be read from {file}: {error}")
        return
    begins, ends = (each.astimezone(UTC).date() for each in (found.not_valid_before_utc, found.not_valid_after_utc))
    if not begins <= today <= ends:
        document.error(problems, key, f"{file} is valid from {begins} to {ends} only: renew it")
    elif (ends - today).days < _RENEW_DAYS:
        document.warn(problems, key, f"{file} ends on {ends}: renew it; the next connection takes the new one")
