"""The submit_sm of a load run, prepared once: a message costs one formatting of octets."""

from __future__ import annotations

import struct

from simulators.esme.load_settings import LoadSettings
from simulators.esme.message import Envelope
from simulators.esme.mix import MixedMessage
from smsgw.errors import LocalError
from smsgw.smpp.alphabet import Unit, choose_coding, unit_of

#: ``{n}`` in a body is this many digits.
NUMBER_DIGITS = 9

_SEQUENCE = struct.Struct(">I")
_SEQUENCE_AT = 12
_pack = _SEQUENCE.pack
_NUMBER_RANGE = 10**NUMBER_DIGITS
# Stand-ins that no body holds; they have the width of what replaces them.
_NUMBER_MARK = "987612345"


class Template:
    """Makes the octets of message ``n``.

    Raises LocalError when the body does not fit one message, or an address is too long.
    """

    def __init__(self, settings: LoadSettings | MixedMessage) -> None:
        text = settings.text.replace("{n}", _NUMBER_MARK)
        self._data_coding = choose_coding(text) if settings.data_coding is None else settings.data_coding
        self._encoding = "utf-16-be" if unit_of(self._data_coding) == Unit.UCS2 else "ascii"
        self._numbers = 0
        self._base, self._count = settings.recipient_base, settings.recipient_count
        self._recipients = [recipient.encode() for recipient in settings.recipients]
        width = len(str(self._base + self._count - 1))
        self._octets = self._prepare(settings, text, width, b"%%0%dd" % width)
        self._by_width = {
            width: self._prepare(settings, text, width, b"%b") for width in {len(each) for each in self._recipients}
        }
        #: Whether messages ask for a final receipt; None when some do (a ``Mix``).
        self.wants_receipts: bool | None = settings.registered_delivery & 3 != 0
        if self._recipients:
            self.pdu = self._pdu_to_listed  # type: ignore[method-assign]  # once, so that a range costs nothing more

    def _prepare(self, settings: LoadSettings | MixedMessage, text: str, width: int, recipient: bytes) -> bytes:
        """A format of octets: sequence number, recipient, then as many numbers as the text holds."""
        recipient_mark = "9" * (width - 1) + "7"
        envelope = Envelope(
            settings.source,
            recipient_mark,
            registered_delivery=settings.registered_delivery,
            data_coding=self._data_coding,
            service_type=settings.service_type,
            priority_flag=settings.priority_flag,
            validity_period=settings.validity_period,
        )
        parts = envelope.parts(text, "payload" if settings.payload else "udh")
        if len(parts) > 1:
            raise LocalError(f"the body needs {len(parts)} segments; use --payload to send it as message_payload")
        number_mark = _NUMBER_MARK.encode(self._encoding)
        head, _, tail = parts[0](0).partition(recipient_mark.encode() + b"\0")
        self._numbers = tail.count(number_mark)
        head, behind = _escaped(head[:_SEQUENCE_AT]), _escaped(head[_SEQUENCE_AT + _SEQUENCE.size :])
        return head + b"%b" + behind + recipient + b"\0" + _escaped(tail).replace(number_mark, b"%b")

    def pdu(self, sequence_number: int, n: int) -> bytes:
        """Message ``n`` (its last nine digits are written) under a sequence number."""
        recipient = self._base + n % self._count
        sequence = _pack(sequence_number)
        if not self._numbers:
            return self._octets % (sequence, recipient)
        digits = f"{n % _NUMBER_RANGE:09d}".encode(self._encoding)
        if self._numbers == 1:
            return self._octets % (sequence, recipient, digits)
        return self._octets % (sequence, recipient, *[digits] * self._numbers)

    def pdu_to(self, sequence_number: int, n: int, k: int) -> bytes:
        """Message ``n`` to the recipient after ``k`` others."""
        digits = [f"{n % _NUMBER_RANGE:09d}".encode(self._encoding)] * self._numbers
        if self._recipients:
            recipient = self._recipients[k % len(self._recipients)]
            return self._by_width[len(recipient)] % (_pack(sequence_number), recipient, *digits)
        return self._octets % (_pack(sequence_number), self._base + k % self._count, *digits)

    def wants(self, n: int) -> bool:
        """Whether message ``n`` asks for a receipt."""
        return self.wants_receipts is True

    def _pdu_to_listed(self, sequence_number: int, n: int) -> bytes:
        return self.pdu_to(sequence_number, n, n)


def _escaped(octets: bytes) -> bytes:
    return octets.replace(b"%", b"%%")
