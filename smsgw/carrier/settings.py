"""What a carrier's profile says, as the configuration hands it over. All times in seconds."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from smsgw.policy.failover import FailoverPolicy
from smsgw.smpp.constants import CommandId
from smsgw.smpp.convert import ANYTHING, Fit

BIND_COMMANDS: Mapping[str, int] = {
    "transceiver": int(CommandId.BIND_TRANSCEIVER),
    "transmitter": int(CommandId.BIND_TRANSMITTER),
    "receiver": int(CommandId.BIND_RECEIVER),
}


@dataclass(frozen=True, slots=True)
class Outbind:
    """Where the carrier calls, and what it says then."""

    host: str
    port: int
    system_id: str
    password: str


@dataclass(frozen=True, slots=True)
class CarrierSettings:
    """One configured upstream.

    ``binds`` has one entry for each connection, a key of ``BIND_COMMANDS``. ``window`` is per bind.
    ``rate_per_s`` and ``burst`` count segments over the whole carrier. ``response_id`` and ``receipt_id``
    say how ids are written (``smpp.canonical.FORMS``, or auto), ``segment_receipts`` for which segments of a long
    message receipts come (each, first, last), ``fit`` which shapes of messages it takes. ``failover`` has what its
    statuses and codes mean.
    Where ``auto_window`` has a smallest and a largest size, windows size themselves and begin at ``window``.
    ``bind_rate_per_s`` (None: no limit) is for each bind alone, ``account_rates`` for accounts by name, ``reserved``
    are the shares of lanes, a lane ages after ``age_after_s`` (0: never).
    With ``outbind`` its binds that receive wait for the carrier to connect.
    ``failover_after_s`` is how long all binds may be down before waiting messages move to the next carrier.
    """

    name: str
    host: str
    port: int
    system_id: str
    password: str
    binds: tuple[str, ...] = ("transceiver",)
    system_type: str = ""
    interface_version: int = 0x34
    window: int = 10
    rate_per_s: float = 100.0
    burst: float = 100.0
    auto_window: tuple[int, int] | None = None
    bind_rate_per_s: float | None = None
    bind_burst: float | None = None
    account_rates: Mapping[str, float] = field(default_factory=dict)
    reserved: tuple[float, ...] = (0.0, 0.0, 0.0)
    age_after_s: float = 60.0
    outbind: Outbind | None = None
    tls: ssl.SSLContext | None = None
    tls_server_name: str | None = None
    connect_timeout_s: float = 10.0
    bind_timeout_s: float = 10.0
    enquire_link_s: float = 30.0
    inactivity_s: float = 0.0
    response_s: float = 10.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 60.0
    failover_after_s: float = 5.0
    retry_attempts: int = 5
    response_id: str = "text"
    receipt_id: str = "text"
    segment_receipts: str = "each"
    receipt_overdue_s: float = 24 * 3600.0
    fit: Fit = ANYTHING
    source_number: str = ""
    failover: FailoverPolicy = field(default_factory=FailoverPolicy)
