"""Receipts for several of our messages at once, and one receipt for what a carrier has under several ids.

Owns the packing of ``scripts/share.lua``, which lies where the account's out stream does. ``pass_on`` is for receipts
found in another partition; ``end`` is for a message that ends here while others of its parts are at the carrier: what
the carrier says of those later is no news any more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

_FAILURE: Final = 2
_PARTS_UNKNOWN: Final = 1


class Target(NamedTuple):
    """One of our messages that a carrier's id stands for. ``mask``: kinds of receipts wanted; ``origin`` is sealed.

    ``parts`` 0: every receipt of the id is one of the message. Else the id is ``part`` (from 0) of so many: the message
    is told of the first failure, or once all parts were delivered.
    """

    message_id: str
    mask: int
    origin: bytes
    part: int = 0
    parts: int = 0


class Told(NamedTuple):
    """``told``: this receipt is the word about the message. ``forwarded``: it was wanted, and passed on."""

    message_id: str
    told: bool
    forwarded: bool


Done = Callable[["list[Told] | StoreError"], None]
_Item = tuple[Done, str, int, bool, bytes, Sequence[Target | Sequence[Any]]]


def told_of(rows: list[Any]) -> list[Told]:
    """The rows of a script's reply."""
    return [Told(message_id.decode(), bool(told), bool(forwarded)) for message_id, told, forwarded in rows]


class Sharing:
    """Run ``commit.run()``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = script("share")
        self.commit: GroupCommit[_Item, Any] = GroupCommit("share", self._send, self._answered, retry_for_s=math.inf)

    def pass_on(
        self, account: str, kind: int, final: bool, blob: bytes, targets: Sequence[Target | Sequence[Any]], done: Done
    ) -> None:
        """Tell each target of a receipt; ``done`` when that is durable."""
        self.commit.put(
            keys.account_partition(account, self._store.partitions), (done, account, kind, final, blob, targets)
        )

    def end(
        self, account: str, message_id: str, origin: bytes, blob: bytes, wanted: bool, done: Callable[[bool], None]
    ) -> None:
        """A message ends here, unless a carrier's receipt has ended it; ``done(True)`` when that is durable."""
        target = Target(message_id, _FAILURE if wanted else 0, origin, 0, _PARTS_UNKNOWN)
        self.pass_on(account, _FAILURE, True, blob, (target,), lambda result: done(not isinstance(result, StoreError)))

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[Any]:
        rows = [
            (account, kind, 1 if final else 0, blob, [tuple(target) for target in targets])
            for _, account, kind, final, blob, targets in items
        ]
        settings = self._store.settings
        payload = to_script((settings.out_limit, settings.receipt_ttl_ms, *rows))
        replies: list[Any] = from_script(await self._store.evaluate(partition, self._script, payload, call_id))
        return replies

    @staticmethod
    def _answered(items: list[_Item], replies: list[Any] | StoreError) -> None:
        for number, item in enumerate(items):
            item[0](replies if isinstance(replies, StoreError) else told_of(replies[number]))
