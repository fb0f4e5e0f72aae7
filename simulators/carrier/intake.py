"""A submit_sm (or data_sm) from its arrival to its receipts.

The plan of a message is made when it comes (``behaviour``), after the limits of the bind and the
account; this module carries it out. The usual message — answered at once, receipts after that —
takes no detour; everything odd goes through ``_unusual``. Responses wait in real time, receipts and
replies in business time.
"""

from __future__ import annotations

import time

from simulators.carrier.behaviour import Behaviour
from simulators.carrier.faults import malformed_pdu, unknown_pdu
from simulators.carrier.journal import Journal
from simulators.carrier.link import CarrierLink
from simulators.carrier.long import Reassembly, form_of, segment_of
from simulators.carrier.message import Message
from simulators.carrier.outbox import Delivery, Outbox
from simulators.carrier.plan import Connection, Parts, Plan, Step, Words
from simulators.carrier.rate import SILENCE, Limits
from simulators.carrier.settings import LONG_FORMS, CarrierSettings
from simulators.carrier.states import DELETED, EXPIRED
from simulators.carrier.stats import Stats
from simulators.clock import SimClock
from simulators.wheel import TimeWheel
from smsgw.smpp import pdu
from smsgw.smpp.pdu import DataSm, Sm
from smsgw.smpp.segments import count_segments
from smsgw.smpp.udh import Concat

_REPLY_AFTER_S = 0.1
#: What is answered after the next message waits no longer than this for one.
_OVERTAKEN_S = 0.1
#: Accepted messages that query_sm and cancel_sm still know: between one and two times as many.
_KEPT = 20_000
_FAILURES, _SUCCESSES = 2, 3

_pack = pdu.HEADER.pack


