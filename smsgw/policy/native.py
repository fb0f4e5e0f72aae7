"""The compiled part of the rules, if it is there.

Owns: finding out, and the tables by which it reads characters. ``scan`` is ``_scan.c``, built where the package was
installed with a C compiler; the environment variable SMSGW_PURE=1 leaves it aside. Each of its functions has a twin in
Python beside its callers, which decides what is right; who calls looks at ``IS_COMPILED`` and gets the same from both.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["BMP", "IS_COMPILED", "WHY_NOT", "flags", "scan"]

_is_compiled, _why_not = True, ""
try:
    from smsgw.policy import _scan as scan
except ImportError as error:
    scan = None  # type: ignore[assignment]  # nobody calls it where IS_COMPILED is False
    _is_compiled = False
    _why_not = str(error) if error.name is None else "not compiled: no C compiler when it was installed"

IS_COMPILED: Final[bool] = _is_compiled
WHY_NOT: Final[str] = _why_not
"""Why the rules run as Python; empty where they are compiled."""

BMP: Final = 0x10000

_EVERY: Final = "".join(map(chr, range(BMP))) if IS_COMPILED else ""


def flags(characters: str) -> bytes:
    """A table for ``scan``: an octet for each character of the BMP, 1 for those of a set such as ``[a-z]``."""
    table = bytearray(BMP)
    for run in re.finditer(f"{characters}+", _EVERY):
        table[run.start() : run.end()] = b"\x01" * (run.end() - run.start())
    return bytes(table)
