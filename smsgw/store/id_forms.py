"""How carriers write their message ids, as learnt, over restarts and for every process.

Owns the hash and the lookups of ids under several names. What a document says is ``policy.id_forms``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.correlation import TAG_OCTETS
from smsgw.store.packing import pack, unpack

_ALIAS = b"A"


class Found:
    """What lies under one name of an id: another name and a recipient's tag, or the message itself."""

    __slots__ = ("cid", "tag")

    def __init__(self, cid: str, tag: str) -> None:
        self.cid = cid
        self.tag = tag


class IdFormStore:
    """Every method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> dict[str, Mapping[str, Any]]:
        """Carrier → document; what can't be read is left out, and learnt again."""
        flat = await self._store.command(keys.REGISTERS, "HGETALL", keys.id_forms())
        found: dict[str, Mapping[str, Any]] = {}
        for name, value in zip(flat[::2], flat[1::2], strict=True):
            try:
                document = unpack(value)
            except ValueError:
                continue
            if isinstance(document, dict):
                found[name.decode()] = document
        return found

    async def save(self, carrier: str, document: Mapping[str, object]) -> None:
        """Keep what is known of a carrier."""
        await self._store.command(keys.REGISTERS, "HSET", keys.id_forms(), carrier, pack(dict(document)))

    async def look(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Found]:
        """(carrier, key) → what lies there; keys of which nothing is known are left out."""
        by_partition: dict[int, list[tuple[str, str]]] = {}
        for carrier, key in dict.fromkeys(names):
            partition = keys.carrier_partition(carrier, key, self._store.partitions)
            by_partition.setdefault(partition, []).append((carrier, key))
        found: dict[tuple[str, str], Found] = {}
        for partition, asked in by_partition.items():
            rcpt = [keys.rcpt(partition, carrier, key) for carrier, key in asked]
            for name, value in zip(asked, await self._store.command(partition, "MGET", *rcpt), strict=True):
                if value is not None:
                    found[name] = _found(name[1], value)
        return found


def _found(key: str, value: bytes) -> Found:
    if value[:1] != _ALIAS:
        return Found(key, "")
    return Found(value[1 + TAG_OCTETS :].decode(), value[1 : 1 + TAG_OCTETS].decode())
