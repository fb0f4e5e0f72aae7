"""Who is who in octets found on the wire: is it SMPP, and which side is the application.

Goes by what is said, not by ports. Needs the beginnings of PDUs; a stretch that begins within one says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from simulators.capture.reassembly import Flow, Piece
from smsgw.smpp.constants import HEADER_OCTETS, RESPONSE_BIT, CommandId
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS
from smsgw.smpp.views import HEADER

_KNOWN: Final = frozenset(int(command) for command in CommandId)
_BY_CARRIER: Final = frozenset({int(CommandId.DELIVER_SM), int(CommandId.OUTBIND), int(CommandId.ALERT_NOTIFICATION)})
#: Either side may send these.
_BY_BOTH: Final = frozenset({
    int(CommandId.DATA_SM), int(CommandId.ENQUIRE_LINK), int(CommandId.UNBIND), int(CommandId.GENERIC_NACK),
})  # fmt: skip


def is_header(octets: bytes) -> bool:
    """Whether octets begin with a header of SMPP: a known command, a length that can be, no status in a request."""
    if len(octets) < HEADER_OCTETS:
        return False
    length, command_id, status, _sequence = HEADER.unpack_from(octets)
    if command_id not in _KNOWN or not HEADER_OCTETS <= length <= AFTER_BIND_MAX_OCTETS:
        return False
    return bool(command_id & RESPONSE_BIT) or not status


def said_by_application(command_id: int) -> bool | None:
    """Whether the application sends this command; None when both may (SMPP 3.4 table 2-1)."""
    request = command_id & ~RESPONSE_BIT
    if request in _BY_BOTH or command_id in _BY_BOTH or request not in _KNOWN:
        return None
    by_application = request not in _BY_CARRIER
    return by_application != bool(command_id & RESPONSE_BIT)


def first_is_application(flow: Flow, pieces: Iterable[Piece]) -> bool:
    """Whether ``flow.first`` is the application, by what was said; else by who connected, else by the lower port."""
    for piece in pieces:
        if is_header(piece.octets):
            said = said_by_application(HEADER.unpack_from(piece.octets)[1])
            if said is not None:
                return said == piece.from_first
    return flow.whole or flow.first[1] > flow.second[1]
