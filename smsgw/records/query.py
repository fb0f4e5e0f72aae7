"""Reading records: one file, a whole site by time, a filter, and what is new.

Owns: which files may hold an answer, the merge of nodes, the filter. Only reads; damaged frames are
skipped (see ``frames``), so a reader may look at a file that is being written. Frames that can't hold
the message id asked for are not even unpacked, which makes a search about as fast as the disk.

What can go wrong: records of one file are in the order they were appended, which is the order of time
only to within a few milliseconds, or worse where a test set the clock back.
"""

from __future__ import annotations

import heapq
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, cast

import msgpack  # type: ignore[import-untyped, unused-ignore]

from smsgw.records.frames import bodies
from smsgw.records.record import HOUR_MS, Record, Row, Step, padded, record_of, to_ms

_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d)\.(.+)\.rec")
_at_ms = itemgetter(0)
_ANY = 1 << 62
_PDU = int(Step.CARRIER_PDU)


class RawPart(NamedTuple):
    """A file from an offset on; ``hour_ms``: when its hour begins."""

    hour_ms: int
    path: Path
    start: int


def read_records(path: Path | str) -> Iterator[Record]:
    """Every sound record of one file, in the order of writing; raises OSError when it can't be read."""
    return map(record_of, _rows(RawPart(0, Path(path), 0), ()))


def iter_site(directory: Path | str, since: datetime | None = None, until: datetime | None = None) -> Iterator[Record]:
    """Records of all nodes with ``since`` <= at < ``until`` (aware), oldest first, hour by hour.

    Files that vanish meanwhile are passed over; memory holds one frame per node.
    """
    return map(record_of, _site_rows(Path(directory), since, until, ()))


def query(
    directory: Path | str,
    message_id: str | None = None,
    since: datetime | None = None,
    account: str | None = None,
    step: int | None = None,
    *,
    until: datetime | None = None,
    carrier: str | None = None,
    recipient_hash: str | None = None,
    last: int | None = None,
    among: Sequence[RawPart] | None = None,
) -> list[Record]:
    """The records that fit every condition given, oldest first; ``last`` keeps only the newest so many. Octets of
    carriers are no records of their own, so they are only among them where ``step`` says so.

    One message's timeline is ``query(directory, message_id)``; give ``since`` as well when it is known,
    because without it every file of the site is read. ``among``: what to look at instead of all that is there; a
    file of it that has gone raises FileNotFoundError.
    """
    wanted = {2: message_id, 3: account, 4: carrier, 6: recipient_hash}
    exact = [(index, value) for index, value in wanted.items() if value is not None]
    needles = tuple(value.encode() for _, value in exact)
    found = (
        row
        for row in _site_rows(Path(directory), since, until, needles, among)
        if (row[1] != _PDU if step is None else row[1] == step) and all(row[index] == value for index, value in exact)
    )
    records = map(record_of, found if last is None else deque(found, maxlen=last))
    return sorted(records, key=_at_ms)


class Follower:
    """Gives what was written since the last look, as ``tail -f`` does; ``since`` is where it starts."""

    def __init__(self, directory: Path | str, since: datetime) -> None:
        self._directory = Path(directory)
        self._since_ms = to_ms(since)
        self._offsets: dict[Path, int] = {}

    def poll(self) -> list[Record]:
        """New records, oldest first; an empty list when nothing was written."""
        found: list[Record] = []
        paths = [path for _, path in raw_files(self._directory, self._since_ms, _ANY)]
        self._offsets = {path: self._offsets.get(path, 0) for path in paths}
        for path in paths:
            try:
                for end, body in _frames(path, self._offsets[path]):
                    self._offsets[path] = end
                    found.extend(record_of(_without_envelope(row)) for row in rows_of(body) if row[1] != _PDU)
            except FileNotFoundError:  # taken into the archive
                continue
        return sorted((record for record in found if record.at_ms >= self._since_ms), key=_at_ms)


def raw_files(directory: Path, since_ms: int = -_ANY, until_ms: int = _ANY) -> list[tuple[int, Path]]:
    """(beginning of its hour, path) of every file that may hold a row of the time asked for."""
    found = []
    for path in directory.glob("*.rec"):
        name = _NAME.fullmatch(path.name)
        if name is None:
            continue
        try:
            hour_ms = to_ms(datetime.strptime(name[1], "%Y-%m-%dT%H").replace(tzinfo=UTC))
        except ValueError:  # a 25th hour: not one of ours
            continue
        if hour_ms + HOUR_MS > since_ms and hour_ms < until_ms:
            found.append((hour_ms, path))
    return sorted(found)


def _site_rows(
    directory: Path,
    since: datetime | None,
    until: datetime | None,
    needles: tuple[bytes, ...],
    among: Sequence[RawPart] | None = None,
) -> Iterator[Row]:
    since_ms = -_ANY if since is None else to_ms(since)
    until_ms = _ANY if until is None else to_ms(until)
    if among is None:
        parts = [RawPart(hour_ms, path, 0) for hour_ms, path in raw_files(directory, since_ms, until_ms)]
    else:
        parts = sorted(part for part in among if part.hour_ms + HOUR_MS > since_ms and part.hour_ms < until_ms)
    reading = _present if among is None else _rows
    for _, files in groupby(parts, key=_at_ms):
        for row in _merged([reading(part, needles) for part in files]):
            if since_ms <= row[0] < until_ms:
                yield row


def _merged(sources: list[Iterator[Row]]) -> Iterable[Row]:
    key: Callable[[Row], int] = _at_ms
    return sources[0] if len(sources) == 1 else heapq.merge(*sources, key=key)


def _present(part: RawPart, needles: tuple[bytes, ...]) -> Iterator[Row]:
    try:
        yield from _rows(part, needles)
    except FileNotFoundError:  # taken into the archive
        return


def _rows(part: RawPart, needles: tuple[bytes, ...]) -> Iterator[Row]:
    for _, body in _frames(part.path, part.start):
        if all(needle in body for needle in needles):
            yield from map(_without_envelope, rows_of(body))


def _without_envelope(row: Row) -> Row:
    """A row without the sealed message that may be behind its details: it is for the archive."""
    fields: tuple[object, ...] = row
    return cast("Row", fields[:-1]) if type(fields[-1]) is bytes else row


def _frames(path: Path, offset: int) -> Iterator[tuple[int, bytes]]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield from bodies(descriptor, offset)
    finally:
        os.close(descriptor)


def rows_of(body: bytes) -> Iterator[Row]:
    """The rows of a frame; what is no row of ours is passed over (a verified frame has none)."""
    try:
        rows = msgpack.unpackb(body, use_list=False)
    except ValueError:
        return
    if isinstance(rows, tuple):
        for row in rows:
            if isinstance(row, tuple) and row and type(row[0]) is int:
                yield padded(row)
