"""One SMPP connection on asyncio: octets in, frames out to a subclass, joined writes back.

It knows no PDU but the framing failure (SMPP 3.4 §3.2). No task, future or queue is made for a
frame. A peer that does not read makes ``choked`` true and stops our reading until it does.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from typing import cast

from simulators.turn import Turn
from smsgw.errors import FatalError
from smsgw.smpp import pdu
from smsgw.smpp.framing import Framer

MAX_OCTETS = 70_000


class Wire(asyncio.Protocol, ABC):
    """Base of a simulated session; subclasses implement ``on_frame`` and ``on_lost``."""

    def __init__(self, turn: Turn, max_octets: int = MAX_OCTETS) -> None:
        self.turn = turn
        self.transport: asyncio.Transport | None = None
        #: False before the connection is there and after it is gone or going.
        self.open = False
        #: The peer does not read fast enough; nothing more should be written for now.
        self.choked = False
        #: Half open: everything received is thrown away and nothing is written.
        self.mute = False
        #: When octets last came (time.monotonic()).
        self.heard_s = 0.0
        self._held = False
        self._framer = Framer(max_octets)
        self._out: list[bytes] = []

    # what a subclass says

    def on_open(self) -> None:
        """The connection is there."""

    @abstractmethod
    def on_frame(self, frame: bytes) -> None:
        """One whole PDU came; must not raise."""

    def on_frames_done(self) -> None:
        """All frames of one read were handled."""

    def on_lost(self) -> None:
        """The connection is gone; called once."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports implement the class without deriving from it.
        self.transport = cast(asyncio.Transport, transport)
        self.open = True
        self.heard_s = time.monotonic()
        if self._held:
            self._steer_reading()
        self.on_open()

    def data_received(self, data: bytes) -> None:
        if self.mute:
            return
        self.heard_s = time.monotonic()
        on_frame = self.on_frame
        for frame in self._framer.feed(data):
            on_frame(frame)
            if not self.open or self.mute:
                break
        else:
            failure = self._framer.failure
            if failure is not None:
                self._unframeable(failure)
            self.on_frames_done()
        self.turn.touch()

    def pause_writing(self) -> None:
        self.choked = True
        self._steer_reading()

    def resume_writing(self) -> None:
        self.choked = False
        self._steer_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._out.clear()
        self.on_lost()
        self.turn.touch()

    # for subclasses and their owners

    def write(self, pdu_octets: bytes) -> None:
        """Send at the end of this turn."""
        out = self._out
        if not out:
            self.turn.dirty(self)
        out.append(pdu_octets)

    def flush(self) -> None:
        """Hand what was written to the transport; called by the turn."""
        out = self._out
        if not out:
            return
        self._out = []
        if self.open and not self.mute and self.transport is not None:
            self.transport.write(b"".join(out) if len(out) > 1 else out[0])

    def hold(self, held: bool) -> None:
        """Stop (or go on) reading from the peer."""
        self._held = held
        self._steer_reading()

    def close(self) -> None:
        """Send what is buffered, then close."""
        if self.open and self.transport is not None:
            self.flush()
            self.open = False
            self.transport.close()

    def abort(self) -> None:
        """Close at once; what is buffered is lost."""
        self._out.clear()
        if self.transport is not None:
            self.open = False
            self.transport.abort()

    def _steer_reading(self) -> None:
        if self.transport is None or not self.open:
            return
        if self._held or self.choked:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _unframeable(self, failure: FatalError) -> None:
        self.write(pdu.generic_nack(failure.command_status, 0))
        self.close()
