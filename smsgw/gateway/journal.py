"""One record per step of a message's life: the rows' layout in one place.

Appending is all that happens here; the record log writes them in batches. A recipient is recorded as its
keyed hash and masked, never in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.policy.numbers import mask
from smsgw.records.record import NO_CLASS, Step
from smsgw.store.parked import LOT_REVIEW

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.submission import Submission
    from smsgw.policy.model import Refusal
    from smsgw.store.envelope import Envelope

_ACCEPTED, _HELD, _REFUSED, _PARKED = int(Step.ACCEPTED), int(Step.HELD), int(Step.REFUSED), int(Step.PARKED)


class Journal:
    """Appends rows; every method is one step."""

    __slots__ = ("_append", "_clock_ms", "_hash")

    def __init__(self, context: Context) -> None:
        self._append = context.records.append
        self._clock_ms = context.clock.now_ms
        self._hash = context.store.recipients.hash

    def _who(self, recipient: str) -> tuple[str, str]:
        return (self._hash(recipient), mask(recipient)) if recipient else ("", "")

    def accepted(self, submission: Submission, message_id: str, route: str, hold_reason: str) -> None:
        """Admitted: durably queued, held until ``submission.due_ms``, or parked for a person to look at."""
        step, detail = _ACCEPTED, tuple[object, ...]((route,))
        if submission.review:
            step, detail = _PARKED, (LOT_REVIEW, submission.review)
        elif submission.due_ms > 0:
            step, detail = _HELD, (submission.due_ms, hold_reason)
        rhash, masked = self._who(submission.recipient)
        self._append(
            (
                self._clock_ms(),
                step,
                message_id,
                submission.account.settings.system_id,
                "",
                submission.message_class,
                rhash,
                masked,
                submission.segments,
                0,
                hold_reason,
                submission.signature,
                self._clock_ms() - submission.accepted_ms,
                *detail,
            )
        )

    def refused(
        self,
        account: str,
        message_class: int,
        recipient: str,
        segments: int,
        message_id: str,
        status: int,
        refusal: Refusal,
    ) -> None:
        """A rule said no; ``recipient`` is E.164 digits, empty when there was none to read."""
        rhash, masked = self._who(recipient)
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
                "",
                0,
                refusal.detail,
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
        rhash, masked = self._who(envelope.recipient)
        self._append(
            (
                self._clock_ms(),
                step,
                envelope.message_ids[index],
                envelope.account,
                carrier,
                envelope.message_class,
                rhash,
                masked,
                segments,
                status,
                "",
                envelope.signature,
                latency_ms,
                *detail,
            )
        )

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
        """A step where only the id or the number is known: receipts, MO, opt-outs."""
        rhash, masked = self._who(recipient)
        self._append(
            (
                self._clock_ms(),
                step,
                message_id,
                account,
                carrier,
                NO_CLASS,
                rhash,
                masked,
                0,
                status,
                "",
                "",
                latency_ms,
                *detail,
            )
        )
