"""The order in which a phone shows a text: what a right-to-left override (U+202E) turns round is turned round here.

Owns: that one character's effect, for it alone changes the order of Han and Latin letters; isolates and embeddings
don't. Only for comparison: it comes before a text is folded, where the sign itself is lost. Ends where Unicode ends it:
at the pop, at the next change of direction, at a line end.
"""

from __future__ import annotations

import re
from typing import Final

_OVERRIDE: Final = "\u202e"
_TURNED: Final = re.compile("\u202e([^\u202a-\u202e\u2066-\u2069\n\r\x1c-\x1e\x85\u2029]*)")


def as_shown(text: str) -> str:
    """The text as it is read: ``\\u202e博赌`` is 赌博. Usually the very text."""
    if _OVERRIDE not in text:
        return text
    return _TURNED.sub(lambda match: match[1][::-1], text)
