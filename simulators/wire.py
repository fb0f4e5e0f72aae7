"""One SMPP connection on asyncio: octets in, frames out to a subclass, joined writes back.

It knows no PDU but the framing failure (SMPP 3.4 §3.2). No task, future or queue is made for a
frame. A peer that does not read makes ``choked`` true and stops our reading until it does.

What a bad network does is here too: silence (``mute``, ``hold``), slow reading (``read_slowly``), writes in
small pieces (``piece_octets``), and an end without a word, by FIN or by RST (``abort``).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Literal, cast

from simulators.slow import SlowReader
from simulators.tap import Tap
from simulators.turn import Turn
from smsgw.errors import FatalError
from smsgw.smpp import pdu
from smsgw.smpp.framing import Framer

MAX_OCTETS = 70_000

_LINGER_RESET = struct.pack("ii", 1, 0)
_SMALL_BUFFER = 4096
_USUAL_BUFFER = 256 * 1024


class Wire(asyncio.Protocol, ABC):
    """Base of a simulated session; subclasses implement ``on_frame`` and ``on_lost``."""

    def __init__(self, turn: Turn, max_octets: int = MAX_OCTETS) -> None:
        self.turn = turn
        self.transport: asyncio.Transport | None = None
        #: What taps know it by (``simulators.tap.Connection``).
        self.number = 0
        self.where = ""
        self.local = ("", 0)
        self.remote = ("", 0)
        #: Who reset the connection: the peer ("in"), we ("out"), or nobody.
        self.reset: Literal["", "in", "out"] = ""
        self.tap: Tap | None = None
        #: False before the connection is there and after it is gone or going.
        self.open = False
        #: The peer does not read fast enough; nothing more should be written for now.
        self.choked = False
        #: Half open: everything received is thrown away and nothing is written.
        self.mute = False
        #: When octets last came (time.monotonic()).
        self.heard_s = 0.0
        #: Write at most so many octets at a time; 0 is no limit.
        self.piece_octets = 0
        self._held = False
        self._framer = Framer(max_octets)
        self._out: list[bytes] = []
        self._pieces: deque[bytes] = deque()
        self._slow: SlowReader | None = None

    @property
    def system_id(self) -> str:
        """The bound account; empty before the bind."""
        return ""

    @property
    def unreadable(self) -> str:
        """Why what came is no SMPP, which closed it; empty while it is."""
        failure = self._framer.failure
        return "" if failure is None else str(failure)

    @property
    def held(self) -> bool:
        """Whether ``hold`` stopped it."""
        return self._held

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
        self.local = _address(transport.get_extra_info("sockname"))
        self.remote = _address(transport.get_extra_info("peername"))
        self.open = True
        self.heard_s = time.monotonic()
        if self.tap is not None:
            self.tap.opened(self)
        if self._held:
            self._steer_reading()
        if self._slow is not None:
            self._shrink(_SMALL_BUFFER)
        self.on_open()

    def data_received(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap.received(self, data)
        if self.mute:
            return
        if self._slow is not None:
            self._slow.feed(data)
            self._steer_reading()
        else:
            self._take(data)

    def pause_writing(self) -> None:
        self.choked = True
        self._steer_reading()

    def resume_writing(self) -> None:
        self.choked = False
        self._steer_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if isinstance(exc, ConnectionResetError) and not self.reset:
            self.reset = "in"
        self._out.clear()
        self._pieces.clear()
        if self._slow is not None:
            self._slow.stop()
        if self.tap is not None:
            self.tap.closed(self)
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
        if not out or self._held:
            return
        self._out = []
        if self.open and not self.mute and self.transport is not None:
            if self.tap is not None:
                for octets in out:
                    self.tap.sent(self, octets)
            if self.piece_octets or self._pieces:
                self._write_in_pieces(b"".join(out))
            else:
                self.transport.write(b"".join(out) if len(out) > 1 else out[0])

    def hold(self, held: bool) -> None:
        """Stop (or go on) reading from the peer and writing to it; what is written meanwhile waits."""
        self._held = held
        self._steer_reading()
        if not held and self._out:
            self.turn.dirty(self)

    def read_slowly(self, octets_per_s: int) -> None:
        """Read no faster than this from now on; 0 as fast as octets come."""
        if self._slow is None:
            if octets_per_s:
                self._slow = SlowReader(octets_per_s, self._take_slowly, self._read_on)
                self._shrink(_SMALL_BUFFER)
            return
        self._slow.per_s = octets_per_s
        if not octets_per_s:
            self._shrink(_USUAL_BUFFER)
            if not self._slow.busy:
                self._slow = None

    def close(self) -> None:
        """Send what is buffered, then close."""
        if self.open and self.transport is not None:
            self._held = False
            self.flush()
            self.open = False
            if not self._pieces:
                self.transport.close()

    def abort(self, reset: bool = False) -> None:
        """Close at once, with FIN or, ``reset``, with RST; what is buffered is lost."""
        self._out.clear()
        self._pieces.clear()
        if self.transport is not None:
            self.open = False
            if reset:
                self.reset = "out"
                self._set_option(socket.SO_LINGER, _LINGER_RESET)
            self.transport.abort()

    def _take(self, data: bytes) -> None:
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

    def _take_slowly(self, data: bytes) -> None:
        if self.open and not self.mute:  # what was read before the end is not taken after it
            self._take(data)

    def _read_on(self) -> None:
        if self._slow is not None and not self._slow.per_s:
            self._slow = None
        self._steer_reading()

    def _steer_reading(self) -> None:
        if self.transport is None or not self.open:
            return
        if self._held or self.choked or (self._slow is not None and self._slow.busy):
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _write_in_pieces(self, octets: bytes) -> None:
        idle = not self._pieces
        size = self.piece_octets or len(octets)
        self._pieces.extend(octets[at : at + size] for at in range(0, len(octets), size))
        if idle:
            self._write_piece()

    def _write_piece(self) -> None:
        pieces = self._pieces
        if not pieces or self.transport is None:
            return
        # What is written in one turn of the loop may leave as one; so each piece has a turn of its own.
        self.transport.write(pieces.popleft())
        if pieces:
            asyncio.get_running_loop().call_soon(self._write_piece)
        elif not self.open:
            self.transport.close()

    def _shrink(self, octets: int) -> None:
        self._set_option(socket.SO_RCVBUF, octets)

    def _set_option(self, option: int, value: int | bytes) -> None:
        plain = self.transport.get_extra_info("socket") if self.transport is not None else None
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, option, value)

    def _unframeable(self, failure: FatalError) -> None:
        self.write(pdu.generic_nack(failure.command_status, 0))
        self.close()


def _address(found: object) -> tuple[str, int]:
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) and len(found) >= 2 else ("", 0)
