"""Parked messages: accepted, and waiting for a person (lot ``review``) or for the end of a pause (``pause:<scope>``).

Owns the names of lots, looking into them, a person's decision, and letting a lot go in order at a limited rate. A
parked message lies in the held set as well, due when it expires: there it is found when nobody came. Once it is decided
or let go it is due at once and goes the way of every held message. Nothing here looks at a clock, but for the pace of
letting go, which is Redis'. Every method raises StoreError.
"""

from __future__ import annotations

import heapq
from typing import Final, TypeAlias

from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.held import DONE, SEEN_OCTETS, UNPARK, HeldMessage, held_message, partition_of
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

LOT_REVIEW: Final = "review"
_MOST_AT_ONCE: Final = 1000
_PAGE: Final = 256

_Row: TypeAlias = tuple[int, str]
_Rows: TypeAlias = list[_Row]
_Messages: TypeAlias = list[HeldMessage]


def lot_of_pause(scope: str) -> str:
    """The lot of messages that wait for the end of a pause, by the pause's scope (``account:shop``)."""
    return f"pause:{scope}"


class Parked:
    """Looks at lots and empties them. Putting in is ``Admission`` (``AdmitItem.lot``), ``Settlement`` and ``Held``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unpark = script("unpark")
        self._release = script("release")

    async def lots(self, partition: int) -> list[str]:
        """The lots of a partition that have messages, sorted."""
        found = await self._store.command(partition, "SMEMBERS", keys.lots(partition))
        return sorted(lot.decode() for lot in found)

    async def count(self, lot: str) -> int:
        """How many messages a lot has, over all partitions."""
        return sum([await self._count(partition, lot) for partition in range(self._store.partitions)])

    async def list(self, lot: str, limit: int, after: str = "") -> _Messages:
        """The first messages of a lot in the order of acceptance; ``after`` is the ``cursor`` of the last one seen."""
        pages = [await self._page(partition, lot, limit, after) for partition in range(self._store.partitions)]
        return list(heapq.merge(*pages, key=lambda held: (held.accepted_ms, held.held_id)))[:limit]

    async def decide(self, held: HeldMessage, blob: bytes) -> bool:
        """Put another blob in place of one that was read, out of its lot and due now.

        False when it is not there as read any more: somebody else decided, or it expired.
        """
        partition = partition_of(self._store, held)
        item = (held.held_id, held.blob[:SEEN_OCTETS], UNPARK, blob)
        payload = to_script((0, [item]))
        answer = await self._store.evaluate(partition, self._release, payload)
        return not answer or bool(from_script(answer)[0] == DONE)

    async def unpark(self, partition: int, lot: str, now_ms: int, per_s: float) -> int:
        """Let the next messages of a lot go: they are due at business time ``now_ms``. Gives how many went.

        ``per_s`` is the rate of the whole fleet, of which each partition has an equal share; 0 may also mean that the
        pace does not allow one yet. Call it a few times a second, from any number of processes, while ``lots`` has it.
        """
        payload = to_script((lot, now_ms, per_s / self._store.partitions, _MOST_AT_ONCE))
        return int(from_script(await self._store.evaluate(partition, self._unpark, payload)))

    async def _count(self, partition: int, lot: str) -> int:
        return int(await self._store.command(partition, "ZCARD", keys.parked(partition, lot)))

    async def _page(self, partition: int, lot: str, limit: int, after: str) -> _Messages:
        accepted, _, last_id = after.partition(":")
        last = (int(accepted), last_id) if last_id else (-1, "")
        page: _Messages = []
        offset = 0
        while len(page) < limit:
            found = await self._store.command(
                partition, "ZRANGEBYSCORE", keys.parked(partition, lot), max(last[0], 0), "+inf", "WITHSCORES",
                "LIMIT", offset, _PAGE,
            )  # fmt: skip
            offset += _PAGE
            pairs = zip(found[::2], found[1::2], strict=True)
            rows = [(int(float(score)), held_id.decode()) for held_id, score in pairs]
            page += await self._read(partition, [row for row in rows if row > last][: limit - len(page)])
            if len(rows) < _PAGE:
                break
        return page

    async def _read(self, partition: int, rows: _Rows) -> _Messages:
        if not rows:
            return []
        ids = [held_id for _, held_id in rows]
        blobs = await self._store.command(partition, "HMGET", keys.heldmsg(partition), *ids)
        due = await self._store.command(partition, "ZMSCORE", keys.held(partition), *ids)
        return [
            held_message(self._store, partition, held_id, int(float(due_ms)), blob, accepted_ms)
            for (accepted_ms, held_id), blob, due_ms in zip(rows, blobs, due, strict=True)
            if blob and due_ms
        ]
