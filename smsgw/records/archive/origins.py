"""What the archive knows of the messages that later steps belong to.

A receipt comes seconds or days after its message was accepted. The id of a message tells when that was, so only the
files of those hours are looked into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from smsgw.records.archive.duck import files
from smsgw.records.archive.intake import BEGINNINGS, PENDING, Origin
from smsgw.records.archive.names import Piece, all_pieces, counting
from smsgw.records.record import HOUR_MS, NO_CLASS, Step

_SECOND: Final = slice(2, 10)
_SENT, _RECEIPT = int(Step.SENT), int(Step.RECEIPT)
_BEGUN: Final = f"FILTER (WHERE step IN {BEGINNINGS})"
_SQL: Final = f"""
    SELECT message_id, coalesce(min(at_ms) {_BEGUN}, -1), any_value(account), any_value(message_class) {_BEGUN},
           any_value(signature) {_BEGUN}, any_value(template) {_BEGUN}, any_value(campaign) {_BEGUN},
           any_value(network) {_BEGUN}, any_value(province) {_BEGUN},
           coalesce(max(segments) FILTER (WHERE step = {_SENT}), 0),
           coalesce(max(state) FILTER (WHERE step = {_RECEIPT} AND state NOT IN {PENDING}), 0),
           any_value(recipient_hash) {_BEGUN}
    FROM {{files}} SEMI JOIN wanted USING (message_id)
    WHERE step IN {(*BEGINNINGS, _SENT, _RECEIPT)} GROUP BY message_id
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
        pieces = self._pieces(ids)
        if not pieces:
            return {}
        self._connection.register("wanted", pa.table({"message_id": sorted(ids)}))
        try:
            paths = [piece.path(self._directory) for piece in pieces]
            rows = self._connection.execute(_SQL.format(files=files(paths))).fetchall()
        finally:
            self._connection.unregister("wanted")
        return {row[0]: Origin(*_known(row[1:])) for row in rows}

    def _pieces(self, ids: set[str]) -> list[Piece]:
        pieces = list(counting(all_pieces(self._directory)))
        if not self._tells_time:
            return pieces
        hours = Counter(_hour_of(message_id) for message_id in ids)
        # A message's first step is written within the hour of its id, or just after.
        return [piece for piece in pieces if {piece.hour_ms, piece.hour_ms - HOUR_MS} & hours.keys()]


def _hour_of(message_id: str) -> int:
    try:
        return int(message_id[_SECOND], 16) * 1000 // HOUR_MS * HOUR_MS
    except ValueError:
        return -1


def _known(values: tuple[Any, ...]) -> list[Any]:
    """NULL is what no step said: no class, or empty text."""
    return [value if value is not None else NO_CLASS if index == 2 else "" for index, value in enumerate(values)]
