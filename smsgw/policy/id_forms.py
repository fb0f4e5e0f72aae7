"""In which forms a carrier writes its message ids: set by hand, or learnt from what matches.

Owns: the candidates (text, either case, hex and decimal, padded, cut to ten), the keys under which an id is kept and
looked for while nobody knows, and the evidence. A pair of forms is learnt when every one of enough receipts was found
by it; until then, for good if need be, ids are looked up in every way. What was learnt is doubted again when receipts
stop being found. Pure: keeps counts and never ids, and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

AUTO: Final = "auto"
#: So many receipts in a row must have been found by a pair before it is learnt; ten times as many, up to the most,
#: after each time that no pair explained all: one coincidence must not hinder for ever, nor a habit be learnt that the
#: carrier has now and then only.
MATCHES_NEEDED: Final = 20
MOST_NEEDED: Final = 2000
#: So many receipts in a row that nothing was found for, over so long a time, and what was learnt no longer holds: each
#: alone is common, receipts that overtake their responses and some for messages that an earlier gateway sent.
MISSES_ALLOWED: Final = 50
MISSING_FOR_S: Final = 60.0


class Pair(NamedTuple):
    """The form of ids in responses and the one in receipts."""

    response: str
    receipt: str

    def __str__(self) -> str:
        return f"{self.response} in responses, {self.receipt} in receipts"


PAIRS: Final = (
    Pair("text", "text"),
    Pair("nocase", "nocase"),
    Pair("hex", "dec"),
    Pair("dec", "hex"),
    Pair("dec", "dec"),
    Pair("hex", "hex"),
    Pair("last10", "last10"),
    Pair("first10", "first10"),
)
"""What is tried. Where several explain all that came, the first: one that tells more ids apart stands before one that
takes more for the same."""

_LETTERS: Final = {"text": "t", "nocase": "n", "hex": "h", "dec": "d", "last10": "l", "first10": "f"}


class Key(NamedTuple):
    """``key`` under which an id of a receipt may be found, if ``pair`` is how the carrier writes ids."""

    pair: Pair
    key: str


Canonical = Callable[[str, str], str]
"""(an id as it was written, its form) → what is the same for all ways to write it: ``smpp.canonical.canonical_id``."""


class IdForms:
    """One carrier's. ``learnt`` is its pair, None while unknown; ``is_auto``: it may change."""

    def __init__(self, response: str, receipt: str, canonical: Canonical) -> None:
        self._canonical = canonical
        self._pairs = tuple(
            pair for pair in PAIRS if response in (AUTO, pair.response) and receipt in (AUTO, pair.receipt)
        ) or (Pair(_other(response, receipt), _other(receipt, response)),)
        self.is_auto = AUTO in (response, receipt)
        self.learnt: Pair | None = None if self.is_auto else Pair(response, receipt)
        self.found: dict[Pair, int] = dict.fromkeys(self._pairs, 0)
        self.matches = 0
        #: No pair has explained all receipts so far.
        self.is_mixed = False
        self._needed = MATCHES_NEEDED
        self._in_row = 0
        self._explaining = set(self._pairs)
        self._misses = 0
        self._missing_since_s = 0.0

    # -- keys

    def kept_as(self, carrier_message_id: str) -> str:
        """The key under which a message is kept by the id of its response."""
        if self.learnt is not None:
            return self._canonical(carrier_message_id, self.learnt.response)
        return "=" + self._canonical(carrier_message_id, "text")

    def aliases(self, carrier_message_id: str) -> tuple[str, ...]:
        """Further keys that lead to ``kept_as``, while it isn't known how receipts will write the id."""
        if self.learnt is not None:
            return ()
        forms = dict.fromkeys(pair.response for pair in self._pairs)
        return tuple(f"~{_LETTERS[form]}{self._canonical(carrier_message_id, form)}" for form in forms)

    def sought_as(self, carrier_message_id: str) -> str:
        """The key of an id of a receipt; the first to try while the pair is unknown."""
        if self.learnt is not None:
            return self._canonical(carrier_message_id, self.learnt.receipt)
        return self.candidates(carrier_message_id)[0].key

    def candidates(self, carrier_message_id: str) -> tuple[Key, ...]:
        """Every key under which the message of a receipt's id may be found, likeliest first."""
        pairs = sorted(self._pairs, key=lambda pair: -self.found[pair])
        return tuple(
            Key(pair, f"~{_LETTERS[pair.response]}{self._canonical(carrier_message_id, pair.receipt)}")
            for pair in pairs
        )

    def plain(self, carrier_message_id: str) -> tuple[str, ...]:
        """Keys of whoever knows a pair, or was told one by a file: another process, or this one before."""
        forms = dict.fromkeys(pair.receipt for pair in self._pairs)
        return tuple(dict.fromkeys(self._canonical(carrier_message_id, form) for form in forms))

    # -- evidence

    def matched(self, pairs: Iterable[Pair]) -> bool:
        """A receipt's message was found, by these pairs and no others. True when that made the pair known.

        ``pairs`` is of no interest once the pair is known.
        """
        self._misses = 0
        if self.learnt is not None:
            return False
        by = self.found.keys() & pairs
        for pair in by:
            self.found[pair] += 1
        self.matches += 1
        self._in_row += 1
        self._explaining &= by
        if self._in_row < self._needed:
            return False
        self.learnt = next((pair for pair in self._pairs if pair in self._explaining), None)
        if self.learnt is None:
            self.is_mixed = True
            self._begin(min(self._needed * 10, MOST_NEEDED))
        return self.learnt is not None

    def missed(self, now_s: float) -> bool:
        """No message was found for a receipt. True when that made what was learnt doubtful: it is forgotten."""
        if not self._misses:
            self._missing_since_s = now_s
        self._misses += 1
        missing_s = now_s - self._missing_since_s
        if not self.is_auto or self.learnt is None or self._misses < MISSES_ALLOWED or missing_s < MISSING_FOR_S:
            return False
        self.forget()
        return True

    def forget(self) -> None:
        """Learn from the beginning."""
        self.learnt = None
        self.is_mixed = False
        self.found = dict.fromkeys(self._pairs, 0)
        self.matches = self._misses = 0
        self._begin(MATCHES_NEEDED)

    def _begin(self, needed: int) -> None:
        self._needed, self._in_row, self._explaining = needed, 0, set(self._pairs)

    # -- over restarts

    def document(self) -> dict[str, object]:
        """What is worth keeping."""
        found = {f"{pair.response}/{pair.receipt}": count for pair, count in self.found.items() if count}
        pair = self.learnt
        learnt = f"{pair.response}/{pair.receipt}" if pair is not None and self.is_auto else ""
        return {"learnt": learnt, "matches": self.matches, "found": found}

    def restore(self, document: Mapping[str, object]) -> None:
        """Take over what an earlier life, or another process, had learnt; anything unreadable counts for nothing."""
        if not self.is_auto:
            return
        response, _, receipt = str(document.get("learnt", "")).partition("/")
        pair = Pair(response, receipt)
        if pair in self.found:
            self.learnt = pair
        found = document.get("found")
        matches = document.get("matches")
        if isinstance(found, Mapping) and isinstance(matches, int):
            self.matches = matches
            for known in self.found:
                count = found.get(f"{known.response}/{known.receipt}", 0)
                self.found[known] = count if isinstance(count, int) else 0


def _other(form: str, other: str) -> str:
    """A form set by hand stays; ``auto`` beside one that fits no candidate reads as that one."""
    return form if form != AUTO else other
