"""What an accepted message becomes for one carrier: its PDUs, and whose receipts each of them answers for.

Owns: the carrier's source number, the conversion to the forms and codings it takes, references that no other message
to the recipient has, and which of the application's segments a PDU stands for. The envelope stays what the application
sent: another carrier is given another shape of it. Never sends.
What can go wrong: no coding of the carrier has a character of the text: ``Unfit``, and the next carrier is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgw.gateway.views import from_number
from smsgw.smpp.convert import Unfit

if TYPE_CHECKING:
    from smsgw.carrier.settings import CarrierSettings
    from smsgw.store.envelope import Envelope


class Shipment:
    """A message as a carrier gets it.

    ``pdus`` in the order in which they are sent, ``segments`` what each takes on the air. ``stands_for[i]`` are the
    indexes of those of the application's segments that end with PDU ``i``.
    """

    __slots__ = ("pdus", "segments", "stands_for")

    def __init__(
        self, pdus: tuple[bytes, ...], segments: tuple[int, ...], stands_for: tuple[tuple[int, ...], ...]
    ) -> None:
        self.pdus = pdus
        self.segments = segments
        self.stands_for = stands_for


class Outgoing:
    """One for each carrier."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._source = settings.source_number.encode("latin-1")

    def ship(self, envelope: Envelope) -> Shipment | Unfit:
        """The message as this carrier takes it; asked once, before its first PDU is sent."""
        pdus = tuple(from_number(pdu, self._source) for pdu in envelope.pdus) if self._source else tuple(envelope.pdus)
        count = len(pdus)
        # A message_payload is one PDU and as many segments as its text takes on the air.
        segments = (1,) * count if count > 1 else (envelope.segments,)
        return Shipment(pdus, segments, tuple((index,) for index in range(count)))

    def alone(self, pdu: bytes) -> bytes | None:
        """One PDU that is in no stream, as this carrier takes it; None when it can't be said in one."""
        return from_number(pdu, self._source) if self._source else pdu
