"""What was found, moved and left behind, by kind; and whether the new store has it all.

Owns the comparison: keys with a TTL may have ended since they were written, so many may be missing and no more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic

from smsgw.store.migration.kinds import KINDS, Unit


@dataclass(frozen=True, slots=True)
class Line:
    """One kind. ``old`` = ``left`` + what ``new`` should be; ``ended``: whose lives were over since then."""

    kind: str
    title: str
    unit: str
    old: int
    left: int
    why: str
    new: int
    ended: int = 0
    fault: str = ""


@dataclass(slots=True)
class Counts:
    """Gathered while moving. ``uncertain``: messages that may be at carriers; ``unreadable``: that can't be opened."""

    old: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    uncertain: int = 0
    unreadable: int = 0
    newest_id_s: int = 0
    _ends: dict[str, Counter[int]] = field(default_factory=dict)

    def placed(self, kind: str, ttl_ms: int) -> None:
        """A key of a kind was written, with so much of its life left (-1: it has no end)."""
        self.old[kind] += 1
        if ttl_ms > 0:
            self._ends.setdefault(kind, Counter())[int(monotonic() + ttl_ms / 1000)] += 1

    def left_behind(self, kind: str, count: int = 1) -> None:
        """Some of a kind are not moved, as ``kinds`` says."""
        self.old[kind] += count
        self.left[kind] += count

    def saw(self, message_id: str) -> None:
        """A message id of ours: until when ids were made is known by them."""
        try:
            self.newest_id_s = max(self.newest_id_s, int(message_id[2:10], 16))
        except ValueError:
            return

    def lines(self, replaced: Counter[str], new: Counter[str]) -> list[Line]:
        """One for each kind of which there is anything. ``replaced``: what came twice; ``new``: what is there now."""
        found = []
        for name, kind in KINDS.items():
            old = self.old[name] - replaced[name]
            if kind.unit is Unit.NOTHING or not (old or new[name]):
                continue
            should, ended = old - self.left[name], self._ended(name)
            fault = ""
            if not should - ended <= new[name] <= should:
                fault = f"expected {should}, found {new[name]}"
            why = kind.left if self.left[name] else ""
            missing = max(0, should - new[name]) if not fault else 0
            found.append(Line(name, kind.title, kind.unit.value, old, self.left[name], why, new[name], missing, fault))
        return found

    def _ended(self, kind: str) -> int:
        """How many keys of a kind may have ended by now."""
        now_s = monotonic() + 1
        return sum(count for ends_s, count in self._ends.get(kind, {}).items() if ends_s <= now_s)
