"""The listening socket of a simulated carrier: TLS, connections refused, and room for many of them.

Refusing means that nothing listens: a client's connect fails at once, as towards a host whose process is
down. The port stays bound meanwhile, so that nobody else takes it. What can go wrong: the port is taken,
a certificate can't be read (OSError in words), or the process may not open as many files as there are
connections (``trouble``).
"""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import ssl
from collections.abc import Callable

from simulators.carrier.settings import CarrierSettings, Tls

_BACKLOG = 4096
_WANTED_FILES = 65_536
#: Left for everything that is no connection.
_SPARE_FILES = 32
_AGAIN_S = 0.01
_CLOSING_S = 2.0
_HANDSHAKE_S = 10.0


class Listener:
    """Listens for one carrier; ``make_link`` is called for each connection."""

    def __init__(self, settings: CarrierSettings, make_link: Callable[[], asyncio.BaseProtocol]) -> None:
        self._settings = settings
        self._make_link = make_link
        self._context: ssl.SSLContext | None = None
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None
        self._family = socket.AF_INET
        self._refused = settings.refuse_connections
        self._switching: asyncio.Task[None] | None = None
        self._stopped = True
        self._files = 0
        self.port = 0
        #: What is wrong, in words; empty while nothing is.
        self.trouble = ""

    async def start(self) -> None:
        """Bind, and listen unless connections are refused. Raises OSError saying what can't be had."""
        self._files = _allow_files()
        if self._settings.tls is not None:
            self._context = _context(self._settings.tls)
        self._held = await self._bound(self._settings.port)
        self.port = self._held.getsockname()[1]
        self._stopped = False
        if not self._refused:
            await self._listen()

    def refuse(self, refused: bool) -> None:
        """Refuse connections from now on, or take them; those that are open stay."""
        self._refused = refused
        if self._switching is None and not self._stopped:
            self._switching = asyncio.get_running_loop().create_task(self._switch())

    async def stop(self) -> None:
        """Give the port back."""
        self._stopped = True
        if self._switching is not None:
            self._switching.cancel()
            await asyncio.gather(self._switching, return_exceptions=True)
            self._switching = None
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._held is not None:
            self._held.close()
            self._held = None

    def has_room(self, transport: asyncio.BaseTransport) -> bool:
        """Whether files are left for a connection that was just made; says in ``trouble`` when they are not."""
        plain = transport.get_extra_info("socket")
        if plain is None or plain.fileno() < self._files - _SPARE_FILES:
            return True
        self.trouble = f"connections were closed: this process may open {self._files} files only; raise ulimit -n"
        return False

    async def _switch(self) -> None:
        try:
            while not self._stopped and self._refused == (self._server is not None):
                if self._server is None:
                    await self._listen()
                    continue
                self._server.close()
                self._server = None
                self._held = await self._bound(self.port, patient=True)
        except OSError as error:
            self.trouble = f"port {self.port} was lost: {error}"
        finally:
            self._switching = None

    async def _listen(self) -> None:
        held, self._held = self._held, None
        assert held is not None  # bound by start, or when listening ended
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._make_link,
            sock=held,
            backlog=_BACKLOG,
            ssl=self._context,
            ssl_handshake_timeout=_HANDSHAKE_S if self._context is not None else None,
        )

    async def _bound(self, port: int, *, patient: bool = False) -> socket.socket:
        """A socket that has the port and does not listen."""
        loop = asyncio.get_running_loop()
        host = self._settings.host
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        deadline_s = loop.time() + _CLOSING_S
        while True:
            made = socket.socket(family, kind, protocol)
            try:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.setblocking(False)
                made.bind(address)
            except OSError as error:
                made.close()
                # Our own listening socket is closed in a later turn of the loop.
                if not patient or error.errno != errno.EADDRINUSE or loop.time() > deadline_s:
                    why = (error.strerror or str(error)).lower()
                    raise OSError(error.errno, f"{host or '*'}:{port}: {why}") from None
                await asyncio.sleep(_AGAIN_S)
            else:
                return made


def _context(tls: Tls) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        made.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:  # ssl.SSLError is one
        raise OSError(f"{tls.certificate} with {tls.key}: expected a certificate and its key in PEM: {error}") from None
    if tls.client_ca is not None:
        try:
            made.load_verify_locations(tls.client_ca)
        except OSError as error:
            raise OSError(f"{tls.client_ca}: expected certificates in PEM: {error}") from None
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def _allow_files() -> int:
    """Raise the limit of open files as far as this process may; returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(_WANTED_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _WANTED_FILES if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted
