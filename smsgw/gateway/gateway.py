"""The journeys joined: one object that both edges speak to and that owns everything that must run.

Makes the journeys and the store's calls whose answers come back to them, reads the streams, and keeps the
background work (readers, group commits, held messages, segments) in one task group. ``drain`` ends it in the order
that loses nothing: no new requests, what was admitted answered, what is at carriers answered, then the rest.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.gateway.approvals import Approvals
from smsgw.gateway.bind_desk import BindDesk
from smsgw.gateway.bind_failures import BindFailures
from smsgw.gateway.carrier_ids import CarrierIds
from smsgw.gateway.carriers import Carriers
from smsgw.gateway.context import Context
from smsgw.gateway.direct import Direct, DirectFlight
from smsgw.gateway.dispatch import FAILOVER_PERIOD_S
from smsgw.gateway.keeping import Keeping
from smsgw.gateway.lanes import Flight
from smsgw.gateway.last_look import LastLook
from smsgw.gateway.learning import Learning
from smsgw.gateway.lease_desk import LeaseDesk
from smsgw.gateway.local_reports import LocalReports
from smsgw.gateway.long_messages import LongMessages
from smsgw.gateway.mo import MoJourney, Received
from smsgw.gateway.mt import MtJourney
from smsgw.gateway.order_desk import OrderDesk
from smsgw.gateway.outbox import Outbox, as_delivery
from smsgw.gateway.outcomes import Outcomes
from smsgw.gateway.overdue import OverdueReceipts
from smsgw.gateway.quota_desk import QuotaDesk
from smsgw.gateway.rate_desk import RateDesk
from smsgw.gateway.receipts import ReceiptJourney
from smsgw.gateway.refuser import Refuser
from smsgw.gateway.register_feed import RegisterFeed
from smsgw.gateway.release import Releaser
from smsgw.gateway.requests import Requests
from smsgw.gateway.second_tries import SecondTries
from smsgw.gateway.short_links import ShortLinkDesk
from smsgw.store.account_binds import AccountBinds
from smsgw.store.account_rates import AccountRates
from smsgw.store.admission import Admission
from smsgw.store.commit import GroupCommit
from smsgw.store.correlation import Correlation
from smsgw.store.facts import FactChange, FactResult, Facts
from smsgw.store.held import Held
from smsgw.store.leases import Leases
from smsgw.store.links import Links, real_ms
from smsgw.store.long import Long
from smsgw.store.looks import Looks
from smsgw.store.marks import Marks
from smsgw.store.outbound import Outbound
from smsgw.store.parked import Parked
from smsgw.store.ported import PortedNumbers
from smsgw.store.quota import QuotaLeases
from smsgw.store.settlement import Settlement
from smsgw.store.state import States
from smsgw.store.streams import StreamReader

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind
    from smsgw.carrier.pool import Pool
    from smsgw.esme.session import EsmeSession
    from smsgw.policy.entries import Kind

#: Applications have so long to answer what was delivered last before they are asked to go.
LAST_ANSWERS_S = 2.0


class Gateway:
    """What the ESME edge and the carrier edge hand everything to. Make it, ``carriers.put`` each carrier, ``run``."""

    def __init__(self, context: Context, rng: random.Random) -> None:
        self.context = context
        store = context.store
        reports = LocalReports(context)
        self._mo = MoJourney(context)
        self._learning = Learning(context)
        self._receipts = ReceiptJourney(context, self._mo, self._learning)
        self._outcomes = Outcomes(context, reports, rng, self._learning)
        self._last_look = LastLook(context, self._outcomes)
        refuser = Refuser(context, reports)
        self._direct = Direct(context, context.settings.away_otp_rate_per_s)
        self._mt = MtJourney(context, refuser, self._direct)
        self._long = LongMessages(context, self._mt, reports)
        self._mt.long_messages = refuser.long_messages = self._long
        self._mo.mt = self._mt
        self._releaser = Releaser(context, self._outcomes)
        self._requests = Requests(context, self._mt, self._outcomes)
        self.outbox = Outbox(context)
        self.carriers = Carriers(context, self._outcomes, self._last_look)
        self.queues = self.carriers.queues
        self.orders = OrderDesk(context, self._outcomes, self.queues)
        self._approvals = Approvals(context, self.orders.drained)
        self._direct.queues = self.queues
        self._tasks: asyncio.TaskGroup | None = None
        self._reading: list[asyncio.Task[None]] = []
        self._loop = asyncio.get_running_loop()

        self._quota_leases = QuotaLeases(store)
        self._rates = AccountRates(store, context.settings.node)
        self._bind_leases = Leases(store, context.settings.node, context.settings.lease_s)
        lease_s = context.settings.lease_s
        self._account_binds = AccountBinds(store, context.settings.node, self._bind_leases.token, lease_s)
        #: Who may bind once more, over all processes: ``esme.Places``.
        self.binds = BindDesk(self._account_binds, lease_s, lambda: context.store_up, lambda: bool(self.leases.others))
        self.bind_failures = BindFailures()
        self.leases = LeaseDesk(context, self._bind_leases, self.carriers.by_stream, self.outbox, self._put_out)
        #: Called when another process has taken this one's place; the application ends.
        self.put_out: Callable[[], None] = lambda: None
        self._feed = RegisterFeed(store, context.registers, self._in_force, context.log)
        self._fill(context)
        self._make_readers(context)

    def _make_readers(self, context: Context) -> None:
        """Those of messages for carriers and of receipts and MO for applications."""
        store, node, carriers, outbox = context.store, context.settings.node, self.carriers, self.outbox
        partitions = range(store.partitions)
        context.mt_readers = [
            StreamReader(
                store, partition, node, carriers.arrived, carriers.room,
                on_error=self._store_error, unsent=carriers.unmarked, forget=carriers.forget,
            )
            for partition in partitions
        ]  # fmt: skip
        outbox.readers = [
            StreamReader(store, partition, node, outbox.arrived, outbox.room, on_error=self._store_error)
            for partition in partitions
        ]

    def _fill(self, context: Context) -> None:
        """The store's calls, whose answers come back to the journeys."""
        store = context.store
        context.spawn = self._spawn
        context.wake_queues = self.carriers.wake
        context.outbound = Outbound(store)
        context.states = States(store)
        context.admission = Admission(store, self._mt.admitted, context.clock.now_ms)
        correlated, now_ms = self._receipts.correlated, context.clock.now_ms
        context.correlation = Correlation(store, context.outbound, context.states, correlated, now_ms)
        context.correlation.decide = SecondTries(context, self._outcomes.moves).decide
        context.settlement = Settlement(store, context.correlation, self._outcomes.settled)
        context.held = Held(store, self._releaser.moved)
        context.parked = Parked(store)
        context.ported = PortedNumbers(store, context.registers.ported)
        context.long = Long(store, self._long.stored)
        context.looks = Looks(store, self._last_look.looked)
        context.facts = Facts(store, self._facts_changed)
        context.quotas = QuotaDesk(self._quota_leases, context.rules, context.clock)
        context.rates = RateDesk(self._rates, lambda: 1 + len(self.leases.others), lambda: context.store_up)
        context.short_links = ShortLinkDesk(context)
        context.short_links.links = Links(store, real_ms, context.short_links.stored)
        context.carrier_ids = CarrierIds(context)
        context.keeping = Keeping(context)
        context.overdue = OverdueReceipts(context)
        context.marks = Marks(store, context.settings.node, self._bind_leases.token)

    # -- starting and ending

    def start_pool(self, pool: Pool) -> None:
        """While running: a carrier that is new, has new binds, or comes back. Before ``run``: ``carriers.put``."""
        self.carriers.put(pool)
        self.leases.wake()
        self._spawn(pool.run())

    def changed_over(self) -> None:
        """Another version of the site was put in place: what waits in memory is looked at by it."""
        self._direct.renew(self.context.settings.away_otp_rate_per_s)
        self.context.quotas.renew()
        self.orders.look()
        self._approvals.look()
        for pool in self.context.pools.values():
            self.carriers.read(pool)
        self.carriers.wake()

    @property
    def commits(self) -> list[GroupCommit[Any, Any]]:
        """All kinds of store calls, for running them and for their figures."""
        context = self.context
        return [
            context.admission.commit,
            context.settlement.commit,
            context.correlation.commit,
            context.correlation.sharing.commit,
            context.outbound.appends,
            context.outbound.acks,
            context.marks.commit,
            context.held.commit,
            context.long.commit,
            context.looks.commit,
            context.facts.commit,
            self._quota_leases.commit,
            self._rates.commit,
            self._account_binds.commit,
            context.states.commit,
            context.short_links.links.commit,
        ]

    @property
    def registers_loaded(self) -> dict[str, int]:
        """How many documents of each register are in force here."""
        return self._feed.loaded

    async def load_registers(self) -> None:
        """Read what staff registered, and how carriers write ids. Raises StoreError. Before anybody may bind."""
        await self._feed.load()
        await self.context.carrier_ids.load()
        await self.context.ported.load()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for commit in self.commits:
                tasks.create_task(commit.run(), name=f"commit {commit.name}")
            for reader in (*self.context.mt_readers, *self.outbox.readers):
                self._reading.append(tasks.create_task(reader.run(), name="reader"))
            tasks.create_task(self.leases.run(), name="leases")
            self.orders.start()
            self._approvals.look()
            for pool in self.context.pools.values():
                tasks.create_task(pool.run(), name=f"carrier {pool.name}")
            tasks.create_task(self._releaser.run(), name="held")
            tasks.create_task(self._long.run(), name="segments")
            tasks.create_task(self._feed.run(), name="registers")
            tasks.create_task(self.context.quotas.run(), name="quotas")
            tasks.create_task(self.context.rates.run(), name="rates")
            tasks.create_task(self.binds.run(), name="binds")
            tasks.create_task(self.context.carrier_ids.run(), name="ids of carriers")
            tasks.create_task(self.context.overdue.run(), name="overdue receipts")
            tasks.create_task(self.context.ported.run(self._store_error), name="ported numbers")
            tasks.create_task(self._tick(), name="tick")

    async def drain(self, patience_s: float, answered: Callable[[], None] = lambda: None) -> None:
        """End the traffic without losing any: nothing new, then wait for what is under way, at most ``patience_s``.

        ``answered`` is called when applications have their answers and gave theirs: they may go elsewhere while the
        carriers answer. What is still at carriers after that stays pending in the store, marked as written.
        """
        context = self.context
        context.closing = True
        for queue in self.queues.values():
            queue.give_back()
        try:
            async with asyncio.timeout(patience_s):
                while context.rates.waiting or context.quotas.waiting or context.short_links.waiting:
                    await asyncio.sleep(0.02)
                await context.admission.commit.drain()
                last_s = self._loop.time() + LAST_ANSWERS_S
                while (self._long.waiting or self.outbox.in_flight) and self._loop.time() < last_s:
                    await asyncio.sleep(0.02)
                answered()
                context.quotas.close()
                context.rates.close()
                while self._is_under_way():
                    await asyncio.sleep(0.02)
                # What the carriers refused for the moment meanwhile, or what a mark on its way made ready.
                await context.marks.commit.drain()
                for queue in self.queues.values():
                    queue.give_back()
                await context.ported.flush()
                for commit in self.commits:
                    await commit.drain()
        except TimeoutError:
            in_flight = sum(pool.in_flight for pool in context.pools.values())
            context.log("app.drain_incomplete", {"in_flight": in_flight})

    async def leave(self) -> None:
        """Everything is unbound: read nothing more, and let other processes have what is left."""
        for reading in self._reading:
            reading.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        await self.leases.leave()
        await self.binds.leave()

    def _is_under_way(self) -> bool:
        return bool(
            any(pool.in_flight for pool in self.context.pools.values())
            or any(queue.is_halfway for queue in self.queues.values() if queue.pool.up)
            or self.outbox.in_flight
        )

    # -- esme.Gateway

    def submit(self, session: EsmeSession, raw: bytes, sequence_number: int) -> None:
        self._mt.submit(session, raw, sequence_number)

    def request(self, session: EsmeSession, command_id: int, raw: bytes, sequence_number: int) -> None:
        self._requests.take(session, command_id, raw, sequence_number)

    def delivered(self, session: EsmeSession, item: object, command_status: int) -> None:
        self.outbox.delivered(session, as_delivery(item), command_status)

    def undelivered(self, session: EsmeSession, items: list[object]) -> None:
        self.outbox.undelivered(session, [as_delivery(item) for item in items])

    def bound(self, session: EsmeSession) -> None:
        self.outbox.bound(session)

    def unbound(self, session: EsmeSession) -> None:
        if session.account is not None:
            self.outbox.unbound(session.account)

    # -- carrier.Dispatch

    def answered(self, pool: Pool, bind: Bind, flight: object, command_status: int, raw: bytes) -> None:
        queue = self.queues[pool.name]
        if isinstance(flight, DirectFlight):
            self._direct.answered(pool, flight, command_status, raw)
            return
        now_s = bind.link.now_s if bind.link is not None else self._loop.time()
        own = cast(Flight, flight)
        self._outcomes.answered(queue, own, command_status, raw, now_s)
        queue.answered(own, now_s)

    def unknown(self, pool: Pool, bind: Bind, flights: list[object], why: str) -> None:
        queue = self.queues[pool.name]
        for flight in flights:
            if isinstance(flight, DirectFlight):
                self._direct.unknown(flight)
                continue
            self._outcomes.unknown(queue, cast(Flight, flight), why)
        queue.pump_soon()

    def inbound(self, pool: Pool, bind: Bind, command_id: int, raw: bytes, sequence_number: int) -> None:
        self._receipts.inbound(pool, bind, command_id, raw, sequence_number)

    def changed(self, pool: Pool, bind: Bind) -> None:
        queue = self.queues.get(pool.name)
        if queue is not None:
            if not bind.up:
                queue.bind_lost(bind)
            queue.pump_soon()
            self.context.wake_readers()

    def told(self, event: str, fields: dict[str, object]) -> None:
        self.context.log(event, fields)
        self.bind_failures.told(event, fields)
        if event in ("carrier.bound", "carrier.unbound", "carrier.handed_over"):
            self.leases.wake()

    # -- inside

    def _facts_changed(self, changes: list[FactChange], results: list[FactResult] | StoreError) -> None:
        """Called once for each batch: what MO and receipts said of recipients is durable, or the store refused it."""
        for number, change in enumerate(changes):
            result = results if isinstance(results, StoreError) else results[number]
            if isinstance(change.context, Received):
                self._mo.recorded(change, result)
            elif isinstance(result, FactResult):
                self._learning.learnt(change, result)
            elif number == 0:
                self.context.log("store.facts_refused", {"changes": len(changes), "why": str(result)})

    def _in_force(self, kind: Kind) -> None:
        """A register has changed: what waits in memory is looked at by it, whether or not anything else happens."""
        if kind == "channel":
            self._approvals.look()
        if kind == "order" and self._tasks is not None:
            self.orders.look()
            self._approvals.look()
        if kind == "pause":
            self.carriers.wake()

    def _put_out(self) -> None:
        for reading in self._reading:
            reading.cancel()
        self.carriers.hand_over()
        self.put_out()

    def _store_error(self, error: StoreError) -> None:
        self.context.log("store.away", {"while": "reading", "why": str(error)})

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(work)

    async def _tick(self) -> None:
        """Carriers that stay down, and what else is looked at once a second."""
        while True:
            await beat(FAILOVER_PERIOD_S)
            self.orders.look()
            self._approvals.look()
            self.context.health.tick()
            self._outcomes.moves.tick()
            for queue in self.queues.values():
                if (queue.pool.elsewhere or queue.pool.abstains) and not queue.pool.up:
                    queue.hand_over()
                    self.context.wake_readers()
                queue.tick()
