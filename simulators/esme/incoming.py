"""What came to a simulated application (receipts, MO) and what it sent, kept as octets and read on demand."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from simulators.entry import Entry
from simulators.esme.answer import Answer
from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.codec import decode
from smsgw.smpp.constants import CommandId
from smsgw.smpp.layout import SmeAddress
from smsgw.smpp.receipt import Receipt
from smsgw.smpp.segments import count_segments
from smsgw.smpp.udh import concat_of, strip_udh

_SUBMIT_MULTI = int(CommandId.SUBMIT_MULTI)
_DATA_SM = int(CommandId.DATA_SM)
#: Requests that carry a message.
MESSAGES = frozenset({int(CommandId.SUBMIT_SM), _DATA_SM, _SUBMIT_MULTI})


@dataclass(slots=True, eq=False)
class Incoming:
    """One deliver_sm or data_sm: an MO, or a receipt when ``receipt`` is not None."""

    sm: pdu.Sm | pdu.DataSm
    receipt: Receipt | None
    #: Which of the application's binds it came on, from 0.
    bind: int
    #: time.monotonic() when it came.
    at_s: float
    #: Business time, milliseconds since 1970 UTC.
    at_ms: int = 0
    #: Number of the connection, from 1.
    connection: int = 0
    #: command_status with which it was answered, and when (time.monotonic()); None and 0 while it is not.
    status: int | None = None
    answered_s: float = 0.0

    @property
    def source(self) -> str:
        """source_addr as text."""
        return self.sm.source_addr.decode("latin-1")

    @property
    def destination(self) -> str:
        """destination_addr as text."""
        return self.sm.destination_addr.decode("latin-1")

    @property
    def text(self) -> str:
        """The decoded text without a user data header."""
        return text_of(self.sm)

    @property
    def message_id(self) -> str:
        """The id that a receipt names; empty for an MO."""
        return (self.receipt.id or "") if self.receipt is not None else ""

    def to_entry(self, where: str, account: str) -> Entry:
        """As expectations and reports see it."""
        said: dict[str, Any] = {}
        receipt = self.receipt
        if receipt is not None:
            said = {
                "message_id": receipt.id or "",
                "stat": receipt.stat or "",
                "err": receipt.err or "",
                "message_state": receipt.message_state,
                "fate": "" if receipt.final else "intermediate",
            }
        return Entry(
            "mo" if receipt is None else "receipt",
            where,
            self.at_ms,
            self.at_s,
            account,
            self.connection,
            status=self.status,
            answered_s=self.answered_s or None,
            **said,
            **_of_sm(self.sm),
        )


@dataclass(slots=True)
class Sent:
    """One message that was sent: submit_sm, data_sm or submit_multi."""

    octets: bytes
    #: Number of the connection, from 1.
    connection: int
    #: time.monotonic() and business time when it was written.
    at_s: float
    at_ms: int
    #: None while there is none, or when the connection went before it.
    answer: Answer | None = None
    #: time.monotonic() of the answer.
    answered_s: float = 0.0
    fate: str = field(default="")

    def to_entry(self, where: str, account: str) -> Entry:
        """As expectations and reports see it."""
        answer = self.answer
        return Entry(
            "submit",
            where,
            self.at_ms,
            self.at_s,
            account,
            self.connection,
            status=None if answer is None else answer.status,
            answered_s=self.answered_s or None,
            message_id="" if answer is None else answer.message_id,
            fate=self.fate,
            **_of_request(self.octets),
        )


def text_of(sm: pdu.Sm | pdu.DataSm) -> str:
    """The decoded text without a user data header; a header that is longer than the payload is text."""
    return decode_text(_user_data(sm), sm.data_coding)


def _user_data(sm: pdu.Sm | pdu.DataSm) -> bytes:
    payload = sm.payload
    if sm.has_udh:
        with suppress(RecoverableError):  # sent on purpose by somebody; show what is there
            return strip_udh(payload)
    return payload


def _of_request(octets: bytes) -> dict[str, Any]:
    command_id = int.from_bytes(octets[4:8], "big")
    try:
        if command_id == _SUBMIT_MULTI:
            return _of_multi(octets)
        return _of_sm(pdu.DataSm(octets) if command_id == _DATA_SM else pdu.Sm(octets))
    except RecoverableError:  # what is broken on purpose has only its octets
        return {"pdu": octets}


def _of_sm(sm: pdu.Sm | pdu.DataSm) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "source": sm.source_addr.decode("latin-1"),
        "destination": sm.destination_addr.decode("latin-1"),
        "data_coding": sm.data_coding,
        "esm_class": sm.esm_class,
        "registered_delivery": sm.registered_delivery,
        "pdu": sm.raw,
    }
    try:
        concat = concat_of(sm)
        shown["tlvs"] = tuple(sm.tlvs)
        shown["text"] = text_of(sm)
        shown["segments"] = count_segments(_user_data(sm), sm.data_coding)
    except RecoverableError:
        return shown  # TLVs that can't be read
    if concat is not None:
        shown["concat"] = (concat.reference, concat.total, concat.index)
    return shown


def _of_multi(octets: bytes) -> dict[str, Any]:
    request = decode(octets)
    fields = request.fields

    def text(name: str) -> str:
        value = fields[name]
        return value.decode("latin-1") if isinstance(value, bytes) else ""

    destinations = fields["dest_addresses"]
    assert isinstance(destinations, list)
    named = [each.destination_addr.decode("latin-1") for each in destinations if isinstance(each, SmeAddress)]
    data_coding, payload = fields["data_coding"], fields["short_message"]
    assert isinstance(data_coding, int)
    assert isinstance(payload, bytes)
    return {
        "source": text("source_addr"),
        "destination": ",".join(named),
        "data_coding": data_coding,
        "esm_class": fields["esm_class"],
        "registered_delivery": fields["registered_delivery"],
        "text": decode_text(payload, data_coding),
        "segments": count_segments(payload, data_coding),
        "tlvs": tuple(request.tlvs),
        "pdu": octets,
    }
