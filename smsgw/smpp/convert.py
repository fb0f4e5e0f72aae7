"""One message in another shape: other forms of "part i of n", other data_codings, other references.

Owns: what a message becomes for a peer that takes only some forms or some codings (SMPP 3.4 §5.2.19, §5.3.2.22–24,
§5.3.2.32; 3GPP TS 23.040 §9.2.3.24). Pieces stay as they are cut wherever they can, so that each keeps its id.
Never changes a text unless it may transliterate, and never drops a part of one: what can't be said comes back as
``Unfit`` with the reason. How octets become PDUs is ``reshape``.
What can go wrong: a text that was cut by 8-bit references has no room for 16-bit ones, so it is cut anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from smsgw.errors import LocalError, RecoverableError
from smsgw.smpp.alphabet import (
    DATA_CODING_UCS2,
    REPLACEMENT,
    Unit,
    decode_text,
    encode_text,
    is_default,
    is_text,
    pack_septets,
    unit_of,
)
from smsgw.smpp.constants import Tag
from smsgw.smpp.reshape import Piece, built, piece_of
from smsgw.smpp.segments import MAX_SEGMENTS, count_segments, joined_text, segment_limit, split_payload
from smsgw.smpp.transliteration import transliterated
from smsgw.smpp.udh import concat_of
from smsgw.smpp.views import DataSm, Sm

LONG_FORMS: Final = ("udh8", "udh16", "sar", "payload")
"""The ways to say that a text is longer than one segment."""
_SEGMENTED: Final = LONG_FORMS[:3]
_HEADER_OCTETS: Final = {"udh8": 6, "udh16": 7, "sar": 6}
_SEGMENT_OCTETS: Final = 140  # fits one segment in every coding
_PAYLOAD_TAG: Final = int(Tag.MESSAGE_PAYLOAD)
_GSM: Final = "gsm0338"
_PACKED: Final = "gsm0338_packed"

Reference = Callable[[bool, "int | None"], int]
"""Names a long message: (16 bits, its own reference or None) → the one to use."""


class Fit(NamedTuple):
    """What a peer takes. ``long_forms`` and ``data_codings`` in the order in which it likes them; empty: everything.

    ``default_alphabet`` is what its data_coding 0 means; ``transliterate``: characters that no coding of its has may
    be written by others that look like them.
    """

    long_forms: tuple[str, ...] = ()
    data_codings: tuple[int, ...] = ()
    default_alphabet: str = _GSM
    transliterate: bool = False

    @property
    def takes_everything(self) -> bool:
        """Nothing has ever to be converted."""
        return not self.long_forms and not self.data_codings and self.default_alphabet == _GSM


ANYTHING: Final = Fit()


class Unfit(NamedTuple):
    """Why a message can't be said in a way that a peer takes."""

    why: str


class Converted(NamedTuple):
    """``pdus`` in order; ``segments``: how many each of them takes on the air."""

    pdus: tuple[bytes, ...]
    segments: tuple[int, ...]


class _Text(NamedTuple):
    """A text in the coding that the peer gets. ``septets``: to be packed when it has been cut."""

    payload: bytes
    data_coding: int
    septets: bool = False


def convert(views: Sequence[Sm | DataSm], fit: Fit, reference: Reference) -> Converted | Unfit | None:
    """The same message as ``fit`` takes it; None when it is taken as it is.

    ``views`` are all its segments in order. ``reference`` is asked at most once, of a message that has several.
    """
    if len(views) == 1 and _is_usual(views[0], fit):
        return None
    try:
        form, own = form_of(views)
        if fit.takes_everything:
            return _renamed(views, form, own, reference)
        pieces = [piece_of(view) for view in views]
    except (RecoverableError, LocalError):
        return None  # what nobody here can read or write is passed on as it came
    recoded = _recoded(pieces, fit)
    if isinstance(recoded, Unfit):
        return recoded
    target = _form_for(pieces, form, fit, recoded)
    if isinstance(target, Unfit):
        return target
    try:
        if recoded is None and target == form:
            return _renamed(views, form, own, reference)
        return _reshaped(views, pieces, (form, own), target, recoded, reference)
    except LocalError as error:
        return Unfit(str(error))


