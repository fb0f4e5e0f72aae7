"""The raw files that gateways append to, as the archive takes them: from where it stopped, and away when all is taken.

A raw file is known by its name and its first frame, because a gateway makes one of the same name again when it writes
late records of an hour whose file has gone. It is removed only under its writer's lock.

A gateway that had opened the file just before would still write to it, unseen by anybody, once it had the lock. So the
lock is kept for a while after the name has gone: a gateway that finds it taken writes another file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from smsgw.records.frames import HEADER_OCTETS, bodies
from smsgw.records.query import raw_files, rows_of
from smsgw.records.record import Row

LOCK_KEPT_S: Final = 1.0


class RawFile(NamedTuple):
    """A raw file as it was looked at. ``first`` is empty while it has no frame."""

    hour_ms: int
    path: Path
    first: str

    @property
    def name(self) -> str:
        return self.path.name


def all_raw(directory: Path) -> list[RawFile]:
    """Every raw file of a directory of records, by hour; files that vanish meanwhile are passed over."""
    found = []
    for hour_ms, path in raw_files(directory):
        try:
            found.append(RawFile(hour_ms, path, first_frame(path)))
        except FileNotFoundError:
            continue
    return found


def first_frame(path: Path) -> str:
    """What tells a raw file from another one of its name: the header of its first frame, which holds its checksum."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = os.pread(descriptor, HEADER_OCTETS, 0)
    finally:
        os.close(descriptor)
    return head.hex() if len(head) == HEADER_OCTETS else ""


def read_frames(path: Path, offset: int) -> Iterator[tuple[int, list[Row]]]:
    """(offset after it, rows) of each frame from ``offset`` on."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for end, body in bodies(descriptor, offset):
            yield end, list(rows_of(body))
    finally:
        os.close(descriptor)


class Remover:
    """Takes raw files away. ``settle`` now and then lets go of the locks whose time is over; ``close`` of all."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, int]] = []

    def remove(self, file: RawFile, taken: int) -> bool:
        """Remove a file of which ``taken`` octets are in the archive, unless somebody writes it or more came."""
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        is_kept = False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_same = os.path.samestat(os.fstat(descriptor), file.path.stat())
            if is_same and not any(True for _ in bodies(descriptor, taken)):
                file.path.unlink()
                self._kept.append((time.monotonic() + LOCK_KEPT_S, descriptor))
                is_kept = True
        except BlockingIOError:
            return False
        finally:
            if not is_kept:
                os.close(descriptor)
        return is_kept

    def settle(self) -> None:
        """Let go of what was kept long enough."""
        now_s = time.monotonic()
        for until_s, descriptor in self._kept:
            if until_s <= now_s:
                os.close(descriptor)
        self._kept = [each for each in self._kept if each[0] > now_s]

    def close(self) -> None:
        """Wait for the last of them, and let go."""
        while self._kept:
            time.sleep(max(0.0, self._kept[-1][0] - time.monotonic()))
            self.settle()
