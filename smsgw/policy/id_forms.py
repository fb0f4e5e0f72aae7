"""In which forms a carrier writes its message ids: set by hand, or learnt from what matches.

Owns: the candidates (text, either case, hex and decimal, padded, cut to ten), the keys under which an id is kept and
looked for while nobody knows, and the evidence. A pair of forms is learnt when every one of enough receipts was found
by it; a carrier of which no pair explains all goes on being looked up in every way. Pure: keeps counts, no ids.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from smsgw.smpp.canonical import canonical_id

AUTO: Final = "auto"


class Pair(NamedTuple):
    """The form of ids in responses and the one in receipts."""

    response: str
    receipt: str


class IdForms:
    """One carrier's. ``learnt`` is its pair, None while unknown."""

    def __init__(self, response: str, receipt: str) -> None:
        self.learnt: Pair | None = Pair(response, receipt) if AUTO not in (response, receipt) else None

    def kept_as(self, carrier_message_id: str) -> str:
        """The key of an id of a response."""
        pair = self.learnt
        return canonical_id(carrier_message_id, pair.response if pair is not None else "text")

    def sought_as(self, carrier_message_id: str) -> str:
        """The key of an id of a receipt."""
        pair = self.learnt
        return canonical_id(carrier_message_id, pair.receipt if pair is not None else "text")
