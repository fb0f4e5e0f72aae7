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


class Framer:
    """Feed it what the socket gave; it returns whole PDUs.

    ``max_octets`` (at least 16) bounds one PDU and may be changed at any time; it holds for frames cut
    afterwards. After each ``feed`` look at ``failure``: when it is set, handle the frames returned with
    it, answer generic_nack and close; all later octets are ignored.
    """

    __slots__ = ("_closed", "_rest", "failure", "max_octets")

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
        if self.failure is not None:
            return []
        rest = self._rest
        source: bytes | bytearray = data
        if rest:
            rest += data
            source = rest
        frames: list[bytes] = []
        at = 0
        end = len(source)
        most = self.max_octets
        unpack = _LENGTH.unpack_from
        while end - at >= 4:
            length: int = unpack(source, at)[0]
            if not HEADER_OCTETS <= length <= most:
                self.failure = FatalError(
                    CommandStatus.ESME_RINVCMDLEN, f"command_length {length} is not in {HEADER_OCTETS}..{most}"
                )
                rest.clear()
                return frames
            stop = at + length
            if stop > end:
                break
            frames.append(bytes(source[at:stop]))
            at = stop
        if source is rest:
            del rest[:at]
        else:
            rest += data[at:]
        return frames
