"""The listener's ports, kept for all workers by sockets on which nobody listens.

Workers bind to the same ports (SO_REUSEPORT) and come and go; the kernel spreads connections over those that listen.
Owns: taking the ports when the supervisor starts, so that another program on one of them is an error at once, that
port 0 means the same port for all, and that nobody else gets them while a worker is restarted.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Final

from smsgw.errors import CantListen

#: Workers of a supervisor that was killed stop listening at once, once they have noticed.
PATIENCE_S: Final = 5.0
_LOOK_S: Final = 0.05
_KEYS: Final = ("listener.port", "listener.tls.port")


class KeptPorts:
    """``numbers`` are those really taken, in the order asked for: plain, TLS. Raises CantListen."""

    def __init__(self, host: str, ports: Sequence[int], patience_s: float = PATIENCE_S) -> None:
        self._sockets: list[socket.socket] = []
        deadline_s = monotonic() + patience_s
        try:
            for port, key in zip(ports, _KEYS, strict=False):
                self._sockets.append(_kept(host, port, key, deadline_s))
        except CantListen:
            self.close()
            raise
        self.numbers: tuple[int, ...] = tuple(each.getsockname()[1] for each in self._sockets)

    def close(self) -> None:
        """Others may have them."""
        for each in self._sockets:
            each.close()


def _kept(host: str, port: int, key: str, deadline_s: float) -> socket.socket:
    while True:
        try:
            if port:
                _must_be_free(host, port)
            kept = _bound(host, port, socket.SO_REUSEADDR, socket.SO_REUSEPORT)
            # Needed to bind beside connections that are still closing; from now on it would let others listen here.
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            return kept
        except OSError as error:
            if monotonic() > deadline_s or not _is_taken(error):
                raise CantListen(host, port, error, key) from error
        sleep(_LOOK_S)


def _must_be_free(host: str, port: int) -> None:
    """SO_REUSEPORT would let us share the port with a gateway of another site, and mix their applications."""
    with _bound(host, port, socket.SO_REUSEADDR) as probe:
        probe.listen(1)


def _bound(host: str, port: int, *options: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        for option in options:
            made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _is_taken(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE
