"""Changes of what is known of recipients as they come by MO and receipts: group-committed like everything else.

Owns the operations of ``scripts/facts.lua`` and their rows; the names of facts and scopes are ``recipients``. Which of
two words counts is decided in the script. In force for the next message anywhere when a change is reported.
What can go wrong: Redis is away; a change waits for it and is never given up.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from smsgw.errors import StoreError
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

LEARNT: Final = "receipt"
"""``by`` of an entry that was learnt from receipts; a delivery takes such a dead number away again."""

Row: TypeAlias = tuple[str | int, ...]


class FactOp(IntEnum):
    """What a change does; see the script's header."""

    OPT_OUT = 1
    SUBSCRIBE = 2
    TIER = 3
    CONSENT = 4
    CONSENT_IMPORT = 5
    BLACKLIST = 6
    UNBLACKLIST = 7
    DEAD = 8
    UNDEAD = 9
    FAILED = 10
    """One receipt more that says that the number is dead."""
    REFUSED = 11
    """One receipt more that says that a carrier has blacklisted it; the scope is ``recipients.scope_carrier``."""
    DELIVERED = 12
    """The number is alive: what was counted against it, or learnt, is forgotten."""
    COMPLAINT = 13
    """Blacklist it; an entry that ends later stays. Lists are written so, too."""
    OPT_OUT_IMPORT = 14
    """The same as OPT_OUT, but where something newer stands, it says whether that is an opt-out."""


class FactResult(IntEnum):
    """What a change did. False when nothing changed."""

    NOTHING = 0
    CHANGED = 1
    OPTED_OUT = 2
    """A consent was not taken, for an opt-out of its scope stands."""
    LEARNT = 3
    """FAILED and REFUSED: the threshold is reached and an entry was made. DELIVERED: such an entry was taken away."""
    RENEWED = 4
    """An opt-out or a subscription that was known already was said once more; its time is the later one now."""
    SUBSCRIBED = 5
    """An imported opt-out was not taken, for the recipient subscribed or consented later."""


class FactChange(NamedTuple):
    """One change. ``number`` is E.164 digits, ``scope`` as in ``recipients`` (empty: company).

    ``source`` is where an opt-out, subscription or consent came from, the tier's name, or the reason of a list's entry.
    ``by`` and ``expires_ms`` (business time, 0 never) are of list entries, ``wording`` of consent. FAILED and REFUSED
    need ``threshold``, ``within_ms`` and ``keep_ms``. ``context`` stays here and comes back.
    """

    context: object
    op: int
    number: str
    scope: str
    source: str
    at_ms: int
    by: str = ""
    expires_ms: int = 0
    wording: str = ""
    threshold: int = 1
    within_ms: int = 0
    keep_ms: int = 0


_LISTS: Final = frozenset((FactOp.BLACKLIST, FactOp.DEAD, FactOp.COMPLAINT))
_CONSENTS: Final = frozenset((FactOp.CONSENT, FactOp.CONSENT_IMPORT))
_LEARNS: Final = frozenset((FactOp.FAILED, FactOp.REFUSED))


def row_of(change: FactChange, rhash: str) -> Row:
    """A change as the script takes it."""
    row: Row = (rhash, int(change.op), change.scope, change.source, change.at_ms)
    if change.op in _CONSENTS:
        return (*row, change.wording)
    if change.op in _LISTS:
        return (*row, change.by, change.expires_ms)
    if change.op in _LEARNS:
        return (*row, change.by or LEARNT, change.threshold, change.within_ms, change.keep_ms)
    return row


Done = Callable[[list[FactChange], "list[FactResult] | StoreError"], None]


class Facts:
    """``put`` changes; ``done(changes, results)`` reports what each of them did. Run ``commit.run()``."""

    def __init__(self, store: Store, done: Done) -> None:
        self._store = store
        self._script = script("facts")
        self.commit: GroupCommit[FactChange, FactResult] = GroupCommit("facts", self._send, done)

    def put(self, change: FactChange) -> None:
        """Write a change."""
        self.commit.put(self._store.recipients.partition(change.number, self._store.partitions), change)

    async def _send(self, partition: int, call_id: CallId, items: list[FactChange]) -> list[FactResult]:
        hash_of = self._store.recipients.hash
        rows = [row_of(change, hash_of(change.number)) for change in items]
        payload = to_script((self._store.settings.event_limit, rows))
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        return [FactResult(reply) for reply in from_script(answer)]
