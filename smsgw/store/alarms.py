"""What is known of alarms, for whoever looks after them next: how each stands, what was told and done, what staff said.

Owns: the turn to look after them, which one process of the fleet has at a time, by Redis' clock (``alarms.lua``). The
state is written only by whoever has the turn, and only after they read it; so nobody who slept overwrites anything.
What staff say (silences, acknowledgements) any process writes. Knows no field of any of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, Final

from smsgw.errors import StoreRefused
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.packing import pack, to_script, unpack
from smsgw.store.scripts import script

TURN_S: Final = 60.0
"""A turn that was not kept for so long is another's."""
KEPT: Final = 2_000
"""Entries of the history."""


class AlarmStore:
    """Every method raises StoreError."""

    def __init__(self, store: Store, turn_s: float = TURN_S) -> None:
        self._store = store
        self._turn_ms = round(turn_s * 1000)
        self._script = script("alarms")
        self.who = os.urandom(8).hex()

    async def take_turn(self) -> bool:
        """Whether it is this process's turn for the next minute."""
        return await self._call(self._turn_ms, b"", (), ())

    async def write(
        self, state: dict[str, Any], events: Sequence[dict[str, Any]] = (), gone: Sequence[str] = ()
    ) -> bool:
        """Write the state, and keep the turn; False, and nothing is written, when it is another's.

        ``events`` go to the history, ``gone`` are names of what was said that is of no use any more.
        """
        return await self._call(self._turn_ms, pack(state), [json.dumps(each) for each in events], gone)

    async def give_back(self) -> None:
        """Let another look after them at once."""
        await self._call(0, b"", (), ())

    async def read(self) -> dict[str, Any]:
        """The state as it was left; empty at first."""
        value = await self._command("GET", keys.alarms("state"))
        return {} if value is None else dict(unpack(value))

    async def said(self) -> dict[str, dict[str, Any]]:
        """What staff said, by name."""
        flat = await self._command("HGETALL", keys.alarms("said"))
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {name.decode(): _object(value) for name, value in pairs}

    async def say(self, name: str, value: dict[str, Any]) -> None:
        """Say something, in place of what had that name."""
        await self._command("HSET", keys.alarms("said"), name, json.dumps(value))

    async def unsay(self, name: str) -> bool:
        """Take it back; False where there is no such thing."""
        return bool(await self._command("HDEL", keys.alarms("said"), name))

    async def tell(self, event: dict[str, Any]) -> None:
        """An entry of the history that belongs to no look."""
        await self._command("LPUSH", keys.alarms("history"), json.dumps(event))
        await self._command("LTRIM", keys.alarms("history"), 0, KEPT - 1)

    async def history(self, first: int, count: int) -> tuple[list[dict[str, Any]], int]:
        """``count`` entries from the ``first``-th newest, and how many there are."""
        total = int(await self._command("LLEN", keys.alarms("history")))
        found = await self._command("LRANGE", keys.alarms("history"), first, first + count - 1)
        return [_object(each) for each in found], total

    async def _call(self, life_ms: int, state: bytes, entries: Sequence[str], gone: Sequence[str]) -> bool:
        payload = to_script((self.who, life_ms, state, list(entries), KEPT, list(gone)))
        return bool(await self._store.evaluate(keys.REGISTERS, self._script, payload))

    async def _command(self, *parts: str | int | bytes) -> Any:
        return await self._store.command(keys.REGISTERS, *parts)


def _object(octets: bytes) -> dict[str, Any]:
    try:
        found = json.loads(octets)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StoreRefused("what the store has of alarms can't be read")
    return found
