"""A running gateway becomes another one: accounts, rules, routes and carriers of a new version, links kept.

Owns: what of a new site is put in place (accounts, rules, numbers: at once, as whole values), what changes a living
carrier (rate, window, timers, codes), what needs new binds beside the old ones (address, credentials, kinds of binds),
and what ends (removed carriers, whose messages move; removed accounts, whose sessions are let go). Runs on the loop in
one piece, so no message sees half of each. Never reads files and never builds: everything comes compiled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smsgw.esme.account import Account

if TYPE_CHECKING:
    from smsgw.carrier.pool import Pool
    from smsgw.carrier.settings import CarrierSettings
    from smsgw.esme.account import AccountSettings
    from smsgw.gateway.account_rules import AccountRules
    from smsgw.gateway.context import GatewaySettings, Numbers
    from smsgw.gateway.gateway import Gateway
    from smsgw.policy.mo_words import MoWords

#: What is under way of a removed account (segments that wait for the rest, answers) still finds its rules so long.
FORGET_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class SiteParts:
    """A whole site, compiled. ``links``: what of each carrier can't change without a new bind; ``sources``: all of what
    it is made of, to see whether anything has changed."""

    settings: GatewaySettings
    accounts: Mapping[str, AccountSettings]
    rules: Mapping[str, AccountRules]
    carriers: Mapping[str, CarrierSettings]
    links: Mapping[str, Hashable]
    sources: Mapping[str, object]
    dialled: Numbers
    mo_words: MoWords


class LiveChange:
    """``put`` a site in place of ``parts``, the one before."""

    def __init__(
        self,
        gateway: Gateway,
        parts: SiteParts,
        make_pool: Callable[[CarrierSettings], Pool],
        log: Callable[[str, dict[str, object]], None],
    ) -> None:
        self._gateway = gateway
        self._log = log
        self._make_pool = make_pool
        #: Removed accounts; whoever comes back is the one that was there, for deliveries may be under way.
        self._removed: dict[str, Account] = {}
        self.parts = parts

    def put(self, parts: SiteParts) -> None:
        """Become this site, between two messages."""
        before, self.parts = self.parts, parts
        context = self._gateway.context
        context.settings = parts.settings
        context.dialled = parts.dialled
        context.mo_words = parts.mo_words
        # Rules before accounts: who finds an account finds its rules.
        context.rules.update(parts.rules)
        self._put_accounts(parts.accounts)
        self._put_carriers(before, parts)
        self._gateway.changed_over()

    # -- inside

    def _put_accounts(self, accounts: Mapping[str, AccountSettings]) -> None:
        there = self._gateway.context.accounts
        for name, settings in accounts.items():
            known = there.get(name) or self._removed.pop(name, None)
            if known is None:
                known = Account(settings)
            elif known.settings != settings:
                known.renew(settings)
            there[name] = known
        for name in there.keys() - accounts.keys():
            self._removed[name] = there.pop(name)
            for session in tuple(self._removed[name].sessions):
                session.send_unbind()
            asyncio.get_running_loop().call_later(FORGET_S, self._forget, name)

    def _forget(self, name: str) -> None:
        if name not in self.parts.accounts:
            self._gateway.context.rules.pop(name, None)

    def _put_carriers(self, before: SiteParts, parts: SiteParts) -> None:
        gateway = self._gateway
        pools = gateway.context.pools
        for name, settings in parts.carriers.items():
            pool = pools.get(name)
            if pool is None:
                gateway.start_pool(self._make_pool(settings))
            elif parts.links[name] != before.links.get(name):
                # The new binds are made while the old ones bring in what they have.
                gateway.start_pool(self._make_pool(settings))
                pool.retire()
                self._told("carrier.binds_replaced", name)
            elif parts.sources[name] != before.sources.get(name):
                pool.renew(settings)
                gateway.queues[name].renew(pool)
                self._told("carrier.renewed", name)
        for name in pools.keys() - parts.carriers.keys():
            pools.pop(name).retire()
            gateway.queues[name].leave()
            self._told("carrier.removed", name)

    def _told(self, event: str, carrier: str) -> None:
        self._log(event, {"carrier": carrier})
