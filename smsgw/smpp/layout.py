"""The mandatory fields of every PDU, as a table: SMPP 3.4 §4, SMPP 5.0 §4.4 (broadcast), SMPP 3.3 §6.

Owns: names, order, kinds and greatest sizes of fields, and the status for a field that is too long.
Holds no logic; ``codec`` walks it. Field names are the specification's. A count that stands before a list,
and sm_length before short_message, is part of that list or message and not a field of its own.
Tests hold this table against other implementations' PDUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from smsgw.smpp.constants import (
    ADDRESS_OCTETS,
    ADDRESS_RANGE_OCTETS,
    LONG_ADDRESS_OCTETS,
    MESSAGE_ID_OCTETS,
    PASSWORD_OCTETS,
    SERVICE_TYPE_OCTETS,
    SYSTEM_ID_OCTETS,
    SYSTEM_TYPE_OCTETS,
    TIME_OCTETS,
    CommandId,
    CommandStatus,
)


class Kind(Enum):
    """How a field lies on the wire, and what it is in ``Pdu.fields``."""

    INTEGER = "one octet: int"
    STRING = "C-octet string: bytes without the NUL"
    MESSAGE = "one octet of length, then that many: bytes"
    DESTINATIONS = "one octet of count, then dest_address(es): list of SmeAddress and DistributionList"
    UNSUCCESSFUL = "one octet of count, then unsuccess_sme(s): list of UnsuccessSme"
    MESSAGE_IDS = "one octet of count, then C-octet strings: list of bytes"


class SmeAddress(NamedTuple):
    """A single destination of submit_multi (SMPP 3.4 §4.5.1.1)."""

    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: bytes


class DistributionList(NamedTuple):
    """A list of destinations known to the SMSC (SMPP 3.4 §4.5.1.2)."""

    dl_name: bytes


class UnsuccessSme(NamedTuple):
    """A destination of submit_multi that failed, with its own command_status (SMPP 3.4 §4.5.2.1)."""

    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: bytes
    error_status_code: int


@dataclass(frozen=True, slots=True)
class Field:
    """One mandatory field. ``most`` octets with the NUL, and ``status`` when it is longer, for strings."""

    name: str
    kind: Kind
    most: int = 1
    status: CommandStatus = CommandStatus.ESME_RINVCMDLEN


def _integers(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, Kind.INTEGER) for name in names)


def _string(name: str, most: int, status: CommandStatus = CommandStatus.ESME_RINVCMDLEN) -> tuple[Field, ...]:
    return (Field(name, Kind.STRING, most, status),)


def _source(most: int = ADDRESS_OCTETS) -> tuple[Field, ...]:
    address = _string("source_addr", most, CommandStatus.ESME_RINVSRCADR)
    return (*_integers("source_addr_ton", "source_addr_npi"), *address)


def _destination(most: int = ADDRESS_OCTETS) -> tuple[Field, ...]:
    address = _string("destination_addr", most, CommandStatus.ESME_RINVDSTADR)
    return (*_integers("dest_addr_ton", "dest_addr_npi"), *address)


_SERVICE_TYPE: Final = _string("service_type", SERVICE_TYPE_OCTETS, CommandStatus.ESME_RINVSERTYP)
_SYSTEM_ID: Final = _string("system_id", SYSTEM_ID_OCTETS, CommandStatus.ESME_RINVSYSID)
_PASSWORD: Final = _string("password", PASSWORD_OCTETS, CommandStatus.ESME_RINVPASWD)
_MESSAGE_ID: Final = _string("message_id", MESSAGE_ID_OCTETS, CommandStatus.ESME_RINVMSGID)
_SCHEDULE: Final = _string("schedule_delivery_time", TIME_OCTETS, CommandStatus.ESME_RINVSCHED)
_VALIDITY: Final = _string("validity_period", TIME_OCTETS, CommandStatus.ESME_RINVEXPIRY)
_FINAL_DATE: Final = _string("final_date", TIME_OCTETS)
_SHORT_MESSAGE: Final = (Field("short_message", Kind.MESSAGE, 0, CommandStatus.ESME_RINVMSGLEN),)
_DESTINATIONS: Final = (Field("dest_addresses", Kind.DESTINATIONS),)

_BIND: Final = (
    *_SYSTEM_ID,
    *_PASSWORD,
    *_string("system_type", SYSTEM_TYPE_OCTETS, CommandStatus.ESME_RINVSYSTYP),
    *_integers("interface_version", "addr_ton", "addr_npi"),
    *_string("address_range", ADDRESS_RANGE_OCTETS),
)
# What follows the destination in submit_sm, deliver_sm and submit_multi.
_MESSAGE_TAIL: Final = (
    *_integers("esm_class", "protocol_id", "priority_flag"),
    *_SCHEDULE,
    *_VALIDITY,
    *_integers("registered_delivery", "replace_if_present_flag", "data_coding", "sm_default_msg_id"),
    *_SHORT_MESSAGE,
)
_SM: Final = (*_SERVICE_TYPE, *_source(), *_destination(), *_MESSAGE_TAIL)

_C = CommandId

#: command_id → its mandatory fields in their order.
LAYOUTS: Final[dict[int, tuple[Field, ...]]] = {
    _C.GENERIC_NACK: (),
    _C.BIND_RECEIVER: _BIND,
    _C.BIND_RECEIVER_RESP: _SYSTEM_ID,
    _C.BIND_TRANSMITTER: _BIND,
    _C.BIND_TRANSMITTER_RESP: _SYSTEM_ID,
    _C.BIND_TRANSCEIVER: _BIND,
    _C.BIND_TRANSCEIVER_RESP: _SYSTEM_ID,
    _C.OUTBIND: (*_SYSTEM_ID, *_PASSWORD),
    _C.UNBIND: (),
    _C.UNBIND_RESP: (),
    _C.ENQUIRE_LINK: (),
    _C.ENQUIRE_LINK_RESP: (),
    _C.SUBMIT_SM: _SM,
    _C.SUBMIT_SM_RESP: _MESSAGE_ID,
    _C.DELIVER_SM: _SM,
    _C.DELIVER_SM_RESP: _MESSAGE_ID,
    _C.SUBMIT_MULTI: (*_SERVICE_TYPE, *_source(), *_DESTINATIONS, *_MESSAGE_TAIL),
    _C.SUBMIT_MULTI_RESP: (*_MESSAGE_ID, Field("unsuccess_smes", Kind.UNSUCCESSFUL)),
    _C.DATA_SM: (
        *_SERVICE_TYPE,
        *_source(LONG_ADDRESS_OCTETS),
        *_destination(LONG_ADDRESS_OCTETS),
        *_integers("esm_class", "registered_delivery", "data_coding"),
    ),
    _C.DATA_SM_RESP: _MESSAGE_ID,
    _C.QUERY_SM: (*_MESSAGE_ID, *_source()),
    _C.QUERY_SM_RESP: (*_MESSAGE_ID, *_FINAL_DATE, *_integers("message_state", "error_code")),
    _C.CANCEL_SM: (*_SERVICE_TYPE, *_MESSAGE_ID, *_source(), *_destination()),
    _C.CANCEL_SM_RESP: (),
    _C.REPLACE_SM: (
        *_MESSAGE_ID,
        *_source(),
        *_SCHEDULE,
        *_VALIDITY,
        *_integers("registered_delivery", "sm_default_msg_id"),
        *_SHORT_MESSAGE,
    ),
    _C.REPLACE_SM_RESP: (),
    _C.ALERT_NOTIFICATION: (
        *_source(LONG_ADDRESS_OCTETS),
        *_integers("esme_addr_ton", "esme_addr_npi"),
        *_string("esme_addr", LONG_ADDRESS_OCTETS),
    ),
    # SMPP 5.0 §4.4, §4.6: area, content type, repetitions and interval are TLVs.
    _C.BROADCAST_SM: (
        *_SERVICE_TYPE,
        *_source(),
        *_MESSAGE_ID,
        *_integers("priority_flag"),
        *_SCHEDULE,
        *_VALIDITY,
        *_integers("replace_if_present_flag", "data_coding", "sm_default_msg_id"),
    ),
    _C.BROADCAST_SM_RESP: _MESSAGE_ID,
    _C.QUERY_BROADCAST_SM: (*_MESSAGE_ID, *_source()),
    _C.QUERY_BROADCAST_SM_RESP: _MESSAGE_ID,
    _C.CANCEL_BROADCAST_SM: (*_SERVICE_TYPE, *_MESSAGE_ID, *_source()),
    _C.CANCEL_BROADCAST_SM_RESP: (),
    # SMPP 3.3 only; dropped from 3.4 on.
    _C.PARAM_RETRIEVE: _string("param_name", 32),
    _C.PARAM_RETRIEVE_RESP: _string("param_value", 101),
    _C.QUERY_LAST_MSGS: (*_source(), *_integers("no_of_messages")),
    _C.QUERY_LAST_MSGS_RESP: (Field("message_ids", Kind.MESSAGE_IDS),),
    _C.QUERY_MSG_DETAILS: (*_MESSAGE_ID, *_source(), *_integers("sm_length")),
    _C.QUERY_MSG_DETAILS_RESP: (
        *_SERVICE_TYPE,
        *_source(),
        *_DESTINATIONS,
        *_integers("protocol_id", "priority_flag"),
        *_SCHEDULE,
        *_VALIDITY,
        *_integers("registered_delivery", "data_coding"),
        *_SHORT_MESSAGE,
        *_MESSAGE_ID,
        *_FINAL_DATE,
        *_integers("message_state", "error_code"),
    ),
}
