"""Correlation: from a carrier's receipt to our message, and on into the account's out stream.

Owns the packing of ``scripts/correlate.lua`` and the two-step way when the account's out stream lies in
another partition than the carrier's id: append there first, then mark the id final. A crash between
the two, or the same receipt at two processes at once, forwards it twice at worst; it never loses one. ``done`` is
called when the receipt is durable (passed on, parked, or known before): only then may the carrier be answered.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from smsgw.errors import StoreError
from smsgw.store import keys
from smsgw.store.commit import CallId, GroupCommit
from smsgw.store.connection import Store
from smsgw.store.outbound import FIELD_MESSAGE_ID, FIELD_ORIGIN, FIELD_RECEIPT, Outbound
from smsgw.store.packing import from_script, to_script
from smsgw.store.scripts import script
from smsgw.store.sharing import Sharing, Target, Told, told_of
from smsgw.store.state import States, state_value

KIND_SUCCESS: Final = 1
KIND_FAILURE: Final = 2
KIND_INTERMEDIATE: Final = 4
UNDECIDED: Final = 8
"""In a mask: whether a failure is reported is decided when it comes, for the message may go elsewhere."""

DUPLICATE: Final = 0
MATCHED: Final = 1
PARKED: Final = 2
ELSEWHERE: Final = 3
"""Inside this room only: found, but the receipt must be passed on in another partition."""
_ALIAS: Final = 4
_SHARED: Final = 5
_SHARED_ELSEWHERE: Final = 6
_TO_DECIDE: Final = 7
_BEING_DECIDED: Final = 8

_COMMIT: Final = 1
_UNTALLIED: Final = 2
_UNDECIDABLE: Final = 3
_ASK_AGAIN_S: Final = 0.25
"""While a failure of the same id is being decided on, here or by another process."""
TAG_OCTETS: Final = 8
"""Of a recipient's keyed hash, what an alias keeps of it."""


class Mapping(NamedTuple):
    """What a carrier's message id stands for. ``mask``: kinds of receipts wanted (KIND_…, or-ed).

    ``origin`` is sealed, the gateway's own: what it needs to write the account's receipt. ``due``: since when its last
    receipt is waited for, in whole seconds; 0: it is not. ``rhash``: the recipient whose counted failures a delivery
    forgets; empty where the store has several partitions, for it may lie elsewhere.
    """

    account: str
    message_id: str
    mask: int
    origin: bytes
    source_addr: str
    due: int = 0
    rhash: str = ""


class SharedMapping(NamedTuple):
    """What a carrier's message id stands for, when that isn't one whole message of ours."""

    account: str
    source_addr: str
    targets: tuple[Target, ...]
    due: int = 0
    rhash: str = ""


class Correlated(NamedTuple):
    """``outcome`` DUPLICATE (final before: only record it), MATCHED or PARKED (no response seen yet).

    ``forwarded``: it went to the account's out stream, as its mask asks. ``origin`` (sealed) comes with a failure.
    ``told``: of an id that stands for several messages, or for a part of one, those for which this is the last word.
    """

    outcome: int
    account: str = ""
    message_id: str = ""
    forwarded: bool = False
    origin: bytes = b""
    told: tuple[str, ...] | None = None


class Receipt(NamedTuple):
    """One receipt under way. ``context`` stays here and comes back. ``header`` is ``state.state_header(...)``."""

    context: object
    carrier: str
    cid: str
    blob: bytes
    kind: int
    final: bool
    header: bytes
    mark: int = 0
    then: Callable[[Correlated | StoreError], None] | None = None
    """Told instead of the batch's ``done``; for receipts that settlement found waiting."""
    found: Correlated | None = None
    """What to report once it is marked as final."""


PARKED_REPLY: Final = Correlated(PARKED)
BUCKET_S: Final = 60
"""Receipts are tallied by the minute."""
Done = Callable[[list[object], "list[Correlated] | StoreError"], None]


def mapping_value(mapping: Mapping | SharedMapping, partitions: int) -> bytes:
    """The receipt map's value, see ``scripts/parts/match.lua``."""
    tag = keys.TAGS[keys.account_partition(mapping[0], partitions)]
    packed: bytes
    if isinstance(mapping, SharedMapping):
        account, source, targets, due, rhash = mapping
        packed = to_script((account, tag, source, due, targets, rhash))
        return b"2" + packed
    account, message_id, mask, origin, source, due, rhash = mapping
    packed = to_script((account, message_id, tag, mask, origin, source, due, rhash))
    return b"0" + packed


def bucket_of(now_s: float) -> int:
    """Where something of this moment is tallied; 0 for no moment."""
    return int(now_s) // BUCKET_S * BUCKET_S


def known_value(message_id: str) -> bytes:
    """For an id whose receipts are only recorded: the message is told of by another one."""
    return b"1" + message_id.encode()


