"""Chance by message: the same seed, recipient and count always draw the same numbers.

Nothing here knows the time or the order in which other messages arrived, so two runs with one
seed behave alike whatever the network and the scheduler did between them.
"""

from __future__ import annotations

import hashlib
import struct

#: One drawn word lies in ``range(WORD_RANGE)``.
WORD_RANGE = 1 << 32

_WORDS = struct.Struct(">16I")


class Draws:
    """Sixteen independent 32-bit words for each message of a seed."""

    __slots__ = ("_base",)

    def __init__(self, seed: int | str) -> None:
        self._base = hashlib.blake2b(b"smsgw simulators\0%b\0" % str(seed).encode())

    def words(self, recipient: bytes, nth: int) -> tuple[int, ...]:
        """Draw for the ``nth`` message (from 0) to ``recipient``."""
        state = self._base.copy()
        state.update(b"%b#%d" % (recipient, nth))
        return _WORDS.unpack(state.digest())
