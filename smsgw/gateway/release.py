"""The held set's mover: what is due is judged again and goes on, exactly once; what is parked, when it may.

A message is held because its window was closed, its schedule is later, a carrier said "not now", a person had to look
at it, or a pause stopped it. When it is due the rules that may have changed are asked again here (of those that read
its text: words and contacts), and what is known of the recipient in the script that moves it; caps were counted when
it was accepted and are not counted again. Only the mover that still finds the entry as it read it moves it. What ends
here is claimed first, so that of several processes one reports it; its receipts are durable before it is taken out
for good. Lots whose pause is over are let go in order, at a rate for the whole fleet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from smsgw.beats import beat
from smsgw.errors import StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.last_look import late_refusal
from smsgw.gateway.outcomes import Outcomes
from smsgw.gateway.reports import Report
from smsgw.gateway.views import view_of, whole_text
from smsgw.policy.model import Reason, Refusal
from smsgw.policy.reasons import ACCOUNT_DISABLED, PAUSED, ROUTE_NONE, WORDS_COMPANY
from smsgw.records.record import Step
from smsgw.smpp.constants import MessageState
from smsgw.store.envelope import ENDING, INTERNAL, REVIEW_REJECTED, REVIEWED, Envelope
from smsgw.store.held import DONE, FORBIDDEN, FULL, NO_CONSENT, HeldMessage, ReleaseReply
from smsgw.store.keys import mt_suffix
from smsgw.store.parked import LOT_REVIEW, lot_of_pause
from smsgw.store.recipients import fact_carrier

if TYPE_CHECKING:
    from smsgw.gateway.account_rules import AccountRules
    from smsgw.gateway.context import Context

PERIOD_S = 0.5
BATCH = 500
#: A message whose carrier's queue is full is due again after this.
FULL_RETRY_S = 5.0
#: Whoever ends a message has so long for its receipts; then it is due again, for anybody.
CLAIM_S = 60.0
#: True when a message has ended and its receipts are durable, False when it was not held any more as it was read.
Ended: TypeAlias = Callable[["bool | StoreError"], None]


class _Moving(NamedTuple):
    """A held message that was handed to the store's release script."""

    held: HeldMessage
    envelope: Envelope
    target: str
    ended: Ended | None = None


class Ending(NamedTuple):
    """A held message that is being claimed, to be reported and taken out."""

    held: HeldMessage
    envelope: Envelope
    report: Report
    step: Step
    why: str
    ended: Ended | None


def end_once(
    context: Context,
    held: HeldMessage,
    envelope: Envelope,
    report: Report,
    step: Step,
    why: str,
    ended: Ended | None = None,
) -> None:
    """End a message that is still held as it was read; ``Releaser.moved`` hears of it and does the rest."""
    envelope.flags |= ENDING
    due_ms = context.clock.after_ms(CLAIM_S)
    claimed = held._replace(due_ms=due_ms, blob=context.store.sealer.seal(envelope.pack()))
    context.held.hold(Ending(claimed, envelope, report, step, why, ended), held, due_ms, claimed.blob)


