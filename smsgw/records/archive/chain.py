"""The chain of the archive: one line for everything that ever happened to one of its files.

Owns: ``chain.jsonl``, only ever appended to, and forced to disk before what it tells of becomes visible. Each line
holds the digest of the one before and its own, keyed with a secret of the site; a file's line holds the file's digest.
So a file that was changed, removed or slipped in is told from one that the archive wrote, joined, erased from or
purged.

What can go wrong: a kill tears the last line (cut off by the next writer); the whole end of the chain is cut off
together with the files that it tells of, which only a head that was kept elsewhere shows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from typing import Final

NAME: Final = "chain.jsonl"
WRITTEN: Final = "written"
"""Records of the hot path became ``file``; those of ``replaces`` are in it as well."""
ERASED: Final = "erased"
"""``file`` was written anew without what ``note`` names."""
PURGED: Final = "purged"
"""``file`` was removed, for ``note``."""
_DIGEST_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class Link:
    """A line. ``at``: wall-clock time, ISO 8601. ``digest``: of the file as it is from now on, empty when purged."""

    seq: int
    at: str
    act: str
    file: str
    digest: str = ""
    rows: int = 0
    replaces: tuple[str, ...] = ()
    note: str = ""
    previous: str = ""
    hash: str = field(default="")


@dataclass(frozen=True, slots=True)
class Read:
    """A chain as it is on disk: its sound lines, and what is wrong with the first that is not, or empty."""

    links: list[Link]
    fault: str

    @property
    def head(self) -> str:
        """What to keep elsewhere: ``<number>:<hash>`` of the last line; ``0:`` of none."""
        return f"{self.links[-1].seq}:{self.links[-1].hash}" if self.links else "0:"

    def present(self) -> dict[str, Link]:
        """The last line of each file that should be there, by name; one joined into another should not."""
        found: dict[str, Link] = {}
        for link in self.links:
            for name in link.replaces:
                found.pop(name, None)
            if link.act == PURGED:
                found.pop(link.file, None)
            else:
                found[link.file] = link
        return found


def read_chain(directory: Path, key: bytes) -> Read:
    """The chain of an archive; a last line that is not whole yet is not looked at. Raises OSError."""
    links: list[Link] = []
    try:
        text = (directory / NAME).read_bytes()
    except FileNotFoundError:
        return Read([], "")
    for number, line in enumerate(text[: text.rfind(b"\n") + 1].splitlines(), 1):
        before = links[-1].hash if links else ""
        link = _parsed(line)
        if link is None or link.seq != number or link.previous != before:
            return Read(links, f"line {number} of {NAME} does not follow the one before: it was changed or moved")
        if not compare_digest(_hash(key, link), link.hash):
            return Read(links, f"line {number} of {NAME} was changed, or its secrets are others")
        links.append(link)
    return Read(links, "")


def first_hash(directory: Path) -> str:
    """The digest in the first line, unverified; empty where there is none."""
    try:
        with open(directory / NAME, "rb") as file:
            link = _parsed(file.readline())
    except FileNotFoundError:
        return ""
    return link.hash if link is not None else ""


class Chain:
    """The chain, to be written. Raises OSError; ``BrokenChain`` where it is not whole."""

    def __init__(self, directory: Path, key: bytes) -> None:
        self._path = directory / NAME
        self._key = key
        self._octets = -1
        self.read = Read([], "")
        self.refresh()

    def refresh(self) -> None:
        """Read it again if another process has written to it."""
        if self._size() == self._octets:
            return
        _cut_torn_end(self._path)
        read = read_chain(self._path.parent, self._key)
        if read.fault:
            raise BrokenChain(f"{self._path}: {read.fault}")
        self.read = read
        self._octets = self._size()

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def append(
        self,
        at: str,
        act: str,
        file: str,
        digest: str = "",
        rows: int = 0,
        replaces: Sequence[str] = (),
        note: str = "",
    ) -> None:
        """Write a line and force it to disk; only after that may the change itself be seen."""
        before = self.read.links[-1] if self.read.links else None
        fields = (before.seq + 1 if before else 1, at, act, file, digest, rows, tuple(replaces), note)
        bare = Link(*fields, before.hash if before else "")
        link = Link(*fields, bare.previous, _hash(self._key, bare))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            size = os.fstat(descriptor).st_size
            line = json.dumps(asdict(link), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            try:
                if os.write(descriptor, line) != len(line):
                    raise OSError(f"{self._path}: the disk took only a part of a line")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        self._octets = size + len(line)
        self.read.links.append(link)


class BrokenChain(OSError):
    """The chain was changed: nothing is added to it before somebody has looked."""


def _cut_torn_end(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        text = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.ftruncate(descriptor, whole)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parsed(line: bytes) -> Link | None:
    try:
        found = json.loads(line)
        return Link(**{**found, "replaces": tuple(found["replaces"])})
    except (ValueError, TypeError, KeyError):
        return None


def _hash(key: bytes, link: Link) -> str:
    fields = asdict(link)
    del fields["hash"]
    packed = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return blake2b(packed, digest_size=_DIGEST_OCTETS, key=key, person=b"archive chain").hexdigest()
