"""One connection of a load run: the hot path of the simulated application.

An answer pops its message from the window, is counted, and makes room for the next one; a
receipt is answered, and matched by its id. The clock is read once for each read of the socket.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from simulators.esme.link import EsmeLink
from simulators.esme.settings import EsmeSettings
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, Tag
from smsgw.smpp.receipt import parse_receipt

if TYPE_CHECKING:
    from simulators.esme.load import Load
    from simulators.esme.template import Template

_DELIVER_SM = int(CommandId.DELIVER_SM)
_RECEIPTED_MESSAGE_ID = int(Tag.RECEIPTED_MESSAGE_ID)
_TYPE_MASK = 0x3C
_RECEIPT = 0x04

_pack = pdu.HEADER.pack


class LoadLink(EsmeLink):
    """One bind; ``waiting`` maps sequence numbers to (message number, when it was due, whether a receipt is wanted)."""

    def __init__(self, load: Load, settings: EsmeSettings, bind: str, number: int) -> None:
        super().__init__(settings, bind, load.turn, number)
        self.waiting: dict[int, tuple[int, float, bool]] = {}
        #: Set once the connection is gone.
        self.gone = asyncio.Event()
        self._load = load
        self._counts = load.counts
        self._template = load.template_of(settings.system_id)
        self._window = load.settings.window
        self._ledger = load.ledger
        #: Segments of a message whose first ones were sent: (template, n, k, segment, when it was due).
        self._unsent: deque[tuple[Template, int, int, int, float]] = deque()

    def room(self, window: int) -> int:
        """How many submit_sm of further messages may be sent now."""
        return 0 if self._unsent or self.choked else window - len(self.waiting)

    @property
    def is_busy(self) -> bool:
        """Whether something is not answered, or not even sent of a message that was begun."""
        return bool(self.waiting or self._unsent)

    def forget(self) -> None:
        """Wait for nothing more."""
        self._counts.unsent += len(self._unsent)
        self._unsent.clear()
        self.waiting.clear()

    def submit(self, n: int, due_s: float) -> int:
        """Send message ``n``, or of a long one as much as the window lets; returns how many segments it has."""
        template, k = self._template.take(n)
        if template.segments == 1:
            self._send(template, n, k, 0, due_s)
        else:
            self._unsent.extend((template, n, k, segment, due_s) for segment in range(template.segments))
            self._send_on()
        return template.segments

    def _send_on(self) -> None:
        while self._unsent and len(self.waiting) < self._window:
            self._send(*self._unsent.popleft())

    def _send(self, template: Template, n: int, k: int, segment: int, due_s: float) -> None:
        sequence_number = self.session.next_sequence()
        self.waiting[sequence_number] = (n, due_s, template.wants_receipts)
        self._counts.sent += 1
        self.write(template.pdu(sequence_number, n, k, segment))

    def on_answer(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        sent = self.waiting.pop(sequence_number, None)
        counts = self._counts
        if sent is None:
            counts.bad_pdus += 1
            return
        n, due_s, wants_receipt = sent
        counts.answered += 1
        counts.last_answer_s = now_s = self.heard_s
        counts.answer_latency.add(now_s - due_s)
        counts.statuses[status] = counts.statuses.get(status, 0) + 1
        if status:
            return
        counts.ok += 1
        counts.wanted += wants_receipt
        message_id = frame[16:].partition(b"\0")[0]
        if not message_id:
            counts.ok_without_id += 1
            return
        if self._ledger is not None:
            self._ledger.add(n, message_id)
        if wants_receipt:
            counts.accepted(message_id, due_s)

    def on_deliver(self, command_id: int, sequence_number: int, frame: bytes) -> None:
        self.write(_pack(17, command_id | RESPONSE_BIT, 0, sequence_number) + b"\0")
        counts = self._counts
        try:
            sm = pdu.Sm(frame) if command_id == _DELIVER_SM else pdu.DataSm(frame)
            if sm.esm_class & _TYPE_MASK != _RECEIPT:
                self._odd(sm)
                return
            text = sm.payload
        except RecoverableError:
            counts.bad_pdus += 1
            return
        if text[:3] != b"id:" or b"stat:DELIVRD" not in text:
            self._odd(sm)
            return
        message_id = text[3:].partition(b" ")[0].strip(b'"')
        counts.receipts += 1
        counts.last_receipt_s = now_s = self.heard_s
        if not counts.first_receipt_s:
            counts.first_receipt_s = now_s
        counts.delivered += 1
        # Where the TLVs repeat the id with its NUL, there is nothing more to read.
        if message_id + b"\0" not in frame:
            message_id = self._id_of_tlv(sm, message_id)
        counts.receipt(message_id, now_s)

    def on_frames_done(self) -> None:
        if self._unsent:
            self._send_on()
        self._load.answered(self)

    def on_gone(self) -> None:
        self._counts.lost += len(self.waiting)
        self._counts.unsent += len(self._unsent)
        self.waiting.clear()
        self._unsent.clear()
        self.gone.set()
        self._load.gone(self)

    def _odd(self, sm: pdu.Sm | pdu.DataSm) -> None:
        counts = self._counts
        receipt = parse_receipt(sm)
        if receipt is None:
            counts.mo += 1
            return
        if not receipt.final:
            return
        counts.receipts += 1
        counts.last_receipt_s = now_s = self.heard_s
        if not counts.first_receipt_s:
            counts.first_receipt_s = now_s
        if receipt.stat == "DELIVRD" or receipt.message_state == 2:
            counts.delivered += 1
        else:
            counts.other_state += 1
        if receipt.id:
            counts.receipt(receipt.id.encode("latin-1", "replace"), now_s)
        else:
            counts.receipts_without_id += 1

    def _id_of_tlv(self, sm: pdu.Sm | pdu.DataSm, message_id: bytes) -> bytes:
        try:
            value = sm.tlvs.first(_RECEIPTED_MESSAGE_ID)
        except RecoverableError:
            self._counts.bad_pdus += 1
            return message_id
        if value is None:
            return message_id
        value = value.rstrip(b"\0")
        if value != message_id:
            self._counts.id_tlv_differs += 1
        return value
