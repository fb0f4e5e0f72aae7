"""Passwords out of what is recorded, octet by octet: nothing else changes, and no length.

A bind or outbind (SMPP 3.4 §4.1, §4.1.7) is held back until it is whole, however many reads it came
in; then its password is blanked. One that can't be read loses its whole body. A stream that can't
be framed is blanked to its end unless a good bind came before: nobody knows where its password is.
"""

from __future__ import annotations

from typing import Final

from simulators.capture.sides import is_header
from smsgw.errors import ProtocolError
from smsgw.smpp.codec import Pdu, decode, encode
from smsgw.smpp.constants import HEADER_OCTETS, CommandId
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS
from smsgw.smpp.views import HEADER

BLANK: Final = b"*"
_WITH_PASSWORD: Final = frozenset({
    int(CommandId.BIND_RECEIVER), int(CommandId.BIND_TRANSMITTER), int(CommandId.BIND_TRANSCEIVER),
    int(CommandId.OUTBIND),
})  # fmt: skip
_MOST_HELD: Final = 1024


class Trust:
    """Shared by both directions of a connection: whether a good bind was seen on it."""

    __slots__ = ("bound",)

    def __init__(self) -> None:
        self.bound = False


class Blanker:
    """One direction of a connection."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        #: Octets of a header, or of a bind, that is not whole yet.
        self._held = b""
        #: Octets of the current PDU that pass as they are.
        self._passing = 0
        self._lost = False
        self._searching = False

    def lose_place(self) -> None:
        """Octets are missing: what follows is blanked, unless bound, until it begins with a PDU."""
        self._searching = True
        self._held = b""
        self._passing = 0

    def feed(self, octets: bytes) -> bytes:
        """What may be recorded of all that was fed so far and not given before."""
        self._searching = self._searching and not is_header(octets)
        if self._lost or self._searching:
            return self._unframed(octets)
        passing = self._passing
        if passing >= len(octets):
            self._passing -= len(octets)
            return octets
        data = self._held + octets
        at, end = passing, len(data)
        pieces: list[bytes] = []
        start = 0
        while end - at >= HEADER_OCTETS:
            length, command_id, _status, _sequence = HEADER.unpack_from(data, at)
            if command_id in _WITH_PASSWORD and HEADER_OCTETS <= length <= _MOST_HELD:
                if at + length > end:
                    break
                pieces += (data[start:at], self._blanked(data[at : at + length]))
                start = at + length
            elif not HEADER_OCTETS <= length <= AFTER_BIND_MAX_OCTETS or command_id in _WITH_PASSWORD:
                self._lost = True
                self._trust.bound = self._trust.bound and command_id not in _WITH_PASSWORD
                self._held = b""
                # The header of a bind is one; anything else that claims a length like this may be a password.
                body = at + HEADER_OCTETS if command_id in _WITH_PASSWORD else at
                pieces += (data[start:body], self._unframed(data[body:]))
                return b"".join(pieces)
            at += length
        self._passing = max(0, at - end)
        at = min(at, end)
        self._held = data[at:]
        pieces.append(data[start:at])
        return b"".join(pieces)

    def rest(self) -> bytes:
        """What is still held back when the stream ends: a header passes, a body does not."""
        held, self._held = self._held, b""
        return held[:HEADER_OCTETS] + BLANK * (len(held) - HEADER_OCTETS)

    def _unframed(self, octets: bytes) -> bytes:
        return octets if self._trust.bound else BLANK * len(octets)

    def _blanked(self, frame: bytes) -> bytes:
        try:
            bind = decode(frame)
            blanked = encode(_without_password(bind))
        except ProtocolError:
            blanked = b""
        self._trust.bound = len(blanked) == len(frame)
        return blanked if self._trust.bound else frame[:HEADER_OCTETS] + BLANK * (len(frame) - HEADER_OCTETS)


def _without_password(bind: Pdu) -> Pdu:
    password = bind.fields["password"]
    assert isinstance(password, bytes)
    fields = {**bind.fields, "password": BLANK * len(password)}
    return Pdu(bind.command_id, bind.command_status, bind.sequence_number, fields, bind.tlvs)
