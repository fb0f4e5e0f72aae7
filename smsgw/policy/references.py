"""Reference numbers of long messages: none twice to one recipient while it may still be under way.

Two applications may choose the same number for one recipient; a phone would then put the segments of both together.
A message keeps the number that its application chose unless one of the recipient's last messages has it. Memory is
bounded: the last recipients, and of each the last messages. Pure; where counting begins is an argument.
What can go wrong: another process has given the same number, with a chance of one in 256 or in 65,536.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

RECIPIENTS: Final = 20_000
RECENT: Final = 64


class References:
    """One for each carrier. ``start``: any number, another one in each life of a process."""

    def __init__(self, start: int) -> None:
        self._next = start
        self._recent: OrderedDict[str, list[int]] = OrderedDict()

    def take(self, recipient: str, wide: bool, own: int | None) -> int:
        """A number for a message to ``recipient``: its ``own`` if it is free, else another; of 16 bits if ``wide``.

        Numbers that are alike in their last 8 bits count as the same: a carrier may send either on with 8.
        """
        recent = self._recent.setdefault(recipient, [])
        self._recent.move_to_end(recipient)
        taken = {number & 0xFF for number in recent}
        number = own
        while number is None or number & 0xFF in taken:
            self._next += 1
            number = self._next & (0xFFFF if wide else 0xFF)
        recent.append(number)
        del recent[:-RECENT]
        if len(self._recent) > RECIPIENTS:
            self._recent.popitem(last=False)
        return number