def _is_usual(view: Sm | DataSm, fit: Fit) -> bool:
    """One segment in a coding that is taken: what nearly all messages are, told without taking them apart."""
    return (
        isinstance(view, Sm)
        and view.sm_length <= _SEGMENT_OCTETS
        and view.tlvs_offset == len(view.raw)
        and not view.has_udh
        and fit.default_alphabet == _GSM
        and _takes(fit, view.data_coding)
    )


def form_of(views: Sequence[Sm | DataSm]) -> tuple[str, int | None]:
    """How a message says that it is long, and its reference: a word of LONG_FORMS, ``short`` for one segment, ``long``
    for a short_message that holds more than a segment. Raises RecoverableError for a broken header or TLVs."""
    concat = concat_of(views[0])
    if concat is not None and len(views) > 1:
        return concat.kind, concat.reference
    view = views[0]
    if view.tlvs.first(_PAYLOAD_TAG) is not None:
        return "payload", None
    return ("short" if count_segments(piece_of(view).payload, view.data_coding) == 1 else "long"), None


# ── Which coding, which form ─────────────────────────────────────────────────────────────────────────
def _recoded(pieces: Sequence[Piece], fit: Fit) -> _Text | Unfit | None:
    """The text in a coding that the peer takes; None when it takes the one it has."""
    codings = {piece.data_coding for piece in pieces}
    takes_all = all(_takes(fit, coding) for coding in codings)
    first = pieces[0].data_coding
    if takes_all and (_is_alike(pieces, fit) or any(piece.elements for piece in pieces)):
        return None
    if not all(map(is_text, codings)):
        return Unfit(_not_taken(first, "is no text"))
    if any(piece.elements for piece in pieces):
        return Unfit(_not_taken(first, "has a user data header of its own"))
    text = joined_text((piece.payload, piece.data_coding) for piece in pieces)
    if REPLACEMENT in text:
        return Unfit(_not_taken(first, "can't be read"))
    return _written(text, first, fit)


def _is_alike(pieces: Sequence[Piece], fit: Fit) -> bool:
    """Whether the peer reads the octets as they were meant, for its default alphabet may be another one."""
    if fit.default_alphabet == _GSM:
        return True
    for payload, data_coding, _ in pieces:
        if is_default(data_coding):
            try:
                written = encode_text(decode_text(payload, data_coding), data_coding, fit.default_alphabet)
            except LocalError:
                return False
            if written != payload:
                return False
    return True


def _written(text: str, first: int, fit: Fit) -> _Text | Unfit:
    liked = fit.data_codings or (DATA_CODING_UCS2,)
    wanted = tuple(dict.fromkeys((first, *liked) if _takes(fit, first) else liked))
    for coding in wanted:
        try:
            return _text(text, _with_class(coding, first), fit.default_alphabet)
        except LocalError:
            continue
    for coding in wanted if fit.transliterate else ():
        plain = transliterated(text, _writer(coding, fit.default_alphabet))
        if plain is not None:
            return _text(plain, _with_class(coding, first), fit.default_alphabet)
    character = next(
        (each for each in text if not any(_writer(coding, fit.default_alphabet)(each) for coding in wanted)), ""
    )
    listed = ", ".join(str(coding) for coding in wanted)
    what = f"U+{ord(character):04X}" if character else "all of the text"
    return Unfit(f"no data_coding that it takes ({listed}) has {what}")


def _text(text: str, data_coding: int, default_alphabet: str) -> _Text:
    """Raises LocalError when the coding lacks a character."""
    if is_default(data_coding) and default_alphabet == _PACKED:
        return _Text(encode_text(text, data_coding, _GSM), data_coding, septets=True)
    return _Text(encode_text(text, data_coding, default_alphabet), data_coding)


def _writer(data_coding: int, default_alphabet: str) -> Callable[[str], bool]:
    def can_write(character: str) -> bool:
        try:
            _text(character, data_coding, default_alphabet)
        except LocalError:
            return False
        return True

    return can_write


def _takes(fit: Fit, data_coding: int) -> bool:
    """Whether a coding is one of the peer's, or one of them with a message class (GSM 03.38 §4)."""
    return not fit.data_codings or data_coding in fit.data_codings or _without_class(data_coding) in fit.data_codings


def _without_class(data_coding: int) -> int:
    if data_coding & 0xF0 == 0x10:
        return data_coding & 0x0C
    if data_coding & 0xF0 == 0xF0:
        return data_coding & 0x04
    return data_coding


