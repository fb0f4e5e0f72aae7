"""A receipt or an MO: what the simulated carrier sends, and how it was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.carrier.account import Account
from simulators.entry import Entry
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import CommandId
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.udh import concat_of, strip_udh

if TYPE_CHECKING:
    from simulators.carrier.link import CarrierLink
    from simulators.carrier.message import Message
    from simulators.carrier.plan import Step

_DATA_SM = int(CommandId.DATA_SM)


class Delivery:
    """One deliver_sm or data_sm without its header."""

    __slots__ = (
        "account", "answered_s", "at_ms", "body", "command_id", "epoch", "given_up", "is_receipt", "link", "message",
        "message_id", "origin", "other_bind", "sent_s", "sequence_number", "status", "step", "tries",
    )  # fmt: skip

    def __init__(
        self,
        account: Account,
        command_id: int,
        body: bytes,
        origin: CarrierLink | None = None,
        other_bind: bool = False,
        message_id: bytes | None = None,
        message: Message | None = None,
        step: Step | None = None,
    ) -> None:
        self.account = account
        self.command_id = command_id
        self.body = body
        #: The bind that brought the message, preferred unless ``other_bind``.
        self.origin = origin
        self.other_bind = other_bind
        #: The id as the receipt writes it; None for an MO.
        self.message_id = message_id
        #: What it is about, and the planned receipt; None for an MO, and for receipts of nothing we know.
        self.message = message
        self.step = step
        self.is_receipt = message_id is not None
        self.tries = 0
        #: Which of the outbox's beginnings it was first sent in.
        self.epoch = 0
        #: When it was sent last: time.monotonic(), and business time.
        self.sent_s = 0.0
        self.at_ms = 0
        #: The connection that it was sent on last, and its number there.
        self.link: CarrierLink | None = None
        self.sequence_number = 0
        #: When and with what it was answered last; 0 and None while it is not.
        self.answered_s = 0.0
        self.status: int | None = None
        #: It will not be sent again, though it was never accepted.
        self.given_up = False

    @property
    def frame(self) -> bytes:
        """The whole PDU as it was sent last."""
        return pdu.HEADER.pack(len(self.body) + 16, self.command_id, 0, self.sequence_number) + self.body

    @property
    def sm(self) -> pdu.Sm | pdu.DataSm:
        """A view of it."""
        return pdu.DataSm(self.frame) if self.command_id == _DATA_SM else pdu.Sm(self.frame)

    def to_entry(self, where: str) -> Entry:
        """What expectations and the control port look at."""
        sm = self.sm
        concat = None
        payload = sm.payload
        try:
            concat = concat_of(sm)
            payload = strip_udh(payload) if sm.has_udh else payload
        except RecoverableError:
            pass  # a broken header that was sent on purpose
        receipt = parse_receipt(sm) if self.is_receipt else None
        return Entry(
            kind="receipt" if self.is_receipt else "mo",
            where=where,
            at_ms=self.at_ms,
            real_s=self.sent_s,
            account=self.account.system_id,
            bind=self.link.number if self.link is not None else 0,
            source=sm.source_addr.decode("latin-1"),
            destination=sm.destination_addr.decode("latin-1"),
            text=decode_text(payload, sm.data_coding),
            status=self.status,
            answered_s=self.answered_s or None,
            message_id=(self.message_id or b"").decode("latin-1"),
            stat=(receipt.stat or "") if receipt is not None else "",
            err=(receipt.err or "") if receipt is not None else "",
            message_state=receipt.message_state if receipt is not None else None,
            data_coding=sm.data_coding,
            esm_class=sm.esm_class,
            registered_delivery=sm.registered_delivery,
            concat=(concat.reference, concat.total, concat.index) if concat is not None else None,
            tlvs=tuple((int(tag), bytes(value)) for tag, value in sm.tlvs),
            fate=self._fate(),
            pdu=self.frame,
        )

    def _fate(self) -> str:
        tries = f"sent {self.tries} times" if self.tries > 1 else ""
        return ", ".join(filter(None, (tries, "given up" if self.given_up else "")))
