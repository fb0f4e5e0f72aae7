"""The submit_sm of a load run, prepared once: a message costs one formatting of octets."""

from __future__ import annotations

import struct

from simulators.esme.load_settings import LoadSettings
from simulators.esme.message import Envelope
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

    def __init__(self, settings: LoadSettings) -> None:
        text = settings.text.replace("{n}", _NUMBER_MARK)
        data_coding = choose_coding(text) if settings.data_coding is None else settings.data_coding
        base, count = settings.recipient_base, settings.recipient_count
        width = len(str(base + count - 1))
        recipient_mark = "9" * (width - 1) + "7"
        envelope = Envelope(
            settings.source,
            recipient_mark,
            registered_delivery=settings.registered_delivery,
            data_coding=data_coding,
            service_type=settings.service_type,
            priority_flag=settings.priority_flag,
            validity_period=settings.validity_period,
        )
        parts = envelope.parts(text, "payload" if settings.payload else "udh")
        if len(parts) > 1:
            raise LocalError(f"the body needs {len(parts)} segments; use --payload to send it as message_payload")
        wide = unit_of(data_coding) == Unit.UCS2
        number_mark = _NUMBER_MARK.encode("utf-16-be" if wide else "ascii")
        head, _, tail = parts[0](0).partition(recipient_mark.encode() + b"\0")
        self._numbers = tail.count(number_mark)
        self._octets = b"%b%%b%b%%0%dd\0%b" % (
            _escaped(head[:_SEQUENCE_AT]),
            _escaped(head[_SEQUENCE_AT + _SEQUENCE.size :]),
            width,
            _escaped(tail).replace(number_mark, b"%b"),
        )
        self._encoding = "utf-16-be" if wide else "ascii"
        self._base = base
        self._count = count

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


def _escaped(octets: bytes) -> bytes:
    return octets.replace(b"%", b"%%")
