"""What staff ordered is done here: carriers suspended or drained, sessions and binds closed, queues tidied.

Owns: turning the register of orders into what each queue, pool and account does, at once when it changes and every
second besides, for orders end by themselves. Never decides and never writes the register. Each process does its part:
its own links and what it has in memory; what is held is taken out by whoever finds it first, exactly once.
A drained carrier keeps its binds until nothing that was accepted before the order waits for it in the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.errors import StoreError
from smsgw.gateway.moves import Moves
from smsgw.gateway.outcomes import Outcomes
from smsgw.gateway.release import end_once
from smsgw.gateway.reports import Report
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.orders import ANY, CLOSE, DRAIN, HELD, MOVE, PURGE, SUSPEND, in_force
from smsgw.records.record import Step
from smsgw.smpp.constants import MessageState
from smsgw.store.envelope import ENDING, Envelope
from smsgw.store.held import held_message
from smsgw.store.queues import Queues

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue
    from smsgw.gateway.lanes import Job
    from smsgw.policy.entries import OrderEntry


class OrderDesk:
    """``look`` as often as something may have changed. ``drained``: carriers that have nothing more to send."""

    def __init__(self, context: Context, outcomes: Outcomes, queues: dict[str, CarrierQueue]) -> None:
        self._context = context
        self._outcomes = outcomes
        self._queues = queues
        self._moves = Moves(context)
        self._store = Queues(context.store)
        self.drained: set[str] = set()
        #: What was told of each carrier, and which closings of sessions and which tidying of the held set were begun.
        self._told: dict[str, tuple[str, int]] = {}
        self._begun: dict[str, int] = {}
        self._looking: set[str] = set()

    def start(self) -> None:
        """Closings that were ordered before this process lived are none of its business."""
        for entry in self._context.registers.orders.entries:
            if entry.action == CLOSE:
                self._begun[entry.scope] = entry.at_ms
        self.look()

    def look(self) -> None:
        """Do what is ordered now, and no longer what is not."""
        context = self._context
        orders, now_ms = context.registers.orders, context.clock.now_ms()
        tidying = any(in_force(entry, now_ms) for _, entry in orders.queues)
        for name, queue in self._queues.items():
            entry = orders.of(f"carrier:{name}", now_ms) if orders.any else None
            self._tell(name, entry)
            queue.order(entry is not None and entry.action == SUSPEND, self._takes if tidying else None)
            if entry is None or entry.action != DRAIN:
                self.drained.discard(name)
            elif name not in self._looking:
                self._looking.add(name)
                context.spawn(self._drain(name, entry))
            if name in context.pools:
                self._close_binds(name, now_ms)
        for entry in orders.entries:
            if entry.action == CLOSE and entry.scope.startswith("sessions:"):
                self._close_sessions(entry)
        for names, entry in orders.queues:
            if not in_force(entry, now_ms):
                continue
            self._tell_queue(entry)
            if entry.action == PURGE and names[0] in (HELD, ANY):
                self._purge_held(entry)

    # -- inside

    def _tell(self, carrier: str, entry: OrderEntry | None) -> None:
        known = ("", 0) if entry is None else (entry.action, entry.at_ms)
        if self._told.get(carrier, ("", 0)) == known:
            return
        self._told[carrier] = known
        if entry is None:
            self._context.log("carrier.resumed", {"carrier": carrier})
        else:
            self._context.log(
                "carrier.ordered", {"carrier": carrier, "order": entry.action, "who": entry.who, "why": entry.reason}
            )

    def _tell_queue(self, entry: OrderEntry) -> None:
        if self._told.get(entry.scope) != (entry.action, entry.at_ms):
            self._told[entry.scope] = (entry.action, entry.at_ms)
            told = {"queue": entry.scope, "order": entry.action, "who": entry.who, "why": entry.reason}
            self._context.log("queue.ordered", {**told, "to": entry.target} if entry.target else dict(told))

    def _takes(self, queue: CarrierQueue, job: Job) -> bool:
        """Whether a message of a queue was purged or moved by order; it is gone from the queue then."""
        context, envelope = self._context, job.envelope
        lane = CLASS_LABELS[envelope.lane_or_class]
        entry = context.registers.orders.of_waiting(
            queue.name, lane, envelope.account, envelope.accepted_at_ms, context.clock.now_ms()
        )
        if entry is None:
            return False
        if entry.action == MOVE:
            return self._moves.move_to(queue.name, job, entry.target, f"moved by {entry.who}: {entry.reason}")
        self._outcomes.delete(queue, job, f"purged by {entry.who}: {entry.reason}")
        return True

    async def _drain(self, carrier: str, entry: OrderEntry) -> None:
        """Once: is anything left of what was accepted before the order?"""
        try:
            if not await self._store.waits(carrier, entry.at_ms) and not self._context.pools[carrier].in_flight:
                if carrier not in self.drained:
                    self._context.log("carrier.drained", {"carrier": carrier, "who": entry.who, "why": entry.reason})
                self.drained.add(carrier)
        except (StoreError, KeyError):
            pass  # the store is away, or the carrier was taken out: the next look will tell
        finally:
            self._looking.discard(carrier)

    def _close_binds(self, carrier: str, now_ms: int) -> None:
        orders = self._context.registers.orders
        for bind in self._context.pools[carrier].binds:
            bind.keep_closed(orders.any and orders.of(f"bind:{carrier}#{bind.number}", now_ms) is not None)

    def _close_sessions(self, entry: OrderEntry) -> None:
        if self._begun.get(entry.scope) == entry.at_ms:
            return
        self._begun[entry.scope] = entry.at_ms
        account = self._context.accounts.get(entry.scope.partition(":")[2])
        if account is not None:
            for session in tuple(account.sessions):
                session.send_unbind()

    def _purge_held(self, entry: OrderEntry) -> None:
        if self._begun.get(entry.scope) == entry.at_ms:
            return
        self._begun[entry.scope] = entry.at_ms
        for partition in range(self._context.store.partitions):
            self._context.spawn(self._purge_partition(partition, entry))

    async def _purge_partition(self, partition: int, entry: OrderEntry) -> None:
        context, why = self._context, f"purged by {entry.who}: {entry.reason}"
        try:
            async for held_id, blob in self._store.held(partition):
                envelope = Envelope.unpack(context.store.sealer.open(blob))
                now_ms, lane = context.clock.now_ms(), CLASS_LABELS[envelope.lane_or_class]
                if envelope.flags & ENDING:
                    continue  # another process was quicker
                found = context.registers.orders.of_waiting(
                    HELD, lane, envelope.account, envelope.accepted_at_ms, now_ms
                )
                if found is None or found.action != PURGE:
                    continue
                report = Report(int(MessageState.DELETED), "000", now_ms)
                held = held_message(context.store, partition, held_id, 0, blob)
                end_once(context, held, envelope, report, Step.CANCELLED, why)
        except StoreError as error:
            self._begun.pop(entry.scope, None)
            context.log("store.away", {"while": "purging held messages", "why": str(error)})
