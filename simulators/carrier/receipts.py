"""Delivery receipts in the shapes carriers really send (SMPP 3.4 Appendix B and its deviations).

A style is words joined by ``+`` (see ``STYLE_WORDS``); style and state together compile into one
octet template, so that writing a receipt costs two formatting calls. It builds bodies of
deliver_sm and data_sm without their header and sends nothing.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simulators.carrier.ids import IdForm
from simulators.carrier.message import Message
from simulators.carrier.states import ReceiptState
from smsgw.errors import LocalError
from smsgw.smpp.alphabet import Unit, encode_text, unit_of
from smsgw.smpp.constants import CommandId, MessageState, Tag
from smsgw.smpp.tlv import tlv

_ESM_RECEIPT = 0x04
_ESM_INTERMEDIATE = 0x20
_UCS2 = 8
_MAX_SHORT_MESSAGE = 254
_NETWORK_GSM = b"\x03"
#: Added to a message's number to make an id that was never given out.
_STRANGE = 70_000_000_000
_ZONE = re.compile(r"([+-]?)(\d{1,2})(?::?([0-5]\d))?")


@dataclass(frozen=True, slots=True)
class ReceiptStyle:
    """How a carrier writes its receipts; the default is the full text of Appendix B with all TLVs.

    As text it is the words that ``parse`` reads.
    """

    text: bool = True
    tlvs: bool = True
    nul: bool = True
    quoted: bool = False
    seconds: bool = False
    counts: bool = True
    letters: bool = False
    label: str = "text:"
    cut: bool = False
    data_coding: int = 0
    #: None: 0x04, or 0x20 when the state is not final.
    esm_class: int | None = None
    data_sm: bool = False
    strange_id: bool = False
    id_form: IdForm | None = None
    #: Octets of text that are left; None leaves all.
    octets: int | None = None
    #: Digits of err; 0 as the state has it.
    err_digits: int = 0
    #: Offset of the dates from UTC; None is the carrier's.
    zone_s: int | None = None

    @classmethod
    def parse(cls, words: str) -> ReceiptStyle:
        """Read words joined by ``+``, for instance ``text+quoted+id=HEX``."""
        style = cls()
        # A zone may have a + of its own.
        for word in words.replace("zone=+", "zone=").split("+"):
            name, equals, value = word.partition("=")
            if not equals and name in STYLE_WORDS:
                style = STYLE_WORDS[name][1](style)
            elif equals and name in STYLE_VALUES:
                style = replace(style, **{STYLE_VALUES[name].field: STYLE_VALUES[name].parse(value)})
            else:
                known = ", ".join([*STYLE_WORDS, *(f"{name}={each.example}" for name, each in STYLE_VALUES.items())])
                raise ValueError(f"{word!r} is no style of receipts; use {known}")
        return style

    def __str__(self) -> str:
        usual = ReceiptStyle()
        words = [word for word, (_, change) in STYLE_WORDS.items() if word not in _ALIASES and change(self) == self]
        words.remove("full")
        for name, each in STYLE_VALUES.items():
            value = getattr(self, each.field)
            if value != getattr(usual, each.field):
                words.append(f"{name}={each.show(value)}")
        return "+".join(words) or "full"


@dataclass(frozen=True, slots=True)
class StyleValue:
    """A word of a style that has a value."""

    meaning: str
    example: str
    field: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str] = str


def _between(name: str, least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text, 0)
        except ValueError:
            number = -1
        if not least <= number <= most:
            raise ValueError(f"{name}={text} is no style of receipts; give a number from {least} to {most}")
        return number

    return parse


def _zone_s(text: str) -> int:
    match = _ZONE.fullmatch(text)
    if match is None or int(match[2]) > 14:
        raise ValueError(f"zone={text} is no style of receipts; write it like zone=+08:00 or zone=-3")
    return (int(match[2]) * 3600 + int(match[3] or 0) * 60) * (-1 if match[1] == "-" else 1)


def _zone_text(zone_s: int) -> str:
    minutes = abs(zone_s) // 60
    return f"{'-' if zone_s < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


#: word -> (what it does, how it changes a style)
STYLE_WORDS: dict[str, tuple[str, Callable[[ReceiptStyle], ReceiptStyle]]] = {
    "full": ("Appendix B text and TLVs (the default)", lambda style: style),
    "text": ("no TLVs", lambda style: replace(style, tlvs=False)),
    "tlv": ("TLVs only, no text", lambda style: replace(style, text=False)),
    "nonul": ("receipted_message_id without its NUL", lambda style: replace(style, nul=False)),
    "quoted": ('id:"..."', lambda style: replace(style, quoted=True)),
    "seconds": ("dates of 12 digits", lambda style: replace(style, seconds=True)),
    "nocounts": ("sub: and dlvrd: missing", lambda style: replace(style, counts=False)),
    "letters": ("err: with letters", lambda style: replace(style, letters=True)),
    "capital": ("Text: instead of text:", lambda style: replace(style, label="Text:")),
    "notext": ("no text: part", lambda style: replace(style, label="")),
    "cut": ("the text cut after stat:", lambda style: replace(style, cut=True)),
    "ucs2": ("the text in UCS2", lambda style: replace(style, data_coding=_UCS2)),
    "class0": ("esm_class 0", lambda style: replace(style, esm_class=0)),
    "data_sm": ("sent as data_sm", lambda style: replace(style, data_sm=True)),
    "strange": ("an id that was never given", lambda style: replace(style, strange_id=True)),
}  # fmt: skip
_ALIASES = frozenset({"ucs2", "class0"})

#: word -> what stands behind its "="
STYLE_VALUES: dict[str, StyleValue] = {
    "id": StyleValue("the id in another form", "HEX", "id_form", IdForm, lambda form: str(form.name)),
    "cut": StyleValue("the text cut after so many octets", "40", "octets", _between("cut", 0, 254)),
    "err": StyleValue("err: of so many digits", "4", "err_digits", _between("err", 1, 4)),
    "coding": StyleValue("the text in this data_coding", "8", "data_coding", _between("coding", 0, 255)),
    "class": StyleValue("this esm_class, also for ENROUTE", "0x04", "esm_class", _between("class", 0, 63)),
    "zone": StyleValue("dates of another zone", "-03:00", "zone_s", _zone_s, _zone_text),
}

FULL = ReceiptStyle()


@functools.lru_cache(maxsize=4096)
def date_text(second: int, digits: int) -> bytes:
    """A second since the epoch (with the zone's offset added) as YYMMDDhhmm or YYMMDDhhmmss."""
    return time.strftime("%y%m%d%H%M%S"[:digits], time.gmtime(second)).encode()


class Renderer:
    """Writes receipts of one style and one state."""

    __slots__ = (
        "_data_coding", "_digits", "_encode", "_esm_class", "_form", "_head", "_octets", "_strange", "_tail",
        "_template", "_tlvs", "_zone_s", "command_id", "final", "state", "style",
    )  # fmt: skip

    def __init__(self, style: ReceiptStyle, state: ReceiptState, form: IdForm, zone_s: int) -> None:
        self.style = style
        self.state = state
        self.final = state.final
        self.command_id = int(CommandId.DATA_SM if style.data_sm else CommandId.DELIVER_SM)
        self._form = (style.id_form or form).octets
        self._strange = _STRANGE if style.strange_id else 0
        self._zone_s = zone_s if style.zone_s is None else style.zone_s
        self._digits = 12 if style.seconds else 10
        self._template = _text_template(style, state)
        self._octets = style.octets
        usual_class = _ESM_RECEIPT if state.final else _ESM_INTERMEDIATE
        self._esm_class = usual_class if style.esm_class is None else style.esm_class
        self._data_coding = style.data_coding
        # ASCII is the same in most codings, and there is nothing else in a receipt.
        self._encode = unit_of(style.data_coding) in (Unit.UCS2, Unit.MULTIBYTE)
        self._tlvs = style.tlvs
        nul = b"\0" if style.nul else b""
        # Two octets of length, the id, its NUL if any, then what does not vary.
        self._head = b"%b%%c%%c%%b%b" % (int(Tag.RECEIPTED_MESSAGE_ID).to_bytes(2, "big"), nul)
        self._tail = _state_tlvs(state) if style.tlvs else b""

    def message_id(self, message: Message) -> bytes:
        """The id as this receipt writes it."""
        return self._form(message.number + self._strange)

    def body(self, message: Message, message_id: bytes, wall_s: float) -> bytes:
        """The PDU's octets after the header; ``wall_s`` is the time of the final state."""
        digits = self._digits
        done = date_text(int(wall_s) + self._zone_s, digits)
        submitted = done if wall_s == message.wall_s else date_text(int(message.wall_s) + self._zone_s, digits)
        return self._body(message, message_id, submitted, done)

    def undated(self, message: Message, message_id: bytes) -> bytes:
        """The same with noughts for dates: what a receipt says whenever it is sent."""
        dates = b"0" * self._digits
        return self._body(message, message_id, dates, dates)

    def _body(self, message: Message, message_id: bytes, submitted: bytes, done: bytes) -> bytes:
        text = self._template % (message_id, submitted, done, message.head())
        if self._encode:
            text = _encoded(text, self._data_coding)[:_MAX_SHORT_MESSAGE]
        if self._octets is not None:
            text = text[: self._octets]
        sm = message.sm
        tail = self._tail
        if self._tlvs:
            length = len(message_id) + self.style.nul
            tail = self._head % (length >> 8, length & 255, message_id) + tail
        swapped = b"\0%c%c%b\0%c%c%b\0%c" % (
            sm.dest_addr_ton, sm.dest_addr_npi, sm.destination_addr,
            sm.source_addr_ton, sm.source_addr_npi, sm.source_addr, self._esm_class,
        )  # fmt: skip
        if self.command_id == CommandId.DATA_SM:
            payload = tlv(Tag.MESSAGE_PAYLOAD, text) if text else b""
            return b"%b\0%c%b%b" % (swapped, self._data_coding, payload, tail)
        return b"%b\0\0\0\0\0\0%c\0%c%b%b" % (swapped, self._data_coding, len(text), text, tail)


def _encoded(text: bytes, data_coding: int) -> bytes:
    """A receipt's text in another coding; of an odd id, which that may have no letters for, question marks are left."""
    try:
        return encode_text(text.decode("latin-1"), data_coding)
    except LocalError:
        return encode_text(text.decode("ascii", "replace").replace("\ufffd", "?"), data_coding)


def _text_template(style: ReceiptStyle, state: ReceiptState) -> bytes:
    """A template of four values — id, two dates, head — some of them written with no width at all."""
    if not style.text:
        return b"%.0b%.0b%.0b%.0b"
    err = f"{'OK' if state.delivered else 'MK'}{state.err[-2:]}" if style.letters else state.err
    if style.err_digits:
        err = err.zfill(style.err_digits)[-style.err_digits :]
    parts = [b'id:"%b"' if style.quoted else b"id:%b"]
    if style.counts:
        parts.append(b"sub:001 dlvrd:%03d" % state.delivered)
    parts.append(b"submit date:%b done date:%b")
    parts.append(_literal(f"stat:{state.stat}"))
    if style.cut:
        return b" ".join(parts) + b"%.0b"
    parts.append(_literal(f"err:{err}"))
    head = f" {style.label}%b".encode() if style.label else b"%.0b"
    return b" ".join(parts) + head


def _literal(text: str) -> bytes:
    return text.replace("%", "%%").encode()


def _state_tlvs(state: ReceiptState) -> bytes:
    octets = tlv(Tag.MESSAGE_STATE, bytes([state.message_state]))
    if state.message_state != MessageState.DELIVERED and state.err.isdigit():
        octets += tlv(Tag.NETWORK_ERROR_CODE, _NETWORK_GSM + (int(state.err) & 0xFFFF).to_bytes(2, "big"))
    return octets
