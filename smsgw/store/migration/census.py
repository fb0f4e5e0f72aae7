"""Counting a store: how much there is of each kind, and where messages wait. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from smsgw.store.connection import Store
from smsgw.store.migration.kinds import KINDS, Unit, kind_of, name_in
from smsgw.store.migration.walk import Keys, fields, key_of

_TOTAL_UNIT: Final = 1 << 40
_LENGTH: Final = {Unit.FIELDS: "HLEN", Unit.MEMBERS: "ZCARD", Unit.ENTRIES: "XLEN"}


@dataclass(slots=True)
class Census:
    """``counts``: by kind, in its unit; ``keys``: by kind; ``queues``: messages by (kind, name) of a queue."""

    counts: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    queues: Counter[tuple[str, str]] = field(default_factory=Counter)
    stray: int = 0


async def census(store: Store) -> Census:
    """Every key is looked at once. Raises StoreError."""
    found = Census()
    walk = Keys(store)
    large: set[tuple[int, bytes]] = set()
    async for partition, rests in walk.pages():
        for rest in rests:
            kind = kind_of(rest)
            found.keys[kind] += 1
            if KINDS[kind].unit is Unit.KEYS:
                found.counts[kind] += 1
            elif KINDS[kind].unit is not Unit.NOTHING:
                large.add((partition, rest))
    found.stray = walk.stray
    for partition, rest in large:
        kind = kind_of(rest)
        count = await counted(store, partition, rest)
        found.counts[kind] += count
        if KINDS[kind].unit is Unit.MESSAGES:
            found.queues[kind, name_in(rest).decode("utf-8", "replace")] += count
    return found


async def counted(store: Store, partition: int, rest: bytes) -> int:
    """How much stands in one key, in the unit of its kind. Raises StoreError."""
    unit = KINDS[kind_of(rest)].unit
    if unit is Unit.MESSAGES:
        return await messages(store, partition, rest)
    return int(await store.command(partition, _LENGTH[unit], key_of(partition, rest)))


async def messages(store: Store, partition: int, rest: bytes) -> int:
    """Messages of a queue that are not settled, by its entries and not by its count. Raises StoreError."""
    entries = int(await store.command(partition, "XLEN", key_of(partition, rest)))
    masks: dict[bytes, int] = {}
    async for page in fields(store, partition, b":part" + rest):
        masks.update((entry, int(mask)) for entry, mask in page if entry != b"n")
    waiting = sum(mask // _TOTAL_UNIT - (mask % _TOTAL_UNIT).bit_count() for mask in masks.values())
    return entries - len(masks) + waiting
