"""Held messages: deferred by a window, a schedule or a retry, until their business time.

Owns reading what is due and ``scripts/release.lua``, which does each thing to a held message exactly once: it
looks whether the message is still held and still the one that was read. What is known of the recipient is looked at
again when a message is sent on. Nothing here looks at a clock: the caller says what time it is.
A held message's id is its first message id, whose first two digits are its partition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

DONE: Final = 0
FORBIDDEN: Final = 1
FULL: Final = 3
GONE: Final = 5
NO_CONSENT: Final = 6

UNPARK: Final = 7
"""The operation of ``parked``."""

_CANCELLED: Final = 7
_SEND: Final = 1
_HOLD: Final = 2
_END: Final = 3
_CANCEL: Final = 4
_REPLACE: Final = 5
_PARK: Final = 6
SEEN_OCTETS: Final = 13
"""Key id and nonce of a sealed value: no two are alike."""

States = Sequence[tuple[str, bytes]]
"""(message id, ``state.state_value(...)``) to write."""


class HeldMessage(NamedTuple):
    """A deferred message as it was read. ``accepted_ms`` is known of parked ones only, which ``parked`` lists."""

    held_id: str
    due_ms: int
    blob: bytes
    accepted_ms: int = 0

    @property
    def cursor(self) -> str:
        """Its place in its lot."""
        return f"{self.accepted_ms}:{self.held_id}"


class ReleaseReply(NamedTuple):
    """DONE; FORBIDDEN (by ``fact``), NO_CONSENT and FULL: still held; GONE: cancelled, changed or released."""

    code: int
    fact: str = ""


_DONE_REPLY: Final = ReleaseReply(DONE)
_Item = tuple[Any, ...]
Done = Callable[[list[object], "list[ReleaseReply] | StoreError"], None]


class Held:
    """``send``, ``hold`` and ``end`` what ``due`` gave; ``done(contexts, replies)`` reports. Run ``commit.run()``."""

    def __init__(self, store: Store, done: Done) -> None:
        self._store = store
        self._done = done
        self._script = script("release")
        self._state_ttl_ms = store.settings.final_state_ttl_ms
        self.commit: GroupCommit[_Item, ReleaseReply] = GroupCommit("release", self._send, self._answered)

    async def due(self, partition: int, now_ms: int, limit: int = 256) -> list[HeldMessage]:
        """The first messages due at ``now_ms``, earliest first; they stay held. Raises StoreError."""
        found = await self._store.command(
            partition, "ZRANGEBYSCORE", keys.held(partition), "-inf", now_ms, "WITHSCORES", "LIMIT", 0, limit
        )
        if not found:
            return []
        ids = found[::2]
        blobs = await self._store.command(partition, "HMGET", keys.heldmsg(partition), *ids)
        rows = zip(ids, found[1::2], blobs, strict=True)
        return [HeldMessage(held_id.decode(), int(float(due)), blob) for held_id, due, blob in rows if blob]

    async def next_due(self, partition: int) -> int | None:
        """Business time of the earliest held message. Raises StoreError."""
        found = await self._store.command(
            partition, "ZRANGEBYSCORE", keys.held(partition), "-inf", "+inf", "WITHSCORES", "LIMIT", 0, 1
        )
        return int(float(found[1])) if found else None

    async def count(self, partition: int) -> int:
        """How many messages are held. Raises StoreError."""
        return int(await self._store.command(partition, "ZCARD", keys.held(partition)))

    async def get(self, held_id: str) -> HeldMessage | None:
        """One held message. Raises StoreError; None also for an id that isn't one of ours."""
        partition = self._partition(held_id)
        if partition is None:
            return None
        due = await self._store.command(partition, "ZSCORE", keys.held(partition), held_id)
        blob = await self._store.command(partition, "HGET", keys.heldmsg(partition), held_id)
        return HeldMessage(held_id, int(float(due)), blob) if due and blob else None

    async def cancel(self, held_id: str, states: States = (), read: bytes = b"") -> bytes | None:
        """Take a message out and give its blob; None when it is not held (any more). Raises StoreError.

        ``read``: its blob, if it must still be the one that was read.
        """
        reply = await self._now(held_id, read[:SEEN_OCTETS], _CANCEL, _flat(states))
        return reply[1] if reply and reply[0] == _CANCELLED else None

    async def replace(self, held: HeldMessage, blob: bytes) -> bool:
        """Put another blob in place of one that was read with ``get``; False when it is not held as read."""
        reply = await self._now(held.held_id, held.blob[:SEEN_OCTETS], _REPLACE, blob)
        return bool(reply == DONE)

    def send(
        self,
        context: object,
        held: HeldMessage,
        stream: str,
        blob: bytes,
        rhash: str,
        facts: Sequence[str] = (),
        queue_limit: int = 0,
        at_ms: int = 0,
    ) -> None:
        """Append ``blob`` to a stream (``keys.mt_suffix``) unless the recipient's ``facts`` forbid it at ``at_ms``.

        At 0 also those forbid that have ended.
        """
        self._put(context, held, _SEND, stream, blob, rhash, queue_limit, list(facts), at_ms)

    def park(self, context: object, held: HeldMessage, lot: str, accepted_ms: int, due_ms: int, blob: bytes) -> None:
        """Put it, with another blob, into a lot (``parked``), out of the one it may be in; due when it expires."""
        self._put(context, held, _PARK, lot, accepted_ms, due_ms, blob)

    def hold(self, context: object, held: HeldMessage, due_ms: int, blob: bytes = b"") -> None:
        """Hold it longer; with another blob if one is given."""
        self._put(context, held, _HOLD, due_ms, blob)

    def end(self, context: object, held: HeldMessage, states: States = ()) -> None:
        """It is over (expired, refused): remove it."""
        self._put(context, held, _END, _flat(states))

    def _put(self, context: object, held: HeldMessage, *operation: object) -> None:
        partition = keys.partition_of_message(held.held_id)
        self.commit.put(partition, (context, held.held_id, held.blob[:SEEN_OCTETS], *operation))

    def _partition(self, held_id: str) -> int | None:
        try:
            partition = keys.partition_of_message(held_id)
        except ValueError:
            return None
        return partition if partition < self._store.partitions else None

    async def _now(self, held_id: str, *operation: object) -> Any:
        partition = self._partition(held_id)
        if partition is None:
            return [GONE]
        payload = to_script((self._state_ttl_ms, [(held_id, *operation)]))
        answer = await self._store.evaluate(partition, self._script, payload)
        return from_script(answer)[0] if answer else DONE

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[ReleaseReply]:
        payload = to_script((self._state_ttl_ms, [item[1:] for item in items]))
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        if not answer:
            return [_DONE_REPLY] * len(items)
        return [_reply(reply) for reply in from_script(answer)]

    def _answered(self, items: list[_Item], replies: list[ReleaseReply] | StoreError) -> None:
        self._done([item[0] for item in items], replies)


def _flat(states: States) -> list[str | bytes]:
    return [part for state in states for part in state]


def _reply(reply: Any) -> ReleaseReply:
    if reply == DONE:
        return _DONE_REPLY
    return ReleaseReply(reply[0], reply[1].decode() if reply[0] == FORBIDDEN else "")
