"""What becomes of a message at a carrier: answered, throttled, refused, lost, too late, forbidden meanwhile.

Every way out of here ends the stream entry exactly once: settled (the carrier has it), held (again later),
moved (another carrier), or reported (a receipt of ours). A receipt of ours is durable before the entry
ends, so a crash between the two reports twice rather than never.
"""

from __future__ import annotations

import asyncio
import random
import sys
from typing import TYPE_CHECKING, NamedTuple

from smsgw.errors import StoreError
from smsgw.gateway.endings import Endings
from smsgw.gateway.keeping import Taken
from smsgw.gateway.moves import Moves
from smsgw.gateway.reports import (
    MAX_ERR_CHARACTERS,
    Report,
    unpack_report,
)
from smsgw.policy.code_classes import CodeClass
from smsgw.policy.model import Hold
from smsgw.policy.reasons import ROUTE_NONE
from smsgw.policy.retry import Action, Backoff
from smsgw.records.record import Step
from smsgw.smpp.constants import MessageState
from smsgw.smpp.pdu import message_id_of
from smsgw.store.correlation import MATCHED, Correlated
from smsgw.store.envelope import HAS_TURN
from smsgw.store.keys import mt_suffix

if TYPE_CHECKING:
    from smsgw.carrier.bind import Bind
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue
    from smsgw.gateway.lanes import Flight, Job
    from smsgw.gateway.learning import Learning
    from smsgw.gateway.local_reports import LocalReports
    from smsgw.smpp.convert import Unfit
    from smsgw.store.settlement import Settled

RESEND = "resend"
#: A message of which the carrier says "temporary" waits this long before its next try, at first and at most.
RETRY_BASE_S, RETRY_CEILING_S = 2.0, 300.0
_UNDELIVERABLE, _DELIVERED = int(MessageState.UNDELIVERABLE), int(MessageState.DELIVERED)
_SENT, _ANSWERED = int(Step.SENT), int(Step.ANSWERED)


