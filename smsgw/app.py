"""The application: wires the rooms from a site, starts them in order, and drains them at SIGTERM.

Order of starting: secrets, embedded server, store, recovery marks, carriers, listener. Order of ending: the
listener takes nobody new, requests are refused, what is under way ends, applications and carriers are
unbound, records written, the store closed. A second signal ends at once.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import resource
import signal
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
from smsgw.esme.listener import Listener
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
from smsgw.records.log import RecordLog
from smsgw.smpp.constants import status_name
from smsgw.status import Status, watch
from smsgw.store.connection import Store
from smsgw.store.disk import refuse_unwritten
from smsgw.store.memory import MemoryStages
from smsgw.store.schema import Upgrade
from smsgw.store.secrets import load_or_create
from smsgw.store.server import EmbeddedServer
from smsgw.store.server_keeper import keep_running
from smsgw.supervisor.errand import Errand, with_role
from smsgw.supervisor.leash import Leash
from smsgw.supervisor.orphans import Orphans
from smsgw.telemetry.logs import EventLog
from smsgw.telemetry.metrics import Metrics
from smsgw.telemetry.ops import Heartbeat, OpsServer
from smsgw.telemetry.token import PURPOSE, TokenGuard
from smsgw.told import Teller

DRAIN_S = 10.0
RECORDS_PERIOD_S = 0.05
STORE_CHECK_S = 1.0
#: Processes whose clocks differ by more judge hours, caps and validities differently.
CLOCK_TOLERANCE_S = 2.0
#: Files that the process needs beside the connections of applications: carriers, Redis, records.
FILES_BESIDE = 256
#: New objects before each generation of the collector runs. Messages make no cycles; sessions are few.
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
    app = App(site, applied, role, errand)
    await app.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(_signalled, stop))
    try:
        started(app)
        await app.run_until(stop, leash)
    finally:
        await app.close()
    if app.put_out:
        raise StoreError(f"another process runs as node {site.node_name!r}, or has taken over what this one had")


def _allow_files(connections: int) -> int:
    """Raise the limit of open files, usually 1024, to what so many connections need; for how many it is enough.

    What the system does not allow is missing from the connections alone: with none left for Redis, carriers or
    records the gateway would do nothing for anybody.
    """
    wanted = connections + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    if possible < wanted:
        connections = min(connections, max(possible // 2, possible - FILES_BESIDE))
        _log.warning("app.too_few_files", allowed=possible, wanted=wanted, connections=connections)
    return connections


def _signalled(stop: asyncio.Event) -> None:
    if stop.is_set():
        _log.warning("app.killed", why="second signal")
        os._exit(130)
    stop.set()


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
        self._told = Teller(self).told
        self.store_up = False
        self.store: Store
        self.memory = MemoryStages(site.store.memory_stages)
        #: This machine's wall clock, as Redis' sees it.
        self.clock_ahead_s = 0.0
        self.records: RecordLog
        self.gateway: Gateway
        self.following: Following
        self.listener: Listener
        self.doing: Doing
        self.ticker = Ticker()
        self.proofs: ProofDesk
        self.ops: OpsServer | None = None
        #: Another process took this one's place; it has ended its work early.
        self.put_out = False
        #: It listens, if its role is to.
        self.started = False

    async def start(self) -> None:
        """Everything up to, not including, the first bind."""
        site = self.site
        connections = _allow_files(site.listener.max_connections)
        site.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._open_store()
        self.records = RecordLog(site.records_dir, site.node_name, self.clock.now_ms)
        await self._make_gateway()
        context = self.gateway.context
        passwords, self.proofs = await wiring.passwords(site, self.store)
        self.listener = Listener(
            replace(wiring.listener_settings(site, self._errand), max_connections=connections),
            context.accounts,
            self.gateway,
            self.ticker,
            passwords.verify,
            self._told,
            self._standing,
            wiring.listener_tls(site),
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
            self.embedded = EmbeddedServer(
                site.state_dir, site.store.server or None, site.store.fsync, site.store.memory_octets
            )
            await self.embedded.start()
            url = self.embedded.url
        settings = wiring.store_settings(site)
        self.store = Store(url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
        self.upgrade = Upgrade(self.store)
        await self.upgrade.begin()
        await self.store.ready()
        self.store_up = True

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
        await gateway.leases.join()
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

    async def run_until(self, stop: asyncio.Event, leash: Leash | None = None) -> None:
        """Serve until ``stop`` is set, then drain."""

        def put_out() -> None:
            self.put_out = True
            stop.set()

        self.gateway.put_out = put_out
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(self.gateway.run(), name="gateway"),
                tasks.create_task(self.following.run(), name="versions"),
                tasks.create_task(self.ticker.run(), name="ticker"),
                tasks.create_task(self._beat(), name="heartbeat"),
                tasks.create_task(self.proofs.run(), name="passwords"),
                tasks.create_task(self._flush_records(), name="records"),
                tasks.create_task(self._watch_store(), name="store"),
                tasks.create_task(self.upgrade.run(self._told), name="upgrade"),
            ]
            if self.embedded is not None:
                background.append(tasks.create_task(keep_running(self.embedded, self._told), name="server"))
            if leash is not None:
                background.append(tasks.create_task(leash.hold(stop), name="leash"))
            if self.role != "carrier":
                await self.listener.start()
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
        """Write what is left and close the store; the embedded server stops with us."""
        if self.ops is not None:
            self.ops.stop()
        if hasattr(self, "records"):
            self.records.close()
        if hasattr(self, "store"):
            await self.store.close()
        if self.embedded is not None:
            await self.embedded.stop()
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
            dialled=parts.dialled,
            mo_words=parts.mo_words,
            log=self._told,
        )

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
        if not self.put_out:
            await self.gateway.leave()
        await self.following.reloader.leave()
        self.listener.close()

    async def _beat(self) -> None:
        loop, orphans = asyncio.get_running_loop(), Orphans()
        while True:
            asked_s = loop.time()
            await asyncio.sleep(1.0)
            self.heartbeat.beat()
            orphans.bury()
            self.metrics.loop_lag.observe(max(0.0, (loop.time() - asked_s - 1.0) * 1000))

    async def _flush_records(self) -> None:
        while True:
            await asyncio.sleep(RECORDS_PERIOD_S)
            self.records.flush()

    async def _watch_store(self) -> None:
        """Is Redis there, does it have memory left, and is it as late there as here?"""
        while True:
            try:
                share = await self.store.memory_share()
                await refuse_unwritten(self.store)
                self.clock_ahead_s = await self.store.clock_ahead_s(time.time)
            except StoreError as error:
                if self.store_up:
                    _log.warning("store.lost", why=str(error))
                self.store_up = self.gateway.context.store_up = False
            else:
                if not self.store_up:
                    _log.event("store.back")
                self.store_up = self.gateway.context.store_up = True
                if self.memory.see(share):
                    _log.warning("store.memory", used=round(share, 3), refused=self.memory.refused or "nothing")
                self.gateway.context.admission.memory_stage = self.memory.stage
                if abs(self.clock_ahead_s) > CLOCK_TOLERANCE_S:
                    self._told("clock.differs", {"ahead_of_redis_s": round(self.clock_ahead_s, 1)})
            await asyncio.sleep(STORE_CHECK_S)
