"""The deliver_sm and data_sm that a conformance run sends: MO of every kind, receipts of every kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from smsgw.errors import RecoverableError
from smsgw.smpp import pdu
from smsgw.smpp.codec import Pdu, encode
from smsgw.smpp.constants import CommandId, Tag
from smsgw.smpp.receipt import build_receipt_text
from smsgw.smpp.tlv import Tlvs, tlv

#: From a sequence number to a PDU.
Build = Callable[[int], bytes]
Message = pdu.Sm | pdu.DataSm

RECEIPT = 0x04
INTERMEDIATE = 0x20
#: A TLV of no specification, from the range for vendors (SMPP 3.4 §5.3.2, 0x1400–0x3FFF).
VENDOR_TLV = tlv(0x1789, b"conformance")
#: One from the range that is reserved.
RESERVED_TLV = tlv(0x0A0A, b"\x01\x02")
SUBSCRIBER = b"8613800138000"


def message_of(frame: bytes) -> Message | None:
    """A submit_sm or data_sm; None for another command or one that can't be read, be it only a TLV."""
    command_id = pdu.HEADER.unpack_from(frame)[1]
    if command_id not in (CommandId.SUBMIT_SM, CommandId.DATA_SM):
        return None
    try:
        message = pdu.DataSm(frame) if command_id == CommandId.DATA_SM else pdu.Sm(frame)
        tuple(message.tlvs)
        len(message.payload)
    except RecoverableError:
        return None
    return message


def mo(text: bytes, destination: bytes, data_coding: int = 0, esm_class: int = 0, tlvs: bytes = b"") -> Build:
    """What a handset writes to ``destination``."""

    def build(sequence_number: int) -> bytes:
        return pdu.deliver_sm(
            sequence_number,
            source_addr=SUBSCRIBER,
            source_addr_ton=1,
            source_addr_npi=1,
            destination_addr=destination,
            dest_addr_npi=1,
            esm_class=esm_class,
            data_coding=data_coding,
            short_message=text,
            tlvs=tlvs,
        )

    return build


def receipt(
    of: Message,
    message_id: bytes,
    *,
    text: bool = True,
    tlvs: bool = True,
    stat: str = "DELIVRD",
    state: int = 2,
    esm_class: int = RECEIPT,
    more: bytes = b"",
    data_sm: bool = False,
) -> Build:
    """The receipt for a message: the text of appendix B, TLVs, or both; ``more`` are further TLVs."""
    source, destination = of.source_addr, of.destination_addr
    words = b""
    if text:
        now = datetime.now(UTC)
        words = build_receipt_text(message_id.decode("latin-1"), 1, int(state == 2), now, now, stat)
    options = (_receipt_tlvs(message_id, state) if tlvs else b"") + more

    def build(sequence_number: int) -> bytes:
        if data_sm:
            fields: dict[str, object] = {
                "source_addr": destination,
                "destination_addr": source,
                "esm_class": esm_class,
            }
            return encode(Pdu(int(CommandId.DATA_SM), 0, sequence_number, fields, Tlvs.parse(options, 0)))
        return pdu.deliver_sm(
            sequence_number,
            source_addr=destination,
            source_addr_ton=of.dest_addr_ton,
            source_addr_npi=of.dest_addr_npi,
            destination_addr=source,
            dest_addr_ton=of.source_addr_ton,
            dest_addr_npi=of.source_addr_npi,
            esm_class=esm_class,
            short_message=words,
            tlvs=options,
        )

    return build


def _receipt_tlvs(message_id: bytes, state: int) -> bytes:
    return tlv(Tag.RECEIPTED_MESSAGE_ID, message_id + b"\0") + tlv(Tag.MESSAGE_STATE, bytes([state]))
