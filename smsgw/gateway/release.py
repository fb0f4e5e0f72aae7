"""The held set's mover: what is due is judged again and goes on, exactly once.

A message is held because its window was closed, its schedule is later, or a carrier said "not now". When
it is due the hours are asked again here and the opt-outs in the script that moves it; caps were counted
when it was accepted and are not counted again. Only the mover that still finds the entry as it read it
moves it. Receipts of ours are durable before a message is taken out for good.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, cast

from smsgw.errors import StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.outcomes import Outcomes
from smsgw.gateway.reports import Report
from smsgw.policy.model import Hold, Refusal
from smsgw.policy.reasons import OPTOUT
from smsgw.records.record import Step
from smsgw.smpp.constants import MessageState
from smsgw.store.envelope import INTERNAL, Envelope
from smsgw.store.held import DONE, FULL, OPTED_OUT, HeldMessage, ReleaseReply
from smsgw.store.keys import mt_suffix

if TYPE_CHECKING:
    from smsgw.gateway.context import Context

PERIOD_S = 0.5
BATCH = 500


class _Moving(NamedTuple):
    """A held message that was handed to the store's release script."""

    held: HeldMessage
    envelope: Envelope
    target: str


class Releaser:
    """``run`` belongs in the application's task group."""

    def __init__(self, context: Context, outcomes: Outcomes) -> None:
        self._context = context
        self._outcomes = outcomes
        self._journal = Journal(context)
        #: What is being moved is due until it has been; it must not be taken up a second time meanwhile.
        self._busy: set[str] = set()

    async def run(self) -> None:
        """Move what is due, until cancelled."""
        while True:
            try:
                for partition in range(self._context.store.partitions):
                    await self._release(partition)
            except StoreError as error:
                self._context.log("store.away", {"while": "releasing held messages", "why": str(error)})
            await asyncio.sleep(PERIOD_S)

    def moved(self, contexts: list[object], replies: list[ReleaseReply] | StoreError) -> None:
        """Called once for each batch of the store's release script."""
        for number, context in enumerate(contexts):
            if context is None:
                continue  # moved to another time by replace_sm, which waits for no reply
            moving = cast(_Moving, context)
            self._busy.discard(moving.held.held_id)
            if isinstance(replies, StoreError):
                continue
            reply = replies[number]
            if reply.code == DONE and moving.target:
                self._journal.step(int(Step.RELEASED), moving.envelope, 0, moving.target)
            elif reply.code == OPTED_OUT:
                report = _rejected(OPTOUT.receipt_err, self._context.clock.now_ms())
                self._outcomes.end_held(moving.envelope, report, Step.REFUSED, OPTOUT.rule_id, lambda: None)
            elif reply.code == FULL:
                self._context.log("held.queue_full", {"carrier": moving.target})

    # -- inside

    async def _release(self, partition: int) -> None:
        now_ms = self._context.clock.now_ms()
        for held in await self._context.held.due(partition, now_ms, BATCH):
            if held.held_id in self._busy:
                continue
            self._busy.add(held.held_id)
            self._judge(held, Envelope.unpack(self._context.store.sealer.open(held.blob)), now_ms)

    def _judge(self, held: HeldMessage, envelope: Envelope, now_ms: int) -> None:
        context = self._context
        if envelope.expires_at_ms and now_ms >= envelope.expires_at_ms:
            self._end(
                held, envelope, Report(int(MessageState.EXPIRED), "000", now_ms), Step.EXPIRED, "validity is over"
            )
            return
        rules = None if envelope.flags & INTERNAL else context.rules.get(envelope.account)
        outcome = rules.rules.judge_time(envelope.message_class, now_ms) if rules is not None else None
        if isinstance(outcome, Refusal):
            report = _rejected(outcome.reason.receipt_err, now_ms)
            self._end(held, envelope, report, Step.REFUSED, outcome.reason.rule_id)
            return
        if isinstance(outcome, Hold):
            self._journal.step(int(Step.HELD), envelope, 0, "", 0, 0, outcome.until_ms, outcome.reason.rule_id)
            context.held.hold(_Moving(held, envelope, ""), held, outcome.until_ms)
            return
        envelope.due_ms = 0
        envelope.looked_at_ms = now_ms
        target = context.next_carrier(envelope.carriers, envelope.tried) or context.first_carrier(envelope.carriers)
        context.held.send(
            _Moving(held, envelope, target),
            held,
            mt_suffix(target, envelope.message_class),
            context.store.sealer.seal(envelope.pack()),
            context.store.recipients.hash(envelope.recipient),
            rules.facts(envelope.signature) if rules is not None else (),
            context.settings.queue_limit,
        )

    def _end(self, held: HeldMessage, envelope: Envelope, report: Report, step: Step, why: str) -> None:
        states = self._outcomes.states(envelope, report)

        def durable() -> None:
            self._context.held.end(_Moving(held, envelope, ""), held, states)

        self._outcomes.end_held(envelope, report, step, why, durable)


def _rejected(err: str, now_ms: int) -> Report:
    return Report(int(MessageState.REJECTED), err, now_ms)
