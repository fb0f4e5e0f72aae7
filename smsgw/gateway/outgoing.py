"""What an accepted message becomes for one carrier: its PDUs, and whose receipts each of them answers for.

Owns: the carrier's source number, the conversion to the forms and codings it takes, references that no other message
to the recipient has, and which of the application's segments a PDU stands for. The envelope stays what the application
sent: another carrier is given another shape of it. Never sends.
What can go wrong: no coding of the carrier has a character of the text: ``Unfit``, and the next carrier is tried.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

from smsgw.gateway.short_links import shortened
from smsgw.gateway.views import from_number, view_of
from smsgw.policy.references import References, ReferenceShare
from smsgw.policy.short_links import Place
from smsgw.smpp.convert import Converted, Unfit, convert
from smsgw.store.envelope import ONE_RECEIPT

if TYPE_CHECKING:
    from smsgw.carrier.settings import CarrierSettings
    from smsgw.store.envelope import Envelope


class Tell(NamedTuple):
    """A PDU's receipt is one of the application's segment ``original``; see ``store.sharing.Target`` for the parts."""

    original: int
    part: int = 0
    parts: int = 0


class Shipment:
    """A message as a carrier gets it.

    ``pdus`` in the order in which they are sent, ``segments`` what each takes on the air. Of PDU ``i``:
    ``stands_for[i]`` are the application's segments whose text it carries, ``ends[i]`` those that end when it is
    refused, ``tells[i]`` those that its receipts are for. ``gathered``: segments that are told of once, whatever
    becomes of the several PDUs that stand for them.
    """

    __slots__ = ("ends", "gathered", "is_plain", "pdus", "segments", "stands_for", "tells")

    def __init__(
        self, pdus: tuple[bytes, ...], segments: tuple[int, ...], originals: int, receipts: str, is_one: bool = False
    ) -> None:
        """``receipts``: those of which PDUs come (each, first, last); ``is_one``: one is wanted for all segments."""
        self.pdus = pdus
        self.segments = segments
        count = len(pdus)
        self.is_plain = not is_one and count == originals and (count == 1 or receipts == "each")
        self.stands_for = _AS_THEY_ARE[count] if count == originals else _shared_out(originals, count)
        self.ends = self.stands_for
        self.tells: tuple[tuple[Tell, ...], ...] = ()
        self.gathered: frozenset[int] = frozenset()
        if self.is_plain:
            return
        everyone = tuple(range(originals))
        if is_one and (count == 1 or receipts == "each"):
            self.ends = (everyone,) * count
            self.tells = tuple(tuple(Tell(original, index, count) for original in everyone) for index in range(count))
        elif count > 1 and receipts != "each":
            # One of them tells of all, so with whichever is refused all end.
            teller = 0 if receipts == "first" else count - 1
            self.ends = (everyone,) * count
            self.tells = tuple(
                tuple(Tell(original, 0, 1) for original in everyone) if index == teller else ()
                for index in range(count)
            )
        else:
            self.tells = _tells(self.stands_for)
        self.gathered = frozenset(tell.original for tells in self.tells for tell in tells if tell.parts)


class Outgoing:
    """One for each carrier. ``share``: the reference numbers of this process."""

    def __init__(self, settings: CarrierSettings, share: ReferenceShare) -> None:
        self._source = settings.source_number.encode("latin-1")
        self._fit = settings.fit
        self._receipts = settings.segment_receipts
        # Where counting begins is no secret; it should only differ from life to life.
        self._references = References(random.randrange(0x10000), share)

    def ship(self, envelope: Envelope) -> Shipment | Unfit:
        """The message as this carrier takes it; asked once, before its first PDU is sent."""
        pdus = tuple(envelope.pdus)
        is_one = envelope.flags & ONE_RECEIPT != 0
        originals = len(pdus)
        if envelope.links and (shorter := shortened(pdus, [Place(*each) for each in envelope.links])) is not None:
            pdus = shorter.pdus
        if self._source:
            pdus = tuple(from_number(pdu, self._source) for pdu in pdus)
        count = len(pdus)
        if count > 1 or not self._fit.takes_everything:
            made = convert(
                [view_of(pdu) for pdu in pdus],
                self._fit,
                lambda wide, own: self._references.take(envelope.recipient, wide, own),
            )
            if isinstance(made, Unfit):
                return made
            if isinstance(made, Converted):
                return Shipment(made.pdus, made.segments, originals, self._receipts, is_one)
        # A message_payload is one PDU and as many segments as its text takes on the air.
        segments = (1,) * count if count > 1 else (envelope.segments,)
        return Shipment(pdus, segments, originals, self._receipts, is_one)

    def alone(self, pdu: bytes) -> bytes | None:
        """One PDU that is in no stream, as this carrier takes it; None when it can't be said in one."""
        pdu = from_number(pdu, self._source) if self._source else pdu
        if self._fit.takes_everything:
            return pdu
        made = convert([view_of(pdu)], self._fit, lambda wide, own: 0)
        if made is None:
            return pdu
        return made.pdus[0] if isinstance(made, Converted) and len(made.pdus) == 1 else None


_AS_THEY_ARE: Final = tuple(tuple((index,) for index in range(count)) for count in range(256))


def _shared_out(originals: int, count: int) -> tuple[tuple[int, ...], ...]:
    """Which of the application's segments each PDU stands for, when there are more of one than of the other.

    One by one from the front; the last one stands for, or is stood for by, all the rest.
    """
    if count < originals:
        return (*((index,) for index in range(count - 1)), tuple(range(count - 1, originals)))
    return tuple((min(index, originals - 1),) for index in range(count))


def _tells(stands_for: tuple[tuple[int, ...], ...]) -> tuple[tuple[Tell, ...], ...]:
    by_original: dict[int, list[int]] = {}
    for index, originals in enumerate(stands_for):
        for original in originals:
            by_original.setdefault(original, []).append(index)

    def tell(original: int, index: int) -> Tell:
        indexes = by_original[original]
        return Tell(original, indexes.index(index), len(indexes)) if len(indexes) > 1 else Tell(original)

    return tuple(tuple(tell(original, index) for original in originals) for index, originals in enumerate(stands_for))
