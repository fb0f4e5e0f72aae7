"""Chance by message: the same seed, recipient and count always draw the same numbers.

Nothing here knows the time or the order in which other messages arrived, so two runs with one
seed behave alike whatever the network and the scheduler did between them.
"""

from __future__ import annotations

import hashlib
import struct

#: One drawn word lies in ``range(WORD_RANGE)``.
WORD_RANGE = 1 << 32
#: Words of one draw.
WORDS = 16

_WORDS = struct.Struct(">16I")


class Draws:
    """Sixteen independent 32-bit words for each message of a seed, and as many more for each purpose."""

    __slots__ = ("_copy",)

    def __init__(self, seed: int | str) -> None:
        self._copy = hashlib.blake2b(b"smsgw simulators\0%b\0" % str(seed).encode()).copy

    def words(self, recipient: bytes, nth: int) -> tuple[int, ...]:
        """Draw for the ``nth`` message (from 0) to ``recipient``."""
        state = self._copy()
        state.update(b"%b#%d" % (recipient, nth))
        return _WORDS.unpack(state.digest())

    def more(self, recipient: bytes, nth: int, purpose: bytes) -> tuple[int, ...]:
        """Sixteen other words for the same message."""
        return self.words(b"%b\0%b" % (purpose, recipient), nth)
