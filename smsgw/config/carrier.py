"""``carriers/*.toml``: one upstream each — where, how to bind, how fast, and its habits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, Strict, model_validator

from smsgw.config.carrier_content import IdForm, LongSettings, SegmentReceipts, TextSettings, fit_of
from smsgw.config.carrier_shaping import AccountRates, AutoWindowSettings, LaneSettings, Window
from smsgw.config.codes import BreakerTable, CarrierCodes, CodesFile, CodesSettings, FailoverSettings, code_table
from smsgw.config.fields import NetworkName
from smsgw.documents.names import with_hint
from smsgw.documents.values import (
    DigitsOrEmpty,
    ExistingFile,
    Host,
    Listed,
    Name,
    PerSecond,
    Port,
    PositiveSeconds,
    Seconds,
    SecretFile,
    Settings,
    ShortText,
    SmppPassword,
    Strings,
    SystemId,
    one_word,
)
from smsgw.policy.failover import FailoverPolicy
from smsgw.policy.profile import CarrierPolicy, SignaturePosition
from smsgw.policy.retry import Action, CarrierStatuses
from smsgw.smpp.alphabet import DEFAULT_ALPHABETS
from smsgw.smpp.convert import Fit

_VERSIONS: Final = {"3.3": 0x33, "3.4": 0x34, "5.0": 0x50}
DEFAULT_RATE_PER_S: Final = 100.0
FIRST_AUTO_WINDOW: Final = 10
_ACTIONS: Final = tuple(action.value for action in Action)


def _version(value: object) -> int:
    if not isinstance(value, str) or value not in _VERSIONS:
        raise ValueError(f'expected "3.3", "3.4" or "5.0", found {value!r}')
    return _VERSIONS[value]


def _status(value: object) -> int:
    try:
        number = int(value, 0) if isinstance(value, str) else 0
    except ValueError:
        number = 0
    if not 0 < number <= 0xFFFFFFFF:
        raise ValueError(f'expected a command_status such as "0x58", found {value!r}')
    return number


def _one_of(words: Collection[str]) -> BeforeValidator:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(with_hint(f"unknown word {value!r}", value, words))
        return value

    return BeforeValidator(check, json_schema_input_type=one_word(words))


Cost = Annotated[float, Strict(False), Field(ge=0, allow_inf_nan=False)]
"""Of a segment, in the money that the site counts in."""
StatusActions = dict[
    Annotated[int, BeforeValidator(_status, json_schema_input_type=str)], Annotated[str, _one_of(_ACTIONS)]
]
"""command_status → a value of policy's ``retry.Action``."""


class BindSettings(Settings):
    """Connections of one type."""

    type: Literal["transceiver", "transmitter", "receiver"]
    count: Annotated[int, Field(ge=1, le=64)] = 1


class CarrierTlsSettings(Settings):
    """``[tls]``: without ``ca`` the system's authorities are trusted; ``server_name`` defaults to the host."""

    server_name: str = ""
    ca: ExistingFile | None = None
    certificate: ExistingFile | None = None
    key: ExistingFile | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self


class OutbindSettings(Settings):
    """``[outbind]``: the carrier connects here, and says so with an outbind; binds that receive wait for it."""

    host: Host = "127.0.0.1"
    port: Annotated[Port, Field(ge=1)]
    system_id: SystemId
    password: SmppPassword = Field("", repr=False)


