"""The carriers of a running gateway: the queue of each, the streams it is read from, and what comes and goes with a
change of the site.

Owns: which queue a stream belongs to, how much of it may be read, and the marks that an earlier life left. A carrier
that was taken out keeps its queue, so that what waits for it moves; one that comes back gets the same queue again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.gateway.dispatch import CarrierQueue
from smsgw.gateway.lanes import Order
from smsgw.policy.model import MessageClass
from smsgw.store.entries import MOST_IN_ENTRY, Entry, entry_key
from smsgw.store.keys import mt, mt_suffix, partition_of_key
from smsgw.store.streams import ENTRIES_AT_ONCE

if TYPE_CHECKING:
    from smsgw.carrier.pool import Pool
    from smsgw.gateway.context import Context
    from smsgw.gateway.last_look import LastLook
    from smsgw.gateway.outcomes import Outcomes

NO_MARK: Order = (0, 0, 0)


class Carriers:
    """One per gateway; ``queues`` by carrier, ``by_stream`` the queue and class of each stream."""

    def __init__(self, context: Context, outcomes: Outcomes, last_look: LastLook) -> None:
        self._context = context
        self._outcomes = outcomes
        self._last_look = last_look
        self.queues: dict[str, CarrierQueue] = {}
        self.by_stream: dict[str, tuple[CarrierQueue, int]] = {}
        self._marks_found: dict[str, Order] = {}

    async def load_marks(self) -> None:
        """Read what an earlier life of this node may have written to carriers. Raises StoreError.

        From now on no other process takes over what that life had read.
        """
        for partition in range(self._context.store.partitions):
            for stream, entry_id in (await self._context.marks.claim(partition)).items():
                self._marks_found[stream] = entry_key(entry_id)

    def put(self, pool: Pool) -> None:
        """A carrier that is new, has new binds, or comes back: its streams are read from now on."""
        self.read(pool)
        pool.abstains = not self._context.settings.sends
        pool.lease(frozenset(), False, 1.0)
        self._context.pools[pool.name] = pool
        known = self.queues.get(pool.name)
        if known is not None:
            known.renew(pool)
            return
        queue = self.queues[pool.name] = CarrierQueue(self._context, pool, self._outcomes, self._last_look)
        lanes = range(len(MessageClass))
        self._context.stream_names[pool.name] = tuple(mt_suffix(pool.name, lane) for lane in lanes)
        for partition, reader in enumerate(self._context.mt_readers):
            for lane in lanes:
                stream = mt(partition, pool.name, lane)
                queue.add_stream(stream, lane)
                self.by_stream[stream] = (queue, lane)
                reader.add(stream)

    def put_former(self, pool: Pool) -> None:
        """A carrier that the site has no more: what still waits for it moves."""
        self.put(pool)
        del self._context.pools[pool.name]
        self.queues[pool.name].leave()

    def read(self, pool: Pool) -> None:
        """How the carrier's ids and receipts are read, as its file says now."""
        self._context.carrier_ids.add(pool.settings)
        self._context.overdue.add(pool.settings)

    def wake(self) -> None:
        """What waits in memory is looked at again, and more is read."""
        for queue in self.queues.values():
            queue.pump_soon()
        self._context.wake_readers()

    def hand_over(self) -> None:
        """This process was put out: all that it has read goes back. Whoever took its place has looked for it before."""
        for reader in self._context.mt_readers:
            reader.deliver_all()
        for queue in self.queues.values():
            queue.hand_over()

    # -- for the readers of the streams

    def room(self, stream: str) -> int:
        """How many more messages may be read."""
        if self._context.closing:
            return 0
        queue, _ = self.by_stream[stream]
        sends = self._context.settings.sends
        room = queue.room(stream) if sends else 0
        is_left = not room and (queue.pool.elsewhere or not sends)
        if is_left and self._context.mt_readers[partition_of_key(stream)].keeps(stream):
            return ENTRIES_AT_ONCE * MOST_IN_ENTRY  # read before others got the carrier's binds; ``hand_over`` follows
        return room

    def unmarked(self, stream: str) -> set[bytes]:
        """Entries that are in memory and surely were not sent."""
        return self.by_stream[stream][0].unmarked(stream)

    def forget(self, stream: str, entries: set[bytes]) -> None:
        """Some of those are not there, as the store sees it; what is there comes again."""
        self._context.log("store.read_elsewhere", {"stream": stream, "entries": len(entries)})
        self.by_stream[stream][0].forget(stream, entries)

    def arrived(self, stream: str, entries: list[Entry], pending: bool) -> None:
        """Messages were read."""
        queue, lane = self.by_stream[stream]
        queue.arrived(stream, lane, entries, pending, self._marks_found.get(stream, NO_MARK))
