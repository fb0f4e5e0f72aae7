"""Keys that move whole: recipients, receipt maps, states, quotas, segments; and what is known of their neighbours.

Owns the receipt map's values, which name the account's partition, the parts of messages (``gather``), which lie where
their account's receipts do, and the tallies, which are counted anew for the partitions where their ids lie now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.migration.counts import Counts
from smsgw.store.migration.kinds import KINDS, ONCE, Way, kind_of, name_in, of_call, spread
from smsgw.store.migration.target import Writer
from smsgw.store.migration.walk import fetch
from smsgw.store.packing import from_script, to_script

_PLAIN: Final = b"0"
_SHARED: Final = b"2"
_MESSAGES, _RECEIPTS = b"a", b"o"
_AT_ONCE: Final = 500


class Gathered:
    """Parts of messages. Their keys name the message alone: whoever knows its account asks for it here."""

    def __init__(self, old: Store, writer: Writer, counts: Counts) -> None:
        self._old = old
        self._writer = writer
        self._counts = counts
        self._wanted: dict[int, list[tuple[bytes, int]]] = {}
        self.found = 0
        """How many there are; set once all keys were seen."""

    async def want(self, account: bytes, message_ids: Sequence[bytes]) -> None:
        """Move what was gathered of these messages of an account. Raises StoreError."""
        at = self._wanted.setdefault(spread(account, self._old.partitions), [])
        to = spread(account, self._writer.store.partitions)
        at += [(message_id, to) for message_id in message_ids]
        if len(at) >= _AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        """Move what was asked for. Raises StoreError."""
        wanted, self._wanted = self._wanted, {}
        for partition, rows in wanted.items():
            for first in range(0, len(rows), _AT_ONCE):
                part = rows[first : first + _AT_ONCE]
                rests = [b":gather:" + message_id for message_id, _ in part]
                found = await fetch(self._old, partition, rests)
                for rest, (_, to), row in zip(rests, part, found, strict=True):
                    if row:
                        self._counts.placed("gather", row[1])
                        await self._writer.add(to, "hash", rest, row[2], row[1])


class SmallKeys:
    """``take`` pages of keys as they are found; ``tally`` when all were."""

    def __init__(self, old: Store, writer: Writer, counts: Counts, gathered: Gathered) -> None:
        self._old = old
        self._writer = writer
        self._counts = counts
        self._gathered = gathered
        self._partitions = writer.store.partitions
        #: (carrier, a or o and the minute) → by the new partition: ids there that are counted under it.
        self._named: dict[tuple[bytes, bytes], Counter[int]] = {}
        #: The same, as it was counted; less what has ended by itself.
        self._tallied: Counter[tuple[bytes, bytes]] = Counter()
        self._tally_ttl_ms: dict[bytes, int] = {}
        self._tallies_seen: set[tuple[int, bytes]] = set()

    async def take(self, partition: int, rests: Sequence[bytes]) -> list[bytes]:
        """Move those that move whole; gives the others. Raises StoreError."""
        whole, others = [], []
        for rest in rests:
            kind = kind_of(rest)
            if KINDS[kind].way is Way.WHOLE or kind == "tally" or rest.startswith(b":done:" + ONCE):
                whole.append(rest)
            else:
                others.append(rest)
        if whole:
            for rest, row in zip(whole, await fetch(self._old, partition, whole), strict=True):
                if row:
                    await self._move(partition, rest, row)
        return others

    async def _move(self, partition: int, rest: bytes, row: Any) -> None:
        how, ttl_ms, value = row[0].decode(), row[1], row[2]
        kind, name = kind_of(rest), name_in(rest)
        if kind == "tally":
            self._take_tally(partition, name, value, ttl_ms)
            return
        find = KINDS[kind].partition or of_call
        to = find(name, self._partitions)
        if kind == "rcpt":
            value = await self._mapping(name, to, value)
        elif kind == "early":
            for receipt in value:
                fields = from_script(receipt)
                self._count(name, _RECEIPTS, fields[4] if len(fields) > 4 else 0, to)
        elif kind == "st":
            self._counts.saw(name.decode())
        self._counts.placed(kind, ttl_ms)
        await self._writer.add(to, how, rest, value, ttl_ms)

    async def _mapping(self, name: bytes, to: int, value: bytes) -> bytes:
        """The map's value with the partition that the account's out stream has now; see ``parts/match.lua``."""
        form = value[:1]
        if form not in (_PLAIN, _SHARED):
            return value
        fields = from_script(value[1:])
        account = fields[0]
        tag = keys.TAGS[spread(account, self._partitions)]
        if form == _PLAIN:
            fields[2] = tag
            self._count(name, _MESSAGES, fields[6] if len(fields) > 6 else 0, to)
        else:
            fields[1] = tag
            self._count(name, _MESSAGES, fields[3], to)
            await self._gathered.want(account, [target[0] for target in fields[4] if target[4]])
        return form + to_script(fields)

    def _count(self, name: bytes, what: bytes, bucket: int, to: int) -> None:
        if bucket:
            key = (name.partition(b":")[0], what + b"%d" % bucket)
            self._named.setdefault(key, Counter())[to] += 1

    # -- tallies

    def _take_tally(self, partition: int, carrier: bytes, flat: Sequence[bytes], ttl_ms: int) -> None:
        if (partition, carrier) in self._tallies_seen:
            return
        self._tallies_seen.add((partition, carrier))
        self._tally_ttl_ms[carrier] = max(self._tally_ttl_ms.get(carrier, 0), ttl_ms)
        for field, count in zip(flat[::2], flat[1::2], strict=True):
            self._tallied[carrier, field] += int(count)

    async def tally(self) -> None:
        """Write the tallies: each count where the id lies that will take it back, and never more than there were.

        What is counted although no id is there any more (it has ended by itself) stays counted, in the first partition.
        Raises StoreError.
        """
        flat: dict[tuple[int, bytes], list[bytes]] = {}
        for (carrier, field), total in self._tallied.items():
            left = total
            for partition, count in sorted(self._named.get((carrier, field), Counter()).items()):
                taken = min(count, left)
                left -= taken
                if taken:
                    flat.setdefault((partition, carrier), []).extend((field, b"%d" % taken))
            if left > 0:
                # Its own field may be there already: added to it, not instead of it.
                row = flat.setdefault((0, carrier), [])
                if field in row[::2]:
                    at = 2 * row[::2].index(field) + 1
                    row[at] = b"%d" % (int(row[at]) + left)
                else:
                    row.extend((field, b"%d" % left))
        for (partition, carrier), parts in flat.items():
            await self._writer.add(partition, "hash", b":tally:" + carrier, parts, self._tally_ttl_ms[carrier])
