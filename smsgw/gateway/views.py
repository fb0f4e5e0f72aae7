"""Views of stored PDUs, and what admission reads of them beside the mandatory fields."""

from __future__ import annotations

from smsgw.clock import from_ms, to_ms
from smsgw.errors import RecoverableError
from smsgw.smpp.codec import decode, encode
from smsgw.smpp.constants import CommandId, CommandStatus, Tag
from smsgw.smpp.pdu import rebuild_sm
from smsgw.smpp.segments import count_segments, joined_text
from smsgw.smpp.times import format_absolute, parse_time
from smsgw.smpp.udh import strip_udh
from smsgw.smpp.views import DataSm, Sm

View = Sm | DataSm

_COMMAND_ID = slice(4, 8)
_MESSAGE_PAYLOAD = int(Tag.MESSAGE_PAYLOAD)
_DATA_SM = int(CommandId.DATA_SM).to_bytes(4, "big")


def view_of(pdu: bytes) -> View:
    """The view of a stored submit_sm or data_sm."""
    return DataSm(pdu) if pdu[_COMMAND_ID] == _DATA_SM else Sm(pdu)


def outgoing(view: View) -> bytes:
    """The octets for the carrier: as received, without a schedule (it is ours to keep) and asking for a receipt.

    The receipt tells the state that query_sm and the records show; the application gets only what it asked for.
    """
    raw = view.raw
    if isinstance(view, DataSm):
        return raw
    registered = view.registered_delivery
    if registered & 3 == 1 and not view.schedule_delivery_time:
        return raw
    return rebuild_sm(view, registered_delivery=registered & ~3 | 1, schedule_delivery_time=b"")


def from_number(pdu: bytes, source_addr: bytes) -> bytes:
    """A stored submit_sm or data_sm with another source address: the number that its carrier knows us by."""
    view = view_of(pdu)
    if isinstance(view, Sm):
        return rebuild_sm(view, source_addr=source_addr)
    decoded = decode(pdu)
    decoded.fields["source_addr"] = source_addr
    return encode(decoded)


def read_times(view: View, now_ms: int) -> tuple[int, int]:
    """schedule_delivery_time and validity_period (SMPP 3.4 §5.2.15, §5.2.16) as business ms, 0 for none.

    Raises RecoverableError ESME_RINVSCHED or ESME_RINVEXPIRY when malformed, or when the validity is over too soon.
    """
    if isinstance(view, DataSm) or not (view.schedule_delivery_time or view.validity_period):
        return 0, 0
    now = from_ms(now_ms)
    schedule = parse_time(view.schedule_delivery_time, now, CommandStatus.ESME_RINVSCHED)
    validity = parse_time(view.validity_period, now, CommandStatus.ESME_RINVEXPIRY)
    if validity is not None and validity <= max(now, schedule or now):
        raise RecoverableError(CommandStatus.ESME_RINVEXPIRY, "validity_period ends before the message may be sent")
    due_ms = to_ms(schedule) if schedule is not None and schedule > now else 0
    return due_ms, to_ms(validity) if validity is not None else 0


def check_text(view: View) -> None:
    """That a message has one text, for the carrier is given all that came and may show another than was judged.

    Raises RecoverableError: ESME_ROPTPARNOTALLWD for a message_payload beside a short_message (SMPP 3.4 §5.3.2.32) or
    a second one, ESME_RINVDFTMSGID for a predefined message (§5.2.20): nobody here knows what it says.
    """
    texts = 0
    if isinstance(view, Sm):
        if view.sm_default_msg_id:
            raise RecoverableError(CommandStatus.ESME_RINVDFTMSGID, "there are no predefined messages")
        texts = 1 if view.sm_length else 0
    if len(view.tlvs) and texts + len(view.tlvs.all(_MESSAGE_PAYLOAD)) > 1:
        raise RecoverableError(CommandStatus.ESME_ROPTPARNOTALLWD, "more than one text")


def text_octets(view: View) -> bytes:
    """The payload without its user data header. Raises RecoverableError."""
    return strip_udh(view.payload) if view.has_udh else view.payload


def whole_text(views: list[View]) -> str:
    """The text of all segments."""
    return joined_text((text_octets(view), view.data_coding) for view in views)


def air_segments(views: list[View]) -> int:
    """How many segments they take on the air: one each, but for a message_payload that is longer."""
    return sum(count_segments(text_octets(view), view.data_coding) for view in views)


def with_absolute_validity(pdu: bytes, expires_ms: int) -> bytes:
    """A message that is held: its relative validity_period as the instant that it meant (SMPP 3.4 §7.1.1)."""
    view = view_of(pdu)
    if isinstance(view, DataSm) or not view.validity_period.endswith(b"R"):
        return pdu
    return rebuild_sm(view, validity_period=format_absolute(from_ms(expires_ms)))
