"""Where short links lead: token → what it was made for, sealed, until its time is over.

Owns the packing of ``scripts/links.lua`` and the form of a value. Several processes may make the same link; of two
links with one token the first has it, and whoever brings the second is told. All links are in one hash of partition 0:
only what a process has not seen for a day is written. Nobody who reads Redis learns an address.
What can go wrong: Redis is away; ``done`` says so, and the message that needs the link is not accepted.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError, StoreRefused
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, pack, to_script, unpack
from smsgw.store.scripts import script

MARK_OCTETS: Final = 16
KEY_PURPOSE: Final = "short links"
"""Of the key that tokens are made with, see ``Recipients.key_for``."""
_HEAD_OCTETS: Final = 32
_SCANNED: Final = 500


def real_ms() -> int:
    """Unix ms: links end by it, whatever business time says."""
    return time.time_ns() // 1_000_000


class StoredLink(NamedTuple):
    """``url`` is where it leads; the others are what its clicks count for. ``until_ms``: real, Unix ms."""

    token: str
    account: str
    message_class: int
    signature: str
    template: str
    campaign: str
    url: str
    until_ms: int


class NewLink(NamedTuple):
    """A link to remember. ``mark``: 16 octets that tell it from all others. ``context`` stays here and comes back."""

    context: object
    mark: bytes
    link: StoredLink


Done = Callable[[list[NewLink], "list[bool] | StoreError"], None]


class Links:
    """``put`` a link; ``done(links, taken)`` follows, False where another link has that token. Run ``commit.run()``.

    ``now_ms``: real time, Unix ms. Everything else works without running, and raises StoreError.
    """

    def __init__(self, store: Store, now_ms: Callable[[], int], done: Done = lambda links, taken: None) -> None:
        self._store = store
        self._now_ms = now_ms
        self._script = script("links")
        self.commit: GroupCommit[NewLink, bool] = GroupCommit("links", self._send, done, retry_for_s=store.timeout_s)

    def put(self, new: NewLink) -> None:
        """Remember a link, or for longer."""
        self.commit.put(keys.REGISTERS, new)

    async def get(self, token: str) -> StoredLink | None:
        """The link of a token; None when there is none, or none any more."""
        value = await self._store.command(keys.REGISTERS, "HGET", keys.links(), token)
        found = None if value is None else self._opened(token, value)
        return found if found is not None and found.until_ms > self._now_ms() else None

    async def all(self) -> AsyncIterator[StoredLink]:
        """Every link whose time is not over, in no order; one that is written meanwhile may come twice."""
        async for token, value in self._scan():
            if _until_ms(value) > self._now_ms():
                yield self._opened(token, value)

    async def copies(self) -> AsyncIterator[list[Any]]:
        """Every link whose time is not over as ``put_back`` takes it: [token, mark, until, what it is], opened."""
        async for token, value in self._scan():
            if _until_ms(value) > self._now_ms():
                opened = self._store.sealer.open(value[_HEAD_OCTETS:])
                yield [token, value[:MARK_OCTETS], _until_ms(value), opened]

    async def put_back(self, rows: Sequence[Sequence[Any]], *, looks: bool = False) -> int:
        """Remember those of ``copies`` that are not here, or would end sooner; how many. ``looks``: only count."""
        if not rows:
            return 0
        there = await self._store.command(keys.REGISTERS, "HMGET", keys.links(), *(row[0] for row in rows))
        wanted = [
            (token, mark, until_ms, self._store.sealer.seal(opened))
            for (token, mark, until_ms, opened), value in zip(rows, there, strict=True)
            if until_ms > self._now_ms()
            and (value is None or (value[:MARK_OCTETS] == mark and _until_ms(value) < until_ms))
        ]
        return len(wanted) if looks or not wanted else sum(await self._run(wanted))

    async def forget_old(self) -> int:
        """Forget links whose time is over; how many there were."""
        gone, old = 0, []
        async for token, value in self._scan():
            if _until_ms(value) <= self._now_ms():
                old.append((token, b"", 0, b""))
        for first in range(0, len(old), _SCANNED):
            gone += sum(await self._run(old[first : first + _SCANNED]))
        return gone

    async def _scan(self) -> AsyncIterator[tuple[str, bytes]]:
        cursor = b"0"
        while True:
            reply = await self._store.command(keys.REGISTERS, "HSCAN", keys.links(), cursor, "COUNT", _SCANNED)
            cursor, pairs = reply
            for token, value in zip(pairs[::2], pairs[1::2], strict=True):
                yield token.decode(), value
            if cursor == b"0":
                return

    async def _send(self, partition: int, call_id: CallId, items: list[NewLink]) -> list[bool]:
        seal = self._store.sealer.seal
        rows = [(each.link.token, each.mark, each.link.until_ms, seal(pack(each.link[1:7]))) for each in items]
        return [bool(reply) for reply in await self._run(rows, call_id)]

    async def _run(self, rows: list[tuple[str, bytes, int, bytes]], call_id: CallId | None = None) -> list[int]:
        payload = to_script((self._now_ms(), rows))
        return list(from_script(await self._store.evaluate(keys.REGISTERS, self._script, payload, call_id)))

    def _opened(self, token: str, value: bytes) -> StoredLink:
        try:
            fields = unpack(self._store.sealer.open(value[_HEAD_OCTETS:]))[:6]
            return StoredLink._make((token, *fields, _until_ms(value)))
        except (TypeError, ValueError):
            raise StoreRefused("a short link can't be read") from None


def _until_ms(value: bytes) -> int:
    return int(value[MARK_OCTETS:_HEAD_OCTETS])
