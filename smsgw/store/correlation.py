"""Correlation: from a carrier's receipt to our message, and on into the account's out stream.

Owns the packing of ``scripts/correlate.lua`` and the two-step way when the account's out stream lies in
another partition than the carrier's id: append there first, then mark the id final. A crash between
the two forwards a receipt twice at worst; it never loses one. ``done`` is called when the receipt is
durable (passed on, parked, or known before): only then may the carrier be answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.outbound import FIELD_MESSAGE_ID, FIELD_ORIGIN, FIELD_RECEIPT, Outbound
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script
from smsgw.store.state import States, state_value

KIND_SUCCESS: Final = 1
KIND_FAILURE: Final = 2
KIND_INTERMEDIATE: Final = 4

DUPLICATE: Final = 0
MATCHED: Final = 1
PARKED: Final = 2
ELSEWHERE: Final = 3
"""Inside this room only: found, but the receipt must be passed on in another partition."""


class Mapping(NamedTuple):
    """What a carrier's message id stands for. ``mask``: kinds of receipts wanted (KIND_…, or-ed).

    ``origin`` is sealed, the gateway's own: what it needs to write the account's receipt.
    """

    account: str
    message_id: str
    mask: int
    origin: bytes
    source_addr: str


class Correlated(NamedTuple):
    """``outcome`` DUPLICATE (final before: only record it), MATCHED or PARKED (no response seen yet).

    ``forwarded``: it went to the account's out stream, as its mask asks. ``origin`` (sealed) comes with a failure.
    """

    outcome: int
    account: str = ""
    message_id: str = ""
    forwarded: bool = False
    origin: bytes = b""


class Receipt(NamedTuple):
    """One receipt under way. ``context`` stays here and comes back. ``header`` is ``state.state_header(...)``."""

    context: object
    carrier: str
    cid: str
    blob: bytes
    kind: int
    final: bool
    header: bytes
    commit: bool = False
    then: Callable[[Correlated | StoreError], None] | None = None
    """Told instead of the batch's ``done``; for receipts that settlement found waiting."""


PARKED_REPLY: Final = Correlated(PARKED)
Done = Callable[[list[object], "list[Correlated] | StoreError"], None]


def mapping_value(mapping: Mapping, partitions: int) -> bytes:
    """The receipt map's value, see ``scripts/parts/match.lua``."""
    account, message_id, mask, origin, source = mapping
    tag = keys.TAGS[keys.account_partition(account, partitions)]
    packed: bytes = to_script((account, message_id, tag, mask, origin, source))
    return b"0" + packed


class Correlation:
    """``put`` receipts; ``done(contexts, results)`` reports them. Run ``commit.run()``."""

    def __init__(self, store: Store, outbound: Outbound, states: States, done: Done) -> None:
        self._store = store
        self._outbound = outbound
        self._states = states
        self._done = done
        self._script = script("correlate")
        self.commit: GroupCommit[Receipt, Any] = GroupCommit(
            "correlate", self._send, self._answered, retry_for_s=math.inf
        )

    def put(self, context: object, carrier: str, cid: str, blob: bytes, kind: int, final: bool, header: bytes) -> None:
        """Correlate one receipt. ``cid`` is the carrier's message id in its canonical form, ``blob`` sealed."""
        self._put(Receipt(context, carrier, cid, blob, kind, final, header))

    def _put(self, receipt: Receipt) -> None:
        self.commit.put(keys.carrier_partition(receipt.carrier, receipt.cid, self._store.partitions), receipt)

    async def _send(self, partition: int, call_id: CallId, items: list[Receipt]) -> list[Any]:
        rows = [
            (f"{carrier}:{cid}", kind, 1 if final else 0, header, blob, 1)
            if commit
            else (f"{carrier}:{cid}", kind, 1 if final else 0, header, blob)
            for _, carrier, cid, blob, kind, final, header, commit, _ in items
        ]
        settings = self._store.settings
        payload = to_script((settings.early_ttl_ms, settings.receipt_limits, rows))
        replies: list[Any] = from_script(await self._store.evaluate(partition, self._script, payload, call_id))
        return replies

    def _answered(self, items: list[Receipt], replies: list[Any] | StoreError) -> None:
        contexts: list[object] = []
        results: list[Correlated] = []
        for number, item in enumerate(items):
            result = replies if isinstance(replies, StoreError) else self.finish(item, replies[number])
            if result is None:
                continue
            if item.then is not None:
                item.then(result)
                continue
            contexts.append(item.context)
            if not isinstance(result, StoreError):
                results.append(result)
        if contexts and isinstance(replies, StoreError):
            self._done(contexts, replies)
            return
        if contexts:
            self._done(contexts, results)

    def finish(self, receipt: Receipt, reply: Any) -> Correlated | None:
        """The result that a script's reply stands for; None when it comes later, through ``done`` or ``then``."""
        if reply == PARKED:
            return PARKED_REPLY
        outcome = reply[0]
        if outcome == DUPLICATE:
            return Correlated(DUPLICATE, message_id=reply[1].decode())
        account, message_id = reply[1].decode(), reply[2].decode()
        if outcome == ELSEWHERE:
            self._forward(receipt, account, message_id, reply[4])
            return None
        if reply[4] is not False and receipt.header:
            self._states.write(message_id, state_value(receipt.header, account, reply[4].decode()))
        return Correlated(MATCHED, account, message_id, bool(reply[3]), reply[5] if len(reply) > 5 else b"")

    def _forward(self, receipt: Receipt, account: str, message_id: str, origin: bytes) -> None:
        """The out stream first, the mark afterwards: between them a crash repeats, it does not lose."""

        def appended(error: StoreError | None) -> None:
            if error is None:
                self._put(receipt._replace(commit=True))
            elif receipt.then is not None:
                receipt.then(error)
            else:
                self._done([receipt.context], error)

        fields = (FIELD_ORIGIN, origin, FIELD_RECEIPT, receipt.blob, FIELD_MESSAGE_ID, message_id)
        self._outbound.append(account, fields, appended)
