"""Receipts as applications get them, whether a carrier sent them or a message ended here.

An *origin* is what a receipt needs of the message it is for: both addresses as the application wrote
them and when it was submitted. It holds numbers, so the store keeps it sealed. A *report* says what
became of the message and holds nothing secret. The text is that of SMPP 3.4 appendix B.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from smsgw.gateway.ids import shown
from smsgw.smpp.constants import MessageState, Tag
from smsgw.smpp.pdu import addresses_of, receipt_sm
from smsgw.smpp.tlv import tlv
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
    """The addresses of a submit_sm, as octets of it (``pdu.addresses_of``), and its time of submission in business ms.

    Only where the carrier's file asks for it: when it was sent, its signature, and the whole message as ``Envelope``
    packs it.
    """

    source: bytes
    destination: bytes
    submitted_ms: int
    sent_ms: int = 0
    signature: str = ""
    envelope: bytes = b""

    @property
    def dest_addr(self) -> bytes:
        """Without type and plan of its number."""
        return self.destination[2:-1]


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


def pack_origin(pdu: bytes, submitted_ms: int, *more: int | str | bytes) -> bytes:
    """The origin of a submit_sm or data_sm as octets, not sealed yet; ``more`` are the last fields of ``Origin``."""
    return pack((*addresses_of(pdu), submitted_ms, *more))


def unpack_origin(packed: bytes) -> Origin:
    """The reverse of ``pack_origin``."""
    return Origin(*unpack(packed)[: len(Origin._fields)])


def pack_report(report: Report) -> bytes:
    """A report as octets."""
    return pack(report if report.stat else report[:4])


@lru_cache(maxsize=1024)  # what carriers say in one moment is mostly the same
def unpack_report(packed: bytes) -> Report:
    """The reverse of ``pack_report``."""
    return Report(*unpack(packed)[: len(Report._fields)])


def receipt_pdu(
    message_id: str, origin: Origin, report: Report, sequence_number: int, zone: tzinfo, tlvs_allowed: bool
) -> bytes:
    """The deliver_sm that brings a report to its application; ``zone`` is that of the dates in its text.

    The message may have been a data_sm, whose addresses are longer than a deliver_sm has room for: they are cut.
    """
    visible = shown(message_id).encode("ascii")
    text, tlvs = _behind_the_id(
        report.message_state, report.err, report.network_error, origin.submitted_ms // 60_000,
        report.done_ms // 60_000, zone,
    )  # fmt: skip
    return receipt_sm(
        sequence_number,
        origin.destination,
        origin.source,
        b"id:" + visible + text,
        tlv(_RECEIPTED_MESSAGE_ID, visible + b"\0") + tlvs if tlvs_allowed else b"",
    )


@lru_cache(maxsize=4096)  # formatting costs microseconds, and many receipts share their minutes
def _behind_the_id(
    state: int, err: str, network_error: bytes, submit_minute: int, done_minute: int, zone: tzinfo
) -> tuple[bytes, bytes]:
    """The text and the TLVs of a receipt, as far as they don't differ from message to message."""
    delivered = "001" if state == _DELIVERED else "000"
    text = (
        f" sub:001 dlvrd:{delivered} submit date:{_short(submit_minute, zone)} done date:{_short(done_minute, zone)}"
        f" stat:{_STAT_OF_STATE.get(state, 'UNKNOWN')} err:{err_digits(err)} text:"
    )
    tlvs = tlv(Tag.MESSAGE_STATE, bytes((state,)))
    if network_error:
        tlvs += tlv(Tag.NETWORK_ERROR_CODE, network_error)
    if not err.isdigit():
        tlvs += tlv(TAG_CARRIER_CODE, err.encode("ascii", "replace"))
    return text.encode("ascii", "replace"), tlvs


def err_digits(err: str) -> str:
    """``err`` of a receipt's text: always three digits, for clients make a number of it and break over ``DB:0144``.

    The last three digits of a code that has any, 999 for one that has none; the code itself is in a TLV.
    """
    if err.isdigit() and len(err) <= 3:
        return f"{err:0>3}"
    digits = "".join(character for character in err if character in "0123456789")
    return f"{digits[-3:]:0>3}" if digits else UNNUMBERED


def _short(minute: int, zone: tzinfo) -> str:
    """YYMMDDhhmm of a minute since 1970."""
    return datetime.fromtimestamp(minute * 60, UTC).astimezone(zone).strftime("%y%m%d%H%M")
