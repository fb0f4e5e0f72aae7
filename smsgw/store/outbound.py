"""Out streams: receipts and MO on their way to an application.

Owns the entries' form. The first field's name tells what an entry is:
  ``o`` sealed origin, ``r`` sealed receipt, ``i`` message id   — a receipt, written by correlate or made by the gateway
  ``m`` sealed MO PDU
An entry stays until the application answered its deliver_sm; then ``ack``. Streams are bounded by
``StoreSettings.out_limit``: the oldest entries of an application that stays away go first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.entries import Groups
from smsgw.store.packing import to_script
from smsgw.store.scripts import script

FIELD_ORIGIN: Final = b"o"
FIELD_RECEIPT: Final = b"r"
FIELD_MESSAGE_ID: Final = b"i"
FIELD_MO: Final = b"m"

Appended = Callable[[StoreError | None], None]
Fields = tuple[bytes | str, ...]
_Append = tuple[str, Fields, Appended]
_Ack = tuple[str, bytes]


class Outbound:
    """Appends to and acknowledges in accounts' out streams. Run ``appends.run()`` and ``acks.run()``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._out = script("out")
        self._ack = script("ack")
        self.appends: GroupCommit[_Append, None] = GroupCommit(
            "out", self._send_appends, self._appended, retry_for_s=math.inf
        )
        self.acks: GroupCommit[_Ack, None] = GroupCommit("ack", self._send_acks, self._acked, retry_for_s=math.inf)
        #: By stream: entries whose acknowledgement is under way.
        self._leaving: dict[str, int] = {}
        self._after: dict[str, list[Callable[[], None]]] = {}

    def append(self, account: str, fields: Fields, done: Appended) -> None:
        """Append an entry of alternating field names and values; ``done(None)`` when it is durable."""
        self.appends.put(keys.account_partition(account, self._store.partitions), (account, fields, done))

    def append_mo(self, account: str, sealed_mo: bytes, done: Appended) -> None:
        """Append an MO."""
        self.append(account, (FIELD_MO, sealed_mo), done)

    def ack(self, stream: str, entry_id: bytes) -> None:
        """The application has it: acknowledge and delete. Nobody waits for it; a lost one comes again.

        ``stream`` is the whole key as the reader gave it.
        """
        self._leaving[stream] = self._leaving.get(stream, 0) + 1
        self.acks.put(keys.partition_of_key(stream), (stream, entry_id))

    def when_acknowledged(self, stream: str, then: Callable[[], None]) -> None:
        """Call ``then`` once nothing that was acknowledged is in the stream any more: at once, where that is so.

        Who reads what is pending before that is given it again.
        """
        if stream in self._leaving:
            self._after.setdefault(stream, []).append(then)
        else:
            then()

    async def _send_appends(self, partition: int, call_id: CallId, items: list[_Append]) -> list[None]:
        by_account: dict[str, list[Fields]] = {}
        for account, fields, _ in items:
            by_account.setdefault(account, []).append(fields)
        payload = to_script((self._store.settings.out_limit, *by_account.items()))
        await self._store.evaluate(partition, self._out, payload, call_id)
        return [None] * len(items)

    @staticmethod
    def _appended(items: list[_Append], replies: list[None] | StoreError) -> None:
        error = replies if isinstance(replies, StoreError) else None
        for _, _, done in items:
            done(error)

    async def _send_acks(self, partition: int, call_id: CallId, items: list[_Ack]) -> list[None]:
        groups = Groups()
        for stream, entry_id in items:
            groups.add(stream, entry_id, 0)
        payload = to_script([row[:3] for row in groups.rows()])
        await self._store.evaluate(partition, self._ack, payload, call_id)
        return [None] * len(items)

    def _acked(self, items: list[_Ack], replies: list[None] | StoreError) -> None:
        """An entry whose acknowledgement was refused is delivered again after a restart."""
        leaving = self._leaving
        for stream, _ in items:
            leaving[stream] -= 1
        for stream in {stream for stream, _ in items}:
            if not leaving[stream]:
                del leaving[stream]
                for then in self._after.pop(stream, ()):
                    then()
