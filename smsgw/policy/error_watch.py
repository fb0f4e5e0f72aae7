"""Has the share of messages that go wrong grown since the site was changed?

Owns: what counts as wrong (refused to applications, refused or never answered by carriers, reported as failed), the
minutes before a change that everything after it is compared with, and the sentence that says what has grown. Pure:
counts and time are handed in. What can go wrong: without enough traffic before, nothing is known of what is usual
here; then more than half must go wrong.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

BEFORE_S: Final = 300.0
"""So much time before a change is what is usual."""
UNKNOWN_SHARE: Final = 0.5
"""The share from which on it is too much where nobody knows what is usual."""


class Totals(NamedTuple):
    """Counts since the process began: of each kind how many went wrong, of how many."""

    refused: int = 0
    asked: int = 0
    failed: int = 0
    answered: int = 0
    undelivered: int = 0
    receipts: int = 0


_KINDS: Final = (
    ("messages refused to applications", 0),
    ("messages refused or not answered by carriers", 2),
    ("receipts that report a failure", 4),
)


class ErrorWatch:
    """``note`` each second; ``begin`` when a version came into force; ``judge`` while it is on trial."""

    def __init__(self, rise: float, sample: int) -> None:
        self.rise = rise
        self.sample = sample
        self._notes: deque[tuple[float, Totals]] = deque()
        self._first = Totals()
        self._before = Totals()

    def note(self, now_s: float, totals: Totals) -> None:
        """Remember the counts of this second."""
        notes = self._notes
        notes.append((now_s, totals))
        while now_s - notes[0][0] > BEFORE_S:
            notes.popleft()

    def begin(self, totals: Totals) -> None:
        """From now on it is after the change."""
        self._before = _difference(totals, self._notes[0][1]) if self._notes else Totals()
        self._first = totals
        self._notes.clear()

    def judge(self, totals: Totals) -> str:
        """What has grown since ``begin``, in words; empty while nothing has."""
        after = _difference(totals, self._first)
        for name, place in _KINDS:
            bad, of = after[place], after[place + 1]
            if of < self.sample:
                continue
            bad_before, of_before = self._before[place], self._before[place + 1]
            known = of_before >= self.sample
            usual = bad_before / of_before if known else 0.0
            limit = min(usual + self.rise, 1.0) if known else UNKNOWN_SHARE
            if bad / of > limit:
                compared = f"{usual:.1%} before" if known else "too few before to compare with"
                return f"{name}: {bad / of:.1%} of {of} since it is in force, {compared}"
        return ""


def _difference(after: Totals, before: Totals) -> Totals:
    return Totals(*(late - early for late, early in zip(after, before, strict=True)))
