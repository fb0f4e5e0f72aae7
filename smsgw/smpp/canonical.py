"""Carriers' message ids in one form, so that a receipt finds the message it is about.

Owns the reading of ids as "text", "nocase", "hex", "dec", "first10" and "last10" (carriers.md: hex in the response
and decimal in the receipt, upper or lower case, padded with zeros, cut to 10). Never knows carriers: the form comes
from a profile, or is learnt from what matches (``policy.id_forms``).

A number becomes its decimal digits without zeros in front; an id that isn't a number of its form stays as
it is, so that a wrong setting costs matches and never an exception. What can go wrong: two ids that are the same in
their first or last ten characters are one in those forms.
"""

from __future__ import annotations

import re
from typing import Final

from smsgw.errors import LocalError

FORMS: Final = frozenset({"text", "nocase", "hex", "dec", "first10", "last10"})

_MAX_CHARACTERS: Final = 65  # a message_id is at most 65 octets (SMPP 3.4 §5.2.23); longer is no number of theirs
_CUT: Final = 10
_PADDING: Final = " \t\r\n\0"
_HEX: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F]+)", re.ASCII)


def canonical_id(carrier_id: str, form: str) -> str:
    """Return the id under which a carrier's message id is kept and looked up.

    ``form`` is one of FORMS; the caller pairs the result with the carrier. Raises LocalError for another form.
    """
    if form not in FORMS:
        raise LocalError(f"unknown form of a message id: {form!r}; expected one of {', '.join(sorted(FORMS))}")
    stripped = carrier_id.strip(_PADDING)
    if form == "text" or len(stripped) > _MAX_CHARACTERS:
        return stripped
    if form == "dec":
        return _decimal(stripped)
    if form == "hex":
        match = _HEX.fullmatch(stripped)
        return str(int(match[1], 16)) if match else stripped
    folded = stripped.lower()
    if form == "nocase":
        return folded
    # Which of the two sides is cut differs, and a cut number may have lost its zeros too.
    return _decimal((folded[:_CUT] if form == "first10" else folded[-_CUT:]).strip(_PADDING))


def _decimal(text: str) -> str:
    return str(int(text)) if text.isascii() and text.isdigit() else text
