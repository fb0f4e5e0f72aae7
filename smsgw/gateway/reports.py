"""Receipts as applications get them, whether a carrier sent them or a message ended here.

An *origin* is what a receipt needs of the message it is for: both addresses as the application wrote
them and when it was submitted. It holds numbers, so the store keeps it sealed. A *report* says what
became of the message and holds nothing secret. The text is that of SMPP 3.4 appendix B.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from smsgw.gateway.ids import shown
from smsgw.smpp.constants import ADDRESS_OCTETS, ESM_RECEIPT, MessageState, Tag
from smsgw.smpp.pdu import deliver_sm
from smsgw.smpp.tlv import tlv
from smsgw.smpp.views import DataSm, Sm
from smsgw.store.packing import pack, unpack

_STAT_OF_STATE = {
    int(MessageState.ENROUTE): "ENROUTE",
    int(MessageState.DELIVERED): "DELIVRD",
    int(MessageState.EXPIRED): "EXPIRED",
    int(MessageState.DELETED): "DELETED",
    int(MessageState.UNDELIVERABLE): "UNDELIV",
    int(MessageState.ACCEPTED): "ACCEPTD",
    int(MessageState.UNKNOWN): "UNKNOWN",
    int(MessageState.REJECTED): "REJECTD",
}

#: The words for ``stat`` that everybody knows.
STATS = frozenset(_STAT_OF_STATE.values())

#: Vendor TLV of a receipt: the carrier's own code, ASCII, where it is not a number of three digits.
TAG_CARRIER_CODE = 0x1403
#: Of a carrier's ``err:``, which may run on: what it becomes part of must still fit a short_message.
MAX_ERR_CHARACTERS = 20
#: ``err`` for a code without a digit.
UNNUMBERED = "999"

#: Kinds of receipt as bits, and which of them each value of registered_delivery asks for (SMPP 3.4 §5.2.17).
SUCCESS, FAILURE, INTERMEDIATE = 1, 2, 4
# Plain ints: looking a member up in an enum costs more than building a short field.
_DELIVERED, _RECEIPTED_MESSAGE_ID = int(MessageState.DELIVERED), int(Tag.RECEIPTED_MESSAGE_ID)
_OTHER_KINDS = {int(MessageState.ENROUTE): INTERMEDIATE, int(MessageState.ACCEPTED): INTERMEDIATE}
_WANTED = {0: 0, 1: SUCCESS | FAILURE, 2: FAILURE, 3: SUCCESS}


class Origin(NamedTuple):
    """The addresses of a submit_sm and its time of submission in business ms.

    Only where the carrier's file asks for it: when it was sent, its signature, and the whole message as ``Envelope``
    packs it.
    """

    source_addr: bytes
    source_ton: int
    source_npi: int
    dest_addr: bytes
    dest_ton: int
    dest_npi: int
    submitted_ms: int
    sent_ms: int = 0
    signature: str = ""
    envelope: bytes = b""


class Report(NamedTuple):
    """What became of a message. ``err`` is the code as it was given, ``done_ms`` business time.

    ``stat`` is a carrier's own word for it, where it is none of the specification's (``MBBLACK``).
    """

    message_state: int
    err: str
    done_ms: int
    network_error: bytes = b""
    stat: str = ""


def wanted_kinds(registered_delivery: int) -> int:
    """The kinds of receipt an application asked for, as bits."""
    return _WANTED[registered_delivery & 3] | (INTERMEDIATE if registered_delivery & 0x10 else 0)


def kind_of(message_state: int) -> int:
    """The kind of a receipt with this state."""
    return SUCCESS if message_state == _DELIVERED else _OTHER_KINDS.get(message_state, FAILURE)


def pack_origin(view: Sm | DataSm, submitted_ms: int, *more: int | str | bytes) -> bytes:
    """The origin of a message as octets, not sealed yet; ``more`` are the last fields of ``Origin``."""
    return pack(
        (
            view.source_addr,
            view.source_addr_ton,
            view.source_addr_npi,
            view.destination_addr,
            view.dest_addr_ton,
            view.dest_addr_npi,
            submitted_ms,
            *more,
        )
    )


def unpack_origin(packed: bytes) -> Origin:
    """The reverse of ``pack_origin``."""
    return Origin(*unpack(packed)[: len(Origin._fields)])


def pack_report(report: Report) -> bytes:
    """A report as octets."""
    return pack(report if report.stat else report[:4])


def unpack_report(packed: bytes) -> Report:
    """The reverse of ``pack_report``."""
    return Report(*unpack(packed)[: len(Report._fields)])


def receipt_pdu(
    message_id: str, origin: Origin, report: Report, sequence_number: int, zone: tzinfo, tlvs_allowed: bool
) -> bytes:
    """The deliver_sm that brings a report to its application; ``zone`` is that of the dates in its text.

    The message may have been a data_sm, whose addresses are longer than a deliver_sm has room for: they are cut.
    """
    visible = shown(message_id)
    state = report.message_state
    delivered = "001" if state == _DELIVERED else "000"
    stat = _STAT_OF_STATE.get(state, "UNKNOWN")
    text = (
        f"id:{visible} sub:001 dlvrd:{delivered} submit date:{_short(origin.submitted_ms, zone)}"
        f" done date:{_short(report.done_ms, zone)} stat:{stat} err:{err_digits(report.err)} text:"
    )
    tlvs = b""
    if tlvs_allowed:
        tlvs = tlv(_RECEIPTED_MESSAGE_ID, visible.encode("ascii") + b"\0") + _STATE_TLVS[state]
        if report.network_error:
            tlvs += tlv(Tag.NETWORK_ERROR_CODE, report.network_error)
        if not report.err.isdigit():
            tlvs += tlv(TAG_CARRIER_CODE, report.err.encode("ascii", "replace"))
    return deliver_sm(
        sequence_number,
        source_addr=origin.dest_addr[: ADDRESS_OCTETS - 1],
        source_addr_ton=origin.dest_ton,
        source_addr_npi=origin.dest_npi,
        destination_addr=origin.source_addr[: ADDRESS_OCTETS - 1],
        dest_addr_ton=origin.source_ton,
        dest_addr_npi=origin.source_npi,
        esm_class=ESM_RECEIPT,
        short_message=text.encode("ascii", "replace"),
        tlvs=tlvs,
    )


def err_digits(err: str) -> str:
    """``err`` of a receipt's text: always three digits, for clients make a number of it and break over ``DB:0144``.

    The last three digits of a code that has any, 999 for one that has none; the code itself is in a TLV.
    """
    if err.isdigit() and len(err) <= 3:
        return f"{err:0>3}"
    digits = "".join(character for character in err if character in "0123456789")
    return f"{digits[-3:]:0>3}" if digits else UNNUMBERED


_STATE_TLVS = tuple(tlv(Tag.MESSAGE_STATE, bytes((state,))) for state in range(256))
_minute_cache: dict[tuple[int, tzinfo], str] = {}


def _short(at_ms: int, zone: tzinfo) -> str:
    """YYMMDDhhmm; formatting a date costs microseconds, and many receipts share a minute."""
    key = (at_ms // 60_000, zone)
    text = _minute_cache.get(key)
    if text is None:
        if len(_minute_cache) > 10_000:
            _minute_cache.clear()
        text = _minute_cache[key] = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).strftime("%y%m%d%H%M")
    return text
