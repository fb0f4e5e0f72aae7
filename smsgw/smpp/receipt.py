"""Delivery receipts: every form that carriers send, read into one; and the form that we send.

Owns the reading of a deliver_sm or data_sm as a receipt (SMPP 3.4 §5.2.12, §5.2.28, Appendix B) and the
building of Appendix B's text. Never raises on any octets, never decides what a receipt means for a
message, and never takes a text without the mark of a receipt for one: a subscriber could have written it.

The TLVs speak first: receipted_message_id, message_state, network_error_code; the text fills in the rest.
tests/vectors/receipts.json holds the forms seen, each with its source. What can go wrong: a word for a
state that nobody knows (``message_state`` None, not final), a date in the carrier's own zone (kept naive).
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from smsgw.errors import RecoverableError
from smsgw.smpp.alphabet import Unit, decode_text, unit_of, unpack_septets
from smsgw.smpp.constants import ESM_INTERMEDIATE, ESM_RECEIPT, MessageState, Tag
from smsgw.smpp.native import IS_COMPILED, wire
from smsgw.smpp.tlv import NO_TLVS, Tlvs
from smsgw.smpp.udh import strip_udh
from smsgw.smpp.views import Sm

STATES: Final[dict[str, int]] = {
    "SCHEDLD": int(MessageState.SCHEDULED),
    "ENROUTE": int(MessageState.ENROUTE),
    "DELIVRD": int(MessageState.DELIVERED),
    "EXPIRED": int(MessageState.EXPIRED),
    "DELETED": int(MessageState.DELETED),
    "UNDELIV": int(MessageState.UNDELIVERABLE),
    "ACCEPTD": int(MessageState.ACCEPTED),
    "UNKNOWN": int(MessageState.UNKNOWN),
    "REJECTD": int(MessageState.REJECTED),
    "SKIPPED": int(MessageState.SKIPPED),
}
"""The words of Appendix B, Table B-2, and their message_state; SCHEDLD and SKIPPED as carriers write 5.0's."""

STAT_WORDS: Final[dict[int, str]] = {state: word for word, state in STATES.items()}
"""The other way round, for ``build_receipt_text``."""

