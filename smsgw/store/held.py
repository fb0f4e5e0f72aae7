"""Held messages: deferred by a window, a schedule or a retry, until their business time.

Owns reading what is due and ``scripts/release.lua``, which does each thing to a held message exactly once: it
looks whether the message is still held and still the one that was read. What is known of the recipient is looked at
again when a message is sent on. Nothing here looks at a clock: the caller says what time it is.
A held message's id is its first message id. It lies in its recipient's partition, which the id names as well, but for
ids from before the number of partitions was changed: such a one is looked for everywhere by who has its id alone.
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
from smsgw.store.state import away_from, without, write_at_home

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
    """A deferred message as it was read. ``accepted_ms`` is known of parked ones only, which ``parked`` lists.

    ``away``: the partition where it lies, if that is not the home of its id. ``_replace`` keeps it.
    """

    held_id: str
    due_ms: int
    blob: bytes
    accepted_ms: int = 0
    away: int | None = None

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
        return [
            held_message(self._store, partition, held_id.decode(), int(float(due)), blob)
            for held_id, due, blob in zip(ids, found[1::2], blobs, strict=True)
            if blob
        ]

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
        for partition in self._where(held_id):
            due = await self._store.command(partition, "ZSCORE", keys.held(partition), held_id)
            blob = await self._store.command(partition, "HGET", keys.heldmsg(partition), held_id)
            if due and blob:
                return held_message(self._store, partition, held_id, int(float(due)), blob)
        return None

    async def cancel(self, held_id: str, states: States = (), read: bytes = b"") -> bytes | None:
        """Take a message out and give its blob; None when it is not held (any more). Raises StoreError.

        ``read``: its blob, if it must still be the one that was read.
        """
        for partition in self._where(held_id):
            reply = await self._now(partition, held_id, read[:SEEN_OCTETS], _CANCEL, _flat(states))
            if reply and reply[0] == _CANCELLED:
                blob: bytes = reply[1]
                return blob
        return None

    async def replace(self, held: HeldMessage, blob: bytes) -> bool:
        """Put another blob in place of one that was read with ``get``; False when it is not held as read."""
        partition = partition_of(self._store, held)
        reply = await self._now(partition, held.held_id, held.blob[:SEEN_OCTETS], _REPLACE, blob)
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
        item = (context, held.held_id, held.blob[:SEEN_OCTETS], *operation)
        self.commit.put(partition_of(self._store, held), item)

    def _where(self, held_id: str) -> Sequence[int]:
        """Partitions in which a message may be held, the likeliest first; none for an id that isn't one of ours."""
        try:
            first, made_s = keys.home(held_id, self._store.partitions), int(held_id[2:10], 16)
        except ValueError:
            return ()
        if made_s >= self._store.migrated_s:
            return (first,)
        return (first, *(each for each in range(self._store.partitions) if each != first))

    async def _now(self, partition: int, held_id: str, *operation: object) -> Any:
        item = (held_id, *operation)
        away = self._states_away(partition, item)
        payload = to_script((self._state_ttl_ms, [_with_states(item, away)]))
        answer = await self._store.evaluate(partition, self._script, payload)
        reply = from_script(answer)[0] if answer else DONE
        if away and reply not in ([GONE], GONE):
            await write_at_home(self._store, away, self._state_ttl_ms)
        return reply

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[ReleaseReply]:
        away = [self._states_away(partition, item[1:]) for item in items]
        rows = [_with_states(item[1:], states) for item, states in zip(items, away, strict=True)]
        answer = await self._store.evaluate(partition, self._script, to_script((self._state_ttl_ms, rows)), call_id)
        replies = [_reply(reply) for reply in from_script(answer)] if answer else [_DONE_REPLY] * len(items)
        for reply, states in zip(replies, away, strict=True):
            if states and reply.code == DONE:
                # Before the batch is reported; repeated with it when it fails.
                await write_at_home(self._store, states, self._state_ttl_ms)
        return replies

    def _states_away(self, partition: int, operation: _Item) -> list[str | bytes]:
        return away_from(operation[3], partition, self._store) if operation[2] in (_END, _CANCEL) else []

    def _answered(self, items: list[_Item], replies: list[ReleaseReply] | StoreError) -> None:
        self._done([item[0] for item in items], replies)


def held_message(
    store: Store, partition: int, held_id: str, due_ms: int, blob: bytes, accepted_ms: int = 0
) -> HeldMessage:
    """A message that was read in a partition."""
    away = None if keys.home(held_id, store.partitions) == partition else partition
    return HeldMessage(held_id, due_ms, blob, accepted_ms, away)


def partition_of(store: Store, held: HeldMessage) -> int:
    """Where a message that was read lies."""
    return keys.home(held.held_id, store.partitions) if held.away is None else held.away


def _with_states(operation: _Item, away: Sequence[str | bytes]) -> _Item:
    return (*operation[:3], without(operation[3], away)) if away else operation


def _flat(states: States) -> list[str | bytes]:
    return [part for state in states for part in state]


def _reply(reply: Any) -> ReleaseReply:
    if reply == DONE:
        return _DONE_REPLY
    return ReleaseReply(reply[0], reply[1].decode() if reply[0] == FORBIDDEN else "")
