"""Which form the data in the store has, which versions of smsgw may share it, and how a newer version changes it.

Owns ``meta``'s ``schema``: ``<form>`` or ``<form>/<oldest form whose processes may share it>``, one field, so that it
changes at once. A version knows the form it writes (``SCHEMA``) and the oldest one whose processes may run beside it
(``SHARED``). In a rolling upgrade both run on the old form; when no older process lives any more, exactly one of the
new ones runs the steps, each safe to run twice and beside its own version, a partition at a time. Where ``SHARED`` says
that older ones can't be beside it, the steps run before the first process of the new version does anything.
Whether an older one lives is told by the leases and ``builds``, which each process writes before it joins; after it
has joined it looks at the form again. So either it sees that the form was raised, or who raises it sees the process.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from smsgw import __version__
from smsgw.errors import StoreError, StoreRefused
from smsgw.store import keys

if TYPE_CHECKING:
    from smsgw.store.connection import Store

SCHEMA: Final = keys.SCHEMA
SHARED: Final = 1
"""Processes that write an older form than this one can't be beside this version."""

Step = Callable[["Store", int], Awaitable[None]]
STEPS: Mapping[int, Step] = {}
"""The step that follows a form, for one partition."""

LOCK_MS: Final = 30_000
SILENT_S: Final = 10.0
"""A process whose lease has not been renewed for so long is dead; see ``leases.TTL_S``."""
LOOK_AGAIN_S: Final = 5.0
_POLL_S: Final = 0.2
_DAY_S: Final = 86_400


class Form(NamedTuple):
    """What the store has. ``upgrading``: a process has begun to change it to another form."""

    schema: int
    shared: int
    upgrading: bool = False


class Build(NamedTuple):
    """What a process told of itself before it joined."""

    token: str
    schema: int
    version: str


async def form(store: Store) -> Form | None:
    """The form of the data; None in a store that nobody has used. Raises StoreError."""
    raw, coming = await store.command(keys.REGISTERS, "HMGET", keys.meta(keys.REGISTERS), "schema", "upgrading")
    if raw is None:
        return None
    schema, shared = _parsed(raw)
    return Form(schema, max(shared, _parsed(coming)[1]) if coming else shared, bool(coming))


def _parsed(raw: bytes) -> tuple[int, int]:
    schema, _, shared = raw.decode().partition("/")
    return int(schema), int(shared or schema)


def _text() -> str:
    return str(SCHEMA) if SHARED == SCHEMA else f"{SCHEMA}/{SHARED}"


async def check(store: Store) -> None:
    """Give an unused store this version's form; raises StoreRefused when this version can't use the one it has."""
    await store.command(keys.REGISTERS, "HSETNX", keys.meta(keys.REGISTERS), "schema", _text())
    found = await form(store)
    if found is None:
        return
    if found.shared > SCHEMA:
        raise StoreRefused(
            f"the store was upgraded by a newer smsgw, which shares it with schema {found.shared} and later; "
            f"smsgw {__version__} has {SCHEMA}: install the newer version here as well"
        )
    if found.schema < SHARED:
        raise StoreRefused(
            f"the store has schema {found.schema}, and smsgw {__version__} can't use anything older than {SHARED} "
            "before it is upgraded: stop every process of the older version, then start one gateway of this version"
        )


async def refuse_other_forms(store: Store) -> None:
    """For who reads all of a store as it lies there. Raises StoreRefused unless it has exactly this version's form."""
    found = await form(store)
    if found is not None and found.schema > SCHEMA:
        raise StoreRefused(f"the store has schema {found.schema}: do this with the newer smsgw that upgraded it")
    if found is not None and (found.upgrading or found.schema < SCHEMA):
        raise StoreRefused(
            f"the store has schema {found.schema} and must be upgraded to {SCHEMA} first: "
            "start a gateway of this version on it, which does that, then stop it"
        )


async def announce(store: Store, node: str, token: str) -> None:
    """Tell which version this process is, before it joins."""
    seconds = int((await store.command(keys.LEASES, "TIME"))[0])
    told = f"{token} {SCHEMA} {seconds} {__version__}"
    await store.command(keys.LEASES, "HSET", keys.builds(), node, told)
    living = {name.decode() for name in await store.command(keys.LEASES, "HKEYS", keys.nodes())}
    flat = await store.command(keys.LEASES, "HGETALL", keys.builds())
    gone = [
        name
        for name, value in zip(flat[::2], flat[1::2], strict=True)
        if name.decode() not in living and int(value.split()[2]) < seconds - _DAY_S
    ]
    if gone:
        await store.command(keys.LEASES, "HDEL", keys.builds(), *gone)


async def builds(store: Store) -> dict[str, Build]:
    """What each process told of itself, also of those that are gone."""
    flat = await store.command(keys.LEASES, "HGETALL", keys.builds())
    found = {}
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        token, schema, _, version = value.decode().split(" ", 3)
        found[name.decode()] = Build(token, int(schema), version)
    return found


