"""Looking again at opt-outs before a message that has waited is sent.

Owns the packing of ``scripts/look.lua``. Reads only. What can go wrong: Redis is away; the look is repeated
until it is answered, and the message waits meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from smsgw.errors import StoreError
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

_Item = tuple[object, str, Sequence[str]]
Done = Callable[[list[object], "list[str] | StoreError"], None]


class Looks:
    """``put`` a look; ``done(contexts, facts)`` reports, an empty fact for nothing found. Run ``commit.run()``."""

    def __init__(self, store: Store, done: Done) -> None:
        self._store = store
        self._done = done
        self._script = script("look")
        self.commit: GroupCommit[_Item, str] = GroupCommit("look", self._send, self._answered)

    def put(self, context: object, rhash: str, facts: Sequence[str]) -> None:
        """Ask whether any of ``facts`` is known of the recipient."""
        partition = self._store.recipients.partition_of_hash(rhash, self._store.partitions)
        self.commit.put(partition, (context, rhash, facts))

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[str]:
        payload = to_script([(rhash, *facts) for _, rhash, facts in items])
        answer = await self._store.evaluate(partition, self._script, payload, call_id)
        if not answer:
            return [""] * len(items)
        return [fact.decode() for fact in from_script(answer)]

    def _answered(self, items: list[_Item], replies: list[str] | StoreError) -> None:
        self._done([item[0] for item in items], replies)
