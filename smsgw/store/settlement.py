"""Settlement: the end of a stream entry, and the carriers' message ids.

Owns the packing of ``scripts/settle.lua``, the order of its two halves when they lie in different partitions
(remember first, then acknowledge), and receipts that came before their response: they are passed on
by the same script that remembers the id. A batch reports through ``settled(contexts, replies)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.correlation import (
    Correlated,
    Correlation,
    Mapping,
    Receipt,
    SharedMapping,
    alias_value,
    known_value,
    mapping_value,
)
from smsgw.store.entries import Groups, split
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script
from smsgw.store.state import away_from, without, write_at_home

_SENT: Final = 1
_REMEMBER: Final = 2
_DONE: Final = 3
_HOLD: Final = 4
_POSTPONED: Final = 2


class EarlyReceipt(NamedTuple):
    """A receipt that waited for its response, and what became of it."""

    blob: bytes
    result: Correlated


class Settled(NamedTuple):
    """``settled`` False: somebody else had settled the entry before, nothing was done to it."""

    settled: bool
    early: tuple[EarlyReceipt, ...] = ()


SETTLED: Final = Settled(True)
SETTLED_BEFORE: Final = Settled(False)

# (context, op, stream suffix, entry id, rest...); what follows depends on the op, see settle.lua
_Item = tuple[Any, ...]
Done = Callable[[list[object], "list[Settled] | StoreError"], None]


class Settlement:
    """Ends stream entries. ``stream`` is the whole key as the reader gave it. Run ``commit.run()``."""

    def __init__(self, store: Store, correlation: Correlation, settled: Done) -> None:
        self._store = store
        self._correlation = correlation
        self._settled = settled
        self._script = script("settle")
        self._partitions = store.partitions
        self.commit: GroupCommit[_Item, Any] = GroupCommit("settle", self._send, self._answered)

    def sent(
        self, context: object, stream: str, entry_id: bytes, carrier: str, cid: str, mapping: Mapping | SharedMapping
    ) -> None:
        """The carrier has taken it: remember its id and end the entry."""
        value = mapping_value(mapping, self._partitions)
        suffix = f"{carrier}:{cid}"
        self._correlation.coming(suffix)
        if self._partitions == 1:
            self.commit.put(0, (context, _SENT, stream, entry_id, suffix, value, mapping.due))
            return
        there = keys.carrier_partition(carrier, cid, self._partitions)
        here = keys.partition_of_key(stream)
        if there == here:
            self.commit.put(here, (context, _SENT, stream, entry_id, suffix, value, mapping.due))
        else:
            state = _Unfinished((context, _SENT, stream, entry_id))
            state.to_acknowledge = True
            self.commit.put(there, (state, _REMEMBER, suffix, value, mapping.due))

    def remember(self, context: object, carrier: str, cid: str, mapping: Mapping | SharedMapping) -> None:
        """One segment of several was taken; the entry ends with its last segment."""
        self._remember(context, carrier, cid, mapping_value(mapping, self._partitions), mapping.due)

    def remember_known(self, context: object, carrier: str, cid: str, message_id: str) -> None:
        """A segment was taken whose receipts are only recorded, for another segment's tell of the message."""
        self._remember(context, carrier, cid, known_value(message_id))

    def remember_alias(self, context: object, carrier: str, alias: str, cid: str, tag: str) -> None:
        """Another key that leads to ``cid``, see ``correlation.alias_value``."""
        self._remember(context, carrier, alias, alias_value(cid, tag))

    def _remember(self, context: object, carrier: str, cid: str, value: bytes, due: int = 0) -> None:
        partition = keys.carrier_partition(carrier, cid, self._partitions)
        suffix = f"{carrier}:{cid}"
        self._correlation.coming(suffix)
        self.commit.put(partition, (context, _REMEMBER, suffix, value, due))

    def done(self, context: object, stream: str, entry_id: bytes, states: Sequence[tuple[str, bytes]] = ()) -> None:
        """End the entry. ``states``: (message id, ``state.state_value(...)``) to write, for failures."""
        flat = [part for state in states for part in state]
        self.commit.put(keys.partition_of_key(stream), (context, _DONE, stream, entry_id, *flat))

    def hold(self, context: object, stream: str, entry_id: bytes, due_ms: int, held_id: str, blob: bytes) -> None:
        """End the entry and defer its message until ``due_ms`` (business time) under ``held_id``."""
        self.commit.put(keys.partition_of_key(stream), (context, _HOLD, stream, entry_id, due_ms, held_id, blob))

    def park(
        self, context: object, stream: str, entry_id: bytes, lot: str, accepted_ms: int, due_ms: int, held_id: str,
        blob: bytes,
    ) -> None:  # fmt: skip
        """End the entry and park its message in ``lot``, by ``accepted_ms``; ``due_ms`` is when it expires."""
        if due_ms <= 0:
            raise ValueError("a parked message needs the time at which it expires")
        item = (context, _HOLD, stream, entry_id, due_ms, held_id, blob, lot, accepted_ms)
        self.commit.put(keys.partition_of_key(stream), item)

    def move(self, context: object, stream: str, entry_id: bytes, to_suffix: str, blob: bytes) -> None:
        """End the entry and append its message to another carrier's or lane's stream (``keys.mt_suffix``)."""
        self.commit.put(keys.partition_of_key(stream), (context, _HOLD, stream, entry_id, 0, to_suffix, blob))

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[Any]:
        away = {
            position: found
            for position, item in enumerate(items)
            if item[1] == _DONE and len(item) > 4 and (found := away_from(item[4:], partition, self._store))
        }
        answer = await self._store.evaluate(partition, self._script, self._payload(items, away), call_id)
        replies: list[Any] = from_script(answer) if answer else [1] * len(items)
        for position, states in away.items():
            if replies[position]:
                # Before the batch is reported; repeated with it when it fails.
                await write_at_home(self._store, states, self._store.settings.final_state_ttl_ms)
        return replies

    def _payload(self, items: list[_Item], away: dict[int, list[str | bytes]]) -> bytes:
        remembers: list[object] = []
        acks = Groups()
        states: list[tuple[object, ...]] = []
        moves: list[tuple[object, ...]] = []
        taken: dict[tuple[str, int], int] = {}
        for position, item in enumerate(items, 1):
            op = item[1]
            if op == _SENT:
                acks.add(item[2], item[3], position)
                remembers += (item[4], item[5], position)
                _count(taken, item[4], item[6])
            elif op == _REMEMBER:
                remembers += (item[2], item[3], position)
                _count(taken, item[2], item[4])
            elif op == _DONE:
                acks.add(item[2], item[3], position)
                if len(item) > 4:
                    states.append((position, *without(item[4:], away.get(position - 1, ()))))
            else:
                moves.append((position, item[2], *split(item[3]), *item[4:]))
        settings = self._store.settings
        tallies = [part for (carrier, due), count in taken.items() for part in (carrier, due, count)]
        rows = acks.rows()
        return to_script(
            (len(items), settings.receipt_ttl_ms, self._correlation.limits(), remembers, rows, states, moves, tallies)
        )

    def _answered(self, items: list[_Item], replies: list[Any] | StoreError) -> None:
        self._report(items, replies)
        came = self._correlation.came
        for item in items:
            if item[1] == _SENT:
                came(item[4])
            elif item[1] == _REMEMBER:
                came(item[2])

    def _report(self, items: list[_Item], replies: list[Any] | StoreError) -> None:
        if isinstance(replies, StoreError):
            self._settled([_context_of(item) for item in items], replies)
            return
        contexts: list[object] = []
        results: list[Settled] = []
        for item, reply in zip(items, replies, strict=True):
            result = self._result(item, reply)
            if result is not None:
                contexts.append(_context_of(item))
                results.append(result)
        if contexts:
            self._settled(contexts, results)

    def _result(self, item: _Item, reply: Any) -> Settled | None:
        """What to report for an item; None when something is still to be done for it."""
        state = item[0] if isinstance(item[0], _Unfinished) else None
        if isinstance(reply, list):
            state = state or _Unfinished(item)
            self._pass_on(state, item, reply)
        if state is None:
            return SETTLED if reply else SETTLED_BEFORE
        if state.forwarding:
            return None
        if state.to_acknowledge:
            self._acknowledge(state)
            return None
        settled = bool(reply[0] if isinstance(reply, list) else reply)
        return Settled(settled, tuple(state.early))

    def _pass_on(self, state: _Unfinished, item: _Item, reply: list[Any]) -> None:
        """Early receipts: those for this partition have been passed on, the others go their way now."""
        carrier, _, cid = item[2 if item[1] == _REMEMBER else 4].partition(":")
        state.to_acknowledge = state.to_acknowledge or (reply[0] == _POSTPONED and item[1] == _SENT)
        for (kind, final, header, blob, *_), answer in reply[1]:
            then = partial(self._passed_on, state, blob)
            receipt = Receipt(None, carrier, cid, blob, kind, bool(final), header, then=then)
            result = self._correlation.finish(receipt, answer)
            if result is None:
                state.forwarding += 1
            else:
                state.early.append(EarlyReceipt(blob, result))

    def _passed_on(self, state: _Unfinished, blob: bytes, result: Correlated | StoreError) -> None:
        state.forwarding -= 1
        if isinstance(result, StoreError):
            state.error = result
        else:
            state.early.append(EarlyReceipt(blob, result))
        if state.forwarding:
            return
        if state.error is not None:
            # The entry stays pending: after a restart it is uncertain, and its receipt may come again.
            self._settled([state.context], state.error)
        elif state.to_acknowledge:
            self._acknowledge(state)
        else:
            self._settled([state.context], [Settled(True, tuple(state.early))])

    def _acknowledge(self, state: _Unfinished) -> None:
        state.to_acknowledge = False
        self.commit.put(keys.partition_of_key(state.stream), (state, _DONE, state.stream, state.entry_id))


class _Unfinished:
    """An item that takes more than one call: its id is remembered first, early receipts are passed on in other
    partitions, and its entry ends when all of that is durable."""

    __slots__ = ("context", "early", "entry_id", "error", "forwarding", "stream", "to_acknowledge")

    def __init__(self, item: _Item) -> None:
        self.context: object = item[0]
        self.stream: str = item[2] if item[1] == _SENT else ""
        self.entry_id: bytes = item[3] if item[1] == _SENT else b""
        self.early: list[EarlyReceipt] = []
        self.forwarding = 0
        self.error: StoreError | None = None
        self.to_acknowledge = False


def _count(taken: dict[tuple[str, int], int], suffix: str, due: int) -> None:
    if due:
        key = (suffix.partition(":")[0], due)
        taken[key] = taken.get(key, 0) + 1


def _context_of(item: _Item) -> object:
    return item[0].context if isinstance(item[0], _Unfinished) else item[0]
