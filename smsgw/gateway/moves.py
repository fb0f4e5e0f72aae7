"""Moving a whole message to another carrier of its route: which one, whether its text suits it, and the telling.

Owns: the choice among those that have not had it, the second judgement where carriers want another place for the
signature or other phrases, and what is counted and told of each move. Ends the stream entry by appending the message
to the other carrier's stream, in one step. Never moves a message of which a part may be at the carrier.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from smsgw.gateway.journal import Journal
from smsgw.gateway.views import view_of, whole_text
from smsgw.policy.model import Draft, MessageClass
from smsgw.records.record import Step
from smsgw.store.envelope import INTERNAL, Envelope
from smsgw.store.keys import mt_suffix
from smsgw.telemetry.repeats import Repeats

if TYPE_CHECKING:
    from smsgw.gateway.choice import Suits
    from smsgw.gateway.context import Context
    from smsgw.gateway.lanes import Job

_REROUTED = int(Step.REROUTED)
#: The same switch is told at once, and then summed up this often.
TELL_EACH_S = 30.0


class Moves:
    """One for all carriers. ``cause`` is a short word for metrics: what made the message move."""

    def __init__(self, context: Context, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._journal = Journal(context)
        self._monotonic_s = monotonic_s
        self._repeats = Repeats(TELL_EACH_S)

    def move(
        self, carrier: str, job: Job, why: str, only_up: bool = False, tried: bool | None = None, cause: str = "other"
    ) -> bool:
        """Move a message that waits for ``carrier`` to the next one of its route; False when there is none.

        ``tried``: the carrier has had it, so it won't come back to it; unless said, so where the other may be down.
        """
        envelope = job.envelope
        target = self.target(envelope, carrier, only_up)
        if target is None:
            return False
        if tried if tried is not None else not only_up:
            envelope.tried = [*envelope.tried, carrier]
        self.told(envelope, carrier, target, why, cause)
        blob = self._context.store.sealer.seal(envelope.pack())
        self._context.settlement.move(None, job.stream, job.entry_id, mt_suffix(target, job.lane), blob)
        return True

    def move_to(self, carrier: str, job: Job, target: str, why: str) -> bool:
        """Move it to one carrier of its route that staff chose; False where that is none or does not take its text."""
        envelope = job.envelope
        suits = self.suits(envelope, carrier)
        if target not in envelope.carriers or not self._context.choice.allowed(target):
            return False
        if suits is not None and not suits(target):
            return False
        self.told(envelope, carrier, target, why, "order")
        blob = self._context.store.sealer.seal(envelope.pack())
        self._context.settlement.move(None, job.stream, job.entry_id, mt_suffix(target, job.lane), blob)
        return True

    def target(self, envelope: Envelope, carrier: str, only_up: bool = False) -> str | None:
        """The next carrier for a message of ``carrier``; None when there is none."""
        had = (*envelope.tried, carrier)
        suits = self.suits(envelope, carrier)
        choice = self._context.choice
        if envelope.message_class == MessageClass.OTP:
            in_time = choice.next_in_time(envelope.carriers, had, envelope.province, suits)
            if in_time is not None:
                return in_time
        return choice.next(envelope.carriers, had, only_up, envelope.province, suits)

    def suits(self, envelope: Envelope, carrier: str) -> Suits | None:
        """Asks of other carriers whether they take a text that ``carrier`` takes; None: nothing to ask."""
        rules = self._context.rules.get(envelope.account)
        if rules is None or envelope.flags & INTERNAL:
            return None
        other_carrier = rules.rules.other_carrier
        if not other_carrier.any_differ:
            return None

        def suits(name: str) -> bool:
            return other_carrier.suits(
                envelope.message_class,
                self._context.clock.now_ms(),
                envelope.signature,
                lambda: whole_text([view_of(pdu) for pdu in envelope.pdus]),
                carrier,
                name,
            )

        return suits

    def route_again(self, envelope: Envelope) -> None:
        """Its recipient turned out to be of another network: the carriers are those of today's route."""
        draft = self.routed(envelope)
        if draft is not None and draft.route is not None:
            envelope.carriers, envelope.route = list(draft.carriers), draft.route.name
            envelope.network = draft.network

    def routed(self, envelope: Envelope) -> Draft | None:
        """An accepted message as routes see it, with the one that it takes today; None without rules or route."""
        rules = self._context.rules.get(envelope.account)
        if rules is None:
            return None
        text = whole_text([view_of(pdu) for pdu in envelope.pdus])
        draft = Draft(
            envelope.account, envelope.message_class, envelope.source_addr, envelope.recipient, text,
            envelope.segments, self._context.clock.now_ms(),
        )  # fmt: skip
        draft.signature = envelope.signature or None
        if envelope.template:
            draft.template = self._context.registers.templates.get(envelope.template)
        return draft if rules.rules.route(draft) is not None else None

    def told(self, envelope: Envelope, carrier: str, target: str, why: str, cause: str) -> None:
        """Count and tell a move, and make the message ready for the other carrier."""
        envelope.attempts = 0
        envelope.looked_at_ms = -1  # so that the store is asked again: the other carrier has a blacklist of its own
        counters = self._context.metrics.carrier(carrier)
        counters.mt_rerouted += 1
        counters.switched[cause] += 1
        self._journal.step(_REROUTED, envelope, 0, target, 0, 0, carrier, why)
        telling = self._repeats.seen((carrier, target, cause), self._monotonic_s())
        if telling is not None:
            self._tell(carrier, target, cause, why, telling.again + 1)

    def tick(self) -> None:
        """Now and then: what went on untold is summed up."""
        for key, telling in self._repeats.due(self._monotonic_s()):
            carrier, target, cause = cast("tuple[str, str, str]", key)
            self._tell(carrier, target, cause, "", telling.again)

    def _tell(self, carrier: str, target: str, cause: str, why: str, messages: int) -> None:
        fields: dict[str, object] = {"carrier": carrier, "to": target, "cause": cause, "messages": messages}
        if why:
            fields["why"] = why
        self._context.log("carrier.switched", fields)
