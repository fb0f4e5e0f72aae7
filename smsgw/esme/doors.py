"""The ports where applications connect: taken first, opened when there is somebody to serve them.

Owns the listening sockets until the listener serves them. ``take`` comes before anything else of a start, so that a
port that another program has ends it before it has begun; until ``open`` who connects is refused. What can go wrong:
two processes take a port in the same moment; then ``open`` fails for the second one.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from smsgw.errors import CantListen

#: Connections that the kernel keeps until they are accepted: two seconds of the fastest storm. A full queue cuts some
#: and lets others wait for seconds. The kernel's own limit (``net.core.somaxconn``, usually 4096) holds as well.
BACKLOG = 8192
#: What says the ports, in the order in which they are taken.
_KEYS = ("listener.port", "listener.tls.port")


class Doors:
    """``take``, ``open``, then each port of ``sockets`` is for the listener to serve; ``close`` in any case."""

    def __init__(self, host: str) -> None:
        self._host = host
        #: By port, plain and TLS: a socket for each address that the host's name has.
        self.sockets: list[list[socket.socket]] = []

    async def take(self, ports: Sequence[int], shared: bool = False) -> None:
        """Bind to all of them. ``shared``: with other processes of this machine. Raises CantListen."""
        loop = asyncio.get_running_loop()
        for port, key in zip(ports, _KEYS, strict=False):
            try:
                addresses = await loop.getaddrinfo(
                    self._host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
                )
                self.sockets.append([])
                for made, address in _made(addresses):
                    self.sockets[-1].append(_bound(made, address, shared))
            except OSError as error:
                self.close()
                raise CantListen(self._host, port, error, key) from error

    def open(self) -> None:
        """Who connects waits from now on until the listener serves. Raises CantListen."""
        for sockets, key in zip(self.sockets, _KEYS, strict=False):
            for each in sockets:
                try:
                    each.listen(BACKLOG)
                except OSError as error:
                    raise CantListen(self._host, each.getsockname()[1], error, key) from error

    @property
    def numbers(self) -> list[int]:
        """The ports really taken, in the order plain, TLS."""
        return [sockets[0].getsockname()[1] for sockets in self.sockets]

    def close(self) -> None:
        """Others may have those that nobody serves."""
        for sockets in self.sockets:
            for each in sockets:
                each.close()
        self.sockets.clear()


def _made(addresses: Sequence[Any]) -> Iterator[tuple[socket.socket, tuple[object, ...]]]:
    """A socket for each; of a family that the kernel lacks (IPv6 is often switched off) only when there is no other."""
    lacking: OSError | None = None
    found = False
    for family, kind, protocol, _, address in dict.fromkeys(addresses):
        try:
            made = socket.socket(family, kind, protocol)
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:
                raise
            lacking = error
        else:
            found = True
            yield made, address
    if lacking is not None and not found:
        raise lacking


def _bound(made: socket.socket, address: tuple[object, ...], shared: bool) -> socket.socket:
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
