"""Out stream → application: receipts and MO, until the application has answered each.

While an account has a receiving session here its stream is read, a window or two ahead. What is not
answered stays pending in the store: it is offered to another session, or read again at the next bind.
An application that refuses an entry for good gets it a few times more, then it is dropped and recorded. So is one over
which applications end their links, alone, again and again; one that was only not answered never is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, cast

from smsgw.errors import RecoverableError, StoreError
from smsgw.gateway.journal import Journal
from smsgw.gateway.reports import receipt_pdu, unpack_origin, unpack_report
from smsgw.records.record import Step
from smsgw.smpp.codec import decode, encode
from smsgw.smpp.pdu import with_header
from smsgw.smpp.tlv import NO_TLVS
from smsgw.store.keys import out
from smsgw.store.outbound import FIELD_MO

if TYPE_CHECKING:
    from smsgw.esme.account import Account
    from smsgw.esme.session import EsmeSession
    from smsgw.gateway.context import Context
    from smsgw.store.entries import Entry
    from smsgw.store.streams import StreamReader

_RECEIPT_RETURNED = int(Step.RECEIPT_RETURNED)
#: Statuses of a deliver_sm_resp after which the same entry is worth another try soon: the client is busy.
TEMPORARY = frozenset((0x08, 0x14, 0x58, 0x64))
MAX_ATTEMPTS = 5
RETRY_S = 1.0
#: After so many lost links an entry is sent with nothing beside it.
SUSPECT_LOSSES = 2
#: After so many links that an application ended over it alone an entry is dropped.
MAX_ENDINGS = 5
#: What an application answered before it left is acknowledged by then; the rest may be another process's.
LEFT_S = 1.0


class Delivery:
    """One entry of an out stream, under way to its application."""

    __slots__ = ("attempts", "entry_id", "fields", "message_id", "state")

    def __init__(self, entry: Entry) -> None:
        self.entry_id = entry[0]
        self.fields = entry[1]
        self.attempts = 0
        self.message_id = ""
        self.state = 0


class _Box:
    """What is in memory for one account."""

    __slots__ = (
        "account", "aside", "endings", "generation", "left_s", "losses", "pump_due", "queue", "reading", "starved",
        "stream",
    )  # fmt: skip

    def __init__(self, account: Account, stream: str) -> None:
        self.account = account
        self.stream = stream
        self.queue: deque[Delivery] = deque()
        self.reading = False
        #: Loop time at which its application left.
        self.left_s = -LEFT_S
        #: Counts the times that reading was stopped: what was put aside before that comes from the store again.
        self.generation = 0
        #: Refused for the moment by the application, waiting for their next try.
        self.aside = 0
        self.pump_due = False
        #: How often the link went while an entry was unanswered; kept over binds, for the entry comes again.
        self.losses: dict[bytes, int] = {}
        #: How often its application ended the link while only this was unanswered. Not so of one that stands still, is
        #: cut off, or does not read: those lose links over every entry.
        self.endings: dict[bytes, int] = {}
        #: The reader was told that there is no room; it must be woken when there is.
        self.starved = False


class Outbox:
    """Deliveries to all applications. ``readers`` (one per partition) are set by the gateway."""

    readers: list[StreamReader]

    def __init__(self, context: Context) -> None:
        self._context = context
        self._journal = Journal(context)
        self._loop = asyncio.get_running_loop()
        self._boxes: dict[str, _Box] = {}
        self._by_stream: dict[str, _Box] = {}
        #: Streams of which what was read is being given back; they are not read meanwhile.
        self._giving_back: frozenset[str] = frozenset()

    def waiting(self, system_id: str) -> int:
        """Entries in memory for an account."""
        box = self._boxes.get(system_id)
        return len(box.queue) if box is not None else 0

    @property
    def in_flight(self) -> int:
        """Deliveries that applications have not answered yet."""
        return sum(len(session.link.window) for box in self._boxes.values() for session in box.account.sessions)

    # -- from the store

    def room(self, stream: str) -> int:
        """How many entries may be read."""
        box = self._by_stream[stream]
        account = box.account
        if not account.has_receiver or self._context.closing:
            return 0
        wanted = 2 * account.settings.deliver_window * max(1, len(account.sessions))
        room = max(0, wanted - len(box.queue) - box.aside)
        box.starved = room == 0
        return room

    def arrived(self, stream: str, entries: list[Entry], pending: bool) -> None:
        """Entries read; ``pending`` ones may have been delivered before, but were never answered."""
        box = self._by_stream[stream]
        box.queue.extend(Delivery(entry) for entry in entries)
        self._pump_soon(box)

    # -- from the sessions

    def bound(self, session: EsmeSession) -> None:
        """A session can receive: read its account's stream."""
        account = session.account
        if account is None or not session.receives:
            return
        box = self._box(account)
        if not box.reading:
            if box.stream in self._giving_back:
                return
            box.reading = True
            # What this application answered before it left, a moment ago, must not be read as unanswered.
            self._context.outbound.when_acknowledged(box.stream, partial(self._read, box, box.generation))
        self._reader(box).wake()
        self._pump_soon(box)

    def delivered(self, session: EsmeSession, delivery: Delivery, command_status: int) -> None:
        """The application answered."""
        account = session.account
        assert account is not None
        settings = account.settings
        name = settings.system_id
        box = self._boxes.get(name) or self._box(account)
        counters = self._context.metrics.account(name)
        if box.losses:
            box.losses.pop(delivery.entry_id, None)
            box.endings.pop(delivery.entry_id, None)
        if command_status == 0:
            self._context.outbound.ack(box.stream, delivery.entry_id)
            if delivery.message_id:
                counters.receipts_delivered += 1
                self._journal.plain(_RECEIPT_RETURNED, delivery.message_id, name, "", "", 0, 0, delivery.state)
            else:
                counters.mo_delivered += 1
        else:
            counters.deliver_refused[command_status] += 1
            self._refused(box, delivery, command_status)
        if box.starved and len(box.queue) <= settings.deliver_window:
            self._reader(box).wake()
        if box.queue and not box.pump_due:
            self._pump_soon(box)

    def undelivered(self, session: EsmeSession, deliveries: list[Delivery]) -> None:
        """The link went, or the application did not answer in time."""
        account = session.account
        assert account is not None
        box = self._box(account)
        self._context.metrics.account(account.settings.system_id).deliver_timeouts += len(deliveries)
        first = deliveries[0].entry_id
        if session.link.left_by_peer and len(deliveries) == 1 and box.losses.get(first, 0) >= SUSPECT_LOSSES:
            box.endings[first] = box.endings.get(first, 0) + 1
        for delivery in deliveries:
            box.losses[delivery.entry_id] = box.losses.get(delivery.entry_id, 0) + 1
        if account.has_receiver:
            box.queue.extendleft(reversed(deliveries))
            self._pump_soon(box)

    def unbound(self, account: Account) -> None:
        """A session went. With nobody left to deliver to, all stays pending in the store until the next bind."""
        box = self._boxes.get(account.settings.system_id)
        if box is not None and box.reading and not account.has_receiver:
            box.reading = False
            box.left_s = self._loop.time()
            box.generation += 1
            box.aside = 0
            box.queue.clear()
            self._reader(box).remove(box.stream)

    # -- beside other processes

    def begin_giving_back(self, everybody: bool) -> frozenset[str]:
        """Streams of applications that have left; other processes may have what was read of them.

        ``everybody``: also of those that were not here in this life.
        """
        if everybody:
            for account in self._context.accounts.values():
                self._box(account)
        before_s = self._loop.time() - LEFT_S
        self._giving_back = frozenset(
            box.stream for box in self._boxes.values() if not box.reading and box.left_s <= before_s
        )
        return self._giving_back

    def end_giving_back(self) -> None:
        """Whoever came back meanwhile is served from now on."""
        streams, self._giving_back = self._giving_back, frozenset()
        for stream in streams:
            sessions = self._by_stream[stream].account.sessions
            session = next((each for each in sessions if each.receives), None)
            if session is not None:
                self.bound(session)

    # -- inside

    def _read(self, box: _Box, generation: int) -> None:
        if box.reading and box.generation == generation:
            self._reader(box).add(box.stream)

    def _box(self, account: Account) -> _Box:
        name = account.settings.system_id
        box = self._boxes.get(name)
        if box is None:
            box = self._boxes[name] = _Box(account, out(name, self._context.store.partitions))
            self._by_stream[box.stream] = box
        return box

    def _reader(self, box: _Box) -> StreamReader:
        return self.readers[int(box.stream[2:4], 16)]

    def _pump_soon(self, box: _Box) -> None:
        if not box.pump_due:
            box.pump_due = True
            self._loop.call_soon(self._pump, box)

    def _pump(self, box: _Box) -> None:
        box.pump_due = False
        queue = box.queue
        if not queue or self._context.closing:
            return
        account = box.account
        system_id = account.settings.system_id
        while queue:
            session = account.receiver()
            if session is None or (box.losses and not self._may_go(box, queue[0])):
                return
            delivery = queue.popleft()
            if box.endings and box.endings.get(delivery.entry_id, 0) >= MAX_ENDINGS:
                self._drop(box, delivery, "the application loses its link over it")
                continue
            sequence_number = session.link.session.next_sequence()
            try:
                pdu = self._pdu(system_id, session, delivery, sequence_number)
            except (StoreError, RecoverableError, ValueError) as error:
                self._drop(box, delivery, f"unreadable: {error}")
                continue
            session.deliver(pdu, sequence_number, delivery)

    @staticmethod
    def _may_go(box: _Box, delivery: Delivery) -> bool:
        """An entry over which links were lost goes alone: the one that does it is found, and no other suffers."""
        in_flight = [item for session in box.account.sessions for item in session.link.window.items()]
        if box.losses.get(delivery.entry_id, 0) >= SUSPECT_LOSSES:
            return not in_flight
        return not any(box.losses.get(as_delivery(item).entry_id, 0) >= SUSPECT_LOSSES for item in in_flight)

    def _pdu(self, system_id: str, session: EsmeSession, delivery: Delivery, sequence_number: int) -> bytes:
        fields = delivery.fields
        open_sealed = self._context.store.sealer.open
        if fields[0] == FIELD_MO:
            raw = with_header(open_sealed(fields[1]), sequence_number)
            if session.tlvs_allowed:
                return raw
            pdu = decode(raw)
            pdu.tlvs = NO_TLVS
            return encode(pdu)
        report = unpack_report(fields[3])
        delivery.message_id = fields[5].decode()
        delivery.state = report.message_state
        origin = unpack_origin(open_sealed(fields[1]))
        zone = self._context.rules[system_id].zone
        return receipt_pdu(delivery.message_id, origin, report, sequence_number, zone, session.tlvs_allowed)

    def _refused(self, box: _Box, delivery: Delivery, command_status: int) -> None:
        delivery.attempts += 1
        if delivery.attempts >= MAX_ATTEMPTS and command_status not in TEMPORARY:
            self._drop(box, delivery, f"application answered 0x{command_status:08X}")
            return

        generation = box.generation

        def again() -> None:
            if box.generation == generation:
                box.aside -= 1
                box.queue.appendleft(delivery)
                self._pump_soon(box)

        box.aside += 1
        self._loop.call_later(RETRY_S * min(delivery.attempts, 30), again)

    def _drop(self, box: _Box, delivery: Delivery, why: str) -> None:
        system_id = box.account.settings.system_id
        box.losses.pop(delivery.entry_id, None)
        box.endings.pop(delivery.entry_id, None)
        self._context.outbound.ack(box.stream, delivery.entry_id)
        self._journal.plain(int(Step.FAILED), delivery.message_id, system_id, "", "", 0, 0, why)
        self._context.log(
            "esme.delivery_dropped", {"account": system_id, "message_id": delivery.message_id, "why": why}
        )


def as_delivery(item: object) -> Delivery:
    """What a session's window holds."""
    return cast(Delivery, item)
