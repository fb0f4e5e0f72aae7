"""Messages inside stream entries: the Python half of ``scripts/parts/entries.lua``.

An entry holds one message or up to 40; everybody outside this room sees single messages. A message of an
entry of several has the id ``<entry>:<index>``, as in ``1700000000000-3:17``; both kinds order by ``entry_key``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from smsgw.store.packing import from_script

MOST_IN_ENTRY: Final = 40
Entry = tuple[bytes, list[bytes]]
"""A message's id in its stream and its fields: name, value, name, value …"""

_TOTAL_UNIT: Final = 1 << 40
_SUFFIXES: Final = tuple(b":%d" % index for index in range(MOST_IN_ENTRY))
_BLOBS: Final = b"b"
_FIELD_LISTS: Final = b"f"
_FIELD_MESSAGE: Final = b"m"


def entry_key(entry_id: bytes) -> tuple[int, int, int]:
    """What orders ids within a stream: ``b"1700-3:5"`` → (1700, 3, 5). Raises ValueError for other text."""
    base, _, index = entry_id.partition(b":")
    ms, _, sequence = base.partition(b"-")
    return int(ms), int(sequence or 0), int(index or 0)


def expand(raw: Iterable[Any]) -> list[Entry]:
    """The messages of entries as Redis gives them, in order."""
    messages: list[Entry] = []
    add = messages.append
    for entry_id, fields in raw:
        name = fields[0]
        if name == _BLOBS:
            for suffix, blob in zip(_SUFFIXES, from_script(fields[1]), strict=False):
                add((entry_id + suffix, [_FIELD_MESSAGE, blob]))
        elif name == _FIELD_LISTS:
            for suffix, own in zip(_SUFFIXES, from_script(fields[1]), strict=False):
                add((entry_id + suffix, own))
        else:
            add((entry_id, fields))
    return messages


def is_shared(fields: list[bytes]) -> bool:
    """Whether an entry with these fields holds several messages."""
    return fields[0] == _BLOBS or fields[0] == _FIELD_LISTS


def unsettled(messages: list[Entry], masks: Mapping[bytes, int]) -> list[Entry]:
    """Those that wait still; ``masks`` by entry id, as in the hash beside the stream."""
    kept = []
    for message in messages:
        base, colon, index = message[0].partition(b":")
        if not colon or not masks.get(base, 0) >> int(index) & 1:
            kept.append(message)
    return kept


class Groups:
    """Messages of one call gathered by stream and entry, as ``settle_entries`` wants them."""

    __slots__ = ("_streams",)

    def __init__(self) -> None:
        self._streams: dict[str, dict[bytes, tuple[list[int], list[int]]]] = {}

    def add(self, stream: str, entry_id: bytes, position: int) -> None:
        """One message. ``position`` comes back with ``rows``."""
        base, colon, index = entry_id.partition(b":")
        entries = self._streams.get(stream)
        if entries is None:
            entries = self._streams[stream] = {}
        group = entries.get(base)
        if group is None:
            entries[base] = ([int(index) if colon else -1], [position])
        else:
            group[0].append(int(index) if colon else -1)
            group[1].append(position)

    def rows(self) -> list[tuple[str, list[bytes], list[list[int]], list[list[int]]]]:
        """(stream, entries, their indexes, their positions) for each stream."""
        return [
            (stream, list(entries), [group[0] for group in entries.values()], [group[1] for group in entries.values()])
            for stream, entries in self._streams.items()
        ]


def split(entry_id: bytes) -> tuple[bytes, int]:
    """Entry and index, -1 for an entry of one message."""
    base, colon, index = entry_id.partition(b":")
    return base, int(index) if colon else -1
