"""Numbers that carriers said have gone to another network: kept by all processes together, and over restarts.

Owns the stream in partition 0 in which they lie, sealed, newest last, bounded; and a process's copy of it, a mapping
that rules read for every message. What one process learns is in force there at once, in the others within seconds;
of a number that is learnt twice the newer holds. What can go wrong: while Redis is away nothing is written or read; it
is made up for afterwards. An entry that can't be opened is left out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.packing import pack, unpack
from smsgw.store.seal import SealError

#: Numbers kept; the oldest go first.
MOST: Final = 200_000
PERIOD_S: Final = 2.0
_AT_ONCE: Final = 1_000
_FIRST: Final = b"-"


class PortedNumbers:
    """``load`` once, then ``run``. ``known`` is number → network, changed in place."""

    def __init__(self, store: Store, known: dict[str, str], *, most: int = MOST) -> None:
        self._store = store
        self._known = known
        self._most = most
        self._place = _FIRST
        self._waiting: deque[bytes] = deque(maxlen=most)

    def learn(self, number: str, network: str) -> None:
        """A carrier says that a number belongs to a network; empty: to none that is known."""
        if self._known.get(number) == network:
            return
        self._put(number, network)
        self._waiting.append(self._store.sealer.seal(pack((number, network))))

    async def load(self) -> None:
        """Read everything. Raises StoreError."""
        while await self._read():
            await asyncio.sleep(0)  # opening a thousand takes milliseconds: others first

    async def run(self, failed: Callable[[StoreError], None]) -> None:
        """Write what was learnt here and read what was learnt elsewhere, until cancelled."""
        while True:
            await beat(PERIOD_S)
            try:
                await self.write()
                await self.load()
            except StoreError as error:
                failed(error)

    async def flush(self) -> None:
        """Write what is left, at the end; with Redis away it is left to be learnt again."""
        with contextlib.suppress(StoreError):
            await self.write()

    async def write(self) -> None:
        """Write what was learnt. Raises StoreError."""
        while self._waiting:
            sealed = self._waiting.popleft()
            try:
                await self._store.command(
                    keys.REGISTERS, "XADD", keys.ported(), "MAXLEN", "~", self._most, "*", "n", sealed
                )
            except StoreError:
                self._waiting.appendleft(sealed)
                raise

    async def _read(self) -> bool:
        """The next entries; False when there was none."""
        after = self._place if self._place == _FIRST else b"(" + self._place
        entries: list[Any] = await self._store.command(
            keys.REGISTERS, "XRANGE", keys.ported(), after, "+", "COUNT", _AT_ONCE
        )
        for place, fields in entries:
            self._place = place
            try:
                number, network = unpack(self._store.sealer.open(fields[1]))[:2]
            except (SealError, ValueError, TypeError, LookupError):
                continue
            self._put(str(number), str(network))
        return len(entries) == _AT_ONCE

    def _put(self, number: str, network: str) -> None:
        self._known.pop(number, None)  # the newest stand last
        self._known[number] = network
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]
