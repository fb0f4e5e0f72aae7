"""Any PDU's octets as a tree that a person can read: fields, TLVs, user data header, text, receipt.

Never raises: what is malformed comes back with what could be read, the error and the octets. Passwords
of binds are blanked, in the fields and in the octets.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from simulators.control import pdu_words
from smsgw.errors import FatalError, RecoverableError
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import HEADER_OCTETS, CommandId, Tag, command_name, status_name, tag_name
from smsgw.smpp.layout import LAYOUTS, Kind
from smsgw.smpp.pdu import DataSm, Sm
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.udh import parse_udh
from smsgw.smpp.views import HEADER

_SM = frozenset({int(CommandId.SUBMIT_SM), int(CommandId.DELIVER_SM)})
_DATA_SM = int(CommandId.DATA_SM)
_WITH_PASSWORD = frozenset(
    int(command)
    for command in (
        *(CommandId.BIND_TRANSMITTER, CommandId.BIND_RECEIVER, CommandId.BIND_TRANSCEIVER),
        CommandId.OUTBIND,
    )
)


class FieldShown(BaseModel):
    """A mandatory field under its name in the specification."""

    name: str = Field(examples=["data_coding"])
    value: int | str | list[Any] = Field(description="A number, a text, or octets in hexadecimal.", examples=[8])
    meaning: str = Field("", examples=["UCS2"])


class TlvShown(BaseModel):
    """An optional parameter."""

    tag: str = Field(examples=["0x001E"])
    name: str = Field("", description="Empty for a tag of a vendor.", examples=["receipted_message_id"])
    hex: str = Field(examples=["313030303030303030303100"])
    meaning: str = Field("", examples=["1000000001"])


class ElementShown(BaseModel):
    """A part of the user data header."""

    identifier: str = Field(examples=["0x00"])
    name: str = Field("", examples=["concatenation, 8-bit reference"])
    hex: str = Field(examples=["2a0201"])
    meaning: str = Field("", examples=["part 1 of 2, reference 42"])


class StatusShown(BaseModel):
    """A command_status."""

    number: int = Field(examples=[88])
    hex: str = Field(examples=["0x00000058"])
    name: str = Field(examples=["ESME_RTHROTTLED"])


class PduShown(BaseModel):
    """One PDU, decoded."""

    command: str = Field("", examples=["submit_sm"])
    command_id: str = Field("", examples=["0x00000004"])
    status: StatusShown | None = None
    sequence_number: int | None = Field(None, examples=[17])
    octets: int = Field(examples=[58])
    fields: list[FieldShown] = []
    tlvs: list[TlvShown] = []
    udh: list[ElementShown] = []
    text: str | None = Field(None, description="What short_message or message_payload says.", examples=["您好"])
    receipt: dict[str, Any] | None = Field(None, description="What it says as a delivery receipt.")
    error: str = Field("", description="Why it could not be read to its end.")
    hex: str = Field(description="All octets; the password of a bind is blanked.")


def status_shown(status: int) -> StatusShown:
    """A command_status with its name."""
    return StatusShown(number=status, hex=f"0x{status:08X}", name=status_name(status))


def show(frame: bytes) -> PduShown:
    """Decode one PDU; never raises."""
    shown = PduShown(octets=len(frame), hex=without_password(frame).hex())
    if len(frame) >= HEADER_OCTETS:
        _, command_id, status, sequence_number = HEADER.unpack_from(frame)
        shown.command, shown.command_id = command_name(command_id), f"0x{command_id:08X}"
        shown.status, shown.sequence_number = status_shown(status), sequence_number
    try:
        pdu = decode(frame)
    except (RecoverableError, FatalError) as error:
        shown.error = f"{status_name(error.command_status)}: {error}"
        return shown
    shown.fields = [_field(pdu, name, value) for name, value in pdu.fields.items()]
    shown.tlvs = [_tlv(tag, value) for tag, value in pdu.tlvs]
    _add_text(shown, pdu)
    if pdu.command_id in _SM or pdu.command_id == _DATA_SM:
        _add_receipt(shown, Sm(frame) if pdu.command_id in _SM else DataSm(frame))
    return shown


def without_password(frame: bytes) -> bytes:
    """The same octets, with ``*`` for those of a bind's password; also when it is malformed."""
    if len(frame) < HEADER_OCTETS or HEADER.unpack_from(frame)[1] not in _WITH_PASSWORD:
        return frame
    start = frame.find(0, HEADER_OCTETS) + 1
    if not start:
        return frame
    end = frame.find(0, start)
    end = len(frame) if end < 0 else end
    return frame[:start] + b"*" * (end - start) + frame[end:]


def _field(pdu: Pdu, name: str, value: object) -> FieldShown:
    if isinstance(value, int):
        words = pdu_words.FIELDS.get(name)
        return FieldShown(name=name, value=value, meaning=words(value) if words else "")
    if isinstance(value, list):
        return FieldShown(name=name, value=[_plain(item) for item in value])
    octets = value if isinstance(value, bytes) else b""
    if name == "password":
        return FieldShown(name=name, value="*" * len(octets))
    kinds = {item.name: item.kind for item in LAYOUTS[pdu.command_id]}
    if kinds.get(name) is Kind.MESSAGE:
        return FieldShown(name=name, value=octets.hex(), meaning=f"{len(octets)} octets")
    return FieldShown(name=name, value=octets.decode("latin-1"))


def _plain(item: object) -> object:
    """An entry of a list of addresses or ids."""
    if isinstance(item, bytes):
        return item.decode("latin-1")
    named: dict[str, object] = item._asdict() if hasattr(item, "_asdict") else {}
    return {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in named.items()}


def _tlv(tag: int, value: bytes) -> TlvShown:
    name = tag_name(tag)
    number = f"0x{tag:04X}"
    return TlvShown(tag=number, name="" if name == number else name, hex=value.hex(), meaning=pdu_words.tlv(tag, value))


def _add_text(shown: PduShown, pdu: Pdu) -> None:
    payload = pdu.fields.get("short_message") or pdu.tlvs.first(int(Tag.MESSAGE_PAYLOAD)) or b""
    if not isinstance(payload, bytes) or ("short_message" not in pdu.fields and not payload):
        return
    coding, esm_class = pdu.fields.get("data_coding", 0), pdu.fields.get("esm_class", 0)
    if isinstance(esm_class, int) and esm_class & 0x40:
        try:
            header = parse_udh(payload)
        except RecoverableError as error:
            shown.error = f"user data header: {error}"
            return
        if header is not None:
            shown.udh = [_element(identifier, data) for identifier, data in header.elements]
            payload = payload[header.header_octets :]
    shown.text = decode_text(payload, coding if isinstance(coding, int) else 0)


def _element(identifier: int, data: bytes) -> ElementShown:
    return ElementShown(
        identifier=f"0x{identifier:02X}",
        name=pdu_words.element_name(identifier),
        hex=data.hex(),
        meaning=pdu_words.element(identifier, data),
    )


def _add_receipt(shown: PduShown, view: Sm | DataSm) -> None:
    receipt = parse_receipt(view)
    if receipt is None:
        return
    shown.receipt = {
        "id": receipt.id,
        "stat": receipt.stat,
        "err": receipt.err,
        "message_state": pdu_words.FIELDS["message_state"](receipt.message_state) if receipt.message_state else None,
        "submit_date": receipt.submit_date.isoformat(" ") if receipt.submit_date else None,
        "done_date": receipt.done_date.isoformat(" ") if receipt.done_date else None,
        "final": receipt.final,
        "intermediate": receipt.intermediate,
    }