class Outcomes(Endings):
    """One for all carriers."""

    def __init__(
        self,
        context: Context,
        reports: LocalReports,
        rng: random.Random,
        learning: Learning,
    ) -> None:
        super().__init__(context, reports)
        self._learning = learning
        self._pdus = context.carrier_pdus
        self.moves = Moves(context)
        self._backoff = Backoff(RETRY_BASE_S, RETRY_CEILING_S, rng, RETRY_BASE_S / 2)

    # -- ends before sending

    def unfit(self, queue: CarrierQueue, job: Job, unfit: Unfit) -> None:
        """This carrier can't be given the message in any shape: the next one, or the end of it."""
        if self.reroute(queue, job, unfit.why, cause="text"):
            return
        # As for a message without a route: none of the carriers that it may go over can be given it.
        report = Report(int(MessageState.REJECTED), ROUTE_NONE.receipt_err, self._context.clock.now_ms())
        self._fail_rest(queue, job, report, Step.FAILED, unfit.why)

    def resend_uncertain(self, queue: CarrierQueue, job: Job) -> bool:
        """After a crash: a message that may be at the carrier. True to send it again, else it is reported unknown."""
        if self._context.settings.uncertain[job.envelope.message_class] == RESEND:
            self._count_uncertain(queue, "resent")
            return True
        self._count_uncertain(queue, "reported")
        report = Report(int(MessageState.UNKNOWN), "000", self._context.clock.now_ms())
        self._fail_rest(queue, job, report, Step.UNKNOWN, "written before a restart, never answered")
        return False

    def carrier_gone(self, queue: CarrierQueue, job: Job, why: str = "the carrier was taken out") -> None:
        """Nothing goes over it from here: the next one of the message's route, else it is routed again.

        The rest of a message that is there in part ends.
        """
        if self.is_over(queue, job):
            return
        if not job.is_whole:
            job.queued = False
            report = Report(int(MessageState.UNDELIVERABLE), "000", self._context.clock.now_ms())
            self._fail_rest(queue, job, report, Step.FAILED, why)
        elif not self.reroute(queue, job, why, cause="removed"):
            # Due at once, in the order of acceptance: whoever releases it finds it a route.
            self._hold(job, job.envelope.accepted_at_ms, Step.HELD, job.envelope.accepted_at_ms, why)

    # -- sending and answers

    def sent(self, queue: CarrierQueue, bind: Bind, flight: Flight) -> None:
        """A segment was written."""
        job, index = flight.job, flight.index
        patience_s = queue.pool.settings.failover.response_s[job.envelope.message_class]
        if patience_s:
            asyncio.get_running_loop().call_later(patience_s, self._overdue, queue, flight, patience_s)
        self._context.metrics.carrier(queue.name).mt_submitted += 1
        segments = job.shipment.segments[index] if job.shipment is not None else 1
        self._journal.step(_SENT, job.envelope, job.original(index), queue.name, 0, 0, bind.number, segments=segments)
        if self._pdus is not None and job.shipment is not None:
            message_id = job.envelope.message_ids[job.original(index)]
            self._pdus.add(_SENT, message_id, queue.name, job.shipment.pdus[index])

    def answered(self, queue: CarrierQueue, flight: Flight, command_status: int, raw: bytes, now_s: float) -> None:
        """The carrier answered a segment."""
        name, pool = queue.name, queue.pool
        latency_s = now_s - flight.sent_at_s
        latency_ms = latency_s * 1000
        policy = pool.settings.failover
        counters = self._context.metrics.carrier(name)
        counters.answered[command_status] += 1
        counters.answer_latency.observe(latency_ms)
        if policy.latency_s:
            self._context.health.answered(name, policy, latency_s)
        said = message_id_of(raw).decode("latin-1")
        if flight.is_over:
            self._late(queue, flight, command_status, said)
            return
        flight.is_over = True
        job, index = flight.job, flight.index
        original, took_ms = job.original(index), round(latency_ms, 1)
        if self._pdus is not None:
            self._pdus.add(_ANSWERED, job.envelope.message_ids[original], name, raw)
        if command_status == 0:
            pool.throttle.on_ok(now_s)
            self._journal.step(_ANSWERED, job.envelope, original, name, 0, took_ms, said)
            self._settle(queue, job, index, said)
            return
        self._journal.step(_ANSWERED, job.envelope, original, name, command_status, took_ms)
        self._refused(queue, job, index, command_status, said, now_s)

    def unknown(self, queue: CarrierQueue, flight: Flight, why: str) -> None:
        """A segment was written and has no answer: resend, here or elsewhere, or report, by the message's class.

        A carrier may deliver each time and never answer, so resending ends after ``retry_attempts`` for each segment.
        """
        job, index = flight.job, flight.index
        if flight.is_over:  # its patience was over before, and the message has gone elsewhere
            return
        flight.is_over = True
        envelope = job.envelope
        policy = queue.pool.settings.failover
        self._context.metrics.carrier(queue.name).response_timeouts += 1
        self._context.health.answered(queue.name, policy, None)
        if policy.on_timeout and self._goes_elsewhere(queue, job, why):
            return
        job.taken = True
        resends = self._context.settings.uncertain[envelope.message_class] == RESEND
        if resends and envelope.attempts < queue.pool.settings.retry_attempts * len(job.pdus):
            envelope.attempts += 1
            self._count_uncertain(queue, "resent")
            queue.send_again(job, index)
            return
        self._count_uncertain(queue, "reported")
        report = Report(int(MessageState.UNKNOWN), "000", self._context.clock.now_ms())
        self._fail(queue, job, index, report, Step.UNKNOWN, why)

    def _goes_elsewhere(self, queue: CarrierQueue, job: Job, why: str) -> bool:
        """A message of one segment that may be sent twice goes to another carrier, if one is up."""
        if len(job.pdus) > 1 or self._context.settings.uncertain[job.envelope.message_class] != RESEND:
            return False
        if not self.reroute(queue, job, why, only_up=True, tried=True, cause="timeout"):
            return False
        self._count_uncertain(queue, "resent")
        return True

    def _overdue(self, queue: CarrierQueue, flight: Flight, patience_s: float) -> None:
        """The class's patience is over, the carrier's time to answer is not."""
        if flight.is_over:
            return
        # Before it moves, or the answer that comes meanwhile would find it at two places.
        flight.is_over = True
        if not self._goes_elsewhere(queue, flight.job, f"no answer within {patience_s:g} s"):
            flight.is_over = False
            return
        self._context.metrics.carrier(queue.name).response_timeouts += 1
        self._context.health.answered(queue.name, queue.pool.settings.failover, None)

    def _late(self, queue: CarrierQueue, flight: Flight, command_status: int, carrier_message_id: str) -> None:
        """An answer to a message that has gone elsewhere: its receipts are known, and not passed on."""
        job = flight.job
        envelope = job.envelope
        original = job.original(flight.index)
        self._journal.step(_ANSWERED, envelope, original, queue.name, command_status, 0, carrier_message_id, "late")
        if command_status or not carrier_message_id:
            return
        self._context.keeping.late(queue, job, flight.index, carrier_message_id)

    def reroute(
        self,
        queue: CarrierQueue,
        job: Job,
        why: str,
        only_up: bool = False,
        tried: bool | None = None,
        cause: str = "other",
    ) -> bool:
        """Move the whole message to the next carrier of its route, see ``Moves.move``; False when there is none."""
        return self.moves.move(queue.name, job, why, only_up, tried, cause)

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
            if not reply.early or not isinstance(context, str | Taken):
                continue
            carrier, province = context if isinstance(context, Taken) else (context, "")
            for early in reply.early:
                self._context.metrics.carrier(carrier).receipts_early += 1
                if early.result is not None and early.result.outcome == MATCHED:
                    self._early(carrier, province, early.result, unpack_report(early.blob))

    # -- inside

    def _count_uncertain(self, queue: CarrierQueue, outcome: str) -> None:
        """A message that was written and never answered: sent once more, or reported unknown."""
        self._context.metrics.carrier(queue.name).uncertain[outcome] += 1

    def _early(self, carrier: str, province: str, result: Correlated, report: Report) -> None:
        """The row that ``receipts`` could not give a message id when the receipt came."""
        if result.origin:
            self._learning.failed(result.account, result.message_id, carrier, result.origin, report)
        elif report.message_state == _DELIVERED:
            self._learning.arrived(carrier, result.message_id, province)
        self._context.carrier_ids.matched(carrier)
        state, err = report.message_state, report.err
        for message_id in result.told or (result.message_id,):
            self._journal.plain(
                int(Step.RECEIPT), message_id, result.account, carrier, "", 0, 0, state, err, "", "early"
            )

    def _settle(self, queue: CarrierQueue, job: Job, index: int, carrier_message_id: str) -> None:
        job.taken = True
        if job.aside:
            # Others of its segments were refused: they end here, for the whole can't move any more.
            job.todo, job.aside = sorted((*job.todo, *job.aside)), ()
            self._fail_rest(queue, job, self._undelivered("000"), Step.FAILED, "others of its segments were taken")
        job.open_segments -= 1
        if carrier_message_id:
            self._context.keeping.taken(queue, job, index, carrier_message_id, self._context.clock.now_ms())
            return
        # ROK without an id is seen: the message is out, but its receipt can't be recognised.
        self._context.log("carrier.empty_message_id", {"carrier": queue.name})
        if job.open_segments == 0:
            self._context.settlement.done(queue.name, job.stream, job.entry_id, job.states)

    def _refused(self, queue: CarrierQueue, job: Job, index: int, command_status: int, said: str, now_s: float) -> None:
        """The carrier answered with an error; ``said``: what it wrote besides, which may be a code of its own."""
        policy = queue.pool.settings.failover
        code_class = policy.codes.of_answer(command_status, said)
        if code_class is not None:
            codes = (said[:MAX_ERR_CHARACTERS], f"0x{command_status:08X}")
            self._learning.refused(queue.name, policy, job.envelope, codes, code_class)
        action = policy.statuses.action(command_status, code_class)
        counters = self._context.metrics.carrier(queue.name)
        if action is Action.RETRY_LINK:
            counters.throttled += 1
            queue.pool.throttle.on_throttled(now_s)
            queue.send_again(job, index)
            return
        why = f"carrier answered 0x{command_status:08X}" + (f" {code_class.value}" if code_class is not None else "")
        if action is Action.RETRY and job.envelope.attempts < queue.pool.settings.retry_attempts:
            counters.mt_retried += 1
            self._retry_later(queue, job, index, why)
            return
        refusal = Refused(action, why, f"{command_status % 1000:03d}", code_class is CodeClass.PORTED)
        if action is Action.REJECT or job.taken:
            job.taken = True  # what was told of can't move any more, nor can the rest of it
            self._fail(queue, job, index, self._undelivered(refusal.err), Step.FAILED, why)
            return
        # It may go elsewhere as a whole, once every segment that was sent has been refused.
        job.aside += (index, *job.todo)
        job.todo = []
        if job.open_segments == len(job.aside):
            self._all_refused(queue, job, refusal)

    def _all_refused(self, queue: CarrierQueue, job: Job, refusal: Refused) -> None:
        """Nothing of the message is at the carrier: it goes elsewhere, or waits, as a whole."""
        job.todo, job.aside = sorted(job.aside), ()
        if refusal.action is Action.HOLD:
            now_ms = self._context.clock.now_ms()
            job.envelope.due_ms = queue.pool.settings.failover.opens_ms(now_ms, self._context.settings.zone)
            self._hold(job, job.envelope.due_ms, Step.HELD, job.envelope.due_ms, refusal.why)
            return
        if refusal.is_ported:
            self.moves.route_again(job.envelope)
        if not self.reroute(queue, job, refusal.why, cause="code"):
            self._fail_rest(queue, job, self._undelivered(refusal.err), Step.FAILED, refusal.why)

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

    def put_off(self, job: Job, delay_s: float) -> None:
        """Its account is over its rate with the carrier: it comes back when it is its turn, or to expire."""
        envelope = job.envelope
        envelope.flags |= HAS_TURN
        due_ms = min(self._context.clock.after_ms(delay_s), envelope.expires_at_ms or sys.maxsize)
        self._hold(job, due_ms, Step.HELD, due_ms, "rate of the account")

    def _hold(self, job: Job, due_ms: int, step: Step, *detail: object) -> None:
        envelope = job.envelope
        self._journal.step(int(step), envelope, 0, "", 0, 0, *detail)
        blob = self._context.store.sealer.seal(envelope.pack())
        self._context.settlement.hold(None, job.stream, job.entry_id, due_ms, envelope.message_ids[0], blob)


class Refused(NamedTuple):
    """What a carrier's refusal means; ``err`` as a receipt of ours says it."""

    action: Action
    why: str
    err: str
    is_ported: bool = False