def _with_class(data_coding: int, old: int) -> int:
    """A flash message stays one in another alphabet."""
    if old & 0xF0 in (0x10, 0xF0) and data_coding in (0, 4, 8):
        return 0x10 | data_coding | old & 3
    return data_coding


def _form_for(pieces: Sequence[Piece], form: str, fit: Fit, recoded: _Text | None) -> str | Unfit:
    payload = recoded.payload if recoded is not None else pieces[0].payload
    coding = recoded.data_coding if recoded is not None else pieces[0].data_coding
    is_short = (recoded is not None or len(pieces) == 1) and count_segments(payload, coding) == 1
    if is_short:
        return form if form == "payload" and "payload" in (fit.long_forms or LONG_FORMS) else "short"
    if form in fit.long_forms or (not fit.long_forms and form not in ("short", "long")):
        return form
    if not fit.long_forms:
        return form if recoded is None else _SEGMENTED[0]
    if not any(piece.elements for piece in pieces):
        return fit.long_forms[0]
    for liked in fit.long_forms:
        if liked in ("udh8", "udh16"):
            return liked
    return Unfit("its user data headers say more than which part it is, and it takes none")


# ── Making it ────────────────────────────────────────────────────────────────────────────────────────
def _renamed(views: Sequence[Sm | DataSm], form: str, own: int | None, reference: Reference) -> Converted | None:
    """As it came, but for its reference where another message has that. Raises RecoverableError."""
    if form not in _SEGMENTED:
        return None
    new = reference(form != "udh8", own)
    if new == own:
        return None
    total = len(views)
    pdus = tuple(built(view, piece_of(view), form, new, total, index) for index, view in enumerate(views, 1))
    return Converted(pdus, (1,) * total)


def _reshaped(
    views: Sequence[Sm | DataSm],
    pieces: Sequence[Piece],
    was: tuple[str, int | None],
    target: str,
    recoded: _Text | None,
    reference: Reference,
) -> Converted | Unfit:
    form, own = was
    if recoded is not None or form not in _SEGMENTED or not _fit_as_they_are(pieces, target):
        if any(piece.elements for piece in pieces):
            return Unfit("it must be cut anew, and its user data headers say more than which part it is")
        text = recoded or _Text(b"".join(piece.payload for piece in pieces), pieces[0].data_coding)
        if recoded is None and len({piece.data_coding for piece in pieces}) > 1:
            return Unfit("it must be cut anew, and its parts have different data_codings")
        pieces = _cut(text, target)
        if len(pieces) == 1 and target != "payload":
            target = "short"
    total = len(pieces)
    if total > MAX_SEGMENTS:
        return Unfit(f"{total} segments are more than the {MAX_SEGMENTS} that can be numbered")
    new = 0
    if target in _SEGMENTED:
        kept = own if own is not None and own <= (0xFF if target == "udh8" else 0xFFFF) else None
        new = reference(target != "udh8", kept)
    same = total == len(views)
    pdus = tuple(
        built(views[index - 1] if same else views[0], piece, target, new, total, index)
        for index, piece in enumerate(pieces, 1)
    )
    if target != "payload":
        return Converted(pdus, (1,) * total)
    return Converted(pdus, (count_segments(pieces[0].payload, pieces[0].data_coding),))


def _fit_as_they_are(pieces: Sequence[Piece], target: str) -> bool:
    if target not in _SEGMENTED:
        return False
    return all(
        len(piece.payload) <= segment_limit(piece.data_coding, _HEADER_OCTETS[target] + piece.element_octets)
        for piece in pieces
    )


def _cut(text: _Text, target: str) -> list[Piece]:
    coding = text.data_coding
    if target == "payload":
        return [Piece(_packed(text.payload, 0) if text.septets else text.payload, coding)]
    header_octets = _HEADER_OCTETS.get(target, 6)
    cut = split_payload(text.payload, coding, header_octets=header_octets)
    if not text.septets or unit_of(coding) != Unit.SEPTET:
        return [Piece(payload, coding) for payload in cut]
    udh_octets = header_octets if len(cut) > 1 and target != "sar" else 0
    return [Piece(_packed(payload, udh_octets), coding) for payload in cut]


def _packed(septets: bytes, header_octets: int) -> bytes:
    return pack_septets(septets, -8 * header_octets % 7)


def _not_taken(data_coding: int, why: str) -> str:
    return f"data_coding {data_coding} is not taken, and what came {why}"