def alias_value(cid: str, tag: str) -> bytes:
    """For an id that leads to another; ``tag``: TAG_OCTETS characters of the recipient's hash."""
    return b"A" + tag.encode() + cid.encode()


class Correlation:
    """``put`` receipts; ``done(contexts, results)`` reports them. Run ``commit.run()`` and ``sharing.commit.run()``.

    ``now_ms`` is business time: when a receipt came.
    """

    def __init__(
        self, store: Store, outbound: Outbound, states: States, done: Done, now_ms: Callable[[], int] = lambda: 0
    ) -> None:
        self._store = store
        self._outbound = outbound
        self._states = states
        #: Of its own, and run by whoever runs ``commit``.
        self.sharing = Sharing(store)
        self._done = done
        #: Asked of failures whose mask has ``UNDECIDED``: whether the message goes elsewhere instead of being reported.
        self.decide: Callable[[Receipt, str, bytes, Callable[[bool | StoreError], None]], None] | None = None
        self._now_ms = now_ms
        #: Ids whose last receipt is being passed on in another partition, and what came of them meanwhile.
        self._passing: dict[tuple[str, str], list[Receipt]] = {}
        #: ``<carrier>:<cid>`` that is about to be remembered → what waits for it.
        self._coming: dict[str, list[Callable[[], None]] | None] = {}
        self._script = script("correlate")
        self.commit: GroupCommit[Receipt, Any] = GroupCommit(
            "correlate", self._send, self._answered, retry_for_s=math.inf
        )

    def put(self, context: object, carrier: str, cid: str, blob: bytes, kind: int, final: bool, header: bytes) -> None:
        """Correlate one receipt. ``cid`` is the carrier's message id in its canonical form, ``blob`` sealed."""
        self._put(Receipt(context, carrier, cid, blob, kind, final, header))

    def coming(self, suffix: str) -> None:
        """``<carrier>:<cid>`` is about to be remembered here: its receipts wait for ``came``, not in the store."""
        if suffix not in self._coming:
            self._coming[suffix] = None

    def came(self, suffix: str) -> None:
        """It is remembered, or could not be; call it for each ``coming``."""
        for then in self._coming.pop(suffix, None) or ():
            then()

    def after(self, suffix: str, then: Callable[[], None]) -> bool:
        """Have ``then`` called when what is about to be remembered under ``suffix`` has been; False: nothing is."""
        if suffix not in self._coming:
            return False
        self._coming[suffix] = [*(self._coming[suffix] or ()), then]
        return True

    def limits(self) -> tuple[int, ...]:
        """As ``scripts/parts/match.lua`` takes them."""
        settings = self._store.settings
        return (*settings.receipt_limits, settings.event_limit, self._now_ms())

    def again(self, receipt: Receipt, cid: str) -> None:
        """Correlate a receipt under another id; it is reported as the first time."""
        self._put(receipt._replace(cid=cid))

    def report(self, receipt: Receipt, result: Correlated) -> None:
        """Nothing is left to do for a receipt."""
        self._done([receipt.context], [result])

    def refused(self, receipts: Sequence[Receipt], error: StoreError) -> None:
        """The store could not be asked about them."""
        self._done([receipt.context for receipt in receipts], error)

    def park(self, receipt: Receipt, cids: Sequence[str]) -> None:
        """Correlate one receipt that may be about any of ``cids``: the first that is there, else wait under each."""
        results: list[Correlated] = []
        left = len(cids)

        def one(result: Correlated | StoreError) -> None:
            nonlocal left
            left -= 1
            if isinstance(result, StoreError):
                left = 0 if left < 0 else -1
                self._done([receipt.context], result)
                return
            results.append(result)
            if left == 0:
                self._done([receipt.context], [max(results, key=lambda each: each.outcome == MATCHED)])

        for cid in cids:
            self._put(receipt._replace(cid=cid, mark=_UNTALLIED, then=one))

    def _put(self, receipt: Receipt) -> None:
        if self._coming and self.after(f"{receipt.carrier}:{receipt.cid}", partial(self._put, receipt)):
            return
        self.commit.put(keys.carrier_partition(receipt.carrier, receipt.cid, self._store.partitions), receipt)

    async def _send(self, partition: int, call_id: CallId, items: list[Receipt]) -> list[Any]:
        rows = [
            (f"{carrier}:{cid}", kind, 1 if final else 0, header, blob, mark)
            if mark
            else (f"{carrier}:{cid}", kind, 1 if final else 0, header, blob)
            for _, carrier, cid, blob, kind, final, header, mark, _, _ in items
        ]
        bucket = bucket_of(self._now_ms() / 1000)
        payload = to_script((self._store.settings.early_ttl_ms, self.limits(), rows, bucket))
        replies: list[Any] = from_script(await self._store.evaluate(partition, self._script, payload, call_id))
        return replies

    def _answered(self, items: list[Receipt], replies: list[Any] | StoreError) -> None:
        contexts: list[object] = []
        results: list[Correlated] = []
        for number, item in enumerate(items):
            if item.mark == _COMMIT and item.final:
                self._passed(item)
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
        if receipt.found is not None:
            return receipt.found
        if outcome in (ELSEWHERE, _SHARED_ELSEWHERE) and receipt.final and not self._passes(receipt):
            return None
        if outcome == _BEING_DECIDED:
            asyncio.get_running_loop().call_later(_ASK_AGAIN_S, self._put, receipt)
            return None
        if outcome == _ALIAS:
            self._put(receipt._replace(cid=reply[1].decode()))
            return None
        if outcome == _SHARED:
            account, source, origin = reply[1].decode(), reply[2].decode(), reply[3]
            return self._shared(receipt, account, source, origin, told_of(reply[4]))
        if outcome == _SHARED_ELSEWHERE:
            self._share(receipt, reply[1])
            return None
        account, message_id = reply[1].decode(), reply[2].decode()
        if outcome == _TO_DECIDE:
            self._decide(receipt, account, message_id, reply[3], reply[4])
            return None
        if outcome == ELSEWHERE:
            self._forward(receipt, account, message_id, reply[4])
            return None
        if reply[4] is not False and receipt.header:
            self._states.write(message_id, state_value(receipt.header, account, reply[4].decode()))
        return Correlated(MATCHED, account, message_id, bool(reply[3]), reply[5] if len(reply) > 5 else b"")

    def _passes(self, receipt: Receipt) -> bool:
        """Whether it may be passed on in another partition now; if not, it is looked at again after the first one."""
        name = (receipt.carrier, receipt.cid)
        before = self._passing.get(name)
        if before is None:
            self._passing[name] = []
            return True
        before.append(receipt)
        return False

    def _passed(self, receipt: Receipt) -> None:
        for later in self._passing.pop((receipt.carrier, receipt.cid), ()):
            self._put(later)

    def _shared(self, receipt: Receipt, account: str, source_addr: str, origin: bytes, told: list[Told]) -> Correlated:
        """An id that stands for several messages, or for a part of one: what query_sm answers is ours to write."""
        last = tuple(each.message_id for each in told if each.told)
        if receipt.header:
            for message_id in last:
                self._states.write(message_id, state_value(receipt.header, account, source_addr))
        forwarded = any(each.forwarded for each in told)
        shown = origin if receipt.kind == KIND_FAILURE and last else b""
        return Correlated(MATCHED, account, last[0] if last else told[0].message_id, forwarded, shown, last)

    def _share(self, receipt: Receipt, packed: bytes) -> None:
        """As ``_forward``: the out stream first, the mark afterwards."""
        account, _, source, _, targets = from_script(packed)[:5]

        def shared(result: list[Told] | StoreError) -> None:
            if not isinstance(result, StoreError):
                found = self._shared(receipt, account.decode(), source.decode(), targets[0][2], result)
                self._put(receipt._replace(mark=_COMMIT, found=found))
            else:
                self._failed(receipt, result)

        self.sharing.pass_on(account.decode(), receipt.kind, receipt.final, receipt.blob, targets, shared)

    def _decide(self, receipt: Receipt, account: str, message_id: str, mask: int, origin: bytes) -> None:
        """The message is elsewhere, or its failure in the out stream, before the map is marked."""

        def decided(moved: bool | StoreError) -> None:
            if isinstance(moved, StoreError):
                self._put(receipt._replace(mark=_UNDECIDABLE, then=lambda result: self._failed(receipt, moved)))
            elif moved:
                found = Correlated(MATCHED, account, message_id, False, origin)
                self._put(receipt._replace(mark=_COMMIT, found=found, header=b""))
            elif mask & KIND_FAILURE:
                self._forward(receipt, account, message_id, origin)
            else:
                self._put(receipt._replace(mark=_COMMIT))

        if self.decide is None:
            decided(False)
        else:
            self.decide(receipt, message_id, origin, decided)

    def _failed(self, receipt: Receipt, error: StoreError) -> None:
        self._passed(receipt)
        if receipt.then is not None:
            receipt.then(error)
        else:
            self._done([receipt.context], error)

    def _forward(self, receipt: Receipt, account: str, message_id: str, origin: bytes) -> None:
        """The out stream first, the mark afterwards: between them a crash repeats, it does not lose."""

        def appended(error: StoreError | None) -> None:
            if error is None:
                self._put(receipt._replace(mark=_COMMIT))
            else:
                self._failed(receipt, error)

        fields = (FIELD_ORIGIN, origin, FIELD_RECEIPT, receipt.blob, FIELD_MESSAGE_ID, message_id)
        self._outbound.append(account, fields, appended)
