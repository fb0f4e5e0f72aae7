"""Passwords that were proved: marks of applications' binds, for all processes of a site and their next lives.

A sorted set in partition 0, mark → when it was last proved (Redis' clock, ms). A mark is a keyed hash over the stored
form and the password, so nobody without the site's secrets can test a guess against it, and another password in
the account's file makes it worthless. Bounded by number, the longest unproved go first. Knows nothing of passwords.
What can go wrong: Redis is away; then a process knows what it proved itself.
"""

from __future__ import annotations

from typing import Final

from smsgw.store import keys
from smsgw.store.connection import Store

#: Somebody may have written with a time that it asked for so long ago.
_OVERLAP_MS: Final = 5_000


class ProvedPasswords:
    """``news`` gives what was proved since it was last asked, at first everything."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self._most = most
        self._since_ms = 0

    async def news(self) -> list[bytes]:
        """Marks, the latest last. Raises StoreError."""
        now_ms = await self._now_ms()
        since_ms = max(0, self._since_ms - _OVERLAP_MS)
        found: list[bytes] = await self._store.command(
            keys.REGISTERS, "ZRANGEBYSCORE", keys.proved(keys.REGISTERS), since_ms, "+inf"
        )
        self._since_ms = now_ms
        return found

    async def add(self, marks: list[bytes]) -> None:
        """These were proved just now. Raises StoreError."""
        key, now_ms = keys.proved(keys.REGISTERS), await self._now_ms()
        pairs = [part for mark in marks for part in (now_ms, mark)]
        await self._store.command(keys.REGISTERS, "ZADD", key, *pairs)
        await self._store.command(keys.REGISTERS, "ZREMRANGEBYRANK", key, 0, -self._most - 1)

    async def _now_ms(self) -> int:
        seconds, microseconds = await self._store.command(keys.REGISTERS, "TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000
