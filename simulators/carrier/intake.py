"""A submit_sm (or data_sm) from its arrival to its receipts.

The plan of a message is made when it comes (``behaviour``), after the limits of the bind and the
account; this module carries it out. The usual message — answered at once, receipts after that —
takes no detour; everything odd goes through ``_unusual``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from simulators.carrier.behaviour import Behaviour
from simulators.carrier.journal import Journal
from simulators.carrier.link import CarrierLink
from simulators.carrier.message import Message
from simulators.carrier.outbox import Delivery, Outbox
from simulators.carrier.plan import Connection, Parts, Step
from simulators.carrier.rate import Limits
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.states import DELETED
from simulators.carrier.stats import Stats
from simulators.clock import SimClock
from simulators.wheel import TimeWheel
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.pdu import DataSm, Sm
from smsgw.smpp.segments import count_segments
from smsgw.smpp.udh import Concat, concat_of

T = TypeVar("T")

_REPLY_AFTER_S = 0.1
#: Accepted messages that query_sm and cancel_sm still know: between one and two times as many.
_KEPT = 20_000

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
        self._unasked = settings.receipts_unasked
        self._usual_style = settings.rest_style
        self._behaviour = behaviour
        self._limits = limits
        self._outbox = outbox
        self._wheel = wheel
        self._real_wheel = real_wheel
        self._clock = clock
        self._stats = stats
        self._journal = journal
        self._next = settings.id_base
        self._id_octets = settings.response_id.octets
        self._kept: dict[bytes, Message] = {}
        self._kept_before: dict[bytes, Message] = {}
        self._record = settings.record
        #: The messages received, oldest first; trimmed to about ``settings.record``.
        self.received: list[Message] = []
        #: Refuse every message with this status; 0 takes them.
        self.refuse_all = 0

    def submit(self, link: CarrierLink, sm: Sm | DataSm, sequence_number: int, response_id: int, octets: int) -> None:
        """One well-formed message came on a bind that may submit."""
        link.unanswered += 1
        message = self.accept(link, sm, sequence_number, response_id, octets)
        plan = message.plan
        if not plan.plain:
            self._unusual(message)
            return
        message_id = message.message_id
        status = plan.status
        if status:
            link.answer(_pack(16, response_id, status, sequence_number))
            return
        link.answer(_pack(len(message_id) + 17, response_id, 0, sequence_number) + message_id + b"\0")
        if plan.receipts:
            self.follow(message)

    def accept(
        self, link: CarrierLink, sm: Sm | DataSm, sequence_number: int, response_id: int, octets: int
    ) -> Message:
        """Decide on one message and remember it; nothing is answered here."""
        account = link.account
        assert account is not None
        stats = self._stats
        stats.submitted(octets)
        refused = self.refuse_all
        limits = self._limits
        if limits.active and not refused:
            segments = count_segments(sm.payload, sm.data_coding)
            bucket = account.bucket if limits.per_account else link.bucket
            refused = limits.over(link.unanswered, segments, bucket, time.monotonic())
        plan = self._behaviour.refusal(refused) if refused else self._behaviour.plan_for(sm.destination_addr)
        message = Message(link, account, sm, sequence_number, response_id, plan, time.time())
        if plan.status:
            stats.refused(plan.status)
        else:
            stats.ok += 1
            message.number = number = self._next
            self._next = number + 1
            message_id = plan.id_form.octets(number) if plan.id_form else self._id_octets(number)
            message.message_id = message_id
            self._kept[message_id] = message
            if len(self._kept) >= _KEPT:
                self._kept_before, self._kept = self._kept, {}
        if self._record:
            self.received.append(message)
            if len(self.received) >= 2 * self._record:
                del self.received[: -self._record]
        if self._journal is not None:
            self._journal.submitted(message)
        return message

    def find(self, message_id: bytes) -> Message | None:
        """An accepted message by the id of its response, while it is remembered."""
        return self._kept.get(message_id) or self._kept_before.get(message_id)

    def follow(self, message: Message, early: bool = False) -> None:
        """The message was answered (or came, for the ``early`` ones): send or schedule the receipts it asked for."""
        plan = message.plan
        asked = self._asked(message)
        if not asked:
            return
        if plan.parts is not Parts.EACH and not _has_receipt(plan.parts, _concat(message)):
            return
        self._stats.receipts_wanted += not early
        for step in plan.receipts:
            if step.early is not early or (asked > 1 and step.renderer.state.delivered != (asked == 3)):
                continue  # SMPP 3.4 §5.2.17: 2 asks for failures only; SMPP 5.0: 3 for successes
            self._later(step.delay_s, self._emit, (message, step))

    def cancel(self, message: Message) -> None:
        """The message is not delivered any more; its receipt says DELETED."""
        renderer = self._behaviour.renderer(self._usual_style, DELETED)
        if self._asked(message) & 3:
            self._emit((message, Step(renderer)))
        message.state = DELETED
        message.cancelled = True

    def _asked(self, message: Message) -> int:
        return message.sm.registered_delivery & 3 or int(self._unasked)

    def _unusual(self, message: Message) -> None:
        plan = message.plan
        if any(step.early for step in plan.receipts):
            self.follow(message, early=True)
        self._later(plan.delay_s, self._answer, message)

    def _answer(self, message: Message) -> None:
        link, plan = message.link, message.plan
        connection = plan.connection
        if connection is Connection.HALF_OPEN:
            link.mute = True
        elif connection is Connection.DROP_BEFORE:
            self._stats.drops += 1
            link.close()
        elif not plan.answers:
            self._stats.unanswered += 1
            link.skip_answer()
        else:
            response = _response(message)
            link.answer(response)
            for _ in range(1, plan.answers):
                link.write(response)
            if connection is Connection.DROP_AFTER:
                self._stats.drops += 1
                link.close()
        if plan.receipts:
            self.follow(message)
        if plan.replies and _is_first(_concat(message)):
            for reply in plan.replies:
                self._wheel.add(_REPLY_AFTER_S, self._reply, (message, reply))

    def _reply(self, what: tuple[Message, str]) -> None:
        message, text = what
        self._outbox.send_mo(message.account, message.recipient, message.source, text)

    def _later(self, delay_s: float, action: Callable[[T], None], item: T) -> None:
        if delay_s:
            self._wheel.add(delay_s, action, item)
        else:
            action(item)

    def _emit(self, what: tuple[Message, Step]) -> None:
        message, step = what
        if message.cancelled:
            return
        renderer = step.renderer
        wall_s = time.time()
        if not message.done_s:  # what comes after a final state contradicts it, and changes nothing
            message.state = renderer.state
            message.done_s = wall_s if renderer.state.final else 0.0
        message_id = renderer.message_id(message)
        self._outbox.send(
            Delivery(
                message.account,
                renderer.command_id,
                renderer.body(message, message_id, wall_s),
                message.link,
                step.other_bind,
                message_id,
            )
        )


def _concat(message: Message) -> Concat | None:
    try:
        return concat_of(message.sm)
    except RecoverableError:
        return None  # a broken header or TLV: the message stands alone


def _response(message: Message) -> bytes:
    plan = message.plan
    if plan.nack:
        return pdu.generic_nack(plan.status, message.sequence_number)
    message_id = None if plan.status else message.message_id
    return pdu.response(message.response_id, plan.status, message.sequence_number, message_id)


def _is_first(concat: Concat | None) -> bool:
    return concat is None or concat.index == 1


def _has_receipt(parts: Parts, concat: Concat | None) -> bool:
    if concat is None:
        return True
    return concat.index == (1 if parts is Parts.FIRST else concat.total)
