"""Taking over what a consumer has read from streams and not finished, after it has gone.

Owns the packing of ``scripts/adopt.lua``. What was surely not sent goes back to its stream, for anybody; what is
*uncertain* is given to the caller, who decides by the message's class and ends each entry with ``Settlement``.
Uncertain ones stay pending until then, so whoever dies in the middle loses nothing: the next one finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.connection import Store
from smsgw.store.entries import Entry, expand, unsettled
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script

ENTRIES_AT_ONCE: Final = 100
_FROM_THE_BEGINNING: Final = "-"


class NewLife(StoreError):
    """The consumer runs again, or its marks are gone: there is nothing to take over."""


@dataclass(slots=True)
class TakenOver:
    """``given_back``: messages that are in their streams again; ``uncertain``: (stream, messages, mark)."""

    given_back: int = 0
    uncertain: list[tuple[str, list[Entry], bytes]] = field(default_factory=list)


class Adoption:
    """``by`` is the token of whoever takes over."""

    def __init__(self, store: Store, by: str) -> None:
        self._store = store
        self._by = by
        self._script = script("adopt")

    async def take_over(self, partition: int, consumer: str, token: str, streams: Sequence[str]) -> TakenOver:
        """All that ``consumer`` left in these streams of one partition; raises NewLife and other StoreErrors."""
        taken = TakenOver()
        left = [part for stream in streams for part in (stream, _FROM_THE_BEGINNING)]
        while left:
            reply = await self._call(partition, consumer, token, f"adopt:{self._by}", left)
            taken.given_back += reply[1]
            for stream, entry_id, fields, mask, mark in reply[2] or ():
                messages = unsettled(expand([(entry_id, fields)]), {entry_id: int(mask)})
                taken.uncertain.append((stream.decode(), messages, mark))
            left = [part.decode() for part in reply[3] or ()]
        return taken

    async def give_back(self, partition: int, consumer: str, streams: Sequence[str]) -> int:
        """What a living consumer has read of streams of receipts that it does not read now; how many messages.

        Its token is ``by``. Raises StoreError.
        """
        given_back = 0
        left = [part for stream in streams for part in (stream, _FROM_THE_BEGINNING)]
        while left:
            reply = await self._call(partition, consumer, self._by, self._by, left)
            given_back += reply[1]
            left = [part.decode() for part in reply[3] or ()]
        return given_back

    async def end(self, partition: int, consumer: str, token: str, streams: Sequence[str]) -> int:
        """Delete the consumer where nothing of it is left; gives in how many streams there is. Raises StoreError."""
        rows = [part for stream in streams for part in (stream, _FROM_THE_BEGINNING)]
        reply = await self._call(partition, consumer, token, f"adopt:{self._by}", rows, ends=True)
        return int(reply[1])

    async def _call(
        self, partition: int, consumer: str, token: str, owner: str, rows: Sequence[str], ends: bool = False
    ) -> Any:
        payload = to_script((consumer, token, owner, ENTRIES_AT_ONCE, int(ends), rows))
        reply = from_script(await self._store.evaluate(partition, self._script, payload))
        if not reply[0]:
            raise NewLife(f"{consumer} runs again in {keys.TAGS[partition]}")
        return reply
