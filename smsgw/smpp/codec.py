"""Every PDU of SMPP 3.3, 3.4 and 5.0 as a plain value, both directions, driven by ``layout``.

For what is not on the hot path: binds, queries, traces, simulators, tests. submit_sm, deliver_sm and data_sm in
quantity go through ``views`` and ``pdu``, which must agree with this module (tests hold them together).
Never checks what a value means. ``encode(decode(raw)) == raw`` for every PDU that ``decode`` takes,
except that a request's missing fields can't be told from their null values.
SMPP 3.4 §3, §4. What can go wrong: a malformed PDU (RecoverableError with the status to answer), octets that
are not one frame (FatalError), a value that does not fit its field (LocalError).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from smsgw.errors import FatalError, LocalError
from smsgw.smpp.constants import (
    ADDRESS_OCTETS,
    DEST_DISTRIBUTION_LIST,
    DEST_SME_ADDRESS,
    HEADER_OCTETS,
    MAX_SHORT_MESSAGE_OCTETS,
    MESSAGE_ID_OCTETS,
    RESPONSE_BIT,
    CommandStatus,
    command_name,
)
from smsgw.smpp.layout import LAYOUTS, DistributionList, Field, Kind, SmeAddress, UnsuccessSme
from smsgw.smpp.tlv import NO_TLVS, Tlvs
from smsgw.smpp.views import HEADER, malformed, parse_tlvs

_ADDRESS: Final = Field("destination_addr", Kind.STRING, ADDRESS_OCTETS, CommandStatus.ESME_RINVDSTADR)
_LIST_NAME: Final = Field("dl_name", Kind.STRING, ADDRESS_OCTETS, CommandStatus.ESME_RINVDLNAME)
_LISTED_ID: Final = Field("message_id", Kind.STRING, MESSAGE_ID_OCTETS, CommandStatus.ESME_RINVMSGID)


@dataclass(slots=True)
class Pdu:
    """One PDU. ``fields`` as ``layout.Kind`` says; a field that is left out of a request has its null value.

    A response without any fields and TLVs is one without a body, as errors usually are.
    """

    command_id: int
    command_status: int
    sequence_number: int
    fields: dict[str, object] = field(default_factory=dict)
    tlvs: Tlvs = NO_TLVS


def decode(raw: bytes) -> Pdu:
    """Read one whole frame.

    Raises RecoverableError (with both ids): ESME_RINVCMDID for an unknown command, ESME_RINVCMDLEN for a PDU
    that ends too soon, the field's own status for a string that is too long, ESME_RINVMSGLEN,
    ESME_RINVDESTFLAG, ESME_RINVTLVSTREAM, ESME_RINVTLVLEN. A malformed *response* must not be answered.
    Raises FatalError when ``raw`` is shorter than a header or than its command_length, or longer.
    """
    if len(raw) < HEADER_OCTETS:
        raise FatalError(CommandStatus.ESME_RINVCMDLEN, f"{len(raw)} octets are less than a header")
    length, command_id, command_status, sequence_number = HEADER.unpack_from(raw)
    if length != len(raw):
        raise FatalError(CommandStatus.ESME_RINVCMDLEN, f"command_length {length} of {len(raw)} octets")
    layout = LAYOUTS.get(command_id)
    if layout is None:
        raise malformed(raw, CommandStatus.ESME_RINVCMDID, f"unknown command {command_name(command_id)}")
    fields: dict[str, object] = {}
    if length == HEADER_OCTETS and command_id & RESPONSE_BIT:
        return Pdu(command_id, command_status, sequence_number, fields)
    reader = _Reader(raw)
    for item in layout:
        fields[item.name] = reader.field(item)
    return Pdu(command_id, command_status, sequence_number, fields, parse_tlvs(raw, reader.at))


def encode(pdu: Pdu) -> bytes:
    """The PDU as octets. Raises LocalError for an unknown command or field, or a value that does not fit."""
    layout = LAYOUTS.get(pdu.command_id)
    if layout is None:
        raise LocalError(f"unknown command {command_name(pdu.command_id)}")
    values = pdu.fields
    unknown = values.keys() - {item.name for item in layout}
    if unknown:
        raise LocalError(f"{command_name(pdu.command_id)} has no field {', '.join(sorted(unknown))}")
    body = b""
    if values or len(pdu.tlvs) or not pdu.command_id & RESPONSE_BIT:
        body = b"".join([_written(item, values.get(item.name)) for item in layout])
    body += pdu.tlvs.encode()
    for name, number in (("command_status", pdu.command_status), ("sequence_number", pdu.sequence_number)):
        if not 0 <= number <= 0xFFFFFFFF:
            raise LocalError(f"{name} {number} does not fit 4 octets")
    return HEADER.pack(HEADER_OCTETS + len(body), pdu.command_id, pdu.command_status, pdu.sequence_number) + body


class _Reader:
    """Reads fields of one PDU from ``at`` on."""

    __slots__ = ("at", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = HEADER_OCTETS

    def field(self, item: Field) -> object:
        match item.kind:
            case Kind.INTEGER:
                return self.integer(item.name)
            case Kind.STRING:
                return self.string(item)
            case Kind.MESSAGE:
                return self.message()
            case Kind.DESTINATIONS:
                return [self.destination() for _ in range(self.integer("number_of_dests"))]
            case Kind.UNSUCCESSFUL:
                return [self.unsuccessful() for _ in range(self.integer("no_unsuccess"))]
            case Kind.MESSAGE_IDS:
                return [self.string(_LISTED_ID) for _ in range(self.integer("no_of_messages"))]

    def integer(self, name: str, octets: int = 1) -> int:
        start = self.at
        self.at = stop = start + octets
        if stop > len(self.raw):
            raise malformed(self.raw, CommandStatus.ESME_RINVCMDLEN, f"the PDU ends before {name}")
        return int.from_bytes(self.raw[start:stop])

    def string(self, item: Field) -> bytes:
        raw = self.raw
        start = self.at
        stop = raw.find(0, start, start + item.most)
        if stop < 0:
            if start + item.most > len(raw):
                raise malformed(raw, CommandStatus.ESME_RINVCMDLEN, f"the PDU ends within {item.name}")
            raise malformed(raw, item.status, f"{item.name} has no end within {item.most} octets")
        self.at = stop + 1
        return raw[start:stop]

    def message(self) -> bytes:
        length = self.integer("sm_length")
        start = self.at
        self.at = stop = start + length
        if length > MAX_SHORT_MESSAGE_OCTETS or stop > len(self.raw):
            raise malformed(self.raw, CommandStatus.ESME_RINVMSGLEN, f"sm_length {length} does not fit")
        return self.raw[start:stop]

    def destination(self) -> SmeAddress | DistributionList:
        flag = self.integer("dest_flag")
        if flag == DEST_SME_ADDRESS:
            ton, npi = self.integer("dest_addr_ton"), self.integer("dest_addr_npi")
            return SmeAddress(ton, npi, self.string(_ADDRESS))
        if flag == DEST_DISTRIBUTION_LIST:
            return DistributionList(self.string(_LIST_NAME))
        raise malformed(self.raw, CommandStatus.ESME_RINVDESTFLAG, f"dest_flag {flag}")

    def unsuccessful(self) -> UnsuccessSme:
        ton, npi = self.integer("dest_addr_ton"), self.integer("dest_addr_npi")
        address = self.string(_ADDRESS)
        return UnsuccessSme(ton, npi, address, self.integer("error_status_code", 4))


def _written(item: Field, value: object) -> bytes:
    match item.kind:
        case Kind.INTEGER:
            return _integer(item.name, 0 if value is None else value)
        case Kind.STRING:
            return _string(item, b"" if value is None else value)
        case Kind.MESSAGE:
            message = b"" if value is None else value
            if not isinstance(message, bytes) or len(message) > MAX_SHORT_MESSAGE_OCTETS:
                raise LocalError(f"{item.name} must be at most {MAX_SHORT_MESSAGE_OCTETS} octets")
            return _integer("sm_length", len(message)) + message
        case Kind.DESTINATIONS:
            return _list(item.name, value, _destination)
        case Kind.UNSUCCESSFUL:
            return _list(item.name, value, _unsuccessful)
        case Kind.MESSAGE_IDS:
            return _list(item.name, value, _message_id)


def _integer(name: str, value: object, octets: int = 1) -> bytes:
    if not isinstance(value, int) or not 0 <= value < 1 << 8 * octets:
        raise LocalError(f"{name} does not fit {octets} octets: {value!r}")
    return value.to_bytes(octets)


def _string(item: Field, value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) >= item.most or 0 in value:
        # The value stays out of the message: it may be a password.
        raise LocalError(f"{item.name} must be at most {item.most - 1} octets without NUL")
    return value + b"\0"


def _list(name: str, values: object, write: Callable[[object], bytes]) -> bytes:
    if values is None:
        values = []
    if not isinstance(values, list):
        raise LocalError(f"{name} must be a list: {values!r}")
    return _integer(f"the count of {name}", len(values)) + b"".join([write(value) for value in values])


def _destination(value: object) -> bytes:
    if isinstance(value, DistributionList):
        return _integer("dest_flag", DEST_DISTRIBUTION_LIST) + _string(_LIST_NAME, value.dl_name)
    if not isinstance(value, SmeAddress):
        raise LocalError(f"a destination must be an SmeAddress or a DistributionList: {value!r}")
    return _integer("dest_flag", DEST_SME_ADDRESS) + _address(value)


def _unsuccessful(value: object) -> bytes:
    if not isinstance(value, UnsuccessSme):
        raise LocalError(f"an unsuccess_sme must be an UnsuccessSme: {value!r}")
    return _address(value) + _integer("error_status_code", value.error_status_code, 4)


def _address(value: SmeAddress | UnsuccessSme) -> bytes:
    ton = _integer("dest_addr_ton", value.dest_addr_ton)
    npi = _integer("dest_addr_npi", value.dest_addr_npi)
    return ton + npi + _string(_ADDRESS, value.destination_addr)


def _message_id(value: object) -> bytes:
    return _string(_LISTED_ID, value)
