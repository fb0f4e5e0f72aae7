"""Carriers' message ids in one form, so that a receipt finds the message it is about.

Owns the reading of "hex", "dec" and "text" ids (carriers.md: hex in the response and decimal in the
receipt, upper or lower case, padded with zeros). Never knows carriers: the form comes from a profile.

A number becomes its decimal digits without zeros in front; an id that isn't a number of its form stays as
it is, so that a wrong setting costs matches and never an exception. What can go wrong: an id cut to 10
characters is another id in every form.
"""

from __future__ import annotations

import re
from typing import Final

from smsgw.errors import LocalError

FORMS: Final = frozenset({"text", "hex", "dec"})

_MAX_CHARACTERS: Final = 65  # a message_id is at most 65 octets (SMPP 3.4 §5.2.23); longer is no number of theirs
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
        return str(int(stripped)) if stripped.isascii() and stripped.isdigit() else stripped
    match = _HEX.fullmatch(stripped)
    return str(int(match[1], 16)) if match else stripped
