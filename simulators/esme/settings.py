"""How a simulated application connects and behaves."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from smsgw.smpp.constants import V34, CommandId

#: Words for binds, as command lines and settings use them.
BIND_COMMANDS = {
    "transceiver": int(CommandId.BIND_TRANSCEIVER),
    "transmitter": int(CommandId.BIND_TRANSMITTER),
    "receiver": int(CommandId.BIND_RECEIVER),
    "trx": int(CommandId.BIND_TRANSCEIVER),
    "tx": int(CommandId.BIND_TRANSMITTER),
    "rx": int(CommandId.BIND_RECEIVER),
}


@dataclass(frozen=True, slots=True)
class ClientTls:
    """TLS (1.2 or later) towards the SMSC. Without ``ca`` its certificate is not looked at."""

    #: Certificates that may sign the SMSC's.
    ca: Path | None = None
    #: Our own certificate and its key.
    certificate: Path | None = None
    key: Path | None = None
    #: Name that the SMSC's certificate must have; empty takes the host connected to.
    server_name: str = ""

    def context(self) -> ssl.SSLContext:
        """Raises ValueError naming the file that can't be used."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca is None:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        else:
            try:
                made.load_verify_locations(self.ca)
            except OSError as error:  # ssl.SSLError is one
                raise ValueError(f"{self.ca}: expected certificates in PEM: {error}") from None
        if self.certificate is not None:
            try:
                made.load_cert_chain(self.certificate, self.key)
            except OSError as error:
                shown = f"{self.certificate}" + (f" with {self.key}" if self.key else "")
                raise ValueError(f"{shown}: expected a certificate and its key in PEM: {error}") from None
        elif self.key is not None:
            raise ValueError(f"{self.key}: a key without its certificate")
        return made


@dataclass(frozen=True, slots=True)
class EsmeSettings:
    """One account and its binds."""

    port: int
    host: str = "127.0.0.1"
    system_id: str = "load"
    password: str = "secret"
    system_type: str = ""
    interface_version: int = V34
    #: One word of ``BIND_COMMANDS`` for each connection.
    binds: tuple[str, ...] = ("transceiver",)
    #: Seconds for connecting and for the bind's answer.
    bind_timeout_s: float = 10.0
    #: Seconds of silence after which enquire_link is sent; 0 never.
    enquire_s: float = 0.0
    #: command_status of our deliver_sm_resp; None answers never.
    deliver_status: int | None = 0
    #: How late they are, in seconds.
    deliver_after_s: float = 0.0
    tls: ClientTls | None = None
    #: Wait on this port for the SMSC's outbind and bind on its connection (0 takes a free port); None connects.
    outbind_port: int | None = None
    #: Bind again so long after a connection was lost or a bind refused; 0 never.
    reconnect_s: float = 0.0
    #: What entries, captures and reports call it; empty is the system_id.
    name: str = ""
    #: How many sent messages, receipts and MO are kept; 0 keeps all.
    record: int = 100_000

    @property
    def label(self) -> str:
        """``name``, or the system_id."""
        return self.name or self.system_id
