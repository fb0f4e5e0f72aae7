"""Requests that wait for their responses (the window of SMPP 3.4 §2.9).

Owns: which sequence numbers are unanswered, what belongs to each and until when. Never sends, and never
decides what an expired request means (for a submit_sm: that its outcome is unknown).
Invariant: deadlines are given in the order of adding; one that is earlier than its predecessor's
waits for the predecessor.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from smsgw.errors import LocalError

T = TypeVar("T")


class Window(Generic[T]):
    """At most ``limit`` unanswered requests, in the order of adding.

    ``limit`` may be changed at any time; a smaller one drops nothing, it is only longer ``full``.
    """

    __slots__ = ("_waiting", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._waiting: dict[int, tuple[T, float]] = {}

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self.limit

    @property
    def free(self) -> int:
        """How many more may be added; never below 0."""
        free = self.limit - len(self._waiting)
        return free if free > 0 else 0

    def __len__(self) -> int:
        return len(self._waiting)

    def items(self) -> list[T]:
        """What waits, oldest first."""
        return [item for item, _ in self._waiting.values()]

    def add(self, sequence_number: int, item: T, deadline_s: float) -> None:
        """Remember a request that is about to be sent; ``deadline_s`` on the clock given to ``expired``.

        Raises LocalError when the window is full or ``sequence_number`` waits already.
        """
        waiting = self._waiting
        if len(waiting) >= self.limit:
            raise LocalError(f"the window of {self.limit} is full")
        if sequence_number in waiting:
            raise LocalError(f"sequence_number {sequence_number} is unanswered already")
        waiting[sequence_number] = (item, deadline_s)

    def pop(self, sequence_number: int) -> T | None:
        """What waited for this response, or None when nothing did (answered twice, or too late)."""
        entry = self._waiting.pop(sequence_number, None)
        return None if entry is None else entry[0]

    def expired(self, now_s: float) -> list[tuple[int, T]]:
        """Remove and return what was due at ``now_s``, oldest first. Costs what it returns."""
        gone: list[tuple[int, T]] = []
        for sequence_number, (item, deadline_s) in self._waiting.items():
            if deadline_s > now_s:
                break
            gone.append((sequence_number, item))
        for sequence_number, _ in gone:
            del self._waiting[sequence_number]
        return gone

    def drain(self) -> list[T]:
        """Remove and return everything, oldest first: the connection is gone."""
        items = self.items()
        self._waiting.clear()
        return items
