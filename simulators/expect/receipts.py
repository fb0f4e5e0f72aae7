"""Which receipts belong to a submitted segment.

By the id, as the answer gave it. Where a carrier writes it otherwise in its receipts (hexadecimal in the one,
decimal in the other, padded), by the same number, unless that receipt names another message exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from simulators.entry import Entry

_MAX_ID = 65


def asked_for_receipt(entry: Entry) -> bool:
    """Whether a receipt is due whatever becomes of the message (SMPP 3.4 §5.2.17)."""
    return entry.registered_delivery & 3 == 1


class ReceiptIndex:
    """The receipts among entries; built when first asked."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def of(self, part: Entry) -> Sequence[Entry]:
        """The receipts of an accepted segment, in order of time."""
        if not part.message_id:
            return ()
        exact, loose = self._index
        found = exact.get((part.where, part.message_id))
        if found is not None:
            return found
        return next((loose[part.where, key] for key in _numbers(part.message_id) if (part.where, key) in loose), ())

    @cached_property
    def _index(self) -> tuple[dict[tuple[str, str], list[Entry]], dict[tuple[str, int], list[Entry]]]:
        exact: dict[tuple[str, str], list[Entry]] = {}
        loose: dict[tuple[str, int], list[Entry]] = {}
        submitted = {(entry.where, entry.message_id) for entry in self._entries if entry.kind == "submit"}
        for entry in self._entries:
            if entry.kind != "receipt":
                continue
            exact.setdefault((entry.where, entry.message_id), []).append(entry)
            if (entry.where, entry.message_id) not in submitted:
                for number in _numbers(entry.message_id):
                    loose.setdefault((entry.where, number), []).append(entry)
        return exact, loose


def _numbers(message_id: str) -> Iterator[int]:
    """What an id may stand for as a number."""
    if not (len(message_id) <= _MAX_ID and message_id.isascii() and message_id.isalnum()):
        return
    if message_id.isdecimal():
        yield int(message_id)
    try:
        yield int(message_id, 16)
    except ValueError:
        return
