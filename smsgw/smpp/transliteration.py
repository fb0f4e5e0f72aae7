"""Characters written by others that look like them, for peers whose codings lack them.

Owns one table, from a character to what stands for it: quotation marks, dashes, spaces and dots of typography, letters
with marks, full-width forms, symbols that have a name. Never guesses: what is in no table can't be written. The
brackets 【 and 】 are in none: they make a signature, and that is a legal mark which nobody may reword on its way.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final


def _marked_letters() -> dict[str, str]:
    """Letters of Latin-1 and Latin Extended-A that are another letter with a mark."""
    found = {}
    for code in range(0xC0, 0x180):
        first, *marks = list(unicodedata.normalize("NFKD", chr(code)))
        if marks and first.isascii():
            found[chr(code)] = first + "".join(mark for mark in marks if mark.isascii())
    return found


_FULL_WIDTH: Final = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_GROUPS: Final = (
    ("\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc\uff07", "'"),
    ("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u300c\u300d\u300e\u300f", '"'),
    ("\u2039\u3008", "<"),
    ("\u203a\u3009", ">"),
    ("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad", "-"),
    ("\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u3000", " "),
    ("\u200b\u200c\u200d\u2060\ufeff\ufe0f", ""),
    ("\u2022\u00b7\u30fb\u2219", "*"),
    ("\u3001", ","),
    ("\u3002", "."),
    ("\u300a", "<<"),
    ("\u300b", ">>"),
)
_SINGLE: Final = {
    "\u2026": "...", "\u2025": "..", "\u20ac": "EUR", "\u00a3": "GBP", "\u00a5": "JPY", "\uffe5": "CNY",
    "\u00a9": "(c)", "\u00ae": "(R)", "\u2122": "TM", "\u00b0": "deg", "\u00b1": "+/-", "\u00d7": "x", "\u00f7": "/",
    "\u00bd": "1/2", "\u00bc": "1/4", "\u00be": "3/4", "\u2030": "0/00", "\u2116": "No.", "\u00a6": "|", "`": "'",
    "\u00df": "ss", "\u00c6": "AE", "\u00e6": "ae", "\u00d8": "O", "\u00f8": "o", "\u0152": "OE", "\u0153": "oe",
    "\u0110": "D", "\u0111": "d", "\u0141": "L", "\u0142": "l", "\u0131": "i", "\u00de": "Th", "\u00fe": "th",
    "\u00d0": "D", "\u00f0": "d", "\u2192": "->", "\u2190": "<-", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
}  # fmt: skip

TABLE: Final[dict[str, str]] = {
    **_marked_letters(),
    **_FULL_WIDTH,
    **{character: plain for characters, plain in _GROUPS for character in characters},
    **_SINGLE,
}
"""Character → what stands for it."""


def transliterated(text: str, can_write: Callable[[str], bool]) -> str | None:
    """The text with every character that can't be written replaced; None when one of them is in no table.

    What replaces a character must be writable itself; it may take a second step (a full-width “＂” is a “"”).
    """
    parts = []
    for character in text:
        if can_write(character):
            parts.append(character)
            continue
        plain = TABLE.get(character)
        if plain is None or not all(map(can_write, plain)):
            return None
        parts.append(plain)
    return "".join(parts)
