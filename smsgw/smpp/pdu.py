"""Making PDUs: patching a header, changing fields of a received message, building from nothing.

The hot half of the codec: what a gateway sends itself, thousands of times a second. Builders check
that fields fit and never check what they mean. Everything else, and PDUs as plain values for tests
and traces, is in ``codec``. The views over received messages are in ``views`` and offered here too.
SMPP 3.4 §3.2 (header), §4.1–§4.11 (operations).
What can go wrong: a field that does not fit, a NUL inside a string: LocalError, nothing was built.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import Struct
from struct import error as struct_error
from typing import Any, Final

from smsgw.errors import LocalError
from smsgw.smpp.constants import (
    ADDRESS_OCTETS,
    ADDRESS_RANGE_OCTETS,
    ESM_RECEIPT,
    HEADER_OCTETS,
    MAX_SHORT_MESSAGE_OCTETS,
    MESSAGE_ID_OCTETS,
    PASSWORD_OCTETS,
    RESPONSE_BIT,
    SERVICE_TYPE_OCTETS,
    SYSTEM_ID_OCTETS,
    SYSTEM_TYPE_OCTETS,
    TIME_OCTETS,
    V34,
    CommandId,
    Tag,
)
from smsgw.smpp.native import IS_COMPILED, wire
from smsgw.smpp.tlv import tlv
from smsgw.smpp.views import HEADER, DataSm, Sm, message_id_of

__all__ = [
    "HEADER",
    "DataSm",
    "Sm",
    "addresses_of",
    "bind",
    "bind_resp",
    "deliver_sm",
    "enquire_link",
    "enquire_link_resp",
    "generic_nack",
    "message_id_of",
    "rebuild_sm",
    "receipt_sm",
    "response",
    "submit_sm",
    "unbind",
    "unbind_resp",
    "with_header",
]

_STATUS_AND_SEQUENCE: Final = Struct(">II")
_DELIVER_SM: Final = int(CommandId.DELIVER_SM)
_MAX_ADDRESS_PART: Final = 2 + ADDRESS_OCTETS
#: esm_class, then protocol_id, priority_flag, two empty times, four octets that are 0.
_RECEIPT_FIELDS: Final = bytes((ESM_RECEIPT, *(0,) * 8))


def with_header(raw: bytes, sequence_number: int, command_status: int = 0) -> bytes:
    """The same PDU under another sequence number and status; every other octet stays."""
    return raw[:8] + _STATUS_AND_SEQUENCE.pack(command_status, sequence_number) + raw[16:]


def _sm(
    command_id: int,
    sequence_number: int,
    *,
    source_addr: bytes,
    destination_addr: bytes,
    short_message: bytes,
    service_type: bytes = b"",
    source_addr_ton: int = 0,
    source_addr_npi: int = 0,
    dest_addr_ton: int = 0,
    dest_addr_npi: int = 0,
    esm_class: int = 0,
    protocol_id: int = 0,
    priority_flag: int = 0,
    schedule_delivery_time: bytes = b"",
    validity_period: bytes = b"",
    registered_delivery: int = 0,
    replace_if_present_flag: int = 0,
    data_coding: int = 0,
    sm_default_msg_id: int = 0,
    tlvs: bytes = b"",
) -> bytes:
    """Build a submit_sm or deliver_sm; raises LocalError when a field does not fit."""
    sm_length = len(short_message)
    if (
        sm_length > MAX_SHORT_MESSAGE_OCTETS
        or len(service_type) >= SERVICE_TYPE_OCTETS
        or len(source_addr) >= ADDRESS_OCTETS
        or len(destination_addr) >= ADDRESS_OCTETS
        or len(schedule_delivery_time) >= TIME_OCTETS
        or len(validity_period) >= TIME_OCTETS
        or 0 in b"".join((service_type, source_addr, destination_addr, schedule_delivery_time, validity_period))
    ):
        raise LocalError("a field of the message is too long or has a NUL within")
    try:
        body = b"%b\0%c%c%b\0%c%c%b\0%c%c%c%b\0%b\0%c%c%c%c%c%b%b" % (
            *(service_type, source_addr_ton, source_addr_npi, source_addr),
            *(dest_addr_ton, dest_addr_npi, destination_addr),
            *(esm_class, protocol_id, priority_flag, schedule_delivery_time, validity_period),
            *(registered_delivery, replace_if_present_flag, data_coding, sm_default_msg_id),
            *(sm_length, short_message, tlvs),
        )
        return HEADER.pack(HEADER_OCTETS + len(body), command_id, 0, sequence_number) + body
    except (OverflowError, struct_error):
        raise LocalError("a number of the message does not fit its field") from None


#: Build one message from its fields; ``tlvs`` are octets (see ``tlv``). Raise LocalError when a field does not fit.
submit_sm = partial(_sm, int(CommandId.SUBMIT_SM))
deliver_sm = partial(_sm, int(CommandId.DELIVER_SM))


def rebuild_sm(
    view: Sm,
    *,
    service_type: bytes | None = None,
    source_addr_ton: int | None = None,
    source_addr_npi: int | None = None,
    source_addr: bytes | None = None,
    dest_addr_ton: int | None = None,
    dest_addr_npi: int | None = None,
    destination_addr: bytes | None = None,
    esm_class: int | None = None,
    protocol_id: int | None = None,
    priority_flag: int | None = None,
    schedule_delivery_time: bytes | None = None,
    validity_period: bytes | None = None,
    registered_delivery: int | None = None,
    replace_if_present_flag: int | None = None,
    data_coding: int | None = None,
    sm_default_msg_id: int | None = None,
    short_message: bytes | None = None,
) -> bytes:
    """The same message with the named fields changed; all else, TLVs too, octet for octet (command_status becomes 0).

    Raises LocalError when a new field does not fit.
    """
    service, source, source_string, dest, dest_string, flags, schedule, validity, options = view.pieces()
    service = service if service_type is None else _fitting(service_type, SERVICE_TYPE_OCTETS)
    source_string = source_string if source_addr is None else _fitting(source_addr, ADDRESS_OCTETS)
    dest_string = dest_string if destination_addr is None else _fitting(destination_addr, ADDRESS_OCTETS)
    schedule = schedule if schedule_delivery_time is None else _fitting(schedule_delivery_time, TIME_OCTETS)
    validity = validity if validity_period is None else _fitting(validity_period, TIME_OCTETS)
    if source_addr_ton is not None or source_addr_npi is not None:
        source = _replaced(source, source_addr_ton, source_addr_npi)
    if dest_addr_ton is not None or dest_addr_npi is not None:
        dest = _replaced(dest, dest_addr_ton, dest_addr_npi)
    if esm_class is not None or protocol_id is not None or priority_flag is not None:
        flags = _replaced(flags, esm_class, protocol_id, priority_flag)
    raw = view.raw
    length = None if short_message is None else len(short_message)
    options = _replaced(options, registered_delivery, replace_if_present_flag, data_coding, sm_default_msg_id, length)
    if options[4] > MAX_SHORT_MESSAGE_OCTETS:
        raise LocalError(f"short_message of {length} octets")
    rest = raw[view.message_offset :] if short_message is None else short_message + raw[view.tlvs_offset :]
    fields = (service, source, source_string, dest, dest_string, flags, schedule, validity, options, rest)
    body = b"%b\0%b%b\0%b%b\0%b%b\0%b\0%b%b" % fields
    return _pdu(view.command_id, 0, view.sequence_number, body)


def _replaced(old: bytes, *new: int | None) -> bytes:
    """``old`` with those octets changed for which ``new`` has a number."""
    octets = bytearray(old)
    try:
        for at, number in enumerate(new):
            if number is not None:
                octets[at] = number
    except ValueError:
        raise LocalError(f"one of {new} does not fit one octet") from None
    return bytes(octets)


def _fitting(value: bytes, most: int, name: str = "a string") -> bytes:
    if len(value) >= most or 0 in value:
        # The value stays out of the message: it may be a password.
        raise LocalError(f"{name} of {len(value)} octets is too long (at most {most - 1}) or has a NUL within")
    return value


def _string(value: bytes, most: int, name: str) -> bytes:
    return _fitting(value, most, name) + b"\0"


def _octets(*numbers: int) -> bytes:
    try:
        return bytes(numbers)
    except ValueError:
        raise LocalError(f"one of {numbers} does not fit one octet") from None


def _pdu(command_id: int, command_status: int, sequence_number: int, body: bytes) -> bytes:
    try:
        return HEADER.pack(HEADER_OCTETS + len(body), command_id, command_status, sequence_number) + body
    except struct_error:
        raise LocalError(f"command_status {command_status} or sequence_number {sequence_number} does not fit") from None


def addresses_of(raw: bytes) -> tuple[bytes, bytes]:
    """Source and destination of a message whose view could be made: each with its ton, its npi and its NUL."""
    service_type_end = raw.index(0, HEADER_OCTETS)
    source_end = raw.index(0, service_type_end + 3) + 1
    return raw[service_type_end + 1 : source_end], raw[source_end : raw.index(0, source_end + 2) + 1]


def receipt_sm(sequence_number: int, source: bytes, destination: bytes, text: bytes, tlvs: bytes) -> bytes:
    """A deliver_sm with esm_class "receipt" and zeros otherwise; addresses as ``addresses_of`` has them.

    Those of a data_sm may be longer than a deliver_sm has room for (SMPP 3.4 §4.6.1): they are cut. Raises LocalError
    when ``text`` is too long.
    """
    if len(source) > _MAX_ADDRESS_PART:
        source = source[: _MAX_ADDRESS_PART - 1] + b"\0"
    if len(destination) > _MAX_ADDRESS_PART:
        destination = destination[: _MAX_ADDRESS_PART - 1] + b"\0"
    length = len(text)
    if length > MAX_SHORT_MESSAGE_OCTETS:
        raise LocalError("the text of a receipt is too long")
    body = b"\0%b%b%b%c%b%b" % (source, destination, _RECEIPT_FIELDS, length, text, tlvs)
    return HEADER.pack(HEADER_OCTETS + len(body), _DELIVER_SM, 0, sequence_number) + body


def response(
    command_id: int, command_status: int, sequence_number: int, message_id: bytes | None = None, tlvs: bytes = b""
) -> bytes:
    """A response to the request ``command_id`` (the response's own id does as well).

    ``message_id`` None leaves the body out, as errors do in SMPP 3.4 §4.4.2; then TLVs stand alone.
    Raises LocalError when ``message_id`` has more than 64 octets or a NUL.
    """
    body = tlvs if message_id is None else _string(message_id, MESSAGE_ID_OCTETS, "message_id") + tlvs
    return _pdu(command_id | RESPONSE_BIT, command_status, sequence_number, body)


def accepted(command_id: int, sequence_number: int, message_id: bytes) -> bytes:
    """``response`` with ESME_ROK and an id of our own, which needs no looking at: short, and without a NUL."""
    return (
        HEADER.pack(HEADER_OCTETS + 1 + len(message_id), command_id | RESPONSE_BIT, 0, sequence_number)
        + message_id
        + b"\0"
    )


def enquire_link(sequence_number: int) -> bytes:
    return _pdu(CommandId.ENQUIRE_LINK, 0, sequence_number, b"")


def enquire_link_resp(sequence_number: int) -> bytes:
    return _pdu(CommandId.ENQUIRE_LINK_RESP, 0, sequence_number, b"")


def unbind(sequence_number: int) -> bytes:
    return _pdu(CommandId.UNBIND, 0, sequence_number, b"")


def unbind_resp(sequence_number: int, command_status: int = 0) -> bytes:
    return _pdu(CommandId.UNBIND_RESP, command_status, sequence_number, b"")


def generic_nack(command_status: int, sequence_number: int) -> bytes:
    """``sequence_number`` is the refused PDU's, 0 when it could not be read (SMPP 3.4 §4.3.1)."""
    return _pdu(CommandId.GENERIC_NACK, command_status, sequence_number, b"")


def bind(
    command_id: int,
    sequence_number: int,
    *,
    system_id: bytes,
    password: bytes,
    system_type: bytes = b"",
    interface_version: int = V34,
    addr_ton: int = 0,
    addr_npi: int = 0,
    address_range: bytes = b"",
) -> bytes:
    """bind_transmitter, bind_receiver or bind_transceiver. Raises LocalError when a field does not fit."""
    body = b"".join(
        (
            _string(system_id, SYSTEM_ID_OCTETS, "system_id"),
            _string(password, PASSWORD_OCTETS, "password"),
            _string(system_type, SYSTEM_TYPE_OCTETS, "system_type"),
            _octets(interface_version, addr_ton, addr_npi),
            _string(address_range, ADDRESS_RANGE_OCTETS, "address_range"),
        )
    )
    return _pdu(command_id, 0, sequence_number, body)


def bind_resp(
    command_id: int, command_status: int, sequence_number: int, system_id: bytes, sc_interface_version: int | None
) -> bytes:
    """The answer to the bind ``command_id``; ``sc_interface_version`` None for a peer of SMPP 3.3.

    Raises LocalError when ``system_id`` does not fit.
    """
    body = _string(system_id, SYSTEM_ID_OCTETS, "system_id")
    if sc_interface_version is not None:
        body += tlv(Tag.SC_INTERFACE_VERSION, _octets(sc_interface_version))
    return _pdu(command_id | RESPONSE_BIT, command_status, sequence_number, body)


#: The fields of ``_sm`` in their order on the wire; sm_length, which stands before short_message, is none of them.
_SM_NAMES: Final = (
    "service_type", "source_addr_ton", "source_addr_npi", "source_addr", "dest_addr_ton", "dest_addr_npi",
    "destination_addr", "esm_class", "protocol_id", "priority_flag", "schedule_delivery_time", "validity_period",
    "registered_delivery", "replace_if_present_flag", "data_coding", "sm_default_msg_id", "short_message", "tlvs",
)  # fmt: skip

#: The twins of what is compiled.
PYTHON: Final[dict[str, Callable[..., Any]]] = {
    "submit_sm": submit_sm, "deliver_sm": deliver_sm, "receipt_sm": receipt_sm, "addresses_of": addresses_of,
    "response": response, "accepted": accepted, "with_header": with_header,
}  # fmt: skip
if IS_COMPILED:
    submit_sm = wire.sm_builder(submit_sm, int(CommandId.SUBMIT_SM), _SM_NAMES)
    deliver_sm = wire.sm_builder(deliver_sm, _DELIVER_SM, _SM_NAMES)
    receipt_sm, addresses_of = wire.over(receipt_sm), wire.over(addresses_of)
    response, accepted, with_header = wire.over(response), wire.over(accepted), wire.over(with_header)
