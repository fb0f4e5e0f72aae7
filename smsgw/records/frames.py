"""The octets of a record file: frames, how they are read, and where a damaged file is sound again.

Owns: the format. A file is frames and nothing else; a frame is one flush:
``MAGIC(4) length(4) crc32(body)(4) crc32(the 12 octets before)(4) body``, big-endian, and the body is
a msgpack array of rows. Never writes.

Invariants: a frame is given out whole and verified, or not at all. What can go wrong: a kill in the
middle of a write leaves a torn last frame; a power cut may leave several, or zeros. A reader skips to
the next frame that verifies; the writer cuts what is torn off the end before it appends.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from zlib import crc32

#: The last octet is the format's version.
MAGIC = b"\xa5SR\x01"
_HEADER = struct.Struct(">4sIII")
_HEADER_CHECKED = struct.Struct(">4sII")
HEADER_OCTETS = _HEADER.size
MAX_BODY_OCTETS = 0xFFFFFFFF
_CHUNK_OCTETS = 1 << 20


def frame(body: bytes) -> bytes:
    """``body`` framed; at most ``MAX_BODY_OCTETS``."""
    start = _HEADER_CHECKED.pack(MAGIC, len(body), crc32(body))
    return b"".join((start, crc32(start).to_bytes(4, "big"), body))


def bodies(descriptor: int, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """(offset after the frame, body) of every sound frame from ``offset`` on; skips what is damaged.

    Ends at the first incomplete frame that no sound one follows, which in a file that is being
    written is simply its end: read on later from the last offset given.
    """
    at: int | None = offset
    while at is not None:
        length = _body_octets(descriptor, at)
        body = None if length is None else _sound_body(descriptor, at, length)
        if body is None:
            at = _next_magic(descriptor, at + 1)
        else:
            at += HEADER_OCTETS + len(body)
            yield at, body


def sound_end(descriptor: int) -> int:
    """The offset after the last sound frame: where a writer may append, having cut off the rest.

    Hops from header to header and verifies only the last body, so that a large file opens at once;
    where a header is broken, it searches for the next one as a reader would.
    """
    at: int | None = 0
    starts: list[tuple[int, int]] = []
    size = os.fstat(descriptor).st_size
    while at is not None:
        length = _body_octets(descriptor, at)
        if length is None or at + HEADER_OCTETS + length > size:
            at = _next_magic(descriptor, at + 1)
        else:
            starts.append((at, length))
            at += HEADER_OCTETS + length
    while starts:
        at, length = starts.pop()
        if _sound_body(descriptor, at, length) is not None:
            return at + HEADER_OCTETS + length
    return 0


def begins_like_ours(descriptor: int) -> bool:
    """Whether a file without any sound frame may be our own first frame, torn: then it may be cut."""
    head = os.pread(descriptor, len(MAGIC), 0)
    return MAGIC.startswith(head) or not head.strip(b"\0")


def _body_octets(descriptor: int, at: int) -> int | None:
    """The length in the header at ``at``, or None if there is no sound header."""
    header = os.pread(descriptor, HEADER_OCTETS, at)
    if len(header) < HEADER_OCTETS:
        return None
    magic, length, _, check = _HEADER.unpack(header)
    if magic != MAGIC or crc32(header[: _HEADER_CHECKED.size]) != check:
        return None
    return int(length)


def _sound_body(descriptor: int, at: int, length: int) -> bytes | None:
    raw = os.pread(descriptor, HEADER_OCTETS + length, at)
    body = raw[HEADER_OCTETS:]
    if len(body) != length or crc32(body) != int.from_bytes(raw[8:12], "big"):
        return None
    return body


def _next_magic(descriptor: int, at: int) -> int | None:
    """Where the next MAGIC begins, at ``at`` or later."""
    while True:
        chunk = os.pread(descriptor, _CHUNK_OCTETS, at)
        found = chunk.find(MAGIC)
        if found >= 0:
            return at + found
        if len(chunk) < len(MAGIC):
            return None
        at += len(chunk) - len(MAGIC) + 1