class CarrierSettings(Settings):
    """One upstream. ``window`` is per bind; ``rate_per_s`` and ``burst`` count segments over the whole carrier.

    Without a ``rate`` the carrier's is what its binds may send together, where they have one.
    """

    name: Name
    host: Host
    port: Annotated[Port, Field(ge=1)]
    system_id: SystemId
    password_text: SmppPassword = Field("", alias="password", repr=False)
    password_file: SecretFile = Field("", repr=False)
    system_type: ShortText = ""
    interface_version: Annotated[
        int, BeforeValidator(_version, json_schema_input_type=Literal["3.3", "3.4", "5.0"])
    ] = 0x34
    bind_groups: Annotated[tuple[BindSettings, ...], Strict(False)] = Field(
        (BindSettings(type="transceiver"),), alias="binds", min_length=1
    )
    outbind: OutbindSettings | None = None
    tls: CarrierTlsSettings | None = None
    window_size: Window = Field(10, alias="window")
    auto_window: AutoWindowSettings | None = None
    rate: PerSecond | None = None
    burst_segments: Annotated[int, Field(ge=1)] | None = Field(None, alias="burst")
    bind_rate_per_s: PerSecond | None = Field(None, alias="bind_rate")
    bind_burst_segments: Annotated[int, Field(ge=1)] | None = Field(None, alias="bind_burst")
    account_rates: AccountRates = Field(default_factory=dict)
    lanes: LaneSettings = LaneSettings()
    connect_timeout_s: PositiveSeconds = Field(10.0, alias="connect_timeout")
    bind_timeout_s: PositiveSeconds = Field(10.0, alias="bind_timeout")
    enquire_link_s: Seconds = Field(30.0, alias="enquire_link")
    inactivity_s: Seconds = Field(0.0, alias="inactivity")
    response_s: PositiveSeconds = Field(10.0, alias="response")
    reconnect_min_s: PositiveSeconds = Field(1.0, alias="reconnect_min")
    reconnect_max_s: PositiveSeconds = Field(60.0, alias="reconnect_max")
    failover_after_s: Seconds = Field(5.0, alias="failover_after")
    retry_attempts: Annotated[int, Field(ge=0, le=100)] = 5
    response_id: IdForm = "text"
    receipt_id: IdForm = "text"
    segment_receipts: SegmentReceipts = "each"
    receipt_overdue_s: PositiveSeconds = Field(24 * 3600.0, alias="receipt_overdue")
    long: LongSettings | None = None
    text: TextSettings | None = None
    signature_position: SignaturePosition | None = None
    unsubscribe_phrases: Strings = ()
    source_number: DigitsOrEmpty = ""
    default_alphabet: Annotated[str, _one_of(DEFAULT_ALPHABETS)] = "gsm0338"
    status_actions: StatusActions = Field(default_factory=dict, alias="statuses")
    cost: Cost = 0.0
    costs: dict[NetworkName, Cost] = Field(default_factory=dict)
    networks: Listed[NetworkName] = ()
    codes: CodesSettings | None = None
    failover: FailoverSettings = FailoverSettings()
    breaker: BreakerTable | None = None
    #: What the carrier does beyond its contract, for the simulator; the gateway must find that out for itself.
    habits: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.password_text and self.password_file:
            raise ValueError("expected either password or password_file, found both")
        if len(self.password) > 8:
            raise ValueError(f"password_file holds {len(self.password)} characters; SMPP carries at most 8")
        if self.reconnect_min_s > self.reconnect_max_s:
            raise ValueError("reconnect_min is longer than reconnect_max")
        if self.auto_window is not None and self.window_size != "auto":
            raise ValueError('auto_window needs window = "auto"')
        if self.bind_burst_segments is not None and self.bind_rate_per_s is None:
            raise ValueError("bind_burst needs bind_rate")
        if all(group.type == "receiver" for group in self.bind_groups):
            raise ValueError("binds: none of them can transmit")
        if self.outbind is not None and self.tls is not None:
            raise ValueError("outbind is not taken over TLS")
        if self.outbind is not None and not self.receives:
            raise ValueError("outbind needs a bind that receives")
        return self

    @property
    def password(self) -> str:
        """What is sent in the bind, from wherever it was given."""
        return self.password_text or self.password_file

    @property
    def binds(self) -> tuple[str, ...]:
        """One entry, the bind's type, for each connection."""
        return tuple(group.type for group in self.bind_groups for _ in range(group.count))

    @property
    def auto_window_sizes(self) -> tuple[int, int] | None:
        """Least and most of windows that size themselves; None where the file says how large they are."""
        if self.window_size != "auto":
            return None
        sizes = self.auto_window or AutoWindowSettings()
        return sizes.least, sizes.most

    @property
    def window(self) -> int:
        """Unanswered requests on one bind, at first where windows size themselves."""
        if self.window_size != "auto":
            return self.window_size
        sizes = self.auto_window or AutoWindowSettings()
        return min(max(FIRST_AUTO_WINDOW, sizes.least), sizes.most)

    @property
    def rate_per_s(self) -> float:
        """Segments a second over the whole carrier."""
        if self.rate is not None:
            return self.rate
        if self.bind_rate_per_s is not None:
            return self.bind_rate_per_s * sum(kind != "receiver" for kind in self.binds)
        return DEFAULT_RATE_PER_S

    @property
    def bind_burst(self) -> float | None:
        """Segments at once over one bind; a second's worth unless set."""
        return float(self.bind_burst_segments) if self.bind_burst_segments is not None else None

    @property
    def burst(self) -> float:
        """Segments at once; a second's worth unless set."""
        return float(self.burst_segments or max(self.rate_per_s, 1.0))

    @property
    def receives(self) -> bool:
        """Whether receipts and MO can come over any of its binds."""
        return any(group.type != "transmitter" for group in self.bind_groups)

    def failover_policy(self, files: Mapping[str, CodesFile]) -> FailoverPolicy:
        """When and where its messages go elsewhere; ``files``: the site's tables of codes."""
        table = code_table(self.codes, files)
        codes = self.codes or CarrierCodes()
        actions = {status: Action(word) for status, word in self.status_actions.items()}
        return FailoverPolicy(
            on_timeout=self.failover.on_timeout,
            on_receipt=self.failover.on_receipt,
            latency_s=self.failover.latency_s,
            response_s=self.failover.response.by_class,
            codes=table,
            statuses=CarrierStatuses(actions, table),
            breaker=self.breaker.settings() if self.breaker is not None else None,
            opens_minute=codes.opens_minute,
            cap_s=codes.cap_s,
            signature_after=codes.signature_after,
            signature_pause_s=codes.signature_pause_s,
        )

    def fit(self) -> Fit:
        """The shapes of messages that it takes."""
        return fit_of(self.long, self.text, self.default_alphabet)

    def policy(self) -> CarrierPolicy:
        """What the rules need to know of this carrier."""
        return CarrierPolicy(
            self.name,
            self.signature_position,
            self.unsubscribe_phrases,
            cost=self.cost,
            costs=self.costs,
            networks=frozenset(self.networks),
        )
