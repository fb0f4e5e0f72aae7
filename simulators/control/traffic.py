"""Live traffic: a tap that is attached only while somebody listens, and queues that never grow.

Each listener has a queue of its own; what a slow one can't take is dropped and counted. Octets are cut
to PDUs at once and decoded only when a listener's stream is written, a few times a second.
What can go wrong: a tap attached in the midst of a PDU; what can't be a frame is skipped until the next
read that begins like one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from simulators.tap import Connection
from smsgw.smpp.constants import HEADER_OCTETS, RESPONSE_BIT, CommandId
from smsgw.smpp.framing import AFTER_BIND_MAX_OCTETS, Framer

if TYPE_CHECKING:
    from simulators.carrier.group import CarrierGroup

_MOST_QUEUED = 2_000
_MOST_OCTETS = 4_000_000
_COMMANDS = frozenset(int(command) for command in CommandId)


class Happening(NamedTuple):
    """A PDU, or the beginning or end of a connection (``frame`` empty)."""

    number: int
    #: "in", "out", "opened" or "closed".
    direction: str
    where: str
    bind: int
    account: str
    remote: str
    #: Business time, milliseconds since 1970; real time, seconds since 1970.
    at_ms: int
    real_s: float
    frame: bytes


class Listener:
    """One reader of the traffic; ``wanted`` chooses what is queued for it, None takes all."""

    def __init__(self, hub: TrafficHub, wanted: Callable[[Happening], bool] | None) -> None:
        self._hub = hub
        self._wanted = wanted
        self._queue: deque[Happening] = deque()
        self._octets = 0
        self._dropped = 0
        self._came = asyncio.Event()

    def __enter__(self) -> Listener:
        self._hub.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._hub.remove(self)

    def put(self, happening: Happening) -> None:
        """Queue it, or count it as dropped."""
        if self._wanted is not None and not self._wanted(happening):
            return
        if len(self._queue) >= _MOST_QUEUED or self._octets >= _MOST_OCTETS:
            self.drop()
            return
        self._octets += len(happening.frame)
        self._queue.append(happening)
        self._came.set()

    @property
    def takes_nothing(self) -> bool:
        """Whether anything that came now would be dropped."""
        return self._wanted is None and (len(self._queue) >= _MOST_QUEUED or self._octets >= _MOST_OCTETS)

    def drop(self) -> None:
        """Count something that there was no room for."""
        self._dropped += 1
        self._hub.dropped += 1
        self._came.set()

    def take(self, most: int) -> tuple[list[Happening], int]:
        """Up to ``most`` happenings, oldest first, and how many were dropped since the last call."""
        queue = self._queue
        taken = [queue.popleft() for _ in range(min(most, len(queue)))]
        self._octets -= sum(len(happening.frame) for happening in taken)
        dropped, self._dropped = self._dropped, 0
        if not queue:
            self._came.clear()
        return taken, dropped

    async def wait(self, closing: asyncio.Event, most_s: float) -> bool:
        """True when something is queued or ``closing`` is set, False after ``most_s`` seconds."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._came, closing)]
        try:
            done, _ = await asyncio.wait(waits, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return bool(done)


class TrafficHub:
    """The tap of a group; attached while it has listeners."""

    def __init__(self, group: CarrierGroup) -> None:
        self._group = group
        self._listeners: list[Listener] = []
        self._framers: dict[tuple[str, int], Framer] = {}
        self._count = 0
        #: Pieces that slow listeners lost so far.
        self.dropped = 0

    def listen(self, wanted: Callable[[Happening], bool] | None = None) -> Listener:
        """A listener for all or for what is wanted, to be used as a context manager."""
        return Listener(self, wanted)

    @property
    def is_attached(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def add(self, listener: Listener) -> None:
        """Begin to feed ``listener``."""
        self._listeners.append(listener)
        if len(self._listeners) == 1:
            self._group.attach(self)

    def remove(self, listener: Listener) -> None:
        """Feed ``listener`` no more."""
        self._listeners.remove(listener)
        if not self._listeners:
            self._group.detach(self)
            self._framers.clear()

    # Tap

    def opened(self, connection: Connection) -> None:
        """See ``Tap``."""
        self._tell(connection, "opened", b"")

    def received(self, connection: Connection, octets: bytes) -> None:
        """See ``Tap``."""
        self._cut(connection, octets)

    def sent(self, connection: Connection, octets: bytes) -> None:
        """See ``Tap``."""
        for piece in _pieces(octets):
            self._tell(connection, "out", piece)

    def closed(self, connection: Connection) -> None:
        """See ``Tap``."""
        self._tell(connection, "closed", b"")
        self._framers.pop((connection.where, connection.number), None)

    def _cut(self, connection: Connection, octets: bytes) -> None:
        key = (connection.where, connection.number)
        framer = self._framers.get(key)
        if framer is None:
            if not _begins_a_frame(octets):
                # Attached in the midst of a PDU, or the octets are none: shown as they are.
                self._tell(connection, "in", octets)
                return
            framer = self._framers[key] = Framer(AFTER_BIND_MAX_OCTETS)
        for frame in framer.feed(octets):
            self._tell(connection, "in", frame)
        if framer.failure is not None:
            del self._framers[key]
            self._tell(connection, "in", octets)

    def _tell(self, connection: Connection, direction: str, frame: bytes) -> None:
        self._count += 1
        if all(listener.takes_nothing for listener in self._listeners):
            for listener in self._listeners:
                listener.drop()
            return
        happening = Happening(
            self._count,
            direction,
            connection.where,
            connection.number,
            connection.system_id,
            "{}:{}".format(*connection.remote[:2]),
            self._group.clock.now_ms(),
            time.time(),
            frame,
        )
        for listener in self._listeners:
            listener.put(happening)


def _pieces(octets: bytes) -> list[bytes]:
    """What was written as one piece: whole PDUs, and what is none (malformed on purpose) as it is."""
    pieces = []
    while _begins_a_frame(octets) and int.from_bytes(octets[:4]) < len(octets):
        length = int.from_bytes(octets[:4])
        pieces.append(octets[:length])
        octets = octets[length:]
    return [*pieces, octets]


def _begins_a_frame(octets: bytes) -> bool:
    """Whether this can be the beginning of a PDU: a length that may be true, and a command that is known."""
    if len(octets) < HEADER_OCTETS:
        return False
    length, command_id = int.from_bytes(octets[:4]), int.from_bytes(octets[4:8])
    return HEADER_OCTETS <= length <= AFTER_BIND_MAX_OCTETS and (
        command_id in _COMMANDS or command_id & ~RESPONSE_BIT < 0x10000
    )
