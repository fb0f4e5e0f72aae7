"""Names of archive files, and which of them count.

A file is ``<day>/<hour>.<first>-<last>.parquet``. What comes of an hour is written piece by piece, each with the next
number; pieces that are joined become one file with the range of all, so a file whose range lies within another's no
longer counts, whether or not it was removed yet. That makes joining atomic: it is done when the new name appears.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from smsgw.records.record import HOUR_MS, to_ms

SUFFIX: Final = ".parquet"
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d)\.(\d{6})-(\d{6})\.parquet")


class Piece(NamedTuple):
    """A file, by its name. ``hour_ms``: when its hour begins, business time."""

    hour_ms: int
    first: int
    last: int

    @property
    def name(self) -> str:
        """Without the day's directory."""
        return f"{hour_text(self.hour_ms)}.{self.first:06d}-{self.last:06d}{SUFFIX}"

    def path(self, directory: Path) -> Path:
        """Where it is in the archive ``directory``."""
        return directory / hour_text(self.hour_ms)[:10] / self.name

    def holds(self, other: Piece) -> bool:
        """Whether everything of ``other`` is in this one."""
        return self.hour_ms == other.hour_ms and self.first <= other.first and other.last <= self.last

    def overlaps(self, other: Piece) -> bool:
        """Whether something of ``other`` may be in this one."""
        return self.hour_ms == other.hour_ms and self.first <= other.last and other.first <= self.last


def hour_text(hour_ms: int) -> str:
    """``2026-11-22T13``, UTC."""
    return f"{datetime.fromtimestamp(hour_ms // 1000, UTC):%Y-%m-%dT%H}"


def hour_of(text: str) -> int | None:
    """The beginning of the hour that a name begins with, or None when there is no such hour."""
    try:
        return to_ms(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC))
    except ValueError:
        return None


def piece_of(name: str) -> Piece | None:
    """What a file's name says; None for what is no file of the archive."""
    found = _NAME.fullmatch(name)
    hour_ms = hour_of(found[1]) if found else None
    return None if found is None or hour_ms is None else Piece(hour_ms, int(found[2]), int(found[3]))


def all_pieces(directory: Path, since_ms: int | None = None, until_ms: int | None = None) -> list[Piece]:
    """Every file that may hold a record with ``since_ms`` <= at < ``until_ms``, by hour and number."""
    found = []
    for day in sorted(directory.glob("[0-9]*-[0-9][0-9]-[0-9][0-9]")):
        beginning = hour_of(f"{day.name}T00")
        if beginning is None or (until_ms is not None and beginning >= until_ms):
            continue
        if since_ms is not None and beginning + 24 * HOUR_MS <= since_ms:
            continue
        try:
            pieces = [piece_of(path.name) for path in day.iterdir()]
        except FileNotFoundError:  # purged just now
            continue
        found += [piece for piece in pieces if piece is not None and _within(piece, since_ms, until_ms)]
    return sorted(found)


def _within(piece: Piece, since_ms: int | None, until_ms: int | None) -> bool:
    return (since_ms is None or piece.hour_ms + HOUR_MS > since_ms) and (until_ms is None or piece.hour_ms < until_ms)


def counting(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Those that are in no other; ``pieces`` sorted."""
    kept: Piece | None = None
    # The widest of those that begin together first: whatever lies within it follows.
    for piece in sorted(pieces, key=lambda each: (each.hour_ms, each.first, -each.last)):
        if kept is None or not kept.holds(piece):
            kept = piece
            yield piece
