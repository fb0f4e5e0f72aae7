"""Final and intermediate states as a receipt writes them: stat, err and message_state.

``stat`` is one of SMPP 3.4 Appendix B, or whatever a Chinese network puts there instead
(``MBBLACK``, ``DB:0144``); those carry message_state UNDELIVERABLE (SMPP 3.4 §5.2.28).
"""

from __future__ import annotations

from dataclasses import dataclass

from smsgw.smpp.constants import MessageState

_KNOWN = {
    "ENROUTE": MessageState.ENROUTE,
    "DELIVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "REJECTD": MessageState.REJECTED,
}

#: The error a state is given when none was named.
_USUAL_ERR = {"DELIVRD": "000", "ENROUTE": "000", "ACCEPTD": "000"}


@dataclass(frozen=True, slots=True)
class ReceiptState:
    """What a receipt says of a message; as text it is what ``parse`` reads."""

    stat: str
    err: str
    message_state: int

    @property
    def delivered(self) -> bool:
        """Whether the message reached the handset."""
        return self.message_state == MessageState.DELIVERED

    @property
    def final(self) -> bool:
        """Whether nothing comes after it."""
        return self.message_state != MessageState.ENROUTE

    def __str__(self) -> str:
        return f"{self.stat}/{self.err}"

    @classmethod
    def parse(cls, text: str) -> ReceiptState:
        """Read ``DELIVRD``, ``UNDELIV/001`` (stat and err) or a code such as ``MK:0001``."""
        stat, _, err = text.partition("/")
        if not 1 <= len(stat) <= 10 or len(err) > 10 or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(f"{text!r} is not a state; write it like DELIVRD, UNDELIV/001 or MK:0001")
        state = _KNOWN.get(stat, MessageState.UNDELIVERABLE)
        return cls(stat, err or _USUAL_ERR.get(stat, "001"), int(state))


def state_of(number: int) -> ReceiptState:
    """The state with a message_state of 1 to 8; raises KeyError for another number."""
    for stat, state in _KNOWN.items():
        if state == number:
            return ReceiptState.parse(stat)
    raise KeyError(number)


DELIVERED = ReceiptState.parse("DELIVRD")
DELETED = ReceiptState.parse("DELETED")
EXPIRED = ReceiptState.parse("EXPIRED")
ENROUTE = ReceiptState.parse("ENROUTE")
UNDELIVERED = ReceiptState.parse("UNDELIV/001")
