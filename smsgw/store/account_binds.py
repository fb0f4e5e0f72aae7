"""Binds of accounts over all processes: how many an account has, counted by the processes that have them.

Owns the packing of ``scripts/binds.lua``. Each process says how many binds of an account it has; that is believed while
it is heard of (``ttl_s``, Redis' clock), and only of one life: killed and started again under its name, it has none.
What can go wrong: Redis is away, then each item is told so; Redis lost its data, until all have said again what they
have. Who asks when, and what holds while Redis is away, is ``gateway.bind_desk``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script


class BindCount(NamedTuple):
    """``has``: binds of this process; ``wants``: how many more; ``allowed``: what the account may have in all."""

    has: int
    wants: int
    allowed: int


class BindGrant(NamedTuple):
    """How many more this process has now, and how many other processes have."""

    granted: int
    others: int


Then: TypeAlias = Callable[["BindGrant | StoreError"], None]


class _Item:
    """What it says is decided when the call goes out; a replay says the same again."""

    __slots__ = ("account", "count", "make", "then")

    def __init__(self, account: str, make: Callable[[], BindCount], then: Then) -> None:
        self.account = account
        self.make = make
        self.then = then
        self.count: BindCount | None = None


class AccountBinds:
    """``join`` before anybody may bind; ``tell`` of an account, one call at a time; run ``commit.run()``."""

    def __init__(self, store: Store, process: str, token: str, ttl_s: float) -> None:
        self._store = store
        self._life = (process, token, round(ttl_s * 1000))
        self._script = script("binds")
        self.commit: GroupCommit[_Item, BindGrant] = GroupCommit(
            "binds", self._send, self._answered, in_flight=1, retry_for_s=store.timeout_s
        )

    @property
    def partitions(self) -> int:
        """How many there are."""
        return self._store.partitions

    async def join(self) -> None:
        """What an earlier life under this name had is free at once. Raises StoreError."""
        await asyncio.gather(*(self._call(partition, False, []) for partition in range(self._store.partitions)))

    async def stay(self, partition: int) -> None:
        """This process lives, and has nothing to say of the accounts of this partition. Raises StoreError."""
        await self._call(partition, False, [])

    async def leave(self) -> None:
        """This process has no bind of any account any more. Raises StoreError."""
        await asyncio.gather(*(self._call(partition, True, []) for partition in range(self._store.partitions)))

    def partition(self, account: str) -> int:
        """Of each partition in which this process has binds it must be heard before ``ttl_s`` is over.

        Where nobody was heard for half of that Redis is taken to have been away, and the dead live on: so whoever has
        others beside it is heard of all partitions (``stay``).
        """
        return keys.account_partition(account, self._store.partitions)

    def tell(self, account: str, make: Callable[[], BindCount], then: Then) -> None:
        """``make`` is called once, when the call goes out; ``then`` gets what was granted, or why nothing was."""
        self.commit.put(self.partition(account), _Item(account, make, then))

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[BindGrant]:
        rows: list[tuple[str, int, int, int]] = []
        for item in items:
            if item.count is None:
                item.count = item.make()
            rows.append((item.account, *item.count))
        return await self._call(partition, False, rows, call_id)

    async def _call(
        self, partition: int, leaves: bool, rows: list[tuple[str, int, int, int]], call_id: CallId | None = None
    ) -> list[BindGrant]:
        payload = to_script((*self._life, int(leaves), rows))
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        return [BindGrant(int(granted), int(others)) for granted, others in from_script(answer)]

    @staticmethod
    def _answered(items: list[_Item], replies: list[BindGrant] | StoreError) -> None:
        for number, item in enumerate(items):
            item.then(replies if isinstance(replies, StoreError) else replies[number])
