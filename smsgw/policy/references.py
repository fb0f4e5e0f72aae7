"""Reference numbers of long messages: none twice to one recipient while it may still be under way.

Two applications may choose the same number for one recipient; a phone would then put the segments of both together.
A message keeps the number that its application chose unless one of the recipient's last messages has it. Of several
processes each gives, and keeps, only numbers of its own share, so none need ask another. Memory is bounded: the last
recipients, and of each the last messages. Pure; where counting begins is an argument.
What can go wrong: shares change when a process joins, and two messages of just then may have one number; with more than
16 processes, or more messages to a recipient under way than a share has numbers, so may others.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

RECIPIENTS: Final = 20_000
RECENT: Final = 64
#: Shares are told by the last four bits, for a carrier may send numbers on with 8 bits.
MOST_SHARES: Final = 16
_NUMBERS: Final = 0x100


class ReferenceShare:
    """Which numbers are one process's: those that leave ``first`` when divided by ``step``. Alone: all of them."""

    __slots__ = ("first", "step")

    def __init__(self) -> None:
        self.first, self.step = 0, 1

    def put(self, rank: int, ranks: int) -> None:
        """This process is number ``rank`` of ``ranks``; no other one that lives has its rank."""
        step = 1
        while step < min(ranks, MOST_SHARES):
            step *= 2
        self.first, self.step = rank % step, step

    def has(self, number: int) -> bool:
        """Whether a number is this process's to give."""
        return number % self.step == self.first


class References:
    """One for each carrier. ``start``: any number, another one in each life of a process."""

    def __init__(self, start: int, share: ReferenceShare) -> None:
        self._next = start
        self._share = share
        self._recent: OrderedDict[str, list[int]] = OrderedDict()

    def take(self, recipient: str, wide: bool, own: int | None) -> int:
        """A number for a message to ``recipient``: its ``own`` if it is free, else another; of 16 bits if ``wide``.

        Numbers that are alike in their last 8 bits count as the same: a carrier may send either on with 8.
        """
        recent = self._recent.setdefault(recipient, [])
        self._recent.move_to_end(recipient)
        share = self._share
        taken = {number & 0xFF for number in recent[-min(RECENT, _NUMBERS // share.step - 1) :]}
        number = own
        while number is None or number & 0xFF in taken or not share.has(number):
            self._next += 1
            number = self._next & (0xFFFF if wide else 0xFF)
        recent.append(number)
        del recent[:-RECENT]
        if len(self._recent) > RECIPIENTS:
            self._recent.popitem(last=False)
        return number
