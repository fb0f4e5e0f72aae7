"""Follows the registers' changes: what one process writes, every other one hears of within milliseconds.

Owns: the place in the feed, and never losing it. The last event that was read is looked at with every read: while it
is still there, unchanged, nothing behind it was missed, whatever happened to the connection. When it is not (the feed
was trimmed past it, or a failover lost it), the reader goes to the feed's end and tells that anything may have changed.
Knows nothing of what is registered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.channel import Arg, Channel
from smsgw.store.connection import Store
from smsgw.store.packing import unpack

EVERYTHING: Final = "*"
BLOCK_MS: Final = 2_000
_EVENTS_AT_ONCE: Final = 1_000
_BACKOFF_FIRST_S: Final = 0.02
_BACKOFF_LAST_S: Final = 1.0

Changed = Callable[[str, frozenset[str] | None], None]


class ChangeFeed:
    """Tells ``changed(kind, ids)``: these documents of a register were written or deleted; read them again.

    ``ids`` None: any of the kind may have; kind ``"*"``: any of any. It is called on the loop and must be quick.
    Call ``begin()``, then read the registers, then ``run()``: what changes meanwhile is told. ``run()`` alone begins by
    telling ``"*"``; it ends only by cancellation, and outlasts every loss of Redis.
    """

    def __init__(self, store: Store, changed: Changed, *, on_error: Callable[[StoreError], None] | None = None) -> None:
        self._store = store
        self._changed = changed
        self._on_error = on_error
        self._place: bytes | None = None
        self._last: Any = None

    async def begin(self) -> None:
        """Take the place behind the last event so far. Raises StoreError."""
        # Through the store, which so learns of a server that went or moved.
        last = await self._store.command(keys.REGISTERS, "XREVRANGE", keys.register_feed(), "+", "-", "COUNT", 1)
        self._last = last[0] if last else None
        self._place = last[0][0] if last else b"0-0"

    async def run(self) -> None:
        """Follow until cancelled."""
        backoff_s = _BACKOFF_FIRST_S
        began = self._place is not None
        while True:
            channel: Channel | None = None
            try:
                if self._last is None and not began:
                    # Without an event to look at nobody can say that none was missed.
                    await self.begin()
                    self._changed(EVERYTHING, None)
                else:
                    await self._store.command(keys.REGISTERS, "EXISTS", keys.register_feed())
                began = False
                losses = self._store.losses(keys.REGISTERS)
                channel = await self._store.dedicated(keys.REGISTERS)
                while losses == self._store.losses(keys.REGISTERS):
                    await self._read(channel)
                    backoff_s = _BACKOFF_FIRST_S
            except StoreError as error:
                if self._on_error is not None:
                    self._on_error(error)
                await asyncio.sleep(backoff_s)
                backoff_s = min(backoff_s * 2, _BACKOFF_LAST_S)
            finally:
                if channel is not None:
                    await channel.close()

    async def _read(self, channel: Channel) -> None:
        """Wait for events and tell them."""
        feed, place = keys.register_feed(), self._place or b"0-0"
        commands: list[list[Arg]] = [
            ["XREAD", "COUNT", _EVENTS_AT_ONCE, "BLOCK", BLOCK_MS, "STREAMS", feed, place],
            ["XRANGE", feed, place, place],
        ]
        read, there = await channel.calls(commands, wait_s=BLOCK_MS / 1000)
        for reply in (read, there):
            if isinstance(reply, StoreError):
                raise reply
        if self._last is not None and (not there or there[0] != self._last):
            await self.begin()
            self._changed(EVERYTHING, None)
            return
        events = read[0][1] if read else []
        if events:
            self._last = events[-1]
            self._place = events[-1][0]
            self._tell(events)

    def _tell(self, events: list[Any]) -> None:
        """Each kind once: a thousand changes of one are read again in one go."""
        gathered: dict[str, set[str] | None] = {}
        for _, fields in events:
            kind, ids = _event(fields)
            known = gathered.setdefault(kind, set())
            if ids is None or known is None:
                gathered[kind] = None
            else:
                known |= ids
        for kind, names in gathered.items():
            self._changed(kind, None if names is None else frozenset(names))


def _event(fields: list[bytes]) -> tuple[str, set[str] | None]:
    """Kind and ids of an event; one that can't be read says that everything changed."""
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    try:
        return named[b"kind"].decode(), set(unpack(named[b"ids"])) if named[b"ids"] else None
    except (KeyError, ValueError, TypeError):
        return EVERYTHING, None
