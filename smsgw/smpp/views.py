"""Offset views over received messages: submit_sm, deliver_sm and data_sm, read where they lie.

Owns: finding the ends of the fields once, and cutting a field only when it is read. Never copies or
changes the frame: forwarding sends ``raw`` again (see ``pdu.with_header``). Checks shapes, not values.

Input is one whole frame from ``framing``: at least 16 octets, and command_length is its length.
SMPP 3.4 §4.4.1 (submit_sm), §4.6.1 (deliver_sm), §4.7.1 (data_sm), §3.2 (header).
What can go wrong: a field that never ends or runs past the frame: RecoverableError with the status to answer.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Final, TypeAlias

from smsgw.errors import FatalError, RecoverableError
from smsgw.smpp.constants import (
    ADDRESS_OCTETS,
    ESM_UDHI,
    HEADER_OCTETS,
    LONG_ADDRESS_OCTETS,
    MAX_SHORT_MESSAGE_OCTETS,
    SERVICE_TYPE_OCTETS,
    TIME_OCTETS,
    CommandStatus,
    Tag,
)
from smsgw.smpp.native import IS_COMPILED, wire
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


def message_id_of(raw: bytes) -> bytes:
    """The message_id of a submit_sm_resp, deliver_sm_resp or data_sm_resp; empty when there is none.

    Never raises: carriers leave out the body, or the NUL, and an id that was issued must not be lost for it.
    """
    end = raw.find(0, HEADER_OCTETS)
    return raw[HEADER_OCTETS:end] if end >= 0 else raw[HEADER_OCTETS:]


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


# One match finds every field of a message: a C-string is what has no NUL, up to its greatest length.
# The groups up to the destination are the same for both, so that ``_Message`` can read either.
_UP_TO_DESTINATION: Final = rb"([^\0]{0,5}+)\0(..)([^\0]{0,%d}+)\0(..)([^\0]{0,%d}+)\0"
_MATCH_SM: Final = re.compile(
    _UP_TO_DESTINATION % (20, 20) + rb"(...)([^\0]{0,16}+)\0([^\0]{0,16}+)\0(.....)", re.DOTALL
).match
_MATCH_DATA_SM: Final = re.compile(_UP_TO_DESTINATION % (64, 64) + rb"...", re.DOTALL).match


class _Message:
    """What submit_sm, deliver_sm and data_sm have in common: up to esm_class they are alike."""

    __slots__ = ("_match", "_tlvs", "raw")

    raw: bytes
    _match: re.Match[bytes]
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
        return self._match[1]

    @property
    def source_addr_ton(self) -> int:
        return self.raw[self._match.end(1) + 1]

    @property
    def source_addr_npi(self) -> int:
        return self.raw[self._match.end(1) + 2]

    @property
    def source_addr(self) -> bytes:
        return self._match[3]

    @property
    def dest_addr_ton(self) -> int:
        return self.raw[self._match.end(3) + 1]

    @property
    def dest_addr_npi(self) -> int:
        return self.raw[self._match.end(3) + 2]

    @property
    def destination_addr(self) -> bytes:
        return self._match[5]

    @property
    def esm_class(self) -> int:
        return self.raw[self._match.end(5) + 1]

    @property
    def has_udh(self) -> bool:
        """The payload begins with a user data header (SMPP 3.4 §5.2.12)."""
        return self.raw[self._match.end(5) + 1] & ESM_UDHI != 0


#: source_addr, destination_addr, registered_delivery, data_coding and the text.
Plain: TypeAlias = tuple[bytes, bytes, int, int, bytes]
#: From the NUL of destination_addr to short_message: ten octets where both times are empty.
_UP_TO_MESSAGE: Final = 11


class Sm(_Message):
    """A submit_sm or deliver_sm, read where it lies.

    ``Sm(raw)`` checks the shape of the mandatory fields and raises RecoverableError with the status to
    answer: ESME_RINVSERTYP, ESME_RINVSRCADR, ESME_RINVDSTADR, ESME_RINVSCHED, ESME_RINVEXPIRY for a
    C-string that is too long, ESME_RINVMSGLEN for sm_length, ESME_RINVCMDLEN for a PDU that ends too
    soon. It checks no value. Strings are octets without their NUL.
    """

    __slots__ = ("_message_at",)

    def __init__(self, raw: bytes) -> None:
        match = _MATCH_SM(raw, 16)
        if match is None:
            raise _what_is_wrong(raw, _SM_STRINGS)
        self._message_at = at = match.end()
        sm_length = raw[at - 1]
        if at + sm_length > len(raw) or sm_length > MAX_SHORT_MESSAGE_OCTETS:
            raise malformed(raw, CommandStatus.ESME_RINVMSGLEN, f"sm_length {sm_length} does not fit")
        self.raw = raw
        self._match = match
        self._tlvs = None

    @property
    def protocol_id(self) -> int:
        return self.raw[self._match.end(5) + 2]

    @property
    def priority_flag(self) -> int:
        return self.raw[self._match.end(5) + 3]

    @property
    def schedule_delivery_time(self) -> bytes:
        return self._match[7]

    @property
    def validity_period(self) -> bytes:
        return self._match[8]

    @property
    def registered_delivery(self) -> int:
        return self.raw[self._message_at - 5]

    @property
    def replace_if_present_flag(self) -> int:
        return self.raw[self._message_at - 4]

    @property
    def data_coding(self) -> int:
        return self.raw[self._message_at - 3]

    @property
    def sm_default_msg_id(self) -> int:
        return self.raw[self._message_at - 2]

    @property
    def sm_length(self) -> int:
        return self.raw[self._message_at - 1]

    @property
    def short_message(self) -> bytes:
        at = self._message_at
        raw = self.raw
        return raw[at : at + raw[at - 1]]

    def plain(self) -> Plain | None:
        """The fields of a message that is nothing but a short_message, to be sent at once, in one look; else None.

        That is: no header in the text, no times, no predefined message, no TLVs.
        """
        raw, at, match = self.raw, self._message_at, self._match
        length = raw[at - 1]
        if (
            0 < length == len(raw) - at
            and at == match.end(5) + _UP_TO_MESSAGE
            and not raw[at - 2]
            and not raw[at - 10] & ESM_UDHI
        ):
            return match[3], match[5], raw[at - 5], raw[at - 3], raw[at:]
        return None

    @property
    def message_offset(self) -> int:
        """Where short_message begins in ``raw``; the TLVs follow it."""
        return self._message_at

    @property
    def tlvs_offset(self) -> int:
        """Where the TLVs begin in ``raw``; its length when there are none."""
        at = self._message_at
        return at + self.raw[at - 1]

    @property
    def tlvs(self) -> Tlvs:
        """Parsed when first read. Raises RecoverableError: ESME_RINVTLVSTREAM, ESME_RINVTLVLEN."""
        tlvs = self._tlvs
        if tlvs is None:
            raw = self.raw
            at = self._message_at
            at += raw[at - 1]
            self._tlvs = tlvs = NO_TLVS if at == len(raw) else parse_tlvs(raw, at)
        return tlvs

    @property
    def payload(self) -> bytes:
        """The short_message, or the message_payload TLV when sm_length is 0 and the TLV is there.

        Raises what ``tlvs`` raises, only when sm_length is 0.
        """
        at = self._message_at
        raw = self.raw
        if sm_length := raw[at - 1]:
            return raw[at : at + sm_length]
        return self.tlvs.first(_MESSAGE_PAYLOAD) or b""

    def pieces(self) -> tuple[bytes, ...]:
        """The mandatory fields as nine runs of octets, without their NULs, up to sm_length.

        service_type; source ton, npi; source_addr; destination ton, npi; destination_addr; esm_class,
        protocol_id, priority_flag; schedule_delivery_time; validity_period; registered_delivery,
        replace_if_present_flag, data_coding, sm_default_msg_id, sm_length.
        """
        return self._match.groups()


PythonSm: Final = Sm
if IS_COMPILED:
    wire.prepare(PythonSm, parse_tlvs, NO_TLVS)
    Sm = wire.Sm  # type: ignore[misc, assignment]  # its twin says what it is


class DataSm(_Message):
    """A data_sm, read where it lies: as ``Sm``, without the fields that data_sm has not.

    Addresses may have 64 octets (SMPP 3.4 §4.7.1); the payload is always a TLV.
    """

    __slots__ = ()

    def __init__(self, raw: bytes) -> None:
        match = _MATCH_DATA_SM(raw, 16)
        if match is None:
            raise _what_is_wrong(raw, _DATA_SM_STRINGS)
        self.raw = raw
        self._match = match
        self._tlvs = None

    def plain(self) -> None:
        """Its text is never a short_message."""

    @property
    def registered_delivery(self) -> int:
        return self.raw[self._match.end(5) + 2]

    @property
    def data_coding(self) -> int:
        return self.raw[self._match.end(5) + 3]

    @property
    def tlvs(self) -> Tlvs:
        """Parsed when first read. Raises RecoverableError: ESME_RINVTLVSTREAM, ESME_RINVTLVLEN."""
        tlvs = self._tlvs
        if tlvs is None:
            self._tlvs = tlvs = parse_tlvs(self.raw, self._match.end())
        return tlvs

    @property
    def payload(self) -> bytes:
        """The message_payload TLV, or nothing. Raises what ``tlvs`` raises."""
        return self.tlvs.first(_MESSAGE_PAYLOAD) or b""
