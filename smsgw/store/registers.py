"""What staff registered, as documents in the store: signatures, templates, words, pauses and the rest.

Owns: reading and writing them. A document is a mapping of what msgpack can hold; each has a revision that counts its
changes. A write brings its audit entry and the event for every process along, all or nothing (``register.lua``). Only a
bulk of many documents takes several calls: its entry stands before its first document, its event after its last.
Knows no field of any document.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.audit import BEGINS, ENDS, GOES_ON, WHOLE, AuditEntry, AuditLog, Row
from smsgw.store.connection import Store
from smsgw.store.packing import pack, unpack, unpack_all

_ANY: Final = -1
_ROWS_AT_ONCE: Final = 500
_READ_AT_ONCE: Final = 1_000
TOLD_ONE_BY_ONE: Final = 100
"""More changes than these are told as all of the kind."""


class Stored(NamedTuple):
    """A document and how often it was written."""

    body: dict[str, Any]
    revision: int


class RegisterChange(NamedTuple):
    """``body`` None deletes. ``revision``: what it was when it was read; 0 it must be new; None whatever it is."""

    id: str
    body: Mapping[str, Any] | None
    revision: int | None = None


class RegisterStore:
    """Reads and writes registers. Every method raises StoreError."""

    def __init__(self, store: Store, audit: AuditLog | None = None) -> None:
        self._store = store
        self._audit = audit or AuditLog(store)

    async def read(self, kind: str) -> dict[str, Stored]:
        """All documents of a register by id."""
        found: dict[str, Stored] = {}
        async for chunk in self.read_chunks(kind):
            found.update(chunk)
        return found

    async def read_chunks(self, kind: str) -> AsyncIterator[dict[str, Stored]]:
        """All documents, about a thousand at a time, so that nobody waits long for the loop meanwhile.

        A document that is written meanwhile may come as it was or as it is, or twice; its event comes after that.
        """
        cursor = b"0"
        while True:
            cursor, pairs = await self._scan(kind, cursor)
            # A small hash comes whole, whatever is asked for, and so may one that has just become small.
            for first in range(0, len(pairs), 2 * _READ_AT_ONCE):
                part = pairs[first : first + 2 * _READ_AT_ONCE]
                yield _stored_all(kind, part[::2], part[1::2])
            if cursor == b"0":
                return

    async def read_bodies(self, kind: str, take: Callable[[list[str], list[dict[str, Any]]], None]) -> None:
        """``read_chunks`` for whoever needs no revisions, sooner: ``take`` gets ids and bodies while the next are asked
        for."""
        try:
            async with asyncio.TaskGroup() as group:
                coming = group.create_task(self._scan(kind, b"0"))
                is_last = False
                while not is_last:
                    cursor, pairs = await coming
                    is_last = cursor == b"0"
                    if not is_last:
                        coming = group.create_task(self._scan(kind, cursor))
                    for first in range(0, len(pairs), 2 * _READ_AT_ONCE):
                        await asyncio.sleep(0)  # here the command for the next leaves
                        part = pairs[first : first + 2 * _READ_AT_ONCE]
                        take([name.decode() for name in part[::2]], _bodies(kind, part[1::2]))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def get(self, kind: str, name: str) -> Stored | None:
        """One document, or None."""
        value = await self._store.command(keys.REGISTERS, "HGET", keys.register(kind), name)
        return None if value is None else _stored(kind, value)

    async def get_some(self, kind: str, names: Iterable[str]) -> dict[str, Stored | None]:
        """Several documents by id, None for those that are not there."""
        asked = list(names)
        found: dict[str, Stored | None] = {}
        for first in range(0, len(asked), _READ_AT_ONCE):
            part = asked[first : first + _READ_AT_ONCE]
            values = await self._store.command(keys.REGISTERS, "HMGET", keys.register(kind), *part)
            for name, value in zip(part, values, strict=True):
                found[name] = None if value is None else _stored(kind, value)
        return found

    async def ids(self, kind: str) -> set[str]:
        """The ids of all documents."""
        found: set[str] = set()
        cursor = b"0"
        while True:
            cursor, pairs = await self._scan(kind, cursor)
            found.update(name.decode() for name in pairs[::2])
            if cursor == b"0":
                return found

    async def _scan(self, kind: str, cursor: bytes) -> tuple[bytes, list[bytes]]:
        key = keys.register(kind)
        reply = await self._store.command(keys.REGISTERS, "HSCAN", key, cursor, "COUNT", _READ_AT_ONCE)
        return reply[0], reply[1]

    async def count(self, kind: str) -> int:
        """How many documents a register has."""
        return int(await self._store.command(keys.REGISTERS, "HLEN", keys.register(kind)))

    async def write(self, kind: str, changes: Sequence[RegisterChange], audit: AuditEntry) -> list[int]:
        """Write documents with the audit entry about them; gives their new revisions, 0 for a deleted one.

        In force on every process within milliseconds. Raises RequestError ``conflict`` when a document has another
        revision than expected; then nothing was written. More than 500 changes go as a bulk: in several calls, for
        which no revision may be expected.
        """
        if len(changes) > _ROWS_AT_ONCE:
            return await self._write_bulk(kind, changes, audit)
        told = pack([change.id for change in changes]) if len(changes) <= TOLD_ONE_BY_ONE else b""
        return await self._audit.write(audit, kind, [_row(change) for change in changes], WHOLE, told)

    async def _write_bulk(self, kind: str, changes: Sequence[RegisterChange], audit: AuditEntry) -> list[int]:
        if any(change.revision is not None for change in changes):
            raise ValueError(f"no revision may be expected of more than {_ROWS_AT_ONCE} documents at once")
        revisions: list[int] = []
        await self._audit.write(audit, kind, (), BEGINS)
        try:
            for first in range(0, len(changes), _ROWS_AT_ONCE):
                rows = [_row(change) for change in changes[first : first + _ROWS_AT_ONCE]]
                revisions += await self._audit.write(None, kind, rows, GOES_ON)
        except BaseException:  # also when cancelled: half of it is there, and everybody should know
            # If even this fails, the next change tells them.
            with contextlib.suppress(StoreError):
                await self._audit.write(None, kind, (), ENDS)
            raise
        await self._audit.write(None, kind, (), ENDS)
        return revisions


def _row(change: RegisterChange) -> Row:
    body = b"" if change.body is None else pack(dict(change.body))
    return change.id, _ANY if change.revision is None else change.revision, body


def _stored_all(kind: str, names: Sequence[bytes], values: Sequence[bytes]) -> dict[str, Stored]:
    """Many documents, read together; one by one where that fails, to tell which it is."""
    cut = [value.partition(b":") for value in values]
    try:
        bodies = unpack_all([body for _, _, body in cut])
        return {
            name.decode(): Stored(body, int(revision))
            for name, body, (revision, _, _) in zip(names, bodies, cut, strict=True)
        }
    except ValueError:
        return {name.decode(): _stored(kind, value) for name, value in zip(names, values, strict=True)}


def _bodies(kind: str, values: Sequence[bytes]) -> list[dict[str, Any]]:
    try:
        return unpack_all([value[value.index(b":") + 1 :] for value in values])
    except ValueError:
        return [_stored(kind, value).body for value in values]


def _stored(kind: str, value: bytes) -> Stored:
    revision, _, body = value.partition(b":")
    try:
        return Stored(unpack(body), int(revision))
    except ValueError as error:
        raise StoreError(f"a document of the register {kind} can't be read: {error}") from error
