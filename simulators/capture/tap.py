"""Writing a capture while a simulator runs.

Owns the numbering of connections within a file and when batches are written. A capture that fails
never disturbs the simulator: it says so once on standard error, keeps the sentence in ``failure``
and listens no more. Memory: a batch, and at most one unfinished bind for each direction.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from simulators.capture.blank import Blanker, Trust
from simulators.capture.file import CaptureFile
from simulators.capture.format import Event
from simulators.clock import SimClock
from simulators.tap import Connection

#: Flushing costs compression, so that is done less often than once a turn.
_COMPRESSED_EVERY_S: Final = 0.1


class _Line:
    """What the tap keeps of a connection."""

    __slots__ = ("account", "number", "received", "sent")

    def __init__(self, number: int) -> None:
        trust = Trust()
        #: The last that was bound; a connection may forget it before it is gone.
        self.account = ""
        self.number = number
        self.received = Blanker(trust)
        self.sent = Blanker(trust)


class CaptureTap:
    """A tap that writes to ``path``: pcap when it ends in ``.pcap`` (or ``.pcap.gz``), else the simulators' own format.

    ``max_octets`` bounds the file but for its last line; 0 does not. Raises CaptureError when the file
    can't be written.
    """

    def __init__(self, path: str | Path, clock: SimClock, max_octets: int = 0) -> None:
        self.path = Path(path)
        self._clock = clock
        self._file = CaptureFile(self.path, max_octets)
        self._failure = ""
        self._lines: dict[Connection, _Line] = {}
        self._connections = 0
        # Real time that never steps back, whatever corrects the system's.
        self._since_ns = time.time_ns() - time.monotonic_ns()
        self._timer: asyncio.Handle | None = None
        self._closed = False

    @property
    def failure(self) -> str:
        """What stopped the capture, in a sentence; empty while it runs well."""
        return self._failure

    @property
    def octets(self) -> int:
        """Size of the file so far."""
        return self._file.octets

    @property
    def connections(self) -> int:
        """How many that it knows are not gone yet."""
        return len(self._lines)

    def opened(self, connection: Connection) -> None:
        """See ``simulators.tap.Tap``."""
        self._guarded(self._line, connection)

    def received(self, connection: Connection, octets: bytes) -> None:
        """See ``simulators.tap.Tap``."""
        self._guarded(self._heard, connection, octets)

    def sent(self, connection: Connection, octets: bytes) -> None:
        """See ``simulators.tap.Tap``."""
        self._guarded(self._said, connection, octets)

    def closed(self, connection: Connection) -> None:
        """See ``simulators.tap.Tap``."""
        self._guarded(self._gone, connection)

    def flush(self) -> None:
        """Write what is buffered."""
        self._timer = None
        self._file.flush()
        self._tell()

    def close(self) -> None:
        """Write the rest and close the file; may be called again."""
        if self._closed:
            return
        for connection, line in self._lines.items():
            self._octets(connection, line, "in", line.received.rest())
            self._octets(connection, line, "out", line.sent.rest())
        self._closed = True
        self._lines.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._file.close()
        self._tell()

    def _line(self, connection: Connection) -> _Line:
        line = self._lines.get(connection)
        if line is None:
            self._connections += 1
            line = self._lines[connection] = _Line(self._connections)
            self._file.add(
                Event(
                    "opened", line.number, *self._now(), where=connection.where, number=connection.number,
                    account=connection.system_id, local=connection.local[:2], remote=connection.remote[:2],
                )
            )  # fmt: skip
            self._arm()
        return line

    def _heard(self, connection: Connection, octets: bytes) -> None:
        line = self._line(connection)
        self._octets(connection, line, "in", line.received.feed(octets))

    def _said(self, connection: Connection, octets: bytes) -> None:
        line = self._line(connection)
        self._octets(connection, line, "out", line.sent.feed(octets))

    def _gone(self, connection: Connection) -> None:
        line = self._lines.pop(connection, None)
        if line is None:
            return
        self._octets(connection, line, "in", line.received.rest())
        self._octets(connection, line, "out", line.sent.rest())
        account = connection.system_id or line.account
        self._file.add(Event("closed", line.number, *self._now(), account=account, reset=connection.reset))
        self._arm()

    def _octets(self, connection: Connection, line: _Line, kind: Literal["in", "out"], octets: bytes) -> None:
        if octets:
            line.account = connection.system_id or line.account
            self._file.add(Event(kind, line.number, *self._now(), octets=octets, account=line.account))
            self._arm()

    def _now(self) -> tuple[int, int]:
        return self._since_ns + time.monotonic_ns(), self._clock.now_ms()

    def _arm(self) -> None:
        if self._timer is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # outside of a loop there is no turn to wait for
            self.flush()
            return
        if self._file.compressed:
            self._timer = loop.call_later(_COMPRESSED_EVERY_S, self.flush)
        else:
            self._timer = loop.call_soon(self.flush)

    def _guarded(self, action: Callable[..., object], connection: Connection, *octets: bytes) -> None:
        if self._failure or self._closed:
            return
        try:
            action(connection, *octets)
        except Exception as error:  # a capture must never disturb what it listens to
            self._file.failure = self._file.failure or f"{self.path}: the capture stopped: {error!r}"
        self._tell()

    def _tell(self) -> None:
        if self._file.failure and not self._failure:
            self._failure = self._file.failure
            self._lines.clear()
            print(self._failure, file=sys.stderr, flush=True)
