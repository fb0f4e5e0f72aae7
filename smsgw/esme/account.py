"""An application's account: what the site file allows it, and its live sessions.

``AccountSettings`` is what the configuration hands over; ``Account`` adds what changes while running.
A reload replaces ``settings`` of a living ``Account``; sessions stay.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smsgw.policy.rate_slices import RateSlices
from smsgw.smpp.constants import CommandId

if TYPE_CHECKING:
    from smsgw.esme.session import EsmeSession

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

ALL_BIND_TYPES = frozenset(
    (int(CommandId.BIND_TRANSMITTER), int(CommandId.BIND_RECEIVER), int(CommandId.BIND_TRANSCEIVER))
)


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What a site file says of one account. ``window`` bounds their unanswered requests, ``deliver_window`` ours.

    ``rate_per_s`` counts segments. ``bind_types`` holds command ids of the bind requests that are allowed.
    ``reject_mode`` is ``status`` or ``receipt``, ``long_receipts`` ``each`` or ``one``;
    ``message_class`` is a ``policy.MessageClass`` value.
    """

    system_id: str
    password_hash: str
    message_class: int
    department: str = ""
    allow_networks: tuple[IpNetwork, ...] = ()
    max_binds: int = 4
    bind_types: frozenset[int] = ALL_BIND_TYPES
    window: int = 50
    deliver_window: int = 50
    rate_per_s: float = 1000.0
    explain: bool = False
    vendor_codes: bool = True
    reject_mode: str = "status"
    long_receipts: str = "each"
    tls_client_cn: str = ""

    def allows_address(self, host: str) -> bool:
        """True when ``host`` (an IP address as text) is in one of the allowed networks."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.allow_networks)


class Account:
    """One account while the gateway runs. ``sessions`` are the bound ones, ``slices`` our part of the rate."""

    __slots__ = ("sessions", "settings", "slices", "turn")

    def __init__(self, settings: AccountSettings) -> None:
        self.settings = settings
        self.sessions: list[EsmeSession] = []
        self.slices = RateSlices(settings.rate_per_s)
        self.turn = 0

    def renew(self, settings: AccountSettings) -> None:
        """Other settings; sessions stay, also those that would not be let in any more."""
        self.slices.rate_per_s = settings.rate_per_s
        self.settings = settings
        for session in self.sessions:
            session.link.window.limit = settings.deliver_window

    def receiver(self) -> EsmeSession | None:
        """A session that can take a deliver_sm now, in turn; None when there is none."""
        sessions = self.sessions
        count = len(sessions)
        for offset in range(count):
            session = sessions[(self.turn + offset) % count]
            if session.can_deliver:
                self.turn = (self.turn + offset + 1) % count
                return session
        return None

    @property
    def has_receiver(self) -> bool:
        """True when an RX or TRX session is bound, whether or not its window has room."""
        return any(session.receives for session in self.sessions)
