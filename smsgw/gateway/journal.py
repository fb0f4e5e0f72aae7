"""One record per step of a message's life: the rows' layout in one place.

Appending is all that happens here; the record log writes them in batches. A recipient is recorded as its
keyed hash and masked, never in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smsgw.policy.numbers import mask
from smsgw.records.record import NO_CLASS, Step
from smsgw.store.parked import LOT_REVIEW

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.submission import Submission
    from smsgw.policy.model import Refusal
    from smsgw.store.envelope import Envelope

_ACCEPTED, _HELD, _REFUSED, _PARKED = int(Step.ACCEPTED), int(Step.HELD), int(Step.REFUSED), int(Step.PARKED)
_NO_ROUTE: Final[tuple[object, ...]] = ("",)
_NOBODY: Final = ("", "")


class Journal:
    """Appends rows; every method is one step."""

    __slots__ = ("_append", "_clock_ms", "_hash")

    def __init__(self, context: Context) -> None:
        self._append = context.records.append
        self._clock_ms = context.clock.now_ms
        self._hash = context.store.recipients.hash

    def accepted(self, submission: Submission, message_id: str, now_ms: int, sealed: bytes = b"") -> None:
        """Admitted: durably queued, held until ``submission.due_ms``, or parked for a person to look at.

        ``sealed``: its envelope as it lies in the store, which goes behind the details, for the archive.
        """
        draft, hold_reason = submission.draft, submission.hold_reason
        step, detail = _ACCEPTED, _NO_ROUTE
        if draft.review:
            step, detail = _PARKED, (LOT_REVIEW, draft.review)
        elif submission.due_ms > 0:
            step, detail = _HELD, (submission.due_ms, hold_reason)
        elif draft.route is not None:
            detail = (draft.route.name,)
        if sealed:
            detail = (*detail, sealed)
        self._append(
            (
                now_ms, step, message_id, draft.account, "", draft.message_class, submission.rhash,
                mask(draft.recipient), draft.segments, 0, hold_reason, draft.signature or "",
                now_ms - submission.accepted_ms, *detail,
            )
        )  # fmt: skip

    def refused(
        self,
        account: str,
        message_class: int,
        recipient: str,
        segments: int,
        message_id: str,
        status: int,
        refusal: Refusal,
        signature: str = "",
        sealed: bytes = b"",
    ) -> None:
        """A rule said no; ``recipient`` is E.164 digits, empty when there was none to read.

        ``sealed``: the envelope that it would have had, for the archive.
        """
        rhash, masked = (self._hash(recipient), mask(recipient)) if recipient else _NOBODY
        self._append(
            (
                self._clock_ms(),
                _REFUSED,
                message_id,
                account,
                "",
                message_class,
                rhash,
                masked,
                segments,
                status,
                refusal.reason.rule_id,
                signature,
                0,
                refusal.detail,
                *((sealed,) if sealed else ()),
            )
        )

    def step(
        self,
        step: int,
        envelope: Envelope,
        index: int,
        carrier: str,
        status: int = 0,
        latency_ms: float = 0,
        *detail: object,
        segments: int = 1,
    ) -> None:
        """Something happened to segment ``index`` of an accepted message; ``segments``: what it takes on the air."""
        recipient = envelope.recipient
        rhash, masked = (self._hash(recipient), mask(recipient)) if recipient else _NOBODY
        self._append(
            (
                self._clock_ms(), step, envelope.message_ids[index], envelope.account, carrier, envelope.message_class,
                rhash, masked, segments, status, "", envelope.signature, latency_ms, *detail,
            )
        )  # fmt: skip

    def plain(
        self,
        step: int,
        message_id: str,
        account: str,
        carrier: str = "",
        recipient: str = "",
        status: int = 0,
        latency_ms: float = 0,
        *detail: object,
    ) -> None:
        """A step where only the id or the number is known: receipts, MO, opt-outs. An MO's envelope may stand last."""
        rhash, masked = (self._hash(recipient), mask(recipient)) if recipient else _NOBODY
        self._append(
            (
                self._clock_ms(), step, message_id, account, carrier, NO_CLASS, rhash, masked, 0, status, "", "",
                latency_ms, *detail,
            )
        )  # fmt: skip
