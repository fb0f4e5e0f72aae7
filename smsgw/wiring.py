"""From a checked site to the parts that run: settings of the edges, compiled rules, TLS contexts.

Only translates; starts nothing. The rooms have their own small settings, so that none of them knows the files.
"""

from __future__ import annotations

import ssl
from collections.abc import Hashable
from pathlib import Path

from smsgw.carrier.settings import CarrierSettings, Outbind
from smsgw.clock import BusinessClock, RealClock, TestClock
from smsgw.config.account import AccountSettings as AccountFile
from smsgw.config.carrier import CarrierSettings as CarrierFile
from smsgw.config.passwords import MOST_REMEMBERED, PasswordChecker
from smsgw.config.site import Site
from smsgw.errors import ConfigError
from smsgw.esme.account import AccountSettings
from smsgw.esme.listener import ListenerSettings
from smsgw.gateway.account_rules import AccountRules
from smsgw.gateway.change import SiteParts
from smsgw.gateway.context import Dialled, GatewaySettings, Numbers
from smsgw.gateway.proof_desk import ProofDesk
from smsgw.policy.mo_words import MoWords, all_words
from smsgw.policy.registers import Registers
from smsgw.site_rules import compiled_rules
from smsgw.site_rules import store_settings as store_settings
from smsgw.store.connection import Store
from smsgw.store.proved import ProvedPasswords
from smsgw.supervisor.errand import Errand


def clock_of(site: Site) -> BusinessClock:
    """Real time, or the clock of test mode."""
    if site.clock.mode == "real":
        return RealClock()
    return TestClock(site.clock.start or RealClock().now(), site.clock.rate)


def gateway_settings(site: Site) -> GatewaySettings:
    """What the journeys need."""
    return GatewaySettings(
        node=site.node_name,
        lease_s=site.file.node.lease_s,
        early_answer_s=site.long.early_answer_s,
        long_expire_s=site.long.expire_s,
        uncertain=site.uncertain.by_class,
        otp_limit_s=site.file.lanes.otp_limit_s,
        queue_limit=site.store.queue_limit,
        away_otp_rate_per_s=site.store.away_otp_rate_per_s or 0.0,
        resume_rate_per_s=site.file.pause.resume_per_s,
        sends=site.file.node.role != "esme",
        approval_required=site.channels.approval == "required",
        zone=min(site.profiles.items())[1].zone,
    )


def listener_settings(site: Site, errand: Errand | None = None) -> ListenerSettings:
    """Where applications bind; a worker shares the ports with others of its machine."""
    listener = site.listener
    return ListenerSettings(
        host=listener.host,
        port=listener.port,
        system_id=listener.system_id,
        session_init_s=listener.session_init_s,
        enquire_link_s=listener.enquire_link_s,
        inactivity_s=listener.inactivity_s,
        response_s=listener.response_s,
        max_connections=listener.max_connections,
        tls_port=listener.tls.port if listener.tls is not None else None,
        reuse_port=errand is not None,
        first_number=errand.number if errand is not None else 1,
        number_step=errand.of if errand is not None else 1,
    )


async def passwords(site: Site, store: Store) -> tuple[PasswordChecker, ProofDesk]:
    """Who checks passwords, with what other processes and earlier lives have proved, if the site wants that."""
    shared = site.listener.remember_passwords == "store"
    checker = PasswordChecker(key=store.recipients.key_for("passwords") if shared else b"")
    desk = ProofDesk(ProvedPasswords(store, MOST_REMEMBERED) if shared else None, checker.mark, checker.remember)
    await desk.load()
    return checker, desk


