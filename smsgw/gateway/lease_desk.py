"""Which binds this process has, over all processes; and what a process that has gone left behind.

Owns the turns at the leases: renewed twice a second, and at once when something changed. Binds of a carrier are
shared evenly: who has more than its share, while others want some, lets go of a bind when its answers have come.
So are the binds of all carriers together; for that one moves only while its carrier has nothing to do.
While Redis is away everybody keeps what it has. A process that was put out (``PutOut``) unbinds at once and ends.
What a dead or stopped process had read and not sent goes back to the streams; what may be at a carrier is resent or
reported unknown by its class, as after a crash. Of those that live the first by name does this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from smsgw.beats import beat_in_s
from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.adoption import Adoption, NewLife
from smsgw.store.entries import entry_key
from smsgw.store.leases import Grant, Leases, PutOut, Turn, Wish

if TYPE_CHECKING:
    from smsgw.carrier.pool import Pool
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue
    from smsgw.gateway.outbox import Outbox

PERIOD_S: Final = 0.5
ALONE_PERIOD_S: Final = 1.0
#: A process that gets a bind of a carrier over which others send goes slow until they know, and have cut their rate.
SLOW_S: Final = ALONE_PERIOD_S + 0.5
SLOW_SHARE: Final = 0.01
#: Turns in which nothing more of a dead process could be ended, before it is left alone.
IDLE_TURNS: Final = 20


class LeaseDesk:
    """``join`` before anything is bound, ``run`` in the gateway's task group, ``leave`` when all binds are down."""

    def __init__(
        self,
        context: Context,
        leases: Leases,
        queues: dict[str, tuple[CarrierQueue, int]],
        outbox: Outbox,
        put_out: Callable[[], None],
    ) -> None:
        self._context = context
        self._leases = leases
        #: Queue and class by stream.
        self._queues = queues
        self._outbox = outbox
        self._put_out = put_out
        self._adoption = Adoption(context.store, leases.token)
        self._wake = asyncio.Event()
        #: One call at a time: a turn behind ``leave`` would be a new life.
        self._calling = asyncio.Lock()
        self._left = False
        #: Processes that live beside this one.
        self.others: tuple[str, ...] = ()
        #: By the token of a dead life: entries that this process has decided on; they stay until that is durable.
        self._decided: dict[str, set[tuple[str, bytes]]] = {}
        #: What an earlier life had read for applications that may be elsewhere now was given back.
        self._all_given_back = False
        self._tidying = asyncio.Lock()
        #: By the token of a dead life: turns in which nothing more of it could be ended.
        self._idle: dict[str, int] = {}
        #: By carrier: binds that transmit and were ours at the last turn; our share but for slowness.
        self._had: dict[str, frozenset[int]] = {}
        self._full_share: dict[str, float] = {}
        self._slow: dict[str, asyncio.TimerHandle] = {}

    async def join(self) -> None:
        """Take what is free at once. Raises StoreError.

        What this process's former life had beyond its share goes in the first turn, when there is a task group for it.
        """
        self._apply(await self._leases.join(self._wishes()))
        self._wake.set()

    async def run(self) -> None:
        """Keep the leases until cancelled, until this process is put out, or has left."""
        while not self._left:
            try:
                period_s = min(PERIOD_S if self.others else ALONE_PERIOD_S, self._leases.ttl_s / 4)
                async with asyncio.timeout(beat_in_s(period_s)):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                async with self._calling:
                    await self._turn()
            except PutOut as error:
                self._context.log("node.put_out", {"why": str(error)})
                for pool in self._context.pools.values():
                    pool.lease(frozenset(), False, 1.0)
                self._put_out()
                return
            except StoreError as error:
                self._context.log("store.away", {"while": "renewing leases", "why": str(error)})

    async def leave(self) -> None:
        """All binds are down: the others may have them, and what is left of what this process had read."""
        try:
            async with self._calling, self._tidying:
                self._left = True
                await self._leases.leave(self._wishes())
        except StoreError as error:
            self._context.log("store.away", {"while": "giving leases back", "why": str(error)})

    def wake(self) -> None:
        """Something changed: take a turn now."""
        self._wake.set()

    async def _turn(self) -> None:
        if self._left:
            return
        turn = await self._leases.turn(self._wishes())
        self._apply(turn)
        self._give(turn)
        if not self._tidying.locked():
            self._context.spawn(self._tidy(turn))

    async def _tidy(self, turn: Turn) -> None:
        """What others left, and what belongs elsewhere; beside the renewals, for one partition may be away."""
        async with self._tidying:
            if self._left:
                return
            try:
                await self._take_over(turn)
                await self._give_back_receipts()
            except StoreError as error:
                self._context.log("store.away", {"while": "taking over", "why": str(error)})

    # -- binds

    def _wishes(self) -> list[Wish]:
        return [
            Wish(name, pool.settings.binds, pool.wanted, pool.states, pool.let_go)
            for name, pool in self._context.pools.items()
        ]

    def _apply(self, turn: Turn) -> None:
        if turn.others != self.others:
            self._context.log("node.others", {"others": list(turn.others)})
            self.others = turn.others
        self._context.reference_share.put(turn.rank, turn.ranks)
        for name, grant in turn.grants.items():
            pool = self._context.pools.get(name)
            if pool is None:  # taken out of the site's files meanwhile
                continue
            before = pool.share
            pool.lease(grant.own, grant.transmits_elsewhere, self._share(pool, grant))
            if pool.share > before:
                self._pump(pool)
            if turn.others:
                pool.pass_on()

    def _give(self, turn: Turn) -> None:
        """Let go of what others want, when its answers have come."""
        for name, grant in turn.grants.items():
            pool = self._context.pools.get(name)
            if pool is None:
                continue
            leaving = {bind.number for bind in pool.binds if bind.leaving}
            if grant.give - leaving:
                self._context.spawn(self._let_go(pool, grant.give - leaving))
        if turn.spare:
            self._spread(turn)

    def _share(self, pool: Pool, grant: Grant) -> float:
        """Our part of the carrier's rate: that of our binds which transmit, among all that somebody has."""
        transmitting = frozenset(bind.number for bind in pool.binds if bind.transmits)
        own, others = transmitting & grant.own, transmitting & grant.others
        is_new = bool(own - self._had.get(pool.name, frozenset()))
        self._had[pool.name] = own
        share = self._full_share[pool.name] = len(own) / len(own | others) if own else 1.0
        if (is_new or not others) and pool.name in self._slow:
            self._slow.pop(pool.name).cancel()
        if is_new and others:
            # By a timer and not by a turn: Redis may be away then.
            later = asyncio.get_running_loop().call_later
            self._slow[pool.name] = later(SLOW_S, self._slow_no_more, pool)
        return share * SLOW_SHARE if pool.name in self._slow else share

    def _slow_no_more(self, pool: Pool) -> None:
        del self._slow[pool.name]
        pool.take_share(self._full_share[pool.name])
        self._pump(pool)

    def _pump(self, pool: Pool) -> None:
        """What waits for the rate that it had before need not wait so long any more."""
        for queue, _ in self._queues.values():
            if queue.name == pool.name:
                queue.pump_soon()

    def _spread(self, turn: Turn) -> None:
        """Others have fewer binds of all carriers: they may have some whose carriers have nothing to do just now."""
        pools = [(self._context.pools[name], grant.spare) for name, grant in turn.grants.items() if grant.spare]
        left = turn.spare - sum(bind.leaving for pool, spare in pools for bind in pool.binds if bind.number in spare)
        busy = {queue.name for queue, _ in self._queues.values() if any(queue.waiting) or queue.over_account_rate}
        for pool, spare in pools:
            if left <= 0:
                return
            if pool.name in busy or pool.in_flight:
                continue
            idle = [bind.number for bind in pool.binds if bind.number in spare and bind.up and not bind.leaving][:left]
            if idle:
                left -= len(idle)
                self._context.spawn(self._let_go(pool, frozenset(idle)))

    async def _let_go(self, pool: Pool, numbers: frozenset[int]) -> None:
        await pool.leave(numbers)
        self._wake.set()

    # -- what the dead left

    async def _take_over(self, turn: Turn) -> None:
        if not turn.dead or self._context.closing or min((*turn.others, self._leases.node)) != self._leases.node:
            return
        for node, token in turn.dead:
            if self._idle.get(token, 0) >= IDLE_TURNS or not await self._leases.seize(node, token):
                continue
            try:
                if await self._take_over_from(node, token):
                    await self._leases.forget(node, token)
                    self._decided.pop(token, None)
            except NewLife:
                self._idle[token] = IDLE_TURNS

    async def _take_over_from(self, node: str, token: str) -> bool:
        """True when nothing is left of it. What was decided on ends when that is durable: the next turn looks."""
        given_back = uncertain = left = 0
        decided = self._decided.setdefault(token, set())
        for partition in range(self._context.store.partitions):
            taken = await self._adoption.take_over(partition, node, token, self._streams(partition))
            given_back += taken.given_back
            for stream, messages, mark in taken.uncertain:
                fresh = [entry for entry in messages if (stream, entry[0]) not in decided]
                decided.update((stream, entry[0]) for entry in fresh)
                uncertain += len(fresh)
                queue, lane = self._queues[stream]
                queue.taken_over(stream, lane, fresh, entry_key(mark))
        if given_back or uncertain:
            self._context.log("node.taken_over", {"dead": node, "messages": given_back, "uncertain": uncertain})
            return False
        for partition in range(self._context.store.partitions):
            left += await self._adoption.end(partition, node, token, self._streams(partition))
        self._idle[token] = self._idle.get(token, 0) + 1
        return left == 0

    def _streams(self, partition: int) -> list[str]:
        partitions = self._context.store.partitions
        found = [stream for stream in self._queues if keys.partition_of_key(stream) == partition]
        out = [keys.out(name, partitions) for name in self._context.accounts]
        return found + [stream for stream in out if keys.partition_of_key(stream) == partition]

    async def _give_back_receipts(self) -> None:
        """Receipts read for an application that has left may be delivered by the process to which it has gone."""
        if not self.others:
            return
        streams = self._outbox.begin_giving_back(not self._all_given_back)
        try:
            for partition in {keys.partition_of_key(stream) for stream in streams}:
                some = [stream for stream in streams if keys.partition_of_key(stream) == partition]
                await self._adoption.give_back(partition, self._leases.node, some)
            self._all_given_back = True
        finally:
            self._outbox.end_giving_back()
