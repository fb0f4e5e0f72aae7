"""High-water marks: how far into a stream a consumer may have written to its carriers.

Owns ``{p}:hwm:<consumer>``. A mark is durable before the entries up to it are written, so after a crash a
pending entry at or below its mark is *uncertain* and one above it was surely not sent. One call a turn for
all streams of a partition, one in flight, so a mark never goes back. Marks belong to one life of a consumer, named
by its token: once another process has taken over what that life had read, it can mark, and so send, nothing more.
Nor can what is not pending there: a reader may have it from a server that was not the master any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.entries import entry_key
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

Marked = Callable[[StoreError | None], None]
_Item = tuple[str, bytes, Marked]
_MOST_AT_ONCE: Final = 4096
_OWNER: Final = "owner"


class ReadElsewhere(StoreError):
    """The entry is not pending for this consumer, as the store sees it: it must not be sent."""


class Marks:
    """One consumer's marks. Run ``commit.run()``."""

    def __init__(self, store: Store, consumer: str, token: str) -> None:
        self._store = store
        self._consumer = consumer
        self._token = token
        self._script = script("mark")
        self.commit: GroupCommit[_Item, StoreError | None] = GroupCommit(
            "mark", self._send, self._answered, max_batch=_MOST_AT_ONCE, in_flight=1
        )

    def advance(self, stream: str, entry_id: bytes, done: Marked) -> None:
        """Raise the stream's mark to ``entry_id``; call once for the last of several entries.

        ``done(None)`` when it is durable: now they may be written. ``done(ReadElsewhere)``: nothing was marked, and the
        reader must look which of them it has.
        """
        self.commit.put(keys.partition_of_key(stream), (stream, entry_id, done))

    async def claim(self, partition: int) -> dict[str, bytes]:
        """Make this life the owner of a partition's marks; gives them as an earlier one left them. Raises StoreError.

        Before anything is read from streams: what nobody has taken over by then nobody will.
        """
        await self._store.write(partition, "HSET", keys.hwm(partition, self._consumer), _OWNER, self._token)
        return await self.load(partition)

    async def load(self, partition: int) -> dict[str, bytes]:
        """All marks of this consumer in a partition. Raises StoreError."""
        flat = await self._store.command(partition, "HGETALL", keys.hwm(partition, self._consumer))
        found = {stream.decode(): entry_id for stream, entry_id in zip(flat[::2], flat[1::2], strict=True)}
        found.pop(_OWNER, None)
        return found

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[StoreError | None]:
        highest: dict[str, bytes] = {}
        for stream, entry_id, _ in items:
            before = highest.get(stream)
            if before is None or entry_key(before) < entry_key(entry_id):
                highest[stream] = entry_id
        flat = [part for pair in highest.items() for part in pair]
        payload = to_script((self._consumer, self._token, keys.GROUP, flat))
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        if not answer:
            return [None] * len(items)
        elsewhere = {stream.decode() for stream in from_script(answer)}
        return [ReadElsewhere(f"not pending here: {entry_id.decode()} of {stream}") if stream in elsewhere else None
                for stream, entry_id, _ in items]  # fmt: skip

    @staticmethod
    def _answered(items: list[_Item], replies: list[StoreError | None] | StoreError) -> None:
        for number, (_, _, done) in enumerate(items):
            done(replies if isinstance(replies, StoreError) else replies[number])
