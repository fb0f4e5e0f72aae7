"""Opt-outs as they come by MO: many may come at once, so they are group-committed like everything else.

Owns nothing but the batching; what is written and which of two words counts is ``recipients`` and
``scripts/optout.lua``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from smsgw.errors import StoreError
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

_STOP, _START = 1, 2


class OptOutChange(NamedTuple):
    """A recipient's word. ``number`` is E.164 digits, ``scope`` as in ``recipients`` (empty: company)."""

    context: object
    number: str
    scope: str
    source: str
    at_ms: int
    is_stop: bool


Done = Callable[[list[OptOutChange], "list[bool] | StoreError"], None]


class OptOuts:
    """``put`` changes; ``done(changes, replies)`` reports whether each changed anything. Run ``commit.run()``."""

    def __init__(self, store: Store, done: Done) -> None:
        self._store = store
        self._script = script("facts")
        self.commit: GroupCommit[OptOutChange, bool] = GroupCommit("optout", self._send, done)

    def put(self, change: OptOutChange) -> None:
        """Write a change; in force for the next message anywhere when it is reported."""
        self.commit.put(self._store.recipients.partition(change.number, self._store.partitions), change)

    async def _send(self, partition: int, call_id: CallId, items: list[OptOutChange]) -> list[bool]:
        rows = [
            (self._store.recipients.hash(number), _STOP if is_stop else _START, scope, source, at_ms)
            for _, number, scope, source, at_ms, is_stop in items
        ]
        payload = to_script((self._store.settings.event_limit, rows))
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        return [bool(reply) for reply in from_script(answer)]
