"""How many keys of each kind there are, and how much memory they take. Reads only.

Keys are counted one by one; of a kind with many, the memory is that of some of them, taken evenly over the walk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from smsgw.store.connection import Store
from smsgw.store.migration.kinds import KINDS, Unit, kind_of
from smsgw.store.migration.walk import Keys, key_of

_MOST: Final = 400
"""Keys of a kind that are weighed, when they are small ones."""


@dataclass(slots=True)
class Size:
    """Of one kind. ``every``: one of so many keys is weighed, of those that were found."""

    keys: int = 0
    every: int = 1
    weighed: list[tuple[int, bytes]] = field(default_factory=list)
    octets: int = 0


async def sizes(store: Store) -> dict[str, Size]:
    """By kind, in the order of ``KINDS``. Raises StoreError."""
    found = {name: Size() for name in KINDS}
    async for partition, rests in Keys(store).pages():
        for rest in rests:
            name = kind_of(rest)
            size = found[name]
            size.keys += 1
            if KINDS[name].unit is not Unit.KEYS or size.keys % size.every == 0:
                size.weighed.append((partition, rest))
            if KINDS[name].unit is Unit.KEYS and len(size.weighed) > _MOST:
                size.weighed, size.every = size.weighed[::2], size.every * 2
    for size in found.values():
        total = 0
        for partition, rest in size.weighed:
            total += int(await store.command(partition, "MEMORY", "USAGE", key_of(partition, rest), "SAMPLES", 20) or 0)
        size.octets = round(total / max(1, len(size.weighed)) * size.keys)
    return {name: size for name, size in found.items() if size.keys}
