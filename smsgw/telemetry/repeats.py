"""Repeats: a condition that keeps on is told once, then summed up.

Owns: what has been told and how often it came back since. Pure: the caller passes the time. Never
logs. A link that is down for an hour makes sixty lines, not sixty thousand.

What can go wrong: more different keys than ``limit`` at a time; the longest untold ones are forgotten,
so a condition may then be told again too early.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple


class Telling(NamedTuple):
    """Tell it now. ``again`` is how often it came back untold since ``seconds`` ago; 0 the first time."""

    again: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        if not self.again:
            return ""
        return f"again {self.again} time{'' if self.again == 1 else 's'} in {self.seconds:.0f} s"


_FIRST = Telling()


class Repeats:
    """One per room is enough; a key says what and where, e.g. ``("carrier.bind.lost", "alpha")``."""

    __slots__ = ("_every_s", "_limit", "_seen")

    def __init__(self, every_s: float = 60.0, limit: int = 1024) -> None:
        self._every_s = every_s
        self._limit = limit
        self._seen: dict[Hashable, list[float]] = {}  # [told at, times since]

    def seen(self, key: Hashable, now_s: float) -> Telling | None:
        """The condition is there (again) at monotonic ``now_s``: None means keep quiet."""
        state = self._seen.get(key)
        if state is None:
            if len(self._seen) >= self._limit:
                del self._seen[next(iter(self._seen))]
            self._seen[key] = [now_s, 0]
            return _FIRST
        state[1] += 1
        if now_s < state[0] + self._every_s:
            return None
        return self._told(key, state, now_s)

    def due(self, now_s: float) -> list[tuple[Hashable, Telling]]:
        """What came back untold more than a period ago; call now and then. Forgets what stopped."""
        over = [(key, state) for key, state in self._seen.items() if now_s >= state[0] + self._every_s]
        tellings: list[tuple[Hashable, Telling]] = []
        for key, state in over:
            if state[1]:
                tellings.append((key, self._told(key, state, now_s)))
            else:
                del self._seen[key]
        return tellings

    def ended(self, key: Hashable, now_s: float) -> Telling | None:
        """The condition is over: what was left untold, or None. The next time is a first time."""
        state = self._seen.pop(key, None)
        return Telling(int(state[1]), now_s - state[0]) if state is not None and state[1] else None

    def _told(self, key: Hashable, state: list[float], now_s: float) -> Telling:
        telling = Telling(int(state[1]), now_s - state[0])
        del self._seen[key]
        self._seen[key] = [now_s, 0]  # at the end again: the dict is in the order of telling
        return telling
