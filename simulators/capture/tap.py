"""Writing a capture while a simulator runs."""

from __future__ import annotations

from pathlib import Path

from simulators.clock import SimClock
from simulators.tap import Connection


class CaptureTap:
    """A tap that writes to ``path``: pcap when it ends in ``.pcap`` (or ``.pcap.gz``), else the simulators' own format.

    ``max_octets`` bounds the file; 0 does not. Raises CaptureError when the file can't be written.
    """

    def __init__(self, path: str | Path, clock: SimClock, max_octets: int = 0) -> None:
        self.path = Path(path)
        #: What stopped the capture, in a sentence; empty while it runs well.
        self.failure = ""
        #: Size of the file so far.
        self.octets = 0

    def opened(self, connection: Connection) -> None:
        """See ``simulators.tap.Tap``."""

    def received(self, connection: Connection, octets: bytes) -> None:
        """See ``simulators.tap.Tap``."""

    def sent(self, connection: Connection, octets: bytes) -> None:
        """See ``simulators.tap.Tap``."""

    def closed(self, connection: Connection) -> None:
        """See ``simulators.tap.Tap``."""

    def flush(self) -> None:
        """Write what is buffered."""

    def close(self) -> None:
        """Write the rest and close the file; may be called again."""
