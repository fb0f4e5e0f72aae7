"""Passwords that any process of the site has proved, so that a restart, or another process, need not compute them.

Owns: one read and one write under way at most, for all who wait together. At the start everything is read once; after
that something is read only when a bind brings a password that is not known here, so that idle costs nothing.
What can go wrong: the store is away or slow; who waits goes on without, at the price of one computation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from smsgw.errors import StoreError

if TYPE_CHECKING:
    from smsgw.store.proved import ProvedPasswords

#: A store that has not answered by then is not waited for: computing takes some tens of milliseconds.
PATIENCE_S: Final = 0.5
_SOME: Final = 256

Remember = Callable[[Iterable[bytes]], None]
Mark = Callable[[str, bytes], bytes]


class ProofDesk:
    """``esme.Proofs`` over the store; without one each process knows its own only.

    ``load`` before anybody may bind, ``run`` in the gateway's task group.
    """

    def __init__(self, proved: ProvedPasswords | None, mark: Mark, remember: Remember) -> None:
        self._proved = proved
        self._mark = mark
        self._remember = remember
        self._waiting: list[Callable[[], None]] = []
        self._new: list[bytes] = []
        self._wanted = asyncio.Event()

    async def load(self) -> None:
        """Everything that was ever proved, as far as it is kept. Raises StoreError."""
        if self._proved is not None:
            self._remember(await self._proved.news())

    def recall(self, then: Callable[[], None]) -> None:
        """See ``esme.Proofs``."""
        if self._proved is None:
            then()
            return
        self._waiting.append(then)
        self._wanted.set()

    def proved(self, stored: str, password: bytes) -> None:
        """See ``esme.Proofs``."""
        if self._proved is not None:
            self._new.append(self._mark(stored, password))
            self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        while self._proved is not None:
            await self._wanted.wait()
            self._wanted.clear()
            waiting, self._waiting = self._waiting, []
            try:
                async with asyncio.timeout(PATIENCE_S):
                    if waiting:
                        self._remember(await self._proved.news())
                    while self._new:
                        some = self._new[:_SOME]
                        await self._proved.add(some)
                        del self._new[: len(some)]
            except (StoreError, TimeoutError):
                # Written with the next one; known here already.
                pass
            for then in waiting:
                then()
