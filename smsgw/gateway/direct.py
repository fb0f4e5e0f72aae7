"""Verification codes while the store is away: straight to a carrier, under a local limit, if the site says so.

The one way past the store, and only then: without it nothing can be made durable, so the application is answered
when the carrier has answered, not before. Rules with state can't be asked; the limit stands in for them. The
carrier's id is remembered once the store is back, so receipts still find their message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.gateway.journal import Journal
from smsgw.gateway.reports import pack_origin, wanted_kinds
from smsgw.gateway.submission import envelope_of
from smsgw.policy.model import MessageClass, Refusal
from smsgw.policy.reasons import STORE_AWAY
from smsgw.policy.shaping import TokenBucket
from smsgw.records.record import Step
from smsgw.smpp.constants import RESPONSE_BIT, CommandStatus
from smsgw.smpp.pdu import message_id_of, response
from smsgw.store.correlation import Mapping

if TYPE_CHECKING:
    from smsgw.carrier.pool import Pool
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue
    from smsgw.gateway.submission import Submission

_SENT, _ANSWERED = int(Step.SENT), int(Step.ANSWERED)


class DirectFlight:
    """A verification code at a carrier whose sender waits for the carrier's answer."""

    __slots__ = ("submission",)

    def __init__(self, submission: Submission) -> None:
        self.submission = submission


class Direct:
    """``rate_per_s`` of 0 means that verification codes are refused like everything else."""

    queues: dict[str, CarrierQueue]

    def __init__(self, context: Context, rate_per_s: float) -> None:
        self._context = context
        self._journal = Journal(context)
        self._rate_per_s = 0.0
        self._bucket: TokenBucket | None = None
        self.renew(rate_per_s)

    def renew(self, rate_per_s: float) -> None:
        """Another local limit."""
        if rate_per_s != self._rate_per_s:
            self._rate_per_s = rate_per_s
            self._bucket = TokenBucket(rate_per_s) if rate_per_s > 0 else None

    def takes(self, submission: Submission, now_s: float) -> bool:
        """Send it now if it is a code, the limit allows it and a carrier has room; False: refuse it as store.away."""
        if self._bucket is None or submission.draft.message_class != MessageClass.OTP:
            return False
        # A site that asks the store about recipients of codes doesn't want them unasked.
        if any(self._context.rules[submission.account.settings.system_id].rules.facts(MessageClass.OTP)):
            return False
        if len(submission.parts) != 1 or submission.due_ms or self._bucket.take(1, now_s):
            return False
        for name in submission.draft.carriers:
            queue = self.queues[name]
            if not queue.pool.up or not self._context.is_open(name):
                continue
            if queue.send_direct(submission.parts[0].pdu, DirectFlight(submission), now_s):
                return True
        return False

    def answered(self, pool: Pool, flight: DirectFlight, command_status: int, raw: bytes) -> None:
        """The carrier's answer is the application's."""
        submission = flight.submission
        part = submission.parts[0]
        if part.session is None:
            return
        if command_status:
            part.session.refuse(part.command_id, part.sequence_number, Refusal(STORE_AWAY, "the carrier refused", 5))
            return
        context = self._context
        origin = context.store.sealer.seal(pack_origin(part.pdu, submission.accepted_ms))
        draft = submission.draft
        account = submission.account.settings.system_id
        mapping = Mapping(account, part.message_id, wanted_kinds(part.registered), origin, draft.source_addr)
        carrier_message_id = message_id_of(raw).decode("latin-1")
        if carrier_message_id:
            context.keeping.direct(pool.name, carrier_message_id, mapping, draft.recipient)
        envelope, took_ms = envelope_of(submission), context.clock.now_ms() - submission.accepted_ms
        sealed = context.store.sealer.seal(envelope.pack())
        self._journal.accepted(submission, part.message_id, context.clock.now_ms(), sealed)
        self._journal.step(_SENT, envelope, 0, pool.name, segments=draft.segments)
        self._journal.step(_ANSWERED, envelope, 0, pool.name, 0, took_ms, carrier_message_id)
        context.metrics.account(account).mt_accepted += 1
        answer = response(
            part.command_id | RESPONSE_BIT, CommandStatus.ESME_ROK, part.sequence_number, part.message_id.encode()
        )
        part.session.answer(answer)

    def unknown(self, flight: DirectFlight) -> None:
        """No answer came: the application is told so, and its own retry decides."""
        part = flight.submission.parts[0]
        if part.session is not None:
            part.session.refuse(part.command_id, part.sequence_number, Refusal(STORE_AWAY, "no answer of a carrier", 5))