def listener_tls(site: Site) -> ssl.SSLContext | None:
    """The listener's TLS context, None when it has no TLS port. Raises ConfigError for a bad certificate."""
    tls = site.listener.tls
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_chain(context, site, tls.certificate, tls.key)
    if tls.client_ca is not None:
        context.load_verify_locations(tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if tls.require_client_certificate else ssl.CERT_OPTIONAL
    return context


def account_settings(account: AccountFile) -> AccountSettings:
    """What the ESME edge needs of one account."""
    return AccountSettings(
        system_id=account.system_id,
        password_hash=account.password_hash,
        message_class=account.message_class,
        department=account.department,
        allow_networks=tuple(account.allow_networks),
        max_binds=account.max_binds,
        bind_types=account.bind_types,
        window=account.window,
        deliver_window=account.deliver_window,
        rate_per_s=account.rate_per_s,
        explain=account.explain,
        vendor_codes=account.vendor_codes,
        reject_mode=account.reject_mode,
        long_receipts=account.long_receipts,
        tls_client_cn=account.tls_client_cn,
    )


def carrier_settings(site: Site, carrier: CarrierFile) -> CarrierSettings:
    """What the carrier edge needs of one carrier."""
    return CarrierSettings(
        name=carrier.name,
        host=carrier.host,
        port=carrier.port,
        system_id=carrier.system_id,
        password=carrier.password,
        binds=carrier.binds,
        system_type=carrier.system_type,
        interface_version=carrier.interface_version,
        window=carrier.window,
        rate_per_s=carrier.rate_per_s,
        burst=carrier.burst,
        auto_window=carrier.auto_window_sizes,
        bind_rate_per_s=carrier.bind_rate_per_s,
        bind_burst=carrier.bind_burst,
        account_rates=carrier.account_rates,
        reserved=carrier.lanes.reserved.by_lane,
        age_after_s=carrier.lanes.age_after_s,
        outbind=Outbind(**carrier.outbind.model_dump()) if carrier.outbind is not None else None,
        tls=_carrier_tls(site, carrier),
        tls_server_name=(carrier.tls.server_name or None) if carrier.tls is not None else None,
        connect_timeout_s=carrier.connect_timeout_s,
        bind_timeout_s=carrier.bind_timeout_s,
        enquire_link_s=carrier.enquire_link_s,
        inactivity_s=carrier.inactivity_s,
        response_s=carrier.response_s,
        reconnect_min_s=carrier.reconnect_min_s,
        reconnect_max_s=carrier.reconnect_max_s,
        failover_after_s=carrier.failover_after_s,
        retry_attempts=carrier.retry_attempts,
        response_id=carrier.response_id,
        receipt_id=carrier.receipt_id,
        segment_receipts=carrier.segment_receipts,
        receipt_overdue_s=carrier.receipt_overdue_s,
        fit=carrier.fit(),
        source_number=carrier.source_number,
        failover=carrier.failover_policy(site.codes),
    )


def account_rules(site: Site, registers: Registers) -> dict[str, AccountRules]:
    """Every account's rules, compiled; they read ``registers`` anew for each message."""
    rules = compiled_rules(site, registers)
    approval_required = site.channels.approval == "required"
    capping = frozenset(name for name, each in site.carriers.items() if each.failover_policy(site.codes).codes.caps)
    return {
        name: AccountRules(
            name,
            account.message_class,
            rules[name],
            MoWords(site.profile_of(account).mo, account.dialogue_words),
            approval_required,
            capping,
        )
        for name, account in site.accounts.items()
    }


def site_parts(site: Site, registers: Registers) -> SiteParts:
    """Everything of a site that a running gateway can change over to. Raises ConfigError for a bad certificate."""
    return SiteParts(
        settings=gateway_settings(site),
        accounts={name: account_settings(each) for name, each in site.accounts.items()},
        rules=account_rules(site, registers),
        carriers={name: carrier_settings(site, each) for name, each in site.carriers.items()},
        links={name: carrier_link(each) for name, each in site.carriers.items()},
        sources={name: (each, dict(site.codes)) for name, each in site.carriers.items()},
        dialled=dialled_numbers(site),
        mo_words=all_mo_words(site),
    )


def carrier_link(carrier: CarrierFile) -> Hashable:
    """What of a carrier can't change without a new bind."""
    tls = carrier.tls
    return (
        carrier.host, carrier.port, carrier.system_id, carrier.password, carrier.binds, carrier.system_type,
        carrier.interface_version, tls and tuple(tls.model_dump().items()),
        carrier.outbind and tuple(carrier.outbind.model_dump().items()),
    )  # fmt: skip


def all_mo_words(site: Site) -> MoWords:
    """The words of all profiles: for MO to a number that nobody has."""
    return MoWords(all_words(profile.mo for profile in site.profiles.values()))


def dialled_numbers(site: Site) -> Numbers:
    """Whose each number is."""
    return Numbers(Dialled(number, owner.account, owner.signature) for number, owner in site.numbers.items())


def _carrier_tls(site: Site, carrier: CarrierFile) -> ssl.SSLContext | None:
    tls = carrier.tls
    if tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca is not None else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(tls.ca or "", 0, "tls.ca", f"of carrier {carrier.name} can't be used: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate is not None and tls.key is not None:
        _load_chain(context, site, tls.certificate, tls.key)
    return context


def _load_chain(context: ssl.SSLContext, site: Site, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(certificate, 0, "certificate", f"can't be used with {key}: {error}") from error
