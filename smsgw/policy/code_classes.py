"""What a carrier's code means: classes of codes, and the tables that sort codes into them.

A code is the ``stat`` or ``err`` of a receipt, what an error response has for a message_id, or a command_status written
as ``0x58``. Meanings vary between carriers, so a carrier has a table by name and entries of its own on top. Codes are
compared without case. What follows from a class is the gateway's; here is only where a message may go afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum


class CodeClass(Enum):
    """The values are the words of the files."""

    BLACKLIST = "blacklist"
    """The carrier has the recipient on its blacklist."""
    INVALID_NUMBER = "invalid_number"
    """The number does not exist."""
    SUSPENDED = "suspended"
    """The number is suspended, or its telephone off."""
    CAP = "cap"
    """The carrier's own cap for this recipient is reached."""
    FLOW = "flow"
    """Too much at once."""
    CONTENT = "content"
    """The carrier does not like the text."""
    SIGNATURE = "signature"
    """The signature is not registered with the carrier."""
    TIME = "time"
    """Outside the carrier's hours."""
    PORTED = "ported"
    """The number belongs to another network."""
    NO_ROUTE = "no_route"
    """The carrier has no way to the number."""


#: The next carrier may have more luck with these.
MOVES = frozenset((CodeClass.FLOW, CodeClass.PORTED, CodeClass.NO_ROUTE))
#: These speak of the recipient or the message, not of how well a carrier delivers.
NOT_THE_CARRIERS = frozenset(
    (
        CodeClass.BLACKLIST,
        CodeClass.INVALID_NUMBER,
        CodeClass.SUSPENDED,
        CodeClass.CAP,
        CodeClass.CONTENT,
        CodeClass.SIGNATURE,
        CodeClass.PORTED,
    )
)


class CodeTable:
    """The codes of one carrier. ``ported_to``: the network that a code of class ported speaks of."""

    __slots__ = ("_classes", "_ported_to", "statuses")

    def __init__(
        self, classes: Mapping[str, CodeClass] | None = None, ported_to: Mapping[str, str] | None = None
    ) -> None:
        given = classes or {}
        self._classes = {code.casefold(): each for code, each in given.items()}
        self._ported_to = {code.casefold(): network for code, network in (ported_to or {}).items()}
        #: What is written as ``0x58``, by command_status.
        self.statuses = {status: each for code, each in given.items() if (status := status_of(code)) is not None}

    @property
    def caps(self) -> bool:
        """Whether some code says that the carrier's own cap is reached."""
        return CodeClass.CAP in self._classes.values()

    def __bool__(self) -> bool:
        return bool(self._classes)

    def classify(self, codes: Iterable[str]) -> CodeClass | None:
        """The class of the first of ``codes`` that is listed; None when none is."""
        for code in codes:
            found = self._classes.get(code.casefold())
            if found is not None:
                return found
        return None

    def of_answer(self, command_status: int, said: str) -> CodeClass | None:
        """The class of an error response; what it says besides counts more than its status."""
        found = self._classes.get(said.casefold()) if said else None
        return found if found is not None else self.statuses.get(command_status)

    def ported_to(self, codes: Iterable[str]) -> str:
        """The network that the codes name; empty when they only say that it is another one."""
        return next((found for code in codes if (found := self._ported_to.get(code.casefold()))), "")


def status_of(code: str) -> int | None:
    """The command_status that a code is written for; None when it is a carrier's own."""
    if code[:2] not in ("0x", "0X"):
        return None
    try:
        status = int(code, 16)
    except ValueError:
        return None
    return status if 0 < status <= 0xFFFFFFFF else None
