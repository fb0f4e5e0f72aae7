"""A message with another text: cut anew, in its own coding, and as long as it was said to be.

Owns: which messages can be given another text at all, and the PDUs of one that is. Everything else of them stays, also
how it says that it is long. Octets of a text that can't be read, or not written again as they were, are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from smsgw.errors import LocalError, RecoverableError
from smsgw.smpp.alphabet import DATA_CODING_UCS2, REPLACEMENT, encode_text, is_text
from smsgw.smpp.convert import Converted, form_of
from smsgw.smpp.reshape import Piece, built, piece_of
from smsgw.smpp.segments import MAX_SEGMENTS, count_segments, joined_text, split_payload
from smsgw.smpp.views import DataSm, Sm

_HEADER_OCTETS: Final = {"udh8": 6, "udh16": 7, "sar": 6}
_ALONE: Final = 140  # fits one segment in every coding
_MOST_OCTETS: Final = 254  # of a short_message (SMPP 3.4 §5.2.22)


def retexted(views: Sequence[Sm | DataSm], change: Callable[[str], str]) -> Converted | None:
    """The message with the text that ``change`` makes of its own; None where it must keep that.

    ``views`` are all its segments in order. A message that was short and no longer is gets 8-bit references, with 0.
    """
    try:
        form, reference = form_of(views)
        pieces = [piece_of(view) for view in views]
        coding = pieces[0].data_coding
        if not is_text(coding) or any(piece.elements or piece.data_coding != coding for piece in pieces):
            return None
        text = joined_text((piece.payload, coding) for piece in pieces)
        if REPLACEMENT in text or encode_text(text, coding) != b"".join(piece.payload for piece in pieces):
            return None
        payload = encode_text(change(text), coding)
        return _made(views, payload, coding, form, reference or 0)
    except (RecoverableError, LocalError):
        return None


def surely_one(view: Sm | DataSm, text: str, removed: str, added: str) -> bool:
    """Whether ``retexted`` makes one segment of a message once ``removed`` of its text has become ``added``.

    Quick, for what nearly all are, and False where in doubt. ``text``: its own; the other two are ASCII.
    """
    if not isinstance(view, Sm) or view.has_udh or view.tlvs_offset != len(view.raw):
        return False
    coding, payload = view.data_coding, view.payload
    # A character that takes two septets may go, none comes: then it is shorter than this.
    octets = len(payload) + (len(added) - len(removed)) * (2 if coding == DATA_CODING_UCS2 else 1)
    if coding not in (0, DATA_CODING_UCS2) or octets > _ALONE or len(payload) > _ALONE or REPLACEMENT in text:
        return False
    return encode_text(text, coding) == payload


def _made(
    views: Sequence[Sm | DataSm], payload: bytes, coding: int, form: str, reference: int
) -> Converted | None:  # fmt: skip
    count = count_segments(payload, coding)
    if form == "payload" or (form == "long" and len(payload) <= _MOST_OCTETS):
        return Converted((built(views[0], Piece(payload, coding), form, 0, 1, 1),), (count,))
    if count == 1:
        return Converted((built(views[0], Piece(payload, coding), "short", 0, 1, 1),), (1,))
    if form not in _HEADER_OCTETS:
        form = "udh8"
    cut = split_payload(payload, coding, header_octets=_HEADER_OCTETS[form])
    total = len(cut)
    if total > MAX_SEGMENTS:
        return None
    same = total == len(views)
    pdus = tuple(
        built(views[index - 1] if same else views[0], Piece(each, coding), form, reference, total, index)
        for index, each in enumerate(cut, 1)
    )
    return Converted(pdus, (1,) * total)
