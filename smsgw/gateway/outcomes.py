"""What becomes of a message at a carrier: answered, throttled, refused, lost, too late, forbidden meanwhile.

Every way out of here ends the stream entry exactly once: settled (the carrier has it), held (again later),
moved (another carrier), or reported (a receipt of ours). A receipt of ours is durable before the entry
ends, so a crash between the two reports twice rather than never.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from smsgw.errors import StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.reports import Report, err_digits, kind_of, pack_origin, unpack_report, wanted_kinds
from smsgw.gateway.views import view_of
from smsgw.policy.model import Hold, Refusal
from smsgw.policy.retry import Action, Backoff
from smsgw.records.record import Step
from smsgw.smpp.canonical import canonical_id
from smsgw.smpp.constants import MessageState
from smsgw.store.correlation import MATCHED, Correlated, Mapping
from smsgw.store.envelope import INTERNAL, REPORT_ALWAYS, Envelope
from smsgw.store.keys import mt_suffix
from smsgw.store.state import state_header, state_value

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue, Flight
    from smsgw.gateway.lanes import Job
    from smsgw.gateway.learning import Learning
    from smsgw.gateway.local_reports import LocalReports
    from smsgw.smpp.convert import Unfit
    from smsgw.store.settlement import Settled

RESEND = "resend"
#: A message of which the carrier says "temporary" waits this long before its next try, at first and at most.
RETRY_BASE_S, RETRY_CEILING_S = 2.0, 300.0
_HEADER_OCTETS = 16
_UNDELIVERABLE = int(MessageState.UNDELIVERABLE)
_SENT, _ANSWERED = int(Step.SENT), int(Step.ANSWERED)


class Outcomes:
    """One for all carriers."""

    def __init__(
        self,
        context: Context,
        reports: LocalReports,
        rng: random.Random,
        learning: Learning,
    ) -> None:
        self._context = context
        self._reports = reports
        self._learning = learning
        self._journal = Journal(context)
        self._backoff = Backoff(RETRY_BASE_S, RETRY_CEILING_S, rng, RETRY_BASE_S / 2)

    # -- ends before sending

    def is_over(self, queue: CarrierQueue, job: Job) -> bool:
        """True when the validity of a message is over: what was not sent of it has been reported."""
        now_ms = self._context.clock.now_ms()
        if not job.envelope.expires_at_ms or now_ms < job.envelope.expires_at_ms:
            return False
        job.queued = False
        report = Report(int(MessageState.EXPIRED), "000", now_ms)
        self._fail_rest(queue, job, report, Step.EXPIRED, "validity is over")
        return True

    def delete(self, queue: CarrierQueue, job: Job, why: str) -> None:
        """Staff threw it away: the application is told DELETED."""
        job.queued = False
        report = Report(int(MessageState.DELETED), "000", self._context.clock.now_ms())
        self._fail_rest(queue, job, report, Step.CANCELLED, why)

    def refuse_late(self, queue: CarrierQueue, job: Job, refusal: Refusal) -> None:
        """A rule forbids now what it allowed when the message was accepted."""
        report = Report(int(MessageState.REJECTED), refusal.reason.receipt_err, self._context.clock.now_ms())
        self._fail_rest(queue, job, report, Step.REFUSED, refusal.reason.rule_id)

    def unfit(self, queue: CarrierQueue, job: Job, unfit: Unfit) -> None:
        """This carrier can't be given the message in any shape: the next one, or the end of it."""
        if self.reroute(queue, job, unfit.why):
            return
        report = Report(int(MessageState.REJECTED), "000", self._context.clock.now_ms())
        self._fail_rest(queue, job, report, Step.FAILED, unfit.why)

    def resend_uncertain(self, queue: CarrierQueue, job: Job) -> bool:
        """After a crash: a message that may be at the carrier. True to send it again, else it is reported unknown."""
        if self._context.settings.uncertain[job.envelope.message_class] == RESEND:
            return True
        report = Report(int(MessageState.UNKNOWN), "000", self._context.clock.now_ms())
        self._fail_rest(queue, job, report, Step.UNKNOWN, "written before a restart, never answered")
        return False

    def carrier_gone(self, queue: CarrierQueue, job: Job) -> None:
        """The carrier was taken out of the site: the next one of the message's route, else it is routed again."""
        why = "the carrier was taken out"
        if self.is_over(queue, job):
            return
        if not job.is_whole:
            job.queued = False
            report = Report(int(MessageState.UNDELIVERABLE), "000", self._context.clock.now_ms())
            self._fail_rest(queue, job, report, Step.FAILED, why)
        elif not self.reroute(queue, job, why):
            # Due at once, in the order of acceptance: whoever releases it finds it a route.
            self._hold(job, job.envelope.accepted_at_ms, Step.HELD, job.envelope.accepted_at_ms, why)

    # -- sending and answers

    def sent(self, queue: CarrierQueue, bind: Bind, job: Job, index: int) -> None:
        """A segment was written."""
        self._context.metrics.carrier(queue.name).mt_submitted += 1
        self._journal.step(_SENT, job.envelope, job.original(index), queue.name, 0, 0, bind.number)

    def answered(self, queue: CarrierQueue, flight: Flight, command_status: int, raw: bytes, now_s: float) -> None:
        """The carrier answered a segment."""
        job, index = flight.job, flight.index
        original = job.original(index)
        latency_ms = (now_s - flight.sent_at_s) * 1000
        counters = self._context.metrics.carrier(queue.name)
        counters.answered[command_status] += 1
        counters.answer_latency.observe(latency_ms)
        if command_status == 0:
            queue.pool.throttle.on_ok(now_s)
            carrier_message_id = raw[_HEADER_OCTETS:].partition(b"\0")[0].decode("latin-1")
            took_ms = round(latency_ms, 1)
            self._journal.step(_ANSWERED, job.envelope, original, queue.name, 0, took_ms, carrier_message_id)
            self._settle(queue, job, index, carrier_message_id)
            return
        self._journal.step(_ANSWERED, job.envelope, original, queue.name, command_status, round(latency_ms, 1))
        self._refused(queue, job, index, command_status, now_s)

    def unknown(self, queue: CarrierQueue, flight: Flight, why: str) -> None:
        """A segment was written and has no answer: resend or report, by the message's class.

        A carrier may deliver each time and never answer, so resending ends after ``retry_attempts`` for each segment.
        """
        job, index = flight.job, flight.index
        envelope = job.envelope
        self._context.metrics.carrier(queue.name).response_timeouts += 1
        resends = self._context.settings.uncertain[envelope.message_class] == RESEND
        if resends and envelope.attempts < queue.pool.settings.retry_attempts * len(job.pdus):
            envelope.attempts += 1
            queue.send_again(job, index)
            return
        report = Report(int(MessageState.UNKNOWN), "000", self._context.clock.now_ms())
        self._fail(queue, job, index, report, Step.UNKNOWN, why)

    def reroute(self, queue: CarrierQueue, job: Job, why: str, only_up: bool = False, tried: bool = True) -> bool:
        """Move the whole message to the next carrier of its route; False when there is none.

        ``tried`` False: this carrier has not had it, so it may come back to it.
        """
        envelope = job.envelope
        had = [*envelope.tried, queue.name]
        target = self._context.choice.next(envelope.carriers, had, only_up, envelope.province)
        if target is None:
            return False
        if tried and not only_up:
            envelope.tried = had
        envelope.attempts = 0
        envelope.looked_at_ms = -1  # so that the store is asked again: the other carrier has a blacklist of its own
        self._context.metrics.carrier(queue.name).mt_rerouted += 1
        self._journal.step(int(Step.REROUTED), envelope, 0, target, 0, 0, queue.name, why)
        blob = self._context.store.sealer.seal(envelope.pack())
        self._context.settlement.move(None, job.stream, job.entry_id, mt_suffix(target, job.lane), blob)
        return True

    def requeue(self, queue: CarrierQueue, job: Job) -> None:
        """Put a message that was not sent back to the end of its stream."""
        blob = self._context.store.sealer.seal(job.envelope.pack())
        suffix = mt_suffix(queue.name, job.lane)
        self._context.settlement.move(queue.name, job.stream, job.entry_id, suffix, blob)

    def settled(self, contexts: list[object], replies: list[Settled] | StoreError) -> None:
        """Called once for each batch: receipts that had overtaken their response were passed on meanwhile."""
        if isinstance(replies, StoreError):
            self._context.log("store.settle_refused", {"entries": len(contexts), "why": str(replies)})
            return
        for context, reply in zip(contexts, replies, strict=True):
            if reply.early and isinstance(context, str):
                for early in reply.early:
                    self._context.metrics.carrier(context).receipts_early += 1
                    if early.result is not None and early.result.outcome == MATCHED:
                        self._early(context, early.result, unpack_report(early.blob))

    def end_held(self, envelope: Envelope, report: Report, step: Step, why: str, ended: Callable[[], None]) -> None:
        """A held message ends here: its receipts first, ``ended`` when all of them are durable."""
        left = len(envelope.message_ids)

        def durable(done: bool) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                ended()

        for index in range(left):
            self._journal.step(int(step), envelope, index, "", 0, 0, why)
            self.report(segment_of(envelope, index), report, durable)

    def states(self, envelope: Envelope, report: Report) -> list[tuple[str, bytes]]:
        """What query_sm will answer for each segment of a message that ended here."""
        header = state_header(report.message_state, int(err_digits(report.err)), report.done_ms)
        value = state_value(header, envelope.account, envelope.source_addr)
        return [(message_id, value) for message_id in envelope.message_ids]

    # -- inside

    def _early(self, carrier: str, result: Correlated, report: Report) -> None:
        """The row that ``receipts`` could not give a message id when the receipt came."""
        if result.origin:
            self._learning.failed(result.account, result.message_id, carrier, result.origin, report)
        state, err = report.message_state, report.err
        self._journal.plain(
            int(Step.RECEIPT), result.message_id, result.account, carrier, "", 0, 0, state, err, "", "early"
        )

    def _settle(self, queue: CarrierQueue, job: Job, index: int, carrier_message_id: str) -> None:
        envelope = job.envelope
        settlement = self._context.settlement
        job.open_segments -= 1
        last = job.open_segments == 0
        if not carrier_message_id:
            # ROK without an id is seen: the message is out, but its receipt can't be recognised.
            self._context.log("carrier.empty_message_id", {"carrier": queue.name})
            if last:
                settlement.done(queue.name, job.stream, job.entry_id, job.states)
            return
        mapping = self._mapping(envelope, job.original(index))
        cid = canonical_id(carrier_message_id, queue.pool.settings.response_id)
        if last and not job.states:
            settlement.sent(queue.name, job.stream, job.entry_id, queue.name, cid, mapping)
        else:
            settlement.remember(queue.name, queue.name, cid, mapping)
            if last:
                settlement.done(queue.name, job.stream, job.entry_id, job.states)

    def _mapping(self, envelope: Envelope, index: int) -> Mapping:
        mask = 0 if envelope.flags & INTERNAL else wanted_kinds(envelope.registered[index])
        origin = self._context.store.sealer.seal(pack_origin(view_of(envelope.pdus[index]), envelope.accepted_at_ms))
        return Mapping(envelope.account, envelope.message_ids[index], mask, origin, envelope.source_addr)

    def _refused(self, queue: CarrierQueue, job: Job, index: int, command_status: int, now_s: float) -> None:
        action = queue.pool.settings.failover.statuses.action(command_status)
        counters = self._context.metrics.carrier(queue.name)
        if action is Action.RETRY_LINK:
            counters.throttled += 1
            queue.pool.throttle.on_throttled(now_s)
            queue.send_again(job, index)
            return
        alone = len(job.pdus) == 1
        why = f"carrier answered 0x{command_status:08X}"
        if action is Action.RETRY and job.envelope.attempts < queue.pool.settings.retry_attempts:
            counters.mt_retried += 1
            self._retry_later(queue, job, index, why)
            return
        if action is not Action.REJECT and alone and self.reroute(queue, job, why):
            return
        report = Report(_UNDELIVERABLE, f"{command_status % 1000:03d}", self._context.clock.now_ms())
        self._fail(queue, job, index, report, Step.FAILED, why)

    def _retry_later(self, queue: CarrierQueue, job: Job, index: int, why: str) -> None:
        """A whole message waits in the held set; a segment whose siblings are at the carrier waits here."""
        envelope = job.envelope
        delay_s = self._backoff.delay_s(envelope.attempts)
        envelope.attempts += 1
        if len(job.pdus) == 1:
            due_ms = self._context.clock.after_ms(delay_s)
            self._hold(job, due_ms, Step.RETRIED, envelope.attempts, round(delay_s * 1000), why)
        else:
            asyncio.get_running_loop().call_later(delay_s, queue.send_again, job, index)

    def hold_until(self, job: Job, hold: Hold) -> None:
        """A window has closed since the message was accepted."""
        job.envelope.due_ms = hold.until_ms
        self._hold(job, hold.until_ms, Step.HELD, hold.until_ms, hold.reason.rule_id)

    def _hold(self, job: Job, due_ms: int, step: Step, *detail: object) -> None:
        envelope = job.envelope
        self._journal.step(int(step), envelope, 0, "", 0, 0, *detail)
        blob = self._context.store.sealer.seal(envelope.pack())
        self._context.settlement.hold(None, job.stream, job.entry_id, due_ms, envelope.message_ids[0], blob)

    def _fail_rest(self, queue: CarrierQueue, job: Job, report: Report, step: Step, why: str) -> None:
        """All segments that were not sent end here."""
        todo, job.todo = job.todo, []
        for index in todo:
            self._fail(queue, job, index, report, step, why)

    def _fail(self, queue: CarrierQueue, job: Job, index: int, report: Report, step: Step, why: str) -> None:
        """Segment ``index`` ends here, and with it those that were not sent: nobody could read the rest."""
        envelope = job.envelope
        originals = job.ends(index)
        left = len(originals)

        def durable(done: bool) -> None:
            nonlocal left
            left -= 1
            if left > 0:
                return
            job.open_segments -= 1
            if job.open_segments == 0:
                self._context.settlement.done(queue.name, job.stream, job.entry_id, job.states)

        for original in originals:
            self._journal.step(int(step), envelope, original, queue.name, 0, 0, why)
            job.states.append(self.states(envelope, report)[original])
            self.report(segment_of(envelope, original), report, durable)
        if not originals:  # told with another segment
            durable(True)
        if job.todo:
            self._fail_rest(queue, job, report, step, why)

    def report(self, segment: Segment, report: Report, durable: Callable[[bool], None]) -> None:
        """A receipt of ours, if the application asked for this kind or was promised one; then ``durable``."""
        flags = segment.flags
        wanted = wanted_kinds(segment.registered) & kind_of(report.message_state) or flags & REPORT_ALWAYS
        if not wanted or flags & INTERNAL:
            durable(True)
            return
        self._reports.send(
            segment.account, segment.message_id, view_of(segment.pdu), segment.accepted_at_ms, report, durable
        )


class Segment:
    """What a receipt of ours needs to know of one segment."""

    __slots__ = ("accepted_at_ms", "account", "flags", "message_id", "pdu", "registered")

    def __init__(
        self, account: str, message_id: str, pdu: bytes, registered: int, accepted_at_ms: int, flags: int
    ) -> None:
        self.account = account
        self.message_id = message_id
        self.pdu = pdu
        self.registered = registered
        self.accepted_at_ms = accepted_at_ms
        self.flags = flags


def segment_of(envelope: Envelope, index: int) -> Segment:
    """Segment ``index`` of a message."""
    return Segment(
        envelope.account,
        envelope.message_ids[index],
        envelope.pdus[index],
        envelope.registered[index],
        envelope.accepted_at_ms,
        envelope.flags,
    )
