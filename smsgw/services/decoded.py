"""PDUs for people: every field and parameter by its name, numbers and texts only for those who may see them.

Owns: how a PDU is shown; never raises for one that is malformed. Passwords are never kept, so none is here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, Field

from smsgw.errors import ProtocolError
from smsgw.policy.numbers import mask
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.codec import Pdu, decode
from smsgw.smpp.constants import (
    RESPONSE_BIT,
    CommandId,
    MessageState,
    Npi,
    Tag,
    Ton,
    command_name,
    status_name,
    tag_name,
)
from smsgw.smpp.receipt import parse_receipt
from smsgw.smpp.udh import concat_of, strip_udh
from smsgw.smpp.views import DataSm, Sm

KEPT, FROM_RECORDS = "kept", "records"
_DELIVER: Final = int(CommandId.DELIVER_SM)
_DATA: Final = int(CommandId.DATA_SM)
_SMS: Final = frozenset((int(CommandId.SUBMIT_SM), _DELIVER))
_TEXTS: Final = frozenset(("short_message", "message_payload"))
_PLAIN_TAGS: Final = frozenset(
    int(each)
    for each in (Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE, Tag.SAR_MSG_REF_NUM,
                 Tag.SAR_SEGMENT_SEQNUM, Tag.SAR_TOTAL_SEGMENTS, Tag.USER_MESSAGE_REFERENCE, Tag.PAYLOAD_TYPE)
)  # fmt: skip
_CODINGS: Final = {0: "SMSC default", 1: "ASCII", 3: "Latin-1", 4: "binary", 8: "UCS-2", 15: "GBK"}
_ESM: Final = ((0x3C, 0x04, "receipt"), (0x40, 0x40, "user data header"), (0x80, 0x80, "reply path"))
_PLAIN_TEXT_CHARS: Final = 12


class PduField(BaseModel):
    """A field or parameter under its name in the specification. ``meaning``: in words, where there are some."""

    name: str = Field(examples=["data_coding"])
    value: str = Field(examples=["8"])
    meaning: str = Field("", examples=["UCS-2"])


class PduShown(BaseModel):
    """One PDU. ``source``: ``kept`` when its octets were kept, ``records`` when it is what records know of it."""

    at: str
    leg: str = Field(description="application or carrier.")
    direction: str = Field(description="in or out, as the gateway sees it.")
    source: str = Field(description="kept or records.")
    command: str = Field(examples=["submit_sm"])
    status: str = Field("", examples=["ESME_ROK"])
    carrier: str = ""
    octets: int = Field(0, description="Its length; 0 where it was not kept.")
    fields: list[PduField]
    parameters: list[PduField] = []
    text: str = Field("", description="What it says, masked unless it was revealed.")


def shown(raw: bytes, *, at: str, leg: str, direction: str, carrier: str = "", reveal: bool = False) -> PduShown:
    """A PDU that was kept, field by field."""
    begun = PduShown(
        at=at, leg=leg, direction=direction, source=KEPT, command="", carrier=carrier, octets=len(raw), fields=[]
    )
    try:
        pdu = decode(raw)
    except ProtocolError as error:
        malformed = PduField(name="malformed", value=str(error) if reveal else type(error).__name__)
        return begun.model_copy(update={"command": "?", "fields": [malformed]})
    person = _person(pdu, direction)
    fields = [_field(name, value, name == person, reveal) for name, value in pdu.fields.items()]
    return begun.model_copy(
        update={
            "command": command_name(pdu.command_id),
            "status": status_name(pdu.command_status) if pdu.command_id & RESPONSE_BIT else "",
            "fields": fields,
            "parameters": [_parameter(tag, value, reveal) for tag, value in pdu.tlvs],
            "text": _said(raw, pdu.command_id, reveal),
        }
    )


def of_records(
    command: str, values: Iterable[tuple[str, str]], *, at: str, leg: str, direction: str, status: str = "",
    carrier: str = "",
) -> PduShown:  # fmt: skip
    """What records know of a PDU whose octets were not kept."""
    fields = [PduField(name=name, value=value) for name, value in values if value]
    return PduShown(
        at=at, leg=leg, direction=direction, source=FROM_RECORDS, command=command, status=status, carrier=carrier,
        fields=fields,
    )  # fmt: skip


def masked_text(text: str) -> str:
    """The signature of a text and its length, for those who may not read it."""
    if not text:
        return ""
    front = text[: text.find("】") + 1] if text.startswith("【") else ""
    front = front if len(front) <= _PLAIN_TEXT_CHARS + 10 else ""
    return f"{front}… ({len(text)})"


def _person(pdu: Pdu, direction: str) -> str:
    """Which address is a recipient's; the other one is a number of ours or of an application."""
    from_person = pdu.command_id == _DELIVER or (pdu.command_id == _DATA and direction == "in")
    return "source_addr" if from_person else "destination_addr"


def _field(name: str, value: object, is_person: bool, reveal: bool) -> PduField:
    if isinstance(value, bytes):
        if name in _TEXTS:
            return PduField(name=name, value=value.hex() if reveal else "", meaning=f"{len(value)} octets")
        text = value.decode("latin-1")
        return PduField(name=name, value=text if not is_person or reveal or not text else mask(text))
    if isinstance(value, int):
        return PduField(name=name, value=str(value), meaning=_meaning(name, value))
    return PduField(name=name, value="", meaning=f"{len(value)}" if isinstance(value, list) else "")


def _meaning(name: str, value: int) -> str:
    if name.endswith("_ton"):
        return Ton(value).name.lower() if value in list(Ton) else ""
    if name.endswith("_npi"):
        return Npi(value).name.lower() if value in list(Npi) else ""
    if name == "data_coding":
        return _CODINGS.get(value, "")
    if name == "esm_class":
        return ", ".join(word for bits, wanted, word in _ESM if value & bits == wanted)
    if name == "registered_delivery":
        return {0: "no receipt", 1: "receipt", 2: "receipt of failure"}.get(value & 3, "")
    return ""


def _parameter(tag: int, value: bytes, reveal: bool) -> PduField:
    if not reveal and tag not in _PLAIN_TAGS:
        return PduField(name=tag_name(tag), value="", meaning=f"{len(value)} octets")
    meaning = ""
    if tag == Tag.RECEIPTED_MESSAGE_ID:
        meaning = value.rstrip(b"\0").decode("latin-1")
    elif tag == Tag.MESSAGE_STATE and len(value) == 1:
        meaning = MessageState(value[0]).name if value[0] in list(MessageState) else ""
    elif len(value) <= 2:
        meaning = str(int.from_bytes(value))
    return PduField(name=tag_name(tag), value=value.hex(), meaning=meaning)


def _said(raw: bytes, command_id: int, reveal: bool) -> str:
    """A receipt's words, or a message's text."""
    if command_id not in _SMS and command_id != _DATA:
        return ""
    try:
        view = DataSm(raw) if command_id == _DATA else Sm(raw)
        receipt = parse_receipt(view) if command_id != int(CommandId.SUBMIT_SM) else None
        payload = strip_udh(view.payload) if view.has_udh else view.payload
        text = decode_text(payload, view.data_coding)
        concat = concat_of(view)
    except ProtocolError:
        return ""
    if receipt is not None:
        words = {"id": receipt.id, "stat": receipt.stat, "err": receipt.err}
        return text if reveal else " ".join(f"{name}:{value}" for name, value in words.items() if value)
    part = f"[{concat.index}/{concat.total}] " if concat is not None and concat.total > 1 else ""
    return part + (text if reveal else masked_text(text))
