"""Searching, and one message with its contents: what ``records.archive.searching`` does with files, of ClickHouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from smsgw.records.archive.intake import ids_in, unpacked_content
from smsgw.records.archive.knowledge import Enclosed, Keys
from smsgw.records.archive.reading import Look, Reader
from smsgw.records.archive.searching import FOUND_COLUMNS, Message, found_of, newest_first, search_in, spans
from smsgw.records.clickhouse.client import listed, text
from smsgw.records.clickhouse.source import Source, equal, within
from smsgw.records.sought import Content, Found, Sought

_EQUAL: Final = ("account", "carrier", "campaign", "province", "rule_id", "carrier_message_id", "message_class")


def search(source: Source, reader: Reader, unsent: Look, sought: Sought) -> list[Found]:
    """What fits, newest first."""
    found = search_in(reader, unsent, sought)
    conditions = _conditions(source, sought)
    bound = f" LIMIT {sought.last}" if sought.last else ""
    for since_ms, until_ms in spans(sought):
        if sought.last and len(found) >= sought.last and found[sought.last - 1].record.at_ms >= until_ms:
            break
        rows = source.rows(
            FOUND_COLUMNS, [*within(since_ms, until_ms), *conditions], f"ORDER BY at_ms DESC, message_id, step{bound}"
        )
        found = sorted([*found, *map(found_of, rows)], key=newest_first)[: sought.last or None]
    return found


def _conditions(source: Source, sought: Sought) -> list[str]:
    found = [equal(name, getattr(sought, name)) for name in _EQUAL if getattr(sought, name) not in ("", None)]
    if sought.recipient_hash:
        found.append(source.recipient(sought.recipient_hash))
    if sought.steps:
        found.append(f"step IN ({', '.join(str(int(step)) for step in sought.steps)})")
    if sought.accounts is not None:
        found.append(f"account IN {listed(sought.accounts)}" if sought.accounts else "0")
    if sought.message_ids:
        found.append(f"message_id IN {listed(sought.message_ids)}")
    if sought.template:
        name = text(sought.template)
        found.append(f"(template = {name} OR startsWith(template, concat({name}, '@')))")
    return found


class MessageThere(Message):
    """One look for one message, here and in ClickHouse."""

    def __init__(
        self, source: Source, reader: Reader, unsent: Look, keys: Keys, enclosed: Callable[[bytes], Enclosed | None]
    ) -> None:
        super().__init__(reader, unsent, keys, enclosed)
        self._source = source
        self._keys = keys

    def rows(self, column: str, value: str, since_ms: int, until_ms: int) -> list[tuple[Found, Content | None]]:
        """As in files."""
        there = self._source.recipient(value) if column == "recipient_hash" else equal(column, value)
        found: list[tuple[Found, Content | None]] = []
        for sealed, *row in self._source.rows(
            f"hex(content), {FOUND_COLUMNS}", [*within(since_ms, until_ms), there], "ORDER BY at_ms, place, batch"
        ):
            content = self._keys.open(bytes.fromhex(sealed)) if sealed else b""
            kept = Content(*unpacked_content(content), ids_in(content)) if content else None
            found.append((found_of(tuple(row)), kept))
        return found + super().rows(column, value, since_ms, until_ms)
