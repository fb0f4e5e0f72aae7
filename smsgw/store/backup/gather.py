"""Out of the store: everything that can't be lost, a frame at a time, while everybody goes on.

Owns which keys belong to a backup. Memory is bounded: SCAN and HSCAN, nothing is read whole. What changes meanwhile may
be in it as it was or as it is. Recipients lie anywhere among the keys, so each server is walked once; when another
server has taken its place meanwhile (failover, resharding), which would make the walk skip keys, it is walked again.
What is sealed with a key that may be rotated is opened first: the file has its own seal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from smsgw.errors import StoreAway
from smsgw.store import keys
from smsgw.store.audit import AuditLog
from smsgw.store.backup.frames import Section, Writer
from smsgw.store.connection import Store
from smsgw.store.id_forms import IdFormStore
from smsgw.store.links import Links, real_ms
from smsgw.store.ported import PortedNumbers
from smsgw.store.registers import RegisterStore

SEALED: Final = "sealed"
OPENED: Final = "opened"
"""A document's field that is sealed in the store lies in a backup under this name, opened."""
_AT_ONCE: Final = 1_000
_TRIES: Final = 3


async def gather(store: Store, into: Writer) -> None:
    """Write all of it, and the end. Raises StoreError."""
    await _registers(store, into)
    for carrier, document in (await IdFormStore(store).load()).items():
        into.add(Section.ID_FORMS, (carrier, dict(document)))
    known: dict[str, str] = {}
    await PortedNumbers(store, known).load()
    for number, network in known.items():
        into.add(Section.PORTED, (number, network))
    async for link in Links(store, real_ms).copies():
        into.add(Section.LINKS, link)
    async for seq, packed, digest in AuditLog(store).raw():
        into.add(Section.AUDIT, (seq, packed, digest))
    for partitions in await _servers(store):
        await _walk(store, partitions, into)
    into.end()


async def _registers(store: Store, into: Writer) -> None:
    registers = RegisterStore(store)
    kinds = [key async for key in _scan(store, keys.REGISTERS, keys.register("*"))]
    for kind in sorted({key[len(keys.register("")) :] for key in kinds}):
        async for chunk in registers.read_chunks(kind):
            for name, stored in chunk.items():
                into.add(Section.REGISTER, (kind, name, opened_document(store, stored.body)))


async def _servers(store: Store) -> list[set[int]]:
    """The partitions of each server."""
    found: dict[str, set[int]] = {}
    for partition in range(store.partitions):
        found.setdefault(await _server(store, partition), set()).add(partition)
    return list(found.values())


async def _server(store: Store, partition: int) -> str:
    """The life of the server that has a partition."""
    info: bytes = await store.command(partition, "INFO", "server")
    return next((line for line in info.decode().splitlines() if line.startswith("run_id:")), "")


async def _walk(store: Store, partitions: set[int], into: Writer) -> None:
    """Recipients and quotas of the partitions of one server; what came twice is merged when it is put back."""
    for _ in range(_TRIES):
        before = {await _server(store, partition) for partition in partitions}
        await _walk_once(store, partitions, into)
        if len(before) == 1 and {await _server(store, partition) for partition in partitions} == before:
            return
    raise StoreAway("the servers of Redis changed their parts while they were read; make the backup again")


async def _walk_once(store: Store, partitions: set[int], into: Writer) -> None:
    names: list[str] = []
    async for name in _scan(store, min(partitions), "{p??}:[wq]*"):
        if keys.partition_of_key(name) in partitions:
            names.append(name)
        if len(names) >= _AT_ONCE:
            await _values(store, names, into)
            names = []
    await _values(store, names, into)


async def _values(store: Store, names: list[str], into: Writer) -> None:
    by_partition: dict[int, list[str]] = {}
    for name in names:
        by_partition.setdefault(keys.partition_of_key(name), []).append(name)
    for partition, some in by_partition.items():
        values = await store.command(partition, "MGET", *some)
        for name, value in zip(some, values, strict=True):
            kind, _, rest = name[6:].partition(":")
            if value is None:
                continue
            if kind == "who":
                into.add(Section.FACTS, (rest, value))
            elif kind == "quota":
                account, _, bucket = rest.rpartition(":")
                kept_ms = int(await store.command(partition, "PTTL", name))
                into.add(Section.QUOTA, (account, bucket, int(value), max(kept_ms, 0)))


async def _scan(store: Store, partition: int, pattern: str) -> AsyncIterator[str]:
    """Keys of the server of a partition; some may come twice."""
    cursor: Any = b"0"
    while True:
        cursor, found = await store.command(partition, "SCAN", cursor, "MATCH", pattern, "COUNT", _AT_ONCE)
        for name in found:
            yield name.decode()
        if cursor == b"0":
            return


def opened_document(store: Store, body: Mapping[str, Any]) -> dict[str, Any]:
    """A document as a backup has it, of one as the store has it."""
    if isinstance(body.get(SEALED), bytes):
        rest = {name: value for name, value in body.items() if name != SEALED}
        return {**rest, OPENED: store.sealer.open(body[SEALED])}
    return dict(body)


def document_of(store: Store, body: Mapping[str, Any]) -> dict[str, Any]:
    """A document as the store has it, of one as a backup has it."""
    if isinstance(body.get(OPENED), bytes):
        rest = {name: value for name, value in body.items() if name != OPENED}
        return {**rest, SEALED: store.sealer.seal(body[OPENED])}
    return dict(body)
