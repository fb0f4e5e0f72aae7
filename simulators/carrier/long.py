"""Long messages as the simulated carrier sees them: in which form they come, and segments that wait for each other.

A carrier that puts segments together tells of none before it has all; when one is missing for too long
the whole is lost, and what did come is told to be expired (3GPP TS 23.040 §9.2.3.24 leaves how long to the carrier).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.carrier.message import Message
from simulators.wheel import TimeWheel
from smsgw.errors import RecoverableError
from smsgw.smpp.constants import Tag
from smsgw.smpp.pdu import DataSm, Sm
from smsgw.smpp.udh import Concat, concat_of

_PAYLOAD = int(Tag.MESSAGE_PAYLOAD)

#: Account, source, recipient, kind and number of the reference, number of segments.
_Key = tuple[str, bytes, bytes, str, int, int]


def segment_of(sm: Sm | DataSm) -> Concat | None:
    """Which segment of which message it is; None when it stands alone, or its header or TLVs are broken."""
    try:
        return concat_of(sm)
    except RecoverableError:
        return None


def form_of(sm: Sm | DataSm) -> str:
    """How a message says that it is long: "udh8", "udh16", "sar", "payload", or "plain" when it does not."""
    concat = segment_of(sm)
    if concat is not None:
        return concat.kind
    if isinstance(sm, Sm) and not sm.sm_length:
        try:
            return "payload" if sm.tlvs.first(_PAYLOAD) is not None else "plain"
        except RecoverableError:
            return "plain"
    return "plain"


class _Whole:
    """The segments of one message that came so far."""

    __slots__ = ("key", "segments")

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.segments: dict[int, Message] = {}


class Reassembly:
    """Collects segments. ``wheel`` is of business time; ``expired`` is called with what came of a lost message."""

    def __init__(self, wheel: TimeWheel, expired: Callable[[list[Message]], Any]) -> None:
        self._wheel = wheel
        self._expired = expired
        self._waiting: dict[_Key, _Whole] = {}

    def came(self, message: Message, concat: Concat, expire_s: float) -> list[Message]:
        """Add a segment; returns all segments in order once none is missing, else nothing.

        A segment that comes twice counts as it came last. The time begins with the first one.
        """
        sm = message.sm
        key = (
            message.account.system_id, sm.source_addr, sm.destination_addr, concat.kind, concat.reference, concat.total,
        )  # fmt: skip
        whole = self._waiting.get(key)
        if whole is None:
            whole = self._waiting[key] = _Whole(key)
            self._wheel.add(expire_s, self._overdue, whole)
        whole.segments[concat.index] = message
        if len(whole.segments) < concat.total:
            return []
        del self._waiting[key]
        return _in_order(whole)

    def reset(self) -> None:
        """Forget what waits."""
        self._waiting.clear()

    def _overdue(self, whole: _Whole) -> None:
        if self._waiting.get(whole.key) is whole:
            del self._waiting[whole.key]
            self._expired(_in_order(whole))


def _in_order(whole: _Whole) -> list[Message]:
    return [whole.segments[index] for index in sorted(whole.segments)]