class Releaser:
    """``run`` belongs in the application's task group."""

    def __init__(self, context: Context, outcomes: Outcomes) -> None:
        self._context = context
        self._outcomes = outcomes
        self._journal = Journal(context)
        #: What is being moved is due until it has been; it must not be taken up a second time meanwhile.
        self._busy: set[str] = set()
        self._lots: set[str] = set()

    async def run(self) -> None:
        """Move what is due, and let go of what no pause stops any more, until cancelled."""
        while True:
            try:
                for partition in range(self._context.store.partitions):
                    await self._let_go(partition)
                    await self._release(partition)
                self._context.parked_counts = {lot: await self._context.parked.count(lot) for lot in self._lots}
            except StoreError as error:
                self._context.log("store.away", {"while": "releasing held messages", "why": str(error)})
            await beat(PERIOD_S)

    def moved(self, contexts: list[object], replies: list[ReleaseReply] | StoreError) -> None:
        """Called once for each batch of the store's release script."""
        for number, context in enumerate(contexts):
            if context is None:
                continue  # moved to another time by replace_sm, which waits for no reply
            if isinstance(context, Ending):
                self._claimed(context, replies if isinstance(replies, StoreError) else replies[number])
                continue
            moving = cast(_Moving, context)
            self._busy.discard(moving.held.held_id)
            if moving.ended is not None:
                moving.ended(True)
            if isinstance(replies, StoreError):
                continue
            reply = replies[number]
            if reply.code == DONE and moving.target:
                self._journal.step(int(Step.RELEASED), moving.envelope, 0, moving.target)
            elif reply.code == FORBIDDEN and reply.fact == fact_carrier(moving.target) and self._goes_elsewhere(moving):
                continue
            elif reply.code in (FORBIDDEN, NO_CONSENT):
                refusal = late_refusal(reply.code, reply.fact)
                self._refuse(moving.held, moving.envelope, refusal.reason, self._context.clock.now_ms())
            elif reply.code == FULL:
                self._context.log("held.queue_full", {"carrier": moving.target})
                # Out of the way of what is due for other carriers.
                later_ms = self._context.clock.after_ms(FULL_RETRY_S)
                self._context.held.hold(None, moving.held, later_ms)

    # -- inside

    async def _release(self, partition: int) -> None:
        now_ms = self._context.clock.now_ms()
        for held in await self._context.held.due(partition, now_ms, BATCH):
            if held.held_id in self._busy:
                continue
            self._busy.add(held.held_id)
            try:
                envelope = Envelope.unpack(self._context.store.sealer.open(held.blob))
            except StoreError as error:
                # It stays, and is not tried again in this life: its key may come back with the next one.
                self._context.log("held.unreadable", {"message_id": held.held_id, "why": str(error)})
                continue
            envelope.flags &= ~ENDING
            self._judge(held, envelope, now_ms)

    def _judge(self, held: HeldMessage, envelope: Envelope, now_ms: int) -> None:
        context = self._context
        if envelope.expires_at_ms and now_ms >= envelope.expires_at_ms:
            self._end(
                held, envelope, Report(int(MessageState.EXPIRED), "000", now_ms), Step.EXPIRED, "validity is over"
            )
            return
        if self._is_parked_again(held, envelope, now_ms):
            return
        rules = None if envelope.flags & INTERNAL else context.rules.get(envelope.account)
        if rules is None and not envelope.flags & INTERNAL:
            self._refuse(held, envelope, ACCOUNT_DISABLED, now_ms)
            return
        target = self._target(envelope)
        if not target:
            self._refuse(held, envelope, ROUTE_NONE, now_ms)
            return
        if not context.is_open(target):
            self._park(held, envelope, lot_of_pause(f"carrier:{target}"), PAUSED.rule_id)
            return
        if rules is not None and self._is_stopped(held, envelope, rules, target, now_ms):
            return
        envelope.due_ms = 0
        envelope.lot = ""
        envelope.looked_at_ms = now_ms
        context.held.send(
            _Moving(held, envelope, target),
            held,
            mt_suffix(target, envelope.lane_or_class),
            context.store.sealer.seal(envelope.pack()),
            context.store.recipients.hash(envelope.recipient),
            rules.facts(envelope.signature, envelope.message_class, target) if rules is not None else (),
            context.settings.queue_limit,
            now_ms,
        )

    def _is_stopped(self, held: HeldMessage, envelope: Envelope, rules: AccountRules, target: str, now_ms: int) -> bool:
        """The rules that need no text: True when the message goes no further now."""
        outcome = rules.rules.judge_again(
            envelope.message_class,
            now_ms,
            envelope.recipient,
            envelope.signature,
            envelope.template,
            envelope.campaign,
            (target,),
        )
        if isinstance(outcome, Refusal):
            self._refuse(held, envelope, outcome.reason, now_ms)
        elif outcome is not None:
            self._hold(held, envelope, outcome.until_ms, outcome.reason.rule_id)
        return outcome is not None or self._is_text_stopped(held, envelope, rules, now_ms)

    def _is_text_stopped(self, held: HeldMessage, envelope: Envelope, rules: AccountRules, now_ms: int) -> bool:
        """Words and contacts as they are listed now; what a person has let pass stays let pass."""
        text = whole_text([view_of(pdu) for pdu in envelope.pdus])
        refusal, review = rules.rules.text_again(envelope.message_class, now_ms, text)
        if refusal is not None:
            self._refuse(held, envelope, refusal.reason, now_ms)
            return True
        if review and not envelope.flags & REVIEWED:
            envelope.note = review
            self._park(held, envelope, LOT_REVIEW, review)
            return True
        return False

    def _is_parked_again(self, held: HeldMessage, envelope: Envelope, now_ms: int) -> bool:
        """What a person decided, and pauses: True when the message goes no further now."""
        if envelope.flags & REVIEW_REJECTED:
            self._journal.step(int(Step.REVIEWED), envelope, 0, "", 0, 0, "rejected", envelope.note)
            self._refuse(held, envelope, WORDS_COMPANY, now_ms)
            return True
        if envelope.lot == LOT_REVIEW:
            if not envelope.flags & REVIEWED:
                self._park(held, envelope, LOT_REVIEW, "")
                return True
            self._journal.step(int(Step.REVIEWED), envelope, 0, "", 0, 0, "released", envelope.note)
            envelope.lot = ""
            if envelope.due_ms > now_ms:  # a person was quicker than its schedule
                self._hold(held, envelope, envelope.due_ms, "")
                return True
        pause = self._context.pause_of(envelope, "")
        if pause is not None:
            self._park(held, envelope, lot_of_pause(pause.scope), pause.reason)
        return pause is not None

    def _park(self, held: HeldMessage, envelope: Envelope, lot: str, why: str) -> None:
        context = self._context
        envelope.lot = lot
        self._journal.step(int(Step.PARKED), envelope, 0, "", 0, 0, lot, why)
        context.held.park(
            _Moving(held, envelope, ""),
            held,
            lot,
            envelope.accepted_at_ms,
            envelope.expires_at_ms,
            context.store.sealer.seal(envelope.pack()),
        )

    def _hold(self, held: HeldMessage, envelope: Envelope, until_ms: int, why: str) -> None:
        """Until its window opens or its schedule comes; with its lot forgotten, for it may have been parked."""
        envelope.lot = ""
        self._journal.step(int(Step.HELD), envelope, 0, "", 0, 0, until_ms, why)
        blob = self._context.store.sealer.seal(envelope.pack())
        self._context.held.hold(_Moving(held, envelope, ""), held, until_ms, blob)

    async def _let_go(self, partition: int) -> None:
        """Lots whose pause is over; every process does it, at one rate for all."""
        context = self._context
        lots = await context.parked.lots(partition)
        self._lots = {*lots, *(() if partition == 0 else self._lots)}
        for lot in lots:
            what, _, scope = lot.partition(":")
            now_ms = context.clock.now_ms()
            if what == "pause" and context.registers.pauses.of(scope, now_ms) is None:
                await context.parked.unpark(partition, lot, now_ms, context.settings.resume_rate_per_s)

    def _target(self, envelope: Envelope) -> str:
        """The carrier to send it over; empty when those of its route are gone and no route is left."""
        context = self._context
        carriers = [name for name in envelope.carriers if name in context.pools]
        if not carriers:
            draft = self._outcomes.moves.routed(envelope)
            if draft is None or draft.route is None:
                return ""
            carriers = envelope.carriers = list(draft.carriers)
            envelope.tried, envelope.route = [], draft.route.name
        suits = self._outcomes.moves.suits(envelope, carriers[0])
        target = context.choice.next(carriers, envelope.tried, False, envelope.province, suits)
        return target or context.choice.first(carriers, envelope.province, suits)

    def _goes_elsewhere(self, moving: _Moving) -> bool:
        """Only the carrier has the recipient on its blacklist: judged again for the next one of its route."""
        envelope, had = moving.envelope, [*moving.envelope.tried, moving.target]
        suits = self._outcomes.moves.suits(envelope, moving.target)
        if self._context.choice.next(envelope.carriers, had, False, envelope.province, suits) is None:
            return False
        envelope.tried = had
        self._busy.add(moving.held.held_id)
        self._judge(moving.held, envelope, self._context.clock.now_ms())
        return True

    def _refuse(self, held: HeldMessage, envelope: Envelope, reason: Reason, now_ms: int) -> None:
        report = Report(int(MessageState.REJECTED), reason.receipt_err, now_ms)
        self._end(held, envelope, report, Step.REFUSED, reason.rule_id)

    def _end(self, held: HeldMessage, envelope: Envelope, report: Report, step: Step, why: str) -> None:
        self._busy.add(held.held_id)
        end_once(self._context, held, envelope, report, step, why)

    def _claimed(self, ending: Ending, reply: ReleaseReply | StoreError) -> None:
        held, envelope = ending.held, ending.envelope
        self._busy.discard(held.held_id)
        if isinstance(reply, StoreError) or reply.code != DONE:
            if ending.ended is not None:  # else somebody else was quicker, and does it
                ending.ended(reply if isinstance(reply, StoreError) else False)
            return
        self._busy.add(held.held_id)
        states = self._outcomes.states(envelope, ending.report)

        def durable() -> None:
            self._context.held.end(_Moving(held, envelope, "", ending.ended), held, states)

        self._outcomes.end_held(envelope, ending.report, ending.step, ending.why, durable)
