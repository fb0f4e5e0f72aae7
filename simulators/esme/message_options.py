"""What can be said of one message on a command line or at the prompt: options and their values."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from simulators.arguments import Option, count, number, octet
from simulators.esme.message import LONG_FORMS, Envelope
from simulators.spread import parse_duration
from smsgw.documents.names import with_hint
from smsgw.smpp.constants import Tag
from smsgw.smpp.tlv import tlv

_COUNT: dict[str, Any] = {"type": count, "metavar": "N"}
_OCTET: dict[str, Any] = {"type": octet, "metavar": "N"}
_TAGS = {tag.name.lower(): int(tag) for tag in Tag}
_INTEGERS = {"int8": 1, "int16": 2, "int32": 4}
_TLV_FORM = "write it like 0x1400=0a0b (hexadecimal), 0x1400=text:hello, 0x1400=cstring:hello or 0x0204=int16:5"


def octets(text: str) -> bytes:
    """Hexadecimal, with or without spaces."""
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise ValueError(f"{text!r} is not hexadecimal octets; write them like 0a1b2c") from None


def parse_tlv(text: str) -> bytes:
    """The octets of ``TAG=VALUE``; the tag is a number or the name SMPP gives it."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is no TLV; {_TLV_FORM}")
    tag = _TAGS.get(name.strip().lower())
    if tag is None:
        try:
            tag = int(name, 0)
        except ValueError:
            raise ValueError(with_hint(f"{name!r} is no tag", name, _TAGS)) from None
    if not 0 <= tag <= 0xFFFF:
        raise ValueError(f"{name} is no tag: they have 16 bits")
    return tlv(tag, tlv_value(value))


def tlv_value(text: str) -> bytes:
    """The octets of a TLV's value as ``parse_tlv`` reads it."""
    kind, colon, value = text.partition(":")
    if colon and kind in ("text", "cstring"):
        return value.encode() + (b"\0" if kind == "cstring" else b"")
    if colon and kind in _INTEGERS:
        width = _INTEGERS[kind]
        numeric = number(value)
        if not 0 <= numeric < 1 << 8 * width:
            raise ValueError(f"{value} does not fit {kind}")
        return numeric.to_bytes(width, "big")
    try:
        return octets(text)
    except ValueError:
        raise ValueError(f"{text!r} is no value of a TLV; {_TLV_FORM}") from None


def numbering_of(text: str) -> tuple[int, int]:
    """``TON:NPI``."""
    ton, _, npi = text.partition(":")
    try:
        pair = int(ton, 0), int(npi, 0)
    except ValueError:
        pair = (-1, -1)
    if not all(0 <= each <= 255 for each in pair):
        raise ValueError(f"{text!r} is not TON:NPI; write it like 1:1")
    return pair


def smpp_time(text: str) -> str:
    """A time field from ``30m`` (relative) or 16 octets as they are. Raises ValueError."""
    if not text or (len(text) == 16 and text[:15].isdigit() and text[15] in "+-R"):
        return text
    minutes, seconds = divmod(round(parse_duration(text)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days > 99:
        raise ValueError(f"{text!r} is more than 99 days")
    return f"0000{days:02}{hours:02}{minutes:02}{seconds:02}000R"


#: One text to one or more recipients; ``envelope`` reads them.
MESSAGE: tuple[Option, ...] = (
    ("--from", "source address (10690001)", {"metavar": "A", "dest": "source", "default": "10690001"}),
    ("--coding", "data_coding (0, or 8 when the text needs it)", _OCTET),
    ("--long", "how a long text is sent (udh)", {"choices": LONG_FORMS, "default": "udh"}),
    ("--reference", "reference number of a long text (by the time)", {**_COUNT, "default": None}),
    ("--rd", "registered_delivery; 1 asks for receipts (1)", {**_OCTET, "default": 1}),
    ("--priority", "priority_flag (0)", {**_OCTET, "default": 0}),
    ("--service-type", "service_type", {"metavar": "S", "default": ""}),
    ("--schedule", "when to send: from now, such as 2h, or an SMPP time", {"metavar": "TIME", "default": ""}),
    ("--validity", "until when to try: from now, such as 30m, or an SMPP time", {"metavar": "TIME", "default": ""}),
    ("--esm-class", "esm_class, or'ed with what a long text needs (0)",
     {**_OCTET, "default": 0}),
    ("--protocol", "protocol_id (0)", {**_OCTET, "default": 0}),
    ("--replace-if-present", "replace_if_present_flag", {"action": "store_true"}),
    ("--from-type", "TON:NPI of the source (by its look)", {"type": numbering_of, "metavar": "T:N"}),
    ("--to-type", "TON:NPI of recipients (by their look)", {"type": numbering_of, "metavar": "T:N"}),
    ("--tlv", "a TLV: 0x1400=0a0b, 0x1400=text:hello, 0x1400=cstring:hello, user_message_reference=int16:5; repeatable",
     {"type": parse_tlv, "metavar": "TAG=VALUE", "action": "append", "dest": "tlvs"}),
    ("--hex", "these octets as short_message, in place of TEXT", {"type": octets, "metavar": "HEX", "dest": "payload"}),
    ("--data-sm", "send data_sm with message_payload", {"action": "store_true"}),
    ("--each", "several recipients: a submit_sm for each, in place of one submit_multi", {"action": "store_true"}),
)  # fmt: skip


def envelope(arguments: Namespace, recipient: str) -> Envelope:
    """All but the text. Raises ValueError for a time that is none."""
    return Envelope(
        arguments.source,
        recipient,
        registered_delivery=arguments.rd,
        data_coding=arguments.coding,
        service_type=arguments.service_type,
        priority_flag=arguments.priority,
        protocol_id=arguments.protocol,
        schedule_delivery_time=smpp_time(arguments.schedule),
        validity_period=smpp_time(arguments.validity),
        replace_if_present_flag=int(arguments.replace_if_present),
        esm_class=arguments.esm_class,
        tlvs=b"".join(arguments.tlvs or ()),
        source_numbering=arguments.from_type,
        destination_numbering=arguments.to_type,
    )
