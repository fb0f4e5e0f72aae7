"""A TCP proxy between two parts, and what may happen to the network there.

    proxy = Proxy(0, ("127.0.0.1", gateway.port))      # or Path("/…/redis.sock"); 0 takes any free port
    proxy.start()
    ...connect to proxy.port...
    proxy.cut()                    # every connection ends with RST; new ones are welcome
    proxy.half_close("up")         # FIN towards the target, the other direction goes on
    proxy.blackhole("both")        # connections stay, or open, and nothing that is said arrives
    proxy.hold("down")             # nothing arrives until restore(): then all of it, in order
    proxy.refuse()                 # nobody listens any more: connecting is refused
    proxy.delay(0.3); proxy.throttle(20_000)           # seconds each way; octets a second each way
    proxy.only("127.0.0.3")        # cut, half_close, blackhole and hold: only connections from there; until restore()
    proxy.restore()
    proxy.stop()

``up`` is from who connects to the target, ``down`` the other way. A connection that has lost octets in a
blackhole can't go on: at ``restore`` it is reset, as by a host that came back without knowing it. The
proxy runs in a thread of its own, so the caller's loop may be busy. Each call returns when it is done.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

Target = tuple[str, int] | Path
Direction = Literal["up", "down", "both"]

_RESET = struct.pack("ii", 1, 0)
_START_S = 10.0
#: What a throttled direction lets go at once, and has on its way before it reads on, in seconds.
_THROTTLED_PIECE_S = 0.02
_THROTTLED_AHEAD_S = 0.1
_MOST_PIECES = 1000


class Proxy:
    """See above. ``port`` is known after ``start``; ``carried`` counts octets by direction, ``opened`` connections."""

    def __init__(self, listen_port: int, target: Target, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = listen_port
        self.target = target
        self.opened = 0
        self.carried = {"up": 0, "down": 0}
        #: What is swallowed, held back, and how slow: read by the connections.
        self.lost: frozenset[str] = frozenset()
        self.held: frozenset[str] = frozenset()
        self.delay_s = 0.0
        self.octets_per_s = 0.0
        #: Addresses whose connections are meant; empty: all.
        self.sources: frozenset[str] = frozenset()
        self.pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None

    # -- its life

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {self.target}", daemon=True)
        self._thread.start()
        try:
            self._do_async(self._listen)
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Reset all connections and end the thread; safe to call twice."""
        if self._thread is None:
            return
        self._do(self._stop_listening, self._reset_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        self._loop.close()

    def __enter__(self) -> Proxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- what happens

    def only(self, *sources: str) -> None:
        """Have what is done next happen to connections from these addresses only, until ``restore``."""
        self._do(lambda: setattr(self, "sources", frozenset(sources)))

    def cut(self) -> None:
        """Reset every connection; who connects again is served."""
        self._do(self._reset_meant)

    def half_close(self, direction: Direction = "up") -> None:
        """End one direction of every connection with FIN; the other goes on."""
        ways = _ways(direction)

        def end() -> None:
            for pair in self._meant():
                for way in ways:
                    pair.way(way).end()

        self._do(end)

    def blackhole(self, direction: Direction = "both") -> None:
        """Swallow what is said. Connecting works and meets silence, as with a dead host behind a living address."""
        self._do(lambda: self._set(lost=_ways(direction)))

    def hold(self, direction: Direction = "both") -> None:
        """Let nothing through and lose nothing: a path that is away for a while."""
        self._do(lambda: self._set(held=_ways(direction)))

    def refuse(self) -> None:
        """Reset every connection and listen no more."""
        self._do(self._stop_listening, self._reset_all)

    def delay(self, seconds: float) -> None:
        """Everything takes so much longer, each way; order stays."""
        self._do(lambda: setattr(self, "delay_s", seconds))

    def throttle(self, octets_per_s: float) -> None:
        """At most so much each way and connection; 0 for no limit."""
        self._do(lambda: setattr(self, "octets_per_s", octets_per_s))

    def restore(self) -> None:
        """A good network again. Connections that lost something are reset; what was held arrives."""

        def end() -> None:
            self.delay_s = self.octets_per_s = 0.0
            self.sources = frozenset()
            for pair in tuple(self.pairs):
                if pair.has_lost:
                    pair.reset()
            self._set()

        self._do(end)
        self._do_async(self._listen)

    # -- inside, on the proxy's own thread

    def _set(self, lost: frozenset[str] = frozenset(), held: frozenset[str] = frozenset()) -> None:
        self.lost, self.held = lost, held
        for pair in tuple(self.pairs):
            pair.look()

    def _meant(self) -> list[_Pair]:
        return [pair for pair in self.pairs if pair.is_meant]

    def _reset_meant(self) -> None:
        for pair in self._meant():
            pair.reset()

    def _reset_all(self) -> None:
        for pair in tuple(self.pairs):
            pair.reset()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await self._loop.create_server(
                lambda: _Pair(self).client, self.host, self.port, backlog=4096, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    # -- from the caller's thread

    def _do(self, *steps: Callable[[], object]) -> None:
        async def run() -> None:
            for step in steps:
                step()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(_START_S)

    def _do_async(self, step: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(cast("asyncio.Future[None]", step()), self._loop).result(_START_S)


def _ways(direction: Direction) -> frozenset[str]:
    return frozenset(("up", "down") if direction == "both" else (direction,))


class _Pair:
    """One connection through the proxy: the end of who connected, and the end at the target."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.loop = asyncio.get_running_loop()
        self.client = _End(self)
        self.server = _End(self)
        self.up = _Way(self, "up", self.client, self.server)
        self.down = _Way(self, "down", self.server, self.client)
        self.client.reads, self.server.reads = self.up, self.down
        self.client.writes, self.server.writes = self.down, self.up
        self.has_lost = False
        #: The address of who connected.
        self.source = ""
        self._opening: asyncio.Task[None] | None = None
        proxy.pairs.add(self)
        proxy.opened += 1

    @property
    def is_meant(self) -> bool:
        """Whether what is done to the network there is done to this connection."""
        return not self.proxy.sources or self.source in self.proxy.sources

    def way(self, name: str) -> _Way:
        return self.up if name == "up" else self.down

    def opened(self, end: _End) -> None:
        if end is self.client:
            assert end.transport is not None
            self.source = end.transport.get_extra_info("peername")[0]
            self._opening = self.loop.create_task(self._open())
        self.look()

    async def _open(self) -> None:
        if self.up.is_silent:
            # Who connects now meets silence; the target never hears of it.
            self.has_lost = True
            return
        target = self.proxy.target
        try:
            if isinstance(target, Path):
                await self.loop.create_unix_connection(lambda: self.server, str(target))
            else:
                await self.loop.create_connection(lambda: self.server, *target)
        except OSError:
            self.reset()
            return
        if self not in self.proxy.pairs:  # reset meanwhile
            self.server.reset()

    def reset(self) -> None:
        self.proxy.pairs.discard(self)
        self.up.stop()
        self.down.stop()
        self.client.reset()
        self.server.reset()

    def look(self) -> None:
        """What the network does has changed, or an end opened."""
        self.up.look()
        self.down.look()


class _End(asyncio.Protocol):
    """One socket of a pair."""

    reads: _Way
    writes: _Way

    def __init__(self, pair: _Pair) -> None:
        self._pair = pair
        self.transport: asyncio.Transport | None = None
        self.is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pair.opened(self)

    def data_received(self, data: bytes) -> None:
        self.reads.carry(data)

    def eof_received(self) -> bool:
        self.reads.carry(b"")
        return True  # the other direction may go on

    def connection_lost(self, exc: Exception | None) -> None:
        if self.reads.is_silent:
            # Of a connection that ends in a blackhole the other end hears nothing.
            self._pair.has_lost = True
        elif exc is not None:
            self._pair.reset()

    def pause_writing(self) -> None:
        self.is_full = True
        self.writes.look()

    def resume_writing(self) -> None:
        self.is_full = False
        self.writes.look()

    def reset(self) -> None:
        if self.transport is None:
            return
        connection = self.transport.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0 and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


class _Way:
    """One direction of a pair: what was read and is on its way, in order. An empty piece is the end of the stream."""

    def __init__(self, pair: _Pair, name: str, source: _End, sink: _End) -> None:
        self._pair = pair
        self._name = name
        self._source = source
        self._sink = sink
        self._pieces: list[tuple[float, bytes]] = []
        self._free_at_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._ended = False

    @property
    def is_silent(self) -> bool:
        """Whether what is said this way is swallowed."""
        return self._name in self._pair.proxy.lost and self._pair.is_meant

    @property
    def is_held(self) -> bool:
        """Whether what is said this way waits."""
        return self._name in self._pair.proxy.held and self._pair.is_meant

    def carry(self, data: bytes) -> None:
        """Something came, or with no octets: the source has said all."""
        proxy = self._pair.proxy
        if self.is_silent:
            self._pair.has_lost = True
            return
        octets = max(1, int(proxy.octets_per_s * _THROTTLED_PIECE_S)) if proxy.octets_per_s else len(data)
        for at in range(0, len(data), octets) if data else (0,):
            piece = data[at : at + octets]
            due_s = max(self._pair.loop.time(), self._free_at_s)
            if proxy.octets_per_s:
                due_s = self._free_at_s = due_s + len(piece) / proxy.octets_per_s
            self._pieces.append((due_s + proxy.delay_s, piece))
        self.look()

    def end(self) -> None:
        """FIN towards the sink, whatever the source still says."""
        if not self._ended and self._sink.transport is not None:
            self._ended = True
            if self._sink.transport.can_write_eof() and not self._sink.transport.is_closing():
                self._sink.transport.write_eof()
            self._pair_is_over()

    def stop(self) -> None:
        self._pieces.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Deliver what is due, and read on or not."""
        loop = self._pair.loop
        if self._pieces and self.is_silent:
            self._pair.has_lost = True
            self._pieces.clear()
        if self._sink.transport is not None and not self.is_held:
            while self._pieces and self._pieces[0][0] <= loop.time():
                self._deliver(self._pieces.pop(0)[1])
            if self._pieces and self._timer is None:
                self._timer = loop.call_at(self._pieces[0][0], self._timed)
        self._read_on_or_not()

    def _timed(self) -> None:
        self._timer = None
        self.look()

    def _deliver(self, data: bytes) -> None:
        sink = self._sink.transport
        assert sink is not None
        if not data:
            self.end()
        elif not self._ended and not sink.is_closing():
            sink.write(data)
            self._pair.proxy.carried[self._name] += len(data)

    def _read_on_or_not(self) -> None:
        source = self._source.transport
        if source is None or source.is_closing():
            return
        ahead_s = self._free_at_s - self._pair.loop.time()
        waits = (
            not self.is_silent
            and not self._ended
            and (
                self._sink.is_full
                or self.is_held
                or (self._pieces and (ahead_s > _THROTTLED_AHEAD_S or len(self._pieces) > _MOST_PIECES))
            )
        )
        if waits and not self._paused:
            source.pause_reading()
        elif not waits and self._paused:
            source.resume_reading()
        self._paused = bool(waits)

    def _pair_is_over(self) -> None:
        if self._pair.up._ended and self._pair.down._ended:
            self._pair.proxy.pairs.discard(self._pair)
            for each in (self._pair.client, self._pair.server):
                if each.transport is not None:
                    each.transport.close()