class Upgrade:
    """Brings one store to this version's form: ``begin`` before ``Store.ready``, then ``run`` beside the gateway."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._token = os.urandom(8).hex()
        #: By node of an older version: what its lease says, and since when it has said so.
        self._seen: dict[str, tuple[bytes, float]] = {}
        self._renewed: set[str] = set()

    async def begin(self) -> None:
        """Upgrade at once if nobody older lives; where this version can't use the store before that, wait for it.

        Raises StoreRefused when processes of an older version live that can't be beside this one, StoreAway.
        """
        while await self._is_due() and not await self.attempt() and await self._is_needed():
            if self._renewed:
                raise StoreRefused(
                    f"processes of an older smsgw live, and smsgw {__version__} can't be beside them: "
                    f"stop {', '.join(sorted(self._renewed))} first"
                )
            await asyncio.sleep(_POLL_S)

    async def run(self, told: Callable[[str, dict[str, object]], None]) -> None:
        """Upgrade once the last older process has gone; ends then. ``told`` gets the events."""
        while True:
            try:
                if not await self._is_due():
                    return
                if await self.attempt():
                    told("store.upgraded", {"schema": SCHEMA})
                    return
            except StoreError as error:
                told("store.away", {"while": "upgrading the store", "why": str(error)})
            await asyncio.sleep(LOOK_AGAIN_S)

    async def attempt(self) -> bool:
        """Upgrade if nobody older lives and nobody else does it just now; True when it is done. Raises StoreError."""
        if await self._older():
            return False
        meta = keys.meta(keys.REGISTERS)
        lock = keys.upgrade()
        if await self._store.command(keys.REGISTERS, "SET", lock, self._token, "NX", "PX", LOCK_MS) is None:
            return False
        try:
            await self._store.command(keys.REGISTERS, "HSET", meta, "upgrading", _text())
            if await self._older():  # it joined before it could see that
                await self._store.command(keys.REGISTERS, "HDEL", meta, "upgrading")
                return False
            await self._steps()
            await self._store.command(keys.REGISTERS, "HSET", meta, "schema", _text())
            await self._store.command(keys.REGISTERS, "HDEL", meta, "upgrading")
        finally:
            if await self._store.command(keys.REGISTERS, "GET", lock) == self._token.encode():
                await self._store.command(keys.REGISTERS, "DEL", lock)
        return True

    async def _steps(self) -> None:
        keeping = asyncio.ensure_future(self._keep_lock())
        try:
            # Partition 0 last: what it says is what holds.
            for partition in reversed(range(self._store.partitions)):
                await self._steps_of(partition)
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def _steps_of(self, partition: int) -> None:
        meta = keys.meta(partition)
        raw = await self._store.command(partition, "HGET", meta, "schema")
        schema = _parsed(raw)[0] if raw else SCHEMA
        for number in range(schema, SCHEMA):
            await STEPS[number](self._store, partition)
        if partition != keys.REGISTERS:
            await self._store.command(partition, "HSET", meta, "schema", _text())

    async def _keep_lock(self) -> None:
        """While Redis is away it may run out: another process then runs the same steps, which is safe."""
        while True:
            await asyncio.sleep(LOCK_MS / 3000)
            with suppress(StoreError):
                await self._store.command(keys.REGISTERS, "PEXPIRE", keys.upgrade(), LOCK_MS)

    async def _is_due(self) -> bool:
        found = await form(self._store)
        if found is None or found.schema >= SCHEMA:
            return False
        # Half of another store lies there: whoever opens it is told.
        return not await self._store.command(keys.REGISTERS, "HEXISTS", keys.meta(keys.REGISTERS), "migrating")

    async def _is_needed(self) -> bool:
        found = await form(self._store)
        return found is not None and found.schema < SHARED

    async def _older(self) -> set[str]:
        """Processes of older versions that live, or may."""
        told = await builds(self._store)
        flat = await self._store.command(keys.LEASES, "HGETALL", keys.nodes())
        found: dict[str, tuple[bytes, float]] = {}
        for raw, value in zip(flat[::2], flat[1::2], strict=True):
            name, lease = raw.decode(), value.decode().split(" ")
            if name == "#" or lease[1] == "0" or lease[2] == "s":  # Redis' clock; left; put out
                continue
            build = told.get(name)
            if build is not None and build.token == lease[0] and build.schema >= SCHEMA:
                continue
            before, since = self._seen.get(name, (value, monotonic()))
            if before != value:
                self._renewed.add(name)
                since = monotonic()
            found[name] = (value, since)
        self._seen = found
        self._renewed &= found.keys()
        silent = {name for name, (_, since) in found.items() if monotonic() - since >= SILENT_S}
        self._renewed -= silent
        return found.keys() - silent
