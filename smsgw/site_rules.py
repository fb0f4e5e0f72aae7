"""What both the gateway and the commands make of a site: the store's settings and the compiled rules.

Here and not in ``wiring``, which builds the edges too and would drag the whole gateway into every command; and one
place for both, so that ``smsgw explain`` judges by the very rules that the gateway judges by. Starts nothing.
"""

from __future__ import annotations

from smsgw.config.site import Site
from smsgw.policy.caps import CapSet
from smsgw.policy.pipeline import Rules, compile_rules
from smsgw.policy.registers import Registers
from smsgw.store.access import Access, Tls
from smsgw.store.connection import StoreSettings


def store_settings(site: Site) -> StoreSettings:
    """What the store keeps, for how long, and how to get into it."""
    return StoreSettings(
        access=_access(site),
        replicas=site.store.replicas,
        replicas_timeout_s=site.store.replicas_timeout_s,
        memory_stages=site.store.memory_stages,
        partitions=site.store.partitions,
        timeout_s=site.store.timeout_s,
        state_ttl_ms=int(site.store.state_ttl_s * 1000),
        receipt_ttl_ms=int(site.store.receipt_ttl_s * 1000),
        early_ttl_ms=int(site.store.early_receipt_ttl_s * 1000),
    )


def _access(site: Site) -> Access:
    store, of_sentinels = site.store, site.store.sentinel
    tls = None if store.tls is None else Tls(store.tls.ca, store.tls.certificate, store.tls.key, store.tls.server_name)
    if of_sentinels is None:
        return Access(store.user, store.password_file, tls, sentinel_tls=tls)
    their_tls = None if of_sentinels.tls is False else tls or (Tls() if of_sentinels.tls else None)
    return Access(store.user, store.password_file, tls, of_sentinels.user, of_sentinels.password_file, their_tls)


def compiled_rules(site: Site, registers: Registers) -> dict[str, Rules]:
    """Every account's rules, compiled, by account. They read ``registers`` anew for each message."""
    carriers = {name: carrier.policy() for name, carrier in site.carriers.items()}
    approval_required = site.file.channels.approval_required
    short_links = site.links.short_links() if site.links.is_on else None
    shared: dict[str, CapSet] = {}
    rules = {}
    for name, account in site.accounts.items():
        profile = site.profile_of(account)
        caps = shared.setdefault(profile.name, CapSet(profile.caps, profile.zone, profile.same_content))
        policy = account.policy(short_links)
        rules[name] = compile_rules(
            profile, policy, site.routes, carriers, site.workdays, caps, registers, approval_required
        )
    return rules
