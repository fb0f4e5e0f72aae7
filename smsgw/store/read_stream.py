"""What a reader knows of one stream: how far it has read, and what it gave away or was told to forget.

Ids grow within the history of one server. A server that is cut off and its successor have two histories, and a reader
may come to either more than once before the network is whole: so that nothing stays pending for ever, what was
forgotten is remembered and comes again where it is pending, and what was given is not given twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from smsgw.store.entries import MOST_IN_ENTRY, Entry, entry_key

#: More than come in the time by which servers' clocks may differ, and behind what no mark has reached: a few windows.
_READS_KEPT: Final = 16_384
#: By so much the ids of a successor may be below those that the server before it gave at the same moment.
_CLOCKS_DIFFER_MS: Final = 5_000
#: Of entries that no server has any more; each change of the master leaves at most a few windows of them.
_MOST_FORGOTTEN: Final = 20_000
_LAST_SEQUENCE: Final = 2**64 - 1


class ReadStream:
    """One stream of a reader. ``pending``: own pending entries are to be read before anything new."""

    __slots__ = (
        "asked", "backlog", "busy", "cursor", "forgotten", "given", "key", "last", "pending", "raw", "recovered",
        "weight",
    )  # fmt: skip

    def __init__(self, key: str) -> None:
        self.key = key
        self.raw = key.encode()
        #: The last entry that was read, in the history of the server that gave it.
        self.last = b"0"
        #: True until own pending entries have been looked at.
        self.pending = True
        #: How far that has come; None: it begins anew.
        self.cursor: bytes | None = None
        # True once they have been read for the first time: later ones were never delivered.
        self.recovered = False
        # Read and not delivered for want of room; nothing more is asked for meanwhile.
        self.backlog: list[Entry] = []
        self.busy = False
        self.asked = 0
        # Messages an entry, by the last read.
        self.weight: float = MOST_IN_ENTRY
        #: Ids of the latest reads.
        self.given: deque[list[bytes]] = deque(maxlen=_READS_KEPT)
        self.forgotten: set[bytes] = set()

    def look_back(self) -> None:
        """Another connection: what was on its way to us when the old one went is pending, and was never seen."""
        self.pending = True
        self.cursor = None

    def begin(self) -> bytes:
        """Behind which entry the pending ones are to be looked at."""
        return min((self.last, *(_before(entry_id) for entry_id in self.forgotten)), key=entry_key)

    def take(self, entries: list[Any]) -> None:
        """New ones were read."""
        self.last = entries[-1][0]
        self.given.append([entry[0] for entry in entries])

    def take_pending(self, entries: list[Any]) -> list[Any]:
        """Of pending ones those that this process has not, or has no more; it has them now."""
        self.cursor = entries[-1][0]
        known = {entry_id for read in self.given for entry_id in read}
        last = entry_key(self.last)
        fresh = [
            entry
            for entry in entries
            if entry[0] in self.forgotten or (entry_key(entry[0]) > last and entry[0] not in known)
        ]
        ids = [entry[0] for entry in fresh]
        self.forgotten.difference_update(ids)
        self.given.append(ids)
        return fresh

    def end_pending(self) -> None:
        """All of them were looked at."""
        if self.cursor is not None:
            self.last = max(self.last, self.cursor, key=entry_key)
        self.pending = False
        self.recovered = True

    def forget(self, entries: Iterable[bytes]) -> None:
        """This server has not given us these, so what it gave behind the first of them may be unknown here."""
        gone = set(entries)
        first_ms = entry_key(min(gone, key=entry_key))[0]
        self.last = min(self.last, b"%d-0" % max(first_ms - _CLOCKS_DIFFER_MS, 0), key=entry_key)
        self.given = deque(([each for each in read if each not in gone] for read in self.given), _READS_KEPT)
        self.forgotten |= gone
        if len(self.forgotten) > _MOST_FORGOTTEN:
            self.forgotten = set(sorted(self.forgotten, key=entry_key)[-_MOST_FORGOTTEN:])


def _before(entry_id: bytes) -> bytes:
    """The id next below."""
    ms, sequence, _ = entry_key(entry_id)
    return b"%d-%d" % ((ms, sequence - 1) if sequence else (max(ms - 1, 0), _LAST_SEQUENCE if ms else 0))
