"""A capture file being written: one batch at a time, compressed or not, up to a limit.

Owns the file and the first thing that went wrong with it (``failure``), after which everything is
dropped in silence. What was flushed is readable even when the process is killed.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final, Protocol

from simulators.capture.format import CaptureError, Event, LineEncoder
from simulators.capture.pcap_writer import PcapEncoder

_BATCH_OCTETS: Final = 1 << 18


class Encoder(Protocol):
    """From events to the octets of a file."""

    def start(self) -> bytes:
        """What a file begins with."""

    def encode(self, event: Event) -> bytes:
        """One event."""

    def end(self, why: str, at_ns: int) -> bytes:
        """What a file ends with."""


def is_pcap(path: Path) -> bool:
    """Whether a file of this name is written as pcap."""
    return path.name.removesuffix(".gz").endswith(".pcap")


class CaptureFile:
    """Raises CaptureError when ``path`` can't be written; nothing raises after that.

    ``max_octets`` bounds the file; 0 does not.
    """

    def __init__(self, path: Path, max_octets: int = 0) -> None:
        #: What stopped the capture, in a sentence; empty while all is well.
        self.failure = ""
        #: Octets in the file.
        self.octets = 0
        self.compressed = path.name.endswith(".gz")
        self._path = path
        self._max_octets = max_octets
        self._batch: list[bytes] = []
        self._batched = 0
        self._at_ns = 0
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16) if self.compressed else None
        if path.name.removesuffix(".gz").endswith(".pcapng"):
            raise CaptureError(f"{path}: pcapng is read, not written; name it .pcap, or .jsonl for the simulators' own")
        self._encoder: Encoder = PcapEncoder() if is_pcap(path) else LineEncoder()
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise CaptureError(f"{path}: can't be written: {error.strerror or error}") from error
        self._add(self._encoder.start())
        self.flush()
        if self.failure:
            raise CaptureError(self.failure)

    def add(self, event: Event) -> None:
        """Take an event into the batch."""
        if self.failure:
            return
        self._at_ns = event.at_ns
        octets = self._encoder.encode(event)
        if self._max_octets and self._size_with(octets) > self._max_octets:
            self._finish(f"the limit of {self._max_octets} octets is reached")
            self.failure = f"{self._path}: the capture stopped: the limit of {self._max_octets} octets is reached"
            return
        self._add(octets)
        if self._batched >= _BATCH_OCTETS:
            self.flush()

    def flush(self) -> None:
        """Write the batch."""
        batch, self._batch, self._batched = b"".join(self._batch), [], 0
        if not batch or self.failure:
            return
        if self._deflate is not None:
            batch = self._deflate.compress(batch) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._put(batch)

    def close(self, why: str = "closed") -> None:
        """Write the rest and close; may be called again."""
        if not self.failure and not self._file.closed:
            self._finish(why)
        self._file.close()

    def _finish(self, why: str) -> None:
        self._add(self._encoder.end(why, self._at_ns))
        self.flush()
        if self._deflate is not None and not self.failure:
            self._put(self._deflate.flush(zlib.Z_FINISH))

    def _size_with(self, octets: bytes) -> int:
        # Compressed, the batch shrinks by an unknown share: what is in the file counts.
        return self.octets + (0 if self.compressed else self._batched + len(octets))

    def _add(self, octets: bytes) -> None:
        self._batch.append(octets)
        self._batched += len(octets)

    def _put(self, octets: bytes) -> None:
        try:
            rest = memoryview(octets)
            while rest:
                written = self._file.write(rest)
                self.octets += written or 0
                rest = rest[written or 0 :]
        except OSError as error:
            self.failure = f"{self._path}: the capture stopped: {error.strerror or error}"
