"""What a carrier's code means: classes of codes, and the tables that sort codes into them.

A code is the ``stat`` or ``err`` of a receipt, or a command_status written as ``0x58``. Meanings vary between carriers,
so a carrier has a table by name and entries of its own on top. Never decides what follows: ``CodeClass`` only carries
what is true of the class everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum


class CodeClass(Enum):
    """The values are the words of the files."""

    BLACKLIST = "blacklist"
    INVALID_NUMBER = "invalid_number"
    SUSPENDED = "suspended"
    CAP = "cap"
    FLOW = "flow"
    CONTENT = "content"
    SIGNATURE = "signature"
    TIME = "time"
    PORTED = "ported"
    NO_ROUTE = "no_route"


class CodeTable:
    """The codes of one carrier; compared without case."""

    __slots__ = ("_classes",)

    def __init__(self, classes: Mapping[str, CodeClass] | None = None) -> None:
        self._classes = {code.casefold(): each for code, each in (classes or {}).items()}

    def __bool__(self) -> bool:
        return bool(self._classes)

    def classify(self, codes: Iterable[str]) -> CodeClass | None:
        """The class of the first of ``codes`` that is listed; None when none is."""
        for code in codes:
            found = self._classes.get(code.casefold())
            if found is not None:
                return found
        return None
