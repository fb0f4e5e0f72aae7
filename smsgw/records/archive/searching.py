"""Searching records by what they say, the newest first; and one message with all that is kept of it.

Owns: SQL for conditions, and the same over rows that are in no archive yet. Newer days are looked at before older ones,
so a page of what is frequent does not read half a year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from smsgw.records.archive.duck import files
from smsgw.records.archive.intake import BEGINNINGS, ids_in, pdus_of, unpacked_content
from smsgw.records.archive.knowledge import Enclosed, Keys
from smsgw.records.archive.person import contents_of
from smsgw.records.archive.raw import read_frames
from smsgw.records.archive.reading import RECORD_COLUMNS, Look, Reader, record_of
from smsgw.records.record import DETAIL, FIXED_FIELDS, HOUR_MS, NO_CLASS, Record, Row, Step
from smsgw.records.record import record_of as record_of_row
from smsgw.records.sought import Content, Found, Sought, Whole

_ADDED: Final = ("department", "template", "campaign", "network", "province", "cost", "code_class")
FOUND_COLUMNS: Final = f"{RECORD_COLUMNS}, {', '.join(_ADDED)}"
_SPANS_H: Final = (6, 24, 7 * 24, 31 * 24)
"""How far back is looked at a time: quickly over what is frequent, not for ever over what is rare."""
_PDU: Final = int(Step.CARRIER_PDU)
_NEAR_MS: Final = 10 * 60_000
"""Segments of one message come within this."""
_CID: Final = {
    int(step): names.index("carrier_message_id") for step, names in DETAIL.items() if "carrier_message_id" in names
}  # fmt: skip
_FIXED: Final = Record._fields[:FIXED_FIELDS]
_EQUAL: Final = (
    "recipient_hash", "account", "carrier", "campaign", "province", "rule_id", "carrier_message_id", "message_class",
)  # fmt: skip


def search(reader: Reader, sought: Sought) -> list[Found]:
    """What fits, newest first. Raises OSError."""
    return reader.asked(lambda look: search_in(reader, look, sought))


def search_in(reader: Reader, look: Look, sought: Sought) -> list[Found]:
    """As ``search``, of what a look has."""
    fresh = [Found(each) for each in map(record_of_row, _fresh(look, sought)) if _fits(each, sought)]
    fresh.sort(key=newest_first)
    found = fresh[: sought.last or None]
    for since_ms, until_ms in spans(sought):
        if sought.last and len(found) >= sought.last and found[sought.last - 1].record.at_ms >= until_ms:
            break
        paths = look.paths(since_ms, until_ms)
        if paths:
            found += _archived(reader, paths, sought, since_ms, until_ms)
            found.sort(key=newest_first)
            found = found[: sought.last or None]
    return found


def newest_first(found: Found) -> tuple[int, str, int]:
    """The order of what is found."""
    return -found.record.at_ms, found.record.message_id, found.record.step


def spans(sought: Sought) -> Iterator[tuple[int, int]]:
    """Times to look at one after the other, the newest first, until there is enough."""
    if not sought.last:
        yield sought.since_ms, sought.until_ms
        return
    until_ms, widths = sought.until_ms, iter(_SPANS_H)
    while until_ms > sought.since_ms:
        width = next(widths, None)
        since_ms = sought.since_ms if width is None else max(sought.since_ms, until_ms - width * HOUR_MS)
        yield since_ms, until_ms
        until_ms = since_ms


def _archived(reader: Reader, paths: list[Path], sought: Sought, since_ms: int, until_ms: int) -> list[Found]:
    conditions, values = ["at_ms >= ?", "at_ms < ?"], [since_ms, until_ms]
    more: list[tuple[str, object]] = [
        (f"{name} = ?", getattr(sought, name)) for name in _EQUAL if getattr(sought, name) not in ("", None)
    ]
    if sought.steps:
        more.append(("list_contains(?, step)", list(sought.steps)))
    if sought.accounts is not None:
        more.append(("list_contains(?, account)", list(sought.accounts)))
    if sought.message_ids:
        more.append(("message_id IN (SELECT unnest(?::VARCHAR[]))", list(sought.message_ids)))
    if sought.template:
        more += [("(template = ?", sought.template), ("OR starts_with(template, ?))", f"{sought.template}@")]
    where = " AND ".join(conditions + [each for each, _ in more]).replace("AND OR", "OR")
    bound = f" LIMIT {sought.last}" if sought.last else ""
    rows = reader.rows(
        f"SELECT {FOUND_COLUMNS} FROM {files(paths)} WHERE {where} ORDER BY at_ms DESC, message_id, step{bound}",
        [*values, *(value for _, value in more)],
    )
    return [found_of(row) for row in rows]


def found_of(row: tuple[Any, ...]) -> Found:
    """A record with what was added to it, of ``FOUND_COLUMNS``; NULL is what an old file has no column of."""
    split = len(row) - len(_ADDED)
    added: list[Any] = [
        value if value is not None else 0.0 if name == "cost" else ""
        for name, value in zip(_ADDED, row[split:], strict=True)
    ]
    return Found(record_of(row[:split]), *added)


def _fresh(look: Look, sought: Sought) -> Iterator[Row]:
    """Rows of the time that are in no archive file yet, without what lies sealed behind them."""
    if sought.needs_archive:
        return
    for row in _raw_rows(look, sought.since_ms, sought.until_ms):
        fields: tuple[Any, ...] = row
        yield fields[:-1] if isinstance(fields[-1], bytes) else row


def _raw_rows(look: Look, since_ms: int, until_ms: int) -> Iterator[Row]:
    for part in look.raw:
        if part.hour_ms < until_ms and part.hour_ms + HOUR_MS > since_ms:
            for _, rows in read_frames(part.path, part.start):
                yield from (row for row in rows if since_ms <= row[0] < until_ms)


def _fits(record: Record, sought: Sought) -> bool:
    at = _CID.get(record.step)
    cid = record.detail[at] if at is not None and at < len(record.detail) else ""
    return (
        (not sought.steps or record.step in sought.steps)
        and (not sought.message_ids or record.message_id in sought.message_ids)
        and (not sought.recipient_hash or record.recipient_hash == sought.recipient_hash)
        and (not sought.account or record.account == sought.account)
        and (sought.accounts is None or record.account in sought.accounts)
        and (not sought.carrier or record.carrier == sought.carrier)
        and (not sought.rule_id or record.rule_id == sought.rule_id)
        and (not sought.carrier_message_id or cid == sought.carrier_message_id)
        and (sought.message_class is None or record.message_class == sought.message_class)
    )


def whole(
    reader: Reader,
    message_id: str,
    since_ms: int,
    until_ms: int,
    keys: Keys,
    enclosed: Callable[[bytes], Enclosed | None],
) -> Whole:
    """Every record of a message, with all contents that are kept of it; a segment's are those of its whole message.

    Raises OSError, and what ``keys.open`` raises.
    """
    return reader.asked(lambda look: Message(reader, look, keys, enclosed).whole(message_id, since_ms, until_ms))


class Message:
    """One look for one message."""

    def __init__(self, reader: Reader, look: Look, keys: Keys, enclosed: Callable[[bytes], Enclosed | None]) -> None:
        self._reader = reader
        self._look = look
        self._keys = keys
        self._enclosed = enclosed

    def whole(self, message_id: str, since_ms: int, until_ms: int) -> Whole:
        """See ``whole``."""
        pairs = self.rows("message_id", message_id, since_ms, until_ms)
        pairs.sort(key=lambda pair: pair[0].record.at_ms)
        begun = next((each.record for each, _ in pairs if each.record.step in BEGINNINGS), None)
        if begun is not None and begun.recipient_hash and not self._has_begun(pairs):
            pairs = self._with_whole_of(begun, pairs)
        contents = {place: content for place, (_, content) in enumerate(pairs) if content is not None}
        return Whole(tuple(found for found, _ in pairs), contents)

    @staticmethod
    def _has_begun(pairs: list[tuple[Found, Content | None]]) -> bool:
        return any(content is not None and each.record.step in BEGINNINGS for each, content in pairs)

    def _with_whole_of(
        self, begun: Record, pairs: list[tuple[Found, Content | None]]
    ) -> list[tuple[Found, Content | None]]:
        """A later segment: the whole message lies with its first one's acceptance."""
        since_ms, until_ms = begun.at_ms - _NEAR_MS, begun.at_ms + _NEAR_MS
        for each, content in self.rows("recipient_hash", begun.recipient_hash, since_ms, until_ms):
            if content is not None and begun.message_id in content.message_ids and each.record.step in BEGINNINGS:
                return [(found, content if found.record is begun else own) for found, own in pairs]
        return pairs

    def rows(self, column: str, value: str, since_ms: int, until_ms: int) -> list[tuple[Found, Content | None]]:
        """The records of a time by one of their columns, with what is kept of their contents."""
        found = list(self._archived(column, value, since_ms, until_ms))
        index = _FIXED.index(column)
        for row in _raw_rows(self._look, since_ms, until_ms):
            if row[1] == _PDU and column == "message_id":
                found += self._fresh_pdus(row, value)
            elif row[index] == value:
                fields: tuple[Any, ...] = row
                sealed = fields[-1] if isinstance(fields[-1], bytes) else b""
                record = record_of_row(fields[:-1] if sealed else row)
                found.append((Found(record), self._unsealed(sealed) if sealed else None))
        return found

    def _fresh_pdus(self, row: Row, message_id: str) -> Iterator[tuple[Found, Content]]:
        fields: tuple[Any, ...] = row
        for at_ms, step, name, carrier, octets in pdus_of(fields[-1], self._keys.open):
            if name == message_id:
                record = record_of_row((at_ms, _PDU, name, "", carrier, NO_CLASS, "", "", 0, 0, "", "", 0, step))
                yield Found(record), Content("", "", (octets,))

    def _unsealed(self, sealed: bytes) -> Content | None:
        inside = self._enclosed(sealed)
        return Content(inside.number, inside.source_addr, inside.pdus, inside.message_ids) if inside else None

    def _archived(
        self, column: str, value: str, since_ms: int, until_ms: int
    ) -> Iterator[tuple[Found, Content | None]]:
        paths = self._look.paths(since_ms, until_ms)
        if not paths:
            return
        source = files(paths)[:-1] + ", filename = true, file_row_number = true)"
        rows = self._reader.rows(
            f"SELECT filename, file_row_number, {FOUND_COLUMNS} FROM {source} WHERE {column} = ? AND at_ms >= ? "
            "AND at_ms < ? ORDER BY filename, file_row_number",
            [value, since_ms, until_ms],
        )
        by_file: dict[str, dict[int, Found]] = {}
        for name, number, *rest in rows:
            by_file.setdefault(name, {})[number] = found_of(tuple(rest))
        for name, there in by_file.items():
            contents = contents_of(Path(name), there, self._keys)
            for number, each in there.items():
                content = contents.get(number)
                yield each, Content(*unpacked_content(content), ids_in(content)) if content else None
