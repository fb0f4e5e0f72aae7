"""Admission: the rules that need memory, and taking a message in, in one atomic script a batch.

Owns the packing of ``scripts/admit.lua`` and the meaning of its replies. What was accepted is in a carrier's
stream or in the held set, fsynced, when ``done`` is called. A refused message was counted nowhere.
Never decides a rule of its own: facts, caps and limits come with each item.
What can go wrong: StoreAway after ``retry_for_s`` means that the batch did not run and never will. One that was lost on
its way is reported when Redis can say what became of it, however late that is: nobody is refused what was taken in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from smsgw.errors import StoreError
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.recipients import fact_carrier
from smsgw.store.scripts import script
from smsgw.store.state import away_from, write_at_home

ACCEPTED: Final = 0
FORBIDDEN: Final = 1
CAPPED: Final = 2
FULL: Final = 3
MEMORY: Final = 4
GONE: Final = 5
NO_CONSENT: Final = 6

CapRow = Sequence[Any]
"""[key (4 octets), kind (0 clock, 1 rolling, 2 same content), limit, {tier: limit}, bucket start ms, bucket end ms,
period ms]. Bucket ends are whole seconds."""

_DRY: Final = 1
_MEMORY_STAGE: Final = 2


Others: TypeAlias = Sequence[tuple[str, Sequence[str]]]


class AdmitItem(NamedTuple):
    """One message for admission. ``facts`` and ``caps`` should be the same objects for like messages: they
    are packed once a batch by identity.

    ``stream`` is ``keys.mt_suffix(carrier, lane)``; with ``due_ms`` > 0 the message goes to the held set
    instead. ``at_ms`` is the business time that it is counted at: now, or ``due_ms``. ``state`` is
    ``state.state_value(...)``, written for each of ``message_ids`` (empty: none). ``long_group`` must still be there
    (else GONE) and is deleted, but for a refusal with ``keep_group``: the caller drops it. ``queue_limit`` 0: none.
    ``facts`` is ``recipients.facts_for(...)``. ``content``: hash of 8 octets for a row of kind 2, which counts
    nothing without it. With ``lot`` it is parked there and held until ``due_ms``, when it expires.
    ``others``: streams of other carriers with their facts, in order, for a recipient whom only the blacklist of this
    item's own carrier forbids; or what gives them, asked when that has happened: with many carriers they cost more than
    all the rest. ``context`` stays here and comes back.
    """

    context: object
    rhash: str
    message_ids: list[str]
    blob: bytes
    stream: str
    at_ms: int
    state: bytes = b""
    facts: Sequence[str] = ()
    caps: Sequence[CapRow] = ()
    tier: str = ""
    message_class: int = 0
    queue_limit: int = 0
    due_ms: int = 0
    long_group: str = ""
    lot: str = ""
    content: bytes = b""
    others: Others | Callable[[], Others] = ()
    keep_group: bool = False


class AdmitReply(NamedTuple):
    """``code`` ACCEPTED, or why not.

    FORBIDDEN: by ``fact``. NO_CONSENT: none of the facts that it needs.
    CAPPED: ``row`` (index into the item's caps), ``retry_after_ms``, ``seen`` of ``limit``.
    FULL and MEMORY have no detail.
    GONE: the item's long group had been decided before; answer nothing more for it.
    """

    code: int
    fact: str = ""
    row: int = -1
    retry_after_ms: int = 0
    seen: int = 0
    limit: int = 0


class DryReport(NamedTuple):
    """What admission would answer now, and what each cap row has counted so far."""

    reply: AdmitReply
    seen: list[int]


_YES: Final = AdmitReply(ACCEPTED)
_OWN_BLACKLIST: Final = fact_carrier("")

Done = Callable[[list[AdmitItem], "list[AdmitReply] | StoreError"], None]


class Admission:
    """``submit`` items; ``done(items, replies)`` reports them, a batch at a time. Run ``commit.run()``.

    ``now_ms`` is the business clock, ``retry_for_s`` how long an item waits for Redis before StoreAway.
    """

    def __init__(
        self,
        store: Store,
        done: Done,
        now_ms: Callable[[], int],
        *,
        retry_for_s: float | None = None,
        max_batch: int = 256,
        in_flight: int = 2,
    ) -> None:
        self._store = store
        self._done = done
        self._now_ms = now_ms
        self._script = script("admit")
        self._partitions = store.partitions
        self._partition_of = store.recipients.partition_of_hash
        self.memory_stage = 0
        """As ``memory.stage_of`` says: which classes are refused with MEMORY."""
        self.commit: GroupCommit[AdmitItem, AdmitReply] = GroupCommit(
            "admit",
            self._send,
            self._answered,
            max_batch=max_batch,
            in_flight=in_flight,
            retry_for_s=store.timeout_s if retry_for_s is None else retry_for_s,
            sure=True,
        )

    def submit(self, item: AdmitItem) -> None:
        """Take an item for the next batch. Watch ``commit.waiting`` for back-pressure."""
        if item.lot and not item.due_ms:
            raise ValueError("a parked message needs the time at which it expires")
        if item.long_group and callable(item.others):
            item = item._replace(others=item.others())  # its segments are gone with the first refusal
        self.commit.put(self._partition_of(item.rhash, self._partitions) if self._partitions > 1 else 0, item)

    async def once(self, name: str, item: AdmitItem) -> AdmitReply:
        """Admit one message under a name: for a day the same name gives the first reply, and admits nothing more.

        Raises StoreError: StoreAway when it may have been admitted; ask again under the same name.
        """
        partition = self._partition_of(item.rhash, self._partitions)
        (reply,) = await self._send(partition, CallId(f"once.{item.rhash}.{name}", 1, math.inf), [item])
        return reply

    async def dry(self, item: AdmitItem) -> DryReport:
        """Look without counting or writing. Raises StoreError."""
        partition = self._partition_of(item.rhash, self._partitions)
        payload = self._payload([item], _DRY)
        answer = from_script(await self._store.evaluate(partition, self._script, payload, durable=False))
        reply, seen = answer[0]
        return DryReport(_reply(reply), list(seen))

    async def _send(self, partition: int, call_id: CallId, items: list[AdmitItem]) -> list[AdmitReply]:
        states = self._states_away(partition, items)
        payload = self._payload([items[n]._replace(state=b"") if n in states else items[n] for n in range(len(items))]
                                if states else items, 0)  # fmt: skip
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        replies = [_reply(reply) if reply else _YES for reply in from_script(answer)] if answer else [_YES] * len(items)
        for position, flat in states.items():
            if replies[position].code == ACCEPTED:
                await write_at_home(self._store, flat, self._store.settings.state_ttl_ms)
        return replies

    def _answered(self, items: list[AdmitItem], replies: list[AdmitReply] | StoreError) -> None:
        """Whom only the blacklist of a carrier forbids is decided once more, with the others that are left."""
        if isinstance(replies, StoreError) or not any(reply.fact for reply in replies):
            return self._done(items, replies)
        ended_items, ended = [], []
        for item, reply in zip(items, replies, strict=True):
            others: Others = ()
            if callable(item.others) and reply.fact.startswith(_OWN_BLACKLIST):
                others = item.others()
            if others:
                self.submit(item._replace(others=others))
            else:
                ended_items.append(item)
                ended.append(reply)
        if ended:
            self._done(ended_items, ended)

    def _states_away(self, partition: int, items: list[AdmitItem]) -> dict[int, list[str | bytes]]:
        """Of long messages whose segments got their ids before the number of partitions was changed."""
        found = {}
        if self._store.migrated_s:
            for position, item in enumerate(items):
                flat = [part for message_id in item.message_ids for part in (message_id, item.state)]
                if item.state and away_from(flat, partition, self._store):
                    found[position] = flat
        return found

    def _payload(self, items: list[AdmitItem], flags: int) -> bytes:
        """Everything that like messages share goes once, as a profile; the items name it by number."""
        numbers: dict[tuple[object, ...], int] = {}
        profiles: list[tuple[object, ...]] = []
        rows: list[tuple[object, ...]] = []
        for item in items:
            _, rhash, ids, blob, stream, at_ms, state, facts, caps, tier, mclass, limit, due_ms, group, lot = item[:15]
            same, others = item.content, item.others
            if callable(others):
                others = ()
            like = (id(facts), id(caps), stream, limit, mclass, id(others))
            number = numbers.get(like)
            if number is None:
                has_tiers = 1 if any(row[3] for row in caps) else 0
                profile = (stream, tuple(facts), tuple(caps), limit, mclass, has_tiers)
                profiles.append((*profile, tuple(others)) if others else profile)
                number = numbers[like] = len(profiles)
            if due_ms or group or tier:
                keep = 1 if item.keep_group else 0
                rows.append((number, rhash, at_ms, blob, ids, state, same, tier, due_ms, group, lot, keep))
            else:
                rows.append((number, rhash, at_ms, blob, ids, state, same))
        flags += self.memory_stage * _MEMORY_STAGE
        payload: bytes = to_script((self._now_ms(), self._store.settings.state_ttl_ms, flags, profiles, rows))
        return payload


def _reply(reply: Any) -> AdmitReply:
    if not reply:
        return _YES
    code = reply[0]
    if code == FORBIDDEN:
        return AdmitReply(code, fact=reply[1].decode())
    if code == CAPPED:
        return AdmitReply(code, row=reply[1] - 1, retry_after_ms=int(reply[2]), seen=reply[3], limit=reply[4])
    return AdmitReply(code)
