"""Rates of accounts over all processes: segments leased in slices from one token bucket an account.

Owns the packing of ``scripts/rate.lua``. What all processes have been granted and not lost is never
above rate × time + burst, by Redis' clock. Who spends a slice, and what to ask for, is ``policy.rate_slices``.
What can go wrong: Redis is away, then each item is told so; Redis lost its data, then buckets are full once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

LIFE_S: Final = 3.0
"""Redis takes back a slice of which it has heard nothing for so long; its holder must stop using it earlier."""


#: Rate (segments a second), burst, left, back, who waits, ahead: as ``scripts/rate.lua`` takes them.
RateWish: TypeAlias = tuple[float, float, int, float, Sequence[tuple[int, int]], int]


class RateGrant(NamedTuple):
    """``granted`` segments, and what is ``left`` in the bucket of all."""

    granted: int
    left: float


Then: TypeAlias = Callable[["RateGrant | StoreError"], None]


class _Item:
    """What to ask for is decided when the call goes out; a replay says the same again."""

    __slots__ = ("account", "make", "then", "wish")

    def __init__(self, account: str, make: Callable[[], RateWish], then: Then) -> None:
        self.account = account
        self.make = make
        self.then = then
        self.wish: RateWish | None = None


class AccountRates:
    """``ask`` for an account, one at a time; run ``commit.run()``."""

    def __init__(self, store: Store, process: str) -> None:
        self._store = store
        self._process = process
        self._script = script("rate")
        self.commit: GroupCommit[_Item, RateGrant] = GroupCommit(
            "rate", self._send, self._answered, in_flight=1, retry_for_s=store.timeout_s
        )

    def partition(self, account: str) -> int:
        """Accounts of one partition are asked for in one call."""
        return keys.account_partition(account, self._store.partitions)

    def ask(self, account: str, make: Callable[[], RateWish], then: Then) -> None:
        """``make`` is called once, when the call goes out; ``then`` gets the grant, or why there is none."""
        self.commit.put(self.partition(account), _Item(account, make, then))

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[RateGrant]:
        rows = []
        for item in items:
            if item.wish is None:
                item.wish = item.make()
            rows.append((item.account, *item.wish))
        payload = to_script((self._process, round(LIFE_S * 1000), rows))
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        return [RateGrant(int(granted), float(left)) for granted, left in from_script(answer)]

    @staticmethod
    def _answered(items: list[_Item], replies: list[RateGrant] | StoreError) -> None:
        for number, item in enumerate(items):
            item.then(replies if isinstance(replies, StoreError) else replies[number])
