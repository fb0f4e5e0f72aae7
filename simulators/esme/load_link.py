"""One connection of a load run: the hot path of the simulated application.

An answer pops its message from the window, is counted, and makes room for the next one; a
receipt is answered, and matched by its id. The clock is read once for each read of the socket.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from simulators.esme.link import EsmeLink
from simulators.esme.settings import EsmeSettings
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, Tag
from smsgw.smpp.receipt import parse_receipt

if TYPE_CHECKING:
    from simulators.esme.load import Load

_DELIVER_SM = int(CommandId.DELIVER_SM)
_RECEIPTED_MESSAGE_ID = int(Tag.RECEIPTED_MESSAGE_ID)
_TYPE_MASK = 0x3C
_RECEIPT = 0x04

_pack = pdu.HEADER.pack


class LoadLink(EsmeLink):
    """One bind; ``waiting`` maps sequence numbers to (message number, when it was due)."""

    def __init__(self, load: Load, settings: EsmeSettings, bind: str) -> None:
        super().__init__(settings, bind, load.turn)
        self.waiting: dict[int, tuple[int, float]] = {}
        #: Set once the connection is gone.
        self.gone = asyncio.Event()
        self._load = load
        self._counts = load.counts
        self._template = load.template_of(settings.system_id)
        self._wants_receipts = self._template.wants_receipts
        self._ledger = load.ledger

    def submit(self, n: int, due_s: float) -> None:
        """Send message ``n``."""
        sequence_number = self.session.next_sequence()
        self.waiting[sequence_number] = (n, due_s)
        self.write(self._template.pdu(sequence_number, n))

    def on_answer(self, command_id: int, status: int, sequence_number: int, frame: bytes) -> None:
        sent = self.waiting.pop(sequence_number, None)
        counts = self._counts
        if sent is None:
            counts.bad_pdus += 1
            return
        n, due_s = sent
        counts.answered += 1
        counts.last_answer_s = now_s = self.heard_s
        counts.answer_latency.add(now_s - due_s)
        counts.statuses[status] = counts.statuses.get(status, 0) + 1
        if status:
            return
        counts.ok += 1
        message_id = frame[16 : frame.find(0, 16)]
        if not message_id:
            counts.ok_without_id += 1
            counts.wanted += self._template.wants(n)
            return
        if self._ledger is not None:
            self._ledger.add(n, message_id)
        if self._wants_receipts:
            counts.accepted(message_id, due_s)
        elif self._wants_receipts is None and self._template.wants(n):
            counts.wanted += 1
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
        if text[:3] != b"id:":
            self._odd(sm)
            return
        message_id = text[3:].partition(b" ")[0].strip(b'"')
        counts.receipts += 1
        counts.last_receipt_s = now_s = self.heard_s
        if not counts.first_receipt_s:
            counts.first_receipt_s = now_s
        if b"stat:DELIVRD" in text:
            counts.delivered += 1
        else:
            counts.other_state += 1
        # Where the TLVs repeat the id with its NUL, there is nothing more to read.
        if message_id + b"\0" not in frame:
            message_id = self._id_of_tlv(sm, message_id)
        counts.receipt(message_id, now_s)

    def on_frames_done(self) -> None:
        self._load.answered(self)

    def on_gone(self) -> None:
        self._counts.lost += len(self.waiting)
        self.waiting.clear()
        self.gone.set()
        self._load.gone(self)

    def _odd(self, sm: pdu.Sm | pdu.DataSm) -> None:
        counts = self._counts
        receipt = parse_receipt(sm)
        if receipt is None:
            counts.mo += 1
            return
        if receipt.intermediate:
            return
        counts.receipts += 1
        counts.last_receipt_s = now_s = self.heard_s
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
