"""The application: wires the rooms from a site, starts them in order, and drains them at SIGTERM.

Order of starting: the listener's ports, secrets, embedded server, store, recovery marks, leases, carriers, listener.
Order of ending: the listener takes nobody new, requests are refused, what is under way ends, applications and carriers
are unbound, leases given back, records written, the store closed. A start that fails, or is told to stop, gives back
what it has so far in the same order.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from smsgw import __version__, wiring
from smsgw.carrier.pool import Pool
from smsgw.carrier.settings import CarrierSettings
from smsgw.clock import TestClock
from smsgw.config.site import Site
from smsgw.config.workers import Role
from smsgw.doing import Doing
from smsgw.errors import StoreError
from smsgw.esme.account import Account
from smsgw.esme.doors import Doors
from smsgw.esme.listener import Listener
from smsgw.gateway.carrier_pdus import CarrierPdus
from smsgw.gateway.change import SiteParts
from smsgw.gateway.context import Context
from smsgw.gateway.gateway import Gateway
from smsgw.gateway.ids import MessageIds
from smsgw.gateway.proof_desk import ProofDesk
from smsgw.in_force import Builder, Built, Following, choose, waiting_for_former
from smsgw.link.ticker import Ticker
from smsgw.policy.model import Refusal
from smsgw.policy.orders import account_refusal
from smsgw.policy.registers import Registers
from smsgw.policy.retry import Backoff
from smsgw.process import allow_files, plainly, stop_at_signals, unless
from smsgw.records.log import RecordLog
from smsgw.smpp.constants import status_name
from smsgw.status import Status, watch
from smsgw.store.connection import Store
from smsgw.store.memory import MemoryStages
from smsgw.store.schema import Upgrade
from smsgw.store.secrets import load_or_create
from smsgw.store.server import EmbeddedServer
from smsgw.store.server_keeper import keep_running
from smsgw.supervisor.errand import Errand, with_role
from smsgw.supervisor.leash import Leash
from smsgw.telemetry.logs import EventLog
from smsgw.telemetry.metrics import Metrics
from smsgw.telemetry.ops import Heartbeat, OpsServer, must_be_free
from smsgw.telemetry.token import PURPOSE, TokenGuard
from smsgw.told import Teller
from smsgw.upkeep import Upkeep

DRAIN_S = 10.0
#: New objects before each generation of the collector runs. Messages make no cycles, and what is under way at full load
#: is less than the first: nobody waits for the collector then (``tests/bench/bench_gc.py``). Sessions are few.
GC_THRESHOLDS = (50_000, 20, 100)
_log = EventLog("smsgw.app")


async def run_site(
    site: Site,
    started: Callable[[App], None] = lambda app: None,
    applied: bool = False,
    role: Role | None = None,
    errand: Errand | None = None,
    leash: Leash | None = None,
) -> None:
    """Run the gateway until SIGTERM or SIGINT. ``applied``: not by its files, but by the version in force.

    ``role``: instead of its site's. ``errand`` and ``leash``: it is one of several workers, and ends with their
    supervisor. Raises SmsgwError when it can't start.
    """
    stop = stop_at_signals()
    app = App(site, applied, role, errand)
    if leash is not None:
        app.has_left = partial(leash.tell, left=True)
    with plainly():
        try:
            async with asyncio.TaskGroup() as tasks:
                held = [tasks.create_task(leash.hold(stop, app.look), name="leash")] if leash is not None else []
                if await unless(stop, app.start()):
                    started(app)
                    await app.run_until(stop)
                for each in held:
                    each.cancel()
        finally:
            await app.close()
    if app.put_out:
        raise StoreError(f"another process runs as node {site.node_name!r}, or has taken over what this one had")


class App:
    """One gateway process."""

    def __init__(
        self, site: Site, applied: bool = False, role: Role | None = None, errand: Errand | None = None
    ) -> None:
        self._role, self._errand = role, errand
        self.site = site = self._own(site)
        self._applied = applied
        self.clock = wiring.clock_of(site)
        if errand is not None and errand.clock is not None and isinstance(self.clock, TestClock):
            self.clock.follow(errand.clock)
        self.metrics = Metrics(__version__, status_name)
        self.embedded: EmbeddedServer | None = None
        self.heartbeat = Heartbeat()
        self.told = Teller(self).told
        self.store_up = False
        self.store: Store
        self.memory = MemoryStages(site.store.memory_stages)
        #: This machine's wall clock, as Redis' sees it.
        self.clock_ahead_s = 0.0
        self.records: RecordLog
        self._pdus: CarrierPdus | None = None
        self.gateway: Gateway
        self.following: Following
        self.listener: Listener
        self.doing: Doing
        self.ticker = Ticker()
        self.proofs: ProofDesk
        self.ops: OpsServer | None = None
        self._doors = Doors(site.listener.host)
        #: Called when others may have the binds of this process.
        self.has_left: Callable[[], None] = lambda: None
        self._has_joined = False
        #: Another process took this one's place; it has ended its work early.
        self.put_out = False
        #: It listens, if its role is to.
        self.started = False

    async def start(self) -> None:
        """Everything up to, not including, the first bind. ``close`` in any case."""
        site = self.site
        settings = wiring.listener_settings(site, self._errand)
        settings = replace(settings, max_connections=allow_files(settings.max_connections))
        tls = wiring.listener_tls(site)
        if self.role != "carrier":
            await self._doors.take(settings.ports, settings.reuse_port)
        must_be_free(site.ops.host, site.ops.port)
        site.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._open_store()
        self.records = RecordLog(site.records_dir, site.node_name, self.clock.now_ms)
        if site.file.records.carrier_pdus:
            self._pdus = CarrierPdus(self.records, self.clock, self.store.sealer.seal)
        await self._make_gateway()
        context = self.gateway.context
        passwords, self.proofs = await wiring.passwords(site, self.store)
        self.listener = Listener(
            settings,
            context.accounts,
            self.gateway,
            self.ticker,
            passwords.verify,
            self.told,
            self._standing,
            tls,
            passwords.knows,
            self.gateway.binds,
            self.proofs,
        )
        self.doing = Doing(self)
        status = Status(self)
        test_clock = self.clock if isinstance(self.clock, TestClock) else None
        self.ops = OpsServer(
            self.metrics.registry,
            self.heartbeat,
            host=site.ops.host,
            port=site.ops.port,
            not_ready=status.not_ready,
            status=status.snapshot,
            test_clock=test_clock,
            acts=self.doing.acts,
            guard=TokenGuard(self.store.recipients.key_for(PURPOSE)),
        )
        self.ops.start()
        watch(self)

    async def _open_store(self) -> None:
        """Redis, started first if it is ours."""
        site = self.site
        secrets = load_or_create(site.secrets_file)
        url = site.store.url
        if not url:
            server = EmbeddedServer(
                site.state_dir, site.store.server or None, site.store.fsync, site.store.memory_octets
            )
            await server.start()
            self.embedded, url = server, server.url
        settings = wiring.store_settings(site)
        self.store = Store(url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
        self.upgrade = Upgrade(self.store)
        await self.upgrade.begin()
        await self.store.ready()
        self.store_up = True
        # Those of the embedded server are as smsgw.toml has them.
        for why in () if self.uses_embedded else self.store.warnings:
            _log.warning("store.unsafe", why=why)

    async def _make_gateway(self) -> None:
        """The gateway of the version that is in force, with everything that it finds in the store."""
        builder = Builder(self.site, self._own)
        self.site, version = await choose(self.site, builder, self.store, self.clock.now_ms, self._applied)
        registers, rng = Registers(), random.Random()
        parts = wiring.site_parts(self.site, registers)
        self.gateway = gateway = Gateway(self._context(parts, registers, rng), rng)
        await gateway.carriers.load_marks()
        await gateway.load_registers()
        make_pool = partial(self._pool, rng)
        for settings in parts.carriers.values():
            gateway.carriers.put(make_pool(settings))
        for name in await waiting_for_former(self.site, self.store):
            gateway.carriers.put_former(make_pool(CarrierSettings(name, "", 0, "", "", binds=())))
        self._has_joined = True  # it may have, also if it is cut short
        try:
            await gateway.leases.join()
        except StoreError:
            self._has_joined = False
            raise
        await gateway.binds.join()
        self.following = Following(builder, gateway, Built(self.site, parts), version, make_pool, self._put_site)

    def _put_site(self, site: Site) -> None:
        """Another version has come into force."""
        for name in self.site.accounts.keys() - site.accounts.keys():
            self.metrics.forget_account(name)
        for name in self.site.carriers.keys() - site.carriers.keys():
            self.metrics.forget_carrier(name)
        self.site = site
        watch(self)

    def _own(self, site: Site) -> Site:
        """A site as this process runs it: a worker has its name and role from its supervisor."""
        if self._errand is not None:
            return self._errand.adjusted(site)
        return site if self._role is None else with_role(site, self._role)

    @property
    def role(self) -> Role:
        """What of the gateway this process is."""
        return self.site.file.node.role or "all"

    @property
    def uses_embedded(self) -> bool:
        """Whether its Redis is one that this machine's smsgw runs."""
        return self.embedded is not None or (self._errand is not None and bool(self._errand.store_url))

    def look(self) -> None:
        """Another worker has left: its binds are free."""
        if self.started:
            self.gateway.leases.wake()

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then drain."""

        def put_out() -> None:
            self.put_out = True
            stop.set()

        self.gateway.put_out = put_out
        self._doors.open()
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(self.gateway.run(), name="gateway"),
                tasks.create_task(self.following.run(), name="versions"),
                tasks.create_task(self.ticker.run(), name="ticker"),
                tasks.create_task(self.proofs.run(), name="passwords"),
                tasks.create_task(self.upgrade.run(self.told), name="upgrade"),
                *(tasks.create_task(job, name=name) for name, job in Upkeep(self).jobs().items()),
            ]
            if self.embedded is not None:
                background.append(tasks.create_task(keep_running(self.embedded, self.told), name="server"))
            await self.listener.serve(self._doors)
            self.started = True
            # What is there now stays: the collector need not walk it again, nor look after every 700 objects.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            _log.event("app.started", version=__version__, role=self.role, ports=self.listener.ports)
            await stop.wait()
            _log.event("app.stopping")
            await self._drain()
            for task in background:
                task.cancel()

    async def close(self) -> None:
        """Give back and write what is left and close the store; the embedded server stops with us.

        Unless we never served, or were put out, and somebody else uses it.
        """
        await self._leave()
        self._doors.close()
        if self.ops is not None:
            self.ops.stop()
        if hasattr(self, "records"):
            self.flush_pdus()
            self.records.close()
        if hasattr(self, "store"):
            await self.store.close()
        if (server := self.embedded) is not None:
            with contextlib.suppress(StoreError):  # somebody else starts it just now
                await (server.stop() if self.started and not self.put_out else server.stop_unless_shared())
        _log.event("app.stopped")

    # -- inside

    def _context(self, parts: SiteParts, registers: Registers, rng: random.Random) -> Context:
        return Context(
            settings=parts.settings,
            clock=self.clock,
            wall_s=time.time,
            store=self.store,
            ids=MessageIds(rng.getrandbits(16)),
            accounts={name: Account(settings) for name, settings in parts.accounts.items()},
            rules=dict(parts.rules),
            registers=registers,
            metrics=self.metrics,
            records=self.records,
            carrier_pdus=self._pdus,
            dialled=parts.dialled,
            mo_words=parts.mo_words,
            log=self.told,
        )

    def flush_pdus(self) -> None:
        """What is kept of the carriers' PDUs goes to the records."""
        if (pdus := self._pdus) is not None:
            pdus.flush()

    def _standing(self, account: str) -> Refusal | None:
        """Rule 1 at the bind: is the account in force?"""
        context, now_ms = self.gateway.context, self.clock.now_ms()
        rules = context.rules.get(account)
        refused = rules.refusal_now(now_ms) if rules is not None else None
        return refused or account_refusal(context.registers.orders, f"sessions:{account}", now_ms)

    def _pool(self, rng: random.Random, settings: CarrierSettings) -> Pool:
        def backoff(of: CarrierSettings) -> Backoff:
            return Backoff(of.reconnect_min_s, of.reconnect_max_s, rng, of.reconnect_min_s / 2)

        return Pool(settings, self.gateway, self.ticker, backoff)

    async def _drain(self) -> None:
        self.listener.stop_accepting()
        await self.gateway.drain(DRAIN_S, self.listener.unbind_all)
        self.listener.unbind_all()
        for pool in self.gateway.context.pools.values():
            pool.stop()
        # A polite peer answers unbind at once; nobody is waited for longer than this.
        for _ in range(50):
            if not self.listener.sessions and not any(
                bind.up for pool in self.gateway.context.pools.values() for bind in pool.binds
            ):
                break
            await asyncio.sleep(0.02)
        await self._leave()
        await self.following.reloader.leave()
        self.listener.close()

    async def _leave(self) -> None:
        """Others may have at once what this process had: binds, places of accounts, what it had read. Done once."""
        if self._has_joined and not self.put_out:
            self._has_joined = False
            await self.gateway.leave()
            self.has_left()
