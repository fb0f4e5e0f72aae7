"""The messages of a load run, prepared once: each segment is a PDU in which a few places are written over.

Where they are is found by building the same message twice with other digits: no mark could be mistaken for
text, and a number may lie across the border of two segments.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from simulators.esme.load_settings import LoadSettings
from simulators.esme.message import Envelope
from simulators.esme.mix import MixedMessage
from smsgw.smpp.alphabet import choose_coding

#: ``{n}`` in a body is this many digits.
NUMBER_DIGITS = 9

_NUMBER_RANGE = 10**NUMBER_DIGITS
_SEQUENCE_AT = slice(12, 16)
_pack = struct.Struct(">I").pack


@dataclass(frozen=True, slots=True)
class _Segment:
    octets: bytes
    recipient: slice
    #: Where which digits of the number stand.
    numbers: tuple[tuple[slice, slice], ...]
    #: Where the reference of a long message stands; None in a short one.
    reference: slice | None


class Template:
    """Makes the octets of message ``n``, segment by segment; ``reference`` is that of a recipient's first long message.

    Raises LocalError when the body can't be written or an address is too long.
    """

    def __init__(self, settings: LoadSettings | MixedMessage, reference: int = 0) -> None:
        self._recipients = [recipient.encode() for recipient in settings.recipients]
        self._base = settings.recipient_base
        self._count = len(self._recipients) or settings.recipient_count
        self._width = len(str(self._base + self._count - 1))
        self._reference = reference
        widths = {len(each) for each in self._recipients} or {self._width}
        self._by_width = {width: _segments(settings, width) for width in widths}
        #: How many submit_sm a message is.
        self.segments = len(next(iter(self._by_width.values())))
        #: Whether messages ask for a final receipt.
        self.wants_receipts = settings.registered_delivery & 3 != 0

    def take(self, n: int) -> tuple[Template, int]:
        """The kind of message ``n`` and how many of that kind were before it."""
        return self, n

    def pdu(self, sequence_number: int, n: int, k: int, segment: int = 0) -> bytes:
        """A segment (from 0) of message ``n``, nine digits of it written, to the recipient after ``k`` others."""
        turn, index = divmod(k, self._count)
        recipient = self._recipients[index] if self._recipients else b"%0*d" % (self._width, self._base + index)
        made = self._by_width[len(recipient)][segment]
        octets = bytearray(made.octets)
        octets[_SEQUENCE_AT] = _pack(sequence_number)
        octets[made.recipient] = recipient
        if made.numbers:
            number = b"%09d" % (n % _NUMBER_RANGE)
            for place, digits in made.numbers:
                octets[place] = number[digits]
        if made.reference is not None:
            # What one recipient gets counts up, so that no two under way have the same.
            place = made.reference
            width = place.stop - place.start
            octets[place] = ((self._reference + turn) % (1 << 8 * width)).to_bytes(width, "big")
        return bytes(octets)


def _segments(settings: LoadSettings | MixedMessage, width: int) -> tuple[_Segment, ...]:
    data_coding = settings.data_coding
    if data_coding is None:
        data_coding = choose_coding(settings.text)

    def built(recipient: str = "0", number: str = "0", reference: int = 0) -> list[bytes]:
        envelope = Envelope(
            settings.source,
            recipient * width,
            registered_delivery=settings.registered_delivery,
            data_coding=data_coding,
            service_type=settings.service_type,
            priority_flag=settings.priority_flag,
            validity_period=settings.validity_period,
        )
        parts = envelope.parts(settings.text.replace("{n}", number * NUMBER_DIGITS), settings.long, reference)
        return [part(0) for part in parts]

    made, digits = [], 0
    plain = built()
    for octets, recipient, number, reference in zip(
        plain, built(recipient="1"), built(number="1"), built(reference=0xFFFF), strict=True
    ):
        places = _differing(octets, number)
        runs = _runs(places, digits % NUMBER_DIGITS)
        digits += len(places)
        to, joint = _differing(octets, recipient), _differing(octets, reference)
        made.append(_Segment(octets, slice(to[0], to[-1] + 1), runs, slice(joint[0], joint[-1] + 1) if joint else None))
    return tuple(made)


def _differing(one: bytes, other: bytes) -> list[int]:
    return [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]


def _runs(places: list[int], digit: int) -> tuple[tuple[slice, slice], ...]:
    """Digits side by side as slices, those of UCS2 with a step of two; ``digit`` is the first one's."""
    runs: list[tuple[slice, slice]] = []
    while places:
        step = places[1] - places[0] if len(places) > 1 and places[1] - places[0] <= 2 else 1
        length = 1
        while length < min(len(places), NUMBER_DIGITS - digit) and places[length] == places[0] + length * step:
            length += 1
        runs.append((slice(places[0], places[length - 1] + 1, step), slice(digit, digit + length)))
        places = places[length:]
        digit = (digit + length) % NUMBER_DIGITS
    return tuple(runs)
