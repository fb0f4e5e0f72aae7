"""The GSM 7-bit default alphabet and its extension table, as plain data.

Owns two tables and nothing else; ``alphabet`` turns them into codecs. Specification: 3GPP TS 23.038
(GSM 03.38) §6.2.1 and §6.2.1.1. National language tables are not here: no carrier in view uses them.

What can go wrong: 0x09 is the capital Ç since Release 8 of the specification; older handsets show ç.
tests/unit/smpp/test_alphabet.py compares every code with the independent package ``gsmcodecs``.
"""

from __future__ import annotations

from typing import Final

ESCAPE: Final = 0x1B

# 128 characters by code; 0x1B stands for itself, since it only introduces a code of EXTENSION.
DEFAULT_ALPHABET: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

# Codes that follow ESCAPE. 0x0D (a control character) and 0x1B (a further table) are reserved.
EXTENSION: Final[dict[int, str]] = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
