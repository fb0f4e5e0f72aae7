"""Segments joined to the messages they are parts of; a message of one PDU is an item by itself.

A segment that was refused, or not answered, may be sent again: the later try replaces it. One whose
index was already taken begins another message with the same reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from simulators.entry import Entry
from smsgw.errors import RecoverableError
from smsgw.smpp.alphabet import decode_text
from smsgw.smpp.constants import CommandId
from smsgw.smpp.pdu import HEADER, DataSm, Sm
from smsgw.smpp.udh import strip_udh

_JOINED = frozenset({"submit", "mo"})
_MISSING = "…"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry, or the segments of one message, with places in the order of everything that happened."""

    #: What conditions look at: of several segments the joined text, and a status of 0 if all were taken.
    entry: Entry
    #: The last try of each segment that came, by index.
    parts: tuple[Entry, ...]
    #: All tries, in order of arrival.
    arrived: tuple[Entry, ...]
    #: Places of the first and the last of them.
    first: int
    last: int
    total: int = 1
    #: Another message of the same reference began before all of it had come: whose segments are whose is a guess.
    mixed: bool = False

    @property
    def complete(self) -> bool:
        """Whether every segment came."""
        return len(self.parts) == self.total

    @property
    def in_motion(self) -> bool:
        """Whether segments, or other tries of them, may still come."""
        return self.total > 1 and not (self.complete and self.entry.status == 0)

    @property
    def end_s(self) -> float:
        """Real time when the last of it came."""
        return self.arrived[-1].real_s


@dataclass(slots=True)
class _Open:
    """Segments of one message, as far as they came."""

    total: int
    parts: dict[int, Entry] = field(default_factory=dict)
    arrived: list[Entry] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    mixed: bool = False

    def takes(self, index: int) -> bool:
        before = self.parts.get(index)
        return before is None or before.status != 0


def each_alone(entries: Sequence[Entry]) -> list[Item]:
    """Every entry as an item of its own."""
    return [Item(entry, (entry,), (entry,), place, place) for place, entry in enumerate(entries)]


def join(entries: Sequence[Entry]) -> list[Item]:
    """Items of entries in order of time, by the place of their first segment."""
    found: list[Item | _Open] = []
    groups: dict[tuple[object, ...], list[_Open]] = {}
    for place, entry in enumerate(entries):
        if entry.concat is None or entry.kind not in _JOINED:
            found.append(Item(entry, (entry,), (entry,), place, place))
            continue
        reference, total, index = entry.concat
        key = (entry.kind, entry.where, entry.account, entry.source, entry.destination, reference, total)
        candidates = groups.setdefault(key, [])
        group = next((each for each in reversed(candidates) if each.takes(index)), None)
        if group is None:
            group = _Open(total)
            for each in candidates:
                if len(each.parts) < total:
                    each.mixed = group.mixed = True
            candidates.append(group)
            found.append(group)
        group.parts[index] = entry
        group.arrived.append(entry)
        group.places.append(place)
    return [each if isinstance(each, Item) else _item(each) for each in found]


def _item(group: _Open) -> Item:
    parts = tuple(group.parts[index] for index in sorted(group.parts))
    missing = group.total - len(parts)
    first = group.arrived[0]
    fates = dict.fromkeys(part.fate for part in parts if part.fate)
    if missing:
        fates[f"incomplete: {len(parts)} of {group.total} segments"] = None
    answers = [part.answered_s for part in parts]
    whole = replace(
        first,
        text=_text(parts) if not missing else _holed(group),
        status=_status(parts),
        answered_s=max(answer for answer in answers if answer is not None) if None not in answers else None,
        message_id=parts[0].message_id,
        segments=sum(part.segments for part in parts),
        concat=None,
        fate="; ".join(fates),
    )
    return Item(whole, parts, tuple(group.arrived), group.places[0], group.places[-1], group.total, group.mixed)


def _status(parts: Iterable[Entry]) -> int | None:
    statuses = [part.status for part in parts]
    refused = next((status for status in statuses if status), 0)
    return None if refused == 0 and None in statuses else refused


def _holed(group: _Open) -> str:
    return "".join(group.parts[index].text if index in group.parts else _MISSING for index in range(1, group.total + 1))


def _text(parts: Sequence[Entry]) -> str:
    """Joined as octets where they are known: a character may be cut between two segments."""
    codings = {part.data_coding for part in parts}
    payloads = [_payload(part.pdu) for part in parts]
    if len(codings) > 1 or None in payloads:
        return "".join(part.text for part in parts)
    return decode_text(b"".join(payload for payload in payloads if payload is not None), codings.pop())


def _payload(pdu: bytes) -> bytes | None:
    if len(pdu) < HEADER.size:
        return None
    try:
        sm = DataSm(pdu) if HEADER.unpack_from(pdu)[1] == CommandId.DATA_SM else Sm(pdu)
        return strip_udh(sm.payload) if sm.has_udh else sm.payload
    except RecoverableError:
        return None