class Intake:
    """Takes messages in; owns their numbers and what is remembered of them."""

    def __init__(
        self,
        settings: CarrierSettings,
        behaviour: Behaviour,
        limits: Limits,
        outbox: Outbox,
        wheel: TimeWheel,
        real_wheel: TimeWheel,
        clock: SimClock,
        stats: Stats,
        journal: Journal | None,
    ) -> None:
        self._behaviour = behaviour
        self._limits = limits
        self._outbox = outbox
        self._wheel = wheel
        self._real_wheel = real_wheel
        # As the clock's, but in a jump the time at which a receipt was due.
        self._now_ms = wheel.now_ms
        self._clock_ms = clock.now_ms
        self._heard_s = self._wall_s = 0.0
        self._stats = stats
        self._journal = journal
        self._take_number = behaviour.numbers.take
        self._kept: dict[bytes, Message] = {}
        self._kept_before: dict[bytes, Message] = {}
        #: Who is answered after the next message of the connection.
        self._behind: dict[CarrierLink, Message] = {}
        self._long = Reassembly(wheel, self._expired)
        #: The messages received, oldest first; trimmed to about ``settings.record``.
        self.received: list[Message] = []
        #: How many of them were not kept.
        self.forgotten = 0
        #: Refuse every message with this status; 0 takes them.
        self.refuse_all = 0
        self.use(settings)

    def use(self, settings: CarrierSettings) -> None:
        """Go by these settings from now on; what came goes on as it was decided."""
        self._id_octets = settings.response_id.octets
        self._forms = None if settings.long_forms >= LONG_FORMS else settings.long_forms
        self._long_status = settings.long_status or SILENCE
        self._record = settings.record
        self._trim_at = 2 * settings.record or 1 << 62

    def reset(self) -> None:
        """Forget what came: what is not answered yet will be, but nothing of it is delivered any more."""
        for messages in (self.received, self._kept.values(), self._kept_before.values()):
            for message in messages:
                message.cancelled = True
        self.received.clear()
        self.forgotten = 0
        self._kept.clear()
        self._kept_before.clear()
        self._long.reset()

    def submit(self, link: CarrierLink, sm: Sm | DataSm, sequence_number: int, response_id: int, octets: int) -> None:
        """One well-formed message came on a bind that may submit."""
        link.unanswered += 1
        message = self.accept(link, sm, sequence_number, response_id, octets)
        plan = message.plan
        if plan.prompt and not self._behind:
            message.words = ()
            message.answered_s = message.real_s
            self._answer_plainly(message)
        elif plan.plain and not self._behind:
            wait_s = plan.wait.seconds(message.words)
            message.words = ()
            self._real_wheel.add(wait_s, self._plain_due, message)
        else:
            self._unusual(message)

    def accept(
        self, link: CarrierLink, sm: Sm | DataSm, sequence_number: int, response_id: int, octets: int
    ) -> Message:
        """Decide on one message and remember it; nothing is answered here."""
        account = link.account
        assert account is not None
        stats = self._stats
        stats.submitted(octets)
        heard_s = link.heard_s
        if heard_s != self._heard_s:  # all that came with one read came at one time
            self._heard_s = heard_s
            self._wall_s = self._clock_ms() / 1000
        wall_s = self._wall_s
        refused = self.refuse_all
        limits = self._limits
        if limits.active and not refused:
            segments = count_segments(sm.payload, sm.data_coding)
            refused = limits.over(link.unanswered, segments, limits.bucket_of(link, sm.source_addr), time.monotonic())
        nth = -1
        words: Words = ()
        if refused:
            plan = self._behaviour.refusal(refused)
        else:
            plan, nth, words = self._behaviour.decide(sm, account.system_id, wall_s)
            if self._forms is not None:
                plan = self._in_taken_form(sm, plan, self._forms)
        message = Message(link, account, sm, sequence_number, response_id, plan, wall_s, heard_s, nth, words)
        if plan.status:
            stats.refused(plan.status)
        elif not plan.ignored:
            stats.ok += 1
            message.number = number = self._take_number(words)
            message_id = plan.id_form.octets(number) if plan.id_form else self._id_octets(number)
            message.message_id = message_id
            self._kept[message_id] = message
            if len(self._kept) >= _KEPT:
                self._kept_before, self._kept = self._kept, {}
        self.received.append(message)
        if len(self.received) >= self._trim_at:
            self.forgotten += len(self.received) - self._record
            del self.received[: -self._record]
        if self._journal is not None:
            self._journal.submitted(message)
        return message

    def find(self, message_id: bytes) -> Message | None:
        """An accepted message by the id of its response, while it is remembered."""
        return self._kept.get(message_id) or self._kept_before.get(message_id)

    def follow(self, message: Message) -> None:
        """The message was answered: send or schedule the receipts it asked for."""
        if message.cancelled:
            return
        plan = message.plan
        concat = segment_of(message.sm) if plan.apart else None
        if concat is not None and plan.expire_s:
            segments = self._long.came(message, concat, plan.expire_s)
            first = segments[0] if segments else message
            for segment in segments:  # what becomes of the whole becomes of each
                self._follow_one(segment, first, segment_of(segment.sm))
            return
        self._follow_one(message, message, concat)

    def cancel(self, message: Message) -> None:
        """The message is not delivered any more; its receipt says DELETED."""
        if _asked(message):
            self._emit((message, Step(self._behaviour.renderer(None, DELETED))))
        message.state = DELETED
        message.cancelled = True

    def send_receipt(self, message: Message, step: Step, delay_s: float = 0.0) -> None:
        """Send a receipt that nobody planned, after some business time."""
        if delay_s:
            self._wheel.add(delay_s, self._emit, (message, step))
        else:
            self._emit((message, step))

    def _in_taken_form(self, sm: Sm | DataSm, plan: Plan, forms: frozenset[str]) -> Plan:
        form = form_of(sm)
        return plan if form == "plain" or form in forms else self._behaviour.refusal(self._long_status)

    def _follow_one(self, message: Message, first: Message, concat: Concat | None) -> None:
        """Send or schedule the receipts of one message, as planned for the ``first`` segment of the whole."""
        plan = first.plan
        asked = _asked(message)
        if not asked or (concat is not None and not _has_receipt(plan.parts, concat)):
            return
        self._stats.receipts_wanted += 1
        for step, delay_s in zip(plan.receipts, first.delays, strict=True):
            if step.early or (asked > 1 and not _is_asked_for(step, asked)):
                continue
            if delay_s:
                self._wheel.add(delay_s, self._emit, (message, step))
            else:
                self._emit((message, step))

    def _answer_plainly(self, message: Message) -> None:
        """The usual response, and receipts after it."""
        link = message.link
        status = message.status
        if status:
            link.answer(_pack(16, message.response_id, status, message.sequence_number))
            return
        message_id = message.message_id
        octets = len(message_id) + 17
        link.answer(_pack(octets, message.response_id, 0, message.sequence_number) + message_id + b"\0")
        if message.plan.receipts:
            self.follow(message)

    def _plain_due(self, message: Message) -> None:
        if self._behind:
            self._due(message)
            return
        link = message.link
        if link.open and not link.mute:
            message.answered_s = time.monotonic()
        self._answer_plainly(message)

    def _unusual(self, message: Message) -> None:
        plan = message.plan
        wait_s = plan.wait.seconds(message.words)
        if plan.malformed is None and plan.unknown is None:
            message.words = ()
        if plan.has_early:
            wait_s = self._begin_early(message, wait_s)
        if wait_s:
            self._real_wheel.add(wait_s, self._due, message)
        else:
            self._due(message)

    def _begin_early(self, message: Message, wait_s: float) -> float:
        """Send or schedule the receipts before the response; returns how late that must be."""
        plan = message.plan
        concat = segment_of(message.sm)
        asked = _asked(message)
        if not asked or not _has_receipt(plan.parts, concat) or (concat is not None and plan.expire_s):
            return wait_s
        for step, delay_s in zip(plan.receipts, message.delays, strict=True):
            if not step.early or not _is_asked_for(step, asked):
                continue
            if delay_s:
                self._real_wheel.add(delay_s, self._emit, (message, step))
                wait_s = max(wait_s, delay_s)
            else:
                self._emit((message, step))
        return wait_s

    def _due(self, message: Message) -> None:
        """It is time for the response, unless another shall overtake it."""
        link = message.link
        if message.plan.out_of_order and link not in self._behind:
            self._behind[link] = message
            self._real_wheel.add(_OVERTAKEN_S, self._not_overtaken, message)
            return
        self._answer(message)
        if self._behind:
            behind = self._behind.pop(link, None)
            if behind is not None:
                self._answer(behind)

    def _not_overtaken(self, message: Message) -> None:
        if self._behind.get(message.link) is message:
            del self._behind[message.link]
            self._answer(message)

    def _answer(self, message: Message) -> None:
        link, plan = message.link, message.plan
        connection = plan.connection
        if connection is Connection.HALF_OPEN:
            link.mute = True
        elif connection is Connection.DROP_BEFORE:
            self._drop(link, connection)
        elif not plan.answers:
            self._stats.unanswered += 1
            link.skip_answer()
        else:
            self._respond(message)
            if connection is Connection.DROP_AFTER:
                self._drop(link, connection)
        if plan.receipts:
            self.follow(message)
        if plan.replies and _is_first(segment_of(message.sm)):
            for reply in plan.replies:
                self._wheel.add(_REPLY_AFTER_S, self._reply, (message, reply))

    def _drop(self, link: CarrierLink, why: Connection) -> None:
        if link.open:
            self._stats.drops += 1
            link.ended = f"dropped {why.value.removeprefix('drop ')}"
        link.close()

    def _respond(self, message: Message) -> None:
        link, plan = message.link, message.plan
        for word, make in ((plan.malformed, malformed_pdu), (plan.unknown, unknown_pdu)):
            if word is not None:
                sequence_number = link.session.next_sequence()
                link.send_fault(make(message.words[word], sequence_number), sequence_number)
        if link.open and not link.mute:
            message.answered_s = time.monotonic()
        response = _response(message)
        link.answer(response)
        for _ in range(1, plan.answers):
            link.write(response)

    def _reply(self, what: tuple[Message, str]) -> None:
        message, text = what
        if message.cancelled:
            return
        self._outbox.send_mo(message.account, message.recipient, message.source, text)

    def _expired(self, segments: list[Message]) -> None:
        """Segments whose message was never complete."""
        step = Step(self._behaviour.renderer(None, EXPIRED))
        for message in segments:
            asked = _asked(message)
            if asked and _is_asked_for(step, asked):
                self._stats.receipts_wanted += 1
                self._emit((message, step))

    def _emit(self, what: tuple[Message, Step]) -> None:
        message, step = what
        if message.cancelled:
            return
        renderer = step.renderer
        wall_s = self._now_ms() / 1000
        if not message.done_s:  # what comes after a final state contradicts it, and changes nothing
            message.state = renderer.state
            message.done_s = wall_s if renderer.final else 0.0
        message_id = renderer.message_id(message)
        body = renderer.body(message, message_id, wall_s)
        self._outbox.send(
            Delivery(
                message.account, renderer.command_id, body, message.link, step.other_bind, message_id, message, step
            )
        )


def _asked(message: Message) -> int:
    """Which receipts a message asked for (SMPP 3.4 §5.2.17); 0 for none."""
    return message.sm.registered_delivery & 3 or int(message.plan.unasked)


def _is_asked_for(step: Step, asked: int) -> bool:
    # SMPP 3.4 §5.2.17: 2 asks for failures only; SMPP 5.0 §4.7.21: 3 for successes.
    return asked < _FAILURES or step.renderer.state.delivered == (asked == _SUCCESSES)


def _response(message: Message) -> bytes:
    plan = message.plan
    if plan.nack:
        return pdu.generic_nack(plan.status, message.sequence_number)
    message_id = None if plan.status and not plan.error_body else message.message_id
    return pdu.response(message.response_id, plan.status, message.sequence_number, message_id)


def _is_first(concat: Concat | None) -> bool:
    return concat is None or concat.index == 1


def _has_receipt(parts: Parts, concat: Concat | None) -> bool:
    if concat is None or parts is Parts.EACH:
        return True
    return concat.index == (1 if parts is Parts.FIRST else concat.total)
