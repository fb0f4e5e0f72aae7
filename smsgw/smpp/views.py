"""Offset views over received messages: submit_sm, deliver_sm and data_sm, read where they lie.

Owns: finding the ends of the fields once, and cutting a field only when it is read. Never copies or
changes the frame: forwarding sends ``raw`` again (see ``pdu.with_header``). Checks shapes, not values.

Input is one whole frame from ``framing``: at least 16 octets, and command_length is its length.
SMPP 3.4 §4.4.1 (submit_sm), §4.6.1 (deliver_sm), §4.7.1 (data_sm), §3.2 (header).
What can go wrong: a field that never ends or runs past the frame: RecoverableError with the status to answer.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from smsgw.errors import FatalError, RecoverableError
from smsgw.smpp.constants import (
    ADDRESS_OCTETS,
    ESM_UDHI,
    HEADER_OCTETS,
    LONG_ADDRESS_OCTETS,
    SERVICE_TYPE_OCTETS,
    TIME_OCTETS,
    CommandStatus,
    Tag,
)
from smsgw.smpp.tlv import NO_TLVS, Tlvs

#: command_length, command_id, command_status, sequence_number (SMPP 3.4 §3.2).
HEADER: Final = Struct(">IIII")

_WORD: Final = Struct(">I")
_MESSAGE_PAYLOAD: Final = int(Tag.MESSAGE_PAYLOAD)

# What stands before each C-string of a message: (fixed octets before it, its greatest octets, name, status).
_SM_STRINGS: Final = (
    (0, SERVICE_TYPE_OCTETS, "service_type", CommandStatus.ESME_RINVSERTYP),
    (2, ADDRESS_OCTETS, "source_addr", CommandStatus.ESME_RINVSRCADR),
    (2, ADDRESS_OCTETS, "destination_addr", CommandStatus.ESME_RINVDSTADR),
    (3, TIME_OCTETS, "schedule_delivery_time", CommandStatus.ESME_RINVSCHED),
    (0, TIME_OCTETS, "validity_period", CommandStatus.ESME_RINVEXPIRY),
)
_DATA_SM_STRINGS: Final = (
    (0, SERVICE_TYPE_OCTETS, "service_type", CommandStatus.ESME_RINVSERTYP),
    (2, LONG_ADDRESS_OCTETS, "source_addr", CommandStatus.ESME_RINVSRCADR),
    (2, LONG_ADDRESS_OCTETS, "destination_addr", CommandStatus.ESME_RINVDSTADR),
)


def malformed(raw: bytes, command_status: int, reason: str) -> RecoverableError:
    """A RecoverableError that carries the ids of the PDU ``raw``. Raises FatalError when there is no header."""
    if len(raw) < HEADER_OCTETS:
        raise FatalError(CommandStatus.ESME_RINVCMDLEN, f"{len(raw)} octets are less than a header")
    _, command_id, _, sequence_number = HEADER.unpack_from(raw)
    return RecoverableError(command_status, reason, command_id, sequence_number)


def parse_tlvs(raw: bytes, offset: int) -> Tlvs:
    """``Tlvs.parse`` whose errors carry the ids of the PDU ``raw``."""
    try:
        return Tlvs.parse(raw, offset)
    except RecoverableError as error:
        raise malformed(raw, error.command_status, error.reason) from None


def _what_is_wrong(raw: bytes, strings: tuple[tuple[int, int, str, CommandStatus], ...]) -> RecoverableError:
    """Walk a message that could not be read, slowly, to name the field."""
    at = HEADER_OCTETS
    for before, most, name, status in strings:
        at += before
        end = raw.find(0, at, at + most)
        if end < 0:
            if at + most > len(raw):
                return malformed(raw, CommandStatus.ESME_RINVCMDLEN, f"the PDU ends within {name}")
            return malformed(raw, status, f"{name} has no end within {most} octets")
        at = end + 1
    return malformed(raw, CommandStatus.ESME_RINVCMDLEN, "the PDU ends within its mandatory fields")


class _Message:
    """What submit_sm, deliver_sm and data_sm have in common: up to esm_class they are alike."""

    __slots__ = ("_destination_end", "_service_end", "_source_end", "_tlvs", "raw")

    raw: bytes
    _service_end: int
    _source_end: int
    _destination_end: int
    _tlvs: Tlvs | None

    @property
    def command_id(self) -> int:
        command_id: int = _WORD.unpack_from(self.raw, 4)[0]
        return command_id

    @property
    def command_status(self) -> int:
        command_status: int = _WORD.unpack_from(self.raw, 8)[0]
        return command_status

    @property
    def sequence_number(self) -> int:
        sequence_number: int = _WORD.unpack_from(self.raw, 12)[0]
        return sequence_number

    @property
    def service_type(self) -> bytes:
        return self.raw[HEADER_OCTETS : self._service_end]

    @property
    def source_addr_ton(self) -> int:
        return self.raw[self._service_end + 1]

    @property
    def source_addr_npi(self) -> int:
        return self.raw[self._service_end + 2]

    @property
    def source_addr(self) -> bytes:
        return self.raw[self._service_end + 3 : self._source_end]

    @property
    def dest_addr_ton(self) -> int:
        return self.raw[self._source_end + 1]

    @property
    def dest_addr_npi(self) -> int:
        return self.raw[self._source_end + 2]

    @property
    def destination_addr(self) -> bytes:
        return self.raw[self._source_end + 3 : self._destination_end]

    @property
    def esm_class(self) -> int:
        return self.raw[self._destination_end + 1]

    @property
    def has_udh(self) -> bool:
        """The payload begins with a user data header (SMPP 3.4 §5.2.12)."""
        return self.raw[self._destination_end + 1] & ESM_UDHI != 0


class Sm(_Message):
    """A submit_sm or deliver_sm, read where it lies.

    ``Sm(raw)`` checks the shape of the mandatory fields and raises RecoverableError with the status to
    answer: ESME_RINVSERTYP, ESME_RINVSRCADR, ESME_RINVDSTADR, ESME_RINVSCHED, ESME_RINVEXPIRY for a
    C-string that is too long, ESME_RINVMSGLEN for sm_length, ESME_RINVCMDLEN for a PDU that ends too
    soon. It checks no value. Strings are octets without their NUL.
    """

    __slots__ = ("_schedule_end", "_validity_end")

    def __init__(self, raw: bytes) -> None:
        index = raw.index
        try:
            self._service_end = at = index(0, 16, 22)
            self._source_end = at = index(0, at + 3, at + 24)
            self._destination_end = at = index(0, at + 3, at + 24)
            self._schedule_end = at = index(0, at + 4, at + 21)
            self._validity_end = at = index(0, at + 1, at + 18)
            sm_length = raw[at + 5]
        except (ValueError, IndexError):
            raise _what_is_wrong(raw, _SM_STRINGS) from None
        if sm_length > 254 or at + 6 + sm_length > len(raw):
            raise malformed(raw, CommandStatus.ESME_RINVMSGLEN, f"sm_length {sm_length} does not fit")
        self.raw = raw
        self._tlvs = None

    @property
    def protocol_id(self) -> int:
        return self.raw[self._destination_end + 2]

    @property
    def priority_flag(self) -> int:
        return self.raw[self._destination_end + 3]

    @property
    def schedule_delivery_time(self) -> bytes:
        return self.raw[self._destination_end + 4 : self._schedule_end]

    @property
    def validity_period(self) -> bytes:
        return self.raw[self._schedule_end + 1 : self._validity_end]

    @property
    def registered_delivery(self) -> int:
        return self.raw[self._validity_end + 1]

    @property
    def replace_if_present_flag(self) -> int:
        return self.raw[self._validity_end + 2]

    @property
    def data_coding(self) -> int:
        return self.raw[self._validity_end + 3]

    @property
    def sm_default_msg_id(self) -> int:
        return self.raw[self._validity_end + 4]

    @property
    def sm_length(self) -> int:
        return self.raw[self._validity_end + 5]

    @property
    def short_message(self) -> bytes:
        start = self._validity_end + 6
        return self.raw[start : start + self.raw[start - 1]]

    @property
    def tlvs_offset(self) -> int:
        """Where the TLVs begin in ``raw``; its length when there are none."""
        return self._validity_end + 6 + self.raw[self._validity_end + 5]

    @property
    def tlvs(self) -> Tlvs:
        """Parsed when first read. Raises RecoverableError: ESME_RINVTLVSTREAM, ESME_RINVTLVLEN."""
        tlvs = self._tlvs
        if tlvs is None:
            raw = self.raw
            start = self._validity_end + 6
            start += raw[start - 1]
            self._tlvs = tlvs = NO_TLVS if start == len(raw) else parse_tlvs(raw, start)
        return tlvs

    @property
    def payload(self) -> bytes:
        """The short_message, or the message_payload TLV when sm_length is 0 and the TLV is there.

        Raises what ``tlvs`` raises, only when sm_length is 0.
        """
        start = self._validity_end + 6
        raw = self.raw
        if sm_length := raw[start - 1]:
            return raw[start : start + sm_length]
        return self.tlvs.first(_MESSAGE_PAYLOAD) or b""


class DataSm(_Message):
    """A data_sm, read where it lies: as ``Sm``, without the fields that data_sm has not.

    Addresses may have 64 octets (SMPP 3.4 §4.7.1); the payload is always a TLV.
    """

    __slots__ = ()

    def __init__(self, raw: bytes) -> None:
        index = raw.index
        try:
            self._service_end = at = index(0, 16, 22)
            self._source_end = at = index(0, at + 3, at + 68)
            self._destination_end = at = index(0, at + 3, at + 68)
        except ValueError:
            raise _what_is_wrong(raw, _DATA_SM_STRINGS) from None
        if at + 4 > len(raw):
            raise _what_is_wrong(raw, _DATA_SM_STRINGS)
        self.raw = raw
        self._tlvs = None

    @property
    def registered_delivery(self) -> int:
        return self.raw[self._destination_end + 2]

    @property
    def data_coding(self) -> int:
        return self.raw[self._destination_end + 3]

    @property
    def tlvs(self) -> Tlvs:
        """Parsed when first read. Raises RecoverableError: ESME_RINVTLVSTREAM, ESME_RINVTLVLEN."""
        tlvs = self._tlvs
        if tlvs is None:
            self._tlvs = tlvs = parse_tlvs(self.raw, self._destination_end + 4)
        return tlvs

    @property
    def payload(self) -> bytes:
        """The message_payload TLV, or nothing. Raises what ``tlvs`` raises."""
        return self.tlvs.first(_MESSAGE_PAYLOAD) or b""
