"""What the archive knows of the messages that later steps belong to.

A receipt comes seconds or days after its message was accepted. The id of a message tells when that was, so only the
files of those hours are looked into for its beginning, and those since then for what it took on the air and for a last
word that came late.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from smsgw.records.archive.duck import files
from smsgw.records.archive.intake import BEGINNINGS, PENDING, Origin
from smsgw.records.archive.names import Piece, all_pieces, counting
from smsgw.records.record import HOUR_MS, NO_CLASS, Step

_SECOND: Final = slice(2, 10)
_NO_HOUR: Final = -1
_SENT, _RECEIPT = int(Step.SENT), int(Step.RECEIPT)
_AIR_AND_END: Final = f"""
    coalesce(max(segments) FILTER (WHERE step = {_SENT}), 0),
    coalesce(max(state) FILTER (WHERE step = {_RECEIPT} AND state NOT IN {PENDING}), 0)"""
_BEGUN: Final = f"FILTER (WHERE step IN {BEGINNINGS})"
_SQL: Final = f"""
    SELECT message_id, coalesce(min(at_ms) {_BEGUN}, -1), any_value(account), any_value(message_class) {_BEGUN},
           any_value(signature) {_BEGUN}, any_value(template) {_BEGUN}, any_value(campaign) {_BEGUN},
           any_value(network) {_BEGUN}, any_value(province) {_BEGUN},
           {_AIR_AND_END},
           any_value(recipient_hash) {_BEGUN}
    FROM {{files}} SEMI JOIN wanted USING (message_id)
    WHERE step IN {(*BEGINNINGS, _SENT, _RECEIPT)} GROUP BY message_id
"""
_LATER_SQL: Final = f"""
    SELECT message_id, {_AIR_AND_END} FROM {{files}} SEMI JOIN wanted USING (message_id)
    WHERE step IN {(_SENT, _RECEIPT)} GROUP BY message_id
"""


class Origins:
    """Asked for each piece that is written. ``tells_time``: see ``Knowledge``."""

    def __init__(self, directory: Path, connection: Any, tells_time: bool) -> None:
        self._directory = directory
        self._tells_time = tells_time
        self._connection = connection

    def of(self, ids: set[str]) -> Mapping[str, Origin]:
        """What is known of these messages."""
        if not ids:
            return {}
        beginnings, later = self._pieces(ids)
        self._connection.register("wanted", pa.table({"message_id": sorted(ids)}))
        try:
            found = {row[0]: Origin(*_known(row[1:])) for row in self._rows(_SQL, beginnings)}
            for message_id, sent_segments, final in self._rows(_LATER_SQL, later):
                origin = found.setdefault(message_id, Origin())
                origin.sent_segments = sent_segments or origin.sent_segments
                origin.final = origin.final or final
        finally:
            self._connection.unregister("wanted")
        return found

    def _rows(self, sql: str, pieces: list[Piece]) -> list[tuple[Any, ...]]:
        if not pieces:
            return []
        paths = [piece.path(self._directory) for piece in pieces]
        return list(self._connection.execute(sql.format(files=files(paths))).fetchall())

    def _pieces(self, ids: set[str]) -> tuple[list[Piece], list[Piece]]:
        """Those that messages may begin in, and those after them."""
        pieces = list(counting(all_pieces(self._directory)))
        if not self._tells_time:
            return pieces, []
        hours = {_hour_of(message_id) for message_id in ids} - {_NO_HOUR}
        # A message's first step is written within the hour of its id, or just after.
        beginnings = [piece for piece in pieces if {piece.hour_ms, piece.hour_ms - HOUR_MS} & hours]
        others = set(pieces).difference(beginnings)
        return beginnings, [piece for piece in pieces if piece in others and hours and piece.hour_ms > min(hours)]


def _hour_of(message_id: str) -> int:
    try:
        return int(message_id[_SECOND], 16) * 1000 // HOUR_MS * HOUR_MS
    except ValueError:
        return _NO_HOUR


def _known(values: tuple[Any, ...]) -> list[Any]:
    """NULL is what no step said: no class, or empty text."""
    return [value if value is not None else NO_CLASS if index == 2 else "" for index, value in enumerate(values)]
