"""Looking again at what is known of a recipient before a message that has waited is sent.

Owns the packing of ``scripts/look.lua``. Reads only. What can go wrong: Redis is away; the look is repeated
until it is answered, and the message waits meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

MAY_BE_SENT: Final = 0
FORBIDDEN: Final = 1
NO_CONSENT: Final = 6


class LookReply(NamedTuple):
    """MAY_BE_SENT, FORBIDDEN by ``fact``, or NO_CONSENT. The codes are those of ``admission``."""

    code: int
    fact: str = ""


_YES: Final = LookReply(MAY_BE_SENT)
_Item = tuple[object, str, Sequence[str], int]
Done = Callable[[list[object], "list[LookReply] | StoreError"], None]


class Looks:
    """``put`` a look; ``done(contexts, replies)`` reports. Run ``commit.run()``."""

    def __init__(self, store: Store, done: Done) -> None:
        self._store = store
        self._done = done
        self._script = script("look")
        self.commit: GroupCommit[_Item, LookReply] = GroupCommit("look", self._send, self._answered)

    def put(self, context: object, rhash: str, facts: Sequence[str], at_ms: int) -> None:
        """Ask whether ``facts`` (``recipients.facts_for``) allow a message at that business time."""
        partition = self._store.recipients.partition_of_hash(rhash, self._store.partitions)
        self.commit.put(partition, (context, rhash, facts, at_ms))

    async def _send(self, partition: int, call_id: CallId, items: list[_Item]) -> list[LookReply]:
        numbers: dict[tuple[str, ...], int] = {}
        rows = [(numbers.setdefault(tuple(facts), len(numbers) + 1), rhash, at_ms) for _, rhash, facts, at_ms in items]
        answer = await self._store.evaluate(
            partition, self._script, to_script((list(numbers), rows)), call_id, durable=False
        )
        if not answer:
            return [_YES] * len(items)
        return [
            LookReply(reply[0], reply[1].decode() if reply[0] == FORBIDDEN else "") if reply else _YES
            for reply in from_script(answer)
        ]

    def _answered(self, items: list[_Item], replies: list[LookReply] | StoreError) -> None:
        self._done([item[0] for item in items], replies)
