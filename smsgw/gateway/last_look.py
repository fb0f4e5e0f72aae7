"""The last look: may a message be sent at this moment? If not, it is parked, held, moved or reported here.

Owns: what is asked of every message before each write to a carrier: validity, pauses, the rules that need no text,
and, when the last look is some time ago, what the store knows of its recipient. A pause stops what waits in memory as
well as what waits in the store: it is parked in the pause's lot. Never sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from smsgw.errors import StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.refuser import fact_refusal
from smsgw.policy.model import Hold, Refusal
from smsgw.policy.reasons import ACCOUNT_DISABLED, CONSENT, PAUSED
from smsgw.records.record import Step
from smsgw.store.envelope import INTERNAL
from smsgw.store.looks import MAY_BE_SENT, NO_CONSENT, LookReply
from smsgw.store.parked import lot_of_pause
from smsgw.store.recipients import fact_carrier

if TYPE_CHECKING:
    from smsgw.gateway.context import Context
    from smsgw.gateway.dispatch import CarrierQueue
    from smsgw.gateway.lanes import Job
    from smsgw.gateway.outcomes import Outcomes
    from smsgw.policy.pipeline import Rules


class Turn:
    """What is alike for all messages that one turn of the loop looks at: nothing is registered meanwhile."""

    __slots__ = ("free", "now_ms")

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        #: (account, class, signature, template, campaign) of messages that no rule stops, whoever gets them.
        self.free: set[tuple[str, int, str, str, str]] = set()


class LastLook:
    """One for all carriers."""

    def __init__(self, context: Context, outcomes: Outcomes) -> None:
        self._context = context
        self._outcomes = outcomes
        self._journal = Journal(context)

    def stops(self, queue: CarrierQueue, job: Job, turn: Turn) -> bool:
        """True when the message must not be sent now; it is being taken care of.

        The hours are asked in every turn, for a closed window binds everybody; the store when the last look is some
        seconds old. Of a message of which segments are at the carrier the rest ends here when it may not go on.
        """
        context, envelope, now_ms = self._context, job.envelope, turn.now_ms
        if envelope.expires_at_ms and now_ms >= envelope.expires_at_ms and self._outcomes.is_over(queue, job):
            return True
        if context.registers.pauses.any and self._is_paused(queue, job):
            return True
        if context.health.troubled and job.is_whole and self.leaves(queue, job):
            return True
        if envelope.flags & INTERNAL:
            return False
        rules = context.rules.get(envelope.account)
        if rules is None:
            self._outcomes.refuse_late(queue, job, Refusal(ACCOUNT_DISABLED, "the account was removed", None))
            return True
        scope = envelope.account, envelope.message_class, envelope.signature, envelope.template, envelope.campaign
        if scope not in turn.free and self._is_forbidden(queue, job, rules.rules, scope, turn):
            return True
        if not job.is_whole or abs(now_ms - envelope.looked_at_ms) <= context.settings.look_again_s * 1000:
            return False
        facts = rules.facts(envelope.signature, envelope.message_class, queue.name)
        if not facts:
            return False
        context.looks.put((queue, job), context.store.recipients.hash(envelope.recipient), facts, now_ms)
        return True

    def looked(self, items: list[object], replies: list[LookReply] | StoreError) -> None:
        """Called once for each batch of looks into the store."""
        for number, item in enumerate(items):
            queue, job = cast("tuple[CarrierQueue, Job]", item)
            if not isinstance(replies, StoreError):
                reply = replies[number]
                if reply.code != MAY_BE_SENT:
                    if not self._is_blacklisted_here(queue, job, reply.fact):
                        self._outcomes.refuse_late(queue, job, late_refusal(reply.code, reply.fact))
                    continue
                job.envelope.looked_at_ms = self._context.clock.now_ms()
            queue.put_back(job)
            queue.pump_soon()

    def leaves(self, queue: CarrierQueue, job: Job) -> bool:
        """Its province is off this carrier, or the carrier answers slowly; and another carrier is usable."""
        envelope = job.envelope
        health = self._context.health
        if not health.is_open(queue.name, envelope.province):
            return False
        why = health.why_not(queue.name, envelope.province)
        return self._outcomes.reroute(queue, job, why, only_up=True, cause="breaker")

    # -- inside

    def _is_forbidden(
        self, queue: CarrierQueue, job: Job, rules: Rules, scope: tuple[str, int, str, str, str], turn: Turn
    ) -> bool:
        _, message_class, signature, template, campaign = scope
        if rules.lets_all_again(message_class, turn.now_ms, signature, template, campaign):
            turn.free.add(scope)
            return False
        outcome = rules.judge_again(
            message_class, turn.now_ms, job.envelope.recipient, signature, template, campaign, (queue.name,)
        )
        if outcome is not None:
            self._forbidden(queue, job, outcome)
        return outcome is not None

    def _forbidden(self, queue: CarrierQueue, job: Job, outcome: Refusal | Hold) -> None:
        if not job.is_whole:
            job.queued = False
            self._outcomes.refuse_late(queue, job, Refusal(outcome.reason, "for the rest of the message", None))
        elif isinstance(outcome, Hold):
            self._outcomes.hold_until(job, outcome)
        else:
            self._outcomes.refuse_late(queue, job, outcome)

    def _is_blacklisted_here(self, queue: CarrierQueue, job: Job, fact: str) -> bool:
        """Only this carrier has the recipient on its blacklist, and another one may take the message."""
        if fact != fact_carrier(queue.name):
            return False
        return self._outcomes.reroute(queue, job, "the carrier has blacklisted the recipient", cause="blacklist")

    def _is_paused(self, queue: CarrierQueue, job: Job) -> bool:
        context, envelope = self._context, job.envelope
        pause = context.pause_of(envelope, "")
        if pause is None:
            if context.is_open(queue.name):
                return False
            if job.is_whole and self._outcomes.reroute(
                queue, job, "the carrier is paused", tried=False, cause="paused"
            ):
                return True
            pause = context.pause_of(envelope, queue.name)
            if pause is None:  # its end came between two looks at the clock
                return False
        if not job.is_whole:
            job.queued = False
            self._outcomes.refuse_late(queue, job, Refusal(PAUSED, "for the rest of the message", None))
            return True
        envelope.lot = lot_of_pause(pause.scope)
        self._journal.step(int(Step.PARKED), envelope, 0, "", 0, 0, envelope.lot, pause.reason)
        context.settlement.park(
            None,
            job.stream,
            job.entry_id,
            envelope.lot,
            envelope.accepted_at_ms,
            envelope.expires_at_ms,
            envelope.message_ids[0],
            context.store.sealer.seal(envelope.pack()),
        )
        return True


def late_refusal(code: int, fact: str) -> Refusal:
    """What a look into the store, or its release script, found against a message that was accepted earlier."""
    if code == NO_CONSENT:
        return Refusal(CONSENT, "since it was accepted")
    return fact_refusal(fact)
