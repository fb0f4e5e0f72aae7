"""Settlement: the end of a stream entry, and the carriers' message ids.

Owns the packing of ``scripts/settle.lua``, the order of its two halves when they lie in different partitions
(remember first, then acknowledge), and receipts that came before their response: they are passed on
by the same script that remembers the id. A batch reports through ``settled(contexts, replies)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.correlation import Correlated, Correlation, Mapping, Receipt, mapping_value
from smsgw.store.entries import Groups, split
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

_SENT: Final = 1
_REMEMBER: Final = 2
_DONE: Final = 3
_HOLD: Final = 4


class EarlyReceipt(NamedTuple):
    """A receipt that waited for its response. ``result`` is None while it is on its way to another partition."""

    blob: bytes
    result: Correlated | None


class EarlyContext(NamedTuple):
    """The context under which ``Correlation`` reports an early receipt that had to go to another partition."""

    context: object
    blob: bytes


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
        self.commit: GroupCommit[_Item, Settled] = GroupCommit("settle", self._send, self._answered)

    def sent(self, context: object, stream: str, entry_id: bytes, carrier: str, cid: str, mapping: Mapping) -> None:
        """The carrier has taken it: remember its id and end the entry."""
        value = mapping_value(mapping, self._partitions)
        suffix = f"{carrier}:{cid}"
        if self._partitions == 1:
            self.commit.put(0, (context, _SENT, stream, entry_id, suffix, value))
            return
        there = keys.carrier_partition(carrier, cid, self._partitions)
        here = keys.partition_of_key(stream)
        if there == here:
            self.commit.put(here, (context, _SENT, stream, entry_id, suffix, value))
        else:
            self.commit.put(there, (_ThenDone(context, stream, entry_id), _REMEMBER, suffix, value))

    def remember(self, context: object, carrier: str, cid: str, mapping: Mapping) -> None:
        """One segment of several was taken; the entry ends with its last segment."""
        partition = keys.carrier_partition(carrier, cid, self._partitions)
        value = mapping_value(mapping, self._partitions)
        self.commit.put(partition, (context, _REMEMBER, f"{carrier}:{cid}", value))

    def done(self, context: object, stream: str, entry_id: bytes, states: Sequence[tuple[str, bytes]] = ()) -> None:
        """End the entry. ``states``: (message id, ``state.state_value(...)``) to write, for failures."""
        flat = [part for state in states for part in state]
        self.commit.put(keys.partition_of_key(stream), (context, _DONE, stream, entry_id, *flat))

    def hold(self, context: object, stream: str, entry_id: bytes, due_ms: int, held_id: str, blob: bytes) -> None:
        """End the entry and defer its message until ``due_ms`` (business time) under ``held_id``."""
        self.commit.put(keys.partition_of_key(stream), (context, _HOLD, stream, entry_id, due_ms, held_id, blob))

    def move(self, context: object, stream: str, entry_id: bytes, to_suffix: str, blob: bytes) -> None:
        """End the entry and append its message to another carrier's or lane's stream (``keys.mt_suffix``)."""
        self.commit.put(keys.partition_of_key(stream), (context, _HOLD, stream, entry_id, 0, to_suffix, blob))

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[Settled]:
        answer = await self._store.evaluate(partition, self._script, self._payload(items), call_id)
        if not answer:
            return [SETTLED] * len(items)
        replies = from_script(answer)
        return [self._reply(item, reply) for item, reply in zip(items, replies, strict=True)]

    def _payload(self, items: list[_Item]) -> bytes:
        remembers: list[object] = []
        acks = Groups()
        states: list[tuple[object, ...]] = []
        moves: list[tuple[object, ...]] = []
        for position, item in enumerate(items, 1):
            op = item[1]
            if op == _SENT:
                acks.add(item[2], item[3], position)
                remembers += (item[4], item[5], position)
            elif op == _REMEMBER:
                remembers += (item[2], item[3], position)
            elif op == _DONE:
                acks.add(item[2], item[3], position)
                if len(item) > 4:
                    states.append((position, *item[4:]))
            else:
                moves.append((position, item[2], *split(item[3]), *item[4:]))
        settings = self._store.settings
        return to_script(
            (len(items), settings.receipt_ttl_ms, settings.receipt_limits, remembers, acks.rows(), states, moves)
        )

    def _reply(self, item: _Item, reply: Any) -> Settled:
        if reply == 1:
            return SETTLED
        if reply == 0:
            return SETTLED_BEFORE
        carrier, _, cid = item[2 if item[1] == _REMEMBER else 4].partition(":")
        context = item[0].context if isinstance(item[0], _ThenDone) else item[0]
        early: list[EarlyReceipt] = []
        for (kind, final, header, blob), answer in reply[1]:
            receipt = Receipt(EarlyContext(context, blob), carrier, cid, blob, kind, bool(final), header)
            early.append(EarlyReceipt(blob, self._correlation.finish(receipt, answer)))
        return Settled(bool(reply[0]), tuple(early))

    def _answered(self, items: list[_Item], replies: list[Settled] | StoreError) -> None:
        if self._partitions == 1:
            self._settled([item[0] for item in items], replies)
            return
        contexts: list[object] = []
        results: list[Settled] = []
        for number, item in enumerate(items):
            context = item[0]
            if isinstance(replies, StoreError):
                contexts.append(context.context if isinstance(context, _ThenDone) else context)
            elif not isinstance(context, _ThenDone):
                contexts.append(context)
                results.append(replies[number])
            elif context.early is None:
                context.early = replies[number].early
                self.commit.put(
                    keys.partition_of_key(context.stream), (context, _DONE, context.stream, context.entry_id)
                )
            else:
                contexts.append(context.context)
                results.append(Settled(replies[number].settled, context.early))
        if contexts:
            self._settled(contexts, replies if isinstance(replies, StoreError) else results)


class _ThenDone:
    """``sent`` across two partitions: the id is remembered first; its entry is ended when that is durable."""

    __slots__ = ("context", "early", "entry_id", "stream")

    def __init__(self, context: object, stream: str, entry_id: bytes) -> None:
        self.context = context
        self.stream = stream
        self.entry_id = entry_id
        self.early: tuple[EarlyReceipt, ...] | None = None
