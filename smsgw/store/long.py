"""Segments of long messages, kept until the whole is there.

Owns the groups' names and ``scripts/long.lua``. A segment is durable when ``done`` reports it. A group that is
complete stays, marked, until admission decides on it (``AdmitItem.long_group`` deletes it in the same
script), so whatever ``expired`` finds has not been decided: incomplete, or complete and its gateway died.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

INCOMPLETE: Final = 0
COMPLETE: Final = 1
DUPLICATE: Final = 2
REPLACED: Final = 3
_TAKEN_FIELD: Final = b"t"
_ASIDE: Final = "~"


class LongItem(NamedTuple):
    """One segment. ``group`` from ``Long.group``; ``segment`` from 1; ``expires_ms`` business time."""

    context: object
    partition: int
    group: str
    segment: int
    total: int
    blob: bytes
    expires_ms: int


class LongReply(NamedTuple):
    """INCOMPLETE; COMPLETE with all ``blobs`` in order; DUPLICATE of a complete message.

    REPLACED: incomplete, and an earlier segment of the same number, ``blobs[0]``, was put into ``aside``, a group of
    its own, which ``expired`` finds unless it is dropped.
    """

    code: int
    blobs: tuple[bytes, ...] = ()
    aside: str = ""


class LongGroup(NamedTuple):
    """A group whose time is over: its segments as (number, blob), ``complete`` when they are all there."""

    group: str
    segments: list[tuple[int, bytes]]
    complete: bool

    @property
    def is_aside(self) -> bool:
        """It was ``put_aside``: nothing can be added to it."""
        return _ASIDE in self.group


_INCOMPLETE: Final = LongReply(INCOMPLETE)
Done = Callable[[list[LongItem], "list[LongReply] | StoreError"], None]


class Long:
    """``put`` segments; ``done(items, replies)`` reports them. Run ``commit.run()``."""

    def __init__(self, store: Store, done: Done, *, retry_for_s: float | None = None) -> None:
        self._store = store
        self._script = script("long")
        self.commit: GroupCommit[LongItem, LongReply] = GroupCommit(
            "long", self._send, done, retry_for_s=store.timeout_s if retry_for_s is None else retry_for_s, sure=True
        )

    def group(self, account: str, source_addr: str, recipient: str, reference: int, total: int) -> str:
        """The name of a group; holds no number in clear."""
        sender = blake2b(f"{source_addr}\0{reference}\0{total}".encode(), digest_size=9).hexdigest()
        return f"{account}:{self._store.recipients.hash(recipient)}:{sender}"

    def put(self, item: LongItem) -> None:
        """Keep a segment."""
        self.commit.put(item.partition, item)

    def update(self, item: LongItem) -> None:
        """Replace a segment's blob if it still waits, say to mark it as answered; replies INCOMPLETE."""
        self.commit.put(item.partition, item._replace(total=0))

    async def expired(self, partition: int, now_ms: int, limit: int = 64) -> list[LongGroup]:
        """Groups whose time is over at ``now_ms``; they stay until ``drop`` or admission. Raises StoreError."""
        names = await self._store.command(
            partition, "ZRANGEBYSCORE", keys.longdue(partition), "-inf", now_ms, "LIMIT", 0, limit
        )
        groups: list[LongGroup] = []
        for name in names:
            group = name.decode()
            flat = await self._store.command(partition, "HGETALL", keys.long_group(partition, group))
            fields = dict(zip(flat[::2], flat[1::2], strict=True))
            complete = fields.pop(_TAKEN_FIELD, None) is not None
            groups.append(LongGroup(group, sorted((int(number), blob) for number, blob in fields.items()), complete))
        return groups

    async def put_aside(self, partition: int, group: str) -> None:
        """Give an incomplete group whose time is over a name of its own, under which ``expired`` finds it again.

        Segments that come after this begin another message. Does nothing to a complete one. Raises StoreError.
        """
        aside = f"{group}{_ASIDE}{os.urandom(6).hex()}"
        payload = to_script((self._store.settings.long_ttl_ms, [(group, 0, -1, aside, 0)]))
        await self._store.evaluate(partition, self._script, payload)

    async def drop(self, partition: int, group: str) -> None:
        """Forget a group after its segments were reported. Raises StoreError."""
        await self._store.command(partition, "DEL", keys.long_group(partition, group))
        await self._store.command(partition, "ZREM", keys.longdue(partition), group)

    async def _send(self, partition: int, call_id: CallId, items: list[LongItem]) -> list[LongReply]:
        payload = to_script((self._store.settings.long_ttl_ms, [item[2:] for item in items]))
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        return [_reply(reply) for reply in from_script(answer)]


def _reply(reply: Any) -> LongReply:
    if reply == INCOMPLETE:
        return _INCOMPLETE
    if reply == DUPLICATE:
        return LongReply(DUPLICATE)
    if reply[0] == COMPLETE:
        return LongReply(COMPLETE, tuple(reply[1]))
    return LongReply(REPLACED, (reply[1],), reply[2].decode())
