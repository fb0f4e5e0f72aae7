"""Quotas over all processes: messages of an account's day and month, leased in slices so that no message asks Redis.

Owns the packing of ``scripts/quota.lua``. Exact in one direction: what all processes have been granted of a bucket is
never above its limit. What a process was granted and lost with its life counts as used. Lost replies are replayed.
Who spends a slice and asks for how much is ``policy.quota``. A bucket is (name, limit, anything more).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

_KEPT_MS: Final = 70 * 86_400_000
"""Real time that a bucket is kept after it was last leased from: a month and some days to look at."""

Bucket: TypeAlias = Sequence[Any]
Then: TypeAlias = Callable[[int | StoreError], None]
_Item: TypeAlias = tuple[Then, str, int, int, list[tuple[str, int]]]


class QuotaLeases:
    """Leases and takes back; run ``commit.run()``, but for ``used``, which works without."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = script("quota")
        self.commit: GroupCommit[_Item, int] = GroupCommit(
            "quota", self._send, self._answered, retry_for_s=store.timeout_s
        )

    def ask(self, account: str, buckets: Sequence[Bucket], want: int, then: Then, least: int = 1) -> None:
        """Lease up to ``want`` messages that count in all ``buckets``; ``then(granted)`` follows.

        Fewer near the end of a quota, but ``least`` as long as there is as much; else 0. ``then(StoreError)``: nothing
        was granted, or it is unknown and lost for this day.
        """
        if want < 1 or least < 1:
            raise ValueError("a lease is of one message or more")
        self._put(account, buckets, max(want, least), least, then)

    async def lease(self, account: str, buckets: Sequence[Bucket], want: int, least: int = 1) -> int:
        """``ask``, for who can wait. Raises StoreError."""
        answer: asyncio.Future[int | StoreError] = asyncio.get_running_loop().create_future()
        self.ask(account, buckets, want, lambda granted: None if answer.done() else answer.set_result(granted), least)
        granted = await answer
        if isinstance(granted, StoreError):
            raise granted
        return granted

    def give_back(self, account: str, buckets: Sequence[Bucket], count: int, then: Then = lambda _: None) -> None:
        """Return what was leased of these buckets and not used."""
        if count > 0:
            self._put(account, buckets, -count, 0, then)

    async def used(self, account: str, buckets: Sequence[Bucket]) -> dict[str, int]:
        """Messages leased so far, by bucket: those sent, and the slices of running processes. Raises StoreError."""
        partition = keys.account_partition(account, self._store.partitions)
        used = {}
        for bucket in buckets:
            found = await self._store.command(partition, "GET", keys.quota(account, bucket[0], self._store.partitions))
            used[bucket[0]] = int(found or 0)
        return used

    def _put(self, account: str, buckets: Sequence[Bucket], want: int, least: int, then: Then) -> None:
        partition = keys.account_partition(account, self._store.partitions)
        self.commit.put(partition, (then, account, want, least, [(each[0], each[1]) for each in buckets]))

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[int]:
        payload = to_script((_KEPT_MS, [item[1:] for item in items]))
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        return [int(granted) for granted in from_script(answer)]

    def _answered(self, items: list[_Item], replies: list[int] | StoreError) -> None:
        if isinstance(replies, StoreError):
            for item in items:
                item[0](replies)
            return
        for item, granted in zip(items, replies, strict=True):
            item[0](granted)
