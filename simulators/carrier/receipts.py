"""Delivery receipts in the shapes carriers really send (SMPP 3.4 Appendix B and its deviations).

A style is words joined by ``+`` (see ``STYLE_WORDS``); style and state together compile into one
octet template, so that writing a receipt costs two formatting calls. It builds bodies of
deliver_sm and data_sm without their header and sends nothing.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from simulators.carrier.ids import IdForm
from simulators.carrier.message import Message
from simulators.carrier.states import ReceiptState
from smsgw.smpp.constants import CommandId, MessageState, Tag
from smsgw.smpp.tlv import tlv

_ESM_RECEIPT = 0x04
_ESM_INTERMEDIATE = 0x20
_UCS2 = 8
_MAX_SHORT_MESSAGE = 254
_NETWORK_GSM = b"\x03"
#: Added to a message's number to make an id that was never given out.
_STRANGE = 7_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ReceiptStyle:
    """How a carrier writes its receipts; the default is the full text of Appendix B with all TLVs."""

    text: bool = True
    tlvs: bool = True
    nul: bool = True
    quoted: bool = False
    seconds: bool = False
    counts: bool = True
    letters: bool = False
    label: str = "text:"
    cut: bool = False
    ucs2: bool = False
    esm_class: int = _ESM_RECEIPT
    data_sm: bool = False
    strange_id: bool = False
    id_form: IdForm | None = None

    @classmethod
    def parse(cls, words: str) -> ReceiptStyle:
        """Read words joined by ``+``, for instance ``text+quoted+id=HEX``."""
        style = cls()
        for word in words.split("+"):
            if word.startswith("id="):
                style = replace(style, id_form=IdForm(word[3:]))
            elif word in STYLE_WORDS:
                style = STYLE_WORDS[word][1](style)
            else:
                raise ValueError(f"{word!r} is no style of receipts; use {', '.join(STYLE_WORDS)}, id=FORM")
        return style


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
    "ucs2": ("the text in UCS2", lambda style: replace(style, ucs2=True)),
    "class0": ("esm_class 0", lambda style: replace(style, esm_class=0)),
    "data_sm": ("sent as data_sm", lambda style: replace(style, data_sm=True)),
    "strange": ("an id that was never given", lambda style: replace(style, strange_id=True)),
}  # fmt: skip

FULL = ReceiptStyle()


@functools.lru_cache(maxsize=4096)
def date_text(second: int, digits: int) -> bytes:
    """A second since the epoch (with the zone's offset added) as YYMMDDhhmm or YYMMDDhhmmss."""
    return time.strftime("%y%m%d%H%M%S"[:digits], time.gmtime(second)).encode()


class Renderer:
    """Writes receipts of one style and one state."""

    __slots__ = (
        "_cut", "_data_coding", "_digits", "_esm_class", "_form", "_head", "_strange", "_tail", "_template", "_tlvs",
        "_zone_s", "command_id", "state", "style",
    )  # fmt: skip

    def __init__(self, style: ReceiptStyle, state: ReceiptState, form: IdForm, zone_s: int) -> None:
        self.style = style
        self.state = state
        self.command_id = int(CommandId.DATA_SM if style.data_sm else CommandId.DELIVER_SM)
        self._form = (style.id_form or form).octets
        self._strange = _STRANGE if style.strange_id else 0
        self._zone_s = zone_s
        self._digits = 12 if style.seconds else 10
        self._template = _text_template(style, state)
        self._cut = style.cut and style.text
        self._esm_class = style.esm_class
        if not state.final and style.esm_class:
            self._esm_class = _ESM_INTERMEDIATE
        self._data_coding = _UCS2 if style.ucs2 else 0
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
        zone_s = self._zone_s
        digits = self._digits
        text = self._template % (
            message_id,
            date_text(int(message.wall_s) + zone_s, digits),
            date_text(int(wall_s) + zone_s, digits),
            message.head(),
        )
        if self._cut:
            text = text[: text.index(b" err:")]
        if self._data_coding:
            text = text.decode("latin-1").encode("utf-16-be")[:_MAX_SHORT_MESSAGE]
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


def _text_template(style: ReceiptStyle, state: ReceiptState) -> bytes:
    """A template of four values — id, two dates, head — some of them written with no width at all."""
    if not style.text:
        return b"%.0b%.0b%.0b%.0b"
    err = f"{'OK' if state.delivered else 'MK'}{state.err[-2:]}" if style.letters else state.err
    parts = [b'id:"%b"' if style.quoted else b"id:%b"]
    if style.counts:
        parts.append(b"sub:001 dlvrd:%03d" % state.delivered)
    parts.append(b"submit date:%b done date:%b")
    parts.append(f"stat:{state.stat} err:{err}".replace("%", "%%").encode())
    head = f" {style.label}%b".encode() if style.label else b"%.0b"
    return b" ".join(parts) + head


def _state_tlvs(state: ReceiptState) -> bytes:
    octets = tlv(Tag.MESSAGE_STATE, bytes([state.message_state]))
    if state.message_state != MessageState.DELIVERED and state.err.isdigit():
        octets += tlv(Tag.NETWORK_ERROR_CODE, _NETWORK_GSM + int(state.err).to_bytes(2, "big"))
    return octets