FINAL_STATES: Final = frozenset(
    STATES[word] for word in ("DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "REJECTD", "SKIPPED")
)
"""States after which a carrier has nothing more to say. ACCEPTED and UNKNOWN are not: others follow them."""


class Receipt(NamedTuple):
    """What a receipt says; None where it says nothing that can be read."""

    id: str | None
    """The carrier's id as sent, without padding; see ``canonical_id``."""
    stat: str | None
    """The word of the text as sent, also one that is in no specification."""
    message_state: int | None
    """SMPP 3.4 §5.2.28: the TLV's, else what ``stat`` stands for."""
    err: str | None
    """Never a number: carriers send hexadecimal, four digits and "DB:0144"."""
    sub: int | None
    dlvrd: int | None
    submit_date: datetime | None
    """Naive, as the carrier's clock had it."""
    done_date: datetime | None
    text: str | None
    final: bool
    """The message's state will not change any more."""
    intermediate: bool
    """Sent as an intermediate notification (esm_class 0x20)."""


class ReceiptView(Protocol):
    """What ``parse_receipt`` reads of a view of deliver_sm or data_sm."""

    @property
    def esm_class(self) -> int: ...
    @property
    def data_coding(self) -> int: ...
    @property
    def has_udh(self) -> bool: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def tlvs(self) -> Tlvs: ...


def parse_receipt(view: ReceiptView) -> Receipt | None:
    """Read a deliver_sm or data_sm as a receipt; None when it isn't one.

    It is one when esm_class says so or a receipted_message_id TLV is there (some carriers send 0 as
    esm_class). A marked receipt that can't be read comes back with None everywhere: acknowledge and count
    it, for it is no MO either. Never raises; broken TLVs count as none.
    """
    esm_class = view.esm_class
    is_marked = esm_class & _MARKS
    tlvs = _tlvs_of(view)
    if not tlvs:
        if not is_marked:
            return None
        spoken = _SILENT
    else:
        spoken = _read_tlvs(tlvs)
        if not is_marked and spoken.id is None:
            return None
    intermediate = esm_class & ESM_INTERMEDIATE != 0
    payload = _payload_of(view)[:_MAX_TEXT_OCTETS]
    if not payload:
        return Receipt(spoken.id, *_merge(spoken.state, spoken.err, _NO_FIELDS, intermediate))
    data_coding = view.data_coding
    # Receipts are written in ASCII whatever the alphabet: as GSM 03.38 "_" and "@" would become others.
    is_declared = unit_of(data_coding) in _DECLARED_UNITS
    text = decode_text(payload, data_coding) if is_declared else payload.decode("latin-1")
    id_, blank, rest = text.partition(" ")
    if id_[:3] == "id:" and id_[3:].isalnum() and id_.isascii() and len(rest) <= _MAX_KNOWN_CHARACTERS:
        known = _usual_rest(blank + rest, spoken.state, spoken.err, intermediate)
        if known is not None:
            return Receipt(spoken.id or id_[3:], *known)
    fields = _read_text(text, payload)
    return Receipt(spoken.id or fields[_ID], *_merge(spoken.state, spoken.err, fields, intermediate))


def build_receipt_text(
    id: str,
    sub: int,
    dlvrd: int,
    submit_date: datetime,
    done_date: datetime,
    stat: str,
    err: str = "000",
    text: str = "",
) -> bytes:
    """Return Appendix B's text as ASCII octets, for data_coding 0.

    Counts above 999 read 999; dates are written as they stand, so give them in the application's zone;
    ``stat`` is a word of STATES; of ``text`` the first 20 characters go in, "?" for what ASCII lacks.
    """
    return (
        f"id:{id} sub:{min(sub, 999):03d} dlvrd:{min(dlvrd, 999):03d}"
        f" submit date:{_format_date(submit_date)} done date:{_format_date(done_date)}"
        f" stat:{stat} err:{err:0>3} text:{text[:20]}"
    ).encode("ascii", "replace")


def parse_receipt_date(value: str) -> datetime | None:
    """Read a date of a receipt; None for all zeros, for what is no date, and for dates with an impossible part.

    Known forms: YYMMDDhhmm, YYMMDDhhmmss, YYYYMMDDhhmm, YYYYMMDDhhmmss, SMPP's own YYMMDDhhmmsstnnp
    (SMPP 3.4 §7.1.1), and each with "-", "/", ":" or a blank between its parts.
    Twelve digits are read with seconds first, since a year 20YY as YYMM has no such month from 2013 on.
    A zone is passed over: the result is the carrier's local time.
    """
    return _parse_date(value) if len(value) <= _MAX_DATE_CHARACTERS else None


# ── TLVs ─────────────────────────────────────────────────────────────────────────────────────────────
_RECEIPTED_MESSAGE_ID: Final = int(Tag.RECEIPTED_MESSAGE_ID)
_MESSAGE_STATE: Final = int(Tag.MESSAGE_STATE)
_NETWORK_ERROR_CODE: Final = int(Tag.NETWORK_ERROR_CODE)
_NETWORK_TYPES: Final = range(1, 9)  # SMPP 5.0 §4.8.4.42; 3.4 has 1..3 only

# Either bit marks a receipt, also beside others: Kannel's servers send 0x0C.
_MARKS: Final = ESM_RECEIPT | ESM_INTERMEDIATE
_PADDING: Final = " \t\r\n\0"


class _Spoken(NamedTuple):
    """What the TLVs say."""

    id: str | None
    state: int | None
    err: str | None


_SILENT: Final = _Spoken(None, None, None)


def _tlvs_of(view: ReceiptView) -> Tlvs:
    try:
        return view.tlvs
    except RecoverableError:
        return NO_TLVS


def _read_tlvs(tlvs: Tlvs) -> _Spoken:
    message_id = state = err = None
    for tag, value in tlvs:
        if tag == _RECEIPTED_MESSAGE_ID:
            # The NUL may be missing, or followed by what was in the carrier's buffer.
            message_id = message_id or value.partition(b"\0")[0].decode("latin-1").strip(_PADDING) or None
        elif tag == _MESSAGE_STATE and len(value) == 1:
            state = value[0]
        elif tag == _NETWORK_ERROR_CODE and len(value) == 3 and value[0] in _NETWORK_TYPES:
            err = f"{value[1] << 8 | value[2]:03d}"
    return _Spoken(message_id, state, err)


# ── Text ─────────────────────────────────────────────────────────────────────────────────────────────
# id, sub, dlvrd, submit date, done date, stat, err, text: as written, without blanks; None where not there.
_Fields = tuple[str | None, str | None, str | None, str | None, str | None, str | None, str | None, str | None]
_ID, _STAT = 0, 5
# All fields of ``Receipt`` but its id.
_Rest = tuple[
    str | None, int | None, str | None, int | None, int | None, datetime | None, datetime | None, str | None, bool, bool
]
_NO_FIELDS: Final[_Fields] = (None, None, None, None, None, None, None, None)

# The form that nearly all carriers send, in one pass. What it takes, _read_labels reads alike (tested).
_USUAL: Final = re.compile(
    r"id:([0-9A-Za-z-]+) (?:sub:([0-9]{1,3}) )?(?:dlvrd:([0-9]{1,3}) )?"
    r"submit date:([0-9]{10,14}) done date:([0-9]{10,14}) stat:([A-Z][A-Z0-9:]*)"
    r"(?: err:([0-9A-Za-z]+))?(?: [Tt]ext:(.*))?",
    re.DOTALL,
)

# A label begins a field unless a letter, digit or colon stands before it: "stat:ID:0044" is one field.
_LABEL: Final = re.compile(
    r"(?<![0-9A-Za-z:])(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text) ?:", re.ASCII | re.IGNORECASE
)
_LABEL_KEYS: Final = ("id", "sub", "dlvr", "subm", "done", "stat", "err", "text")
_DATE_KEYS: Final = ("subm", "done")

_DECLARED_UNITS: Final = (Unit.UCS2, Unit.MULTIBYTE)
_MAX_TEXT_OCTETS: Final = 1024  # a message_payload of 64 KiB is no receipt's text; don't search it for fields
_MAX_KNOWN_CHARACTERS: Final = 200


@lru_cache(maxsize=1024)
def _usual_rest(rest: str, state: int | None, err: str | None, intermediate: bool) -> _Rest | None:
    """What stands behind the id of the usual text, of which thousands a second are alike; None: it isn't usual."""
    usual = _USUAL.fullmatch("id:0" + rest)
    return None if usual is None else _merge(state, err, usual.groups(), intermediate)  # type: ignore[arg-type]


def _read_text(text: str, payload: bytes) -> _Fields:
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        return usual.groups()  # type: ignore[return-value]  # eight groups, as _Fields has it
    fields = _read_labels(text)
    if fields[_ID] is None and fields[_STAT] is None:
        for other in _other_readings(payload):
            others = _read_labels(other)
            if others[_ID] is not None or others[_STAT] is not None:
                return others
    return fields


def _payload_of(view: ReceiptView) -> bytes:
    payload = b""
    try:
        payload = view.payload
        return strip_udh(payload) if view.has_udh else payload
    except RecoverableError:
        return payload  # broken TLVs, or a flag that lies: what there is may be readable all the same


def _other_readings(payload: bytes) -> list[str]:
    """The text under the codings that carriers use without saying so."""
    readings = [payload.decode("latin-1")]
    if 0 in payload:
        readings.append(payload.decode("utf-16-be", "replace"))
    readings.append(unpack_septets(payload).decode("latin-1"))
    return readings


def _read_labels(text: str) -> _Fields:
    """Find the fields in any order. The first of a name holds; everything behind ``text:`` is text."""
    found: dict[str, str] = {}
    label, start = "", 0
    for match in _LABEL.finditer(text):
        key = match[1][:4].lower()
        if key == label or key in found:
            continue  # a second one belongs to the value around it: "stat: ID:0044"
        value = text[start : match.start()]
        if label == "text" and ("stat" in found or value.strip(_PADDING)):
            break  # an empty text before the stat is a carrier's order; anything else is the message's words
        if label:
            found[label] = value
        label, start = key, match.end()
    if not label:
        return _NO_FIELDS
    found[label] = text[start:]
    get = found.get
    return (
        _word(get("id")) or None,
        _word(get("sub")),
        _word(get("dlvr")),
        get("subm"),
        get("done"),
        _word(get("stat")) or None,
        _word(get("err")),
        get("text"),
    )


def _word(value: str | None) -> str | None:
    """The first word of a value, without quotes around it and punctuation behind it."""
    if value is None:
        return None
    words = value.strip(_PADDING).split(None, 1)
    return words[0].rstrip(",;").strip("\"'") if words else ""


# ── Both together ────────────────────────────────────────────────────────────────────────────────────
_OTHER_WORDS: Final[dict[str, int]] = {
    **dict.fromkeys(("ACKED", "BUFFRED", "BUFFERD", "BUFFERED"), STATES["ENROUTE"]),
    **dict.fromkeys(("DELIVERD", "DELIVERED"), STATES["DELIVRD"]),
    **dict.fromkeys(("UNDELIVERED", "UNDELIVERABLE", "FAILED"), STATES["UNDELIV"]),
    "SCHEDULED": STATES["SCHEDLD"],
    "ACCEPTED": STATES["ACCEPTD"],
    "REJECTED": STATES["REJECTD"],
} | dict.fromkeys(
    # Chinese networks put the reason of a failure where the state belongs; ``policy`` knows what each asks for.
    ("BLACK", "MBBLACK", "DBBLACK", "TDBLACK", "TSBLACK", "LIMIT", "MILIMIT", "KEYWORD", "NOSEND", "NOROUTER"),
    STATES["UNDELIV"],
)
_NETWORK_CODE: Final = re.compile(r"[A-Z0-9]{2}:[0-9]{4}", re.ASCII)  # "MK:0001", "DB:0144", "M2:0045"
_MIN_CUT_LETTERS: Final = 4
_DELIVERED: Final = STATES["DELIVRD"]
_NO_ERR: Final = frozenset({"", "...", "null"})


def _merge(state: int | None, network_error: str | None, fields: _Fields, intermediate: bool) -> _Rest:
    """``state`` and ``network_error``: what the TLVs say."""
    _, sub, dlvrd, submit_date, done_date, stat, err, text = fields
    if stat is not None and (state is None or state not in STAT_WORDS):
        told = STATES.get(stat)
        if told is None:
            told = _state_of(stat)
        if told is not None:
            state = told
    return (
        stat,
        state,
        err if network_error is None else _merge_err(network_error, err),
        _number(sub),
        _number(dlvrd),
        None if submit_date is None else parse_receipt_date(submit_date),
        None if done_date is None else parse_receipt_date(done_date),
        None if text is None else text.strip(_PADDING),
        # A failed attempt is no end while the notification calls itself intermediate; a delivery always is.
        state in FINAL_STATES and (not intermediate or state == _DELIVERED),
        intermediate,
    )


def _merge_err(network_error: str, err: str | None) -> str:
    """The TLV's code, unless it says nothing or the text has the carrier's own code or the same number."""
    if err is None or err in _NO_ERR:
        return network_error
    if not (err.isascii() and err.isdigit()):
        return err
    return err if network_error == "000" or err.lstrip("0") == network_error.lstrip("0") else network_error


def _state_of(word: str) -> int | None:
    """The state that an unusual word stands for: other spelling, cut off at the end, or a network's code."""
    word = word.upper()
    state = STATES.get(word, _OTHER_WORDS.get(word))
    if state is not None:
        return state
    if _NETWORK_CODE.fullmatch(word):
        return STATES["UNDELIV"]
    if len(word) >= _MIN_CUT_LETTERS:
        for whole, state in STATES.items():  # four letters tell them all apart
            if whole.startswith(word):
                return state
    return None


def _number(value: str | None) -> int | None:
    if value is None or len(value) > 9 or not (value.isascii() and value.isdigit()):
        return None
    return int(value)


# ── Dates ────────────────────────────────────────────────────────────────────────────────────────────
_MAX_DATE_CHARACTERS: Final = 40
_SHORT_YEAR_LENGTHS: Final = (10, 12, 15)
_CENTURIES: Final = ("19", "20")
_DATE_DIGITS: Final = re.compile(r"\s*([0-9]{10,})", re.ASCII)
_DATE_PARTS: Final = re.compile(
    r"\s*((?:[0-9]{2})?[0-9]{2})[-/.]([0-9]{2})[-/.]([0-9]{2})[T ]*([0-9]{2}):?([0-9]{2})(?::?([0-9]{2}))?", re.ASCII
)


@lru_cache(maxsize=1024)  # thousands of receipts a second share a minute
def _parse_date(value: str) -> datetime | None:
    match = _DATE_DIGITS.match(value)
    if match is not None:
        digits = match[1]
    else:
        parts = _DATE_PARTS.match(value)
        if parts is None:
            return None
        digits = "".join(part or "" for part in parts.groups())
    length = len(digits)
    if length == 14:
        return _date(digits)
    if length in _SHORT_YEAR_LENGTHS:
        date = _date("20" + digits[:12])  # of SMPP's form tenths and quarter hours follow
        return _date(digits) if date is None and length == 12 else date
    return None


def _date(digits: str) -> datetime | None:
    if not digits.startswith(_CENTURIES):
        return None
    try:
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}")
    except ValueError:
        return None


def _format_date(date: datetime) -> str:
    return f"{date.year % 100:02d}{date.month:02d}{date.day:02d}{date.hour:02d}{date.minute:02d}"


python_parse_receipt: Final = parse_receipt
if IS_COMPILED:
    parse_receipt = wire.receipt_parser(
        python_parse_receipt, Sm, Receipt, STATES, STAT_WORDS, FINAL_STATES, _parse_date
    )
