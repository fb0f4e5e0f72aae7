"""Cutting a stream of octets into PDUs.

Owns: the octets of an unfinished frame, at most ``max_octets`` and one read of them. Never looks past
command_length (SMPP 3.4 §3.2). A length that can't be true means that the stream has lost its
place: nothing after it can be trusted, so the framer keeps the failure and takes nothing more.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from smsgw.errors import FatalError
from smsgw.smpp.constants import HEADER_OCTETS, CommandStatus

#: A stranger may make us keep this much: no bind, and nothing else allowed before it, is longer.
BEFORE_BIND_MAX_OCTETS: Final = 1024
#: A message_payload TLV of 65535 octets, with room for the mandatory fields and other TLVs.
AFTER_BIND_MAX_OCTETS: Final = 70_000

_LENGTH: Final = Struct(">I")
_LENGTH_OCTETS: Final = 4


class Framer:
    """Feed it what the socket gave; it returns whole PDUs.

    ``max_octets`` (at least 16) bounds one PDU and may be changed at any time; it holds for frames cut
    afterwards. After each ``feed`` look at ``failure``: when it is set, handle the frames returned with
    it, answer generic_nack and close; all later octets are ignored.
    """

    __slots__ = ("_rest", "failure", "max_octets")

    def __init__(self, max_octets: int) -> None:
        self.max_octets = max_octets
        self.failure: FatalError | None = None
        self._rest = bytearray()

    @property
    def pending_octets(self) -> int:
        """Octets of the unfinished frame that are kept."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """Whole frames, oldest first. Never raises; see ``failure``."""
        # Nearly every read of a quiet link is exactly one PDU: no copy then.
        length = len(data)
        if (
            length >= HEADER_OCTETS
            and length <= self.max_octets
            and not self._rest
            and self.failure is None
            and int.from_bytes(data[:4]) == length
        ):
            return [data]
        return self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        frames: list[bytes] = []
        if self.failure is not None:
            return frames
        at = self._finish(data, frames) if self._rest else 0
        end = len(data)
        most = self.max_octets
        unpack = _LENGTH.unpack_from
        while end - at >= _LENGTH_OCTETS and self.failure is None:
            length: int = unpack(data, at)[0]
            stop = at + length
            if length < HEADER_OCTETS or length > most:
                self._fail(length)
            elif stop > end:
                break
            else:
                frames.append(data[at:stop])
                at = stop
        if at < end and self.failure is None:
            self._rest += data[at:]
        return frames

    def _finish(self, data: bytes, frames: list[bytes]) -> int:
        """Complete the unfinished frame; returns how many octets of ``data`` that took."""
        rest = self._rest
        at = max(0, _LENGTH_OCTETS - len(rest))
        rest += data[:at]
        if len(rest) < _LENGTH_OCTETS:
            return len(data)
        length: int = _LENGTH.unpack_from(rest)[0]
        if length < HEADER_OCTETS or length > self.max_octets:
            self._fail(length)
            return len(data)
        missing = length - len(rest)
        rest += data[at : at + missing]
        if len(rest) < length:
            return len(data)
        frames.append(bytes(rest))
        rest.clear()
        return at + missing

    def _fail(self, length: int) -> None:
        self.failure = FatalError(
            CommandStatus.ESME_RINVCMDLEN, f"command_length {length} is not in {HEADER_OCTETS}..{self.max_octets}"
        )
        self._rest.clear()
