"""``smsgw.toml``: the process itself — where it listens, its store, clock, records and log.

Attribute names carry units (``_s``); the keys of the file don't, because their values do.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from smsgw.config.clickhouse import ClickHouseSettings
from smsgw.config.links import LinksSettings
from smsgw.config.oidc import OidcSettings, is_loopback
from smsgw.config.reports import ReportSettings
from smsgw.config.store import StoreSettings
from smsgw.config.workers import Role, parse_workers
from smsgw.documents.values import (
    ExistingFile,
    Host,
    Listed,
    Moment,
    Name,
    PerSecond,
    Port,
    PositiveSeconds,
    Seconds,
    Settings,
    Strings,
    SystemId,
    Text,
)

Uncertain = Literal["resend", "report"]
_ADDRESS = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[^\s/:@?#\[\]]+)(:[0-9]{1,5})?/?")


def _ops_address(value: object) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise ValueError(f'expected the ops port of a gateway such as "http://10.0.0.5:8775", found {value!r}')
    return value.rstrip("/")


OpsAddress = Annotated[str, BeforeValidator(_ops_address, json_schema_input_type=str)]


def _workers(value: object) -> object:
    parse_workers(value)
    return value


class NodeSettings(Settings):
    """``[node]``: the name under which this process holds leases and writes records.

    Others take over what a process holds when it was not heard of for ``lease_s``. ``workers``: so many processes on
    this machine, a number or by role ("esme:2,carrier:2"); ``role``: what each of a plain number does.
    """

    name: Name = "node1"
    lease_s: PositiveSeconds = Field(10.0, alias="lease", ge=1, le=300)
    workers: Annotated[int | str, BeforeValidator(_workers)] = 1
    role: Role | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """The role of each process of this machine."""
        return parse_workers(self.workers, self.role)

    @field_validator("role")
    @classmethod
    def _said_once(cls, role: Role | None, values: ValidationInfo) -> Role | None:
        parse_workers(values.data.get("workers", 1), role)
        return role


class ListenerTlsSettings(Settings):
    """``[listener.tls]``: a second port, TLS from the first octet."""

    port: Port = 3550
    certificate: ExistingFile
    key: ExistingFile
    client_ca: ExistingFile | None = None
    require_client_certificate: bool = False

    @model_validator(mode="after")
    def _ca_for_clients(self) -> Self:
        if self.require_client_certificate and self.client_ca is None:
            raise ValueError("require_client_certificate needs client_ca: who signs the clients' certificates?")
        return self


class ListenerSettings(Settings):
    """``[listener]``: where applications bind. Timers of 0 are off.

    ``remember_passwords``: what was right is known to the whole site and after a restart, or to this process only.
    """

    host: Host = "127.0.0.1"
    port: Port = 2775
    system_id: SystemId = "smsgw"
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 2000
    remember_passwords: Literal["store", "process"] = "store"
    session_init_s: PositiveSeconds = Field(50.0, alias="session_init")
    enquire_link_s: Seconds = Field(30.0, alias="enquire_link")
    inactivity_s: Seconds = Field(150.0, alias="inactivity")
    response_s: PositiveSeconds = Field(10.0, alias="response")
    tls: ListenerTlsSettings | None = None


class OpsSettings(Settings):
    """``[ops]``: health and metrics over HTTP."""

    host: Host = "127.0.0.1"
    port: Port = 8775


class ConsoleSettings(Settings):
    """``[console]``: the HTTP interface for staff. ``hosts``: names it goes by besides its address and localhost.

    ``gateways``: ops ports that it asks what happens now, this site's own if left out. ``keep_archive``: it also runs
    a keeper of the archive. ``oidc``: people may sign in by the company's identity provider.
    """

    host: Host = "127.0.0.1"
    port: Port = 8776
    hosts: Strings = ()
    gateways: Listed[OpsAddress] = ()
    keep_archive: bool = True
    certificate: ExistingFile | None = None
    key: ExistingFile | None = None
    oidc: OidcSettings | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both for HTTPS, or none")
        return self

    @model_validator(mode="after")
    def _is_called_so(self) -> Self:
        name = urlsplit(self.oidc.url).hostname if self.oidc is not None else None
        if name is not None and not is_loopback(name) and name not in (self.host, *map(str.lower, self.hosts)):
            raise ValueError(f"oidc.url: the console does not go by the name {name!r}; hosts adds names")
        return self


class RecordSettings(Settings):
    """``[records]``: the event log; ``directory`` is relative to the state directory.

    ``keep_days``: so long the archive keeps records, 0 for ever. ``archive_every_s``: from one round of its keeper to
    the next. ``carrier_pdus``: what carriers were sent and said is kept octet for octet.
    """

    directory: Text = "records"
    keep_days: Annotated[int, Field(ge=0, le=36_500)] = 183
    carrier_pdus: bool = False
    archive_every_s: PositiveSeconds = Field(60.0, alias="archive_every", ge=1, le=3600)
    clickhouse: ClickHouseSettings | None = None


class ClockSettings(Settings):
    """``[clock]``: business time. ``test`` starts at ``start`` (else now) and can be moved; never for real traffic.

    ``rate`` is business seconds per real second, 0 to 1,000,000; 0 stands still until it is moved.
    """

    mode: Literal["real", "test"] = "real"
    start: Moment | None = None
    rate: Annotated[float, Field(ge=0, le=1e6)] = 1.0

    @model_validator(mode="after")
    def _start_only_in_tests(self) -> Self:
        if self.start is not None and self.mode == "real":
            raise ValueError('start needs mode = "test": real time can\'t be set')
        if self.rate != 1 and self.mode == "real":
            raise ValueError('rate needs mode = "test": real time can\'t be sped up')
        return self


class LongSettings(Settings):
    """``[long]``: messages in segments. After ``early_answer_s`` a segment is answered although others are missing."""

    early_answer_s: PositiveSeconds = Field(0.3, alias="early_answer")
    expire_s: PositiveSeconds = Field(60.0, alias="expire")


class LanesSettings(Settings):
    """``[lanes]``: a verification code that is not with a carrier after ``otp_limit_s`` expires; 0 s: as all others."""

    otp_limit_s: Seconds = Field(30.0, alias="otp_limit")


class UncertainSettings(Settings):
    """``[uncertain]``: what becomes of a message that was written to a carrier and never answered."""

    otp: Uncertain = "resend"
    notice: Uncertain = "report"
    marketing: Uncertain = "report"

    @property
    def by_class(self) -> tuple[Uncertain, Uncertain, Uncertain]:
        """Indexed by MessageClass."""
        return (self.otp, self.notice, self.marketing)


class ChannelSettings(Settings):
    """``[channels]``: whether accounts and carriers need an approval, see ``smsgw channel``. None: nobody has said."""

    approval: Literal["required", "none"] | None = None

    @property
    def approval_required(self) -> bool:
        """Whether only active channels load."""
        return self.approval == "required"


class PauseSettings(Settings):
    """``[pause]``: what waited for a pause to end goes out in order at this rate, over all processes."""

    resume_per_s: PerSecond = Field(100.0, alias="resume_rate")


class ApplySettings(Settings):
    """``[apply]``: how this process takes part in versions of the site.

    ``follow`` false: it runs its own files, whatever is applied. For ``watch`` after a version came into force it is
    rolled back when the share of messages refused or failed has grown by ``rise``, of at least ``sample`` messages.
    """

    follow: bool = True
    watch_s: Seconds = Field(60.0, alias="watch")
    rise: Annotated[float, Field(gt=0, le=1)] = 0.1
    sample: Annotated[int, Field(ge=1)] = 50


class LogSettings(Settings):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class NodeFile(Settings):
    """The whole of ``smsgw.toml``; every table may be left out."""

    node: NodeSettings = NodeSettings()
    listener: ListenerSettings = ListenerSettings()
    store: StoreSettings = StoreSettings()
    ops: OpsSettings = OpsSettings()
    console: ConsoleSettings = ConsoleSettings()
    links: LinksSettings = LinksSettings()
    records: RecordSettings = RecordSettings()
    reports: ReportSettings = ReportSettings()
    clock: ClockSettings = ClockSettings()
    long: LongSettings = LongSettings()
    lanes: LanesSettings = LanesSettings()
    uncertain: UncertainSettings = UncertainSettings()
    channels: ChannelSettings = ChannelSettings()
    pause: PauseSettings = PauseSettings()
    apply: ApplySettings = ApplySettings()
    log: LogSettings = LogSettings()
