"""A running gateway becomes another one: accounts, rules, routes and carriers of a new version, links kept.

Owns: what of a new site is put in place (accounts, rules, numbers: at once, as whole values), what changes a living
carrier (rate, window, timers, codes), what needs new binds beside the old ones (address, credentials, kinds of binds),
and what ends (removed carriers, whose messages move; removed accounts, whose sessions are let go). Runs on the loop in
one piece, so no message sees half of each. Never reads files and never builds: everything comes compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smsgw.carrier.pool import Pool
    from smsgw.carrier.settings import CarrierSettings
    from smsgw.esme.account import AccountSettings
    from smsgw.gateway.account_rules import AccountRules
    from smsgw.gateway.context import GatewaySettings, Numbers
    from smsgw.gateway.gateway import Gateway
    from smsgw.policy.mo_words import MoWords
    from smsgw.policy.retry import CarrierStatuses


@dataclass(frozen=True, slots=True)
class SiteParts:
    """A whole site, compiled. ``links``: what of each carrier can't change without a new bind."""

    settings: GatewaySettings
    accounts: Mapping[str, AccountSettings]
    rules: Mapping[str, AccountRules]
    carriers: Mapping[str, CarrierSettings]
    links: Mapping[str, Hashable]
    statuses: Mapping[str, CarrierStatuses]
    dialled: Numbers
    mo_words: MoWords


class LiveChange:
    """``put`` a site in place of the one before."""

    def __init__(self, gateway: Gateway, parts: SiteParts, make_pool: Callable[[CarrierSettings], Pool]) -> None:
        self._gateway = gateway
        self._make_pool = make_pool
        self.parts = parts
